//! `keyfob keys list`: the keys of a user, with what is known about each.

use keyfob_chain::Origin;
use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};

use super::{
    iam::{AccessKey, Iam, LastUse},
    journal::Journal,
    owner::Owner,
    profiles::{Holder, Profiles},
};
use crate::{
    args::{Span, UserArgs},
    context::Context,
    failure::Failure,
    terminal::printable,
};

/// The keys of a user.
pub(super) struct Keys {
    pub(super) user: String,
    account: String,
    pub(super) keys: Vec<AccessKey>,
    /// The key in use, if it is one of the user, and whether a profile has it.
    pub(super) in_use: Option<(String, bool)>,
    profiles: Profiles,
    pub(super) rotation: Option<Journal>,
    pub(super) now: Timestamp,
}

/// Prints the keys.
///
/// # Errors
///
/// If there is no user, or if IAM refuses.
pub(super) async fn run(context: &Context, args: &UserArgs, json: bool) -> Result<(), Failure> {
    let keys = Keys::read(context, args).await?;
    match context.own_format(json) {
        Some(format) => context.print_as(format, "Keys", &keys.json()),
        None => context.console().write_stdout(keys.text(context)),
    }
}

impl Keys {
    /// Asks IAM. A caller who may not see when keys were last used gets a note.
    ///
    /// # Errors
    ///
    /// If there is no user, or if IAM refuses.
    pub(super) async fn read(context: &Context, args: &UserArgs) -> Result<Self, Failure> {
        let owner = Owner::find(context, args.user_name.as_deref()).await?;
        let iam = Iam::new(context, &owner.credentials, &owner.user).await?;
        let mut keys = iam.list().await?;
        let last_uses = iam.add_last_uses(&mut keys).await;
        if let Err(failure) = &last_uses {
            let reason = printable(failure.message()).into_owned();
            let note = format!("when the keys were last used is not known: {reason}");
            context.console().note(&note);
        }
        let path = Journal::path(context, &owner.account, &owner.user)?;
        Ok(Self {
            in_use: owner.uses_own_key.then(|| {
                let is_in_file = matches!(owner.origin, Some(Origin::File { .. }));
                (owner.credentials.access_key_id().to_owned(), is_in_file)
            }),
            rotation: Journal::read(context, &path)?,
            user: owner.user,
            account: owner.account,
            keys,
            profiles: Profiles::read(context),
            now: iam.now(),
        })
    }

    /// Returns the age of a key in seconds.
    pub(super) fn age(&self, key: &AccessKey) -> Option<i64> {
        Some(self.now.seconds_since(key.created?))
    }

    /// Returns the profiles that have a key.
    pub(super) fn holders(&self, key: &AccessKey) -> Vec<Holder> {
        self.profiles.with_key(&key.id)
    }

    /// Returns which of two active keys can be deactivated: one that is in no profile and not in
    /// use here, and was not used elsewhere for so long.
    pub(super) fn spare<'a>(
        &self,
        keys: [&'a AccessKey; 2],
        max_age: Span,
    ) -> Option<&'a AccessKey> {
        let is_spare = |key: &&AccessKey| {
            let is_idle = match &key.last_use {
                LastUse::Unknown => false,
                LastUse::Never => true,
                LastUse::At { time, .. } => {
                    self.now.seconds_since(*time) > i64::from(max_age.seconds)
                }
            };
            let is_in_use = self.in_use.as_ref().is_some_and(|(id, _)| *id == key.id);
            is_idle && !is_in_use && self.holders(key).is_empty()
        };
        keys.into_iter().find(is_spare)
    }

    fn text(&self, context: &Context) -> String {
        let mut text = String::new();
        for key in &self.keys {
            let age = self.age(key).map(days);
            let age = age.unwrap_or_else(|| "of unknown age".to_owned());
            let last = key.last_use.text();
            let holders = self.holders(key).into_iter();
            let places = holders.map(|holder| format!("in {}", holder.text(context)));
            let mut words = vec![key.id.clone(), format!("{:<8}", key.status()), age, last];
            words.extend(places);
            text += &printable(&words.join("  "));
            text += "\n";
        }
        if let Some(rotation) = &self.rotation {
            text += &printable(&format!("rotation: {}", rotation.state()));
            text += "\n";
        }
        if text.is_empty() {
            let user = printable(&self.user).into_owned();
            context
                .console()
                .note(&format!("the user {user} has no access key"));
        }
        text
    }

    fn json(&self) -> Value {
        let keys = self.keys.iter().map(|key| {
            let (is_used, last) = match &key.last_use {
                LastUse::Unknown => (None, Value::Null),
                LastUse::Never => (Some(false), Value::Null),
                LastUse::At {
                    time,
                    service,
                    region,
                } => {
                    let at = time.to_string();
                    let last = json!({"at": at, "service": service, "region": region});
                    (Some(true), last)
                }
            };
            let holders = self.holders(key);
            json!({
                "access_key_id": key.id,
                "status": key.status(),
                "created": key.created.map(|time| time.to_string()),
                "age_seconds": self.age(key),
                // Null if it is not known.
                "ever_used": is_used,
                "last_used": last,
                "profiles": holders.iter().map(|one| one.name.name()).collect::<Vec<_>>(),
            })
        });
        json!({
            "user": self.user,
            "account": self.account,
            "keys": keys.collect::<Vec<_>>(),
            "rotation": self.rotation.as_ref().map(Journal::state),
        })
    }
}

/// Returns such as `93 days old`.
pub(super) fn days(seconds: i64) -> String {
    match seconds.max(0) / 86_400 {
        1 => "1 day old".to_owned(),
        days => format!("{days} days old"),
    }
}
