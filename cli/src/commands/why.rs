//! `keyfob why`: the provider chain explained.

use keyfob_chain::{Error, Explanation, TextPart, TextStyle};
use keyfob_sigv4::{Credentials, Timestamp};
use serde_json::Value;

use crate::{
    context::Context,
    failure::Failure,
    terminal::{Style, printable},
};

/// Prints the explanation of the chain, whatever else is wrong.
///
/// # Errors
///
/// After the explanation: if a profile was named that does not exist, if no provider has
/// credentials or one fails, or if the region cannot be used.
pub(super) async fn run(context: &Context, json: bool) -> Result<(), Failure> {
    let now = Timestamp::now();
    let resolution = context.chain().explain(now).await;
    let region = context.settings().resolve_region(None, now).await;
    let profile = context.check_profile();
    let mut explanation = resolution
        .explanation
        .with_findings(context.settings().findings(region.as_ref().ok()));
    if let Ok(region) = &region {
        explanation = explanation.with_region(region.clone());
    }
    explanation = with_endpoint(context, explanation);
    if let Err(error) = &profile {
        explanation = explanation.with_error(error);
    }
    print(context, &explanation, now, json)?;
    profile?;
    check(context, resolution.credentials, &explanation)?;
    region?;
    Ok(())
}

fn with_endpoint(context: &Context, explanation: Explanation) -> Explanation {
    let (settings, argument) = (context.settings(), context.endpoint_argument());
    let clear_text = settings.clear_text_finding(argument).ok().flatten();
    let explanation = explanation.with_findings(clear_text);
    if let Some(argument) = argument {
        return explanation.with_endpoint(argument.value, argument.origin());
    }
    // Without a profile that can be read there is no endpoint of it.
    match settings.endpoint_url("sts") {
        Ok(Some(url)) => explanation.with_endpoint(url.text, url.origin),
        Ok(None) | Err(_) => explanation,
    }
}

fn print(
    context: &Context,
    explanation: &Explanation,
    now: Timestamp,
    json: bool,
) -> Result<(), Failure> {
    if let Some(format) = context.own_format(json) {
        let data = serde_json::to_value(explanation).unwrap_or(Value::Null);
        return context.print_as(format, "Why", &data);
    }
    let console = context.console();
    // Each line may have words of a service or a file.
    let paint = |part: TextPart, line: &str| {
        let line = printable(line);
        let style = match part {
            TextPart::Winner => Style::Good,
            TextPart::Failed => Style::Bad,
            TextPart::Warning => Style::Warning,
            _ => return line.into_owned(),
        };
        console.paint(style, &line)
    };
    let home = context.variables().home();
    let mut style = TextStyle::default()
        .with_home(home.as_deref())
        .with_paint(&paint)
        .with_error_below();
    if let Some(columns) = console.terminal_width() {
        style = style.with_width(columns);
    }
    console.write_stdout(explanation.styled_text(now, &style))
}

fn check(
    context: &Context,
    credentials: Result<Credentials, Error>,
    explanation: &Explanation,
) -> Result<(), Failure> {
    let Err(error) = credentials else {
        return Ok(());
    };
    let none = context.no_credentials(&error, explanation, "none of these has credentials");
    Err(none.unwrap_or_else(|| Failure::from_provider(&error)))
}
