//! Where the request goes, and what it is signed for.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use keyfob_sigv4::{Request, Scope};
use keyfob_sts::Endpoint;

use super::{Input, body::Content, wire::origin};
use crate::{
    args::{RequestArgs, RequestAuth},
    commands::sign::scope,
    context::Context,
    failure::Failure,
    sandbox::Environment,
    syntax::{authority, has_dot_segments},
};

const USER_AGENT: &str = concat!("keyfob/", env!("CARGO_PKG_VERSION"));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request, as it will be sent but for its signature.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) method: Method,
    /// In the form of the HTTP client.
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) content: Content,
    /// What the request is signed for; `None` if it is not signed.
    pub(super) scope: Option<Scope>,
}

impl Target {
    /// Returns the request that the arguments describe.
    ///
    /// # Errors
    ///
    /// If the request is malformed, or if its service is not known.
    pub(super) async fn new(
        context: &Context,
        args: &RequestArgs,
        content: Content,
        url: &str,
    ) -> Result<Self, Failure> {
        let has_body = !content.is_none();
        let mut input = Input::new(&args.http, url, content, has_body)?;
        let signs = args.auth != RequestAuth::None && !context.globals().connection.no_sign_request;
        input.check_authority()?;
        if signs {
            input.drop_replaced();
            for name in &input.replaced {
                context.console().note(&format!(
                    "the header {name} is left out: it belongs to an earlier signature"
                ));
            }
        }
        if !["http", "https"]
            .iter()
            .any(|scheme| has_scheme(&input.url, scheme))
        {
            return Err(unsendable());
        }
        // The host in the form that is signed, and what is wrong with the request as a whole.
        let parsed = Request::new(&input.method, &input.url)?;
        let named = input.host().unwrap_or(parsed.host());
        let scope = if signs {
            Some(scope(context, args.signature.service.as_deref(), named).await?)
        } else {
            None
        };
        let url = server(context, &input.url, scope.as_ref())?;
        let uri = uri(&url, scope.as_ref().is_some_and(is_s3))?;
        let mut method = parse_method(&input.method)?;
        if args.head && args.http.method.is_none() {
            method = Method::HEAD;
        }
        Ok(Self {
            headers: headers(args, &input, &method)?,
            method,
            uri,
            content: input.body,
            scope,
        })
    }

    /// Returns the method and the URL without its query, which may hold secrets.
    pub(super) fn name(&self) -> String {
        format!("{} {}{}", self.method, origin(&self.uri), self.uri.path())
    }

    pub(super) fn is_s3(&self) -> bool {
        self.scope.as_ref().is_some_and(is_s3)
    }
}

/// Returns true for the services whose requests have the form of S3.
fn is_s3(scope: &Scope) -> bool {
    scope.service().starts_with("s3")
}

/// Returns the URL to call: that of the arguments, or the same at the server of `--endpoint-url` or
/// of the sandbox.
fn server(context: &Context, url: &str, scope: Option<&Scope>) -> Result<String, Failure> {
    let globals = context.globals();
    let mut endpoint = globals.endpoint_url.clone();
    if globals.sandbox && endpoint.is_none() {
        let service = scope.map_or("", Scope::service);
        // The sandbox must not be left by mistake.
        if !Environment::has_service(service) {
            return Err(Failure::usage(
                "the sandbox has no service at this URL: leave out --sandbox, or give \
                 --endpoint-url",
            ));
        }
        endpoint = context
            .endpoint_url(service)?
            .map(|(url, _)| url.to_owned());
    }
    let Some(endpoint) = endpoint else {
        return Ok(url.to_owned());
    };
    let start = url.find("://").map_or(0, |at| at + 3) + authority(url).len();
    let path = &url[start..];
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok(format!("{}{slash}{path}", endpoint.trim_end_matches('/')))
}

/// Parses a URL. Services other than S3, whose objects may have such names, get a path without the
/// segments `.` and `..`, as from curl.
///
/// # Errors
///
/// If it is not a URL that can be sent. The message does not repeat it.
pub(super) fn uri(url: &str, is_s3: bool) -> Result<Uri, Failure> {
    let uri: Uri = url.parse().map_err(|_| unsendable())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(unsendable());
    }
    let port = authority(url).rsplit_once(':').map(|(_, port)| port);
    let is_wrong = |port: &str| !port.is_empty() && uri.port_u16().is_none();
    if port.is_some_and(|port| !port.ends_with(']') && is_wrong(port)) {
        return Err(Failure::usage(
            "the URL has a port that is not one: 1 to 65535",
        ));
    }
    if is_s3 || !has_dot_segments(url) {
        return Ok(uri);
    }
    let mut parts = uri.into_parts();
    let target = parts.path_and_query.as_ref().map(|target| {
        let query = target
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        without_dot_segments(target.path()) + &query
    });
    parts.path_and_query = match target {
        Some(target) => Some(target.parse().map_err(|_| unsendable())?),
        None => None,
    };
    Uri::from_parts(parts).map_err(|_| unsendable())
}

fn unsendable() -> Failure {
    Failure::usage("the URL cannot be sent: write it as http://… or https://…, percent-encoded")
}

fn has_scheme(url: &str, scheme: &str) -> bool {
    let start = url.split_once("://").map_or("", |(start, _)| start);
    start.eq_ignore_ascii_case(scheme)
}

/// Source: RFC 3986, section 5.2.4.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut is_folder = false;
    for segment in path.split('/').skip(1) {
        let decoded = segment.replace("%2e", ".").replace("%2E", ".");
        is_folder = matches!(&decoded[..], "." | "..");
        match &decoded[..] {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    let slash = if is_folder && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{slash}", kept.join("/"))
}

fn parse_method(text: &str) -> Result<Method, Failure> {
    Method::from_bytes(text.as_bytes())
        .map_err(|_| Failure::usage("-X: write a method such as GET, without spaces"))
}

/// Returns the headers, with those that curl adds.
fn headers(args: &RequestArgs, input: &Input, method: &Method) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for (name, value) in input.own_headers() {
        let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.trim().as_bytes()),
            HeaderValue::from_str(value.trim()),
        ) else {
            return Err(Failure::usage(
                "a header has a name or a value that cannot be sent: names have no spaces, and \
                 values no line ends",
            ));
        };
        // The client computes these, and a server that sees two bodies is a hole.
        if matches!(name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING) {
            return Err(Failure::usage(format!(
                "the header {name} is set by the body: leave it out"
            )));
        }
        headers.append(name, value);
    }
    let given: Vec<&str> = args.http.headers.iter().map(String::as_str).collect();
    let is_given = |name: &HeaderName| {
        let is_it = |text: &&str| {
            let known = text.split([':', ';']).next().unwrap_or_default().trim();
            known.eq_ignore_ascii_case(name.as_str())
        };
        headers.contains_key(name) || given.iter().any(is_it)
    };
    let mut added = Vec::new();
    if !args.json.is_empty() && !args.http.get {
        added.push((header::CONTENT_TYPE, JSON));
        added.push((header::ACCEPT, JSON));
    } else {
        for (name, value) in input.implied_headers() {
            if let (Ok(name), Ok(value)) = (name.parse(), value.parse()) {
                added.push((name, value));
            }
        }
    }
    added.push((header::ACCEPT, HeaderValue::from_static("*/*")));
    added.push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
    if args.compressed {
        let encodings = HeaderValue::from_static("gzip, deflate");
        added.push((header::ACCEPT_ENCODING, encodings));
    }
    added.retain(|(name, _)| !is_given(name));
    let mut names = Vec::new();
    added.retain(|(name, _)| {
        let is_new = !names.contains(name);
        names.push(name.clone());
        is_new
    });
    // Servers such as S3 want the length of an empty body.
    let may_have_body = !matches!(
        *method,
        Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS
    );
    if may_have_body && input.body.length() == 0 {
        added.push((header::CONTENT_LENGTH, HeaderValue::from_static("0")));
    }
    headers.extend(added);
    Ok(headers)
}

/// Warns if the request and its answer can be read on the way.
pub(super) fn warn_of_clear_text(context: &Context, target: &Target) {
    let endpoint = Endpoint::builder().url(&origin(&target.uri));
    let endpoint = endpoint.and_then(keyfob_sts::EndpointBuilder::build);
    if endpoint.is_ok_and(|endpoint| endpoint.is_clear_text()) && target.scope.is_some() {
        context.console().warn(&format!(
            "{} is not encrypted: others on the way can read the request, its session token and \
             the answer; use a URL with https",
            origin(&target.uri)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_removed_as_by_clients_but_for_s3() {
        for (path, clean) in [
            ("/a/../b", "/b"),
            ("/a/%2E%2e/b/./c?d=/../e", "/b/c?d=/../e"),
            ("/..", "/"),
            ("/a/b/..", "/a/"),
            ("/a//./b", "/a//b"),
            ("/a/b", "/a/b"),
        ] {
            let url = format!("https://a{path}");
            assert_eq!(
                uri(&url, false).unwrap(),
                *format!("https://a{clean}"),
                "{path}"
            );
            assert_eq!(uri(&url, true).unwrap(), *url);
        }
        for url in ["ftp://a/", "a", "https://a b/", ""] {
            assert!(uri(url, false).is_err(), "{url}");
        }
    }
}
