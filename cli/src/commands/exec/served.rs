use std::{io, path::PathBuf};

use keyfob_chain::{
    Cached, Chain,
    profiles::{Section, SectionName, Value},
    settings,
};
use keyfob_imds::server::Container;
use tracing::debug;

use crate::{
    commands::{environment::Changes, serve},
    context::Context,
    failure::{Failure, chained},
    private_folder::PrivateFolder,
};

/// The credentials endpoint of a container, and the files of the command that reads it.
#[derive(Debug)]
pub(super) struct Served {
    container: Container,
    config: PathBuf,
    credentials: PathBuf,
    /// Kept for as long as the command runs.
    _files: PrivateFolder,
}

impl Served {
    pub(super) async fn start(context: &Context, chain: Cached<Chain>) -> Result<Self, Failure> {
        serve::forbid_core_dumps();
        let container = Container::builder()
            .credentials_from(serve::credentials(chain))
            .start()
            .await
            .map_err(|error| Failure::other(chained(&error)))?;
        let files = PrivateFolder::create_for_exec();
        let written = files.and_then(|files| {
            let config = files.write("config", &config(context))?;
            let credentials = files.write("credentials", "")?;
            Ok((files, config, credentials))
        });
        let (files, config, credentials) = written.map_err(|error: io::Error| {
            Failure::other(format!("cannot write the files of the command: {error}"))
        })?;
        debug!(url = container.url(), config = %config.display(), "serving");
        Ok(Self {
            container,
            config,
            credentials,
            _files: files,
        })
    }

    /// Points a program at the served credentials. Every SDK asks the files before a container, so
    /// that it gets files without credentials.
    pub(super) fn point_to(&self, changes: &mut Changes) {
        changes.set("AWS_CONFIG_FILE", &self.config);
        changes.set("AWS_SHARED_CREDENTIALS_FILE", &self.credentials);
        changes.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.container.url());
        let token = self.container.token().expose();
        changes.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    }
}

/// Properties by which a profile gets its credentials.
const CREDENTIALS: [settings::SettingKey; 20] = [
    settings::ACCESS_KEY_ID,
    settings::SECRET_ACCESS_KEY,
    settings::SESSION_TOKEN,
    settings::KEY_EXPIRATION,
    settings::PRINCIPAL_ARN,
    settings::ACCOUNT_ID,
    settings::ROLE_ARN,
    settings::SOURCE_PROFILE,
    settings::CREDENTIAL_SOURCE,
    settings::WEB_IDENTITY_TOKEN_FILE,
    settings::ROLE_SESSION_NAME,
    settings::EXTERNAL_ID,
    settings::DURATION_SECONDS,
    settings::MFA_SERIAL,
    settings::SSO_SESSION,
    settings::SSO_START_URL,
    settings::SSO_REGION,
    settings::SSO_ACCOUNT_ID,
    settings::SSO_ROLE_NAME,
    settings::LOGIN_SESSION,
];

/// Returns a config file whose default profile has the settings of the one in use, without its
/// credentials.
fn config(context: &Context) -> String {
    let settings = context.settings();
    let Ok(Some(profile)) = settings.profile() else {
        return String::new();
    };
    let mut text = "[default]\n".to_owned();
    write(&mut text, profile);
    let services = profile.get("services").map(|name| name.as_str().to_owned());
    let services = services.map(SectionName::Services);
    if let Some(Ok(Some(section))) = services.map(|name| settings.files().find(&name)) {
        text += &format!("[services {}]\n", section.name().name());
        write(&mut text, section);
    }
    text
}

fn write(text: &mut String, section: &Section) {
    let is_of_credentials = |name: &str| {
        let mut keys = CREDENTIALS.iter().chain([&settings::CREDENTIAL_PROCESS]);
        keys.any(|key| key.properties.contains(&name))
    };
    for (name, value) in section.iter().filter(|(name, _)| !is_of_credentials(name)) {
        let nested: Vec<(&str, &Value)> = value.entries().collect();
        if nested.is_empty() {
            // The lines after the first are indented, or they would be properties of their own.
            let value = value.as_str().replace('\n', "\n  ");
            *text += &format!("{name} = {value}\n");
            continue;
        }
        *text += &format!("{name} =\n");
        for (name, value) in nested {
            *text += &format!("  {name} = {}\n", value.as_str());
        }
    }
}
