use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{
    codec::{hex, sha256::Sha256},
    credentials::Credentials,
    key::{Algorithm, string_to_sign_prefix},
    timestamp::AmzDate,
};

/// Every step of one signature, to read or to compare with a server's answer.
///
/// Made by [`Signer::explain`](crate::Signer::explain), and on the server's side by
/// [`Verifier::explain`](crate::verify::Verifier::explain). The canonical request may hold a
/// session token, so `Debug` shows neither it nor the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Explanation {
    canonical_request: String,
    string_to_sign: String,
    scope: String,
    signed_headers: String,
    signature: String,
}

impl Explanation {
    pub(crate) fn new<A: Algorithm>(
        algorithm: &A,
        credentials: &Credentials,
        date: &AmzDate,
        canonical_request: &[u8],
        signed_headers: &[u8],
    ) -> Self {
        let last = hex::encode(&Sha256::digest(canonical_request));
        let mut signature = Vec::new();
        algorithm.sign_line(credentials, date, &last, &mut signature);
        Self::from_parts(
            A::NAME,
            date,
            algorithm.suffix(),
            canonical_request,
            signed_headers,
            &signature,
        )
    }

    /// Returns the steps of a signature that was made elsewhere.
    pub(crate) fn from_parts(
        algorithm: &str,
        date: &AmzDate,
        scope_suffix: &str,
        canonical_request: &[u8],
        signed_headers: &[u8],
        signature: &[u8],
    ) -> Self {
        let last = hex::encode(&Sha256::digest(canonical_request));
        let prefix = string_to_sign_prefix(algorithm, date, scope_suffix);
        let mut string_to_sign = prefix.as_slice().to_vec();
        string_to_sign.extend_from_slice(&last);
        let mut scope = String::from(date.date());
        scope.push_str(scope_suffix);
        Self {
            canonical_request: text(canonical_request),
            string_to_sign: text(&string_to_sign),
            scope,
            signed_headers: text(signed_headers),
            signature: text(signature),
        }
    }

    /// Returns the canonical request, which is hashed: method, path, query, headers, names of the
    /// signed headers and hash of the body, on a line each. Bytes that are not UTF-8 are shown as
    /// U+FFFD.
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// Returns the string to sign: algorithm, timestamp, credential scope and hash of the canonical
    /// request, on a line each.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Scope, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let request = Request::new("GET", "https://iam.amazonaws.com/")?;
    /// let signer = Signer::new(Scope::new("us-east-1", "iam")?);
    /// let steps = signer.explain(&request, &credentials, "20150830T123600Z".parse()?)?;
    /// assert!(steps.string_to_sign().starts_with(
    ///     "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n",
    /// ));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    /// Returns the credential scope, such as `20150830/us-east-1/iam/aws4_request`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Returns the names of the signed headers, joined by `;`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Signer};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/key")?
    ///     .header("user-agent", "never signed")?;
    /// let steps = Signer::s3("us-east-1")?.explain(&request, &credentials, now)?;
    /// assert_eq!(steps.signed_headers(), "host;x-amz-content-sha256;x-amz-date");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// Returns the signature: 64 lower-case hex digits, or up to 144 with SigV4a.
    pub fn signature(&self) -> &str {
        &self.signature
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explanation")
            .field("scope", &self.scope)
            .field("signed_headers", &self.signed_headers)
            .finish_non_exhaustive()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
