//! `keyfob sign`: a request in, its signature out. Nothing is sent.

mod compare;
mod curl;
mod data;
mod host;
mod input;
mod print;
mod signer;

use keyfob_sigv4::{Payload, Request, Timestamp};

use self::{input::Input, print::Signed, signer::AnySigner};
use crate::{
    args::{Auth, OutputFormat, Print, SignArgs, SignCommand, SigningArgs},
    context::Context,
    failure::Failure,
    output,
};

/// Runs the command.
///
/// # Errors
///
/// When the request is none, when its service is not known, or when there are no credentials.
pub(crate) async fn run(context: &Context, args: &SignArgs) -> Result<(), Failure> {
    if let Some(SignCommand::Compare(args)) = &args.command {
        return compare::run(context, args).await;
    }
    let args = &args.signing;
    if context.globals().output.is_some() {
        return Err(Failure::usage("--output has no meaning for sign")
            .with_hint("--print chooses what is printed; --print json is everything"));
    }
    let input = Input::read(args)?;
    for name in &input.replaced {
        context.console().note(&format!(
            "the header {name} is left out: it is part of a signature, and this one makes its own"
        ));
    }
    let at = moment(args)?;
    let request = request(&input, args)?;
    let signer = AnySigner::new(context, args, request.host()).await?;
    let credentials = context.credentials().await?;
    let signed = signer.sign(args, &request, &credentials, at)?;
    print(context, args, &input, &signed)
}

fn moment(args: &SigningArgs) -> Result<Timestamp, Failure> {
    match &args.at {
        None => Ok(Timestamp::now()),
        Some(text) => text
            .parse()
            .map_err(|error| Failure::usage(format!("--at: {error}"))),
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
    Ok(request.payload(if args.unsigned_payload {
        Payload::Unsigned
    } else {
        Payload::Bytes(&input.body)
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
        Print::Json => output::render(OutputFormat::Json, "Sign", &signed.json(input), 0),
    };
    context.console().data(&text)
}
