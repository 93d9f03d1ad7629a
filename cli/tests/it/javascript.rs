//! JavaScript programs of others, installed under `target/jstools` with npm.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// A SAML identity provider that signs, an OIDC provider, and the reader of logins of the SDK.
/// `samlp` of the registry takes the place of a fork that is only in a Git repository.
const PACKAGE: &str = r#"{
  "private": true,
  "dependencies": {
    "@aws-sdk/credential-provider-login": "3.972.93",
    "oauth2-mock-server": "8.2.3",
    "saml-idp": "1.2.1"
  },
  "overrides": {"samlp": "7.1.1"}
}
"#;

/// Returns the folder with `node_modules`, which is installed on first use. `None` without npm.
pub(crate) fn packages() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("jstools").join("cli");
    let done = folder.join("installed.txt");
    if fs::read_to_string(&done).is_ok_and(|text| text == PACKAGE) {
        return Some(folder);
    }
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("package.json"), PACKAGE).unwrap();
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent"])
        .arg("--ignore-scripts")
        .current_dir(&folder)
        .status();
    let installed = installed.ok()?;
    assert!(installed.success(), "npm needs its registry the first time");
    fs::write(done, PACKAGE).unwrap();
    Some(folder)
}
