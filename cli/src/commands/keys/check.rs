//! `keyfob keys check`: what there is to do about the keys of a user.

use keyfob_chain::{Finding, FindingKind, Origin, Severity, shell};
use serde_json::json;

use super::list::{Keys, days};
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
        user: &keys.user,
    };
    let mut findings = Vec::new();
    for key in &keys.keys {
        let warn = |text| Finding::warning(FindingKind::LongLivedKey, text);
        let Some(age) = keys.age(key) else {
            let text = format!("when {} was created is not known", key.id);
            findings.push(warn(text));
            continue;
        };
        let is_of_rotation = keys.rotation.as_ref().is_some_and(|one| one.old == key.id);
        if age <= i64::from(max_age.seconds) || is_of_rotation {
            continue;
        }
        let holders = keys.holders(key);
        let text = format!("{} is {}, more than {max_age}", key.id, days(age));
        let finding = match (key.is_active, holders.first()) {
            (true, Some(holder)) => warn(text)
                .with_origin(Origin::File {
                    file: holder.file(),
                    line: holder.line,
                    section: holder.name.name().to_owned(),
                })
                .with_cure(commands.rotate()),
            (true, None) => warn(format!("{text}, and no profile has it")),
            (false, _) => warn(format!("{text}, and inactive")).with_cure(commands.delete(&key.id)),
        };
        findings.push(finding);
    }
    let active = keys.keys.iter().filter(|key| key.is_active);
    if active.count() > 1 && keys.rotation.is_none() {
        let text = format!(
            "the user {} has two active access keys: one of them is enough",
            keys.user
        );
        findings.push(Finding::warning(FindingKind::LongLivedKey, text));
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

/// The commands that cure findings, with the options of this one.
struct Commands<'a> {
    context: &'a Context,
    args: &'a UserArgs,
    user: &'a str,
}

impl Commands<'_> {
    fn rotate(&self) -> String {
        self.command("keyfob keys rotate")
    }

    fn resume(&self) -> String {
        self.command("keyfob keys rotate --resume")
    }

    fn delete(&self, id: &str) -> String {
        let (user, id) = (
            shell::option("--user-name", self.user),
            shell::option("--access-key-id", id),
        );
        self.with_profile(format!("keyfob iam delete-access-key {user} {id}"))
    }

    fn command(&self, command: &str) -> String {
        let command = match &self.args.user_name {
            Some(user) => format!("{command} {}", shell::option("--user-name", user)),
            None => command.to_owned(),
        };
        self.with_profile(command)
    }

    fn with_profile(&self, command: String) -> String {
        match &self.context.globals().profile {
            Some(profile) => format!("{command} {}", shell::option("--profile", profile)),
            None => command,
        }
    }
}
