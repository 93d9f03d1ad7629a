use alloc::string::String;

use ::http::{
    HeaderMap, HeaderValue, Request,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body;

use super::{ChunkBody, ChunkEncoder, ChunkSigner, Chunked, content_encoding::add_others};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    payload::Payload,
    sign::Signer,
    timestamp::Timestamp,
};

impl Signer {
    /// Signs a request whose body is encoded in chunks as planned.
    ///
    /// Sets the plan's headers, the signature and the `Content-Length`, which is not signed, and
    /// wraps the body. The encodings that the request has, in one `Content-Encoding` or in several,
    /// follow `aws-chunked`, and those of the plan follow them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if neither the URI nor a `Host` header names a host;
    /// [`ErrorKind::ChunkAlgorithm`] if the body was planned for SigV4a;
    /// [`ErrorKind::HeaderValue`] if a `Content-Encoding` is not ASCII.
    ///
    /// # Examples
    ///
    /// ```
    /// use http_body_util::Full;
    /// use keyfob_sigv4::{Signer, chunked::{Checksum, Chunked}};
    /// # use keyfob_sigv4::Credentials;
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "20150830T123600Z".parse()?;
    ///
    /// let request = http::Request::put("https://examplebucket.s3.amazonaws.com/key")
    ///     .body(Full::new(&b"hello world"[..]))?;
    /// let plan = Chunked::signed(11).checksum(Checksum::Crc32);
    /// let signed = Signer::s3("us-east-1")?.sign_http_chunked(request, &plan, &credentials, at)?;
    /// assert_eq!(signed.headers()["content-encoding"], "aws-chunked");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign_http_chunked<B: Body + Unpin>(
        &self,
        request: Request<B>,
        plan: &Chunked,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Request<ChunkBody<B>>, Error> {
        let sign =
            |head: &mut _, payload: Payload<'_>| self.sign_http(head, payload, credentials, at);
        sign_and_encode(request, plan, sign, |seed| {
            let key = self.signing_key(credentials, at);
            ChunkSigner::resume(&key, self.scope(), at, seed)
        })
    }
}

#[cfg(feature = "v4a")]
impl crate::v4a::Signer {
    /// Signs a request whose body is encoded in chunks as planned, as [`Signer::sign_http_chunked`]
    /// does.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if neither the URI nor a `Host` header names a host;
    /// [`ErrorKind::ChunkAlgorithm`] if the body was planned for SigV4.
    pub fn sign_http_chunked<B: Body + Unpin>(
        &self,
        request: Request<B>,
        plan: &Chunked,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Request<ChunkBody<B>>, Error> {
        let sign =
            |head: &mut _, payload: Payload<'_>| self.sign_http(head, payload, credentials, at);
        sign_and_encode(request, plan, sign, |seed| {
            ChunkSigner::resume_v4a(self, credentials, at, seed)
        })
    }
}

/// Signs the head of a request and wraps its body. `chain` continues from the signature of the
/// head.
fn sign_and_encode<B: Body + Unpin>(
    request: Request<B>,
    plan: &Chunked,
    sign: impl FnOnce(&mut Request<()>, Payload<'_>) -> Result<(), Error>,
    chain: impl FnOnce(&str) -> Result<ChunkSigner, Error>,
) -> Result<Request<ChunkBody<B>>, Error> {
    let (mut head, body) = split_and_announce(request, plan)?;
    sign(&mut head, Payload::Streaming(plan.streaming()))?;
    let encoder = if plan.is_signed() {
        ChunkEncoder::new(plan, chain(seed(head.headers())?)?)?
    } else {
        ChunkEncoder::unsigned(plan)?
    };
    let length = HeaderValue::from(plan.content_length());
    let mut request = head.map(|()| encoder.body(body));
    request.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(request)
}

/// Returns the head, with the headers that announce the body, and the body.
fn split_and_announce<B>(request: Request<B>, plan: &Chunked) -> Result<(Request<()>, B), Error> {
    let (mut parts, body) = request.into_parts();
    // A request that is signed again names `aws-chunked` and the plan's encodings already.
    let mut encoding = String::new();
    for value in parts.headers.get_all(CONTENT_ENCODING) {
        let value = value
            .to_str()
            .map_err(|_| Error::new(ErrorKind::HeaderValue, CONTENT_ENCODING.as_str()))?;
        add_others(&mut encoding, value);
    }
    for planned in plan.encodings() {
        if !encoding
            .split(',')
            .any(|other| other.eq_ignore_ascii_case(planned))
        {
            add_others(&mut encoding, planned);
        }
    }
    let plan = plan.clone().content_encoding(&encoding)?;
    for (name, value) in plan.headers() {
        let value =
            HeaderValue::try_from(value).map_err(|_| Error::new(ErrorKind::HeaderValue, name))?;
        parts.headers.insert(name, value);
    }
    // Proxies may change it, so it is set again after signing.
    parts.headers.remove(CONTENT_LENGTH);
    Ok((Request::from_parts(parts, ()), body))
}

/// Returns the signature of the request, which is the last parameter of its `Authorization`.
fn seed(headers: &HeaderMap) -> Result<&str, Error> {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.rsplit('=').next())
        .ok_or_else(|| Error::secret(ErrorKind::Signature))
}
