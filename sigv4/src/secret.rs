use alloc::string::String;
use core::fmt;

use ctutils::CtEq as _;
use zeroize::Zeroize;

/// A value that must not be shown: a secret access key, a session token.
///
/// It has no `Display`, no `Deref` and no `PartialEq`; its `Debug` is redacted, the only way to the text is
/// [`expose`](Secret::expose), and the memory is zeroed on drop.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::Secret;
/// let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
/// assert_eq!(format!("{secret:?}"), "Secret(redacted)");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is: nothing is trimmed or checked.
    ///
    /// A `String` is taken over without a copy; of a `&str` the caller's own copy remains.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. The name is long so that every use is found by a search.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether both hold the same text, in a time that depends on the lengths alone.
    pub fn is_same(&self, other: &Self) -> bool {
        // `==` would stop at the first difference, and so tell where it is.
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
