//! Calls of STS with canned answers: keyfob and `aws-sdk-sts` build a request, sign it and read the
//! answer. Nothing is sent.

use std::fmt::Debug;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use aws_credential_types::Credentials as SdkCredentials;
use aws_sdk_sts::config::{BehaviorVersion, Region};
use aws_sdk_sts::operation::{assume_role, get_caller_identity};
use aws_sdk_sts::{Client, Config};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::identity::Identity;
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
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use keyfob_sigv4::verify::Verifier;
use keyfob_sigv4::{Credentials, Payload, Scope, Signer, Timestamp};
use keyfob_sts::actions::{AssumeRole, AssumedRole, CallerIdentity, GetCallerIdentity};
use keyfob_sts::call::{Body, Call};
use keyfob_sts::{Endpoint, Error};
use tokio::runtime::Builder;

use super::aws_sigv4::system_time;
use super::keyfob::NAME;
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, PER_SECOND, REGION, SECRET_ACCESS_KEY, START};
use crate::measure::Contender;

const URL: &str = "https://sts.us-east-1.amazonaws.com/";
const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const EXTERNAL_ID: &str = "6d1f7a4e-0000-4000-8000-000000000001";

/// The cases: each is a call.
pub const CASES: [(&str, Contenders); 2] = [
    ("call-assume-role", assume_role),
    ("call-get-caller-identity", get_caller_identity),
];

/// Makes the contenders of a case, keyfob first. It fails if they send different parameters, sign
/// wrong or read different answers.
pub type Contenders = fn() -> Result<Vec<Contender<'static>>, BoxError>;

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
        keyfob(answer.clone(), build, read)?,
        sdk_parts(answer.clone(), &plugin, input, read_parts)?,
        sdk(answer, send)?,
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
        keyfob(answer.clone(), build, read)?,
        sdk_parts(answer.clone(), &plugin, input, read_parts)?,
        sdk(answer, send)?,
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
        let at = Timestamp::from_unix_seconds(START).plus_seconds((n / PER_SECOND).cast_signed());
        let (sent, read) = (None, String::new());
        Self { n, at, sent, read }
    }
}

/// Creates the contender that uses the functions of `keyfob-sts` without its client.
fn keyfob<C: Call>(
    answer: Bytes,
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
        let payload = Payload::Bytes(body.as_ref());
        signer.sign_http(&mut request, payload, &credentials, job.at)?;
        job.sent = Some(request.map(|()| body));
        job.read = read(call.parse(&answer)?);
        Ok(())
    };
    tried(NAME, run)
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
    let identity = Identity::from(sdk_credentials());
    let mut bag = ConfigBag::base();
    let run = move |job: &mut Job<SdkBody>| {
        let input = Input::erase(input(job.n)?);
        let request = serializer.serialize_input(input, &mut bag)?;
        let mut request = request.try_into_http1x()?;
        *request.uri_mut() = URL.parse()?;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(REGION)
            .name("sts")
            .time(system_time(job.at))
            .settings(SigningSettings::default())
            .build()?
            .into();
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
    tried("aws-sdk-sts-parts", run)
}

/// Creates the contender that uses the client of `aws-sdk-sts` as it is by default, with a
/// connector that returns the answer.
fn sdk<S>(answer: Bytes, send: S) -> Result<Tried, BoxError>
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
        let call = pin!(send(&client, job.n));
        match call.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(read) => job.read = read?,
            Poll::Pending => return Err("the call waits".into()),
        }
        let sent = sent.lock().unwrap_or_else(PoisonError::into_inner).take();
        job.sent = Some(sent.ok_or("nothing was sent")?.try_into_http1x()?);
        Ok(())
    };
    tried("aws-sdk-sts", run)
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

/// Runs one call, and verifies its signature.
fn tried<T: Sent + 'static>(
    name: &'static str,
    mut run: impl FnMut(&mut Job<T>) -> Result<(), BoxError> + 'static,
) -> Result<Tried, BoxError> {
    let mut job = Job::new(0);
    run(&mut job)?;
    let (mut head, body) = job.sent.ok_or("nothing was sent")?.into_parts();
    head.uri = URL.parse()?;
    let host = HeaderValue::from_static("sts.us-east-1.amazonaws.com");
    head.headers.insert(HOST, host);
    let received = keyfob_sigv4::Request::from_http(&head)?.payload(Payload::Bytes(body.bytes()));
    let date = head.headers.get("x-amz-date").ok_or("no date")?;
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY)?;
    Verifier::new(Scope::new(REGION, "sts")?).verify(&received, date.to_str()?.parse()?, |_| {
        Some(credentials.clone())
    })?;
    let sent = String::from_utf8(body.bytes().into())?;
    let contender = Contender::new(name, |n| Ok(Job::new(n)), run);
    Ok((contender, (sent, job.read)))
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

impl Sent for SdkBody {
    fn bytes(&self) -> &[u8] {
        self.bytes().unwrap_or_default()
    }
}
