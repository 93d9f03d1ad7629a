//! `aws-sigv4`, including the step that applies the signature to the request.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use keyfob_sigv4::Timestamp;

use super::Job;
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, Body, Case, EXPIRES_IN, Form, REGION, Rules, SECRET_ACCESS_KEY};
use crate::measure::Contender;

/// Creates the contender that signs, and applies the instructions to the `http::Request`.
pub fn contender(case: &Case) -> Contender<'_> {
    let signer = Signer::new(case);
    Contender::new(
        "aws-sigv4",
        |n| Job::new(case, n),
        move |job| signer.sign(job),
    )
}

/// The identity and settings that a client reuses for its requests.
#[derive(Debug)]
pub struct Signer {
    identity: Identity,
    settings: SigningSettings,
    service: &'static str,
}

impl Signer {
    /// Creates a signer for one case.
    pub fn new(case: &Case) -> Self {
        Signer {
            identity: identity(case.token.clone()),
            settings: settings(case.rules, case.form),
            service: case.rules.service(),
        }
    }

    /// Signs the job's request and applies the signature to it.
    ///
    /// # Errors
    ///
    /// If aws-sigv4 rejects the request.
    pub fn sign(&self, job: &mut Job<'_>) -> Result<(), BoxError> {
        let settings = self.settings.clone();
        let time = system_time(job.at);
        let params = params(&self.identity, self.service, time, settings)?.into();
        let headers = job
            .input
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let body = signable_body(&job.input.body);
        let signable =
            SignableRequest::new(job.input.method, job.input.url.as_str(), headers, body)?;
        let (instructions, _signature) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(&mut job.request);
        Ok(())
    }
}

/// Presigns URLs, for tokens that are made of them.
#[derive(Debug)]
pub struct Presigner {
    identity: Identity,
    settings: SigningSettings,
    service: &'static str,
}

impl Presigner {
    /// Creates a presigner for one service, of URLs that are valid for so many seconds.
    pub fn new(service: &'static str, seconds: u32) -> Self {
        let mut settings = settings(Rules::General(service), Form::Query);
        settings.expires_in = Some(Duration::from_secs(seconds.into()));
        Self {
            identity: identity(None),
            settings,
            service,
        }
    }

    /// Presigns a `GET` of a URL.
    ///
    /// # Errors
    ///
    /// If aws-sigv4 rejects the request.
    pub fn presign(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        at: Timestamp,
    ) -> Result<String, BoxError> {
        let settings = self.settings.clone();
        let params = params(&self.identity, self.service, system_time(at), settings)?.into();
        let body = SignableBody::Bytes(&[]);
        let signable = SignableRequest::new("GET", url, headers.iter().copied(), body)?;
        let (instructions, _signature) = sign(signable, &params)?.into_parts();
        let mut request = http::Request::get(url).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request.uri().to_string())
    }
}

/// Returns the key of the cases.
pub fn identity(token: Option<String>) -> Identity {
    Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, token, None, "benches").into()
}

/// Returns the parameters of a signature.
///
/// # Errors
///
/// If one is missing.
pub fn params<'a, S: Default>(
    identity: &'a Identity,
    service: &'a str,
    time: SystemTime,
    settings: S,
) -> Result<SigningParams<'a, S>, BoxError> {
    let builder = SigningParams::builder().identity(identity).region(REGION);
    Ok(builder
        .name(service)
        .time(time)
        .settings(settings)
        .build()?)
}

fn settings(rules: Rules, form: Form) -> SigningSettings {
    let mut settings = SigningSettings::default();
    if rules == Rules::S3 {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    }
    if form == Form::Query {
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(EXPIRES_IN));
        // A presigned URL cannot carry this header.
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    }
    settings
}

fn signable_body(body: &Body) -> SignableBody<'_> {
    match body {
        Body::Signed(bytes) => SignableBody::Bytes(bytes),
        Body::Unsigned => SignableBody::UnsignedPayload,
    }
}

/// Returns the time as aws-sigv4 takes it.
pub fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(at.unix_seconds().unsigned_abs())
}
