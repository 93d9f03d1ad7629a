//! `keyfob sign`: signs a request and prints the result. Nothing is sent.

mod body;
mod compare;
mod curl;
mod data;
mod headers;
mod input;
mod print;
mod raw_request;
mod signer;

use keyfob_sigv4::{Explanation, Payload, Request, Timestamp};

pub(super) use self::{
    body::{Body, read},
    data::{append_to_url, to_body},
    input::Input,
    signer::scope,
};
use self::{print::Signed, signer::AnySigner};
use crate::{
    args::{Auth, OutputFormat, Print, SignArgs, SignCommand, SigningArgs},
    context::Context,
    failure::Failure,
};

/// Runs the command.
///
/// # Errors
///
/// If the request is malformed, if its service is unknown, or if there are no credentials.
pub(crate) async fn run(context: &Context, args: &SignArgs) -> Result<(), Failure> {
    if let Some(SignCommand::Compare(args)) = &args.command {
        return compare::run(context, args).await;
    }
    let args = &args.signing;
    if context.globals().output.is_some() {
        return Err(Failure::usage("sign does not use --output")
            .with_hint("--print chooses what is printed; --print json is everything"));
    }
    let mut input = Input::read(args)?;
    for name in &input.replaced {
        context.console().note(&format!(
            "the header {name} is left out: it belongs to an earlier signature"
        ));
    }
    let at = time_of_signing(args)?;
    let signer = AnySigner::new(context, args, request(&input, args)?.host()).await?;
    let credentials = context.credentials().await?;
    write_as_signed(&mut input, |input| {
        signer.explain(args, &request(input, args)?, &credentials, at)
    })?;
    let signed = signer.sign(args, &request(&input, args)?, &credentials, at)?;
    print(context, args, &input, &signed)
}

/// Writes the host and the path in the form that is signed: what is printed is what is sent.
///
/// Many servers verify the path as they would write it, so the canonical form is the safest one to
/// send. Services other than S3 encode the path once more; sending that form would be another path,
/// which its own canonical request shows.
fn write_as_signed(
    input: &mut Input,
    explain: impl Fn(&Input) -> Result<Explanation, Failure>,
) -> Result<(), Failure> {
    let signed = explain(input)?;
    // The second line of a canonical request is the path.
    let path = signed.canonical_request().lines().nth(1);
    let given = input.url.clone();
    input.set_path(path.unwrap_or_default());
    let is_same =
        explain(input).is_ok_and(|other| other.canonical_request() == signed.canonical_request());
    if !is_same {
        input.url = given;
    }
    if let Some(host) = header_of(signed.canonical_request(), "host") {
        input.set_host(host);
    }
    Ok(())
}

/// Returns the value of a header in a canonical request.
fn header_of<'a>(canonical_request: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = canonical_request.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

fn time_of_signing(args: &SigningArgs) -> Result<Timestamp, Failure> {
    match &args.at {
        None => Ok(Timestamp::now()),
        Some(text) => text.parse().map_err(|error: keyfob_sigv4::Error| {
            Failure::usage(format!("--at: {}", error.message()))
        }),
    }
}

fn request<'a>(input: &'a Input, args: &SigningArgs) -> Result<Request<'a>, Failure> {
    let mut request = match (input.host(), input.split_url()) {
        (Some(host), Some((scheme, target))) => {
            Request::from_parts(&input.method, scheme, host, target)?
        }
        _ => Request::new(&input.method, &input.url)?,
    };
    for (name, value) in &input.headers {
        if !name.eq_ignore_ascii_case("host") {
            request = request.header(name, value)?;
        }
    }
    Ok(request.payload(if args.signature.unsigned_payload {
        Payload::Unsigned
    } else {
        Payload::Bytes(input.body.bytes())
    }))
}

fn print(
    context: &Context,
    args: &SigningArgs,
    input: &Input,
    signed: &Signed,
) -> Result<(), Failure> {
    let default = match args.auth {
        Auth::Header => Print::Headers,
        Auth::Query => Print::Url,
    };
    let line = |text: &str| format!("{text}\n");
    let text = match args.print.unwrap_or(default) {
        Print::Headers => signed.header_lines(input),
        Print::Curl => curl::command(input, signed)?,
        Print::Url => line(signed.url(input)),
        Print::Canonical => line(signed.explanation.canonical_request()),
        Print::Sts => line(signed.explanation.string_to_sign()),
        Print::Json => return context.print_as(OutputFormat::Json, "Sign", &signed.json(input)),
    };
    context.console().write_stdout(text)
}
