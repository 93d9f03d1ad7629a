//! `keyfob keys list`: the keys of a user, with what is known about each.

use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};

use super::{
    iam::{AccessKey, Iam},
    journal::Journal,
    owner::Owner,
    profiles::{Holder, Profiles},
};
use crate::{args::UserArgs, context::Context, failure::Failure, terminal::printable};

/// The keys of a user.
pub(super) struct Keys {
    pub(super) user: String,
    account: String,
    pub(super) keys: Vec<AccessKey>,
    /// Whether the last use of the keys is known.
    has_last_use: bool,
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
            has_last_use: last_uses.is_ok(),
            rotation: Journal::read(context, &path)?,
            user: owner.user,
            account: owner.account,
            keys,
            profiles: Profiles::read(context),
            now: Timestamp::now(),
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

    fn text(&self, context: &Context) -> String {
        let mut text = String::new();
        for key in &self.keys {
            let age = self.age(key).map(days);
            let age = age.unwrap_or_else(|| "of unknown age".to_owned());
            let last = match &key.last_use {
                Some(last) => format!("last used {}", last.text()),
                None if self.has_last_use => "never used".to_owned(),
                None => "last use unknown".to_owned(),
            };
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
            let last = key.last_use.as_ref().map(|last| {
                json!({"at": last.at.to_string(), "service": last.service, "region": last.region})
            });
            let holders = self.holders(key);
            json!({
                "access_key_id": key.id,
                "status": key.status(),
                "created": key.created.map(|time| time.to_string()),
                "age_seconds": self.age(key),
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
