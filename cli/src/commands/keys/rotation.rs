//! The rotation of an access key, as a state machine that does nothing itself.
//!
//! [`Rotation::next`] says what to do, and [`Rotation::done`] or [`Rotation::refused`] what became
//! of it. Each step follows from the journal, from the keys that IAM lists, and from the keys that
//! the profiles have: a rotation that was killed goes on from what is there.
//!
//! | journal | what is there | next |
//! |---|---|---|
//! | intent | only the old key | create |
//! | intent | another key of that time, in no profile, never used | it was created, but its secret is lost: delete it |
//! | new key | a profile with the old key | prove, store |
//! | new key | no profile with the old key | forget the secret, prove, deactivate the old key |
//! | deactivated | within the grace period | prove, end |
//! | deactivated | after it | prove, delete the old key, remove the journal |
//! | new key, stored | it does not work | note it: the old key takes its place again |
//! | reverted | | activate the old key, store it, delete the new key, remove the journal |

use keyfob_sigv4::{Credentials, Timestamp};

use super::{
    iam::{AccessKey, LastUse},
    journal::{Journal, NewKey},
};

/// How far the time of the intent may be from that of IAM: a clock that is less than four minutes
/// off is not set by its answers.
const CLOCK_SKEW: i64 = 300;
/// How long after the intent the request for a new key may still be sent.
const LONGEST_CREATION: i64 = 900;

/// A rotation, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct Rotation {
    journal: Journal,
    /// Whether the journal on disk is this one.
    is_saved: bool,
    keys: Vec<AccessKey>,
    holders: Holders,
    /// The keys whose secrets are known, so that this rotation has not created them without an
    /// answer.
    known: Vec<String>,
    /// Whether this process has noted when it creates a key.
    is_intended: bool,
    /// Whether services have just accepted the new key.
    is_proved: bool,
    is_rolled_back: bool,
    /// Whether the journal is removed.
    is_over: bool,
}

/// Which of the two keys a profile has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holders {
    pub(super) old: bool,
    pub(super) new: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write the journal.
    Save,
    Create,
    /// Ask a service with the new key until it is accepted.
    Prove,
    /// Write the new key to each profile that has the old one.
    Store,
    /// Deactivate the old key.
    Deactivate,
    /// Delete a key.
    Delete(String),
    /// Activate the old key again.
    Activate,
    /// Write the old key to each profile that has the new one.
    Restore,
    /// Remove the journal.
    Forget,
    End(End),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The old key is deleted, or stays inactive.
    Rotated,
    /// The old key is inactive until then.
    Pending(Timestamp),
    /// The new key is deleted.
    RolledBack,
    Stopped(Obstacle),
}

/// Why a rotation does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// The user has a second key, which this rotation did not create.
    TwoKeys,
    /// The old key was activated again.
    ActiveAgain,
    /// The old key is in a profile again, and the new one is in none.
    OldKeyInUse,
    /// The new key is in no profile any more.
    NewKeyGone,
    /// The new key does not work, and the old one is deleted.
    NoKeyLeft,
    /// The new key does not work. The old one is active again, but its secret is not known.
    OldSecretLost,
}

/// What a step that worked brought.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Done,
    Created(Credentials),
}

impl Rotation {
    /// Begins a rotation of the only key of a user. Nothing is written yet.
    ///
    /// # Errors
    ///
    /// If the user has other keys.
    pub(super) fn begin(
        journal: Journal,
        keys: Vec<AccessKey>,
        holders: Holders,
    ) -> Result<Self, Obstacle> {
        if keys.iter().any(|key| key.id != journal.old) {
            return Err(Obstacle::TwoKeys);
        }
        Ok(Self {
            is_saved: false,
            is_intended: true,
            ..Self::resume(journal, keys, holders)
        })
    }

    /// Goes on with a rotation from its journal.
    pub(super) fn resume(journal: Journal, keys: Vec<AccessKey>, holders: Holders) -> Self {
        Self {
            journal,
            is_saved: true,
            keys,
            holders,
            known: Vec::new(),
            is_intended: false,
            is_proved: false,
            is_rolled_back: false,
            is_over: false,
        }
    }

    /// Names keys that profiles have, and those in use: they are never deleted as the rest of a
    /// request without an answer.
    pub(super) fn with_known(mut self, known: Vec<String>) -> Self {
        self.known = known;
        self
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    pub(super) fn keys(&self) -> &[AccessKey] {
        &self.keys
    }

    /// Returns what to do.
    pub(super) fn next(&mut self, now: Timestamp) -> Step {
        if self.is_over {
            return Step::End(if self.is_rolled_back || self.journal.is_reverted {
                End::RolledBack
            } else {
                End::Rotated
            });
        }
        if !self.is_saved {
            return Step::Save;
        }
        if self.journal.is_reverted {
            return self.reverted();
        }
        let Some(new) = self.journal.new.clone() else {
            return self.without_new_key(now);
        };
        // The new key was not stored, and the old one is not in the files any more.
        if new.secret.is_some()
            && self.holders
                == (Holders {
                    old: false,
                    new: false,
                })
        {
            self.is_rolled_back = true;
        }
        if self.is_rolled_back {
            // The list may lag behind, so the key is deleted even if it is not in it.
            return Step::Delete(new.id);
        }
        if self.holders.old {
            if new.secret.is_none() && !self.holders.new {
                return Step::End(End::Stopped(Obstacle::OldKeyInUse));
            }
            return self.proved_then(Step::Store);
        }
        if new.secret.is_some() {
            self.journal.new = Some(NewKey {
                secret: None,
                ..new
            });
            self.is_saved = false;
            return Step::Save;
        }
        self.without_old_key_in_files(now)
    }

    /// Only the intent is in the journal.
    fn without_new_key(&mut self, now: Timestamp) -> Step {
        if self.is_rolled_back {
            return Step::Forget;
        }
        match self.keys.iter().find(|key| key.id != self.journal.old) {
            None if self.is_intended => Step::Create,
            None => {
                self.journal.begun = now;
                self.is_intended = true;
                self.is_saved = false;
                Step::Save
            }
            Some(key) if self.is_orphan(key) => Step::Delete(key.id.clone()),
            Some(_) => Step::End(End::Stopped(Obstacle::TwoKeys)),
        }
    }

    /// Returns true for a key that this rotation created without getting its answer. There was no
    /// such key at the intent. Its secret is lost, so it is in no profile and was never used. If
    /// the old key is not in use any more, another rotation has gone on.
    fn is_orphan(&self, key: &AccessKey) -> bool {
        let mut keys = self.keys.iter();
        let is_old_in_use =
            self.holders.old && keys.any(|key| key.id == self.journal.old && key.is_active);
        let is_of_the_intent = key.created.is_some_and(|created| {
            let since = created.seconds_since(self.journal.begun);
            (-CLOCK_SKEW..=LONGEST_CREATION + CLOCK_SKEW).contains(&since)
        });
        let is_known = self.known.contains(&key.id) || key.last_use != LastUse::Never;
        is_old_in_use && is_of_the_intent && !is_known
    }

    /// The new key does not work: the old one takes its place again.
    fn reverted(&self) -> Step {
        let Some(old) = self.keys.iter().find(|key| key.id == self.journal.old) else {
            return Step::End(End::Stopped(Obstacle::NoKeyLeft));
        };
        match &self.journal.new {
            _ if !old.is_active => Step::Activate,
            _ if self.holders.new && self.journal.old_secret.is_none() => {
                Step::End(End::Stopped(Obstacle::OldSecretLost))
            }
            _ if self.holders.new => Step::Restore,
            Some(new) => Step::Delete(new.id.clone()),
            None => Step::Forget,
        }
    }

    /// The new key is stored: the old one has to go.
    fn without_old_key_in_files(&mut self, now: Timestamp) -> Step {
        let Some(old) = self.keys.iter().find(|key| key.id == self.journal.old) else {
            return Step::Forget;
        };
        if !self.holders.new {
            return Step::End(End::Stopped(Obstacle::NewKeyGone));
        }
        match (old.is_active, self.journal.until()) {
            (true, Some(_)) => self.proved_then(Step::End(End::Stopped(Obstacle::ActiveAgain))),
            (true, None) => self.proved_then(Step::Deactivate),
            (false, _) if self.journal.keep_inactive => Step::Forget,
            (false, None) => {
                self.journal.deactivated = Some(now);
                self.is_saved = false;
                Step::Save
            }
            (false, Some(until)) if now < until => self.proved_then(Step::End(End::Pending(until))),
            (false, Some(_)) => self.proved_then(Step::Delete(self.journal.old.clone())),
        }
    }

    /// Nothing is done to the old key before the new one has worked in this process.
    fn proved_then(&self, step: Step) -> Step {
        if self.is_proved { step } else { Step::Prove }
    }

    /// Notes that a step worked.
    pub(super) fn done(&mut self, step: &Step, outcome: Outcome) {
        match (step, outcome) {
            (Step::Create, Outcome::Created(key)) => {
                self.journal.new = Some(NewKey {
                    id: key.access_key_id().to_owned(),
                    secret: Some(key.secret_access_key().clone()),
                });
                self.is_saved = false;
            }
            (Step::Save, _) => self.is_saved = true,
            (Step::Prove, _) => self.is_proved = true,
            (Step::Store, _) => {
                self.holders = Holders {
                    old: false,
                    new: true,
                }
            }
            (Step::Deactivate | Step::Activate, _) => {
                for key in &mut self.keys {
                    if key.id == self.journal.old {
                        key.is_active = *step == Step::Activate;
                    }
                }
            }
            (Step::Restore, _) => {
                self.holders = Holders {
                    old: true,
                    new: false,
                }
            }
            (Step::Delete(id), _) => {
                self.keys.retain(|key| key.id != *id);
                self.journal.new.take_if(|new| new.id == *id);
            }
            (Step::Forget, _) => self.is_over = true,
            (Step::Create | Step::End(_), _) => {}
        }
    }

    /// Notes that a step was refused for good, and changed nothing; `is_dead` if services do not
    /// know the new key. Returns true if the rotation can be rolled back: the steps that follow do
    /// so.
    pub(super) fn refused(&mut self, step: &Step, is_dead: bool) -> bool {
        if self.is_rolled_back || self.journal.is_reverted {
            return false;
        }
        if self.holders.new || self.journal.deactivated.is_some() {
            let can = is_dead && *step == Step::Prove;
            self.journal.is_reverted = can;
            self.is_saved &= !can;
            return can;
        }
        let can = matches!(step, Step::Create | Step::Prove | Step::Store | Step::Save);
        self.is_rolled_back = can;
        // What is on disk is enough: nothing is written that will be removed.
        self.is_saved |= can;
        can
    }

    /// Notes which keys the profiles have after a step that wrote them in part.
    pub(super) fn set_holders(&mut self, holders: Holders) {
        self.holders = holders;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

    use super::*;

    const OLD: &str = "OLD";
    const GRACE: u32 = 100;

    /// IAM, the files and the journal, and a process that may be killed.
    #[derive(Clone, Debug)]
    struct World {
        /// Whether each key of the user is active, and when it was created.
        keys: BTreeMap<String, (bool, Timestamp)>,
        /// The keys of two profiles, in two files.
        profiles: [String; 2],
        journal: Option<Journal>,
        now: Timestamp,
        /// How far the clock of IAM is from that of this machine.
        skew: i64,
        keep_inactive: bool,
        created: usize,
        /// How many of the keys to come never work.
        duds: usize,
        /// What happened so far, counted.
        effects: usize,
        fault: Option<(usize, Fault)>,
        /// A key that was made useless by another hand.
        dead: Option<String>,
    }

    /// What goes wrong at a change of the world.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fault {
        /// The process is killed, or a request is lost on the way.
        Before,
        /// The process is killed after the change, or an answer is lost on the way.
        After,
        /// The service or the file system refuses.
        Refused,
    }

    /// The process is gone.
    struct Killed;

    impl World {
        fn new(skew: i64, keep_inactive: bool) -> Self {
            let now = Timestamp::from_unix_seconds(1_795_780_800);
            Self {
                keys: [(OLD.to_owned(), (true, now.plus_seconds(-1_000_000)))].into(),
                profiles: [OLD.to_owned(), OLD.to_owned()],
                journal: None,
                now,
                skew,
                keep_inactive,
                created: 0,
                duds: 0,
                effects: 0,
                fault: None,
                dead: None,
            }
        }

        fn list(&self) -> Vec<AccessKey> {
            let keys = self.keys.iter();
            let keys = keys.map(|(id, (is_active, created))| AccessKey {
                id: id.clone(),
                is_active: *is_active,
                created: Some(*created),
                last_use: LastUse::Never,
            });
            keys.collect()
        }

        fn holders(&self, journal: &Journal) -> Holders {
            let has = |id: &str| self.profiles.iter().any(|key| key == id);
            Holders {
                old: has(&journal.old),
                new: journal.new.as_ref().is_some_and(|new| has(&new.id)),
            }
        }

        /// The rule that nothing may break: the key in each file works.
        fn check(&self) {
            for id in self
                .profiles
                .iter()
                .filter(|id| self.dead.as_ref() != Some(id))
            {
                let is_active = self.keys.get(id).is_some_and(|(is_active, _)| *is_active);
                assert!(is_active, "{id} does not work: {self:#?}");
            }
            assert!(self.keys.len() <= 2, "{self:#?}");
        }

        /// Changes the world, unless something goes wrong. Returns false for a refusal.
        fn change(&mut self, change: impl FnOnce(&mut Self)) -> Result<bool, Killed> {
            self.effects += 1;
            self.now = self.now.plus_seconds(1);
            let fault = self.fault.filter(|(at, _)| *at == self.effects);
            match fault.map(|(_, fault)| fault) {
                Some(Fault::Before) => return Err(Killed),
                Some(Fault::Refused) => return Ok(false),
                Some(Fault::After) | None => change(self),
            }
            self.check();
            match fault {
                Some(_) => Err(Killed),
                None => Ok(true),
            }
        }

        /// Does a step. Returns `None` for a refusal.
        fn take(&mut self, rotation: &Rotation, step: &Step) -> Result<Option<Outcome>, Killed> {
            let journal = rotation.journal().clone();
            let mut outcome = Outcome::Done;
            let is_done = match step {
                Step::Save => self.change(|world| world.journal = Some(journal))?,
                Step::Create => {
                    if self.keys.len() == 2 {
                        return Ok(None);
                    }
                    self.created += 1;
                    let id = format!("NEW{}", self.created);
                    outcome = Outcome::Created(Credentials::new(&*id, "secret").unwrap());
                    self.change(|world| {
                        let created = world.now.plus_seconds(world.skew);
                        world.keys.insert(id, (world.duds == 0, created));
                        world.duds = world.duds.saturating_sub(1);
                    })?
                }
                Step::Prove => {
                    let new = journal.new.unwrap();
                    let has_secret = new.secret.is_some() || self.profiles.contains(&new.id);
                    assert!(has_secret, "there is no secret to prove it: {self:#?}");
                    let is_accepted = self.keys.get(&new.id).is_some_and(|(on, _)| *on);
                    self.change(|_| {})? && is_accepted
                }
                Step::Store => {
                    let new = journal.new.unwrap();
                    for index in 0..2 {
                        if self.profiles[index] != OLD {
                            continue;
                        }
                        let id = new.id.clone();
                        if !self.change(|world| world.profiles[index] = id)? {
                            return Ok(None);
                        }
                    }
                    true
                }
                Step::Deactivate => {
                    let old = journal.old;
                    self.change(|world| {
                        if let Some((is_active, _)) = world.keys.get_mut(&old) {
                            *is_active = false;
                        }
                    })?
                }
                Step::Delete(id) => self.change(|world| {
                    world.keys.remove(id);
                })?,
                Step::Activate => self.change(|world| {
                    world.keys.get_mut(&journal.old).unwrap().0 = true;
                })?,
                Step::Restore => {
                    assert!(journal.old_secret.is_some(), "{self:#?}");
                    let new = journal.new.unwrap().id;
                    for index in 0..2 {
                        if self.profiles[index] != new {
                            continue;
                        }
                        let id = journal.old.clone();
                        if !self.change(|world| world.profiles[index] = id)? {
                            return Ok(None);
                        }
                    }
                    true
                }
                Step::Forget => self.change(|world| world.journal = None)?,
                Step::End(_) => unreachable!(),
            };
            Ok(is_done.then_some(outcome))
        }

        /// Runs the command: `--resume` if there is a journal. Returns `None` if it failed.
        fn run(&mut self) -> Result<Option<End>, Killed> {
            let mut rotation = match self.journal.clone() {
                Some(journal) => {
                    let holders = self.holders(&journal);
                    Rotation::resume(journal, self.list(), holders)
                }
                None => {
                    let journal = Journal {
                        user: "ada".to_owned(),
                        old: self.profiles[0].clone(),
                        old_secret: Some("secret".into()),
                        begun: self.now,
                        grace_seconds: GRACE,
                        keep_inactive: self.keep_inactive,
                        new: None,
                        deactivated: None,
                        is_reverted: false,
                    };
                    let holders = self.holders(&journal);
                    Rotation::begin(journal, self.list(), holders).unwrap()
                }
            };
            for _ in 0..50 {
                let step = rotation.next(self.now);
                if let Step::End(end) = step {
                    return Ok(Some(end));
                }
                if let Some(outcome) = self.take(&rotation, &step)? {
                    rotation.done(&step, outcome);
                } else {
                    rotation.set_holders(self.holders(rotation.journal()));
                    if !rotation.refused(&step, step == Step::Prove) {
                        return Ok(None);
                    }
                }
            }
            panic!("it does not end: {self:#?}");
        }

        /// Runs the command until nothing is pending, now that nothing goes wrong any more.
        fn finish(&mut self) {
            self.fault = None;
            self.duds = 0;
            for _ in 0..4 {
                match self.run().ok().flatten() {
                    Some(End::Pending(until)) => {
                        assert!(until <= self.now.plus_seconds(GRACE.into()), "{until}");
                        self.now = until;
                    }
                    Some(End::Rotated) => break,
                    // A key that does not work is deleted, and the next run begins again.
                    Some(End::RolledBack) => assert_eq!(self.list().len(), 1, "{self:#?}"),
                    other => panic!("{other:?}: {self:#?}"),
                }
            }
            assert!(self.journal.is_none(), "{self:#?}");
            assert_ne!(self.profiles[0], OLD);
            assert_eq!(self.profiles[0], self.profiles[1]);
            let kept = usize::from(self.keep_inactive);
            assert_eq!(self.keys.len(), 1 + kept, "{self:#?}");
        }
    }

    const FAULTS: [Fault; 3] = [Fault::Before, Fault::After, Fault::Refused];

    #[test]
    fn a_rotation_that_nothing_disturbs_waits_for_the_grace_period_and_deletes_the_old_key() {
        let mut world = World::new(0, false);
        let until = match world.run().ok().flatten() {
            Some(End::Pending(until)) => until,
            other => panic!("{other:?}"),
        };
        assert_eq!(world.profiles, ["NEW1", "NEW1"]);
        assert!(!world.keys[OLD].0);
        let journal = world.journal.as_ref().unwrap();
        assert!(
            journal.new.as_ref().unwrap().secret.is_none(),
            "{journal:?}"
        );
        assert!(matches!(world.run().ok().flatten(), Some(End::Pending(_))));
        world.now = until;
        assert_eq!(world.run().ok().flatten(), Some(End::Rotated));
        assert_eq!(world.keys.len(), 1);
        let mut world = World::new(0, true);
        world.finish();
        assert!(!world.keys[OLD].0);
    }

    #[test]
    fn a_key_that_services_do_not_accept_is_deleted_and_never_stored() {
        let mut world = World::new(0, false);
        world.duds = 1;
        assert_eq!(world.run().ok().flatten(), Some(End::RolledBack));
        assert_eq!(world.profiles, [OLD, OLD]);
        assert!(
            world.journal.is_none() && world.keys.len() == 1,
            "{world:#?}"
        );
        assert!(world.keys[OLD].0);
    }

    /// At each change of the world, and again at each change of the next run.
    #[test]
    fn whatever_fails_twice_the_key_in_the_files_works_and_the_rotation_can_be_finished() {
        let mut count = 0;
        for (skew, keep_inactive) in [(0, false), (0, true), (-239, false), (239, false)] {
            for first in 0..16 {
                for second in 0..16 {
                    for (fault, next) in FAULTS.iter().flat_map(|a| FAULTS.map(|b| (*a, b))) {
                        let mut world = World::new(skew, keep_inactive);
                        for (at, fault) in [(first, fault), (second, next)] {
                            world.fault = Some((at, fault));
                            world.effects = 0;
                            if let Ok(Some(End::Pending(until))) = world.run() {
                                world.now = until;
                            }
                            world.check();
                            // The rotation is over: the next one would be another.
                            if !world.profiles.contains(&OLD.to_owned()) && world.journal.is_none()
                            {
                                break;
                            }
                        }
                        if world.journal.is_some() || world.profiles[0] == OLD {
                            world.finish();
                        }
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 4 * 16 * 16 * 9);
    }

    #[test]
    fn any_number_of_faults_leaves_a_key_that_works() {
        let mut random = SmallRng::seed_from_u64(15);
        for _ in 0..5_000 {
            let mut world = World::new(random.random_range(-239..240), random.random());
            world.duds = random.random_range(0..3);
            for _ in 0..random.random_range(1..8) {
                let fault = FAULTS[random.random_range(0..3)];
                world.fault = Some((random.random_range(0..12), fault));
                world.effects = 0;
                if let Ok(Some(End::Pending(until))) = world.run() {
                    world.now = until.plus_seconds(random.random_range(-50..50));
                }
                world.check();
                if !world.profiles.contains(&OLD.to_owned()) && world.journal.is_none() {
                    break;
                }
            }
            if world.journal.is_some() || world.profiles[0] == OLD {
                world.finish();
            }
        }
    }

    #[test]
    fn a_key_without_an_answer_is_deleted_and_another_one_never() {
        let key = |id: &str, created: Timestamp, last_use: LastUse| AccessKey {
            id: id.to_owned(),
            is_active: true,
            created: Some(created),
            last_use,
        };
        let now = Timestamp::from_unix_seconds(1_795_780_800);
        let journal = Journal {
            user: "ada".to_owned(),
            old: OLD.to_owned(),
            old_secret: None,
            begun: now,
            grace_seconds: 0,
            keep_inactive: false,
            new: None,
            deactivated: None,
            is_reverted: false,
        };
        let holders = Holders {
            old: true,
            new: false,
        };
        let resume = |old: AccessKey, other, holders| {
            Rotation::resume(journal.clone(), vec![old, other], holders)
        };
        let old = || key(OLD, now.plus_seconds(-9_999), LastUse::Never);
        let next = |other| resume(old(), other, holders).next(now);
        let stopped = Step::End(End::Stopped(Obstacle::TwoKeys));
        let used = LastUse::At {
            time: now,
            service: "s3".to_owned(),
            region: "us-east-1".to_owned(),
        };
        let unused = |created| key("X", created, LastUse::Never);
        assert_eq!(next(unused(now)), Step::Delete("X".to_owned()));
        assert_eq!(next(key("X", now, used)), stopped);
        assert_eq!(next(key("X", now, LastUse::Unknown)), stopped);
        assert_eq!(next(unused(now.plus_seconds(-301))), stopped);
        // The request was over by then.
        assert_eq!(next(unused(now.plus_seconds(1_201))), stopped);
        let other = || unused(now);
        // Its secret is in a profile.
        let known = resume(old(), other(), holders).with_known(vec!["X".to_owned()]);
        assert_eq!(known.clone().next(now), stopped);
        // Another rotation has gone on.
        let inactive = AccessKey {
            is_active: false,
            ..old()
        };
        assert_eq!(resume(inactive, other(), holders).next(now), stopped);
        let gone = Holders {
            old: false,
            ..holders
        };
        assert_eq!(resume(old(), other(), gone).next(now), stopped);
        // The next request has a time of its own.
        let later = now.plus_seconds(9_999);
        let mut again = Rotation::resume(journal.clone(), vec![old()], holders);
        assert_eq!(again.next(later), Step::Save);
        assert_eq!(again.journal().begun, later);
        again.done(&Step::Save, Outcome::Done);
        assert_eq!(again.next(later), Step::Create);
    }

    /// It is deactivated or deleted at any stage after it was stored, and what undoes the rotation
    /// fails at each change of the world.
    #[test]
    fn if_the_new_key_dies_after_it_was_stored_the_old_one_takes_its_place_again() {
        let mut count = 0;
        for stored in 0..16 {
            for is_deleted in [true, false] {
                for (at, fault) in (0..12).flat_map(|at| FAULTS.map(|fault| (at, fault))) {
                    let mut world = World::new(0, false);
                    world.fault = Some((stored, Fault::After));
                    let _ = world.run();
                    let is_stored = world.profiles.contains(&"NEW1".to_owned());
                    if !is_stored || world.journal.is_none() || !world.keys.contains_key(OLD) {
                        continue;
                    }
                    world.dead = Some("NEW1".to_owned());
                    if is_deleted {
                        world.keys.remove("NEW1");
                    } else {
                        world.keys.get_mut("NEW1").unwrap().0 = false;
                    }
                    (world.fault, world.effects) = (Some((at, fault)), 0);
                    let _ = world.run();
                    world.check();
                    world.fault = None;
                    if world.journal.is_some() {
                        assert_eq!(world.run().ok().flatten(), Some(End::RolledBack));
                    }
                    assert!(world.journal.is_none(), "{world:#?}");
                    assert_eq!(world.profiles, [OLD, OLD]);
                    assert!(world.keys[OLD].0 && world.keys.len() == 1, "{world:#?}");
                    count += 1;
                }
            }
        }
        assert!(count > 500, "{count}");
    }

    #[test]
    fn a_new_key_that_died_stops_the_rotation_if_the_old_one_cannot_come_back() {
        let dead = || {
            let mut world = World::new(0, false);
            assert!(matches!(world.run(), Ok(Some(End::Pending(_)))));
            world.now = world.now.plus_seconds(1_000);
            world.keys.remove("NEW1");
            world.dead = Some("NEW1".to_owned());
            world
        };
        let mut world = dead();
        world.journal.as_mut().unwrap().old_secret = None;
        let stopped = Some(End::Stopped(Obstacle::OldSecretLost));
        assert_eq!(world.run().ok().flatten(), stopped);
        assert!(world.keys[OLD].0, "it is active for who has it");
        assert_eq!(world.run().ok().flatten(), stopped);
        let mut world = dead();
        world.journal.as_mut().unwrap().is_reverted = true;
        world.keys.remove(OLD);
        assert_eq!(
            world.run().ok().flatten(),
            Some(End::Stopped(Obstacle::NoKeyLeft))
        );
    }

    #[test]
    fn what_people_changed_meanwhile_stops_a_rotation_or_rolls_it_back() {
        let rotated = || {
            let mut world = World::new(0, false);
            assert!(matches!(world.run(), Ok(Some(End::Pending(_)))));
            world.now = world.now.plus_seconds(1_000);
            world
        };
        let stopped = |world: &mut World, obstacle| {
            assert_eq!(world.run().ok().flatten(), Some(End::Stopped(obstacle)));
            assert!(world.journal.is_some());
        };
        let mut world = rotated();
        world.keys.get_mut(OLD).unwrap().0 = true;
        stopped(&mut world, Obstacle::ActiveAgain);
        let mut world = rotated();
        world.profiles = ["X".to_owned(), "X".to_owned()];
        stopped(&mut world, Obstacle::NewKeyGone);
        let mut world = rotated();
        world.profiles = [OLD.to_owned(), "X".to_owned()];
        stopped(&mut world, Obstacle::OldKeyInUse);

        // Deleted by hand: there is nothing left to do.
        let mut world = rotated();
        world.keys.remove(OLD);
        assert_eq!(world.run().ok().flatten(), Some(End::Rotated));

        let mut world = World::new(0, false);
        world.fault = Some((3, Fault::After));
        assert!(world.run().is_err());
        let journal = world.journal.as_ref().unwrap();
        assert!(journal.new.is_some(), "{journal:?}");
        world.fault = None;
        world.keys.insert("X".to_owned(), (true, world.now));
        world.profiles = ["X".to_owned(), "X".to_owned()];
        let end = {
            world.keys.remove("Y");
            let journal = world.journal.clone().unwrap();
            let holders = world.holders(&journal);
            let mut rotation = Rotation::resume(journal, world.list(), holders);
            rotation.next(world.now)
        };
        assert_eq!(end, Step::Delete("NEW1".to_owned()));
    }
}
