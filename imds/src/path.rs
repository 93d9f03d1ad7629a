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
                shown(text)
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
    /// but letters, digits and `-._~=@:+` is percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the name is empty or the path gets
    /// longer than 4,096 bytes.
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
        // Bare dots would be another directory.
        let is_dots = matches!(name, "." | "..");
        for byte in name.bytes() {
            // These lines instead of the crate `percent-encoding`: they are all that the client
            // needs of it.
            if is_plain(byte) && !is_dots {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
        if name.is_empty() || path.len() > MAX_LENGTH {
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

    /// Returns the path of the directory of this name, which ends with a slash.
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

/// Returns true for a byte that a name does not encode.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~=@:+".contains(&byte)
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
    fn a_child_is_always_one_segment() {
        let base = Path::new("/t").unwrap();
        assert_eq!(
            base.child("a/b c?é").unwrap().as_str(),
            "/t/a%2Fb%20c%3F%C3%A9"
        );
        assert_eq!(base.child("..").unwrap().as_str(), "/t/%2E%2E");
        assert_eq!(base.child(".%2e").unwrap().as_str(), "/t/.%252e");
        assert!(base.child("").is_err() && base.child(&"é".repeat(900)).is_err());
    }
}
