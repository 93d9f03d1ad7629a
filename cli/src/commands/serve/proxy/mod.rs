//! `keyfob serve proxy`: signs the requests of programs that hold no key.

mod action;
mod body;
mod clocks;
mod forward;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod giving;
mod host_prefix;
mod http2;
mod log;
mod own;
mod paths;
mod record;
mod resign;
mod rules;
mod targets;
mod tls;
mod upstream;
mod watch;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode, Uri,
    uri::{Authority, Scheme},
};
use keyfob_chain::{Cached, Chain, Origin, RequestSigner, files, shell};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, HostScope, Secret, Signer};
use keyfob_sts::Endpoint;
use rand::Rng as _;

pub(in crate::commands) use self::targets::paths;
use self::{
    clocks::Clocks,
    forward::{Proxy, Token, TokenFile},
    log::{Entry, Log},
    paths::{climbs, decode},
    resign::Resign,
    rules::{Limit, Rules, Upstream, Upstreams},
    targets::{Reach, Targets},
    upstream::Pool,
};
use super::{check_listen, start_serving};
use crate::{
    args::{ExecArgs, ListenOn, ServeProxyArgs},
    commands::sign::scope,
    context::Context,
    failure::Failure,
    failure::chained,
    s3::Filters,
    signals,
    syntax::parse_header,
    terminal::{Queued, printable, printable_path, queue_stderr},
};

/// How many letters a token has at least that other machines can try to guess.
const MIN_REMOTE_TOKEN: usize = 16;

/// Serves until Ctrl-C.
///
/// # Errors
///
/// If an argument cannot be used, or if the server cannot start.
pub(super) async fn run(
    context: &Context,
    args: &ServeProxyArgs,
    origin: Option<Origin>,
) -> Result<(), Failure> {
    check_listen_on(args)?;
    let tls = tls::Files::from_args(args);
    let tls = tls.map(tls::Files::read).transpose()?;
    let mut exported = Vec::new();
    let proxy = proxy(context, args, tls.as_ref(), &mut exported).await?;
    // A signal lets requests in progress come to their end.
    let hold = signals::hold();
    let queued = queue_stderr().map_err(|error| Failure::other(format!("cannot log: {error}")))?;
    let listener = listen(proxy, &args.listen, args.listen_any).await?;
    let (name, place) = match &args.listen {
        ListenOn::Address(_) if args.resign => ("AWS_ENDPOINT_URL", listener.url()),
        ListenOn::Address(_) => ("KEYFOB_PROXY_URL", listener.url()),
        #[cfg(unix)]
        ListenOn::Socket(path) => {
            // The programs that connect to it run in other folders.
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path = absolute.to_string_lossy().into_owned();
            ("KEYFOB_PROXY_SOCKET", path)
        }
    };
    let mut exports = vec![(name, place.as_str())];
    exports.extend(exported.iter().map(|(name, value)| (*name, value.as_str())));
    start_serving(context, &exports)?;
    if let Some(origin) = origin {
        context.console().note(&format!(
            "requests are signed with the credentials from {origin}"
        ));
    }
    warn(context, args);
    if args.token_file.is_some() || args.keys_file.is_some() || tls.is_some() {
        signals::outlive_hang_up();
    }
    if let Some(tls) = tls {
        tls.keep(context.console(), listener.address().ip())?;
    }
    signals::ending().await;
    listener.stop().await;
    drop(queued);
    drop(hold);
    Ok(())
}

/// Refuses a place that others reach, or that the callers cannot.
fn check_listen_on(args: &ServeProxyArgs) -> Result<(), Failure> {
    match &args.listen {
        ListenOn::Address(address) => check_listen(*address, args.listen_any, "--listen-any"),
        #[cfg(unix)]
        ListenOn::Socket(_) if args.tls_cert.is_some() => Err(Failure::usage(
            "--tls-cert: there is no TLS on a Unix socket, which only programs of this user reach",
        )
        .with_hint("leave out --tls-cert and --tls-key, or listen on an address")),
        #[cfg(unix)]
        ListenOn::Socket(_) if args.resign => Err(Failure::usage(
            "--listen: with --resign, programs need an address: their SDKs know no Unix sockets",
        )
        .with_hint("listen on 127.0.0.1:9913")),
        #[cfg(unix)]
        ListenOn::Socket(_) => Ok(()),
    }
}

/// Makes the proxy that the arguments describe. `exported` gets what its callers need beside its
/// URL.
async fn proxy(
    context: &Context,
    args: &ServeProxyArgs,
    tls: Option<&tls::Pair>,
    exported: &mut Vec<(&'static str, String)>,
) -> Result<Proxy, Failure> {
    let connector = context.settings().connections()?.connector()?;
    let signer = RequestSigner::new(Cached::new(context.chain()));
    let token = token(context, args)?;
    let (upstreams, signer, resign) = if args.resign {
        let (upstreams, resign) = resigned(context, args, exported)?;
        (upstreams, signer, Some(resign))
    } else {
        let upstreams = upstreams(context, args).await?;
        let signer = match &upstreams {
            Upstreams::One(Upstream { authority, .. }) => {
                let scope = scope(context, args.service.as_deref(), authority.as_str()).await?;
                signer.with_signer(Signer::new(scope))
            }
            Upstreams::Allowed(_) => signer.with_region(context.region().await?.clone()),
        };
        (upstreams, signer, None)
    };
    if let Token::Own(token) = &token {
        exported.push(("KEYFOB_PROXY_TOKEN", token.expose().to_owned()));
    }
    Ok(Proxy {
        rules: rules(args, upstreams)?,
        tls: tls.map(tls::Pair::shared),
        token,
        resign,
        signer,
        clocks: Arc::new(Clocks::new(connector.clone())),
        pool: Arc::new(Pool::new(&connector)),
        memory: forward::memory(args.max_body.into()),
        metrics: Arc::default(),
        console: context.console(),
        log: Log::new(context.console(), Some(args.log_format)),
    })
}

/// Starts a proxy for a command that runs beside it, and returns the placeholder keys for that.
///
/// # Errors
///
/// If a setting cannot be used, or if the server cannot start.
pub(in crate::commands) async fn start_beside(
    context: &Context,
    chain: Chain,
    args: &ExecArgs,
) -> Result<(Listener, Credentials, Queued), Failure> {
    let connector = context.settings().connections()?.connector()?;
    let keys = resign::random()?;
    let all = ["*".to_owned()];
    let allow = if args.allow.is_empty() {
        &all
    } else {
        &*args.allow
    };
    let targets = Targets::new(allowed(context, allow)?);
    let limit = Limit::new(args.read_only, args.allow_credentials);
    let rules = Rules::with_signing_callers(limit, args.max_body.into());
    let proxy = Proxy {
        memory: forward::memory(rules.max_body),
        rules,
        tls: None,
        token: Token::None,
        resign: Some(Resign::new(keys.clone(), targets)?),
        signer: RequestSigner::new(Cached::new(chain)),
        clocks: Arc::new(Clocks::new(connector.clone())),
        pool: Arc::new(Pool::new(&connector)),
        metrics: Arc::default(),
        console: context.console(),
        log: Log::new(context.console(), None),
    };
    let any_port = ListenOn::Address((Ipv4Addr::LOCALHOST, 0).into());
    // What it tells must not wait for the reader of stderr, nor the command for the proxy.
    let queued = queue_stderr().map_err(|error| Failure::other(format!("cannot log: {error}")))?;
    Ok((listen(proxy, &any_port, false).await?, keys, queued))
}

const OTHER_HOST: &str = "the request was forwarded by a proxy or made by a web page, or its host is \
                          not the address of this proxy: --host allows a name";

/// Starts a proxy.
async fn listen(proxy: Proxy, listen: &ListenOn, allow_remote: bool) -> Result<Listener, Failure> {
    let (metrics, log) = (Arc::clone(&proxy.metrics), proxy.log);
    let handshakes = tls::Handshakes::new(Arc::clone(&metrics), proxy.console);
    let tls = proxy.tls.clone();
    let is_own_host = proxy.resign.is_some() || matches!(proxy.rules.upstreams, Upstreams::One(_));
    let builder = match listen {
        ListenOn::Address(address) => Listener::builder().bind(*address),
        #[cfg(unix)]
        ListenOn::Socket(path) => Listener::builder().bind_unix(path),
    };
    let mut builder = builder.allow_remote(allow_remote).refusal(move |refused| {
        // The listener itself refuses only what has another name than its own.
        let reason = match refused.status {
            StatusCode::FORBIDDEN => OTHER_HOST,
            _ => refused.reason,
        };
        metrics.answered(refused.status);
        metrics.refused(reason);
        let entry = Entry::new(refused.method, refused.extensions);
        log.write(&entry, refused.status, Duration::ZERO, Some(reason));
        let mut response = Response::new(Bytes::from(format!("keyfob: {reason}\n")));
        *response.status_mut() = refused.status;
        response
    });
    if let Some(tls) = tls {
        let told = move |error: &_| handshakes.failed(error);
        builder = builder.tls(tls).failed_handshake(told);
    }
    for name in &proxy.rules.own_hosts {
        builder = builder.host(name);
    }
    if !is_own_host {
        // It is one of AWS, which the rules check.
        builder = builder.admit(|_| true);
    }
    let proxy = Arc::new(proxy);
    builder
        // Boxed at once, so that the listener does not move it around.
        .start_streaming(move |request| Box::pin(Arc::clone(&proxy).answer(request)))
        .await
        .map_err(|error| Failure::other(chained(&error)))
}

fn warn(context: &Context, args: &ServeProxyArgs) {
    for (what, path) in [
        ("the token", &args.token_file),
        ("the placeholder keys", &args.keys_file),
    ] {
        let home = context.variables().home();
        let problem = |path| exposure(what, path, home.as_deref());
        if let Some(problem) = path.as_deref().and_then(problem) {
            context.console().warn(&problem);
        }
    }
    let callers = match &args.listen {
        ListenOn::Address(address) => {
            if !address.ip().is_loopback() && args.tls_cert.is_none() {
                context.console().warn(
                    "the proxy does not encrypt: others on the way can read the requests, the \
                     answers and the token, unless you add --tls-cert and --tls-key",
                );
            }
            "every user and every program on this machine"
        }
        #[cfg(unix)]
        ListenOn::Socket(_) => "every program of this user",
    };
    if args.no_token {
        context.console().warn(&format!(
            "{callers} can send requests with these credentials"
        ));
    }
}

/// Returns what users other than this one can do with a secret in a file, and the cure.
fn exposure(what: &str, path: &Path, home: Option<&Path>) -> Option<String> {
    let shown = printable_path(path);
    if let Some(owner) = files::foreign_owner(path, home) {
        let cure = files::own_copy(path);
        return Some(format!(
            "{shown} belongs to user {owner}, who can read and change {what}: run {}",
            printable(&cure)
        ));
    }
    let (can, _) = files::exposed(path)?;
    let word = shell::path(path);
    Some(format!(
        "other users can {can} {what} in {shown}: run chmod 600 {}",
        printable(&word)
    ))
}

async fn upstreams(context: &Context, args: &ServeProxyArgs) -> Result<Upstreams, Failure> {
    let Some(url) = &args.to else {
        for pattern in &args.allow {
            let is_pattern = pattern.contains(['*', '?', '[']);
            if !is_pattern && HostScope::parse(pattern).is_none() {
                return Err(Failure::usage(
                    "--allow: this is not the name of a host of AWS, nor a pattern",
                )
                .with_hint("for another server, use --to URL with --service"));
            }
        }
        return Ok(Upstreams::Allowed(patterns(&args.allow)));
    };
    let mut upstream = upstream(context, args, url)?;
    let host = upstream.authority.as_str();
    let scope = scope(context, args.service.as_deref(), host).await?;
    upstream.set_service(scope.service().to_owned());
    Ok(Upstreams::One(upstream))
}

/// Returns the hosts that are allowed. All others are not.
fn patterns(allow: &[String]) -> Filters {
    let allow = allow.iter().map(|pattern| (true, pattern.as_str()));
    Filters::new([(false, "*")].into_iter().chain(allow), &[""])
}

/// Returns the server of a URL. Its service is not known yet.
fn upstream(context: &Context, args: &ServeProxyArgs, url: &str) -> Result<Upstream, Failure> {
    let unusable = || {
        Failure::usage(
            "--to: write a URL as https://HOST/PATH or http://HOST:PORT, without ?, # and ..",
        )
    };
    let parts = url.parse::<Uri>().map_err(|_| unusable())?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(unusable());
    };
    let path = parts.path_and_query;
    let has_query = path.as_ref().is_some_and(|path| path.query().is_some());
    let prefix = path.as_ref().map_or("", |path| path.path());
    let prefix = prefix.trim_end_matches('/').to_owned();
    let is_http = matches!(scheme.as_str(), "http" | "https");
    // A port that is too large is none for the parser.
    let is_host = match authority.port_u16() {
        Some(port) => port != 0 && !authority.as_str().contains('@'),
        None => authority.as_str() == authority.host(),
    };
    let is_path = !url.contains('#') && is_encoded(&prefix) && !climbs(&decode(&prefix));
    if has_query || !is_http || !is_host || !is_path {
        return Err(unusable());
    }
    if is_own(&args.listen, &scheme, &authority) {
        return Err(
            Failure::usage("--to: this is the address that the proxy itself listens on")
                .with_hint("write the URL of the server that requests are for"),
        );
    }
    let endpoint = Endpoint::builder().url(&format!("{scheme}://{authority}"))?;
    if endpoint.build()?.is_clear_text() {
        context.console().warn(
            "--to: the server is not called with https, so that others on the way can read the \
             requests, their session token and the answers",
        );
    }
    Ok(Upstream {
        scheme,
        authority,
        prefix,
        service: String::new(),
        is_for_all: false,
    })
}

/// Returns true if each % in a path begins the two digits of a byte.
fn is_encoded(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

/// Returns true if a server is the proxy itself, as far as addresses tell it.
fn is_own(listen: &ListenOn, scheme: &Scheme, authority: &Authority) -> bool {
    let own = match listen {
        ListenOn::Address(own) => own,
        #[cfg(unix)]
        ListenOn::Socket(_) => return false,
    };
    let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
    let is_local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    // A dot at its end is that of the root.
    let host = authority.host().trim_matches(['[', ']']);
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_host = match host.parse::<IpAddr>().map(|ip| ip.to_canonical()) {
        Ok(ip) if ip.is_unspecified() || own.ip().is_unspecified() => {
            is_local(ip) && is_local(own.ip())
        }
        Ok(ip) => ip == own.ip(),
        Err(_) => host.eq_ignore_ascii_case("localhost") && is_local(own.ip()),
    };
    is_host && authority.port_u16().unwrap_or(default) == own.port()
}

/// Returns where requests may go to that are signed again, and what their callers need.
fn resigned(
    context: &Context,
    args: &ServeProxyArgs,
    exported: &mut Vec<(&'static str, String)>,
) -> Result<(Upstreams, Resign), Failure> {
    let reach = match &args.to {
        Some(url) => {
            let mut upstream = upstream(context, args, url)?;
            let told = HostScope::parse(upstream.authority.as_str());
            let told = told.map(|told| told.service().to_owned());
            let service = args.service.clone().or(told);
            let any_service = service.is_none();
            upstream.set_service(service.unwrap_or_default());
            Reach::One {
                upstream,
                any_service,
            }
        }
        None => allowed(context, &args.allow)?,
    };
    // The programs that read the file run in other folders.
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let file = args.keys_file.as_ref().map(absolute);
    let keys = match &file {
        Some(path) => {
            let text = path.to_string_lossy().into_owned();
            exported.push(("AWS_SHARED_CREDENTIALS_FILE", text));
            if path.exists() && !path.is_file() {
                let shown = printable_path(path);
                context.console().note(&format!(
                    "--keys-file: {shown} is not a regular file: it is read once, as soon as it is \
                     written"
                ));
            }
            resign::read(path)?
        }
        None => {
            let keys = resign::random()?;
            let secret = keys.secret_access_key().expose().to_owned();
            exported.push(("AWS_ACCESS_KEY_ID", keys.access_key_id().to_owned()));
            exported.push(("AWS_SECRET_ACCESS_KEY", secret));
            keys
        }
    };
    let resign = Resign::new(keys, Targets::new(reach))?;
    if let Some(path) = file {
        let watched = resign.watch(path, context.console());
        watched.map_err(|error| Failure::other(format!("--keys-file: {error}")))?;
    }
    // The scope of a request tells its host, and not `Host`.
    Ok((Upstreams::Allowed(patterns(&[])), resign))
}

/// Returns the hosts of services that match, as the settings have them.
fn allowed(context: &Context, allow: &[String]) -> Result<Reach, Failure> {
    // The name of a service, say, would match nothing.
    let is_host = |name: &String| {
        let is_closed = name.matches('[').count() == name.matches(']').count();
        is_closed && name.contains(['.', '*', '?', '[']) || name == "localhost"
    };
    if !allow.iter().all(is_host) {
        return Err(
            Failure::usage("--allow: this is not the name of a host, nor a pattern")
                .with_hint("write s3.*.amazonaws.com, say, or localhost for an endpoint URL"),
        );
    }
    Ok(Reach::Allowed {
        patterns: patterns(allow),
        settings: Box::new(context.settings().clone()),
        url: context.globals().endpoint_url.clone(),
    })
}

fn rules(args: &ServeProxyArgs, upstreams: Upstreams) -> Result<Rules, Failure> {
    let mut methods = Vec::new();
    for method in &args.allow_method {
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes());
        methods.push(method.map_err(|_| {
            Failure::usage("--allow-method: write a method such as GET, without spaces")
        })?);
    }
    // Another would match nothing.
    if !args
        .allow_path
        .iter()
        .all(|path| path.starts_with(['/', '*']))
    {
        return Err(Failure::usage(
            "--allow-path: write a path that begins with a slash, such as /public/*",
        ));
    }
    let patterns = args.allow_path.iter().map(|path| (true, path.as_str()));
    let patterns = [(false, "*")].into_iter().chain(patterns);
    let paths = (!args.allow_path.is_empty()).then(|| Filters::new(patterns, &[""]));
    let token_header = header_name("--token-header", &args.token_header)?;
    let mut strip = Vec::new();
    for name in &args.strip_header {
        let name = header_name("--strip-header", name)?;
        if rules::is_set_here(&name) || name == token_header {
            return Err(set_here("--strip-header", &name));
        }
        if rules::is_never_forwarded(&name) {
            return Err(Failure::usage(format!(
                "--strip-header: requests with {name} come from web pages or other callers, and \
                 are refused: leave it out"
            )));
        }
        strip.push(name);
    }
    let mut add = Vec::new();
    for header in &args.add_header {
        let (name, value) = parse_header(header)?;
        let value = HeaderValue::from_str(&value.unwrap_or_default())
            .map_err(|_| Failure::usage("--add-header: the value cannot be sent in a header"))?;
        let name = header_name("--add-header", &name)?;
        if rules::is_set_here(&name) {
            return Err(set_here("--add-header", &name));
        }
        add.push((name, value));
    }
    let sign_host = args.sign_host.as_deref().map(|host| {
        let host = host.parse::<Authority>().ok();
        let host = host.filter(|host| !host.as_str().contains('@'));
        let host = host.and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        host.ok_or_else(|| {
            Failure::usage("--sign-host: write a host name, with its port if it has one")
        })
    });
    Ok(Rules {
        upstreams,
        token_header,
        methods,
        paths,
        limit: Limit::new(args.read_only, args.allow_credentials),
        max_body: args.max_body.into(),
        unsigned_payload: args.unsigned_payload,
        resigns: args.resign,
        sign_host: sign_host.transpose()?,
        strip,
        add,
        own_hosts: args.host.clone(),
    })
}

/// Parses the name of a header that the proxy may change.
fn header_name(argument: &str, name: &str) -> Result<HeaderName, Failure> {
    let name = HeaderName::from_bytes(name.trim().as_bytes())
        .map_err(|_| Failure::usage(format!("{argument}: this is not the name of a header")))?;
    let is_framing = matches!(
        name.as_str(),
        "connection" | "content-length" | "host" | "transfer-encoding"
    );
    if is_framing {
        return Err(set_here(argument, &name));
    }
    Ok(name)
}

fn set_here(argument: &str, name: &HeaderName) -> Failure {
    Failure::usage(format!(
        "{argument}: the proxy sets or removes {name} itself: leave it out"
    ))
}

/// Returns the token that callers must send; with `--resign` only for the proxy's own pages.
fn token(context: &Context, args: &ServeProxyArgs) -> Result<Token, Failure> {
    if args.no_token {
        return Ok(Token::None);
    }
    if let Some(path) = &args.token_file {
        // Other machines can try many.
        let least = if args.listen_any { MIN_REMOTE_TOKEN } else { 1 };
        let file = TokenFile::watch(path, least, context.console())?;
        return Ok(Token::File(file));
    }
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Token::Own(Secret::from(text)))
}
