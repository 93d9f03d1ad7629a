use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    files::{can_write, is_out_of_reach},
    origin::Origin,
    shell,
    variables::{CONFIG_FILE, CREDENTIALS_FILE},
};

/// Changes to a command line and its environment that make a chain skip a provider.
///
/// # Examples
///
/// ```
/// use keyfob_chain::Skip;
///
/// let skip = Skip::unset(["VAULT_ADDR", "VAULT_TOKEN"]);
/// assert_eq!(skip.unset, ["VAULT_ADDR", "VAULT_TOKEN"]);
/// assert!(skip.set.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skip {
    /// Variables to remove.
    pub unset: Vec<String>,
    /// Variables to set, as pairs of name and value.
    pub set: Vec<(String, String)>,
    /// Arguments to leave out, such as `--profile dev`.
    pub without: Vec<String>,
}

/// How a masked provider can be used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selection {
    /// By [skipping](crate::Provider::skip) the providers before it.
    #[default]
    BySkipping,
    /// By an argument of the program, such as `--profile dev`.
    ByArgument(String),
    /// Not at all: it needs a provider that masks it.
    Impossible,
}

impl Skip {
    /// Skips a provider by removing variables.
    pub fn unset(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let mut skip = Self::default();
        add(&mut skip.unset, names.into_iter().map(Into::into).collect());
        skip
    }

    /// Skips a provider by setting one variable.
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            set: vec![(name.into(), value.into())],
            ..Self::default()
        }
    }

    /// Skips a provider by leaving out an argument.
    pub fn without(argument: impl Into<String>) -> Self {
        Self {
            without: vec![argument.into()],
            ..Self::default()
        }
    }

    /// Combines the changes of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        add(&mut self.unset, other.unset);
        add(&mut self.set, other.set);
        add(&mut self.without, other.without);
        self
    }

    /// Returns true if another file takes the place of a configuration file.
    pub(crate) fn hides_files(&self) -> bool {
        let mut names = self.set.iter().map(|(name, _)| name.as_str());
        names.any(|name| [CONFIG_FILE, CREDENTIALS_FILE].contains(&name))
    }

    /// Returns the command line that makes the changes: `env -u A B=c COMMAND`. An argument to
    /// leave out is a comment, because it is part of the user's `COMMAND`.
    pub(crate) fn command(&self) -> String {
        // POSIX `env` takes options before assignments.
        let unset = self.unset.iter().map(|name| format!("-u {name} "));
        let set = self
            .set
            .iter()
            .map(|(name, value)| format!("{name}={value} "));
        let mut command: String = unset.chain(set).collect();
        if !command.is_empty() {
            command.insert_str(0, "env ");
        }
        command.push_str("COMMAND");
        for argument in &self.without {
            // A comment ends with its line, and what follows would be run.
            command.push_str("  # without ");
            command.push_str(&argument.replace('\n', "\\n"));
        }
        command
    }
}

/// How the command line starts that removes a setting of a profile.
const UNSET: &str = "keyfob configure unset ";

/// Returns the command line that removes a setting of a profile.
pub(crate) fn unset(name: &str, profile: &str) -> String {
    let option = shell::option("--profile", profile);
    format!("{UNSET}{name} {option}")
}

/// Returns true if a cure removes a setting of a file that this user cannot write.
pub(crate) fn is_refused(cure: &str, origin: &Origin) -> bool {
    match origin {
        Origin::File { file, .. } => cure.starts_with(UNSET) && file.exists() && !can_write(file),
        _ => false,
    }
}

/// Returns the command line without a setting: without its variable, or after it is removed from
/// its file. A setting in a block, such as `s3.addressing_style`, has none, and neither has one of
/// a file that this user cannot write.
pub(crate) fn left_out(name: &str, origin: &Origin) -> Option<String> {
    match origin {
        Origin::Environment { variables } => Some(Skip::unset(variables).command()),
        Origin::File { section, .. } if !name.contains('.') => {
            Some(unset(name, section)).filter(|cure| !is_refused(cure, origin))
        }
        _ => None,
    }
}

/// Returns the command line with which a user changes what has this origin: without the variables,
/// or in an editor, unless the file is one that this user cannot change.
pub(crate) fn for_origin(origin: &Origin) -> Option<String> {
    match origin {
        Origin::Environment { variables } => Some(Skip::unset(variables).command()),
        Origin::File { file, .. } => (!is_out_of_reach(file)).then(|| shell::editor(file)),
        // What it prints is not known here, only where it is named.
        Origin::Process { named_in } => for_origin(named_in),
        _ => None,
    }
}

/// What keeps a file from being read.
enum Obstacle {
    /// A link to nothing, or one of a loop.
    Link(PathBuf),
    /// A folder that cannot be entered, or a file that cannot be read, because of its mode.
    Rights(PathBuf, fs::Metadata),
    /// Something else that has the place of the file.
    Place,
}

/// Returns the first thing that is in the way to a file, or in its place.
fn obstacle(file: &Path, links: usize) -> Obstacle {
    let mut above: Option<PathBuf> = None;
    let mut parts: Vec<_> = file.ancestors().collect();
    parts.retain(|part| !part.as_os_str().is_empty());
    for part in parts.into_iter().rev() {
        match fs::metadata(part) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                // A link may lead to a folder that cannot be entered.
                if let (Ok(target), 1..) = (fs::read_link(part), links) {
                    let folder = part.parent().unwrap_or(part);
                    return obstacle(&folder.join(target), links - 1);
                }
                let folder = above.unwrap_or_else(|| PathBuf::from("."));
                return match fs::metadata(&folder) {
                    Ok(metadata) => Obstacle::Rights(folder, metadata),
                    Err(_) => Obstacle::Place,
                };
            }
            Err(_) if fs::read_link(part).is_ok() => return Obstacle::Link(part.to_owned()),
            Err(_) => return Obstacle::Place,
        }
        above = Some(part.to_owned());
    }
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => Obstacle::Rights(file.to_owned(), metadata),
        _ => Obstacle::Place,
    }
}

/// Returns the command line after which a configuration file that could not be read is no longer in
/// the way: it can be read, it is moved aside, or it is not looked for. `variable` names the file,
/// or could.
pub(crate) fn for_unreadable(
    file: &Path,
    kind: io::ErrorKind,
    variable: &'static str,
    is_named: bool,
    home: Option<&Path>,
) -> String {
    let not_looked_for = || {
        let change = if is_named {
            Skip::unset([variable])
        } else {
            Skip::set(variable, "/dev/null")
        };
        change.command()
    };
    match obstacle(file, MAX_LINKS) {
        Obstacle::Link(link) => format!("rm {}", shell::path(&link)),
        Obstacle::Rights(path, metadata) if kind == io::ErrorKind::PermissionDenied => {
            with_rights(&path, &metadata, home).unwrap_or_else(not_looked_for)
        }
        // A file with contents stays where it is.
        Obstacle::Rights(..) => not_looked_for(),
        Obstacle::Place if is_named => not_looked_for(),
        Obstacle::Place => match free_name(file) {
            Some(aside) => format!("mv -n {} {}", shell::path(file), shell::path(&aside)),
            None => not_looked_for(),
        },
    }
}

/// Returns a name beside a file that nothing has.
fn free_name(file: &Path) -> Option<PathBuf> {
    let names = [".old", ".old2", ".old3", ".old4"].map(|ending| {
        let mut name = file.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    });
    let is_free = |path: &PathBuf| {
        fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    };
    names.into_iter().find(is_free)
}

/// How many links may lead to a file.
const MAX_LINKS: usize = 40;

/// Returns the command that gives this user the right to a file, or to the folder above it. Only
/// what belongs to this user, or is in the user's own home folder, may be changed.
#[cfg(unix)]
fn with_rights(path: &Path, metadata: &fs::Metadata, home: Option<&Path>) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;

    let user = rustix::process::geteuid().as_raw();
    if metadata.uid() == user {
        let rights = if metadata.is_dir() { "rwx" } else { "rw" };
        return Some(format!("chmod u+{rights} {}", shell::path(path)));
    }
    // Of a link, `chown -R` would change the link alone.
    let home = home?;
    let (place, real_home) = (fs::canonicalize(path).ok()?, fs::canonicalize(home).ok()?);
    let inner = place.strip_prefix(&real_home).ok()?;
    let is_own_home = fs::metadata(home).is_ok_and(|home| home.uid() == user);
    let is_inside = !inner.as_os_str().is_empty() && is_own_home;
    is_inside.then(|| format!("sudo chown -R {user} {}", shell::path(&home.join(inner))))
}

#[cfg(not(unix))]
fn with_rights(_path: &Path, _metadata: &fs::Metadata, _home: Option<&Path>) -> Option<String> {
    None
}

/// Adds what is not there yet.
fn add<T: PartialEq>(all: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !all.contains(&item) {
            all.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn only_what_is_below_the_home_folder_is_taken_over() {
        use std::os::unix::fs::{chown, symlink};

        let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (file, link) = (home.path().join("file"), home.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink("file", &link).unwrap();
        if chown(&file, Some(1234), Some(1234)).is_err() {
            println!("only root can give a file away: nothing is tested");
            return;
        }
        let metadata = fs::metadata(&file).unwrap();
        let user = rustix::process::geteuid().as_raw();
        let cure = |path: &Path, home: &Path| with_rights(path, &metadata, Some(home));
        let wanted = format!("sudo chown -R {user} {}", shell::path(&file));
        assert_eq!(cure(&file, home.path()).as_deref(), Some(&*wanted));
        assert_eq!(cure(&link, home.path()).as_deref(), Some(&*wanted));
        assert_eq!(cure(&file, other.path()), None);
        assert_eq!(with_rights(home.path(), &metadata, Some(home.path())), None);
        assert_eq!(with_rights(&file, &metadata, None), None);
    }

    #[test]
    fn an_argument_to_leave_out_is_a_comment_after_the_command() {
        let skip = Skip::without("--profile dev").and(Skip::unset(["A", "A"]));
        assert_eq!(skip.command(), "env -u A COMMAND  # without --profile dev");
        let skip = Skip::without("--profile dev");
        assert_eq!(skip.command(), "COMMAND  # without --profile dev");
        let skip = Skip::without("--profile 'a\nb\n'");
        assert_eq!(skip.command(), r"COMMAND  # without --profile 'a\nb\n'");
        assert_eq!(
            Skip::unset(["A", "B", "A"]).command(),
            "env -u A -u B COMMAND"
        );
    }
}
