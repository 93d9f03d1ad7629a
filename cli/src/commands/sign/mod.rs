//! `keyfob sign`: a request in, its signature out. Nothing is sent.

mod host;
mod input;
mod print;

use keyfob_sigv4::{Credentials, Payload, Request, Scope, Signer, Timestamp, Ttl};

pub(super) use self::input::header_of;
use self::{
    host::Target,
    input::Input,
    print::{Form, Signed},
};
use crate::{
    args::{Auth, OutputFormat, Print, SignArgs},
    context::Context,
    failure::Failure,
    output,
};

/// How long a signature in the query works, unless told otherwise.
const DEFAULT_TTL: u64 = 900;

/// Runs the command.
///
/// # Errors
///
/// When the request is none, when its service is not known, or when there are no credentials.
pub(crate) async fn run(context: &Context, args: &SignArgs) -> Result<(), Failure> {
    let input = Input::read(args)?;
    let at = moment(args)?;
    let request = request(&input, args)?;
    let signer = signer(context, args, request.host()).await?;
    let credentials = context.credentials().await?;
    let signed = sign(args, &signer, &request, &credentials, at)?;
    print(context, args, &input, &signed)
}

fn moment(args: &SignArgs) -> Result<Timestamp, Failure> {
    match &args.at {
        None => Ok(Timestamp::now()),
        Some(text) => text
            .parse()
            .map_err(|error| Failure::usage(format!("--at: {error}"))),
    }
}

fn request<'a>(input: &'a Input, args: &SignArgs) -> Result<Request<'a>, Failure> {
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

/// The service is what the arguments say or the host tells; so is the region, before the configuration is asked.
async fn signer(context: &Context, args: &SignArgs, host: &str) -> Result<Signer, Failure> {
    let target = host::target(host);
    let (service, host_region) = match (&args.service, target) {
        (Some(service), target) => (service.clone(), target.and_then(|target| target.region)),
        (None, Some(Target { service, region })) => (service, region),
        (None, None) => {
            return Err(
                Failure::usage(format!("the host {host} does not tell its service"))
                    .with_hint("give it with --service, such as s3, execute-api or es"),
            );
        }
    };
    let region = match host_region {
        Some(region) if context.globals().region.is_none() => region,
        _ => context.region().await?.name().to_owned(),
    };
    match service.as_str() {
        "s3" => Ok(Signer::s3(&region)?),
        service => Ok(Signer::new(Scope::new(&region, service)?)),
    }
}

fn sign(
    args: &SignArgs,
    signer: &Signer,
    request: &Request<'_>,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Signed, Failure> {
    let ttl = Ttl::from_secs(args.expires_in.unwrap_or(DEFAULT_TTL))
        .map_err(|error| Failure::usage(format!("--expires-in: {error}")))?;
    Ok(match args.auth {
        Auth::Header => Signed {
            explanation: signer.explain(request, credentials, at),
            form: Form::Header(signer.sign(request, credentials, at)),
        },
        Auth::Query => Signed {
            explanation: signer.explain_presign(request, credentials, at, ttl),
            form: Form::Query(signer.presign(request, credentials, at, ttl)),
        },
    })
}

fn print(
    context: &Context,
    args: &SignArgs,
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
        Print::Curl => signed.curl(input),
        Print::Url => line(signed.url(input)),
        Print::Canonical => line(signed.explanation.canonical_request()),
        Print::Sts => line(signed.explanation.string_to_sign()),
        Print::Json => output::render(OutputFormat::Json, "Sign", &signed.json(input), 0),
    };
    context.console().data(&text)
}
