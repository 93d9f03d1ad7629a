use http::HeaderValue;

use crate::error::{Error, ErrorKind};

/// The value of `Authorization` for a token: blanks and line ends around it are cut, for a file ends with one more often
/// than not; nothing is added.
///
/// # Errors
///
/// [`ErrorKind::BadToken`] when it is blank, or holds a line end or another character that cannot stand in a header. It is
/// not shown.
///
/// # Examples
///
/// ```
/// use keyfob_imds::container::authorization;
///
/// assert_eq!(authorization("Basic abc\n")?, "Basic abc");
/// assert!(authorization("abc\nX-Header: 1").is_err());
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn authorization(token: &str) -> Result<HeaderValue, Error> {
    let token = token.trim();
    let value = HeaderValue::from_str(token)
        .ok()
        .filter(|_| !token.is_empty());
    let mut value = value.ok_or_else(|| {
        Error::new(
            ErrorKind::BadToken,
            "the container authorization token is blank or holds a line end or another control character",
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}
