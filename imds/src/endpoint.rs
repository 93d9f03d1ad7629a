use std::{fmt, str::FromStr};

use http::{Uri, uri::PathAndQuery};

use crate::{
    error::{Error, shown},
    path::Path,
};

/// Where the metadata service answers: scheme, host, and sometimes a base path.
///
/// # Examples
///
/// ```
/// # use keyfob_imds::{Endpoint, Mode};
/// assert_eq!(Endpoint::default().to_string(), "http://169.254.169.254");
/// assert_eq!(Endpoint::from(Mode::IPv6).to_string(), "http://[fd00:ec2::254]");
/// assert_eq!(Endpoint::new("http://localhost:1338/")?.to_string(), "http://localhost:1338");
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// With neither query nor slash at the end.
    uri: Uri,
    text: String,
}

impl Endpoint {
    /// An endpoint from its URL, `http` or `https`. A base path is kept, slashes at its end are not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when the URL is no absolute `http` or `https` URL, or has a
    /// user, a query or a fragment.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::parse(url).ok_or_else(|| {
            Error::setting(format!(
                "invalid metadata endpoint \"{}\": a URL such as http://169.254.169.254 is needed, without user, query \
                 or fragment",
                shown(without_user(url))
            ))
        })
    }

    /// The endpoint that the two settings name: a URL goes before a mode, and blank is unset.
    ///
    /// # Errors
    ///
    /// As for [`new`](Endpoint::new) and for reading a [`Mode`].
    pub fn from_settings(url: Option<&str>, mode: Option<&str>) -> Result<Self, Error> {
        let set = |text: &&str| !text.is_empty();
        match (
            url.map(str::trim).filter(set),
            mode.map(str::trim).filter(set),
        ) {
            (Some(url), _) => Self::new(url),
            (None, Some(mode)) => Ok(Self::from(mode.parse::<Mode>()?)),
            (None, None) => Ok(Self::default()),
        }
    }

    fn parse(url: &str) -> Option<Self> {
        let text = url.trim_end_matches('/');
        let uri: Uri = text.parse().ok()?;
        let good = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && !uri.authority()?.as_str().contains('@')
            && uri.query().is_none()
            && !text.contains('#')
            && text.len() <= 2048;
        let text = text.to_owned();
        good.then_some(Self { uri, text })
    }

    /// The URL, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of an item.
    pub(crate) fn join(&self, path: &Path) -> Uri {
        let base = self.uri.path().trim_end_matches('/');
        let mut parts = self.uri.clone().into_parts();
        // Both halves are checked and short, so neither fallback is ever taken.
        parts.path_and_query = PathAndQuery::from_maybe_shared(format!("{base}{path}")).ok();
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// The link-local address of that mode.
impl From<Mode> for Endpoint {
    fn from(mode: Mode) -> Self {
        let text = match mode {
            Mode::IPv4 => "http://169.254.169.254",
            Mode::IPv6 => "http://[fd00:ec2::254]",
        };
        Self {
            uri: Uri::from_static(text),
            text: text.to_owned(),
        }
    }
}

/// The IPv4 address, as everywhere unless configured otherwise.
impl Default for Endpoint {
    fn default() -> Self {
        Self::from(Mode::IPv4)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which of the two link-local addresses to ask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `http://169.254.169.254`, the default.
    #[default]
    IPv4,
    /// `http://[fd00:ec2::254]`; only Nitro instances with an IPv6 subnet, and only when enabled there.
    IPv6,
}

/// Reads `IPv4` and `IPv6` in any case.
impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "ipv4" => Ok(Self::IPv4),
            "ipv6" => Ok(Self::IPv6),
            _ => Err(Error::setting(format!(
                "`{}` is not a valid endpoint mode: write IPv4 or IPv6",
                shown(text)
            ))),
        }
    }
}

/// A password in a URL is not for error messages.
fn without_user(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_path_is_kept_and_slashes_at_the_end_are_not() {
        let path = Path::known("/latest/api/token");
        for (url, joined) in [
            ("http://h:1", "http://h:1/latest/api/token"),
            ("http://h:1//", "http://h:1/latest/api/token"),
            ("https://h/base/", "https://h/base/latest/api/token"),
            ("http://[::1]:80", "http://[::1]:80/latest/api/token"),
        ] {
            assert_eq!(Endpoint::new(url).unwrap().join(&path).to_string(), joined);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_named_without_its_password() {
        for wrong in [
            "",
            "169.254.169.254",
            "/latest",
            "ftp://h",
            "http://",
            "http://h?x",
            "http://h#x",
            "http:///x",
            "http://a b",
        ] {
            assert!(Endpoint::new(wrong).is_err(), "{wrong:?}");
        }
        let message = Endpoint::new("http://me:canary@h").unwrap_err().to_string();
        assert!(
            message.contains("\"h\"") && !message.contains("canary"),
            "{message}"
        );
    }
}
