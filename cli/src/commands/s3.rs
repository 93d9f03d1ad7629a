//! `keyfob s3 presign`: URLs that carry their signature. Nothing is sent.

use keyfob_sigv4::{Payload, Presigned, Request, Signer, Timestamp, Ttl, uri};
use keyfob_sts::Partition;

use super::sign::{has_dot_segments, header_of};
use crate::{
    args::{PresignArgs, S3Command},
    context::Context,
    failure::Failure,
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
    let (bucket, key) = split(&args.uri)?;
    let headers = headers(args)?;
    let credentials = context.credentials().await?;
    let region = context.region().await?.name();
    let endpoint = context.endpoint_url("s3")?;
    let endpoint = endpoint.as_ref().map(|(url, _)| *url);
    let url = url(endpoint, region, bucket, key, wants_path(context)) + &query(args);
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

/// `s3://BUCKET/KEY`, where the scheme may be left out, as `aws` allows.
fn split(uri: &str) -> Result<(&str, &str), Failure> {
    let refused = || {
        Failure::usage(format!("{uri:?} is no object"))
            .with_hint("write s3://BUCKET/KEY; a bucket has letters, digits, `.`, `-` and `_`")
    };
    let path = uri.strip_prefix("s3://").unwrap_or(uri);
    let (bucket, key) = path.split_once('/').ok_or_else(refused)?;
    let is_bucket = !bucket.is_empty()
        && bucket
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_bucket && !key.is_empty() {
        Ok((bucket, key))
    } else {
        Err(refused())
    }
}

/// Whether the profile says `addressing_style = path` below `s3`.
fn wants_path(context: &Context) -> bool {
    let style = || {
        let profile = context.settings().profile().ok()??;
        profile.get("s3")?.nested("addressing_style")
    };
    style().is_some_and(|style| style.as_str() == "path")
}

/// The bucket is part of the host where it can be: a dot would not match the certificate, and an address has no
/// subdomains.
fn url(endpoint: Option<&str>, region: &str, bucket: &str, key: &str, path_style: bool) -> String {
    let suffix = Partition::of(region).dns_suffix();
    let endpoint = endpoint.map_or_else(
        || format!("https://s3.{region}.{suffix}"),
        |url| url.trim_end_matches('/').to_owned(),
    );
    let key = uri::encode_path(key);
    match endpoint.split_once("://") {
        Some((scheme, rest)) if !path_style && is_label(bucket) && !is_address(rest) => {
            format!("{scheme}://{bucket}.{rest}/{key}")
        }
        _ => format!("{endpoint}/{bucket}/{key}"),
    }
}

/// Whether a bucket can be a host label.
fn is_label(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
        && bucket
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether the authority is an IP address.
fn is_address(authority: &str) -> bool {
    let host = authority.split('/').next().unwrap_or_default();
    host.starts_with('[')
        || host
            .split(':')
            .next()
            .is_some_and(|host| host.parse::<std::net::Ipv4Addr>().is_ok())
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
    let Some(end) = presigned.ends_early() else {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_host_where_it_can_be() {
        let url = |endpoint, region, bucket| url(endpoint, region, bucket, "a b/ü", false);
        assert_eq!(
            url(None, "eu-west-1", "bucket"),
            "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC"
        );
        assert_eq!(
            url(None, "cn-north-1", "my.bucket"),
            "https://s3.cn-north-1.amazonaws.com.cn/my.bucket/a%20b/%C3%BC"
        );
        assert_eq!(
            url(Some("http://127.0.0.1:9000/"), "us-east-1", "bucket"),
            "http://127.0.0.1:9000/bucket/a%20b/%C3%BC"
        );
        assert_eq!(
            url(Some("https://s3.example.com"), "us-east-1", "bucket"),
            "https://bucket.s3.example.com/a%20b/%C3%BC"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(split("s3://b/k/l").unwrap(), ("b", "k/l"));
        assert_eq!(split("b/k").unwrap(), ("b", "k"));
        for uri in [
            "s3://b",
            "s3://b/",
            "s3:///k",
            "",
            "s3://a:b@c/k",
            "s3://b?x/k",
        ] {
            assert!(split(uri).is_err(), "{uri}");
        }
    }
}
