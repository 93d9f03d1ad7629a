//! Redirects: a signature is valid for one host, so that each request is signed again, and only for
//! hosts that the credentials are meant for.

use http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use keyfob_sigv4::{HostScope, Scope};
use keyfob_sts::Partition;
use tracing::info;

use super::{
    body::Content,
    send::{Answer, text},
    target::{Target, uri},
    verbose::is_secret,
    wire::origin,
};
use crate::{
    args::RequestArgs, commands::sign::scope, context::Context, failure::Failure,
    syntax::to_wire_form,
};

/// How many redirects are followed.
const LIMIT: u32 = 10;

/// Returns the request that a redirect asks for; `None` if the answer is not one.
///
/// # Errors
///
/// If it leads to a host that must not get the request, or if there have been too many.
pub(super) async fn next(
    context: &Context,
    args: &RequestArgs,
    target: &Target,
    answer: &Answer,
    hops: u32,
) -> Result<Option<Target>, Failure> {
    let status = answer.status();
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers().get(header::LOCATION) else {
        return Err(no_location(answer));
    };
    // Some servers write spaces and other characters as they are.
    let location = to_wire_form(&String::from_utf8_lossy(location.as_bytes()));
    if hops == LIMIT {
        return Err(Failure::other(format!("more than {LIMIT} redirects")));
    }
    let url = join(&target.uri, &location);
    let to = uri(&url, target.is_s3())
        .map_err(|_| Failure::other("the answer redirects to a URL that cannot be called"))?;
    let mut next = target.clone();
    next.uri = to;
    if !origin(&target.uri).eq_ignore_ascii_case(&origin(&next.uri)) {
        check(target, &next.uri)?;
        next.headers.remove(header::HOST);
        if host(&target.uri) != host(&next.uri) {
            drop_secrets(context, &mut next);
        }
        if let Some(scope) = &target.scope {
            next.scope = Some(scope_of(context, args, scope, &next.uri).await?);
        }
    }
    change_method(args, status, &mut next);
    info!(to = origin(&next.uri), "following a redirect");
    Ok(Some(next))
}

/// Removes what only the host before was meant to get: hosts of one service belong to many
/// customers. The signature is made again.
fn drop_secrets(context: &Context, next: &mut Target) {
    let names: Vec<HeaderName> = next.headers.keys().cloned().collect();
    let belongs_to_host = |name: &&HeaderName| {
        let name = name.as_str();
        // The other headers of AWS are for the service, and part of what is asked for: the metadata
        // of an object, and the key that it is encrypted with.
        is_secret(name) && !name.starts_with("x-amz-") || name == "x-amz-security-token"
    };
    for name in names.iter().filter(belongs_to_host) {
        next.headers.remove(name);
        context.console().note(&format!(
            "the header {name} is not sent to {}, another host",
            origin(&next.uri)
        ));
    }
}

/// Returns the failure for a redirect that says only the region, as S3 has it.
fn no_location(answer: &Answer) -> Failure {
    let status = answer.status().as_u16();
    let failure = Failure::other(format!("the answer ({status}) does not say where to go"));
    match text(answer.headers(), "x-amz-bucket-region") {
        Some(region)
            if region
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') =>
        {
            failure.with_hint(format!(
                "the bucket is in {region}: use the host of that region, \
                 BUCKET.s3.{region}.amazonaws.com"
            ))
        }
        _ => failure,
    }
}

/// Refuses a host that is neither the same nor one of the same service and partition.
fn check(from: &Target, to: &Uri) -> Result<(), Failure> {
    let authority = to.authority().map_or("", |authority| authority.as_str());
    // A password may stand before it.
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let refused = |reason: &str| {
        let failure = Failure::other(format!(
            "the answer redirects to {}, {reason}",
            crate::terminal::printable(authority)
        ));
        Err(failure.with_hint("request that URL itself, if you trust it"))
    };
    if from.uri.scheme_str() == Some("https") && to.scheme_str() != Some("https") {
        return refused("without encryption");
    }
    let is_upgrade = from.uri.scheme_str() == Some("http")
        && to.scheme_str() == Some("https")
        && host(&from.uri) == host(to)
        && to.port().is_none()
        && from.uri.port().is_none();
    if is_upgrade {
        return Ok(());
    }
    let told = |uri: &Uri| HostScope::parse(&host(uri));
    let partition = |uri: &Uri, told: &HostScope| match told.region() {
        Some(region) => Some(Partition::from_region(region)),
        // Global hosts are those of the partition whose domain they have.
        None => host(uri)
            .ends_with(".amazonaws.com")
            .then(|| Partition::from_region("us-east-1")),
    };
    match (told(&from.uri), told(to)) {
        (Some(old), Some(new))
            if old.service() == new.service()
                && partition(&from.uri, &old).is_some()
                && partition(&from.uri, &old) == partition(to, &new) =>
        {
            Ok(())
        }
        _ => refused("which is not a host of the same service and partition"),
    }
}

fn host(uri: &Uri) -> String {
    uri.host().unwrap_or_default().to_ascii_lowercase()
}

/// Returns the scope of the next request: that of its host, or else the same.
async fn scope_of(
    context: &Context,
    args: &RequestArgs,
    old: &Scope,
    to: &Uri,
) -> Result<Scope, Failure> {
    let host = to.host().unwrap_or_default();
    match HostScope::parse(host) {
        Some(told) if told.region().is_some() => Ok(Scope::new(
            told.region().unwrap_or_default(),
            old.service(),
        )?),
        Some(_) => scope(context, args.signature.service.as_deref(), host).await,
        None => Ok(old.clone()),
    }
}

/// Turns a POST into a GET where clients do, unless `-X` says the method.
fn change_method(args: &RequestArgs, status: StatusCode, next: &mut Target) {
    let becomes_get = match status.as_u16() {
        301 | 302 => next.method == Method::POST,
        303 => next.method != Method::HEAD,
        _ => false,
    };
    if !becomes_get || args.http.method.is_some() {
        return;
    }
    next.method = Method::GET;
    next.content = Content::None;
    remove_body(&mut next.headers);
}

fn remove_body(headers: &mut HeaderMap) {
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::CONTENT_ENCODING,
    ] {
        headers.remove(name);
    }
    headers.remove("x-amz-content-sha256");
}

/// Returns the URL that a `Location` names, which may be relative.
fn join(base: &Uri, location: &str) -> String {
    let location = location.split('#').next().unwrap_or_default();
    if let Some(rest) = location.strip_prefix("//") {
        return format!("{}://{rest}", base.scheme_str().unwrap_or("https"));
    }
    // RFC 3986, section 4.2: a relative path has no colon in its first part.
    let scheme = location.split(':').next().unwrap_or_default();
    let is_in_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    if scheme.bytes().all(is_in_scheme) && scheme.len() < location.len() {
        return location.to_owned();
    }
    let start = origin(base);
    if location.starts_with('/') {
        return format!("{start}{location}");
    }
    if location.starts_with('?') {
        return format!("{start}{}{location}", base.path());
    }
    let folder = base
        .path()
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    format!("{start}{folder}/{location}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_may_be_relative() {
        let base: Uri = "https://a.example:1/b/c?d=e".parse().unwrap();
        for (location, url) in [
            ("https://other/x", "https://other/x"),
            ("//other/x", "https://other/x"),
            ("mailto:ada", "mailto:ada"),
            ("./x:y", "https://a.example:1/b/./x:y"),
            ("/x?y#z", "https://a.example:1/x?y"),
            ("x", "https://a.example:1/b/x"),
            ("?x=https://y", "https://a.example:1/b/c?x=https://y"),
            ("/x?y=https://z", "https://a.example:1/x?y=https://z"),
            ("", "https://a.example:1/b/"),
        ] {
            assert_eq!(join(&base, location), url, "{location}");
        }
    }

    #[test]
    fn the_credentials_stay_with_the_service_and_the_partition() {
        let target = |url: &str| Target {
            method: Method::GET,
            uri: url.parse().unwrap(),
            headers: HeaderMap::new(),
            content: Content::None,
            scope: None,
        };
        let is_allowed = |from, to: &str| check(&target(from), &to.parse().unwrap()).is_ok();
        for (from, to) in [
            (
                "https://b.s3.amazonaws.com/",
                "https://b.s3.eu-west-1.amazonaws.com/",
            ),
            (
                "https://b.s3.eu-west-1.amazonaws.com/",
                "https://b.s3.amazonaws.com/",
            ),
            (
                "https://b.s3.us-west-2.amazonaws.com/",
                "https://s3.eu-west-1.amazonaws.com/b",
            ),
            ("http://example.com/", "https://example.com/x"),
        ] {
            assert!(is_allowed(from, to), "{from} {to}");
        }
        for (from, to) in [
            (
                "https://b.s3.amazonaws.com/",
                "http://b.s3.eu-west-1.amazonaws.com/",
            ),
            (
                "https://b.s3.amazonaws.com/",
                "https://sts.eu-west-1.amazonaws.com/",
            ),
            (
                "https://b.s3.amazonaws.com/",
                "https://b.s3.cn-north-1.amazonaws.com.cn/",
            ),
            (
                "https://b.s3.amazonaws.com/",
                "https://b.s3.us-gov-west-1.amazonaws.com/",
            ),
            ("https://b.s3.amazonaws.com/", "https://example.com/"),
            ("http://localhost:1/", "http://localhost:2/"),
            ("http://localhost:1/", "http://127.0.0.1:1/"),
        ] {
            assert!(!is_allowed(from, to), "{from} {to}");
        }
    }
}
