use std::fmt;

use keyfob_sigv4::printable;

/// Why a document is not a trust policy, and where.
///
/// # Examples
///
/// ```
/// use keyfob_sts::trust::TrustPolicy;
///
/// let error = TrustPolicy::parse(r#"{"Statement": [{"Effect": "allow"}]}"#).unwrap_err();
/// assert_eq!(error.place(), "Statement[0].Effect");
/// assert_eq!(
///     error.to_string(),
///     "Statement[0].Effect: \"allow\" is neither \"Allow\" nor \"Deny\"",
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    place: String,
    reason: String,
}

impl PolicyError {
    pub(super) fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            reason: reason.into(),
        }
    }

    /// Returns the place in the document, such as `Statement[1].Principal.AWS[0]`; empty if the
    /// document as a whole is wrong.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", printable(&self.place))?;
        }
        printable(&self.reason).fmt(f)
    }
}

impl std::error::Error for PolicyError {}
