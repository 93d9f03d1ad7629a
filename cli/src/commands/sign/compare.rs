use keyfob_sigv4::{
    Request, Timestamp,
    diagnose::{Difference, ServerView},
};
use serde_json::{Value, json};

use super::{body, input::Input, request, signer::AnySigner, time_of_signing};
use crate::{
    args::{CompareArgs, OutputFormat, SigningArgs},
    context::Context,
    failure::Failure,
    terminal::printable_lines,
};

/// Prints where the server sees another request than the one signed here, in the order in which a
/// request is canonicalized: the first difference usually causes the others.
///
/// # Errors
///
/// If the answer shows nothing to compare.
pub(super) async fn run(context: &Context, args: &CompareArgs) -> Result<(), Failure> {
    let answer = body::read("FILE", &args.answer)?;
    let server = ServerView::parse(&String::from_utf8_lossy(&answer));
    let format = context.own_format(args.json);
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
            "AWS's S3 and query services show them with the code SignatureDoesNotMatch; for \
             servers that do not, look at `keyfob sign --print canonical`",
        ));
    }
    print(context, format, &differences)
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

/// Returns the time in the server's string to sign, which is that of the request, unless the
/// arguments give another one.
fn signed_at(args: &SigningArgs, server: &ServerView) -> Result<Timestamp, Failure> {
    // The second line of a string to sign is the time.
    let seen = || server.string_to_sign()?.lines().nth(1)?.parse().ok();
    match args.at {
        None => seen().map_or_else(|| time_of_signing(args), Ok),
        Some(_) => time_of_signing(args),
    }
}

fn print(
    context: &Context,
    format: Option<OutputFormat>,
    differences: &[Difference],
) -> Result<(), Failure> {
    let Some(format) = format else {
        let lines: String = differences
            .iter()
            .map(|difference| printable_lines(&difference.to_string()) + "\n")
            .collect();
        return context.console().write_stdout(lines);
    };
    let list: Value = differences.iter().map(to_json).collect();
    let answer = match format {
        // Text and table give each row the name of the list.
        OutputFormat::Text | OutputFormat::Table => json!({ "differences": list }),
        _ => list,
    };
    context.print_as(format, "Compare", &answer)
}

fn to_json(difference: &Difference) -> Value {
    json!({
        "difference": difference.to_string(),
        "ours": difference.ours(),
        "theirs": difference.theirs(),
        "cause": difference.cause(),
    })
}
