//! Real clients of others with the credentials of a Keyfob chain: the test server verifies what
//! they sign. They stand here because this crate has them as peers.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::sync::Arc;

use aws_sdk_sts::Client;
use aws_sdk_sts::config::{BehaviorVersion, Config, Region};
use aws_sdk_sts::error::DisplayErrorContext;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use keyfob_chain::{Cached, Chain, Found, Origin};
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::{Account, Identity, Services};
use reqsign_aws_v4::RequestSigner;
use reqsign_core::{Context, Signer};

const URL: &str = "https://sts.us-east-1.amazonaws.com/";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";

/// Hands each request of the SDK to the test server.
#[derive(Clone, Debug)]
struct Connector(Arc<Services>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = || -> Result<HttpResponse, Box<dyn std::error::Error + Send + Sync>> {
            let (head, body) = request.try_into_http1x()?.into_parts();
            let body = body.bytes().ok_or("a body in memory")?;
            let answer = self.0.answer(&head, body, Timestamp::now());
            Ok(answer.map(Into::into).try_into()?)
        };
        HttpConnectorFuture::ready(answer().map_err(|error| ConnectorError::other(error, None)))
    }
}

fn account() -> (Arc<Account>, Arc<Services>) {
    let account = Arc::new(Account::new("123456789012").unwrap());
    let services = Arc::new(Services::new(Arc::clone(&account)));
    (account, services)
}

/// Returns a chain with a session of a role, which has a token and an expiry.
fn session(account: &Account) -> Cached<Chain> {
    let expiry = Timestamp::now().plus_seconds(3600);
    let role = Identity::session("deploy", "build");
    chain(account.issue(role, expiry).unwrap())
}

fn chain(credentials: Credentials) -> Cached<Chain> {
    Cached::new(Chain::new().then(Found::new(credentials, Origin::Default)))
}

fn sdk(chain: Cached<Chain>, services: &Arc<Services>) -> Client {
    let connector = SharedHttpConnector::new(Connector(Arc::clone(services)));
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(chain)
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

#[tokio::test]
async fn the_official_client_signs_with_the_session_of_a_chain() {
    let (account, services) = account();
    let client = sdk(session(&account), &services);
    let identity = client.get_caller_identity().send().await.unwrap();
    let arn = "arn:aws:sts::123456789012:assumed-role/deploy/build";
    assert_eq!(identity.arn(), Some(arn));
}

#[tokio::test]
async fn the_official_client_tells_what_the_chain_says() {
    let (_, services) = account();
    let client = sdk(Cached::new(Chain::new()), &services);
    let error = client.get_caller_identity().send().await.unwrap_err();
    let text = DisplayErrorContext(&error).to_string();
    assert!(text.contains("no credentials"), "{text}");
    assert_eq!(services.counters().requests, 0);
}

#[tokio::test]
async fn the_signer_of_reqsign_signs_with_the_session_of_a_chain() {
    let (account, services) = account();
    let rules = RequestSigner::new("sts", "us-east-1");
    let signer = Signer::new(Context::new(), session(&account), rules);
    let request = http::Request::post(URL)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-amz-content-sha256", sha256(WHO));
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    signer.sign(&mut head, None).await.unwrap();
    let answer = services.answer(&head, WHO.as_bytes(), Timestamp::now());
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    assert_eq!(answer.status(), 200, "{text}");
    assert!(text.contains(":assumed-role/deploy/build<"), "{text}");
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;

    let hash = sha2::Sha256::digest(text);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
