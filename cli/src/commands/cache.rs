//! `keyfob cache`: the sessions in `~/.aws/cli/cache`.

use std::path::PathBuf;

use keyfob_chain::{
    ProfileProvider, Sources,
    files::sessions::{CachedSession, SessionCache},
};
use keyfob_sigv4::Timestamp;
use serde_json::{Value, json};

use crate::{
    args::CacheCommand,
    context::Context,
    failure::Failure,
    terminal::{printable, printable_path},
};

/// Runs the command.
///
/// # Errors
///
/// If there is no home folder, if the folder cannot be read, if the profile is not complete, or if
/// a file cannot be deleted.
pub(super) fn run(context: &Context, command: &CacheCommand) -> Result<(), Failure> {
    let cache = Cache::read(context)?;
    match command {
        CacheCommand::Ls { json } => cache.list(*json),
        CacheCommand::Clear {
            expired,
            dryrun,
            json,
        } => cache.clear(*expired, *dryrun, *json),
    }
}

/// The folder and what is in it: all sessions, or those of the profile that an option names.
struct Cache<'a> {
    context: &'a Context,
    folder: PathBuf,
    sessions: Vec<CachedSession>,
    /// How many files are no sessions.
    others: usize,
    now: Timestamp,
}

impl<'a> Cache<'a> {
    fn read(context: &'a Context) -> Result<Self, Failure> {
        let home = context.variables().home();
        let home = home.ok_or_else(|| Failure::configuration("no home folder: set HOME"))?;
        let disk = home.join(".aws");
        let folder = disk.join("cli").join("cache");
        let cache = SessionCache::read(&folder).map_err(|error| {
            let path = context.shown(&folder.to_string_lossy());
            Failure::other(format!("cannot read {path}: {error}"))
        })?;
        let mut sessions = cache.sessions;
        if context.globals().profile.is_some() {
            context.check_profile()?;
            let sources = Sources::default().with_disk(disk);
            let settings = context.settings().clone().with_sources(sources);
            let files = ProfileProvider::new(settings).session_files()?;
            sessions.retain(|session| files.contains(&session.path));
        }
        Ok(Self {
            context,
            folder,
            sessions,
            others: cache.others,
            now: Timestamp::now(),
        })
    }

    fn list(&self, json: bool) -> Result<(), Failure> {
        if let Some(format) = self.context.own_format(json) {
            let answer = self.answer("sessions", &self.sessions);
            return self.context.print_as(format, "Cache", &answer);
        }
        if self.sessions.is_empty() {
            self.context.console().note("no session is cached");
        }
        let rows = self.sessions.iter().map(|session| self.row(session));
        let rows: Vec<[String; 4]> = rows.collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let widths = [0, 1, 2].map(|column| width(column).unwrap_or(0));
        let mut text = String::new();
        for [kind, of, expiry, file] in &rows {
            let [first, second, third] = widths;
            text += &format!("{kind:first$}  {of:second$}  {expiry:third$}  {file}\n");
        }
        self.context.console().write_stdout(text)?;
        self.note_others();
        Ok(())
    }

    fn clear(&self, expired: bool, dryrun: bool, json: bool) -> Result<(), Failure> {
        let format = self.context.own_format(json);
        let mark = if dryrun { "(dryrun) " } else { "" };
        let mut deleted = Vec::new();
        for session in &self.sessions {
            let is_meant = !expired || self.is_expired(session);
            if !is_meant || !dryrun && !session.remove()? {
                continue;
            }
            deleted.push(session.clone());
            if format.is_none() {
                let path = self.context.shown(&session.path.to_string_lossy());
                let line = format!("{mark}delete: {path}\n");
                self.context.console().write_stdout(line)?;
            }
        }
        if let Some(format) = format {
            let mut answer = self.answer("deleted", &deleted);
            answer["dryrun"] = dryrun.into();
            return self.context.print_as(format, "Cache", &answer);
        }
        self.note_others();
        Ok(())
    }

    /// Says that there are files that no command of Keyfob touches.
    fn note_others(&self) {
        let (files, are) = match self.others {
            0 => return,
            1 => ("file", "is"),
            _ => ("files", "are"),
        };
        let folder = self.context.shown(&self.folder.to_string_lossy());
        let text = format!("{} other {files} in {folder} {are} left alone", self.others);
        self.context.console().note(&text);
    }

    /// Returns what a session is, whom it is for, when it expires, and its file.
    fn row(&self, session: &CachedSession) -> [String; 4] {
        let account = session.account_id.as_ref();
        let account = account.map(|id| format!("account {id}"));
        let profile = session.profile.as_ref();
        let profile = profile.map(|name| format!("profile \"{name}\""));
        let of = session.arn.clone().or(profile).or(account);
        let verb = if self.is_expired(session) {
            "expired"
        } else {
            "expires"
        };
        [
            printable(kind(session)).into_owned(),
            printable(&of.unwrap_or_else(|| "-".to_owned())).into_owned(),
            format!("{verb} {}", session.expiry),
            file(session),
        ]
    }

    fn answer(&self, list: &str, sessions: &[CachedSession]) -> Value {
        let sessions = sessions.iter().map(|session| {
            json!({
                "kind": kind(session),
                "arn": session.arn,
                "account_id": session.account_id,
                "profile": session.profile,
                "expiry": session.expiry.to_string(),
                "is_expired": self.is_expired(session),
                "file": file(session),
            })
        });
        json!({
            "folder": self.folder.to_string_lossy(),
            list: sessions.collect::<Vec<_>>(),
            "other_files": self.others,
        })
    }

    fn is_expired(&self, session: &CachedSession) -> bool {
        session.expiry <= self.now
    }
}

fn kind(session: &CachedSession) -> &str {
    session.provider.as_deref().unwrap_or("role")
}

fn file(session: &CachedSession) -> String {
    let name = session.path.file_name().unwrap_or_default();
    printable_path(name.as_ref())
}
