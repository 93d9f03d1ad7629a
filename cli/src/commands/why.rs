//! `keyfob why`: the provider chain explained.

use keyfob_chain::ErrorKind;
use keyfob_sigv4::Timestamp;
use serde_json::Value;

use crate::{args::OutputFormat, context::Context, failure::Failure};

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
    let format = if json {
        Some(OutputFormat::Json)
    } else {
        context.globals().output
    };
    match format {
        Some(format) => {
            let data = serde_json::to_value(&explanation).unwrap_or(Value::Null);
            context.print_as(format, "Why", &data)?;
        }
        None => {
            let home = context.variables().home();
            let text = explanation.text(now, home.as_deref());
            context.console().write_stdout(text)?;
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
