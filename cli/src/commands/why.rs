//! `keyfob why`: the provider chain explained.

use keyfob_chain::{ErrorKind, Explanation, Verdict};
use keyfob_sigv4::Timestamp;
use serde_json::Value;

use crate::{
    context::Context,
    failure::Failure,
    terminal::{Style, printable},
};

/// Prints the explanation of the chain.
///
/// # Errors
///
/// After the explanation, if no provider has credentials or one fails.
pub(super) async fn run(context: &Context, json: bool) -> Result<(), Failure> {
    context.check_profile()?;
    let region = context.region().await?.clone();
    let now = Timestamp::now();
    let resolution = context.chain().explain(now).await;
    let explanation = resolution.explanation.with_region(region);
    match context.own_format(json) {
        Some(format) => {
            let data = serde_json::to_value(&explanation).unwrap_or(Value::Null);
            context.print_as(format, "Why", &data)?;
        }
        None => {
            let home = context.variables().home();
            let text = explanation.text(now, home.as_deref());
            let lines = text.lines().map(|line| paint(context, &explanation, line));
            context.console().write_stdout(lines.collect::<String>())?;
        }
    }
    match resolution.credentials {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NoCredentials => {
            Err(Failure::no_credentials("none of these has credentials"))
        }
        Err(error) => Err(Failure::from_provider(&error)),
    }
}

/// Escapes a line of the text, and colors it: the row of the provider that is used, those that
/// failed, and warnings.
fn paint(context: &Context, explanation: &Explanation, line: &str) -> String {
    let line = printable(line);
    let style = match row(explanation, &line) {
        Some(Verdict::Used) => Some(Style::Good),
        Some(Verdict::Failed) => Some(Style::Bad),
        _ if line.starts_with("warning: ") => Some(Style::Warning),
        _ => None,
    };
    let painted = match style {
        Some(style) => context.console().paint(style, &line),
        None => line.into_owned(),
    };
    painted + "\n"
}

/// Returns the verdict of the provider whose row this is. A row starts with a mark and its number.
fn row(explanation: &Explanation, line: &str) -> Option<Verdict> {
    let numbered = line.strip_prefix(['>', ' '])?.trim_start();
    let number: usize = numbered.split(' ').next()?.parse().ok()?;
    let attempt = explanation.attempts.get(number.checked_sub(1)?)?;
    Some(attempt.verdict)
}
