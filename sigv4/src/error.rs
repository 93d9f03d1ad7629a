use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt;

/// Why an input was refused: the kind, and the input itself where it is no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    /// The offending input, escaped and cut by `Display`; empty where it may be a secret.
    input: String,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, input: &str) -> Self {
        Self {
            kind,
            input: input.to_owned(),
        }
    }

    /// For inputs that must not be repeated.
    pub(crate) fn secret(kind: ErrorKind) -> Self {
        Self::new(kind, "")
    }

    pub(crate) fn number(kind: ErrorKind, input: u64) -> Self {
        Self {
            kind,
            input: input.to_string(),
        }
    }

    /// What was wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

/// What was wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An access key id that is not 1 to 128 printable ASCII characters without blanks, `/`, `,` and `=`.
    AccessKeyId,
    /// A secret access key that is empty or has a blank or a control character.
    SecretAccessKey,
    /// A session token with a blank or a control character.
    SessionToken,
    /// A moment that is not `20150830T123600Z` or RFC 3339.
    Timestamp,
    /// A region that is not a host label.
    Region,
    /// A service name that cannot stand in a credential scope.
    Service,
    /// A method that is not an HTTP token.
    Method,
    /// A URL that is not absolute, or has a control character.
    Url,
    /// No host, or one that cannot stand in a `Host` header; user information cannot.
    Host,
    /// A header name that is not an HTTP token.
    HeaderName,
    /// A header value with a control character.
    HeaderValue,
    /// A time to live that is not 1 second to 7 days.
    Ttl,
    /// A chunk size below 8 KiB or above 1 GiB.
    ChunkSize,
    /// A body planned for one algorithm and signed with another.
    ChunkAlgorithm,
    /// A body whose length is not the planned one.
    BodyLength,
    /// A trailer that cannot stand in a header, or is there already.
    Trailer,
    /// An event-stream message with an impossible length.
    EventLength,
    /// An event-stream message whose checksum is wrong.
    EventChecksum,
    /// An event-stream header that is malformed or missing.
    EventHeader,
    /// A signature that is not hex digits.
    Signature,
    /// A signature that is not the one the key gives.
    SignatureMismatch,
    /// No port, or one that is not 1 to 65535.
    Port,
    /// No user to log in as.
    User,
    /// No name of a cluster.
    Cluster,
    /// A region set with an empty name, or with another character than letters, digits, `-`, `_` and `*`.
    RegionSet,
    /// A public key that is no point of the curve.
    PublicKey,
}

impl ErrorKind {
    /// What was wrong and what would be right, without the input.
    fn text(self) -> &'static str {
        match self {
            Self::AccessKeyId => {
                "invalid access key id: 1 to 128 printable ASCII characters without blanks, `/`, `,` or `=` are needed; perhaps id and secret are swapped"
            }
            Self::SecretAccessKey => {
                "invalid secret access key: it is empty or holds a blank or a control character; copy it again, without the line end"
            }
            Self::SessionToken => {
                "invalid session token: it holds a blank, a control character or one beyond ASCII; copy it again, without the line end"
            }
            Self::Timestamp => "invalid time: write 20150830T123600Z or 2015-08-30T12:36:00Z",
            Self::Region => {
                "invalid region: a name such as us-east-1 is needed (letters, digits, `-` and `_`, at most 63 characters)"
            }
            Self::Service => {
                "invalid service: a signing name such as s3 or execute-api is needed (letters, digits, `-` and `_`, at most 63 characters)"
            }
            Self::Method => "invalid method: an HTTP token such as GET is needed",
            Self::Url => {
                "invalid URL: an absolute one in its wire form is needed, such as https://example.com/a%20b?c=d"
            }
            Self::Host => {
                "invalid host: a name or an address with an optional port is needed, without user and password; write non-ASCII names in punycode"
            }
            Self::HeaderName => "invalid header name: an HTTP token is needed",
            Self::HeaderValue => {
                "invalid header value: it holds a control character; the name of the header is given"
            }
            Self::Ttl => "invalid time to live: 1 to 604800 seconds (7 days) are possible",
            Self::ChunkSize => "invalid chunk size: 8192 bytes to 1 GiB are possible",
            Self::ChunkAlgorithm => {
                "the body was planned to be signed otherwise; plan and signer must have the same algorithm"
            }
            Self::BodyLength => {
                "the body has not the planned length, which was promised as its Content-Length"
            }
            Self::Trailer => {
                "invalid trailer: an HTTP token that is not yet used, and one line of text without runs of blanks, are needed"
            }
            Self::EventLength => {
                "invalid length of an event-stream message: 24 MiB in all and 128 KiB of headers are possible"
            }
            Self::EventChecksum => "wrong checksum of an event-stream message: it was changed",
            Self::EventHeader => "malformed or missing header of an event-stream message",
            Self::Signature => "invalid signature: lower-case hex digits are needed",
            Self::SignatureMismatch => {
                "the signature does not match: the message was changed, has left its place, or was signed with another key"
            }
            Self::Port => "invalid endpoint: a port is needed behind the host, such as :5432",
            Self::User => "no user: the name of the one who logs in is needed",
            Self::Cluster => "no cluster: its name is needed",
            Self::RegionSet => {
                "invalid region set: names joined by `,` are needed, such as us-east-1,eu-* or *"
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
        let shown: String = self
            .input
            .chars()
            .take(80)
            .flat_map(char::escape_debug)
            .collect();
        let cut = if self.input.chars().nth(80).is_some() {
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
