//! `keyfob why`: the provider chain explained.

use keyfob_chain::{Error, Explanation};
use keyfob_sigv4::Credentials;
use serde_json::Value;

use crate::{
    context::{Context, Explained},
    failure::Failure,
};

/// Prints the explanation of the chain, whatever else is wrong.
///
/// # Errors
///
/// After the explanation: if a profile was named that does not exist, if no provider has
/// credentials or one fails, or if no call can be sent with the region, the endpoint and the other
/// settings.
pub(super) async fn run(context: &Context, json: bool) -> Result<(), Failure> {
    context.check_signs()?;
    let explained = context.explain(!json).await;
    print(context, &explained, json)?;
    explained.profile?;
    check(context, explained.credentials, &explained.explanation)?;
    explained.call?;
    Ok(())
}

fn print(context: &Context, explained: &Explained, json: bool) -> Result<(), Failure> {
    if let Some(format) = context.own_format(json) {
        let data = serde_json::to_value(&explained.explanation).unwrap_or(Value::Null);
        return context.print_as(format, "Why", &data);
    }
    let console = context.console();
    let paint = |style, line: &str| console.paint(style, line);
    let text = explained.text(context, console.terminal_width(), &paint);
    console.write_stdout(text)
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
