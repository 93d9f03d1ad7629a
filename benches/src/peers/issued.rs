//! Credentials that a service issues without a signature: instance metadata and IAM Identity
//! Center, with canned answers. The contenders write the requests and read the answers.

use bytes::Bytes;
use http::Request;
use keyfob_imds::{Endpoint, Path, wire};
use keyfob_sigv4::Timestamp;
use keyfob_sts::call::{Body, Call, Service};
use keyfob_sts::sso::{GetRoleCredentials, TokenFile};
use reqsign_aws_v4::{IMDSv2CredentialProvider, SSOCredentialProvider};

use super::Comparison;
use super::canned::{Canned, reqsign_key};
use super::keyfob::NAME;
use crate::BoxError;
use crate::case::{REGION, START};
use crate::measure::Contender;

/// The comparisons.
pub const CASES: [Comparison; 2] = [("imds-credentials", imds), ("sso-credentials", sso)];

const ROLE: &str = "app";
const ACCOUNT: &str = "123456789012";
const START_URL: &str = "https://d-1234567890.awsapps.com/start";

/// The credentials as a service of instance metadata writes them. They expire in the year 2100,
/// because reqsign reads the clock.
const INSTANCE: [(&str, &str); 3] = [
    (
        "/latest/api/token",
        "AQAEALEXAMPLE0123456789abcdefghijklmnopqrstuvwxyz==",
    ),
    ("/iam/security-credentials/", ROLE),
    (
        "/iam/security-credentials/app",
        r#"{
  "Code" : "Success",
  "LastUpdated" : "2026-03-01T08:59:00Z",
  "Type" : "AWS-HMAC",
  "AccessKeyId" : "ASIAIOSFODNN7EXAMPLE",
  "SecretAccessKey" : "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  "Token" : "IQoJb3JpZ2luX2VjEBYaCXVzLWVhc3QtMSJHMEUCIQDEXAMPLE+/IQoJb3JpZ2luX2VjEBYaCXVzLWVhc3Qt=",
  "Expiration" : "2100-01-01T00:00:00Z"
}"#,
    ),
];

const PORTAL: [(&str, &str); 1] = [(
    "/federation/credentials",
    r#"{"roleCredentials":{"accessKeyId":"ASIAIOSFODNN7EXAMPLE","secretAccessKey":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY","sessionToken":"IQoJb3JpZ2luX2VjEBYaCXVzLWVhc3QtMSJHMEUCIQDEXAMPLE+/IQoJb3JpZ2luX2VjEBYaCXVzLWVhc3Qt=","expiration":4102444800000}}"#,
)];

const TOKEN_FILE: &str = r#"{"startUrl": "https://d-1234567890.awsapps.com/start", "region": "us-east-1", "accessToken": "aoaAAAAAGEXAMPLE0123456789", "expiresAt": "2100-01-01T00:00:00Z"}"#;

/// Returns the contenders that ask for a session token, for the name of the role and for its
/// credentials.
fn imds() -> Result<Vec<Contender<'static>>, BoxError> {
    let service = Canned::new(&INSTANCE);
    let context = service.context(&[]);
    same(
        &service,
        &["x-aws-ec2-metadata-token"],
        vec![
            (
                NAME,
                Box::new({
                    let service = service.clone();
                    move || instance_key(&service)
                }),
            ),
            (
                "reqsign-aws-v4",
                // A new provider asks for a session token, too.
                Box::new(move || reqsign_key(&IMDSv2CredentialProvider::new(), &context)),
            ),
        ],
    )
}

fn instance_key(service: &Canned) -> Result<String, BoxError> {
    let (endpoint, ttl) = (Endpoint::default(), wire::TokenTtl::MAX);
    let send = |request: Request<()>| service.send(request.map(|()| Bytes::new()));
    let token = wire::token(&send(wire::token_request(&endpoint, ttl))?, ttl)?;
    let get = |path: &Path<'_>| -> Result<Bytes, BoxError> {
        let answer = send(wire::get_request(&endpoint, path, Some(&token)))?;
        Ok(wire::value(answer, path)?)
    };
    let roles = Path::new("iam/security-credentials/")?;
    let names = wire::text(get(&roles)?, &roles)?;
    let role = wire::names(&names).next().ok_or("no role")?;
    let document = get(&roles.child(role)?)?;
    let credentials = keyfob_imds::parse_credentials(&document)?;
    Ok(credentials.access_key_id().into())
}

/// Returns the contenders that read the file of a token, and get the credentials of a role with it.
fn sso() -> Result<Vec<Contender<'static>>, BoxError> {
    let service = Canned::new(&PORTAL).with_files([(".json", TOKEN_FILE.to_owned())]);
    let context = service.context(&[]);
    let provider = SSOCredentialProvider::new()
        .with_account_id(ACCOUNT)
        .with_region(REGION)
        .with_role_name(ROLE)
        .with_start_url(START_URL);
    same(
        &service,
        &["x-amz-sso_bearer_token"],
        vec![
            (
                NAME,
                Box::new({
                    let service = service.clone();
                    move || portal_key(&service)
                }),
            ),
            (
                "reqsign-aws-v4",
                Box::new(move || reqsign_key(&provider, &context)),
            ),
        ],
    )
}

fn portal_key(service: &Canned) -> Result<String, BoxError> {
    let now = Timestamp::from_unix_seconds(START);
    let file = TokenFile::parse(service.file(&TokenFile::name(START_URL))?)?;
    if file.is_expired(now) {
        return Err("the token has expired".into());
    }
    let call = GetRoleCredentials::new(file.access_token().clone(), ACCOUNT, ROLE)?;
    let endpoint = Service::SSO.endpoint().region(REGION)?.build()?;
    let mut request = call.request(&endpoint)?;
    call.operation().authorization().apply(&mut request, now)?;
    let answer = call.parse(&service.send(request.map(Body::into_bytes))?)?;
    Ok(answer.credentials.access_key_id().into())
}

/// A way to get credentials, which returns their access key ID.
type Get = Box<dyn Fn() -> Result<String, BoxError>>;

/// Returns the contenders if all got the same key, and if their last requests have the same URL and
/// the same values of these headers.
fn same(
    service: &Canned,
    headers: &[&str],
    contenders: Vec<(&'static str, Get)>,
) -> Result<Vec<Contender<'static>>, BoxError> {
    let mut first = None;
    for (name, get) in &contenders {
        let key = get()?;
        let sent = service.sent()?;
        let value = |header: &&str| Some(sent.headers().get(*header)?.as_bytes());
        let values: Vec<_> = headers.iter().map(value).collect();
        let mut query: Vec<_> = sent.uri().query().unwrap_or_default().split('&').collect();
        query.sort_unstable();
        let path = sent.uri().path();
        let host = sent.uri().host();
        let call = format!("{key} {host:?} {path} {query:?} {values:?}");
        let first = first.get_or_insert_with(|| call.clone());
        if call != *first || values.contains(&None) {
            return Err(format!("{name}: {call} is not {first}").into());
        }
    }
    let contender = |(name, get): (&'static str, Get)| {
        let run = move |key: &mut String| {
            *key = get()?;
            Ok(())
        };
        Contender::new(name, |_| Ok(String::new()), run)
    };
    Ok(contenders.into_iter().map(contender).collect())
}
