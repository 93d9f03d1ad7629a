//! `keyfob s3 presign`: URLs that carry their signature. Nothing is sent.

use keyfob_sigv4::{Payload, Request, Signer, Timestamp, Ttl, uri};
use tracing::debug;

use crate::{
    args::{PresignArgs, in_range_as_aws},
    commands::s3::address,
    context::Context,
    failure::Failure,
    s3::Object,
    syntax::{expand_number, has_dot_segments, parse_header},
};

/// Runs the command.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(super) async fn run(context: &Context, args: &PresignArgs) -> Result<(), Failure> {
    let lifetime = Lifetime::read(context, args)?;
    let object = Object::parse(&args.uri)?;
    let headers = headers(args)?;
    let credentials = context.credentials_to_sign().await?;
    let credentials = credentials.map(|credentials| context.with_end(credentials));
    let address = address(context).await?;
    let endpoint = address.endpoint(None)?;
    let url = object.url(&endpoint.url(), address.addressing())? + &query(args);
    if has_dot_segments(&url) {
        context.console().warn(
            "the key has a segment `.` or `..`, which clients remove from a URL; \
             curl keeps it with --path-as-is",
        );
    }
    let method = args.method.to_ascii_uppercase();
    let mut request = Request::new(&method, &url)?.payload(Payload::Unsigned);
    for (name, value) in &headers {
        request = request.header(name, value)?;
    }
    let Some(credentials) = credentials else {
        return context.console().write_stdout(format!("{url}\n"));
    };
    let region = endpoint.signing_region().unwrap_or_default();
    debug!(endpoint = endpoint.url(), region, "signing for s3");
    let signer = Signer::s3(region)?;
    let presigned = signer.presign(&request, &credentials, Timestamp::now(), lifetime.ttl)?;
    lifetime.check(context, args, "URL", presigned.expires_early())?;
    context
        .console()
        .write_stdout(format!("{}\n", presigned.as_str()))
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

/// How long what is signed should work, and how long it can.
pub(super) struct Lifetime {
    seconds: u32,
    pub(super) ttl: Ttl,
}

impl Lifetime {
    /// Reads `--expires-in`. S3 refuses a signature that states more than a week, so a week is
    /// signed then: `aws` prints the URL that S3 refuses.
    ///
    /// # Errors
    ///
    /// If it is not such a number, or, with `--strict`, more than a week.
    pub(super) fn read(context: &Context, args: &PresignArgs) -> Result<Self, Failure> {
        let range = in_range_as_aws(1..=u32::MAX);
        let seconds = expand_number(&args.expires_in, range, context.settings().variables())?;
        let Ok(ttl) = Ttl::from_secs(seconds.into()) else {
            let ttl = Ttl::MAX;
            let text = format!(
                "--expires-in: S3 accepts at most {} s, which is a week: it does not work for \
                 {seconds} s",
                ttl.as_secs(),
            );
            if args.strict {
                return Err(Failure::usage(text));
            }
            context.console().warn(&text);
            return Ok(Self { seconds, ttl });
        };
        Ok(Self { seconds, ttl })
    }

    /// Warns, or with `--strict` fails, if the credentials expire before the URL or the form.
    ///
    /// # Errors
    ///
    /// Only with `--strict`.
    pub(super) fn check(
        &self,
        context: &Context,
        args: &PresignArgs,
        name: &str,
        early: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let Some(expiry) = early else {
            return Ok(());
        };
        let text = if expiry <= Timestamp::now() {
            format!("the {name} never works, because the credentials expired at {expiry}")
        } else {
            format!(
                "the {name} stops working at {expiry}, when the credentials expire, before its {} s \
                 have passed",
                self.seconds
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
}
