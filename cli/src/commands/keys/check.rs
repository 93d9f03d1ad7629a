//! `keyfob keys check`: what there is to do about the keys of a user.

use keyfob_chain::{Finding, FindingKind, Origin, Severity, shell};
use serde_json::json;

use super::{
    iam::AccessKey,
    list::{Keys, days},
    owner,
    profiles::Holder,
};
use crate::{
    args::{Span, UserArgs},
    context::Context,
    failure::Failure,
    terminal::Style,
};

/// Prints the findings.
///
/// # Errors
///
/// After the list: exits with 1 if there is a warning. If there is no user, or if IAM refuses.
pub(super) async fn run(
    context: &Context,
    args: &UserArgs,
    max_age: Span,
    json: bool,
) -> Result<(), Failure> {
    let keys = Keys::read(context, args).await?;
    let findings = findings(context, args, &keys, max_age);
    let is_fine = findings.iter().all(|one| one.severity < Severity::Warning);
    match context.own_format(json) {
        Some(format) => {
            let answer = json!({"ok": is_fine, "user": keys.user, "findings": findings});
            context.print_as(format, "Check", &answer)?;
        }
        None => context
            .console()
            .write_stdout(text(context, &keys, &findings))?,
    }
    if is_fine {
        Ok(())
    } else {
        Err(Failure::negative())
    }
}

fn text(context: &Context, keys: &Keys, findings: &[Finding]) -> String {
    let console = context.console();
    if findings.is_empty() {
        let text = match keys.keys.len() {
            0 => format!("the user {} has no access key", keys.user),
            1 => format!("the access key of the user {} is in order", keys.user),
            _ => format!("the access keys of the user {} are in order", keys.user),
        };
        return format!("{}       {text}\n", console.paint(Style::Good, "ok"));
    }
    let mut text = String::new();
    for finding in findings {
        let (name, style) = match finding.severity {
            Severity::Note => ("note   ", Style::Strong),
            _ => ("warning", Style::Warning),
        };
        let line = finding.line(context.variables().home().as_deref());
        text += &format!("{}  {line}\n", console.paint(style, name));
        if let Some(cure) = &finding.cure {
            text += &format!("  cure:  {cure}\n");
        }
    }
    text
}

fn findings(context: &Context, args: &UserArgs, keys: &Keys, max_age: Span) -> Vec<Finding> {
    let commands = Commands {
        context,
        args,
        keys,
    };
    let warn = |text| Finding::warning(FindingKind::LongLivedKey, text);
    let is_old = |key: &AccessKey| {
        let age = keys.age(key);
        age.is_some_and(|age| age > i64::from(max_age.seconds))
    };
    let mut findings = Vec::new();
    for key in &keys.keys {
        let Some(age) = keys.age(key) else {
            let text = format!("when {} was created is not known", key.id);
            findings.push(warn(text));
            continue;
        };
        let is_of_rotation = keys.rotation.as_ref().is_some_and(|one| one.old == key.id);
        if !is_old(key) || is_of_rotation {
            continue;
        }
        let text = format!("{} is {}, more than {max_age}", key.id, days(age));
        findings.push(old_key(&commands, key, text, is_old));
    }
    let active: Vec<&AccessKey> = keys.keys.iter().filter(|key| key.is_active).collect();
    if let ([first, second], None) = (&active[..], &keys.rotation) {
        let text = format!(
            "the user {} has two active access keys: one of them is enough",
            keys.user
        );
        let spare = keys.spare([first, second], max_age);
        findings.push(match spare {
            Some(key) => warn(format!(
                "{text}; {} is in no profile, {}",
                key.id,
                key.last_use.text()
            ))
            .with_cure(commands.deactivate(&key.id)),
            None => warn(text),
        });
    }
    if let Some(rotation) = &keys.rotation {
        let text = format!("a rotation is not finished: {}", rotation.state());
        findings.push(if rotation.is_waiting_at(keys.now) {
            Finding::note(FindingKind::Waiting, text)
        } else {
            Finding::warning(FindingKind::Waiting, text).with_cure(commands.resume())
        });
    }
    findings
}

/// Returns the finding for a key that is too old, as `text` says.
fn old_key(
    commands: &Commands<'_>,
    key: &AccessKey,
    text: String,
    is_old: impl Fn(&AccessKey) -> bool,
) -> Finding {
    let warn = |text| Finding::warning(FindingKind::LongLivedKey, text);
    let keys = commands.keys;
    if !key.is_active {
        return warn(format!("{text}, and inactive")).with_cure(commands.delete(&key.id));
    }
    let holders = keys.holders(key);
    let Some(holder) = holders.first() else {
        return warn(format!("{text}, and no profile has it"));
    };
    let other = keys.keys.iter().find(|other| other.id != key.id);
    let (text, cure) = match (&keys.rotation, other) {
        (Some(_), _) => (text, None),
        (None, None) => (text, commands.rotate(&holders)),
        // There can be no third key.
        (None, Some(other)) if other.is_active => {
            let text = format!("{text}; it can be rotated when it is the only one");
            (text, None)
        }
        (None, Some(other)) => {
            let delete = commands.delete(&other.id);
            let rotate = commands.rotate(&holders);
            // A key that is old, too, has a finding with this cure.
            let rotate = rotate.filter(|_| !is_old(other));
            let cure = rotate.map(|rotate| format!("{delete} && {rotate}"));
            (
                format!("{text}; the inactive {} has to go first", other.id),
                cure,
            )
        }
    };
    let finding = warn(text).with_origin(Origin::File {
        file: holder.file(),
        line: holder.line,
        section: holder.name.name().to_owned(),
    });
    match cure {
        Some(cure) => finding.with_cure(cure),
        None => finding,
    }
}

/// The commands that cure findings, with the options of this one.
struct Commands<'a> {
    context: &'a Context,
    args: &'a UserArgs,
    keys: &'a Keys,
}

impl Commands<'_> {
    /// Returns the command that rotates the key of these profiles. A key in use that is not from a
    /// file is rotated by a profile that has it, too.
    fn rotate(&self, holders: &[Holder]) -> Option<String> {
        let globals = self.context.globals();
        let words = ["keyfob keys rotate".to_owned()];
        if let Some((_, false)) = self.keys.in_use {
            let profile = holders.iter().find_map(Holder::direct)?;
            return Some(globals.follow_up_with(Some(profile), words));
        }
        let user = self.args.user_name.as_deref();
        let user = user.map(|user| shell::option("--user-name", user));
        Some(globals.follow_up(words.into_iter().chain(user)))
    }

    fn resume(&self) -> String {
        let profile = self.context.globals().profile.as_deref();
        owner::resume(self.context, profile, self.args.user_name.as_deref())
    }

    fn delete(&self, id: &str) -> String {
        self.iam("delete-access-key", id, None)
    }

    fn deactivate(&self, id: &str) -> String {
        self.iam(
            "update-access-key",
            id,
            Some("--status Inactive".to_owned()),
        )
    }

    fn iam(&self, command: &str, id: &str, more: Option<String>) -> String {
        owner::iam_command(self.context, &self.keys.user, command, id, more)
    }
}
