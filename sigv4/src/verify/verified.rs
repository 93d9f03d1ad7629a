use core::fmt;

use crate::{
    chunked::ChunkSignature,
    codec::{hex, small_vec::SmallVec},
    credentials::Credentials,
    payload::Streaming,
    timestamp::Timestamp,
};

/// A request whose signature was verified.
#[derive(Clone)]
pub struct Verified {
    pub(super) credentials: Credentials,
    /// The last line of the canonical request, if it is as long as a hash in hex.
    pub(super) content_sha256: Option<[u8; 64]>,
    /// The form of a body in pieces, if that line names one.
    pub(crate) streaming: Option<Streaming>,
    pub(super) at: Timestamp,
    pub(super) expiry: Option<Timestamp>,
    pub(super) is_presigned: bool,
    pub(super) is_v4a: bool,
    pub(super) signature: ChunkSignature,
    /// The names, joined by `;`. Those of about twenty headers fit in place.
    pub(super) signed_headers: SmallVec<u8, 288>,
}

impl Verified {
    /// Returns the access key id of the signer.
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// Returns the credentials that the look-up returned.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the signed SHA-256 of the body, to compare with a body received later.
    ///
    /// `None` if the body is not signed, or signed in chunks or messages.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Payload, Request, Signer, Timestamp, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let url = "https://examplebucket.s3.amazonaws.com/key";
    /// # let signature = Signer::s3("us-east-1")?.sign(
    /// #     &Request::new("PUT", url)?.payload(Payload::Bytes(b"hello")),
    /// #     &credentials,
    /// #     now,
    /// # )?;
    /// # let mut headers: Vec<_> = signature.headers().collect();
    /// # headers.push(("host", "examplebucket.s3.amazonaws.com"));
    /// // The headers have been received, the body has not.
    /// let request = Request::from_wire("PUT", "/key", &headers)?.payload(Payload::Declared);
    /// let verified = Verifier::s3("us-east-1")?
    ///     .verify(&request, now, |_| Some(credentials.clone()))
    ///     .unwrap();
    /// let expected = verified.content_sha256().expect("a signed body");
    /// assert_eq!(expected[..4], [0x2c, 0xf2, 0x4d, 0xba]);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn content_sha256(&self) -> Option<[u8; 32]> {
        hex::decode(self.content_sha256.as_ref()?)
    }

    /// Returns the time of signing, by the clock of the signer.
    pub fn signed_at(&self) -> Timestamp {
        self.at
    }

    /// Returns the time at which a presigned URL expires, if it states a lifetime.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }

    /// Returns true if the signature was in the query.
    pub fn is_presigned(&self) -> bool {
        self.is_presigned
    }

    /// Returns the names of the signed headers in lower case, sorted and joined by `;`.
    ///
    /// Other headers may have been added or changed on the way. To refuse those that the
    /// application acts on, use [`Verifier::require_signed`](super::Verifier::require_signed).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer, Timestamp, Ttl, verify::Verifier};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20150830T123600Z".parse()?;
    /// # let to_sign = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?;
    /// # let url = Signer::s3("us-east-1")?.presign(&to_sign, &credentials, now, Ttl::MAX)?;
    /// let request = Request::new("GET", url.as_str())?.header("range", "bytes=0-9")?;
    /// let verified = Verifier::s3("us-east-1")?
    ///     .verify(&request, now, |_| Some(credentials.clone()))
    ///     .unwrap();
    /// assert_eq!(verified.signed_headers(), "host");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn signed_headers(&self) -> &str {
        // The names were compared with those of headers, which are ASCII.
        core::str::from_utf8(self.signed_headers.as_slice()).unwrap_or_default()
    }

    /// Returns the signature in hex. Those of the chunks or messages that follow are chained to it.
    pub fn signature(&self) -> &str {
        self.signature.as_str()
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("access_key_id", &self.access_key_id())
            .field("signed_at", &self.at)
            .field("expiry", &self.expiry)
            .field("is_presigned", &self.is_presigned)
            .field("signed_headers", &self.signed_headers())
            .finish_non_exhaustive()
    }
}
