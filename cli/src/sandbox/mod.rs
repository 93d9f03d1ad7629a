//! A small AWS on loopback ports: an STS that verifies signatures, and an instance with a role.

mod account;
mod environment;
mod server;
mod sts;

#[cfg(unix)]
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

use keyfob_imds::server::Imds;
use keyfob_sigv4::Timestamp;

pub(crate) use self::environment::Environment;
use self::{
    account::{ACCOUNT_ID, Account, INSTANCE_ID, INSTANCE_ROLE, Principal},
    server::Server,
    sts::Sts,
};
use crate::failure::Failure;

/// How long the credentials of the instance's role last.
const ROLE_SECONDS: i64 = 3600;

/// A running sandbox. It ends when it is dropped, and takes its files with it.
#[derive(Debug)]
pub(crate) struct Sandbox {
    account: Arc<Account>,
    sts: Server,
    imds: Imds,
    files: tempfile::TempDir,
}

impl Sandbox {
    /// Starts the sandbox; STS listens on `port`, or for 0 on any free one, and throttles the first calls.
    ///
    /// # Errors
    ///
    /// When a port is taken, or when there is nowhere to put temporary files.
    pub(crate) async fn start(port: u16, throttled: u32) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::other(format!("cannot start the sandbox: {error}"));
        let account = Account::new().map_err(|error| Failure::other(error.to_string()))?;
        let account = Arc::new(account);
        let service = Sts::new(Arc::clone(&account), throttled);
        let handler =
            Arc::new(move |head: &_, body: &_| service.answer(head, body, Timestamp::now()));
        Ok(Self {
            sts: Server::bind(port, handler).await.map_err(failed)?,
            imds: instance(&account)
                .await
                .map_err(io::Error::other)
                .map_err(failed)?,
            files: files(&account).map_err(failed)?,
            account,
        })
    }

    /// What points a program at this sandbox.
    pub(crate) fn environment(&self) -> Environment {
        Environment::new(
            &self.sts.url(),
            // Version 2 of `aws` joins paths to it without a slash of its own.
            &format!("{}/", self.imds.endpoint()),
            self.files.path(),
            self.account.user(),
        )
    }
}

/// The instance that the sandbox is: each time it is asked, its role gets new credentials.
async fn instance(account: &Arc<Account>) -> Result<Imds, keyfob_imds::Error> {
    let account = Arc::clone(account);
    Imds::builder()
        .role(INSTANCE_ROLE)?
        .item("meta-data/instance-id", INSTANCE_ID)
        .credentials_from(move || {
            let role = Principal::Role {
                name: INSTANCE_ROLE.to_owned(),
                session: INSTANCE_ID.to_owned(),
            };
            let expiry = Timestamp::now().plus_seconds(ROLE_SECONDS);
            std::future::ready(account.issue(role, expiry))
        })
        .start()
        .await
}

/// The files of the sandbox: the user's key, and a role that the user may take on.
fn files(account: &Account) -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("keyfob-sandbox-");
    #[cfg(unix)]
    builder.permissions(fs::Permissions::from_mode(0o700));
    let folder = builder.tempdir()?;
    let user = account.user();
    write_private(
        &folder.path().join("credentials"),
        &format!(
            "[{}]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            account::USER,
            user.access_key_id(),
            user.secret_access_key().expose(),
        ),
    )?;
    write_private(
        &folder.path().join("config"),
        &format!(
            "[profile admin]\nrole_arn = arn:aws:iam::{ACCOUNT_ID}:role/admin\nsource_profile = {}\n",
            account::USER,
        ),
    )?;
    Ok(folder)
}

/// A new file that nobody else can read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}
