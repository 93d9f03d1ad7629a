//! JavaScript programs of others, installed under `target/jstools` with npm.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::keyfob::{Home, Run};

/// A SAML identity provider that signs, an OIDC provider, and providers of credentials of the SDK.
/// `samlp` of the registry takes the place of a fork that is only in a Git repository.
const PACKAGE: &str = r#"{
  "private": true,
  "dependencies": {
    "@aws-sdk/credential-provider-login": "3.972.93",
    "@aws-sdk/credential-provider-process": "3.972.86",
    "@aws-sdk/credential-provider-sso": "3.973.30",
    "oauth2-mock-server": "8.2.3",
    "saml-idp": "1.2.1"
  },
  "overrides": {"samlp": "7.1.1"}
}
"#;

/// The default chain of the SDK.
const CHAIN: &str = r#"{
  "private": true,
  "dependencies": {"@aws-sdk/credential-provider-node": "3.972.99"}
}
"#;

/// Clients of the SDK, for services of three protocols.
const CLIENTS: &str = r#"{
  "private": true,
  "dependencies": {
    "@aws-sdk/client-dynamodb": "3.1169.0",
    "@aws-sdk/client-s3": "3.1175.0",
    "@aws-sdk/client-sts": "3.1177.0"
  }
}
"#;

/// The shell Nushell, a program that npm only unpacks.
const SHELLS: &str = r#"{"private": true, "dependencies": {"@nushell/linux-x64": "0.115.1"}}"#;

/// Prints the key id that a provider of the SDK gets: FOLDER PROVIDER PROFILE ENDPOINT.
const READER: &str = r#"
const [folder, provider, profile, endpoint] = process.argv.slice(1);
const load = require("node:module").createRequire(folder + "/");
const all = load("@aws-sdk/credential-provider-" + provider);
const from = { login: "fromLoginCredentials", process: "fromProcess", sso: "fromSSO" }[provider];
all[from]({ profile, clientConfig: { endpoint } })().then(
  (found) => console.log(found.accessKeyId),
  (error) => { console.error(error); process.exit(1); },
);
"#;

/// Returns the key id that `credential-provider-PROVIDER` of the SDK gets for a profile, with its
/// services at this URL. `None` without npm.
#[track_caller]
pub(crate) fn key_id(home: &Home, provider: &str, profile: &str, url: &str) -> Option<String> {
    let mut node: Command = home.program("node");
    node.args(["-e", READER]).arg(packages()?);
    let run = Run::new(node.args([provider, profile, url]).output().unwrap());
    Some(run.ok().trim_end().to_owned())
}

/// Returns the folder with `node_modules`, which is installed on first use. `None` without npm.
pub(crate) fn packages() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| install("cli", PACKAGE)).as_deref()
}

/// Returns the folder with the default chain of the SDK, installed in the same way.
pub(crate) fn chain() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(|| install("chain", CHAIN)).as_deref()
}

/// Returns the folder with clients of the SDK, installed in the same way.
pub(crate) fn clients() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER
        .get_or_init(|| install("clients", CLIENTS))
        .as_deref()
}

/// Returns the program of Nushell, installed in the same way. `None` also on other processors.
pub(crate) fn nushell() -> Option<PathBuf> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || cfg!(target_arch = "x86_64").then(|| install("shells", SHELLS))?;
    let folder = FOLDER.get_or_init(install).as_ref()?;
    Some(folder.join("node_modules/@nushell/linux-x64/bin/nu"))
}

fn install(name: &str, package: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("jstools").join(name);
    let done = folder.join("installed.txt");
    if fs::read_to_string(&done).is_ok_and(|text| text == package) {
        return Some(folder);
    }
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("package.json"), package).unwrap();
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--silent"])
        .arg("--ignore-scripts")
        .current_dir(&folder)
        .status();
    let installed = installed.ok()?;
    assert!(installed.success(), "npm needs its registry the first time");
    fs::write(done, package).unwrap();
    Some(folder)
}
