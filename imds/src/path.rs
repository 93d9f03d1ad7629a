use std::{borrow::Cow, fmt};

use crate::error::{Error, shown};

/// The path of a metadata item, ready for the request line.
///
/// # Examples
///
/// ```
/// # use keyfob_imds::Path;
/// assert_eq!(Path::new("/latest/user-data")?.as_str(), "/latest/user-data");
/// // Without a slash at the front it is below `/latest/meta-data/`.
/// assert_eq!(Path::new("instance-id")?.as_str(), "/latest/meta-data/instance-id");
/// // A name that may hold anything, such as a tag's key, is one encoded segment.
/// let key = Path::new("tags/instance/")?.child("cost centre")?;
/// assert_eq!(key.as_str(), "/latest/meta-data/tags/instance/cost%20centre");
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path<'a>(Cow<'a, str>);

/// Where a path without a slash at the front begins.
const META_DATA: &str = "/latest/meta-data/";

/// Far above anything that exists, and far below what a URI may hold.
const MAX_LENGTH: usize = 4096;

impl<'a> Path<'a> {
    /// A path from the root (`/latest/…`), or, without a slash at the front, below `/latest/meta-data/`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when it is empty or longer than 4,096 bytes, has a query, a
    /// fragment, a `.` or `..` segment, or a character that must be encoded ([`child`](Path::child) does that).
    pub fn new(text: &'a str) -> Result<Self, Error> {
        let wrong = text.is_empty()
            || text.len() > MAX_LENGTH
            || !text.bytes().all(is_path_byte)
            || text.split('/').any(is_dots);
        if wrong {
            return Err(Error::setting(format!(
                "invalid metadata path \"{}\": write it as on the wire, such as /latest/meta-data/instance-id, \
                 without query, fragment, `..`, blanks or control characters",
                shown(text)
            )));
        }
        Ok(match text.starts_with('/') {
            true => Self(Cow::Borrowed(text)),
            false => Self(Cow::Owned(format!("{META_DATA}{text}"))),
        })
    }

    /// A path that is known to be right.
    pub(crate) const fn known(text: &'static str) -> Path<'static> {
        Path(Cow::Borrowed(text))
    }

    /// The item of that name in this directory. The name is one segment: everything but letters, digits and
    /// `-._~=@:+` is percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when the name is empty or the path gets longer than 4,096
    /// bytes.
    pub fn child(&self, name: &str) -> Result<Path<'static>, Error> {
        let mut path = self.directory().into_owned();
        for byte in name.bytes() {
            match is_plain(byte) && !is_dots(name) {
                true => path.push(char::from(byte)),
                false => path.push_str(&format!("%{byte:02X}")),
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

    /// As it stands on the request line.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// With a slash at the end.
    fn directory(&self) -> Cow<'_, str> {
        match self.0.ends_with('/') {
            true => Cow::Borrowed(self.as_str()),
            false => Cow::Owned(format!("{}/", self.0)),
        }
    }

    /// The same as a directory, which ends with a slash.
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

/// What may stand in a path on the wire: visible ASCII, but nothing that ends the path, and nothing that some
/// servers read as a separator.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'?' | b'#' | b'\\' | b'"' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~=@:+".contains(&byte)
}

/// `.` and `..`, also when encoded.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_mean_something_else_is_refused() {
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
        assert!(base.child("").is_err() && base.child(&"é".repeat(900)).is_err());
    }
}
