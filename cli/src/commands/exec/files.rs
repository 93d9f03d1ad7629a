use std::{io, path::PathBuf};

use keyfob_chain::{
    profiles::{Section, SectionName, Value},
    settings,
};
use tracing::debug;

use crate::{
    commands::environment::Changes, context::Context, failure::Failure,
    private_folder::PrivateFolder,
};

/// The configuration files of a command, which other users cannot read.
#[derive(Debug)]
pub(super) struct Files {
    config: PathBuf,
    credentials: PathBuf,
    /// Kept for as long as the command runs.
    _folder: PrivateFolder,
}

impl Files {
    /// Writes a config file with the settings in use but for those named, and a file of
    /// credentials.
    pub(super) fn write(
        context: &Context,
        credentials: &str,
        without: &[&str],
    ) -> Result<Self, Failure> {
        let folder = PrivateFolder::create_for_exec();
        let written = folder.and_then(|folder| {
            let config = folder.write("config", &config(context, without))?;
            let credentials = folder.write("credentials", credentials)?;
            debug!(config = %config.display(), "files for the command");
            Ok(Self {
                config,
                credentials,
                _folder: folder,
            })
        });
        written.map_err(|error: io::Error| {
            Failure::other(format!("cannot write the files of the command: {error}"))
        })
    }

    pub(super) fn point_to(&self, changes: &mut Changes) {
        changes.set("AWS_CONFIG_FILE", &self.config);
        changes.set("AWS_SHARED_CREDENTIALS_FILE", &self.credentials);
        // In the place of ~/.boto, whose key botocore takes before it asks a container.
        changes.set("BOTO_CONFIG", &self.credentials);
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
/// credentials, and without the settings of these names.
fn config(context: &Context, without: &[&str]) -> String {
    let settings = context.settings();
    let Ok(Some(profile)) = settings.profile() else {
        return String::new();
    };
    let mut text = "[default]\n".to_owned();
    write(&mut text, profile, without);
    let services = profile.get("services").map(|name| name.as_str().to_owned());
    let services = services.map(SectionName::Services);
    if let Some(Ok(Some(section))) = services.map(|name| settings.files().find(&name)) {
        text += &format!("[services {}]\n", section.name().name());
        write(&mut text, section, without);
    }
    text
}

fn write(text: &mut String, section: &Section, without: &[&str]) {
    let is_of_credentials = |name: &str| {
        let mut keys = CREDENTIALS.iter().chain([&settings::CREDENTIAL_PROCESS]);
        keys.any(|key| key.properties.contains(&name))
    };
    let is_left_out = |name: &str| is_of_credentials(name) || without.contains(&name);
    for (name, value) in section.iter().filter(|(name, _)| !is_left_out(name)) {
        if value.entries().next().is_none() {
            // The lines after the first are indented, or they would be properties of their own.
            let value = value.as_str().replace('\n', "\n  ");
            *text += &format!("{name} = {value}\n");
            continue;
        }
        let nested = value.entries().filter(|(name, _)| !without.contains(name));
        let nested: Vec<(&str, &Value)> = nested.collect();
        if nested.is_empty() {
            // botocore fails where it finds a text instead of a block.
            continue;
        }
        *text += &format!("{name} =\n");
        for (name, value) in nested {
            *text += &format!("  {name} = {}\n", value.as_str());
        }
    }
}
