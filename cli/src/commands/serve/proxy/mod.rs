//! `keyfob serve proxy`: signs the requests of programs that hold no key.

mod action;
mod forward;
mod log;
mod own;
mod rules;
mod upstream;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, Uri};
use keyfob_chain::{Cached, Origin, RequestSigner};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{HostScope, Secret, Signer, Timestamp};
use keyfob_sts::Endpoint;
use rand::Rng as _;

use self::{
    forward::{Proxy, Token},
    log::{Entry, Log},
    own::Metrics,
    rules::{Rules, Upstreams},
    upstream::Pool,
};
use super::{check_listen, check_token, start_serving};
use crate::{
    args::ServeProxyArgs, commands::sign::scope, context::Context, failure::Failure,
    failure::chained, s3::Filters, signals, syntax::parse_header,
};

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
    check_listen(args.listen, args.listen_any, "--listen-any")?;
    let upstreams = upstreams(context, args).await?;
    let connector = context.settings().connections()?.connector()?;
    let clock = connector.clone();
    let signer = RequestSigner::new(Cached::new(context.chain()))
        .with_clock(move || clock.service_time(Timestamp::now()));
    let (signer, checks_host) = match &upstreams {
        Upstreams::One { authority, .. } => {
            let scope = scope(context, args.service.as_deref(), authority.as_str()).await?;
            (signer.with_signer(Signer::new(scope)), true)
        }
        Upstreams::Allowed(_) => (signer.with_region(context.region().await?.clone()), false),
    };
    let token = token(args)?;
    let exported = match &token {
        Token::Own(token) => Some(token.expose().to_owned()),
        Token::None | Token::File(_) => None,
    };
    let metrics = Arc::new(Metrics::default());
    let log = Log::new(context.console(), args.log_format);
    let proxy = Arc::new(Proxy {
        rules: rules(args, upstreams)?,
        token,
        signer,
        pool: Arc::new(Pool::new(connector)),
        metrics: Arc::clone(&metrics),
        console: context.console(),
        log,
    });
    let mut builder = Listener::builder()
        .bind(args.listen)
        .allow_remote(args.listen_any)
        .refusal(move |status, reason| {
            metrics.answered(status);
            metrics.refused(reason);
            // What it is may not be known: it has no right host, or is no request at all.
            log.write(&Entry::default(), status, Duration::ZERO, Some(reason));
            let mut response = Response::new(Bytes::from(format!("keyfob: {reason}\n")));
            *response.status_mut() = status;
            response
        });
    if !checks_host {
        // Their hosts are those of AWS, which the rules check.
        builder = builder.admit(|_| true);
    }
    // A signal lets requests in progress come to their end.
    let hold = signals::hold();
    let listener = builder
        .start_streaming(move |request| Arc::clone(&proxy).answer(request))
        .await
        .map_err(|error| Failure::other(chained(&error)))?;
    let url = listener.url();
    let mut exports = vec![("KEYFOB_PROXY_URL", url.as_str())];
    exports.extend(
        exported
            .as_deref()
            .map(|token| ("KEYFOB_PROXY_TOKEN", token)),
    );
    start_serving(context, &exports)?;
    if let Some(origin) = origin {
        context.console().note(&format!(
            "requests are signed with the credentials from {origin}"
        ));
    }
    warn(context, args);
    if args.token_file.is_some() {
        signals::outlive_hang_up();
    }
    signals::ending().await;
    listener.stop().await;
    drop(hold);
    Ok(())
}

fn warn(context: &Context, args: &ServeProxyArgs) {
    if !args.listen.ip().is_loopback() {
        context.console().warn(
            "the proxy does not encrypt: others on the way can read the requests, the answers and \
             the token",
        );
    }
    if args.no_token {
        context.console().warn(
            "every user and every program on this machine can send requests with these credentials",
        );
    }
}

async fn upstreams(context: &Context, args: &ServeProxyArgs) -> Result<Upstreams, Failure> {
    let Some(url) = &args.to else {
        let mut patterns = vec![(false, "*")];
        for pattern in &args.allow {
            let is_pattern = pattern.contains(['*', '?', '[']);
            if !is_pattern && HostScope::parse(pattern).is_none() {
                return Err(Failure::usage(
                    "--allow: this is not the name of a host of AWS, nor a pattern",
                )
                .with_hint("for another server, use --to URL with --service"));
            }
            patterns.push((true, pattern));
        }
        return Ok(Upstreams::Allowed(Filters::new(patterns, &[""])));
    };
    let unusable =
        || Failure::usage("--to: write a URL as https://HOST/PATH or http://HOST:PORT, without ?");
    let parts = url.parse::<Uri>().map_err(|_| unusable())?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(unusable());
    };
    let path = parts.path_and_query;
    let has_query = path.as_ref().is_some_and(|path| path.query().is_some());
    let prefix = path.as_ref().map_or("", |path| path.path());
    let prefix = prefix.trim_end_matches('/').to_owned();
    let is_http = matches!(scheme.as_str(), "http" | "https");
    if has_query || !is_http || authority.as_str().contains('@') {
        return Err(unusable());
    }
    let endpoint = Endpoint::builder().url(&format!("{scheme}://{authority}"))?;
    if endpoint.build()?.is_clear_text() {
        context.console().warn(
            "--to: the server is not called with https, so that others on the way can read the \
             requests, their session token and the answers",
        );
    }
    let scope = scope(context, args.service.as_deref(), authority.as_str()).await?;
    let service = scope.service().to_owned();
    Ok(Upstreams::One {
        scheme,
        authority,
        prefix,
        service,
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
    let patterns = args.allow_path.iter().map(|path| (true, path.as_str()));
    let patterns = [(false, "*")].into_iter().chain(patterns);
    let paths = (!args.allow_path.is_empty()).then(|| Filters::new(patterns, &[""]));
    let mut strip = Vec::new();
    for name in &args.strip_header {
        strip.push(header_name("--strip-header", name)?);
    }
    let mut add = Vec::new();
    for header in &args.add_header {
        let (name, value) = parse_header(header)?;
        let value = HeaderValue::from_str(&value.unwrap_or_default())
            .map_err(|_| Failure::usage("--add-header: the value cannot be sent in a header"))?;
        add.push((header_name("--add-header", &name)?, value));
    }
    let sign_host = args.sign_host.as_deref().map(HeaderValue::from_str);
    Ok(Rules {
        upstreams,
        token_header: header_name("--token-header", &args.token_header)?,
        methods,
        paths,
        read_only: args.read_only,
        max_body: args.max_body.into(),
        unsigned_payload: args.unsigned_payload,
        sign_host: sign_host.transpose().map_err(|_| {
            Failure::usage("--sign-host: write a host name, with its port if it has one")
        })?,
        strip,
        add,
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
        return Err(Failure::usage(format!(
            "{argument}: the proxy sets {name} itself: leave it out"
        )));
    }
    Ok(name)
}

fn token(args: &ServeProxyArgs) -> Result<Token, Failure> {
    if args.no_token {
        return Ok(Token::None);
    }
    if let Some(path) = &args.token_file {
        check_token(path)?;
        return Ok(Token::File(path.clone()));
    }
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Token::Own(Secret::from(text)))
}
