use alloc::string::String;
use core::fmt;

use ctutils::CtEq as _;
use zeroize::Zeroize;

/// A text that must not be shown, such as a secret access key or a session token.
///
/// It has no `Display`, no `Deref` and no `PartialEq`, and its `Debug` is redacted: only
/// [`expose`](Secret::expose) returns the text. The memory is zeroed on drop.
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
    /// Makes a secret of a text, without trimming or checking it.
    ///
    /// A `String` is moved, not copied. Of a `&str`, the caller's own copy remains in memory.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text. Search for this name to find every use of a secret.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Secret;
    /// let token = Secret::new("AQoDYXdzEPT");
    /// let header = format!("x-amz-security-token: {}", token.expose());
    /// assert_eq!(header, "x-amz-security-token: AQoDYXdzEPT");
    /// ```
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns true if both have the same text. The time it takes depends on their lengths only.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::Secret;
    /// assert!(Secret::new("token").is_same(&Secret::new("token")));
    /// ```
    pub fn is_same(&self, other: &Self) -> bool {
        // `==` returns at the first difference, so its time would tell how much was right.
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }

    /// Returns true if the text is empty.
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
