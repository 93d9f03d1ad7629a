use keyfob_chain::{
    Region,
    profiles::{FileKind, Section, SectionName},
    settings::LOGIN_SESSION,
    shell,
};

use crate::{
    context::{Context, ProfileCredentials},
    failure::Failure,
    terminal::{Prompt, printable},
};

/// The property of a profile with the ARN of its login.
const PROPERTY: &str = LOGIN_SESSION.properties[0];
/// The properties that a profile may have beside its login. An SSO session alone is for services
/// that take its token.
const OWN: [&str; 2] = [PROPERTY, "sso_session"];

/// The profile that is about to use a login, which may not exist yet.
pub(super) struct Profile<'a> {
    section: SectionName,
    found: Option<&'a Section>,
    /// The ARN of the login that it uses so far.
    pub(super) session: Option<&'a str>,
}

impl<'a> Profile<'a> {
    /// Reads the profile of the settings.
    ///
    /// # Errors
    ///
    /// If the profile cannot be read, or if the config file cannot have it.
    pub(super) fn new(context: &'a Context) -> Result<Self, Failure> {
        let settings = context.settings();
        let section = SectionName::profile(settings.profile_name());
        let mut editor = context.editor(FileKind::Config)?;
        editor.set(&section, PROPERTY, "")?;
        let found = settings.files().find(&section)?;
        let get = |name: &str| found.and_then(|found| found.get(name)?.non_empty());
        Ok(Self {
            session: get(PROPERTY),
            section,
            found,
        })
    }

    pub(super) fn name(&self) -> &str {
        self.section.name()
    }

    /// Fails if the profile has credentials of another kind, which could come before those of the
    /// login. One that has a login as well was made so by hand.
    ///
    /// # Errors
    ///
    /// If it has.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.session.is_some() {
            return Ok(());
        }
        let found = self.found;
        let other = found.and_then(|found| ProfileCredentials::besides(&OWN, found));
        let Some(ProfileCredentials { kind, .. }) = other else {
            return Ok(());
        };
        let name = printable(self.name());
        Err(Failure::configuration(format!(
            "profile \"{name}\" is already configured with {kind} credentials"
        ))
        .with_hint("`keyfob login --profile NAME` makes a new profile with that name")
        .with_hint(format!(
            "or remove the credentials of profile \"{name}\" from the files first"
        )))
    }

    /// Asks before another login takes the place of the one that the profile uses.
    ///
    /// # Errors
    ///
    /// If there is no terminal.
    pub(super) async fn may_change_to(
        &self,
        context: &Context,
        session: &str,
    ) -> Result<bool, Failure> {
        let Some(old) = self.session.filter(|old| *old != session) else {
            return Ok(true);
        };
        let name = printable(self.name());
        // Anything else may be a secret in the wrong place.
        let old = if old.starts_with("arn:") {
            printable(old)
        } else {
            "one that is not an ARN".into()
        };
        let console = context.console();
        console.note(&format!(
            "profile \"{name}\" is already configured to use a session: {old}"
        ));
        let prompt = Prompt::new(console, "give another profile with --profile")?;
        let question = format!(
            "Do you want to overwrite it to use {} instead? (y/n)",
            printable(session)
        );
        let check = |answer: &str| match answer {
            "y" | "n" => Ok(()),
            _ => Err("type y or n".to_owned()),
        };
        let answer = prompt.line(&question, Some("n"), check).await?;
        Ok(answer.as_deref() == Some("y"))
    }

    /// Sets the login of the profile, and a region.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn save(
        &self,
        context: &Context,
        session: &str,
        region: Option<&Region>,
    ) -> Result<(), Failure> {
        let mut editor = context.editor(FileKind::Config)?;
        editor.set(&self.section, PROPERTY, session)?;
        if let Some(region) = region {
            editor.set(&self.section, "region", region.name())?;
        }
        context.save(&editor)
    }

    /// The lines of `aws`.
    pub(super) fn report(&self, session: &str) -> String {
        let name = self.name();
        let mut text = format!(
            "\nUpdated profile {} to use {} credentials.\n",
            printable(name),
            printable(session)
        );
        if name != "default" {
            let option = shell::option("--profile", name);
            text += &format!(
                "Use \"{option}\" to use the new credentials, such as \"keyfob sts \
                 get-caller-identity {option}\"\n"
            );
        }
        text
    }
}
