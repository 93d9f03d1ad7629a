use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt;

/// Why an input was refused.
///
/// It shows the input, unless the input may be a secret.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{ErrorKind, Scope};
/// let error = Scope::new("us east", "s3").unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Region);
/// assert!(error.to_string().ends_with("(got \"us east\")"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    /// The input as given; empty if it may be a secret. `Display` escapes and shortens it.
    input: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, input: &str) -> Self {
        Self {
            kind,
            input: input.to_owned(),
        }
    }

    /// Makes an error that does not show the input.
    pub(crate) fn secret(kind: ErrorKind) -> Self {
        Self::new(kind, "")
    }

    pub(crate) fn number(kind: ErrorKind, input: u64) -> Self {
        Self {
            kind,
            input: input.to_string(),
        }
    }

    /// Returns what is wrong with the input.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message without the input, for programs whose input may be a secret in the wrong
    /// place.
    ///
    /// # Examples
    ///
    /// ```
    /// let error = keyfob_sigv4::Request::new("GET canary", "https://example.com").unwrap_err();
    /// assert_eq!(error.message(), "invalid method: use an HTTP token such as GET");
    /// ```
    pub fn message(&self) -> &'static str {
        self.kind.text()
    }
}

/// What is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An access key id that is not 1 to 128 printable ASCII characters without spaces, `/`, `,`
    /// and `=`.
    AccessKeyId,
    /// A secret access key that is empty, or has whitespace or a control character.
    SecretAccessKey,
    /// A session token with whitespace, a control character or a character outside ASCII.
    SessionToken,
    /// A time that is not `20150830T123600Z` or RFC 3339.
    Timestamp,
    /// A region that is not 1 to 63 ASCII letters, digits, `-` or `_`.
    Region,
    /// A service name that is not 1 to 63 ASCII letters, digits, `-` or `_`.
    Service,
    /// A method that is not an HTTP token.
    Method,
    /// A URL that is not absolute, has a control character, or is longer than 1 GiB.
    Url,
    /// A missing host, or one that cannot stand in a `Host` header, such as one with user
    /// information.
    Host,
    /// A header name that is not an HTTP token.
    HeaderName,
    /// A header value with a control character.
    HeaderValue,
    /// A body in pieces that this kind of signature cannot have: in a presigned URL, or signed with
    /// another algorithm than the request.
    Payload,
    /// A time to live that is not 1 second to 7 days.
    Ttl,
    /// A chunk size below 8 KiB or above 1 GiB.
    ChunkSize,
    /// A body planned for one algorithm and signed with another.
    ChunkAlgorithm,
    /// A body whose length is not the planned one.
    BodyLength,
    /// A trailer that cannot stand in a header, or has the name of another.
    Trailer,
    /// A POST policy signed for another service than `s3` and `s3express`.
    PolicyService,
    /// A POST policy without a condition for the bucket.
    PolicyBucket,
    /// A POST policy with a field that S3 could never accept: one that is repeated, has no
    /// condition or does not meet it; or without a condition for the key.
    PolicyField,
    /// A POST policy that no length of the file can meet.
    PolicyLength,
    /// A POST policy that expires before it is signed.
    PolicyExpiration,
    /// An event-stream message of an impossible length.
    EventLength,
    /// An event-stream message with a wrong checksum.
    EventChecksum,
    /// An event-stream header that is malformed or missing.
    EventHeader,
    /// A signature that is not hex digits.
    Signature,
    /// A signature that does not match the key.
    SignatureMismatch,
    /// A missing port, or one that is not 1 to 65535.
    Port,
    /// An empty name of the user to log in as.
    User,
    /// An empty name of a cluster.
    Cluster,
    /// A region set with an empty name, or with a character other than letters, digits, `-`, `_`
    /// and `*`.
    RegionSet,
    /// A public key that is not a point on the curve.
    PublicKey,
}

impl ErrorKind {
    /// Returns what is wrong and how to cure it, without the input.
    fn text(self) -> &'static str {
        match self {
            Self::AccessKeyId => {
                "invalid access key id: use 1 to 128 printable ASCII characters without spaces, `/`, `,` and `=`; check that id and secret are not swapped"
            }
            Self::SecretAccessKey => {
                "invalid secret access key: it is empty, or has whitespace or a control character; copy it again, without the line end"
            }
            Self::SessionToken => {
                "invalid session token: it has whitespace, a control character or a character outside ASCII; copy it again, without the line end"
            }
            Self::Timestamp => "invalid time: write 20150830T123600Z or 2015-08-30T12:36:00Z",
            Self::Region => {
                "invalid region: use a name such as us-east-1 (letters, digits, `-` and `_`, at most 63 characters)"
            }
            Self::Service => {
                "invalid service: use a signing name such as s3 or execute-api (letters, digits, `-` and `_`, at most 63 characters)"
            }
            Self::Method => "invalid method: use an HTTP token such as GET",
            Self::Url => {
                "invalid URL: use an absolute URL as it is sent, such as https://example.com/a%20b?c=d"
            }
            Self::Host => {
                "invalid host: use a name or an address with an optional port, without user and password; write non-ASCII names in punycode"
            }
            Self::HeaderName => "invalid header name: use an HTTP token",
            Self::HeaderValue => {
                "invalid header value: remove the control character from the value of the header named here"
            }
            Self::Payload => {
                "the body cannot be streamed with this signature: sign by header, and the pieces with the same algorithm as the request"
            }
            Self::Ttl => "invalid time to live: use 1 to 604800 seconds (7 days)",
            Self::ChunkSize => "invalid chunk size: use 8192 bytes to 1 GiB",
            Self::ChunkAlgorithm => {
                "the body was planned for another algorithm than the signer's: use the same for both"
            }
            Self::BodyLength => {
                "the body's length differs from the planned length, which is its Content-Length"
            }
            Self::Trailer => {
                "invalid trailer: use an HTTP token that no other trailer has, and one line of text with single spaces"
            }
            Self::PolicyService => {
                "POST policies are for S3 only: sign them for the service s3 or s3express"
            }
            Self::PolicyBucket => {
                "the POST policy has no condition for the bucket: name the bucket that it is for"
            }
            Self::PolicyField => {
                "no server can accept this field of the POST policy: give each field, and the key, one value and a condition that it meets; only names that start with x-ignore- need none"
            }
            Self::PolicyLength => {
                "no file can meet the POST policy: the shortest length is larger than the longest"
            }
            Self::PolicyExpiration => {
                "the POST policy expires before it is signed: set a later expiration"
            }
            Self::EventLength => {
                "invalid length of an event-stream message: it may be up to 24 MiB long, with up to 128 KiB of headers"
            }
            Self::EventChecksum => {
                "wrong checksum of an event-stream message: it was changed on the way"
            }
            Self::EventHeader => "malformed or missing header of an event-stream message",
            Self::Signature => "invalid signature: use lower-case hex digits",
            Self::SignatureMismatch => {
                "the signature does not match: the message was changed or moved, or was signed with another key"
            }
            Self::Port => "invalid endpoint: add a port after the host, such as :5432",
            Self::User => "the user name is empty: name the user to log in as",
            Self::Cluster => "the cluster name is empty: name the cluster",
            Self::RegionSet => {
                "invalid region set: use names joined by `,`, such as us-east-1,eu-* or *"
            }
            Self::PublicKey => "invalid public key: its coordinates are not on the curve P-256",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())?;
        if self.input.is_empty() {
            return Ok(());
        }
        let mut characters = self.input.chars();
        let shown: String = characters
            .by_ref()
            .take(80)
            .flat_map(char::escape_debug)
            .collect();
        let cut = if characters.next().is_some() {
            "…"
        } else {
            ""
        };
        write!(f, " (got \"{shown}{cut}\")")
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("input", &self.input)
            .finish()
    }
}

impl core::error::Error for Error {}
