//! Measures how long a new process takes to get credentials from an instance metadata service on
//! loopback.
//!
//! Keyfob, aws-config and reqsign take turns, each in a process of its own. Prints the median of
//! the time inside the process, and counts the requests and connections.

use std::env;
use std::io::{self, Write};

use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::ProvideCredentials;
use keyfob_benches::BoxError;
use keyfob_benches::cold::{First, aws_config_defaults, fresh, keyfob_defaults, named, timed};
use keyfob_imds::{Client, Endpoint, server};
use keyfob_sigv4::{Credentials, Timestamp};
use reqsign_aws_v4::IMDSv2CredentialProvider;
use reqsign_core::{Context, ProvideCredential};
use reqsign_http_send_reqwest::ReqwestHttpSend;
use tokio::runtime::{Builder, Runtime};

const ROUNDS: usize = 40;
const ID: &str = "ASIAEXAMPLE";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

/// A client that gets credentials in a new process, and returns their access key id.
type Cold = fn(&Runtime, &str) -> Result<First, BoxError>;

const CONTENDERS: [(&str, Cold); 5] = [
    ("keyfob", |runtime, _| keyfob_defaults(runtime)),
    ("keyfob-imds", keyfob_imds),
    ("aws-config", |runtime, _| aws_config_defaults(runtime)),
    ("aws-config-imds", aws_config_imds),
    ("reqsign-aws-v4", reqsign),
];

fn main() -> Result<(), BoxError> {
    match env::args().nth(1) {
        None => compare(),
        Some(name) => {
            let cold = named(&CONTENDERS, &name)?;
            let endpoint = env::var(ENDPOINT)?;
            timed(ID, Builder::enable_all, |runtime| cold(runtime, &endpoint))
        }
    }
}

fn compare() -> Result<(), BoxError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let instance = runtime.block_on(instance()?.start())?;
    let endpoint = format!("http://{}", instance.address());
    let variables = [(ENDPOINT, endpoint.as_str())];
    let mut times = [const { Vec::new() }; CONTENDERS.len()];
    for _ in 0..ROUNDS {
        for ((name, _), times) in CONTENDERS.iter().zip(&mut times) {
            times.push(fresh(&[name], &variables)?);
        }
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "{:<16} {:>12} {:>10} {:>12}",
        "client", "median µs", "requests", "connections"
    )?;
    for ((name, _), times) in CONTENDERS.iter().zip(&mut times) {
        times.sort_unstable();
        let before = instance.counters();
        fresh(&[name], &variables)?;
        let after = instance.counters();
        let (requests, connections) = (
            after.requests - before.requests,
            after.connections - before.connections,
        );
        writeln!(
            out,
            "{name:<16} {:>12} {requests:>10} {connections:>12}",
            times[ROUNDS / 2]
        )?;
    }
    Ok(())
}

/// Creates an instance with a role whose credentials are valid for an hour.
fn instance() -> Result<server::ImdsBuilder, BoxError> {
    let credentials = Credentials::new(ID, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?
        .with_session_token("FwoGZXIvYXdzEBYaDEXAMPLE")?
        .with_expiry(Timestamp::now().plus_seconds(3600));
    Ok(server::Imds::builder()
        .role("bench")?
        .region("eu-central-1")
        .credentials(credentials))
}

fn keyfob_imds(runtime: &Runtime, endpoint: &str) -> Result<First, BoxError> {
    let client = Client::builder()
        .endpoint(Endpoint::new(endpoint)?)
        .build()?;
    let role = runtime.block_on(client.credentials())?;
    Ok((role.credentials.access_key_id().into(), Box::new(client)))
}

/// Uses the least that aws-config can do: the one provider, with a client for plain HTTP.
fn aws_config_imds(runtime: &Runtime, endpoint: &str) -> Result<First, BoxError> {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = ProviderConfig::without_region().with_http_client(http);
    let imds = aws_config::imds::Client::builder()
        .configure(&config)
        .endpoint(endpoint)?
        .build();
    let provider = ImdsCredentialsProvider::builder()
        .configure(&config)
        .imds_client(imds)
        .build();
    let credentials = runtime.block_on(provider.provide_credentials())?;
    Ok((credentials.access_key_id().into(), Box::new(provider)))
}

fn reqsign(runtime: &Runtime, endpoint: &str) -> Result<First, BoxError> {
    let context = Context::new().with_http_send(ReqwestHttpSend::default());
    let provider = IMDSv2CredentialProvider::new().with_endpoint(endpoint);
    let credential = runtime
        .block_on(provider.provide_credential(&context))?
        .ok_or("no credentials")?;
    Ok((credential.access_key_id, Box::new((context, provider))))
}
