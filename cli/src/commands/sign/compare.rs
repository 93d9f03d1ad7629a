use keyfob_sigv4::{
    Request, Timestamp,
    diagnose::{Difference, ServerView},
};
use serde_json::{Value, json};

use super::{
    input::{self, Input},
    moment, request,
    signer::AnySigner,
};
use crate::{
    args::{CompareArgs, OutputFormat, SigningArgs},
    context::Context,
    failure::Failure,
    output,
};

/// Says how the server sees the request otherwise than we do, in the order of what is signed: the first difference is the one
/// to look at.
///
/// # Errors
///
/// When the answer shows nothing that could be compared.
pub(super) async fn run(context: &Context, args: &CompareArgs) -> Result<(), Failure> {
    let answer = input::read(&args.answer)?;
    let server = ServerView::parse(&String::from_utf8_lossy(&answer));
    let args = &args.signing;
    let input = Input::read(args)?;
    let request = request(&input, args)?;
    let at = signed_at(args, &server)?;
    let differences = differences(context, args, &request, &server, at).await?;
    if differences.is_empty() {
        let code = server.code().unwrap_or("no error code");
        return Err(Failure::other(format!(
            "the answer ({code}) shows neither a canonical request nor a string to sign"
        ))
        .with_hint(
            "AWS's S3 and query services show them with the code SignatureDoesNotMatch; many other servers never do: there, look at \
             `keyfob sign --print canonical`",
        ));
    }
    print(context, &differences)
}

async fn differences(
    context: &Context,
    args: &SigningArgs,
    request: &Request<'_>,
    server: &ServerView,
    at: Timestamp,
) -> Result<Vec<Difference>, Failure> {
    let signer = AnySigner::new(context, args, request.host()).await?;
    let credentials = context.credentials().await?;
    let ours = signer.explain(args, request, &credentials, at)?;
    Ok(ours.compare(server))
}

/// The time that the arguments say; otherwise the one in the server's string to sign, which is that of the request.
fn signed_at(args: &SigningArgs, server: &ServerView) -> Result<Timestamp, Failure> {
    let seen = || server.string_to_sign()?.lines().nth(1)?.parse().ok();
    match args.at {
        None => seen().map_or_else(|| moment(args), Ok),
        Some(_) => moment(args),
    }
}

fn print(context: &Context, differences: &[Difference]) -> Result<(), Failure> {
    if let Some(format) = context.output_format()? {
        let data: Value = differences.iter().map(member).collect();
        let width = context.console().width();
        let text = match format {
            OutputFormat::Json => output::render(format, "Compare", &data, width),
            _ => output::render(format, "Compare", &json!({ "Differences": data }), width),
        };
        return context.console().data(&text);
    }
    let lines: String = differences
        .iter()
        .map(|difference| format!("{difference}\n"))
        .collect();
    context.console().data(&lines)
}

fn member(difference: &Difference) -> Value {
    json!({
        "Difference": difference.to_string(),
        "Ours": difference.ours(),
        "Theirs": difference.theirs(),
        "Cause": difference.cause(),
    })
}
