use std::{collections::HashSet, ffi::OsStr, fs, path::Path};

use crate::args::CaseConflict;

/// Finds the downloads of a command that would be the same file as another one where the file
/// system does not tell lower case from upper case.
#[derive(Debug)]
pub(super) struct Cases {
    answer: CaseConflict,
    /// The paths of the downloads below the source, in lower case.
    begun: HashSet<String>,
}

impl Cases {
    pub(super) fn new(answer: CaseConflict) -> Self {
        Self {
            answer,
            begun: HashSet::new(),
        }
    }

    /// Returns what is to be done with a download, if its file is that of another one, or one that
    /// is there under a name in other case. `rest` is its path below the source.
    pub(super) fn conflict(&mut self, rest: &str, path: &Path) -> Option<CaseConflict> {
        if self.answer == CaseConflict::Ignore {
            return None;
        }
        let is_new = self.begun.insert(rest.to_lowercase());
        (!is_new || has_other_name(path)).then_some(self.answer)
    }
}

/// Returns true if there is a file at a path, and its folder has it in other case. Links may have
/// any name. Linux does not tell the name.
fn has_other_name(path: &Path) -> bool {
    let is_link = |path: &Path| fs::symlink_metadata(path).map(|found| found.is_symlink());
    if cfg!(target_os = "linux") || !matches!(is_link(path), Ok(false)) {
        return false;
    }
    fs::canonicalize(path).is_ok_and(|found| differ_by_case(found.file_name(), path.file_name()))
}

fn differ_by_case(one: Option<&OsStr>, other: Option<&OsStr>) -> bool {
    let lower = |name: Option<&OsStr>| name.map(|name| name.to_string_lossy().to_lowercase());
    one != other && lower(one) == lower(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_conflicts_with_one_of_the_same_name_in_other_case() {
        let mut cases = Cases::new(CaseConflict::Skip);
        let mut conflict =
            |rest: &str| cases.conflict(rest, Path::new("/none").join(rest).as_path());
        assert_eq!(conflict("d/A.txt"), None);
        assert_eq!(conflict("D/b.txt"), None);
        assert_eq!(conflict("a.txt"), None);
        assert_eq!(conflict("D/a.TXT"), Some(CaseConflict::Skip));
        assert_eq!(conflict("É"), None);
        assert_eq!(conflict("é"), Some(CaseConflict::Skip));
        let mut cases = Cases::new(CaseConflict::Ignore);
        let mut conflict = |rest: &str| cases.conflict(rest, Path::new("/none"));
        assert_eq!([conflict("a"), conflict("A")], [None, None]);
    }

    #[test]
    fn names_differ_by_case_only_if_nothing_else_differs() {
        let differ =
            |one: &str, other: &str| differ_by_case(Some(one.as_ref()), Some(other.as_ref()));
        assert!(differ("a.TXT", "A.txt"));
        assert!(!differ("a", "a"));
        assert!(!differ("a", "b"));
    }
}
