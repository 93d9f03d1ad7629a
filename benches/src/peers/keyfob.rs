//! Keyfob itself.

use http::request::Parts;
use keyfob_sigv4::verify::Verifier;
use keyfob_sigv4::{Credentials, Payload, Request, Scope, Signer as KeyfobSigner, Timestamp, Ttl};

use super::{Job, VerifyJob};
use crate::BoxError;
use crate::case::{self, Body, Case, EXPIRES_IN, Form, Input, REGION, Rules};
use crate::measure::Contender;

/// The name of keyfob among the contenders.
pub const NAME: &str = "keyfob";

/// Creates the contender that signs the `http::Request` in place, or presigns its URL into a
/// `String`.
///
/// # Errors
///
/// If the case is malformed.
pub fn contender(case: &Case) -> Result<Contender<'_>, BoxError> {
    let signer = Signer::new(case)?;
    Ok(match case.form {
        Form::Header => Contender::new(NAME, |n| Job::new(case, n), move |job| signer.sign(job)),
        Form::Query => Contender::new(
            NAME,
            |n| Ok((case.input(n), case::at(n), String::new())),
            move |(input, at, url)| {
                *url = signer.presign(input, *at)?;
                Ok(())
            },
        ),
    })
}

/// The signer and credentials that a client reuses for its requests.
pub struct Signer {
    signer: KeyfobSigner,
    credentials: Credentials,
    ttl: Ttl,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    /// Creates a signer for one case.
    ///
    /// # Errors
    ///
    /// If the case is malformed.
    pub fn new(case: &Case) -> Result<Self, BoxError> {
        let signer = match case.rules {
            Rules::General(service) => KeyfobSigner::new(Scope::new(REGION, service)?),
            Rules::S3 => KeyfobSigner::s3(REGION)?,
        };
        Ok(Signer {
            signer,
            credentials: case.credentials()?,
            ttl: Ttl::from_secs(EXPIRES_IN)?,
        })
    }

    /// Signs the job's request in place.
    ///
    /// # Errors
    ///
    /// If keyfob refuses the request.
    pub fn sign(&self, job: &mut Job<'_>) -> Result<(), BoxError> {
        self.sign_http(&mut job.request, &job.input.body, job.at)
    }

    /// Signs a request in place.
    ///
    /// # Errors
    ///
    /// If keyfob refuses the request.
    pub fn sign_http(
        &self,
        request: &mut http::Request<()>,
        body: &Body,
        at: Timestamp,
    ) -> Result<(), BoxError> {
        Ok(self
            .signer
            .sign_http(request, payload(body), &self.credentials, at)?)
    }

    /// Returns the presigned URL.
    ///
    /// # Errors
    ///
    /// If keyfob refuses the request.
    pub fn presign(&self, input: &Input, at: Timestamp) -> Result<String, BoxError> {
        let request = Request::new(input.method, &input.url)?.payload(payload(&input.body));
        Ok(self
            .signer
            .presign(&request, &self.credentials, at, self.ttl)?
            .into_string())
    }

    /// Returns the canonical request and the string to sign, for `sha256-floor`.
    ///
    /// # Errors
    ///
    /// If the case is malformed.
    pub fn explain(&self, form: Form, job: &Job<'_>) -> Result<(String, String), BoxError> {
        let (parts, ()) = job.request.clone().into_parts();
        let request = Request::from_http(&parts)?.payload(payload(&job.input.body));
        let explanation = match form {
            Form::Header => self.signer.explain(&request, &self.credentials, job.at)?,
            Form::Query => {
                self.signer
                    .explain_presign(&request, &self.credentials, job.at, self.ttl)?
            }
        };
        Ok((
            explanation.canonical_request().into(),
            explanation.string_to_sign().into(),
        ))
    }
}

/// Creates the contender that verifies a request that keyfob signed.
///
/// # Errors
///
/// If the case is malformed.
pub fn verifier(case: &Case) -> Result<Contender<'_>, BoxError> {
    let signer = Signer::new(case)?;
    let verifier = match case.rules {
        Rules::General(service) => Verifier::new(Scope::new(REGION, service)?),
        Rules::S3 => Verifier::s3(REGION)?,
    };
    let credentials = case.credentials()?;
    Ok(Contender::new(
        NAME,
        move |n| VerifyJob::new(case, &signer, n),
        move |job| verify(&verifier, &credentials, &job.parts, &job.input.body, job.at),
    ))
}

fn verify(
    verifier: &Verifier,
    credentials: &Credentials,
    parts: &Parts,
    body: &Body,
    at: Timestamp,
) -> Result<(), BoxError> {
    let request = Request::from_http(parts)?.payload(payload(body));
    verifier.verify(&request, at, |_| Some(credentials.clone()))?;
    Ok(())
}

fn payload(body: &Body) -> Payload<'_> {
    match body {
        Body::Signed(bytes) => Payload::Bytes(bytes),
        Body::Unsigned => Payload::Unsigned,
    }
}
