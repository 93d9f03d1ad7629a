use keyfob_chain::settings;
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::Credentials;
use tracing::debug;

use super::files::Files;
use crate::{
    args::ExecArgs,
    commands::{
        environment::Changes,
        serve::{self, proxy},
    },
    context::Context,
    failure::Failure,
    terminal::Queued,
};

/// A proxy that signs, and what the command has that calls it.
#[derive(Debug)]
pub(super) struct Proxied {
    proxy: Listener,
    keys: Credentials,
    files: Files,
    /// The value of `NO_PROXY`, if there is a proxy that would get the command's requests.
    no_proxy: Option<String>,
    /// Waits at the end for what the proxy has told.
    _queued: Queued,
}

/// Settings that would lead the command past the proxy, or that do not go with an endpoint URL.
const LEFT_OUT: [&str; 7] = [
    "addressing_style",
    "endpoint_url",
    "ignore_configured_endpoint_urls",
    "services",
    "use_accelerate_endpoint",
    "use_dualstack_endpoint",
    "use_fips_endpoint",
];
/// The same in the environment.
const SWITCHED_OFF: [&str; 3] = [
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
];
/// What the command leaves to the proxy, which knows the hosts: botocore would put a part before
/// that of the proxy.
const SWITCHED_ON: [&str; 1] = ["AWS_DISABLE_HOST_PREFIX_INJECTION"];

impl Proxied {
    pub(super) async fn start(context: &Context, args: &ExecArgs) -> Result<Self, Failure> {
        serve::forbid_core_dumps();
        let chain = context.chain_for(&args.role, None);
        let started = proxy::start_beside(context, chain, args).await;
        let (proxy, keys, queued) = started?;
        let credentials = format!(
            "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            keys.access_key_id(),
            keys.secret_access_key().expose()
        );
        let files = Files::write(context, &credentials, &LEFT_OUT)?;
        debug!(url = proxy.url(), "a proxy for the command");
        Ok(Self {
            proxy,
            keys,
            files,
            no_proxy: no_proxy(context),
            _queued: queued,
        })
    }

    /// Points a program at the proxy.
    pub(super) fn point_to(&self, changes: &mut Changes) {
        self.files.point_to(changes);
        changes.give(&self.keys);
        let url = self.proxy.url();
        changes.clear_all("AWS_ENDPOINT_URL_");
        // s5cmd reads it.
        changes.clear_all("S3_ENDPOINT_URL");
        changes.set("AWS_ENDPOINT_URL", &url);
        for (name, path) in proxy::paths() {
            changes.set(name, format!("{url}{path}"));
        }
        for name in SWITCHED_OFF {
            changes.set(name, "false");
        }
        for name in SWITCHED_ON {
            changes.set(name, "true");
        }
        if let Some(hosts) = &self.no_proxy {
            for name in settings::NO_PROXY.variables {
                changes.set(name, hosts);
            }
        }
    }
}

/// Returns the hosts that the command calls without an HTTP proxy, if it has one.
fn no_proxy(context: &Context) -> Option<String> {
    let variables = context.variables();
    let find = |key: settings::SettingKey| {
        let mut names = key.variables.iter();
        names.find_map(|name| variables.text(name))
    };
    find(settings::HTTP_PROXY).or_else(|| find(settings::ALL_PROXY))?;
    Some(match find(settings::NO_PROXY) {
        Some(hosts) => format!("{hosts},127.0.0.1"),
        None => "127.0.0.1".to_owned(),
    })
}
