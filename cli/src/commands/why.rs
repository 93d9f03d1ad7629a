use keyfob_chain::ErrorKind;
use keyfob_sigv4::Timestamp;
use serde_json::Value;

use crate::{args::OutputFormat, context::Context, failure::Failure};

/// Explains the chain: exit code 0 when it has credentials, 253 when it has none.
///
/// # Errors
///
/// When there are no credentials, after the explanation is printed.
pub(crate) async fn run(context: &Context, json: bool) -> Result<(), Failure> {
    context.check_profile()?;
    let region = context.region().await?.clone();
    let now = Timestamp::now();
    let resolution = context.chain().explain(now).await;
    let explanation = resolution.explanation.with_region(region);
    let asked = context.globals().output.filter(|_| !json);
    if json || asked.is_some() {
        let data = serde_json::to_value(&explanation).unwrap_or(Value::Null);
        let format = asked.unwrap_or(OutputFormat::Json);
        let width = context.console().width();
        let text = crate::output::render(format, "Why", &data, width);
        context.console().data(&text)?;
    } else {
        let home = context.env().home();
        let text = explanation.text(now, home.as_deref());
        context.console().data(&text)?;
    }
    match resolution.credentials {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NoCredentials => {
            Err(Failure::no_credentials("none of these has credentials"))
        }
        Err(error) => Err(Failure::from(&error)),
    }
}
