//! The names of local files, as `aws` reads and shows them.

use std::path::{Component, MAIN_SEPARATOR, Path, PathBuf};

/// Returns the absolute path of a word of the command line, without `.` and `..`.
pub(super) fn absolute(word: &str, folder: &Path) -> PathBuf {
    normal(&folder.join(word))
}

/// Resolves `.` and `..` without a look at the file system.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            component => normal.push(component),
        }
    }
    normal
}

/// Returns a path as seen from a folder, both absolute: `./a`, `../b/c`, `d/e`.
pub(super) fn relative(path: &Path, folder: &Path) -> String {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return path.display().to_string();
    };
    let common = parent
        .components()
        .zip(folder.components())
        .take_while(|(one, other)| one == other)
        .count();
    if common == 0 {
        return path.display().to_string();
    }
    let up = folder
        .components()
        .skip(common)
        .map(|_| Component::ParentDir);
    let down = parent.components().skip(common);
    let mut relative: PathBuf = up.chain(down).collect();
    if relative.as_os_str().is_empty() {
        relative.push(".");
    }
    let mut relative = relative.join(name).display().to_string();
    if ends_as_folder(&path.to_string_lossy()) {
        relative.push(MAIN_SEPARATOR);
    }
    relative
}

/// Returns the file below a folder for the end of a key. `None` if the key would lead out of the
/// folder, or is not the name of a file.
pub(super) fn below(folder: &Path, rest: &str) -> Option<PathBuf> {
    if rest.contains('\0') {
        return None;
    }
    let mut path = folder.to_owned();
    let mut depth = 0_usize;
    for name in rest.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                depth = depth.checked_sub(1)?;
                path.pop();
            }
            name => {
                // Windows reads these as drives, streams and separators.
                if cfg!(windows) && name.contains(['\\', ':']) {
                    return None;
                }
                depth += 1;
                path.push(name);
            }
        }
    }
    if rest.ends_with('/') {
        // It is the name of a folder, which no file can have.
        path.push("");
    }
    (depth > 0).then_some(path)
}

/// Returns true if the file for the end of a key is found under this name in its folder.
pub(super) fn is_plain(rest: &str) -> bool {
    rest.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// Returns true if a word names a folder by its end.
pub(super) fn ends_as_folder(word: &str) -> bool {
    word.ends_with(MAIN_SEPARATOR) || word.ends_with('/')
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_from_the_working_folder() {
        let folder = Path::new("/home/ada");
        for (word, shown) in [
            ("a", "./a"),
            ("./x/../a", "./a"),
            ("d/e", "d/e"),
            ("../b/c", "../b/c"),
            ("/tmp/f", "../../tmp/f"),
        ] {
            assert_eq!(relative(&absolute(word, folder), folder), shown, "{word}");
        }
    }

    #[test]
    fn a_key_cannot_lead_out_of_the_folder() {
        let at = |rest| below(Path::new("/t"), rest).map(|path| path.display().to_string());
        for (rest, path) in [
            ("a", Some("/t/a")),
            ("a/b", Some("/t/a/b")),
            ("/a", Some("/t/a")),
            ("//etc//passwd", Some("/t/etc/passwd")),
            ("a/b/", Some("/t/a/b/")),
            ("a/./b", Some("/t/a/b")),
            ("a/../b", Some("/t/b")),
            ("..", None),
            ("../a", None),
            ("a/../../b", None),
            ("a/../../t/b", None),
            ("a/..", None),
            ("a\0b", None),
            ("", None),
            ("/", None),
        ] {
            assert_eq!(at(rest).as_deref(), path, "{rest:?}");
        }
    }
}
