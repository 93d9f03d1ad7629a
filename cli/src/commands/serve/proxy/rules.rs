//! What may pass, where it goes to, and how it is signed: decided by the head of a request alone.

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header,
    request::Parts,
    uri::{Authority, PathAndQuery, Scheme},
};
use keyfob_imds::server::listen::Tls;
use keyfob_sigv4::{HostScope, Secret};

use super::{
    action,
    giving::{self, Service},
    host_prefix,
    paths::{climbs, decode},
    targets::is_of_aws,
};
use crate::{s3::Filters, services::catalog::is_host_of_service};

/// The configuration of a proxy.
pub(super) struct Rules {
    pub(super) upstreams: Upstreams,
    /// The header in which callers send the token, beside `Authorization`.
    pub(super) token_header: HeaderName,
    /// Empty for all of them.
    pub(super) methods: Vec<Method>,
    /// The patterns of paths, percent-decoded; `None` for all of them.
    pub(super) paths: Option<Filters>,
    pub(super) limit: Limit,
    /// How many bytes of a body are kept in memory to be hashed.
    pub(super) max_body: u64,
    pub(super) unsigned_payload: bool,
    /// Whether callers sign with the keys of a placeholder, and what they sign is signed again.
    pub(super) resigns: bool,
    /// The `Host` that is signed and sent, in place of the upstream's.
    pub(super) sign_host: Option<HeaderValue>,
    pub(super) strip: Vec<HeaderName>,
    pub(super) add: Vec<(HeaderName, HeaderValue)>,
    /// More names of the proxy itself.
    pub(super) own_hosts: Vec<String>,
}

/// What requests may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Whatever they like.
    None,
    /// No credentials of AWS, with which they would need no proxy.
    Credentials,
    /// Only to read, and no credentials of any kind.
    Reading,
}

impl Limit {
    pub(super) fn new(read_only: bool, allow_credentials: bool) -> Self {
        match (read_only, allow_credentials) {
            (true, _) => Self::Reading,
            (false, true) => Self::None,
            (false, false) => Self::Credentials,
        }
    }
}

/// Where requests may go to.
pub(super) enum Upstreams {
    /// To one server, whatever `Host` says.
    One(Upstream),
    /// To the hosts of AWS that these patterns match, by `Host`.
    Allowed(Filters),
}

/// A server that requests are sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upstream {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    /// Stands before the paths of requests, without a slash at its end.
    pub(super) prefix: String,
    pub(super) service: String,
    /// Whether it answers for other services, too, as servers for tests do.
    pub(super) is_for_all: bool,
}

impl Upstream {
    /// Sets the service of a server, which may answer for others, too, if it is not one of AWS.
    pub(super) fn set_service(&mut self, service: String) {
        self.is_for_all = !is_of_aws(self);
        self.service = service;
    }

    pub(super) fn service(&self) -> Service<'_> {
        Service {
            name: &self.service,
            is_one_of_all: self.is_for_all,
        }
    }
}

/// A request as it is forwarded, without its signature.
#[derive(Debug)]
pub(super) struct Forward {
    /// With an absolute URI.
    pub(super) head: Parts,
    pub(super) service: String,
    /// Whether the server answers for other services, too.
    pub(super) is_for_all: bool,
    pub(super) plan: Plan,
    /// Whether the body may name an action, and has to be read for it.
    pub(super) reads_body: bool,
    /// What the head calls what it asks for, as far as it does.
    pub(super) actions: Vec<String>,
}

/// How the body is signed, and whether it is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// There is none.
    Empty,
    /// It is read, and its hash signed.
    Hashed,
    /// It passes as it comes: its hash, or its form, is the one that the caller declares.
    Declared,
    /// It passes as it comes, and is not signed.
    Unsigned,
    /// It passes as it comes. Its last bytes pass when its hash is the one that the caller has
    /// signed.
    Held([u8; 32]),
    /// It passes piece by piece, each of which is signed again if the caller has signed it.
    Pieces,
}

/// Why a request does not pass. Nothing of the request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
    /// The code that SDKs know for it, if it is about a signature.
    pub(super) code: Option<&'static str>,
}

pub(super) const TOO_LONG: Refusal = refusal(
    StatusCode::PAYLOAD_TOO_LARGE,
    "the body is longer than --max-body, and has to be read to be signed",
);

/// Up to this many bytes, a body is read before anything is sent, even if its hash is declared.
pub(super) const SHORT: u64 = 64 * 1024;

/// The longest name of a host (RFC 1035, section 2.3.4, as text).
const MAX_HOST: usize = 253;

pub(super) const CONTENT_SHA256: &str = "x-amz-content-sha256";
const UNSIGNED_PAYLOAD: &[u8] = b"UNSIGNED-PAYLOAD";
const UNSIGNED_TRAILER: &[u8] = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// Headers of requests that were forwarded, and of those of web pages: a browser sends the latter
/// with each request to this machine, also with those that have no `Origin`.
const FOREIGN: [&str; 5] = [
    "cf-connecting-ip",
    "forwarded",
    "origin",
    "via",
    "x-real-ip",
];
/// Those of web pages and of callers behind a proxy, which no option lets pass.
const NEVER: [&str; 2] = ["origin", "x-forwarded-for"];
/// How the names of more such headers begin.
const FOREIGN_ALL: [&str; 2] = ["sec-fetch-", "x-forwarded-"];

/// Headers with the path of an object that is copied or moved to that of the request.
const SOURCES: [&str; 2] = ["x-amz-copy-source", "x-amz-rename-source"];

/// Headers with which some servers let a request have another method or path than it says.
const OVERRIDES: [&str; 6] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];

/// Headers of one connection, which end here (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers of requests that end here, too: those that the client of the upstream sets, and those of
/// an earlier signature.
const NOT_FORWARDED: [&str; 8] = [
    "host",
    "content-length",
    "expect",
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-s3session-token",
    "x-amz-region-set",
];

impl Rules {
    /// Returns those for callers that sign, which decide nothing else.
    pub(super) fn with_signing_callers(limit: Limit, max_body: u64) -> Self {
        Self {
            upstreams: Upstreams::Allowed(Filters::new([(false, "*")], &[""])),
            token_header: HeaderName::from_static("x-keyfob-token"),
            methods: Vec::new(),
            paths: None,
            limit,
            max_body,
            unsigned_payload: false,
            resigns: true,
            sign_host: None,
            strip: Vec::new(),
            add: Vec::new(),
            own_hosts: Vec::new(),
        }
    }

    /// Decides about a request by its head and the length of its body, if that is known. `token` is
    /// the one that callers must send, if they must.
    ///
    /// # Errors
    ///
    /// The reason why it does not pass.
    pub(super) fn decide(
        &self,
        head: &Parts,
        length: Option<u64>,
        token: Option<&Secret>,
    ) -> Result<Forward, Refusal> {
        // Before anything else is told.
        self.admit(&head.headers, token)?;
        self.check_method(&head.method)?;
        let target = target(&head.uri)?;
        self.check_overrides(target, &head.headers)?;
        self.check_paths(target, &head.headers)?;
        if has_signature(target.query().unwrap_or_default()) {
            let reason = "the URL is signed already: send it to its host, not to this proxy";
            return Err(refusal(StatusCode::BAD_REQUEST, reason));
        }
        let upstream = self.upstream(&head.headers)?;
        let reads_body = self.reads_body(head, &upstream);
        let plan = self.plan(head, length, &upstream, reads_body)?;
        self.prepare(head, target, length, &upstream, (plan, reads_body))
    }

    /// Decides about a request that is signed again, by its head, whose target is the one of the
    /// upstream. Whether its signature is right is not decided here.
    ///
    /// # Errors
    ///
    /// The reason why it does not pass.
    pub(super) fn decide_again(
        &self,
        head: &Parts,
        length: Option<u64>,
        upstream: &Upstream,
    ) -> Result<Forward, Refusal> {
        self.check_method(&head.method)?;
        let target = target(&head.uri)?;
        self.check_overrides(target, &head.headers)?;
        self.check_paths(target, &head.headers)?;
        let reads_body = self.reads_body(head, upstream);
        let plan = self.plan_again(head, length, upstream, reads_body)?;
        self.prepare(head, target, length, upstream, (plan, reads_body))
    }

    /// Makes the request that is sent.
    fn prepare(
        &self,
        head: &Parts,
        target: &PathAndQuery,
        length: Option<u64>,
        upstream: &Upstream,
        (plan, reads_body): (Plan, bool),
    ) -> Result<Forward, Refusal> {
        check_connection(&head.headers)?;
        let service = &upstream.service;
        let actions = action::in_head(head, service);
        let (asked, has_body) = (upstream.service(), length != Some(0));
        let checked = match self.limit {
            Limit::None => Ok(()),
            Limit::Credentials => {
                action::check_head_for_credentials(head, asked, &actions, reads_body && has_body)
            }
            Limit::Reading => action::check_head(head, asked, &actions, has_body),
        };
        checked.map_err(forbidden)?;
        let uri = Uri::builder()
            .scheme(upstream.scheme.clone())
            .authority(upstream.authority.clone())
            .path_and_query(prefixed(&upstream.prefix, target)?)
            .build()
            .map_err(|_| refusal(StatusCode::BAD_REQUEST, "the request has no valid target"))?;
        let mut forwarded = head.clone();
        forwarded.uri = uri;
        forwarded.version = http::Version::HTTP_11;
        self.change_headers(&mut forwarded.headers, plan);
        if plan == Plan::Empty && matches!(head.method, Method::PATCH | Method::POST | Method::PUT)
        {
            // S3 wants a length also of what is empty.
            let none = HeaderValue::from_static("0");
            forwarded.headers.insert(header::CONTENT_LENGTH, none);
        }
        Ok(Forward {
            head: forwarded,
            service: service.clone(),
            is_for_all: upstream.is_for_all,
            plan,
            reads_body,
            actions,
        })
    }

    /// Checks that a request comes from a caller who may use this proxy.
    ///
    /// # Errors
    ///
    /// The reason why it does not.
    pub(super) fn admit(&self, headers: &HeaderMap, token: Option<&Secret>) -> Result<(), Refusal> {
        check_origin(headers, &self.strip)?;
        if token.is_some() {
            // Of two, another server may look at the other one.
            one(headers, self.token_header.as_str())?;
            one(headers, header::AUTHORIZATION.as_str())?;
        }
        if token.is_some_and(|token| !self.has_token(headers, token)) {
            let reason = "the token of this proxy is missing or wrong";
            return Err(refusal(StatusCode::UNAUTHORIZED, reason));
        }
        Ok(())
    }

    /// Decides about the body of a request that its head lets pass.
    ///
    /// # Errors
    ///
    /// The reason why it does not pass.
    pub(super) fn check_body(&self, forward: &Forward, body: &[u8]) -> Result<(), Refusal> {
        let service = Service {
            name: &forward.service,
            is_one_of_all: forward.is_for_all,
        };
        let checked = match self.limit {
            Limit::Credentials if forward.reads_body => {
                action::check_body_for_credentials(service, body)
            }
            Limit::None | Limit::Credentials => Ok(()),
            Limit::Reading => action::check_body(&forward.head.headers, service, body),
        };
        checked.map_err(forbidden)
    }

    fn has_token(&self, headers: &HeaderMap, token: &Secret) -> bool {
        let bearer = |value: &str| {
            let (scheme, bearer) = value.split_once(' ')?;
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            is_bearer.then(|| bearer.trim().to_owned())
        };
        let text = |name: &HeaderName| headers.get(name)?.to_str().ok();
        let own = text(&self.token_header).map(str::to_owned);
        let is_standard = self.token_header == header::AUTHORIZATION;
        let own = own.filter(|own| !is_standard || bearer(own).is_none());
        own.or_else(|| text(&header::AUTHORIZATION).and_then(bearer))
            .is_some_and(|sent| Secret::from(sent).is_same(token))
    }

    fn check_method(&self, method: &Method) -> Result<(), Refusal> {
        if method == Method::CONNECT || method == Method::TRACE {
            let reason = "this proxy does not tunnel: set it as the endpoint URL of the client, \
                          not as its HTTPS proxy";
            return Err(refusal(StatusCode::METHOD_NOT_ALLOWED, reason));
        }
        if !self.methods.is_empty() && !self.methods.contains(method) {
            return Err(forbidden("the method is not one of --allow-method"));
        }
        Ok(())
    }

    /// If something is limited, a request does not pass whose server may read more in it: another
    /// method or path, or a header of AWS whose name has `_` for `-`.
    fn check_overrides(&self, target: &PathAndQuery, headers: &HeaderMap) -> Result<(), Refusal> {
        let is_open = self.methods.is_empty() && self.paths.is_none();
        if is_open && self.limit == Limit::None {
            return Ok(());
        }
        let is_twin = |name: &str| {
            let name = name.replace('_', "-");
            name.starts_with("x-amz-")
                || OVERRIDES.contains(&&*name)
                || name == giving::TABLE_DELEGATION
        };
        let mut names = headers.keys().map(HeaderName::as_str);
        if names.any(|name| name.contains('_') && is_twin(name)) {
            return Err(forbidden("the name of a header has _ where AWS has -"));
        }
        if is_open && self.limit == Limit::Credentials {
            return Ok(());
        }
        let is_override = |name: &str| OVERRIDES.contains(&name);
        let is_method = |name: &str| is_override(name) || matches!(name, "_method" | ".method");
        let mut names = headers.keys().map(HeaderName::as_str);
        let mut parameters = giving::parameters(target.query().unwrap_or_default());
        if names.any(is_override) || parameters.any(|name| is_method(&name)) {
            return Err(forbidden(
                "the request asks for another method or path than its own",
            ));
        }
        Ok(())
    }

    /// Paths are compared as the service reads them: decoded. So is what a request copies or moves,
    /// which stands in a header.
    fn check_paths(&self, target: &PathAndQuery, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(paths) = &self.paths else {
            return Ok(());
        };
        let admits = |path: &str| {
            let decoded = decode(path);
            // Some servers decode twice.
            !climbs(&decoded) && !climbs(&decode(&decoded)) && paths.admit(&decoded)
        };
        // Others take a slash that is encoded for a part of a name.
        let named = target.path().replace("%2F", "%252F");
        let named = named.replace("%2f", "%252f");
        if !admits(target.path()) || !paths.admit(&decode(&named)) {
            return Err(forbidden("the path is not one of --allow-path"));
        }
        // Some servers read it there, too.
        let mut parameters = giving::parameters(target.query().unwrap_or_default());
        if parameters.any(|name| SOURCES.contains(&&*name)) {
            return Err(forbidden(
                "what a request copies or moves stands in a header",
            ));
        }
        for source in SOURCES.iter().flat_map(|name| headers.get_all(*name)) {
            let source = String::from_utf8_lossy(source.as_bytes());
            // Another query is a part of the key.
            let path = source.split_once("?versionId=");
            let path = path.map_or(&*source, |(path, _)| path);
            let slash = if path.starts_with('/') { "" } else { "/" };
            if climbs(&decode(&source)) || !admits(&format!("{slash}{path}")) {
                return Err(forbidden(
                    "what is copied or moved is not one of --allow-path",
                ));
            }
        }
        Ok(())
    }

    /// Returns where a request goes to, whatever else it asks for.
    ///
    /// # Errors
    ///
    /// If it may not go there.
    pub(super) fn upstream(&self, headers: &HeaderMap) -> Result<Upstream, Refusal> {
        match &self.upstreams {
            Upstreams::One(upstream) => Ok(upstream.clone()),
            Upstreams::Allowed(allowed) => {
                let host = host(headers)?;
                let is_known =
                    |told: &HostScope| is_host_of_service(&host, told) || allowed.names(&host);
                let told = || HostScope::parse(&host).filter(is_known);
                // What stands before the host of a service may look like another one.
                let told = host_prefix::scope_of(&host).or_else(told);
                let told = told.filter(|_| allowed.admit(&host)).ok_or(forbidden(
                    "the host of the request is not one of a service of AWS that --allow names",
                ))?;
                let authority = Authority::try_from(host)
                    .map_err(|_| forbidden("the host of the request is not a host name"))?;
                Ok(Upstream {
                    scheme: Scheme::HTTPS,
                    authority,
                    prefix: String::new(),
                    service: told.service().to_owned(),
                    is_for_all: false,
                })
            }
        }
    }

    /// Returns true if the body has to be read, because it may name an action.
    fn reads_body(&self, head: &Parts, upstream: &Upstream) -> bool {
        match self.limit {
            Limit::None => false,
            Limit::Credentials => action::may_be_in_body(head, upstream.service()),
            Limit::Reading => head.method == Method::POST,
        }
    }

    fn plan(
        &self,
        head: &Parts,
        length: Option<u64>,
        upstream: &Upstream,
        reads_body: bool,
    ) -> Result<Plan, Refusal> {
        if length == Some(0) {
            return Ok(Plan::Empty);
        }
        let declared = one(&head.headers, CONTENT_SHA256)?.map(HeaderValue::as_bytes);
        // TLS keeps such a body from being changed on the way.
        let may_be_unsigned =
            upstream.service.starts_with("s3") && upstream.scheme == Scheme::HTTPS;
        let plan = match declared {
            Some(UNSIGNED_PAYLOAD) if may_be_unsigned => Plan::Unsigned,
            Some(UNSIGNED_PAYLOAD) => Plan::Hashed,
            Some(UNSIGNED_TRAILER) => Plan::Declared,
            Some(name) if name.starts_with(b"STREAMING-") => {
                let reason = "the chunks of the body are signed with a key of the caller: send it \
                              with its hash or with UNSIGNED-PAYLOAD in x-amz-content-sha256";
                return Err(refusal(StatusCode::BAD_REQUEST, reason));
            }
            Some(hash) if hex(hash).is_some() => Plan::Declared,
            Some(_) => {
                let reason = "x-amz-content-sha256 is not the SHA-256 of a body";
                return Err(refusal(StatusCode::BAD_REQUEST, reason));
            }
            None if self.unsigned_payload || may_be_unsigned => Plan::Unsigned,
            None => Plan::Hashed,
        };
        // Services take no body of unknown length: it is read first. So is one that may name an
        // action.
        let plan = match (plan, length) {
            (Plan::Unsigned, None) => Plan::Hashed,
            (Plan::Declared, None) if declared != Some(UNSIGNED_TRAILER) => Plan::Hashed,
            _ if reads_body => Plan::Hashed,
            (plan, _) => plan,
        };
        if plan == Plan::Hashed && length.is_some_and(|length| length > self.max_body) {
            return Err(TOO_LONG);
        }
        Ok(plan)
    }

    /// Plans a body whose signature is verified, too.
    fn plan_again(
        &self,
        head: &Parts,
        length: Option<u64>,
        upstream: &Upstream,
        reads_body: bool,
    ) -> Result<Plan, Refusal> {
        if length == Some(0) {
            return Ok(Plan::Empty);
        }
        let declared = one(&head.headers, CONTENT_SHA256)?.map(HeaderValue::as_bytes);
        let query = head.uri.query().unwrap_or_default();
        let plan = match declared {
            Some(UNSIGNED_PAYLOAD) => Plan::Pieces,
            Some(name) if name.starts_with(b"STREAMING-") => Plan::Pieces,
            // What S3 takes for the body of a presigned URL.
            None if upstream.service.starts_with("s3") && has_signature(query) => Plan::Pieces,
            Some(hash) => match hex(hash).filter(|_| length.is_some_and(|bytes| bytes > SHORT)) {
                Some(hash) => Plan::Held(hash),
                None => Plan::Hashed,
            },
            None => Plan::Hashed,
        };
        if reads_body && plan == Plan::Pieces {
            return Err(forbidden(
                "the action may be in the body, whose hash is not signed",
            ));
        }
        let plan = if reads_body { Plan::Hashed } else { plan };
        if plan == Plan::Hashed && length.is_some_and(|length| length > self.max_body) {
            return Err(TOO_LONG);
        }
        Ok(plan)
    }

    fn change_headers(&self, headers: &mut HeaderMap, plan: Plan) {
        remove_named_by_connection(headers);
        remove_all(headers, |name| {
            HOP_BY_HOP.contains(&name) || NOT_FORWARDED.contains(&name)
        });
        headers.remove(&self.token_header);
        // A hash that the caller declares is kept: the service compares the body with it.
        let is_kept = match plan {
            Plan::Hashed => headers.get(CONTENT_SHA256).is_some_and(is_hash),
            Plan::Empty | Plan::Unsigned => false,
            Plan::Declared | Plan::Held(_) | Plan::Pieces => true,
        };
        if !is_kept && !self.resigns {
            headers.remove(CONTENT_SHA256);
        }
        for name in &self.strip {
            headers.remove(name);
        }
        for (name, value) in &self.add {
            headers.insert(name, value.clone());
        }
        if let Some(host) = &self.sign_host {
            headers.insert(header::HOST, host.clone());
        }
    }
}

/// Returns true for a header that has the value of the proxy in each request, or none.
pub(super) fn is_set_here(name: &HeaderName) -> bool {
    let name = name.as_str();
    HOP_BY_HOP.contains(&name) || NOT_FORWARDED.contains(&name) || name == CONTENT_SHA256
}

/// Returns true for a header with which a request is refused, whatever the options say.
pub(super) fn is_never_forwarded(name: &HeaderName) -> bool {
    NEVER.contains(&name.as_str()) || name.as_str().starts_with("sec-fetch-")
}

/// Returns the path and the query that are sent and signed for those of a request.
fn prefixed(prefix: &str, target: &PathAndQuery) -> Result<PathAndQuery, Refusal> {
    if prefix.is_empty() {
        return Ok(target.clone());
    }
    if climbs(&decode(target.path())) {
        return Err(forbidden("the path may leave the one of --to"));
    }
    PathAndQuery::try_from(format!("{prefix}{target}")).map_err(|_| {
        let reason = "the path is too long behind the one of --to";
        refusal(StatusCode::URI_TOO_LONG, reason)
    })
}

/// Returns true for a value of `x-amz-content-sha256` that is the hash of a body.
pub(super) fn is_hash(value: &HeaderValue) -> bool {
    hex(value.as_bytes()).is_some()
}

/// Reads the SHA-256 of a body in hex.
fn hex(text: &[u8]) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    if pairs.len() != hash.len() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        *byte = u8::try_from(high? * 16 + low?).ok()?;
    }
    Some(hash)
}

/// Checks that `Connection` names no header of the request but those of one connection. The others
/// would be taken away from what was checked, and from what a caller has signed.
fn check_connection(headers: &HeaderMap) -> Result<(), Refusal> {
    let is_for_server = |name: &HeaderName| {
        let is_known = HOP_BY_HOP.contains(&name.as_str()) || name == "http2-settings";
        !is_known && headers.contains_key(name)
    };
    if named_by_connection(headers).any(|name| is_for_server(&name)) {
        let reason = "Connection names a header that is for the server";
        return Err(refusal(StatusCode::BAD_REQUEST, reason));
    }
    Ok(())
}

/// Returns the names of headers in `Connection`, which also has words such as `close`.
fn named_by_connection(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> + '_ {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
}

/// Removes the headers that are for one connection, and those that `Connection` names.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    remove_named_by_connection(headers);
    remove_all(headers, |name| HOP_BY_HOP.contains(&name));
}

/// Removes the headers with such names, which are in lower case. Comparing the few that are there
/// takes less time than looking for each name.
fn remove_all(headers: &mut HeaderMap, is_such: impl Fn(&str) -> bool) {
    let found = headers.keys().filter(|name| is_such(name.as_str()));
    let found: Vec<HeaderName> = found.cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

fn remove_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = named_by_connection(headers).collect();
    for name in named {
        headers.remove(name);
    }
}

/// Checks that no header tells that a request was forwarded, or made by a web page. Those that a
/// service mesh adds to each request may be stripped.
fn check_origin(headers: &HeaderMap, stripped: &[HeaderName]) -> Result<(), Refusal> {
    let is_foreign = |name: &HeaderName| {
        if stripped.contains(name) && !is_never_forwarded(name) {
            return false;
        }
        let name = name.as_str();
        FOREIGN.contains(&name) || FOREIGN_ALL.iter().any(|start| name.starts_with(start))
    };
    if headers.keys().any(is_foreign) {
        return Err(forbidden(
            "the request was forwarded by a proxy or made by a web page",
        ));
    }
    Ok(())
}

/// Returns the path and the query of a target that is nothing more (RFC 9112, section 3.2.1).
fn target(uri: &Uri) -> Result<&PathAndQuery, Refusal> {
    match uri.path_and_query() {
        Some(target) if uri.authority().is_none() && target.as_str().starts_with('/') => Ok(target),
        _ => {
            let reason = "the target of the request is not a path: set this proxy as the endpoint \
                          URL of the client, not as its HTTP proxy";
            Err(refusal(StatusCode::BAD_REQUEST, reason))
        }
    }
}

/// Returns true for the query of a presigned URL.
fn has_signature(query: &str) -> bool {
    query.split('&').any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let name = decode(name);
        ["X-Amz-Signature", "X-Amz-Credential", "AWSAccessKeyId"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    })
}

/// Returns the name that the only `Host` has, in lower case. It has no port but that of HTTPS.
fn host(headers: &HeaderMap) -> Result<String, Refusal> {
    let host = one(headers, header::HOST.as_str())?
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let is_name = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    if !(1..=MAX_HOST).contains(&host.len()) || !is_name {
        return Err(forbidden("the host of the request is not a host name"));
    }
    Ok(host.to_owned())
}

/// Checks that the only `Host` of a request for a page of the proxy is an address, `localhost`, one
/// of these names or one of its certificate. Any other name is that of a web page that was made to
/// resolve to this machine (DNS rebinding).
///
/// # Errors
///
/// The reason why it is not.
pub(super) fn check_own_host(
    headers: &HeaderMap,
    names: &[String],
    tls: Option<&Tls>,
) -> Result<(), Refusal> {
    let host = one(headers, header::HOST.as_str())?
        .and_then(|host| host.to_str().ok()?.parse::<Authority>().ok())
        .filter(|host| !host.as_str().contains('@'));
    let is_own = host.is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        name.eq_ignore_ascii_case("localhost")
            || name.parse::<IpAddr>().is_ok()
            || names.iter().any(|own| own.eq_ignore_ascii_case(name))
            || tls.is_some_and(|tls| tls.is_for(name))
    });
    if !is_own {
        return Err(forbidden(
            "the pages of the proxy itself are read by its address, as localhost, or by a name of \
             its certificate or of --host",
        ));
    }
    Ok(())
}

/// Returns the value of a header that may stand once.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(refusal(
            StatusCode::BAD_REQUEST,
            "a header that may stand once is there twice",
        )),
    }
}

pub(super) const fn forbidden(reason: &'static str) -> Refusal {
    refusal(StatusCode::FORBIDDEN, reason)
}

pub(super) const fn refusal(status: StatusCode, reason: &'static str) -> Refusal {
    Refusal {
        status,
        reason,
        code: None,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// Hosts with names of AWS where customers answer.
    const CUSTOMERS: [&str; 10] = [
        "ec2-192-0-2-1.compute-1.amazonaws.com",
        "ec2-192-0-2-1.eu-west-1.compute.amazonaws.com",
        "x-1.us-east-1.elb.amazonaws.com",
        "x-1.elb.us-east-1.amazonaws.com",
        "evil.elasticbeanstalk.amazonaws.com",
        "db.abc.us-east-1.rds.amazonaws.com",
        "rds.abc.us-east-1.rds.amazonaws.com",
        "b-1.kafka.us-east-1.amazonaws.com",
        "c.cache.amazonaws.com",
        "vpce-svc-1.us-east-1.vpce.amazonaws.com",
    ];

    fn rules(upstreams: Upstreams) -> Rules {
        Rules {
            upstreams,
            token_header: HeaderName::from_static("x-keyfob-token"),
            methods: Vec::new(),
            paths: None,
            limit: Limit::None,
            max_body: 10,
            unsigned_payload: false,
            resigns: false,
            sign_host: None,
            strip: Vec::new(),
            add: Vec::new(),
            own_hosts: Vec::new(),
        }
    }

    fn one_upstream(url: &str, service: &str) -> Rules {
        let parts = url.parse::<Uri>().unwrap().into_parts();
        rules(Upstreams::One(Upstream {
            scheme: parts.scheme.unwrap(),
            authority: parts.authority.unwrap(),
            prefix: parts
                .path_and_query
                .unwrap()
                .path()
                .trim_end_matches('/')
                .to_owned(),
            service: service.to_owned(),
            is_for_all: false,
        }))
    }

    fn allowed(pattern: &str) -> Rules {
        let patterns = Filters::new([(false, "*"), (true, pattern)], &[""]);
        rules(Upstreams::Allowed(patterns))
    }

    fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn status(rules: &Rules, head: &Parts) -> u16 {
        match rules.decide(head, Some(0), None) {
            Ok(_) => 200,
            Err(refusal) => refusal.status.as_u16(),
        }
    }

    #[test]
    fn only_the_token_lets_a_request_pass_and_it_ends_here() {
        let rules = one_upstream("https://sts.eu-west-1.amazonaws.com", "sts");
        let token = Secret::from("right");
        for (name, value, passes) in [
            ("x-keyfob-token", "right", true),
            ("authorization", "Bearer right", true),
            ("authorization", "bearer right", true),
            ("x-keyfob-token", "right ", false),
            ("x-keyfob-token", "wrong", false),
            ("x-keyfob-token", "", false),
            ("authorization", "right", false),
            ("authorization", "Basic right", false),
            ("x-other", "right", false),
        ] {
            let head = head("GET", "/", &[(name, value)]);
            let decided = rules.decide(&head, Some(0), Some(&token));
            assert_eq!(decided.is_ok(), passes, "{name}: {value}");
            match decided {
                Ok(forward) => assert!(forward.head.headers.is_empty()),
                Err(refusal) => assert_eq!(refusal.status, 401),
            }
        }
        let mut standard = one_upstream("https://sts.eu-west-1.amazonaws.com", "sts");
        standard.token_header = header::AUTHORIZATION;
        for (value, passes) in [("right", true), ("Bearer right", true), ("Bearer a", false)] {
            let head = head("GET", "/", &[("authorization", value)]);
            let decided = standard.decide(&head, Some(0), Some(&token));
            assert_eq!(decided.is_ok(), passes, "{value}");
        }
        for name in ["x-keyfob-token", "authorization"] {
            for values in [["Bearer right", "wrong"], ["right", "wrong"]] {
                let head = head("GET", "/", &values.map(|value| (name, value)));
                let refusal = rules.decide(&head, Some(0), Some(&token)).unwrap_err();
                assert_eq!(refusal.status, 400);
            }
        }
    }

    #[test]
    fn what_web_pages_and_other_proxies_send_is_refused() {
        let rules = one_upstream("https://sts.eu-west-1.amazonaws.com", "sts");
        for name in FOREIGN
            .into_iter()
            .chain(["sec-fetch-user", "x-forwarded-proto"])
        {
            assert_eq!(
                status(&rules, &head("GET", "/", &[(name, "x")])),
                403,
                "{name}"
            );
        }
        let all =
            FOREIGN
                .into_iter()
                .chain(["sec-fetch-user", "x-forwarded-proto", "x-forwarded-for"]);
        let all: Vec<_> = all.map(HeaderName::from_static).collect();
        for name in &all {
            let stripping = Rules {
                strip: all.clone(),
                ..one_upstream("https://sts.eu-west-1.amazonaws.com", "sts")
            };
            let sent = head("GET", "/", &[(name.as_str(), "x")]);
            let forward = stripping.decide(&sent, Some(0), None);
            let is_refused = NEVER.contains(&name.as_str()) || name == "sec-fetch-user";
            assert_eq!(forward.is_err(), is_refused, "{name}");
            assert!(
                forward.is_ok_and(|forward| !forward.head.headers.contains_key(name)) || is_refused
            );
        }
        for (method, target, expected) in [
            ("GET", "/a?b", 200),
            ("CONNECT", "sts.amazonaws.com:443", 405),
            ("TRACE", "/", 405),
            ("GET", "http://sts.amazonaws.com/", 400),
            ("OPTIONS", "*", 400),
            ("GET", "/?X-Amz-Signature=a", 400),
            ("GET", "/?x%2Damz-credential=a", 400),
        ] {
            assert_eq!(
                status(&rules, &head(method, target, &[])),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn many_hosts_are_those_of_aws_that_a_pattern_matches() {
        let rules = allowed("*.amazonaws.com");
        for (host, expected) in [
            ("sts.eu-west-1.amazonaws.com", 200),
            ("STS.eu-west-1.amazonaws.com:443", 200),
            ("bucket.s3.amazonaws.com", 200),
            ("iam.amazonaws.com", 200),
            ("api.ecr-fips.us-east-1.amazonaws.com", 200),
            ("newservice.eu-west-1.amazonaws.com", 200),
            ("abc.execute-api.eu-west-1.amazonaws.com", 200),
            ("vpce-0-1.sts.us-east-1.vpce.amazonaws.com", 200),
            ("vpce-0-1.vpce-svc-1.us-east-1.vpce.amazonaws.com", 403),
            ("sts.eu-west-1.amazonaws.com:80", 403),
            ("sts.eu-west-1.amazonaws.com.evil.example", 403),
            ("user@sts.eu-west-1.amazonaws.com", 403),
            ("evil.example", 403),
            ("127.0.0.1:9913", 403),
            ("localhost", 403),
            ("", 403),
        ] {
            assert_eq!(
                status(&rules, &head("GET", "/", &[("host", host)])),
                expected,
                "{host}"
            );
        }
        for host in CUSTOMERS {
            let head = head("GET", "/", &[("host", host)]);
            assert_eq!(status(&rules, &head), 403, "{host}");
            // It is meant.
            assert_eq!(status(&allowed(host), &head), 200, "{host}");
        }
        assert_eq!(status(&rules, &head("GET", "/", &[])), 403);
        let two = [("host", "sts.eu-west-1.amazonaws.com"), ("host", "b")];
        assert_eq!(status(&rules, &head("GET", "/", &two)), 400);
        let one = head(
            "GET",
            "/a?b",
            &[("host", "STS.eu-west-1.amazonaws.com:443")],
        );
        let forward = rules.decide(&one, Some(0), None).unwrap();
        assert_eq!(forward.head.uri, "https://sts.eu-west-1.amazonaws.com/a?b");
        assert_eq!(forward.service, "sts");
        // Patterns do not reach beyond AWS.
        assert_eq!(
            status(
                &allowed("*"),
                &head("GET", "/", &[("host", "evil.example")])
            ),
            403
        );
    }

    #[test]
    fn pages_of_the_proxy_are_read_by_its_address_and_not_by_the_name_of_a_web_page() {
        for (hosts, expected) in [
            (&["127.0.0.1:9913"][..], None),
            (&["[::1]:9913"], None),
            (&["10.0.0.1"], None),
            (&["LocalHost:9913"], None),
            (&["proxy.Internal:9913"], None),
            (&["evil.example:9913"], Some(403)),
            (&["127.0.0.1.evil.example"], Some(403)),
            (&["sts.eu-west-1.amazonaws.com"], Some(403)),
            (&["evil.example@127.0.0.1"], Some(403)),
            (&[""], Some(403)),
            (&[], Some(403)),
            (&["localhost", "evil.example"], Some(400)),
        ] {
            let headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
            let names = ["Proxy.internal".to_owned()];
            let checked = check_own_host(&head("GET", "/", &headers).headers, &names, None);
            let status = checked.err().map(|refusal| refusal.status.as_u16());
            assert_eq!(status, expected, "{hosts:?}");
        }
    }

    #[test]
    fn a_path_of_the_upstream_stands_before_those_of_requests() {
        for (path, expected) in [
            (
                "/a%20b?c=/../d",
                Some("https://a.example/p/q/a%20b?c=/../d"),
            ),
            ("/", Some("https://a.example/p/q/")),
            ("/../a", None),
            ("/a/%2e%2E/b", None),
            ("/a%5c..%5Cb", None),
        ] {
            let rules = one_upstream("https://a.example/p/q/", "s3");
            let decided = rules.decide(&head("GET", path, &[]), Some(0), None);
            let sent = decided.map(|forward| forward.head.uri.to_string());
            assert_eq!(sent.ok().as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn paths_are_compared_as_the_service_reads_them() {
        let mut rules = one_upstream("https://s3.eu-west-1.amazonaws.com", "s3");
        rules.paths = Some(Filters::new([(false, "*"), (true, "/public/*")], &[""]));
        rules.methods = vec![Method::GET];
        for (method, path, expected) in [
            ("GET", "/public/a", 200),
            ("GET", "/%70ublic/a", 200),
            ("GET", "/private/a", 403),
            ("GET", "/public/../private/a", 403),
            ("GET", "/public/%2e%2E/private/a", 403),
            ("GET", "/public%2f..%2fprivate", 403),
            ("GET", "/public/a%2Fb", 200),
            ("GET", "/public%2Fa", 403),
            ("GET", "/public/..;/private/a", 403),
            ("GET", "/public/..%00/private/a", 403),
            ("GET", "/public/..%20/private/a", 403),
            ("GET", "/public/%252e%252e/private/a", 403),
            ("GET", "/public/..a", 200),
            ("GET", "/", 403),
            ("PUT", "/public/a", 403),
        ] {
            assert_eq!(status(&rules, &head(method, path, &[])), expected, "{path}");
        }
        rules.methods = Vec::new();
        for (source, expected) in [
            ("/public/b", 200),
            ("public/b?versionId=a%2F", 200),
            ("%2Fpublic/b", 403),
            ("%70ublic/b%3Fc", 200),
            ("/private/b", 403),
            ("private/b?versionId=/public/", 403),
            ("public/../private/b", 403),
            ("public/a?versionId=/../../private/b", 403),
            (
                "arn:aws:s3:eu-west-1:123456789012:accesspoint/a/object/b",
                403,
            ),
            ("", 403),
        ] {
            for name in ["X-Amz-Copy-Source", "X-Amz-Rename-Source"] {
                let copies = [(name, "/public/a"), (name, source)];
                let head = head("PUT", "/public/a", &copies);
                assert_eq!(status(&rules, &head), expected, "{name}: {source}");
                let Upstreams::One(upstream) = &rules.upstreams else {
                    unreachable!();
                };
                let again = rules.decide_again(&head, Some(0), upstream);
                assert_eq!(again.is_ok(), expected == 200, "{name}: {source}");
            }
        }
        for path in [
            "/public/b?x-amz-copy-source=/public/a",
            "/public/b?X-Amz-Rename-Source",
        ] {
            assert_eq!(status(&rules, &head("PUT", path, &[])), 403, "{path}");
        }
    }

    #[test]
    fn what_is_limited_has_no_second_method_path_or_name() {
        let limits: [(fn(&mut Rules), _, _); 5] = [
            (|rules| rules.limit = Limit::None, 200, 200),
            (|rules| rules.limit = Limit::Credentials, 200, 403),
            (|rules| rules.limit = Limit::Reading, 403, 403),
            (|rules| rules.methods = vec![Method::GET], 403, 403),
            (
                |rules| rules.paths = Some(Filters::new([(true, "/public/*")], &[""])),
                403,
                403,
            ),
        ];
        for (limit, other, twin) in limits {
            let mut rules = one_upstream("https://api.example", "execute-api");
            limit(&mut rules);
            let status = |target, headers: &[_]| status(&rules, &head("GET", target, headers));
            for name in OVERRIDES {
                assert_eq!(status("/public/a", &[(name, "DELETE")]), other, "{name}");
            }
            for path in [
                "/public/a?b&_method=DELETE",
                "/public/a?.method=DELETE",
                "/public/a?X-HTTP-Method-Override=DELETE",
            ] {
                assert_eq!(status(path, &[]), other, "{path}");
            }
            assert_eq!(status("/public/a?b=_method", &[]), 200);
            let twins = ["X_Amz_Target", "x-amz_target", "X_HTTP_Method_Override"];
            for name in [&twins[..], &["X_Iceberg_Access_Delegation"]].concat() {
                assert_eq!(status("/public/a", &[(name, "a")]), twin, "{name}");
            }
            assert_eq!(status("/public/a", &[("x_own", "a")]), 200);
        }
    }

    #[test]
    fn connection_takes_no_header_away_that_was_checked_or_signed() {
        let mut rules = one_upstream("https://sqs.eu-west-1.amazonaws.com", "sqs");
        rules.resigns = true;
        let Upstreams::One(upstream) = &rules.upstreams else {
            unreachable!();
        };
        for (name, connection, expected) in [
            ("x-amz-target", "X-Amz-Target", 400),
            ("content-type", "close,content-type", 400),
            ("if-none-match", "close , If-None-Match", 400),
            ("authorization", "authorization", 400),
            ("x-own", "x-own", 400),
            ("x-own", "x-amz-target, close", 200),
            ("te", "TE", 200),
            ("keep-alive", "keep-alive", 200),
        ] {
            let headers = [(name, "a"), ("connection", connection)];
            let head = head("GET", "/", &headers);
            assert_eq!(status(&rules, &head), expected, "{connection}");
            let again = rules.decide_again(&head, Some(0), upstream);
            assert_eq!(again.is_ok(), expected == 200, "{connection}");
        }
    }

    #[test]
    fn a_body_is_read_only_if_its_hash_has_to_be_found() {
        let hash = "a".repeat(64);
        let s3 = one_upstream("https://s3.eu-west-1.amazonaws.com", "s3");
        let clear = one_upstream("http://127.0.0.1:9000", "s3");
        let sts = one_upstream("https://sts.eu-west-1.amazonaws.com", "sts");
        let signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
        for (rules, declared, length, expected) in [
            (&sts, None, Some(0), Ok(Plan::Empty)),
            (&sts, None, Some(10), Ok(Plan::Hashed)),
            (&sts, None, None, Ok(Plan::Hashed)),
            (&sts, None, Some(11), Err(413)),
            (&sts, Some(&hash[..]), Some(11), Ok(Plan::Declared)),
            (&sts, Some("UNSIGNED-PAYLOAD"), Some(11), Err(413)),
            (&sts, Some("x"), Some(1), Err(400)),
            (&s3, None, Some(11), Ok(Plan::Unsigned)),
            (&s3, None, None, Ok(Plan::Hashed)),
            (&s3, Some("UNSIGNED-PAYLOAD"), Some(11), Ok(Plan::Unsigned)),
            (
                &s3,
                Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
                Some(11),
                Ok(Plan::Declared),
            ),
            (&s3, Some(signed), Some(11), Err(400)),
            (&s3, Some(&hash[..]), None, Ok(Plan::Hashed)),
            (&clear, None, Some(11), Err(413)),
            (&clear, Some(&hash[..]), Some(11), Ok(Plan::Declared)),
        ] {
            let headers: Vec<_> = declared
                .map(|hash| (CONTENT_SHA256, hash))
                .into_iter()
                .collect();
            let decided = rules.decide(&head("PUT", "/", &headers), length, None);
            if let (Ok(forward), Some(hash)) = (&decided, declared)
                && hash.len() == 64
            {
                // The service compares the body with it.
                assert_eq!(forward.head.headers[CONTENT_SHA256], hash);
            }
            let plan = decided.map(|forward| forward.plan);
            let plan = plan.map_err(|refusal| refusal.status.as_u16());
            assert_eq!(plan, expected, "{declared:?} {length:?}");
        }
    }

    #[test]
    fn a_signed_body_is_read_or_held_until_its_hash_is_known() {
        let hash = "ab".repeat(32);
        let one_upstream = |service| {
            let mut rules = one_upstream("https://a.example", service);
            (rules.max_body, rules.resigns) = (SHORT + 10, true);
            rules
        };
        let held = Ok(Plan::Held([0xab; 32]));
        let (s3, sts) = (one_upstream("s3"), one_upstream("sts"));
        let mut reads = one_upstream("s3");
        reads.limit = Limit::Reading;
        let (plain, presigned) = ("/a", "/a?X-Amz-Signature=a");
        for (rules, target, declared, length, expected) in [
            (&s3, plain, None, Some(0), Ok(Plan::Empty)),
            (&s3, plain, None, Some(1), Ok(Plan::Hashed)),
            (&s3, presigned, None, Some(1), Ok(Plan::Pieces)),
            (&sts, presigned, None, Some(1), Ok(Plan::Hashed)),
            (&s3, plain, None, Some(SHORT + 11), Err(413)),
            (&s3, plain, Some(&hash[..]), Some(SHORT), Ok(Plan::Hashed)),
            (&s3, plain, Some(&hash), Some(SHORT + 11), held),
            (&s3, plain, Some(&hash), None, Ok(Plan::Hashed)),
            (&s3, plain, Some(&hash[1..]), Some(SHORT + 11), Err(413)),
            (&s3, plain, Some("STREAMING-A"), Some(1), Ok(Plan::Pieces)),
            (&s3, plain, Some("UNSIGNED-PAYLOAD"), None, Ok(Plan::Pieces)),
            (&reads, plain, Some("UNSIGNED-PAYLOAD"), Some(1), Err(403)),
        ] {
            let headers: Vec<_> = declared
                .map(|hash| (CONTENT_SHA256, hash))
                .into_iter()
                .collect();
            let head = head("POST", target, &headers);
            let Upstreams::One(upstream) = &rules.upstreams else {
                unreachable!();
            };
            let decided = rules.decide_again(&head, length, upstream);
            let kept = |forward: Forward| {
                let hash = forward.head.headers.get(CONTENT_SHA256);
                assert_eq!(hash.and_then(|hash| hash.to_str().ok()), declared);
                forward.plan
            };
            let plan = decided.map(kept);
            let plan = plan.map_err(|refusal| refusal.status.as_u16());
            assert_eq!(plan, expected, "{target} {declared:?} {length:?}");
        }
    }

    #[test]
    fn what_is_for_one_connection_or_of_another_signature_is_not_forwarded() {
        let mut rules = one_upstream("https://sts.eu-west-1.amazonaws.com", "sts");
        rules.strip = vec![HeaderName::from_static("x-strip")];
        let own = HeaderValue::from_static("own");
        rules.add = vec![(HeaderName::from_static("x-add"), own.clone())];
        rules.sign_host = Some(own);
        let names = HOP_BY_HOP.iter().chain(&NOT_FORWARDED);
        let mut headers: Vec<_> = names.map(|name| (*name, "te")).collect();
        headers.extend([
            ("connection", "close, HTTP2-Settings, x-absent"),
            ("http2-settings", "a"),
            ("x-strip", "a"),
            ("x-add", "a"),
            ("x-keep", "a"),
        ]);
        let forward = rules
            .decide(&head("GET", "/", &headers), Some(0), None)
            .unwrap();
        let headers = forward.head.headers;
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "x-add", "x-keep"]);
        assert_eq!(headers["host"], "own");
        assert_eq!(headers["x-add"], "own");
    }
}
