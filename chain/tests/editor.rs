//! The editor on real files, and compared with the parser.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{fs, path::Path};

use keyfob_chain::profiles::{ConfigFiles, Editor, FileKind, SectionName};

fn set(path: &Path, profile: &str, name: &str, value: &str) {
    let mut editor = Editor::new(FileKind::Config, path);
    let section = SectionName::profile(profile);
    editor.set(&section, name, value).unwrap().save().unwrap();
}

fn get(profiles: &ConfigFiles, profile: &str, name: &str) -> Option<String> {
    let section = profiles.profile(profile).ok()?;
    Some(section.get(name)?.as_str().to_owned())
}

/// Random numbers (xorshift) that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    /// Returns a text that looks more or less like a configuration file.
    fn file(&mut self) -> Vec<u8> {
        const PIECES: [&str; 35] = [
            "[default]",
            "[profile dev]",
            "[profile 'a b']",
            "[dev]",
            "[ profile dev ]",
            "[profile default]",
            "[sso-session dev]",
            "[unclosed",
            "[]",
            "region = a",
            "Region=b # c",
            "region",
            "s3 =",
            "  k = v",
            "\tj=w",
            "  noequals",
            "# comment",
            "; comment",
            "",
            "",
            " ",
            "= v",
            "x = \u{e9}\u{2028}",
            "x = [y]",
            "aws_secret_access_key = abc/def==",
            "\u{feff}",
            "\0",
            "a b = c",
            "output =",
            " [profile dev]",
            "    region = d",
            "  output = e # c",
            "    # comment",
            "        deeper = f",
            " ;",
        ];
        let mut text = Vec::new();
        for _ in 0..self.next(14) {
            text.extend(self.pick(&PIECES).bytes());
            if self.next(40) == 0 {
                text.push(0xff);
            }
            text.extend(self.pick(&["\n", "\n", "\n", "\r\n", "\n\n"]).bytes());
        }
        if self.next(3) == 0 {
            text.pop();
        }
        text
    }
}

fn read(text: &[u8]) -> ConfigFiles {
    ConfigFiles::parse([(FileKind::Config, "config", text)])
}

/// Returns what the parser reads from a text, without one property.
fn all_but(profiles: &ConfigFiles, section: &SectionName, property: &str) -> Vec<String> {
    let mut all = Vec::new();
    for found in profiles.sections() {
        for (name, value) in found
            .iter()
            .filter(|(name, _)| found.name() != section || *name != property)
        {
            let nested: Vec<_> = value.entries().map(|(n, v)| (n, v.as_str())).collect();
            all.push(format!(
                "{} {name} {:?} {nested:?}",
                found.name(),
                value.as_str()
            ));
        }
    }
    all.sort();
    all
}

#[test]
fn in_any_file_a_new_value_is_read_back_and_nothing_else_changes() {
    let mut numbers = Numbers(0x5eed_cafe_f00d_1234);
    for _ in 0..8_000 {
        let text = numbers.file();
        let section = match numbers.next(4) {
            0 => SectionName::profile("default"),
            1 => SectionName::profile("dev"),
            2 => SectionName::profile("a b"),
            _ => SectionName::SsoSession("dev".to_owned()),
        };
        let name = numbers.pick(&["region", "x", "output", "new"]);
        let value = numbers.pick(&["v", "", "a#b", "a = b", "[c]", "\u{e9}"]);
        let mut editor = Editor::new(FileKind::Config, "config");
        let edited = editor
            .set(&section, name, value)
            .unwrap()
            .apply(&text)
            .unwrap();
        let shown = String::from_utf8_lossy(&text);
        let (before, after) = (read(&text), read(&edited));
        let found = after
            .sections()
            .find(|found| *found.name() == section)
            .unwrap();
        assert_eq!(found.get(name).unwrap().as_str(), value, "{shown:?}");
        assert_eq!(
            all_but(&before, &section, name),
            all_but(&after, &section, name),
            "{shown:?}"
        );
        // After the removal, every line of other properties is still there, in order.
        let mut editor = Editor::new(FileKind::Config, "config");
        let removed = editor
            .remove(&section, name)
            .unwrap()
            .apply(&edited)
            .unwrap();
        let gone = read(&removed);
        let found = gone.sections().find(|found| *found.name() == section);
        assert!(
            found.is_none_or(|found| found.get(name).is_none()),
            "{shown:?}"
        );
        let mut edited = edited.split_inclusive(|byte| *byte == b'\n');
        for line in removed.split_inclusive(|byte| *byte == b'\n') {
            assert!(edited.any(|kept| kept == line), "{shown:?}");
        }
    }
}

#[test]
fn a_header_in_latin_1_ends_the_section_before_it() {
    let text = b"[default]\nregion = a # \xfc\n# M\xfcller\n[profile M\xfcller]\nregion = b\naws_access_key_id = X\n";
    let profiles = read(text);
    assert_eq!(get(&profiles, "default", "region").as_deref(), Some("a"));
    assert!(
        profiles
            .profile("default")
            .unwrap()
            .get("aws_access_key_id")
            .is_none()
    );
    let mut editor = Editor::new(FileKind::Config, "config");
    let default = SectionName::profile("default");
    let edited = editor
        .set(&default, "region", "b")
        .unwrap()
        .set(&default, "output", "json")
        .unwrap()
        .apply(text)
        .unwrap();
    let wanted = b"[default]\nregion = b # \xfc\noutput = json\n# M\xfcller\n[profile M\xfcller]\nregion = b\naws_access_key_id = X\n";
    assert_eq!(edited, wanted);
}

#[test]
fn any_bytes_are_read_without_a_panic() {
    let mut numbers = Numbers(42);
    for length in 0..3000 {
        let bytes: Vec<u8> = (0..length % 97).map(|_| numbers.next(256) as u8).collect();
        for kind in [FileKind::Config, FileKind::Credentials] {
            let profiles = ConfigFiles::parse([(kind, "file", &bytes[..])]);
            assert!(
                profiles
                    .problems()
                    .iter()
                    .all(|problem| !problem.to_string().is_empty())
            );
        }
    }
}

#[test]
fn a_nested_property_is_removed_and_its_siblings_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = "[default]\ns3 =\n  k = 1\n  # about j\n  j = 2\n";
    fs::write(&path, text).unwrap();
    let default = SectionName::profile("default");
    let mut editor = Editor::new(FileKind::Config, &path);
    editor.remove_nested(&default, "s3", "k").unwrap();
    editor.remove_nested(&default, "s3", "missing").unwrap();
    assert!(editor.save().unwrap().changed);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, "[default]\ns3 =\n  # about j\n  j = 2\n");
    assert!(editor.remove_nested(&default, "s3", "a b").is_err());
}

#[test]
fn nothing_is_written_if_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    set(&path, "dev", "region", "a");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    let dev = SectionName::profile("dev");
    let mut editor = Editor::new(FileKind::Config, &path);
    let saved = editor
        .set(&dev, "region", "a")
        .unwrap()
        .remove(&dev, "none")
        .unwrap()
        .save()
        .unwrap();
    assert!(!saved.changed && !saved.created);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use keyfob_chain::ErrorKind;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn new_files_and_folders_are_private_and_old_modes_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".aws/credentials");
        let section = SectionName::profile("default");
        let mut editor = Editor::new(FileKind::Credentials, &path);
        editor
            .set(&section, "aws_access_key_id", "AKIDEXAMPLE")
            .unwrap();
        let saved = editor.save().unwrap();
        assert!(saved.created && !saved.open_to_others);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        editor
            .set(&section, "aws_secret_access_key", "secret")
            .unwrap();
        assert!(editor.save().unwrap().open_to_others);
        assert_eq!(mode(&path), 0o644);
    }

    #[test]
    fn a_symbolic_link_stays_one_and_its_target_is_written() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("dotfiles")).unwrap();
        let (link, target) = (
            folder.path().join("config"),
            folder.path().join("dotfiles/aws"),
        );
        symlink("dotfiles/aws", &link).unwrap();
        set(&link, "dev", "region", "a");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::read_to_string(&target).unwrap(),
            "[profile dev]\nregion = a\n"
        );
    }

    #[test]
    fn anything_but_a_regular_file_is_left_alone() {
        let mut editor = Editor::new(FileKind::Config, "/dev/null");
        let dev = SectionName::profile("dev");
        let error = editor.set(&dev, "region", "a").unwrap().save().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Write);
        let folder = tempfile::tempdir().unwrap();
        let mut editor = Editor::new(FileKind::Config, folder.path());
        assert!(editor.set(&dev, "region", "a").unwrap().save().is_err());
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        symlink(&a, &b).unwrap();
        symlink(&b, &a).unwrap();
        let mut editor = Editor::new(FileKind::Config, &a);
        assert!(editor.set(&dev, "region", "a").unwrap().save().is_err());
    }
}
