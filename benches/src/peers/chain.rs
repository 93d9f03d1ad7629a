//! Credentials from the environment and from a profile, by the default chains, and reads of cached
//! credentials. Files are in memory, and nothing is sent.

use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials as SdkCredentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::orchestrator::endpoints::StaticUriEndpointResolver;
use aws_smithy_runtime::client::retries::strategy::NeverRetryStrategy;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::identity::{ResolveCachedIdentity, SharedIdentityResolver};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;
use keyfob_chain::profiles::{ConfigFiles, FileKind};
use keyfob_chain::{Cached, Chain, Found, Order, Origin, Settings, Variables};
use keyfob_sigv4::{Credentials, Timestamp};
use reqsign_aws_v4::DefaultCredentialProvider;
use tokio::runtime::Builder;

use super::canned::{Canned, reqsign_key};
use super::keyfob::NAME;
use super::{Comparison, ready};
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, START};
use crate::measure::Contender;

/// The comparisons.
pub const CASES: [Comparison; 3] = [
    ("chain-environment", environment),
    ("chain-profile", profile),
    ("cached-read", cached),
];

const ENVIRONMENT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
    ("AWS_REGION", "eu-west-1"),
];

fn environment() -> Result<Vec<Contender<'static>>, BoxError> {
    first(&ENVIRONMENT, Canned::default(), |variables| {
        Settings::load(variables)
    })
}

/// Both parse both files, as the one that is asked first has another profile.
fn profile() -> Result<Vec<Contender<'static>>, BoxError> {
    let files = Canned::default().with_files(files());
    let texts = files.clone();
    first(&[("AWS_PROFILE", "default")], files, move |variables| {
        let text = |name| texts.file(name).unwrap_or_default().as_bytes();
        let parsed = ConfigFiles::parse([
            (FileKind::Credentials, "credentials", text("credentials")),
            (FileKind::Config, "config", text("config")),
        ]);
        Settings::new(variables, parsed)
    })
}

/// Returns the two files of a user: another profile, and the key before twenty others.
pub fn files() -> [(&'static str, String); 2] {
    let key = format!(
        "aws_access_key_id = {ACCESS_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n"
    );
    let mut config = format!("[default]\nregion = eu-west-1\n{key}");
    for n in 0..20 {
        config += &format!("[profile p{n}]\nregion = eu-west-1\noutput = json\n");
    }
    [
        ("credentials", format!("[other]\n{key}")),
        ("config", config),
    ]
}

/// Returns the contenders that make a chain and get the first credentials of it.
fn first(
    variables: &'static [(&str, &str)],
    files: Canned,
    load: impl Fn(Variables) -> Settings + 'static,
) -> Result<Vec<Contender<'static>>, BoxError> {
    let now = Timestamp::from_unix_seconds(START);
    let ours = move |(variables, key): &mut (Variables, String)| {
        let settings = load(std::mem::take(variables));
        let chain = Chain::default_for(Order::Rust, &settings);
        *key = ready(Cached::new(chain).credentials(now))??
            .access_key_id()
            .into();
        is_expected(key)
    };
    let theirs = move |(context, key): &mut (_, String)| {
        *key = reqsign_key(&DefaultCredentialProvider::new(), context)?;
        is_expected(key)
    };
    Ok(vec![
        Contender::new(
            NAME,
            |_| Ok((variables.iter().copied().collect(), String::new())),
            ours,
        ),
        Contender::new(
            "reqsign-aws-v4",
            move |_| Ok((files.context(variables), String::new())),
            theirs,
        ),
    ])
}

fn is_expected(key: &str) -> Result<(), BoxError> {
    match key {
        ACCESS_KEY_ID => Ok(()),
        other => Err(format!("the key is {other:?}").into()),
    }
}

/// Returns the contenders that read credentials with a token and an expiry from a cache that has
/// them: that of keyfob, and the one in which the clients of the AWS SDK keep them.
fn cached() -> Result<Vec<Contender<'static>>, BoxError> {
    let now = Timestamp::now();
    let key = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?
        .with_session_token("FwoGZXIvYXdzEBYaDEXAMPLE")?
        .with_expiry(now.plus_seconds(86_400));
    let cache = Cached::new(Found::new(key, Origin::Default));
    let ours = move |_: &mut ()| {
        let credentials = ready(cache.credentials(now))??;
        is_expected(black_box(credentials.access_key_id()))
    };
    let components = components()?;
    let cache = IdentityCache::lazy().build();
    let expiry = now.plus_seconds(86_400).unix_seconds().unsigned_abs();
    let key = SdkCredentials::new(
        ACCESS_KEY_ID,
        SECRET_ACCESS_KEY,
        Some("FwoGZXIvYXdzEBYaDEXAMPLE".into()),
        Some(UNIX_EPOCH + Duration::from_secs(expiry)),
        "benches",
    );
    let resolver = SharedIdentityResolver::new(SharedCredentialsProvider::new(key));
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let bag = ConfigBag::base();
    let theirs = move |_: &mut ()| {
        let _timers = runtime.enter();
        let identity = cache.resolve_cached_identity(resolver.clone(), &components, &bag);
        let identity = ready(identity)?.map_err(|error| error.to_string())?;
        let credentials = identity
            .data::<SdkCredentials>()
            .ok_or("another identity")?;
        is_expected(black_box(credentials.access_key_id()))
    };
    Ok(vec![
        Contender::new(NAME, |_| Ok(()), ours),
        Contender::new("aws-smithy-runtime", |_| Ok(()), theirs),
    ])
}

/// Returns what the cache of the SDK asks for time and sleep, with the other parts of a client that
/// it insists on and does not use.
fn components() -> Result<RuntimeComponents, BoxError> {
    let builder: RuntimeComponentsBuilder = RuntimeComponents::builder("benches");
    Ok(builder
        .with_auth_scheme(NoAuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![])))
        .with_endpoint_resolver(Some(StaticUriEndpointResolver::http_localhost(1)))
        .with_identity_cache(Some(IdentityCache::no_cache()))
        .with_identity_resolver(NO_AUTH_SCHEME_ID, NoAuthIdentityResolver::new())
        .with_retry_strategy(Some(NeverRetryStrategy::new()))
        .with_sleep_impl(default_async_sleep())
        .with_time_source(Some(SystemTimeSource::new()))
        .build()?)
}
