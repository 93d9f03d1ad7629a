use ::http::{
    HeaderMap, HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body;

use super::{ChunkBody, ChunkEncoder, ChunkSigner, Chunked};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    payload::Payload,
    sign::Signer,
    timestamp::Timestamp,
};

impl Signer {
    /// Signs a request whose body goes out as planned: sets the plan's headers and the signature, wraps the body, and
    /// sets its `Content-Length` (which is not signed). A `Content-Encoding` that the request has is kept behind
    /// `aws-chunked`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] when neither the URI nor a `Host` header names one; [`ErrorKind::ChunkAlgorithm`] when the
    /// body was planned for SigV4a.
    pub fn sign_http_chunked<B: Body + Unpin>(
        &self,
        request: Request<B>,
        plan: &Chunked,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Request<ChunkBody<B>>, Error> {
        let sign =
            |head: &mut _, payload: Payload<'_>| self.sign_http(head, payload, credentials, at);
        encoded(request, plan, sign, |seed| {
            let key = self.signing_key(credentials, at);
            ChunkSigner::resume(&key, self.scope(), at, seed)
        })
    }
}

#[cfg(feature = "v4a")]
impl crate::v4a::Signer {
    /// Signs a request whose body goes out as planned, as [`Signer::sign_http_chunked`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] when neither the URI nor a `Host` header names one; [`ErrorKind::ChunkAlgorithm`] when the
    /// body was planned for SigV4.
    pub fn sign_http_chunked<B: Body + Unpin>(
        &self,
        request: Request<B>,
        plan: &Chunked,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Request<ChunkBody<B>>, Error> {
        let sign =
            |head: &mut _, payload: Payload<'_>| self.sign_http(head, payload, credentials, at);
        encoded(request, plan, sign, |seed| {
            ChunkSigner::resume_v4a(self, credentials, at, seed)
        })
    }
}

/// `sign` signs the head, and `chain` goes on from its signature.
fn encoded<B: Body + Unpin>(
    request: Request<B>,
    plan: &Chunked,
    sign: impl FnOnce(&mut Request<()>, Payload<'_>) -> Result<(), Error>,
    chain: impl FnOnce(&str) -> Result<ChunkSigner, Error>,
) -> Result<Request<ChunkBody<B>>, Error> {
    let (mut head, body) = prepared(request, plan)?;
    sign(&mut head, Payload::Streaming(plan.streaming()))?;
    let encoder = match plan.is_signed() {
        true => ChunkEncoder::new(plan, chain(seed(head.headers())?)?)?,
        false => ChunkEncoder::unsigned(plan)?,
    };
    let length = HeaderValue::from(plan.content_length());
    let mut request = head.map(|()| encoder.body(body));
    request.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(request)
}

/// The head with the plan's headers, and the body.
fn prepared<B>(request: Request<B>, plan: &Chunked) -> Result<(Request<()>, B), Error> {
    let (mut parts, body) = request.into_parts();
    let encoding = parts.headers.get(CONTENT_ENCODING);
    let encoding = encoding.and_then(|value| value.to_str().ok());
    let encoding = encoding.and_then(|value| value.strip_prefix("aws-chunked,").or(Some(value)));
    let plan = match encoding.filter(|value| *value != "aws-chunked") {
        Some(encoding) => plan.clone().content_encoding(encoding)?,
        None => plan.clone(),
    };
    for (name, value) in plan.headers() {
        let value = HeaderValue::try_from(value);
        let value = value.map_err(|_| Error::new(ErrorKind::HeaderValue, name))?;
        parts.headers.insert(name, value);
    }
    // It would be signed with the rest.
    parts.headers.remove(CONTENT_LENGTH);
    Ok((Request::from_parts(parts, ()), body))
}

/// The signature of the request, the last parameter of its `Authorization`.
fn seed(headers: &HeaderMap) -> Result<&str, Error> {
    let value = headers.get(AUTHORIZATION);
    let value = value.and_then(|value| value.to_str().ok()?.rsplit('=').next());
    value.ok_or_else(|| Error::secret(ErrorKind::Signature))
}
