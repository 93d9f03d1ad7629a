use keyfob_sigv4::Timestamp;

use super::Key;
use crate::{
    env::Env,
    error::{Error, ErrorKind},
    origin::Origin,
    provider::{BoxFuture, Bypass, Inspection, Outcome, Provider},
    settings::Settings,
};

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
/// The name of the token before 2015. It counts when the new one is not set.
const OLD_TOKEN: &str = "AWS_SECURITY_TOKEN";
const ACCOUNT: &str = "AWS_ACCOUNT_ID";
const EXPIRY: &str = "AWS_CREDENTIAL_EXPIRATION";

/// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and what may come with them: `AWS_SESSION_TOKEN` (or, failing it,
/// `AWS_SECURITY_TOKEN`), `AWS_ACCOUNT_ID`, `AWS_CREDENTIAL_EXPIRATION`.
///
/// Blanks around a value are cut off, and a blank value is not set. One of the two keys without the other is an
/// error, not a reason to use another identity.
#[derive(Clone, Debug)]
pub struct Environment {
    settings: Settings,
    /// Whether a profile that was asked for takes the place of the variables.
    yields_to_profile: bool,
}

impl Environment {
    /// The variables always count, as in the AWS SDKs for Java and Rust.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            yields_to_profile: false,
        }
    }

    /// The variables do not count when the program was told which profile to use
    /// ([`Settings::with_profile`]), as in the AWS CLI. `AWS_PROFILE` does not switch them off.
    #[must_use]
    pub fn yielding_to_profile(mut self) -> Self {
        self.yields_to_profile = true;
        self
    }

    fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        let env = self.settings.env();
        if self.yields_to_profile && self.settings.is_profile_explicit() {
            let name = self.settings.profile_name().escape_debug();
            let why = match env.raw(ID) {
                Some(_) => format!("{ID} is set, and does not count beside --profile \"{name}\""),
                None => format!("not asked, because of --profile \"{name}\""),
            };
            return Ok(Outcome::NotConfigured(why));
        }
        match (text(env, ID)?, text(env, SECRET)?) {
            (Some(id), Some(secret)) => {
                let key = Key {
                    token: text(env, TOKEN)?.or(text(env, OLD_TOKEN)?),
                    account_id: text(env, ACCOUNT)?,
                    expiry: expiry(env, now)?,
                };
                key.credentials(id, secret, origin(env)).map(Outcome::Found)
            }
            (None, None) => Ok(Outcome::NotConfigured(format!("{ID} is {}", env.lack(ID)))),
            (Some(_), None) => Err(partial(env, ID, SECRET)),
            (None, Some(_)) => Err(partial(env, SECRET, ID)),
        }
    }
}

impl Provider for Environment {
    fn name(&self) -> &str {
        "environment variables"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(self.find(now)))
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(self.find(now).map(Into::into)))
    }

    fn bypass(&self) -> Option<Bypass> {
        let old = self.settings.env().text(OLD_TOKEN).map(|_| OLD_TOKEN);
        Some(Bypass::unset([ID, SECRET, TOKEN].into_iter().chain(old)))
    }
}

/// A variable that is set and not blank, or an error when it is no text.
fn text<'a>(env: &'a Env, name: &str) -> Result<Option<&'a str>, Error> {
    match env.raw(name) {
        Some(value) if value.to_str().is_none() => Err(Error::new(
            ErrorKind::InvalidCredentials,
            format!("{name} is not UTF-8: set it again"),
        )),
        _ => Ok(env.text(name)),
    }
}

/// Variables that say themselves that they have ended are no credentials.
fn expiry(env: &Env, now: Timestamp) -> Result<Option<Timestamp>, Error> {
    let Some(text) = text(env, EXPIRY)? else {
        return Ok(None);
    };
    let at: Timestamp = text.parse().map_err(|error| {
        Error::with_source(
            ErrorKind::InvalidSetting,
            format!("{EXPIRY} is no time"),
            error,
        )
    })?;
    if at <= now {
        return Err(Error::new(
            ErrorKind::Expired,
            format!(
                "the key of {ID} ended at {at}, says {EXPIRY}: get a new one, or unset the variables"
            ),
        ));
    }
    Ok(Some(at))
}

/// The variables that took part.
fn origin(env: &Env) -> Origin {
    let token = [TOKEN, OLD_TOKEN]
        .into_iter()
        .find(|name| env.text(name).is_some());
    let variables = [ID, SECRET].into_iter().chain(token);
    Origin::environment(&variables.collect::<Vec<_>>())
}

fn partial(env: &Env, set: &str, missing: &str) -> Error {
    let lack = env.lack(missing);
    Error::new(
        ErrorKind::PartialCredentials,
        format!("{set} is set and {missing} is {lack}: set both or neither"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profiles::Profiles;

    fn found(variables: &[(&str, &str)]) -> Result<Outcome, Error> {
        let settings = Settings::new(variables.iter().copied().collect(), Profiles::default());
        Environment::new(settings).find(Timestamp::from_unix_seconds(1_000_000_000))
    }

    fn key(more: &[(&str, &str)]) -> Result<Outcome, Error> {
        let mut variables = vec![(ID, " AKIDEXAMPLE "), (SECRET, "secret\n")];
        variables.extend(more);
        found(&variables)
    }

    #[test]
    fn blanks_are_cut_off_and_a_blank_value_is_not_set() {
        let Ok(Outcome::Found(found)) = key(&[(TOKEN, " "), (ACCOUNT, "123456789012")]) else {
            panic!("nothing found");
        };
        assert_eq!(found.credentials.access_key_id(), "AKIDEXAMPLE");
        assert_eq!(found.credentials.secret_access_key().expose(), "secret");
        assert!(found.credentials.session_token().is_none());
        assert_eq!(found.credentials.account_id(), Some("123456789012"));
        assert_eq!(
            found.origin.to_string(),
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
        );
    }

    #[test]
    fn half_a_key_is_an_error_that_names_the_other_half() {
        for (given, missing) in [(ID, SECRET), (SECRET, ID)] {
            let error = found(&[(given, "x"), (missing, " ")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PartialCredentials);
            let wanted = format!("{given} is set and {missing} is empty: set both or neither");
            assert_eq!(error.to_string(), wanted);
            let error = found(&[(given, "x")]).unwrap_err();
            let wanted = format!("{given} is set and {missing} is not set: set both or neither");
            assert_eq!(error.to_string(), wanted);
        }
        assert!(matches!(found(&[]), Ok(Outcome::NotConfigured(_))));
    }

    #[test]
    fn the_old_name_of_the_token_counts_only_without_the_new_one() {
        let token = |more: &[(&str, &str)]| match key(more) {
            Ok(Outcome::Found(found)) => found
                .credentials
                .session_token()
                .unwrap()
                .expose()
                .to_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!(token(&[(OLD_TOKEN, "old")]), "old");
        assert_eq!(token(&[(OLD_TOKEN, "old"), (TOKEN, "new")]), "new");
    }

    #[test]
    fn an_expiry_is_read_and_a_past_one_is_an_error() {
        let Ok(Outcome::Found(found)) = key(&[(EXPIRY, "2026-01-01T00:00:00+00:00")]) else {
            panic!("nothing found");
        };
        assert_eq!(
            found.credentials.expiry(),
            "2026-01-01T00:00:00Z".parse().ok()
        );
        let kind = |text| key(&[(EXPIRY, text)]).unwrap_err().kind();
        assert_eq!(kind("2001-01-01T00:00:00Z"), ErrorKind::Expired);
        assert_eq!(kind("tomorrow"), ErrorKind::InvalidSetting);
    }

    #[test]
    fn no_error_repeats_a_secret() {
        let error = found(&[(ID, "AKID"), (SECRET, "can ary")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCredentials);
        assert!(!format!("{error:?} {}", error.chain()).contains("can ary"));
    }
}
