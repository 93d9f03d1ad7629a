use http::HeaderValue;

use crate::error::Error;

/// Returns the value of `Authorization` for a token. Whitespace and line ends around the token are
/// cut off, because a file often ends with one; nothing is added.
///
/// # Errors
///
/// [`ErrorKind::BadToken`](crate::ErrorKind::BadToken) if it is empty, or contains a line end or
/// another character that cannot be sent in a header. The message does not show it.
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
    match HeaderValue::from_str(token) {
        Ok(mut value) if !token.is_empty() => {
            value.set_sensitive(true);
            Ok(value)
        }
        _ => Err(Error::bad_token(
            "the container authorization token is empty or contains a line end or another control \
             character",
        )),
    }
}
