//! The editor on real files, and compared with the parser.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::{fs, path::Path};

use keyfob_chain::{
    ErrorKind,
    profiles::{ConfigFiles, Editor, FileKind, SectionName},
};

fn set(path: &Path, profile: &str, name: &str, value: &str) {
    let mut editor = Editor::new(FileKind::Config, path);
    let section = SectionName::profile(profile);
    editor.set(&section, name, value).unwrap().save().unwrap();
}

fn get(profiles: &ConfigFiles, profile: &str, name: &str) -> Option<String> {
    let section = profiles.profile(profile).ok()?;
    Some(section.get(name)?.as_str().to_owned())
}

fn read(text: &[u8]) -> ConfigFiles {
    ConfigFiles::parse([(FileKind::Config, "config", text)])
}

#[test]
fn a_section_with_a_damaged_header_in_it_is_not_edited() {
    let prod = SectionName::profile("prod");
    for text in [
        "[prod]\naws_access_key_id = P\ndefault]\naws_access_key_id = D\n",
        "[prod]\naws_access_key_id = P\n[prod\naws_access_key_id = D\n",
        // A new line above it would make it a part of its value.
        "[prod]\n\n [dev]\naws_access_key_id = D\n",
    ] {
        let mut editor = Editor::new(FileKind::Credentials, "credentials");
        editor.set(&prod, "aws_access_key_id", "NEW").unwrap();
        let error = editor.apply(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigFile, "{text}");
        assert!(error.to_string().starts_with("credentials:3: "), "{error}");
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
