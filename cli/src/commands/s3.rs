//! `keyfob s3 presign`: URLs that carry their signature. Nothing is sent.

use keyfob_sigv4::{Payload, Presigned, Request, Signer, Timestamp, Ttl, uri};

use crate::{
    args::{PresignArgs, S3Command},
    context::Context,
    failure::Failure,
    s3,
    syntax::{header_of, url::has_dot_segments},
};

/// Runs the command.
///
/// # Errors
///
/// Those of its parts: a bad URI, no credentials.
pub(super) async fn run(context: &Context, command: &S3Command) -> Result<(), Failure> {
    let S3Command::Presign(args) = command;
    let ttl = Ttl::from_secs(args.expires_in.into())
        .map_err(|error| Failure::usage(format!("--expires-in: {error}")))?;
    let (bucket, key) = s3::split(&args.uri)?;
    let headers = headers(args)?;
    let credentials = context.credentials().await?;
    let region = context.region().await?.name();
    let endpoint = context.endpoint_url("s3")?;
    let endpoint = endpoint.as_ref().map(|(url, _)| *url);
    let url = s3::url(endpoint, region, bucket, key, wants_path(context)) + &query(args);
    let signer = Signer::s3(region)?;
    let mut request = Request::new(&args.method, &url)?;
    for (name, value) in &headers {
        request = request.header(name, value)?;
    }
    let request = request.payload(Payload::Unsigned);
    let presigned = signer.presign(&request, &credentials, Timestamp::now(), ttl);
    warn_if_short(context, args, &presigned)?;
    if has_dot_segments(&url) {
        context.console().warn("the key has `.` or `..` between slashes, which clients take out of a URL: curl keeps them with --path-as-is");
    }
    context.console().data(&format!("{}\n", presigned.as_str()))
}

/// Whether the profile says `addressing_style = path` below `s3`.
fn wants_path(context: &Context) -> bool {
    let style = || {
        let profile = context.settings().profile().ok()??;
        profile.get("s3")?.nested("addressing_style")
    };
    style().is_some_and(|style| style.as_str() == "path")
}

fn query(args: &PresignArgs) -> String {
    let parameters = [
        ("versionId", &args.version_id),
        (
            "response-content-disposition",
            &args.response_content_disposition,
        ),
        ("response-content-type", &args.response_content_type),
    ];
    let given: Vec<String> = parameters
        .iter()
        .filter_map(|(name, value)| {
            let value = uri::encode_component(value.as_deref()?);
            Some(format!("{name}={value}"))
        })
        .collect();
    match given.is_empty() {
        true => String::new(),
        false => format!("?{}", given.join("&")),
    }
}

fn headers(args: &PresignArgs) -> Result<Vec<(String, String)>, Failure> {
    let mut headers = Vec::new();
    for header in &args.headers {
        if let (name, Some(value)) = header_of(header)? {
            headers.push((name, value));
        }
    }
    if let Some(kind) = &args.content_type {
        headers.push(("content-type".to_owned(), kind.clone()));
    }
    Ok(headers)
}

/// A URL that is to work for a week is worth nothing when the session behind it ends in an hour.
fn warn_if_short(
    context: &Context,
    args: &PresignArgs,
    presigned: &Presigned,
) -> Result<(), Failure> {
    let Some(end) = presigned.expires_early() else {
        return Ok(());
    };
    let text = format!(
        "the URL stops working at {end}, when the credentials end, before its {} s are over",
        args.expires_in
    );
    if args.strict {
        return Err(Failure::configuration(text).with_hint(
            "sign with credentials that last longer, or ask for less with --expires-in",
        ));
    }
    context.console().warn(&text);
    Ok(())
}
