//! Calls of STS with canned answers: keyfob and `aws-sdk-sts` build a request, sign it and read the
//! answer. Nothing is sent.

use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sdk_sts::operation::{assume_role, get_caller_identity};
use aws_sdk_sts::{Client, Config};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::interceptors::context::Input;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_plugin::RuntimePlugin;
use aws_smithy_runtime_api::client::ser_de::{
    DeserializeResponse, SerializeRequest, SharedRequestSerializer, SharedResponseDeserializer,
};
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::operation::BuildError;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use keyfob_sigv4::verify::Verifier;
use keyfob_sigv4::{Credentials, Payload, Scope, Signer, Timestamp};
use keyfob_sts::actions::{
    AssumeRole, AssumeRoleWithWebIdentity, AssumedRole, CallerIdentity, GetCallerIdentity,
    WebIdentityRole,
};
use keyfob_sts::call::{Body, Call};
use keyfob_sts::{Endpoint, Error};
use reqsign_aws_v4::AssumeRoleWithWebIdentityCredentialProvider;
use tokio::runtime::Builder;

use super::aws_sigv4::{identity, params, system_time};
use super::canned::{Canned as Service, reqsign_key};
use super::keyfob::NAME;
use super::{Comparison, ready};
use crate::BoxError;
use crate::case::{self, ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use crate::measure::Contender;

const URL: &str = "https://sts.us-east-1.amazonaws.com/";
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const EXTERNAL_ID: &str = "6d1f7a4e-0000-4000-8000-000000000001";

/// The comparisons: each is a call. It fails if the contenders send different parameters, sign
/// wrong or read different answers.
pub const CASES: [Comparison; 3] = [
    ("call-assume-role", assume_role),
    ("call-get-caller-identity", get_caller_identity),
    ("call-web-identity", web_identity),
];

fn assume_role() -> Result<Vec<Contender<'static>>, BoxError> {
    let token = "IQoJb3JpZ2luX2VjEBYaCXVzLWVhc3QtMSJHMEUCIQDEXAMPLE+/=".repeat(16);
    let answer = format!(
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>AROAIOSFODNN7EXAMPLE:build</AssumedRoleId>
      <Arn>arn:aws:sts::123456789012:assumed-role/deploy/build</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
      <SecretAccessKey>{SECRET_ACCESS_KEY}</SecretAccessKey>
      <SessionToken>{token}</SessionToken>
      <Expiration>2026-03-01T10:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>
"#
    );
    let build = |n| {
        AssumeRole::new(ROLE, session_name(n))?
            .duration_seconds(3600)?
            .external_id(EXTERNAL_ID)
    };
    let read = |answer: AssumedRole| answer.credentials.access_key_id().into();
    let input = |n| {
        assume_role::AssumeRoleInput::builder()
            .role_arn(ROLE)
            .role_session_name(session_name(n))
            .duration_seconds(3600)
            .external_id(EXTERNAL_ID)
            .build()
    };
    let send = async |client: &Client, n| {
        let call = client.assume_role().role_arn(ROLE);
        let call = call.role_session_name(session_name(n));
        let call = call.duration_seconds(3600).external_id(EXTERNAL_ID);
        let session = call.send().await?.credentials;
        Ok(session.ok_or("no credentials")?.access_key_id)
    };
    let answer = Bytes::from(answer);
    let plugin = assume_role::AssumeRole::new();
    let read_parts = |answer: assume_role::AssumeRoleOutput| {
        answer.credentials.map(|session| session.access_key_id)
    };
    same(vec![
        keyfob(answer.clone(), Auth::SigV4, build, read)?,
        sdk_parts(answer.clone(), &plugin, input, read_parts)?,
        sdk(answer, Auth::SigV4, send)?,
    ])
}

/// Session names differ, so that no contender can cache signatures.
fn session_name(n: u64) -> String {
    format!("build-{n}")
}

fn get_caller_identity() -> Result<Vec<Contender<'static>>, BoxError> {
    let answer = Bytes::from_static(
        br#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>arn:aws:iam::123456789012:user/alice</Arn>
    <UserId>AIDAIOSFODNN7EXAMPLE</UserId>
    <Account>123456789012</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
"#,
    );
    let build = |_| Ok(GetCallerIdentity::new());
    let read = |answer: CallerIdentity| answer.arn;
    let input = |_| get_caller_identity::GetCallerIdentityInput::builder().build();
    let send = async |client: &Client, _| {
        let identity = client.get_caller_identity().send().await?;
        Ok(identity.arn.ok_or("no ARN")?)
    };
    let plugin = get_caller_identity::GetCallerIdentity::new();
    let read_parts = |answer: get_caller_identity::GetCallerIdentityOutput| answer.arn;
    same(vec![
        keyfob(answer.clone(), Auth::SigV4, build, read)?,
        sdk_parts(answer.clone(), &plugin, input, read_parts)?,
        sdk(answer, Auth::SigV4, send)?,
    ])
}

const WEB_IDENTITY: &str = r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>system:serviceaccount:default:app</SubjectFromWebIdentityToken>
    <Audience>sts.amazonaws.com</Audience>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::123456789012:assumed-role/deploy/build</Arn>
      <AssumedRoleId>AROAIOSFODNN7EXAMPLE:build</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <SessionToken>IQoJb3JpZ2luX2VjEBYaCXVzLWVhc3QtMSJHMEUCIQDEXAMPLE+/=</SessionToken>
      <SecretAccessKey>wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY</SecretAccessKey>
      <Expiration>2100-01-01T00:00:00Z</Expiration>
      <AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>
    </Credentials>
    <Provider>arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com</Provider>
  </AssumeRoleWithWebIdentityResult>
  <ResponseMetadata>
    <RequestId>ad4156e9-bce1-11e2-82e6-6b6efEXAMPLE</RequestId>
  </ResponseMetadata>
</AssumeRoleWithWebIdentityResponse>
"#;

fn web_identity() -> Result<Vec<Contender<'static>>, BoxError> {
    static TOKEN: LazyLock<String> = LazyLock::new(|| {
        let part = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkVYQU1QTEUifQ".repeat(6);
        format!("{part}.{part}.{part}")
    });
    let answer = Bytes::from_static(WEB_IDENTITY.as_bytes());
    let build = |n| AssumeRoleWithWebIdentity::new(ROLE, session_name(n), TOKEN.as_str());
    let read = |answer: WebIdentityRole| answer.credentials.access_key_id().into();
    let send = async |client: &Client, n| {
        let call = client.assume_role_with_web_identity().role_arn(ROLE);
        let call = call.role_session_name(session_name(n));
        let call = call.web_identity_token(TOKEN.as_str());
        let session = call.send().await?.credentials;
        Ok(session.ok_or("no credentials")?.access_key_id)
    };
    let service = Service::new(&[("/", WEB_IDENTITY)]);
    let context = service.context(&[]);
    let reqsign = move |job: &mut Job<Bytes>| {
        let provider = AssumeRoleWithWebIdentityCredentialProvider::new()
            .with_role_arn(ROLE)
            .with_role_session_name(session_name(job.n))
            .with_subject_token(TOKEN.as_str())
            .with_region(REGION.into())
            .with_regional_sts_endpoint();
        job.read = reqsign_key(&provider, &context)?;
        job.sent = Some(service.sent()?);
        Ok(())
    };
    same(vec![
        keyfob(answer.clone(), Auth::Token, build, read)?,
        tried("reqsign-aws-v4", Auth::Token, reqsign)?,
        sdk(answer, Auth::Token, send)?,
    ])
}

/// A contender, with what it sent and read in its first call.
type Tried = (Contender<'static>, (String, String));

/// Returns the contenders if all sent and read the same.
fn same(tried: Vec<Tried>) -> Result<Vec<Contender<'static>>, BoxError> {
    let (contenders, calls): (Vec<_>, Vec<_>) = tried.into_iter().unzip();
    for (contender, call) in contenders.iter().zip(&calls) {
        if *call != calls[0] {
            return Err(format!("{}: {call:?} is not {:?}", contender.name, calls[0]).into());
        }
    }
    Ok(contenders)
}

/// One call: its number and time, and what is sent and read.
struct Job<T> {
    n: u64,
    at: Timestamp,
    sent: Option<Request<T>>,
    read: String,
}

impl<T> Job<T> {
    /// Prepares call number `n`.
    fn new(n: u64) -> Self {
        let (sent, read) = (None, String::new());
        let at = case::at(n);
        Self { n, at, sent, read }
    }
}

/// Creates the contender that uses the functions of `keyfob-sts` without its client.
fn keyfob<C: Call>(
    answer: Bytes,
    auth: Auth,
    build: impl Fn(u64) -> Result<C, Error> + 'static,
    read: impl Fn(C::Output) -> String + 'static,
) -> Result<Tried, BoxError> {
    let endpoint = Endpoint::builder().region(REGION)?.build()?;
    let signer = Signer::new(Scope::new(REGION, "sts")?);
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
    let answer = Response::new(answer);
    let run = move |job: &mut Job<Body>| {
        let call = build(job.n)?;
        let (head, body) = call.request(&endpoint)?.into_parts();
        let mut request = Request::from_parts(head, ());
        if auth == Auth::SigV4 {
            let payload = Payload::Bytes(body.as_ref());
            signer.sign_http(&mut request, payload, &credentials, job.at)?;
        }
        job.sent = Some(request.map(|()| body));
        job.read = read(call.parse(&answer)?);
        Ok(())
    };
    tried(NAME, auth, run)
}

/// Creates the contender that uses the serializer and the deserializer of `aws-sdk-sts`, and
/// `aws-sigv4`, without the client around them.
fn sdk_parts<I, O>(
    answer: Bytes,
    plugin: &impl RuntimePlugin,
    input: impl Fn(u64) -> Result<I, BuildError> + 'static,
    read: impl Fn(O) -> Option<String> + 'static,
) -> Result<Tried, BoxError>
where
    I: Debug + Send + Sync + 'static,
    O: Debug + Send + Sync + 'static,
{
    let layer = plugin.config().ok_or("no configuration")?;
    let serializer = layer.load::<SharedRequestSerializer>().cloned();
    let serializer = serializer.ok_or("no serializer")?;
    let identity = identity(None);
    let mut bag = ConfigBag::base();
    let run = move |job: &mut Job<SdkBody>| {
        let input = Input::erase(input(job.n)?);
        let request = serializer.serialize_input(input, &mut bag)?;
        let mut request = request.try_into_http1x()?;
        *request.uri_mut() = URL.parse()?;
        let settings = SigningSettings::default();
        let params = params(&identity, "sts", system_time(job.at), settings)?.into();
        let headers = request.headers().iter();
        let headers =
            headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let body = SignableBody::Bytes(request.body().bytes().unwrap_or_default());
        let signable = SignableRequest::new("POST", URL, headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        job.sent = Some(request);
        let answer = HttpResponse::new(StatusCode::try_from(200)?, answer.clone().into());
        let deserializer = layer.load::<SharedResponseDeserializer>();
        let deserializer = deserializer.ok_or("no deserializer")?;
        let output = deserializer.deserialize_nonstreaming_with_config(&answer, &bag);
        let output = output.map_err(|error| format!("{error:?}"))?;
        let output = output.downcast::<O>().map_err(|_| "another output")?;
        job.read = read(output).ok_or("no answer")?;
        Ok(())
    };
    tried("aws-sdk-sts-parts", Auth::SigV4, run)
}

/// Creates the contender that uses the client of `aws-sdk-sts` as it is by default, with a
/// connector that returns the answer.
fn sdk<S>(answer: Bytes, auth: Auth, send: S) -> Result<Tried, BoxError>
where
    S: AsyncFn(&Client, u64) -> Result<String, BoxError> + 'static,
{
    let canned = Canned {
        answer,
        sent: Arc::default(),
    };
    let sent = Arc::clone(&canned.sent);
    let connector = SharedHttpConnector::new(canned);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(sdk_credentials())
        .http_client(http_client_fn(move |_, _| connector.clone()));
    let client = Client::from_conf(config.build());
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let run = move |job: &mut Job<SdkBody>| {
        let _timers = runtime.enter();
        job.read = ready(send(&client, job.n))??;
        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).take();
        job.sent = Some(sent.ok_or("nothing was sent")?.try_into_http1x()?);
        Ok(())
    };
    tried("aws-sdk-sts", auth, run)
}

/// Answers each request with the same body, and keeps the last request.
#[derive(Debug)]
struct Canned {
    answer: Bytes,
    sent: Arc<Mutex<Option<HttpRequest>>>,
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        *sent = Some(request);
        let answer = StatusCode::try_from(200)
            .map(|status| HttpResponse::new(status, self.answer.clone().into()))
            .map_err(|error| ConnectorError::other(error.into(), None));
        HttpConnectorFuture::ready(answer)
    }
}

fn sdk_credentials() -> SdkCredentials {
    SdkCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "benches")
}

/// How a call is authorized.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Auth {
    /// By a signature.
    SigV4,
    /// By a token among its parameters.
    Token,
}

/// Runs one call, and verifies its signature if it must have one.
fn tried<T: Sent + 'static>(
    name: &'static str,
    auth: Auth,
    mut run: impl FnMut(&mut Job<T>) -> Result<(), BoxError> + 'static,
) -> Result<Tried, BoxError> {
    let mut job = Job::new(0);
    run(&mut job)?;
    let (mut head, body) = job.sent.ok_or("nothing was sent")?.into_parts();
    if auth == Auth::SigV4 {
        head.uri = URL.parse()?;
        verify(&mut head, body.bytes())?;
    } else if head.headers.contains_key(AUTHORIZATION) {
        return Err(format!("{name} signs what needs no signature").into());
    }
    // The order of the parameters differs.
    let mut sent: Vec<_> = str::from_utf8(body.bytes())?.split('&').collect();
    sent.sort_unstable();
    let sent = sent.join("&");
    let contender = Contender::new(name, |n| Ok(Job::new(n)), run);
    Ok((contender, (sent, job.read)))
}

fn verify(head: &mut Parts, body: &[u8]) -> Result<(), BoxError> {
    let host = HeaderValue::from_static("sts.us-east-1.amazonaws.com");
    head.headers.insert(HOST, host);
    let received = keyfob_sigv4::Request::from_http(head)?.payload(Payload::Bytes(body));
    let date = head.headers.get("x-amz-date").ok_or("no date")?;
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
    Verifier::new(Scope::new(REGION, "sts")?).verify(&received, date.to_str()?.parse()?, |_| {
        Some(credentials.clone())
    })?;
    Ok(())
}

/// A body as it is sent.
trait Sent {
    fn bytes(&self) -> &[u8];
}

impl Sent for Body {
    fn bytes(&self) -> &[u8] {
        self.as_ref()
    }
}

impl Sent for Bytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Sent for SdkBody {
    fn bytes(&self) -> &[u8] {
        self.bytes().unwrap_or_default()
    }
}
