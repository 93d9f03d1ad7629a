use std::fmt;

use bytes::Bytes;
use keyfob_sigv4::{Secret, uri};

/// The body of a request, of the type `application/x-www-form-urlencoded`.
///
/// It may hold secrets: `Debug` shows only its length, and the memory is zeroed on drop.
#[derive(Clone)]
pub struct Form(Secret);

impl Form {
    /// Encodes names and values. A space becomes `%20`, which, unlike `+`, means a space in every
    /// part of a URL.
    ///
    /// Source: AWS Query protocol.
    pub(super) fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        // Room for three bytes for each one: text that grows would leave copies of secrets in freed
        // memory.
        let lengths = pairs.clone().map(|(name, value)| name.len() + value.len());
        let mut form = String::with_capacity(lengths.map(|length| 3 * length + 2).sum());
        for (name, value) in pairs {
            if !form.is_empty() {
                form.push('&');
            }
            form.push_str(&uri::encode_component(name));
            form.push('=');
            form.push_str(Secret::from(uri::encode_component(value)).expose());
        }
        Self(form.into())
    }

    /// Returns the encoded text, with its secrets.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns the same memory as `Bytes`. It is zeroed when the last clone is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, actions::GetSessionToken, call::{Action, Form}};
    ///
    /// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
    /// let request = GetSessionToken::new().request(&endpoint).map(Form::into_bytes);
    /// assert_eq!(request.body(), "Action=GetSessionToken&Version=2011-06-15");
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Form {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Form({} bytes)", self.as_ref().len())
    }
}
