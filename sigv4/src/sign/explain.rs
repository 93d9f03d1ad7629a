use alloc::{string::String, vec::Vec};
use core::fmt;

use crate::{
    codec::{hex, sha256::Sha256},
    credentials::Credentials,
    key::{Algorithm, string_to_sign_prefix},
    timestamp::AmzDate,
};

/// Every step of one signature, to read and to compare with what a server says.
///
/// The canonical request of temporary credentials holds the session token, so `Debug` shows neither
/// it nor the signature.
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
        let prefix = string_to_sign_prefix(A::NAME, date, algorithm.suffix());
        let mut string_to_sign = prefix.as_slice().to_vec();
        string_to_sign.extend_from_slice(&last);
        let mut scope = String::from(date.date());
        scope.push_str(algorithm.suffix());
        let mut signature = Vec::new();
        algorithm.sign_line(credentials, date, &last, &mut signature);
        Self {
            canonical_request: text(canonical_request),
            string_to_sign: text(&string_to_sign),
            scope,
            signed_headers: text(signed_headers),
            signature: text(&signature),
        }
    }

    /// What is hashed: method, path, query, headers, names of the signed headers and hash of the
    /// body, each on its line. Bytes that are not UTF-8 are shown as U+FFFD.
    pub fn canonical_request(&self) -> &str {
        &self.canonical_request
    }

    /// What is signed: algorithm, timestamp, credential scope and the hash of the canonical
    /// request.
    pub fn string_to_sign(&self) -> &str {
        &self.string_to_sign
    }

    /// The credential scope, `20150830/us-east-1/iam/aws4_request`.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The names of the signed headers, joined by `;`.
    pub fn signed_headers(&self) -> &str {
        &self.signed_headers
    }

    /// 64 lower-case hex digits, or with SigV4a up to 144.
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
