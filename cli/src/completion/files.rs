use std::{
    ffi::OsStr,
    fs,
    path::{MAIN_SEPARATOR, Path, PathBuf},
};

use super::Candidate;

/// Returns the paths that start with a word; those of folders end with a separator.
pub(super) fn paths(word: &str, home: Option<PathBuf>) -> Vec<Candidate> {
    let is_separator = |c: char| c == '/' || c == MAIN_SEPARATOR;
    let (folder, start) = word.split_at(word.rfind(is_separator).map_or(0, |at| at + 1));
    let real = match (folder.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ if folder.is_empty() => PathBuf::from("."),
        _ => PathBuf::from(folder),
    };
    let mut found: Vec<_> = names(&real)
        .filter(|(name, _)| name.starts_with(start))
        // As in shells, a hidden file only for a word that starts like one.
        .filter(|(name, _)| start.starts_with('.') || !name.starts_with('.'))
        .map(|(name, path)| {
            let end = if path.is_dir() { "/" } else { "" };
            Candidate::new(format!("{folder}{name}{end}"), "")
        })
        .collect();
    found.sort_unstable();
    found
}

/// Returns the programs in the folders of `PATH`.
pub(super) fn programs(word: &str, folders: Option<&OsStr>) -> Vec<Candidate> {
    let folders = folders.map(|folders| std::env::split_paths(folders).collect::<Vec<_>>());
    let mut found: Vec<_> = folders
        .unwrap_or_default()
        .iter()
        .flat_map(|folder| names(folder))
        .filter(|(name, path)| name.starts_with(word) && is_program(path))
        .map(|(name, _)| Candidate::new(name, ""))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns the names in a folder that are Unicode, with their paths.
fn names(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
}

fn is_program(path: &Path) -> bool {
    #[cfg(unix)]
    let may_run = |metadata: &fs::Metadata| {
        use std::os::unix::fs::PermissionsExt as _;
        metadata.permissions().mode() & 0o111 != 0
    };
    #[cfg(not(unix))]
    let may_run = |_: &fs::Metadata| path.extension().is_some_and(|end| end == "exe");
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && may_run(&metadata))
}
