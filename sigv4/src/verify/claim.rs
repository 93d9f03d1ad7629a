use alloc::{boxed::Box, vec::Vec};
use core::fmt;

use super::{
    Verified, Verifier, check::check_token, error::Error, presented::PresentedSignature,
    refusal::Refusal,
};
use crate::{
    canonical::Headers,
    chunked::ChunkSignature,
    codec::{hex, sha256::Sha256, small_vec::SmallVec},
    credentials::Credentials,
    key::{ALGORITHM, V4A_ALGORITHM},
    payload::{ContentHash, Streaming},
    request::Request,
    sign::Explanation,
    timestamp::Timestamp,
};

/// What the signature of a request claims, before it is verified.
///
/// Made by [`Verifier::claim`]. Everything in it comes from the client: until
/// [`verify`](Self::verify) succeeds, use it only to find the key and the verifier.
pub struct Claim<'a> {
    verifier: &'a Verifier,
    request: &'a Request<'a>,
    presented: PresentedSignature<'a>,
}

impl<'a> Claim<'a> {
    pub(super) fn new(
        verifier: &'a Verifier,
        request: &'a Request<'_>,
        presented: PresentedSignature<'a>,
    ) -> Self {
        Self {
            verifier,
            request,
            presented,
        }
    }

    /// Returns the access key id of the claimed signer.
    pub fn access_key_id(&self) -> &str {
        &self.presented.access_key_id
    }

    /// Returns the credential scope, such as `20150830/us-east-1/iam/aws4_request`. That of SigV4a
    /// has no region.
    pub fn scope(&self) -> &str {
        &self.presented.scope
    }

    /// Returns the region of the scope; `None` for SigV4a.
    pub fn region(&self) -> Option<&str> {
        let is_v4a = self.presented.regions.is_some();
        self.scope().split('/').nth(1).filter(|_| !is_v4a)
    }

    /// Returns the service of the scope.
    ///
    /// A server of several services or regions asks any of its verifiers for the claim, and lets
    /// the one for this scope verify the request.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Scope, Signer, Timestamp, verify::*};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("GET", "https://example.com/")?;
    /// # let signer = Signer::new(Scope::new("us-east-1", "iam")?);
    /// # let signature = signer.sign(&to_sign, &credentials, now)?;
    /// # let mut headers: Vec<_> = signature.headers().collect();
    /// # headers.push(("host", "example.com"));
    /// # let request = Request::from_wire("GET", "/", &headers)?;
    /// # let lookup = |_: &str| Some(credentials.clone());
    /// let sts = Verifier::new(Scope::new("us-east-1", "sts")?);
    /// let iam = Verifier::new(Scope::new("us-east-1", "iam")?);
    /// let verified = match sts.claim(&request).unwrap().service() {
    ///     "iam" => iam.verify(&request, now, lookup),
    ///     _ => sts.verify(&request, now, lookup), // which refuses another service
    /// };
    /// assert!(verified.is_ok());
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn service(&self) -> &str {
        self.scope().rsplit('/').nth(1).unwrap_or_default()
    }

    /// Returns the claimed time of signing.
    pub fn signed_at(&self) -> Timestamp {
        self.presented.at
    }

    /// Returns true if the signature is in the query.
    pub fn is_presigned(&self) -> bool {
        self.presented.is_presigned
    }

    /// Returns the names of the headers that are said to be signed, joined by `;`.
    pub fn signed_headers(&self) -> &str {
        &self.presented.signed_headers
    }

    /// Verifies the request with the credentials of the [access key id](Self::access_key_id), or
    /// `None` if there are none.
    ///
    /// Pass `None` on instead of refusing the request: an unknown key id then takes as long as a
    /// known one, and gets the answer of AWS.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`].
    pub fn verify<'c>(
        &self,
        credentials: impl Into<Option<&'c Credentials>>,
        now: Timestamp,
    ) -> Result<Verified, Error> {
        self.verify_with(now, |_| credentials.into().cloned())
    }

    /// Verifies the request with the credentials that `lookup` returns.
    pub(super) fn verify_with(
        &self,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<Credentials>,
    ) -> Result<Verified, Error> {
        self.check(now, lookup)
            .map_err(|refusal| Error::new(refusal, self.verifier.dialect))
    }

    /// Returns the steps of the signature as the verifier sees them: see [`Verifier::explain`].
    ///
    /// # Errors
    ///
    /// As [`Verifier::explain`].
    pub fn explain(&self) -> Result<Explanation, Error> {
        let mut headers = Headers::new();
        self.content(&mut headers)
            .map(|content| self.explanation(&headers, &content))
            .map_err(|refusal| Error::new(refusal, self.verifier.dialect))
    }

    fn check(
        &self,
        now: Timestamp,
        lookup: impl FnOnce(&str) -> Option<Credentials>,
    ) -> Result<Verified, Refusal> {
        let (verifier, presented) = (self.verifier, &self.presented);
        // First everything that the request alone decides: a malformed request costs no look-up,
        // and its refusal tells nothing about which keys exist.
        //
        // The scope must have the date of the request, which is then compared with the clock:
        // otherwise a key derived for a past day could sign requests of today.
        verifier.check_scope(presented)?;
        verifier.check_time(presented, now)?;
        let mut headers = Headers::new();
        let content = self.content(&mut headers)?;

        let known = lookup(&presented.access_key_id);
        // An unknown key id is verified with a dummy secret, so that the time of the answer does
        // not tell which key ids exist.
        let known_or_dummy = known.as_ref().unwrap_or(&verifier.dummy);
        let hash = self.canonical_hash(&headers, &content);
        let matches = verifier.matches(presented, known_or_dummy, &hash);

        // Only now may the answers differ. The token comes before the signature, as AWS answers.
        let credentials = known.ok_or_else(|| Refusal::unknown_key(self.access_key_id()))?;
        check_token(presented, &credentials, now)?;
        let signature = ChunkSignature::parse(&presented.signature)
            .filter(|_| matches)
            .ok_or_else(|| {
                let steps = Box::new(self.explanation(&headers, &content));
                Refusal::mismatch(self.access_key_id(), &presented.signature, steps)
            })?;
        let mut signed_headers = SmallVec::new(0);
        signed_headers.extend(presented.signed_headers.as_bytes());
        Ok(Verified {
            credentials,
            content_sha256: content.as_bytes().try_into().ok(),
            streaming: Streaming::parse(content.as_bytes()),
            at: presented.at,
            expiry: presented
                .ttl
                .map(|ttl| presented.at.plus_seconds(i64::from(ttl))),
            is_presigned: presented.is_presigned,
            is_v4a: presented.regions.is_some(),
            signature,
            signed_headers,
        })
    }

    /// Collects the signed headers, and returns the last line of the canonical request.
    fn content<'s>(&'s self, headers: &mut Headers<'s>) -> Result<ContentHash<'s>, Refusal> {
        let (request, presented) = (self.request, &self.presented);
        self.verifier.collect_signed(headers, request, presented)?;
        self.verifier.content(request, presented)
    }

    /// Returns the hash of the canonical request in hex, the last line of the string to sign.
    fn canonical_hash(&self, headers: &Headers<'_>, content: &ContentHash<'_>) -> [u8; 64] {
        let (request, presented) = (self.request, &self.presented);
        let mut hash = Sha256::new();
        self.verifier
            .write_canonical(&mut hash, request, presented, headers, content);
        hex::encode(&hash.finish())
    }

    fn explanation(&self, headers: &Headers<'_>, content: &ContentHash<'_>) -> Explanation {
        let (request, presented) = (self.request, &self.presented);
        let mut text = Vec::new();
        self.verifier
            .write_canonical(&mut text, request, presented, headers, content);
        let algorithm = match presented.regions {
            None => ALGORITHM,
            Some(_) => V4A_ALGORITHM,
        };
        Explanation::from_parts(
            algorithm,
            &presented.date,
            presented.scope.get(8..).unwrap_or_default(),
            &text,
            presented.signed_headers.as_bytes(),
            presented.signature.as_bytes(),
        )
    }
}

impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("access_key_id", &self.access_key_id())
            .field("scope", &self.scope())
            .field("signed_headers", &self.signed_headers())
            .field("is_presigned", &self.is_presigned())
            .finish_non_exhaustive()
    }
}
