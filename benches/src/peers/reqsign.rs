//! `reqsign-aws-v4`. It reads the clock itself, because its public API takes no time.

use std::time::Duration;

use http::HeaderValue;
use reqsign_aws_v4::{Credential, RequestSigner};
use reqsign_core::{Context, SignRequest, hash};

use super::{Job, ready};
use crate::BoxError;
use crate::case::{ACCESS_KEY_ID, Body, Case, EXPIRES_IN, Form, REGION, SECRET_ACCESS_KEY};
use crate::measure::Contender;

const CONTENT_SHA256: &str = "x-amz-content-sha256";
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A request with its head apart, as reqsign takes it.
struct Head<'a> {
    job: Job<'a>,
    parts: http::request::Parts,
}

/// Creates the contender that hashes the payload into the header from which reqsign reads it, and
/// signs the request's head.
pub fn contender(case: &Case) -> Contender<'_> {
    let signer = Signer::new(case);
    Contender::new(
        "reqsign-aws-v4",
        |n| {
            let mut job = Job::new(case, n)?;
            let (parts, ()) = std::mem::take(&mut job.request).into_parts();
            Ok(Head { job, parts })
        },
        move |head| signer.sign(&head.job.input.body, &mut head.parts),
    )
}

/// The signer, credential and context that a client reuses for its requests.
#[derive(Debug)]
pub struct Signer {
    context: Context,
    signer: RequestSigner,
    credential: Credential,
    expires_in: Option<Duration>,
}

impl Signer {
    /// Creates a signer for one case.
    pub fn new(case: &Case) -> Self {
        Signer {
            context: Context::new(),
            signer: RequestSigner::new(case.rules.service(), REGION),
            credential: Credential {
                access_key_id: ACCESS_KEY_ID.into(),
                secret_access_key: SECRET_ACCESS_KEY.into(),
                session_token: case.token.clone(),
                expires_in: None,
            },
            expires_in: (case.form == Form::Query).then_some(Duration::from_secs(EXPIRES_IN)),
        }
    }

    /// Signs the head in place.
    ///
    /// # Errors
    ///
    /// If reqsign rejects the request.
    pub fn sign(&self, body: &Body, parts: &mut http::request::Parts) -> Result<(), BoxError> {
        if let Body::Signed(bytes) = body {
            parts.headers.insert(CONTENT_SHA256, payload_hash(bytes)?);
        }
        let signing = self.signer.sign_request(
            &self.context,
            parts,
            Some(&self.credential),
            self.expires_in,
        );
        Ok(ready(signing)??)
    }
}

fn payload_hash(bytes: &[u8]) -> Result<HeaderValue, BoxError> {
    if bytes.is_empty() {
        return Ok(HeaderValue::from_static(EMPTY_SHA256));
    }
    Ok(HeaderValue::try_from(hash::hex_sha256(bytes))?)
}
