//! `keyfob s3 presign`: URLs that carry their signature. Nothing is sent.

use keyfob_chain::settings::{
    S3_ADDRESSING_STYLE, S3_US_EAST_1_REGIONAL_ENDPOINT, S3_USE_ACCELERATE_ENDPOINT,
    S3_USE_DUALSTACK_ENDPOINT,
};
use keyfob_sigv4::{Payload, Presigned, Request, Signer, Timestamp, Ttl, uri};
use keyfob_sts::Endpoint;

use crate::{
    args::{PresignArgs, S3Command, in_range_as_aws},
    context::Context,
    failure::Failure,
    s3::{Addressing, Object, S3, S3_ACCELERATE, is_accelerated},
    syntax::{expand_number, has_dot_segments, parse_header},
};

/// Runs the command.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(super) async fn run(context: &Context, command: &S3Command) -> Result<(), Failure> {
    let S3Command::Presign(args) = command;
    let seconds = expand_number(
        &args.expires_in,
        in_range_as_aws(1..=u32::MAX),
        context.settings().variables(),
    )?;
    let ttl = ttl(context, args, seconds)?;
    let object = Object::parse(&args.uri)?;
    let headers = headers(args)?;
    let credentials = context.credentials_to_sign().await?;
    let (endpoint, addressing) = endpoint(context).await?;
    let url = object.url(&endpoint.url(), addressing)? + &query(args);
    if has_dot_segments(&url) {
        context.console().warn(
            "the key has a segment `.` or `..`, which clients remove from a URL; \
             curl keeps it with --path-as-is",
        );
    }
    let mut request = Request::new(&args.method, &url)?.payload(Payload::Unsigned);
    for (name, value) in &headers {
        request = request.header(name, value)?;
    }
    let Some(credentials) = credentials else {
        return context.console().write_stdout(format!("{url}\n"));
    };
    let region = endpoint.signing_region().unwrap_or_default();
    let presigned = Signer::s3(region)?.presign(&request, &credentials, Timestamp::now(), ttl)?;
    check_expiry(context, args, seconds, &presigned)?;
    context
        .console()
        .write_stdout(format!("{}\n", presigned.as_str()))
}

/// Returns how long the URL works. S3 refuses a URL that states more than a week, so a week is
/// signed then: `aws` prints the URL that S3 refuses.
fn ttl(context: &Context, args: &PresignArgs, seconds: u32) -> Result<Ttl, Failure> {
    let Ok(ttl) = Ttl::from_secs(seconds.into()) else {
        let text = format!(
            "S3 accepts at most {} s, which is a week: the URL does not work for {seconds} s",
            Ttl::MAX.as_secs(),
        );
        if args.strict {
            return Err(Failure::usage(format!("--expires-in: {text}")));
        }
        context.console().warn(&format!("--expires-in: {text}"));
        return Ok(Ttl::MAX);
    };
    Ok(ttl)
}

/// Returns the endpoint that the settings choose, and where its URLs have the bucket.
async fn endpoint(context: &Context) -> Result<(Endpoint, Addressing), Failure> {
    let custom = context.endpoint_url("s3")?;
    for finding in context.settings().s3_findings() {
        context.print_finding(&finding);
    }
    let is_accelerating = context.settings().flag(&S3_USE_ACCELERATE_ENDPOINT);
    let addressing = match &custom {
        None if is_accelerating => Addressing::OnlyVirtual,
        None => addressing(context, None),
        Some((url, _)) if !is_accelerating => addressing(context, Some(url)),
        Some((_, origin)) => {
            return Err(Failure::configuration(format!(
                "s3.use_accelerate_endpoint does not work with a custom endpoint ({origin}): \
                 drop one of the two"
            )));
        }
    };
    let (service, hosts) = match addressing {
        Addressing::OnlyVirtual => ("S3 transfer acceleration", S3_ACCELERATE),
        _ => ("S3", S3),
    };
    let builder = Endpoint::builder().hosts(hosts);
    let region = context.region().await?;
    let argument = context.endpoint_argument();
    let kind = context.settings().choice(&S3_US_EAST_1_REGIONAL_ENDPOINT)?;
    let is_legacy = kind == Some("legacy");
    let mut builder = context
        .settings()
        .endpoint(builder, "s3", region, argument)?
        .legacy_global(is_legacy);
    if context.settings().flag(&S3_USE_DUALSTACK_ENDPOINT) {
        builder = builder.dual_stack(true);
    }
    let endpoint = builder.build().map_err(|error| {
        let message = format!("{service} cannot be used with these settings: {error}");
        Failure::configuration(message)
    })?;
    Ok((endpoint, addressing))
}

/// Reads `addressing_style`, for a custom endpoint if there is one.
///
/// A server that people run themselves often has no DNS entry for each bucket, so a custom endpoint
/// has the bucket in the path unless the setting asks for the host, as in `aws`.
fn addressing(context: &Context, custom: Option<&str>) -> Addressing {
    let style = context.settings().find(&S3_ADDRESSING_STYLE);
    match (style.as_ref().map(|style| style.text), custom) {
        (Some("path"), _) => Addressing::Path,
        (Some("virtual"), _) => Addressing::Virtual,
        (_, Some(url)) if !is_accelerated(url) => Addressing::Path,
        _ => Addressing::Virtual,
    }
}

/// Returns the query string with its `?`, or nothing.
fn query(args: &PresignArgs) -> String {
    let disposition = &args.response_content_disposition;
    let parameters = [
        ("versionId", &args.version_id),
        ("response-content-disposition", disposition),
        ("response-content-type", &args.response_content_type),
    ];
    let mut query = String::new();
    for (name, value) in parameters {
        if let Some(value) = value {
            query.push(if query.is_empty() { '?' } else { '&' });
            query += &format!("{name}={}", uri::encode_component(value));
        }
    }
    query
}

fn headers(args: &PresignArgs) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for header in &args.headers {
        if let (name, Some(value)) = parse_header(header)? {
            headers.push((name, value));
        }
    }
    if let Some(content_type) = &args.content_type {
        headers.push(("content-type".to_owned(), content_type.clone()));
    }
    Ok(headers)
}

/// Warns, or with `--strict` fails, if the credentials expire before the URL.
fn check_expiry(
    context: &Context,
    args: &PresignArgs,
    seconds: u32,
    presigned: &Presigned,
) -> Result<(), Failure> {
    let Some(expiry) = presigned.expires_early() else {
        return Ok(());
    };
    let text = if expiry <= Timestamp::now() {
        format!("the URL never works, because the credentials expired at {expiry}")
    } else {
        format!(
            "the URL stops working at {expiry}, when the credentials expire, before its {seconds} s \
             have passed",
        )
    };
    if args.strict {
        return Err(Failure::configuration(text).with_hint(
            "sign with credentials that last longer, or ask for less with --expires-in",
        ));
    }
    context.console().warn(&text);
    Ok(())
}
