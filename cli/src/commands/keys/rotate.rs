//! `keyfob keys rotate`: carries out the steps of a rotation.

use std::{
    error::Error as _,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use keyfob_chain::{Origin, files::Lock, shell};
use keyfob_sigv4::Credentials;
use keyfob_sts::{Error, Principal, actions::GetCallerIdentity, call::Service};
use serde_json::json;

use super::{
    iam::{AccessKey, Iam},
    journal::Journal,
    owner::{Owner, iam_command, resume},
    profiles::{Holder, Profiles, check_replace, replace},
    proof::{Patience, is_unknown_key, until_accepted},
    rotation::{End, Obstacle, Outcome, Rotation, Step},
};
use crate::{
    args::RotateArgs,
    context::Context,
    failure::Failure,
    services::Client,
    signals::undo_on_signal,
    terminal::{printable, waiting_for},
};

/// How long another rotation of the same user is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Rotates the key of a user, or goes on with a rotation.
///
/// # Errors
///
/// If the user has no key that can be rotated, if a step fails, or if a rotation is pending that is
/// not to be resumed.
pub(super) async fn run(context: &Context, args: &RotateArgs) -> Result<(), Failure> {
    let name = args.user_name.as_deref();
    let owner = if args.resume {
        Owner::find_to_resume(context, name).await?
    } else {
        Owner::find(context, name).await?
    };
    let iam = Iam::new(context, &owner.credentials, &owner.user).await?;
    let path = Journal::path(context, &owner.account, &owner.user)?;
    let lock = if args.dry_run {
        None
    } else {
        let waiting = waiting_for("another rotation of the keys of this user");
        let lock = Lock::acquire_async(&path, PATIENCE).await;
        drop(waiting);
        Some(lock.map_err(|error| other_rotation(context, args, &owner, error))?)
    };
    let pending = Journal::read(context, &path)?;
    let mut run = Run {
        context,
        args,
        owner,
        iam,
        proof: Duration::ZERO,
        is_gone: false,
        is_printed: Ok(()),
    };
    let rotation = match (pending, args.resume) {
        (Some(journal), true) => run.resume(journal).await?,
        (None, false) => run.begin().await?,
        (Some(journal), false) => return Err(run.unfinished(&journal)),
        (None, true) => return run.nothing_pending(),
    };
    match lock {
        Some(lock) => run.carry_out(rotation, &lock).await,
        None => run.describe(rotation),
    }
}

/// Names the other rotation, if it is why a lock was not taken.
fn other_rotation(
    context: &Context,
    args: &RotateArgs,
    owner: &Owner,
    error: keyfob_chain::Error,
) -> Failure {
    let source = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>());
    if source.is_none_or(|source| source.kind() != io::ErrorKind::TimedOut) {
        return error.into();
    }
    let user = printable(&owner.user);
    let profile = context.globals().profile.as_deref();
    let command = resume(context, profile, args.user_name.as_deref());
    Failure::other(format!("another rotation of the user {user} is running")).with_hint(format!(
        "wait until it is over; if it fails, to go on: {command}"
    ))
}

/// How many seconds after a rotation has begun services have heard of its key.
const KNOWN_AFTER: i64 = 600;

struct Run<'a> {
    context: &'a Context,
    args: &'a RotateArgs,
    owner: Owner,
    iam: Iam<'a>,
    /// How long the new key was tested.
    proof: Duration,
    /// Whether the old key was deleted by another hand before a rotation was resumed.
    is_gone: bool,
    /// A closed pipe does not stop a rotation halfway.
    is_printed: Result<(), Failure>,
}

/// Why a step failed.
struct Trouble {
    failure: Failure,
    /// Whether it is sure that the step changed nothing.
    is_refusal: bool,
    /// Whether services do not know the new key.
    is_dead: bool,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            is_refusal: true,
            is_dead: false,
        }
    }
}

impl Run<'_> {
    async fn begin(&self) -> Result<Rotation, Failure> {
        let profiles = Profiles::read_all(self.context)?;
        self.check_place(&profiles)?;
        let mut keys = self.iam.list().await?;
        if keys.len() > 1 {
            // A caller who may not see it reads that it is unknown.
            let _ = self.iam.add_last_uses(&mut keys).await;
            return Err(self.two_keys(&profiles, &keys, ""));
        }
        let is_stored = |key: &&AccessKey| profiles.credentials(&key.id).is_some();
        let Some(old) = keys.iter().find(is_stored).map(|key| key.id.clone()) else {
            return Err(self.no_place());
        };
        check_replace(self.context, &old)?;
        let journal = Journal {
            user: self.owner.user.clone(),
            old_secret: profiles
                .credentials(&old)
                .map(|key| key.secret_access_key().clone()),
            old: old.clone(),
            begun: self.iam.now(),
            grace_seconds: self.args.grace.seconds,
            keep_inactive: self.args.keep_inactive,
            new: None,
            deactivated: None,
            is_reverted: false,
        };
        Rotation::begin(journal, keys.clone(), profiles.holders(&old, None))
            .map_err(|_| self.two_keys(&profiles, &keys, ""))
    }

    async fn resume(&mut self, journal: Journal) -> Result<Rotation, Failure> {
        let mut keys = self.iam.list().await?;
        self.is_gone = !keys.iter().any(|key| key.id == journal.old);
        if journal.new.is_none() && keys.len() > 1 {
            // A key that was used is not taken for one whose secret is lost.
            let added = self.iam.add_last_uses(&mut keys).await;
            added.map_err(|failure| failure.with_hint(self.give_up()))?;
        }
        let profiles = Profiles::read_all(self.context)?;
        let new = journal.new.as_ref().map(|new| new.id.as_str());
        let holders = profiles.holders(&journal.old, new);
        let mut known = profiles.ids();
        known.push(self.owner.credentials.access_key_id().to_owned());
        Ok(Rotation::resume(journal, keys, holders).with_known(known))
    }

    /// Fails if a new key could be written nowhere: the one in use must be in a profile, or else a
    /// profile must have the one of the other user.
    fn check_place(&self, profiles: &Profiles) -> Result<(), Failure> {
        if !self.owner.uses_own_key {
            let has_key = !profiles.ids().is_empty();
            return if has_key {
                Ok(())
            } else {
                Err(self.no_place())
            };
        }
        let origin = self.owner.origin.as_ref();
        let holders = profiles.with_key(self.owner.credentials.access_key_id());
        if matches!(origin, Some(Origin::File { .. })) && !holders.is_empty() {
            return Ok(());
        }
        let origin = origin.map(|origin| self.context.origin(origin));
        let failure = Failure::configuration(format!(
            "the key in use comes from {}, where a new one cannot be written: only a key in a \
             profile can be rotated",
            origin.unwrap_or_else(|| "a provider".to_owned())
        ));
        Err(match holders.iter().find_map(Holder::direct) {
            Some(name) => {
                let words = ["keyfob keys rotate".to_owned()];
                let globals = self.context.globals();
                failure.with_hint(format!(
                    "a profile has it, too: {}",
                    globals.follow_up_with(Some(name), words)
                ))
            }
            None => failure.with_hint("name the profile that has the key with --profile"),
        })
    }

    fn no_place(&self) -> Failure {
        Failure::configuration(format!(
            "no profile has a key of the user {} of account {}: the new one would be written there",
            printable(&self.owner.user),
            self.owner.account
        ))
        .with_hint("run the command where the key is used, or write the key to a profile")
    }

    /// Takes one step after the other.
    async fn carry_out(mut self, mut rotation: Rotation, lock: &Lock) -> Result<(), Failure> {
        let mut reason: Option<Failure> = None;
        let _told = undo_on_signal(self.interrupted());
        loop {
            let step = rotation.next(self.iam.now());
            if let Step::End(end) = &step {
                return self.end(&rotation, end, reason);
            }
            let error = match self.take(&rotation, &step, lock).await {
                Ok(outcome) => {
                    let line = self.line(&rotation, &step, &outcome);
                    rotation.done(&step, outcome);
                    self.tell(line);
                    continue;
                }
                Err(error) => error,
            };
            // What a file has that cannot be read is not known, so nothing is undone.
            if let Some(profiles) = Profiles::read_all(self.context)
                .ok()
                .filter(|_| error.is_refusal)
            {
                let journal = rotation.journal();
                let new = journal.new.as_ref().map(|new| new.id.clone());
                rotation.set_holders(profiles.holders(&journal.old, new.as_deref()));
                if rotation.refused(&step, error.is_dead) {
                    reason = Some(error.failure);
                    continue;
                }
            }
            let failure = match reason {
                Some(first) => first.with_detail(error.failure.message()),
                None => error.failure,
            };
            return Err(failure.with_hint(format!("to go on: {}", self.resume_command())));
        }
    }

    /// Returns what tells after a signal how the rotation goes on. If it has not begun yet, the
    /// command that is named says so.
    fn interrupted(&self) -> impl FnOnce() + Send + 'static {
        let text = format!(
            "the rotation is interrupted; to go on: {}\n",
            self.resume_command()
        );
        move || {
            // The terminal may be gone.
            let _ = io::stderr().write_all(text.as_bytes());
        }
    }

    async fn take(
        &mut self,
        rotation: &Rotation,
        step: &Step,
        lock: &Lock,
    ) -> Result<Outcome, Trouble> {
        let journal = rotation.journal();
        match step {
            Step::Save => journal.write(lock)?,
            Step::Create => {
                return match self.iam.create().await {
                    Ok(key) => Ok(Outcome::Created(key)),
                    Err(error) => {
                        let mut trouble = self.trouble(&error).await;
                        // An earlier run may have created the key that is one too many, although
                        // the list does not have it yet.
                        trouble.is_refusal &=
                            !self.args.resume || error.code() != Some("LimitExceeded");
                        Err(trouble)
                    }
                };
            }
            Step::Prove => {
                let age = self.iam.now().seconds_since(journal.begun);
                let patience = if age > KNOWN_AFTER {
                    Patience::PROOF_AGAIN
                } else {
                    Patience::PROOF
                };
                self.prove(&self.new_key(journal)?, patience).await?;
            }
            Step::Store => {
                self.store("new", &self.new_key(journal)?, &journal.old)
                    .await?;
            }
            Step::Restore => {
                let new = journal.new.as_ref().map_or("", |new| &new.id);
                let old = journal.old_key();
                let old = old.ok_or_else(|| Failure::other("the old key is not known"))?;
                self.store("old", &old, new).await?;
            }
            Step::Activate | Step::Deactivate => {
                let is_active = *step == Step::Activate;
                let result = self.iam.set_active(&journal.old, is_active).await;
                self.checked(result).await?;
            }
            Step::Delete(id) => {
                let result = self.iam.delete(id).await;
                self.checked(result).await?;
            }
            Step::Forget => {
                lock.remove().map_err(Failure::from)?;
            }
            Step::End(_) => {}
        }
        Ok(Outcome::Done)
    }

    /// Writes a key, the new or the old one, to each profile that has the other, and signs with it.
    async fn store(&mut self, which: &str, key: &Credentials, other: &str) -> Result<(), Failure> {
        replace(self.context, other, key)?;
        let profiles = Profiles::read_all(self.context)?;
        if profiles.with_key(key.access_key_id()).is_empty() {
            return Err(Failure::configuration(format!(
                "no profile has {other} any more, so the {which} key was not written"
            )));
        }
        // The credentials in use may be the key that is deactivated next.
        if self.owner.uses_own_key {
            self.iam.set_key(key).await?;
        }
        Ok(())
    }

    /// Asks STS with the new key until it is accepted.
    async fn prove(&mut self, new: &Credentials, patience: Patience) -> Result<(), Trouble> {
        let start = Instant::now();
        let sts = Client::with_other_key(self.context, &Service::STS, new).await?;
        let call = GetCallerIdentity::new();
        let send = async || sts.try_send(&call).await;
        let identity = match until_accepted(patience, is_unknown_key, send).await {
            Ok(identity) => identity,
            Err(error) => {
                return Err(Trouble {
                    failure: sts.explain(self.context, &error).await,
                    is_refusal: is_refusal(&error),
                    is_dead: is_unknown_key(&error),
                });
            }
        };
        match Principal::from_arn(&identity.arn) {
            Principal::User { name, .. } if name.eq_ignore_ascii_case(&self.owner.user) => {
                self.proof = start.elapsed();
                Ok(())
            }
            _ => Err(Failure::other(format!(
                "the new key is not one of the user {}, but of {}",
                self.owner.user,
                printable(&identity.arn)
            ))
            .into()),
        }
    }

    /// Returns the new key from the journal or, once it is stored, from a profile.
    fn new_key(&self, journal: &Journal) -> Result<Credentials, Failure> {
        let new = journal.new.as_ref();
        let key = new.and_then(|new| match &new.secret {
            Some(secret) => Credentials::new(&*new.id, secret.clone()).ok(),
            None => Profiles::read(self.context).credentials(&new.id),
        });
        key.ok_or_else(|| Failure::configuration("no profile has the new key with its secret"))
    }

    async fn checked(&self, result: Result<(), Error>) -> Result<(), Trouble> {
        match result {
            Ok(()) => Ok(()),
            Err(error) => Err(self.trouble(&error).await),
        }
    }

    async fn trouble(&self, error: &Error) -> Trouble {
        Trouble {
            failure: self.iam.explain(error).await,
            is_refusal: is_refusal(error),
            is_dead: false,
        }
    }

    /// Prints what is done. A failure to print counts at the end.
    fn tell(&mut self, line: Option<String>) {
        let is_text = self.context.own_format(self.args.json).is_none();
        if let Some(line) = line.filter(|_| is_text && self.is_printed.is_ok()) {
            self.is_printed = self.context.console().write_stdout(line);
        }
    }

    fn line(&self, rotation: &Rotation, step: &Step, outcome: &Outcome) -> Option<String> {
        let journal = rotation.journal();
        let new = journal.new.as_ref().map_or("", |new| &new.id);
        let (verb, id, text) = match (step, outcome) {
            (Step::Create, Outcome::Created(key)) => (
                "created",
                key.access_key_id(),
                format!("for the user {}", self.owner.user),
            ),
            (Step::Prove, _) => {
                let seconds = self.proof.as_secs();
                let text = format!("sts get-caller-identity: user/{}", self.owner.user);
                ("tested", new, format!("{text} (after {seconds} s)"))
            }
            (Step::Store, _) => {
                let places = self.places(&Profiles::read(self.context), new);
                ("stored", new, format!("in {places}"))
            }
            (Step::Restore, _) => {
                let places = self.places(&Profiles::read(self.context), &journal.old);
                ("restored", &*journal.old, format!("in {places}"))
            }
            (Step::Activate, _) => ("active", &*journal.old, String::new()),
            (Step::Deactivate, _) => ("inactive", &*journal.old, String::new()),
            (Step::Delete(id), _) => ("deleted", &**id, String::new()),
            _ => return None,
        };
        let line = format!("{verb:<8}  {}  {text}", printable(id));
        Some(format!("{}\n", line.trim_end()))
    }

    fn end(
        mut self,
        rotation: &Rotation,
        end: &End,
        reason: Option<Failure>,
    ) -> Result<(), Failure> {
        let journal = rotation.journal();
        let until = match end {
            End::Rotated => None,
            End::Pending(until) => Some(until),
            End::RolledBack => return Err(self.rolled_back(journal, reason)),
            End::Stopped(obstacle) => return Err(self.stopped(rotation, obstacle)),
        };
        if until.is_none() && self.is_gone {
            let old = printable(&journal.old);
            let text = format!("gone      {old}  is deleted already: the rotation is over\n");
            self.tell(Some(text));
        }
        if let Some(until) = until {
            let (old, command) = (&journal.old, self.resume_command());
            let text = format!("pending   {old}  can be deleted from {until} on: {command}\n");
            self.tell(Some(text));
        }
        if let Some(format) = self.context.own_format(self.args.json) {
            let new = journal.new.as_ref().map(|new| &new.id);
            let profiles = Profiles::read(self.context);
            let holders = new.map_or_else(Vec::new, |id| profiles.with_key(id));
            let answer = json!({
                "user": self.owner.user,
                "account": self.owner.account,
                "status": if until.is_some() { "pending" } else { "rotated" },
                "old_access_key_id": journal.old,
                "new_access_key_id": new,
                "delete_after": until.map(ToString::to_string),
                "profiles": holders.iter().map(|one| one.name.name()).collect::<Vec<_>>(),
            });
            return self.context.print_as(format, "Rotation", &answer);
        }
        self.is_printed
    }

    /// Prints what would be done. The steps that cannot fail here are taken to have worked.
    fn describe(mut self, mut rotation: Rotation) -> Result<(), Failure> {
        let mut steps = Vec::new();
        if self.is_gone {
            let old = printable(&rotation.journal().old).into_owned();
            let text = format!("end the rotation: {old} is deleted already");
            self.tell(Some(format!("(dryrun) {text}\n")));
            steps.push(text);
        }
        let until = loop {
            let journal = rotation.journal().clone();
            let step = rotation.next(self.iam.now());
            let text = match &step {
                Step::Create => format!("create a key for the user {}", self.owner.user),
                Step::Prove => "test the new key with sts get-caller-identity".to_owned(),
                Step::Store => {
                    let places = self.places(&Profiles::read(self.context), &journal.old);
                    format!("write the new key to {places}")
                }
                Step::Restore => format!("write {} to the profiles again", journal.old),
                Step::Activate => format!("activate {}", journal.old),
                Step::Deactivate => format!("deactivate {}", journal.old),
                Step::Delete(id) => format!("delete {id}"),
                Step::Save | Step::Forget => String::new(),
                Step::End(End::Pending(until)) => break Some(*until),
                Step::End(End::Stopped(obstacle)) => return Err(self.stopped(&rotation, obstacle)),
                Step::End(_) => break None,
            };
            if !text.is_empty() {
                self.tell(Some(format!("(dryrun) {text}\n")));
                steps.push(text);
            }
            let outcome = match step {
                Step::Create => Outcome::Created(Credentials::new("NEW", "NEW")?),
                _ => Outcome::Done,
            };
            rotation.done(&step, outcome);
        };
        if let Some(until) = until {
            let text = format!("delete {} from {until} on", rotation.journal().old);
            let line = format!("(dryrun) {text}: {}\n", self.resume_command());
            self.tell(Some(line));
            steps.push(text);
        }
        match self.context.own_format(self.args.json) {
            Some(format) => {
                let answer = json!({"dry_run": true, "user": self.owner.user, "steps": steps});
                self.context.print_as(format, "Rotation", &answer)
            }
            None => self.is_printed,
        }
    }

    /// Returns the profiles with a key.
    fn places(&self, profiles: &Profiles, id: &str) -> String {
        let holders = profiles.with_key(id);
        let places = holders.iter().map(|holder| holder.text(self.context));
        places.collect::<Vec<_>>().join(" and ")
    }

    fn resume_command(&self) -> String {
        let profile = self.context.globals().profile.as_deref();
        resume(self.context, profile, self.args.user_name.as_deref())
    }

    /// Says that there is nothing to resume.
    fn nothing_pending(&self) -> Result<(), Failure> {
        let user = printable(&self.owner.user).into_owned();
        let console = self.context.console();
        console.note(&format!("no rotation of the user {user} is pending"));
        match self.context.own_format(self.args.json) {
            Some(format) => {
                let answer = json!({"status": "none", "user": self.owner.user});
                self.context.print_as(format, "Rotation", &answer)
            }
            None => Ok(()),
        }
    }

    fn unfinished(&self, journal: &Journal) -> Failure {
        let user = &self.owner.user;
        Failure::other(format!("a rotation of the user {user} is not finished"))
            .with_detail(journal.state())
            .with_hint(format!("to go on: {}", self.resume_command()))
    }

    fn rolled_back(&self, journal: &Journal, reason: Option<Failure>) -> Failure {
        let old = &journal.old;
        if journal.is_reverted {
            let reason = reason.unwrap_or_else(|| Failure::other("the new key does not work"));
            return reason.with_detail(format!(
                "the rotation is undone: {old} is in its profiles again, and no new key is left"
            ));
        }
        let reason = reason.unwrap_or_else(|| {
            Failure::other(format!("no profile has {old} any more, the key to rotate"))
        });
        reason.with_detail(format!(
            "nothing is changed: {old} stays as it is, and no new key is left"
        ))
    }

    fn stopped(&self, rotation: &Rotation, obstacle: &Obstacle) -> Failure {
        let journal = rotation.journal();
        let old = printable(&journal.old);
        let new = journal.new.as_ref().map_or("", |new| &new.id);
        let profiles = Profiles::read(self.context);
        match obstacle {
            Obstacle::TwoKeys => {
                let next = format!(" && {}", self.resume_command());
                let failure = self.two_keys(&profiles, rotation.keys(), &next);
                failure.with_hint(self.give_up())
            }
            Obstacle::ActiveAgain => {
                let status = "--status Inactive".to_owned();
                let command = self.iam_command("update-access-key", &journal.old, Some(status));
                let text = format!("{old}, the old key, is active again: something may need it");
                let resume = self.resume_command();
                Failure::other(text).with_hint(format!("if nothing does: {command} && {resume}"))
            }
            Obstacle::OldKeyInUse => Failure::configuration(format!(
                "{} has {old}, the old key, and no profile has {}, the new one: write the new \
                 key to it",
                self.places(&profiles, &journal.old),
                printable(new)
            )),
            Obstacle::NewKeyGone => {
                let new = printable(new);
                Failure::configuration(format!("no profile has {new} any more, the new key"))
                    .with_hint(format!(
                        "to go on, write it to a profile; to give up: rm {}",
                        self.journal_path()
                    ))
            }
            Obstacle::NoKeyLeft => Failure::other(format!(
                "the new key does not work, and {old}, the old one, is deleted"
            ))
            .with_hint(self.give_up()),
            Obstacle::OldSecretLost => Failure::other(format!(
                "{}, the new key, does not work: {old}, the old one, is active again, but its \
                 secret is not known",
                printable(new)
            ))
            .with_hint(format!(
                "write {old} with its secret to {}, then: {}",
                self.places(&profiles, new),
                self.resume_command()
            )),
        }
    }

    /// Returns how to leave the keys as they are.
    fn give_up(&self) -> String {
        format!(
            "to give up this rotation, and leave the keys as they are: rm {}",
            self.journal_path()
        )
    }

    fn journal_path(&self) -> String {
        let path = Journal::path(self.context, &self.owner.account, &self.owner.user);
        path.map_or_else(|_| String::new(), |path| shell::path(&path))
    }

    fn iam_command(&self, command: &str, id: &str, more: Option<String>) -> String {
        iam_command(self.context, &self.owner.user, command, id, more)
    }

    /// Refuses a third key. `next` stands after the command that deletes one.
    fn two_keys(&self, profiles: &Profiles, keys: &[AccessKey], next: &str) -> Failure {
        let user = &self.owner.user;
        let mut failure = Failure::other(format!(
            "the user {user} has two access keys: there can be no third one"
        ));
        let mut spare = Vec::new();
        for key in keys {
            let last = key.last_use.text();
            let places = self.places(profiles, &key.id);
            let place = if places.is_empty() {
                spare.push(&key.id);
                "in no profile".to_owned()
            } else {
                format!("in {places}")
            };
            let line = format!("{}  {}, {last}, {place}", key.id, key.status());
            failure = failure.with_detail(printable(&line));
        }
        match spare[..] {
            [id] => {
                let command = self.iam_command("delete-access-key", id, None);
                failure.with_hint(format!("if nothing uses {id}: {command}{next}"))
            }
            _ => failure,
        }
    }
}

/// Returns true if a service refused a call, so that the call changed nothing. What is refused as
/// too much at once may work later.
fn is_refusal(error: &Error) -> bool {
    let is_answer = error
        .status()
        .is_some_and(|status| (400..500).contains(&status));
    is_answer && error.code().is_some() && !error.is_throttling()
}
