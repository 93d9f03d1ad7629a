use std::{borrow::Cow, fmt};

use crate::error::{Error, shown};

/// The directory that a path without a slash in front is relative to.
const META_DATA: &str = "/latest/meta-data/";

/// The longest path in bytes: far above any that exists, far below what a URI can hold.
const MAX_LENGTH: usize = 4096;

/// The path of a metadata item, ready for the request line.
///
/// # Examples
///
/// ```
/// use keyfob_imds::Path;
///
/// assert_eq!(Path::new("/latest/user-data")?.as_str(), "/latest/user-data");
/// assert_eq!(Path::new("instance-id")?.as_str(), "/latest/meta-data/instance-id");
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a>(Cow<'a, str>);

impl<'a> Path<'a> {
    /// Returns a path from the root (`/latest/…`), or, without a slash in front, a path below
    /// `/latest/meta-data/`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is empty or longer than 4,096 bytes,
    /// or has a query, a fragment, a `.` or `..` segment, or a character that must be encoded (use
    /// [`child`](Path::child) to encode it).
    pub fn new(text: &'a str) -> Result<Self, Error> {
        let is_valid = (1..=MAX_LENGTH).contains(&text.len())
            && text.bytes().all(is_path_byte)
            && !text.split('/').any(is_dots);
        if !is_valid {
            return Err(Error::setting(format!(
                "invalid metadata path \"{}\": write it as on the wire, such as \
                 /latest/meta-data/instance-id, without query, fragment, `..`, spaces or control \
                 characters",
                // What follows may be a secret that was meant as a parameter.
                shown(text.split(['?', '#']).next().unwrap_or_default())
            )));
        }
        Ok(if text.starts_with('/') {
            Self(Cow::Borrowed(text))
        } else {
            Self(Cow::Owned(format!("{META_DATA}{text}")))
        })
    }

    /// Returns a path that is known to be valid.
    pub(crate) const fn known(text: &'static str) -> Path<'static> {
        Path(Cow::Borrowed(text))
    }

    /// Returns the item with this name in this directory. The name becomes one segment: everything
    /// that may not be in one is percent-encoded, a slash included.
    ///
    /// Source: RFC 3986 section 3.3, `pchar`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the name is empty, `.` or `..`, or
    /// if the path gets longer than 4,096 bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::Path;
    ///
    /// let tag = Path::new("tags/instance/")?.child("cost center")?;
    /// assert_eq!(tag.as_str(), "/latest/meta-data/tags/instance/cost%20center");
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn child(&self, name: &str) -> Result<Path<'static>, Error> {
        let mut path = self.directory().into_owned();
        for byte in name.bytes() {
            // These lines instead of the crate `percent-encoding`: they are all that the client
            // needs of it.
            if is_plain(byte) {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        // Dots cannot be a name, because encoding them changes nothing (RFC 3986 section 6.2.2.2).
        if matches!(name, "" | "." | "..") || path.len() > MAX_LENGTH {
            let name = shown(name);
            return Err(Error::setting(format!(
                "invalid name of a metadata item: \"{name}\""
            )));
        }
        Ok(Path(Cow::Owned(path)))
    }

    /// Returns the path as it is on the request line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path with a slash at the end.
    fn directory(&self) -> Cow<'_, str> {
        if self.0.ends_with('/') {
            Cow::Borrowed(self.as_str())
        } else {
            Cow::Owned(format!("{}/", self.0))
        }
    }

    /// Returns the path of a name that a service listed, as it came: it may have several segments.
    /// Only a name that cannot be sent so is encoded.
    #[cfg(feature = "client")]
    pub(crate) fn below(&self, name: &str) -> Result<Path<'static>, Error> {
        let path = format!("{}{name}", self.directory());
        match Path::new(&path) {
            Ok(_) if !name.is_empty() => Ok(Path(Cow::Owned(path))),
            _ => self.child(name),
        }
    }

    /// Returns true for items whose value is a secret: credentials, and user data, which often
    /// contains passwords. The case of the names and what is in front of them do not matter.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::Path;
    ///
    /// assert!(Path::new("iam/security-credentials/web")?.is_secret());
    /// assert!(Path::new("/2021-07-15/USER-DATA")?.is_secret());
    /// assert!(!Path::new("instance-id")?.is_secret());
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn is_secret(&self) -> bool {
        let path = decoded(&self.0).to_ascii_lowercase();
        path.split('/')
            .any(|segment| segment == "user-data" || segment.starts_with("security-credentials"))
    }

    #[cfg(feature = "client")]
    pub(crate) fn into_directory(self) -> Path<'static> {
        Path(Cow::Owned(self.directory().into_owned()))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Returns true for a byte that may be in a path on the wire: visible ASCII that neither ends the
/// path nor is read as a separator by some servers.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'?' | b'#' | b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

/// Returns true for a byte that may be in a segment as it is (RFC 3986 section 3.3, `pchar`). Some
/// servers compare paths without decoding them, so nothing else is encoded.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&byte)
}

/// Decodes `%2d` and the like, so that a name cannot hide from a comparison.
fn decoded(path: &str) -> String {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *byte == b'%');
        let value = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        plain.push(value.unwrap_or(*byte));
        rest = if value.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// Returns true for `.` and `..`, also when they are encoded.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_mean_something_else_is_rejected() {
        for wrong in [
            "",
            "/a?b",
            "/a#b",
            "/a b",
            "/a\r\nX: y",
            "/..",
            "/a/../b",
            "/a/%2E%2e/b",
            "/./a",
            "/é",
            "/a\\b",
        ] {
            assert!(Path::new(wrong).is_err(), "{wrong:?}");
        }
        assert!(Path::new(&"a".repeat(MAX_LENGTH + 1)).is_err());
    }

    #[test]
    fn a_secret_is_known_by_its_name_at_any_depth_and_in_any_case() {
        for secret in [
            "/latest/user-data",
            "/latest/user-data/",
            "/1.0/User-Data",
            "/latest/meta-data/x/USER%2Ddata",
            "iam/security-credentials/web",
            "IAM/Security-Credentials-Extended/web/x",
            "identity-credentials/ec2/security-credentials/ec2-instance",
        ] {
            assert!(Path::new(secret).unwrap().is_secret(), "{secret}");
        }
        for open in ["user-data-size", "iam/info", "security-groups"] {
            assert!(!Path::new(open).unwrap().is_secret(), "{open}");
        }
    }

    #[test]
    fn an_invalid_path_is_named_without_its_query() {
        let error = Path::new("x?token=canary").unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }

    #[test]
    fn a_child_is_always_one_segment() {
        let base = Path::new("/t").unwrap();
        assert_eq!(
            base.child("a/b c?é").unwrap().as_str(),
            "/t/a%2Fb%20c%3F%C3%A9"
        );
        let legal = "a+b=c,d.e@f-g_h!$&'()*;:~";
        assert_eq!(base.child(legal).unwrap().as_str(), format!("/t/{legal}"));
        assert!(base.child("..").is_err() && base.child(".").is_err());
        assert_eq!(base.child(".%2e").unwrap().as_str(), "/t/.%252e");
        assert!(base.child("").is_err() && base.child(&"é".repeat(900)).is_err());
    }
}
