use alloc::{borrow::Cow, format, string::String};
use core::fmt;

/// One thing that client and server see differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    part: Part,
    ours: String,
    theirs: String,
    cause: &'static str,
}

/// The part of a signed request that differs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The method.
    Method,
    /// The path.
    Path,
    /// A query parameter, by its encoded name.
    Parameter(String),
    /// A header, by its lower-case name.
    Header(String),
    /// The list of signed headers.
    SignedHeaders,
    /// The hash of the body.
    Content,
    /// The algorithm.
    Algorithm,
    /// The time of the signature.
    Time,
    /// The date in the credential scope.
    ScopeDate,
    /// The region in the credential scope.
    Region,
    /// The service in the credential scope.
    Service,
    /// Only the signature: the secret access key.
    Secret,
}

impl Difference {
    /// Creates a difference. Of a secret header or parameter it holds only the length.
    pub(super) fn new(part: Part, ours: &str, theirs: &str, cause: &'static str) -> Self {
        let (ours, theirs) = match &part {
            Part::Parameter(name) | Part::Header(name) => {
                (redacted(name, ours), redacted(name, theirs))
            }
            _ => (ours.into(), theirs.into()),
        };
        Self {
            ours: ours.into_owned(),
            theirs: theirs.into_owned(),
            part,
            cause,
        }
    }

    /// Returns the part that differs.
    pub fn part(&self) -> &Part {
        &self.part
    }

    /// Returns what the client signed; for a session token or another secret only its length.
    pub fn ours(&self) -> &str {
        &self.ours
    }

    /// Returns what the server expects; for a secret only its length.
    pub fn theirs(&self) -> &str {
        &self.theirs
    }

    /// Returns the usual cause and the cure.
    pub fn cause(&self) -> &'static str {
        self.cause
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (part, ours, theirs, cause) = (&self.part, &self.ours, &self.theirs, self.cause);
        if ours.is_empty() && theirs.is_empty() {
            return f.write_str(cause);
        }
        write!(
            f,
            "{part} differs: signed \"{ours}\", expected \"{theirs}\"; {cause}"
        )
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "the method",
            Self::Path => "the path",
            Self::Parameter(name) => return write!(f, "the parameter {name}"),
            Self::Header(name) => return write!(f, "the header {name}"),
            Self::SignedHeaders => "the list of signed headers",
            Self::Content => "the hash of the body",
            Self::Algorithm => "the algorithm",
            Self::Time => "the time",
            Self::ScopeDate => "the date of the credential scope",
            Self::Region => "the region",
            Self::Service => "the service",
            Self::Secret => "the secret",
        })
    }
}

/// Returns the value of a header or parameter, or only its length if the name tells that it is
/// secret.
fn redacted<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let secret = [
        "token",
        "authorization",
        "cookie",
        "signature",
        "customer-key",
        "credential",
    ];
    let name = name.to_ascii_lowercase();
    if value.is_empty() || !secret.iter().any(|word| name.contains(word)) {
        return value.into();
    }
    format!("({} characters)", value.chars().count()).into()
}
