use std::path::{Path, PathBuf};

/// Replaces the home folder at the start of a path with `~`.
pub(crate) fn with_tilde(path: &Path, home: Option<&Path>) -> PathBuf {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => Path::new("~").join(rest),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_home_folder_get_a_tilde() {
        let home = Path::new("/home/ada");
        let shown = |path: &str| with_tilde(Path::new(path), Some(home));
        assert_eq!(shown("/home/ada/.aws/config"), Path::new("~/.aws/config"));
        assert_eq!(shown("/home/adam/config"), Path::new("/home/adam/config"));
        assert_eq!(with_tilde(home, None), home);
    }
}
