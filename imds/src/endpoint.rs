use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use http::{Uri, uri::PathAndQuery};

use crate::{
    error::{Error, shown},
    path::Path,
};

/// The longest URL of an endpoint, in bytes.
const MAX_LENGTH: usize = 2048;

/// The address of the metadata service: scheme, host, and sometimes a base path.
///
/// # Examples
///
/// ```
/// use keyfob_imds::{Endpoint, Mode};
///
/// assert_eq!(Endpoint::default().as_str(), "http://169.254.169.254");
/// assert_eq!(Endpoint::from(Mode::IPv6).as_str(), "http://[fd00:ec2::254]");
/// assert_eq!(Endpoint::new("http://localhost:1338/")?.as_str(), "http://localhost:1338");
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a query and without a slash at the end.
    uri: Uri,
    text: String,
}

impl Endpoint {
    /// Returns the endpoint of an `http` or `https` URL. A base path is kept; slashes at the end
    /// are dropped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not an absolute `http` or `https`
    /// URL of at most 2,048 bytes, or has a user, a query or a fragment.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::parse(url).ok_or_else(|| {
            Error::setting(format!(
                "invalid metadata endpoint{}: a URL such as http://169.254.169.254 is needed, \
                 without user, query or fragment",
                origin(url)
            ))
        })
    }

    /// Returns the endpoint that the two settings select: `AWS_EC2_METADATA_SERVICE_ENDPOINT` and
    /// `AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE`. The URL takes precedence over the mode; an empty
    /// setting, or one of whitespace, counts as not set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for a URL that [`new`](Endpoint::new)
    /// rejects, and for an unknown mode.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::Endpoint;
    ///
    /// let endpoint = Endpoint::from_settings(Some(""), Some("IPv6"))?;
    /// assert_eq!(endpoint.as_str(), "http://[fd00:ec2::254]");
    /// let endpoint = Endpoint::from_settings(Some("http://localhost:1338"), Some("IPv6"))?;
    /// assert_eq!(endpoint.as_str(), "http://localhost:1338");
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn from_settings(url: Option<&str>, mode: Option<&str>) -> Result<Self, Error> {
        let is_set = |text: &&str| !text.is_empty();
        let url = url.map(str::trim).filter(is_set);
        let mode = mode.map(str::trim).filter(is_set);
        match (url, mode) {
            (Some(url), _) => Self::new(url),
            (None, Some(mode)) => Ok(Self::from(mode.parse::<Mode>()?)),
            (None, None) => Ok(Self::default()),
        }
    }

    fn parse(url: &str) -> Option<Self> {
        let text = url.trim_end_matches('/');
        let uri: Uri = text.parse().ok()?;
        let is_valid = matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && has_plain_authority(&uri)
            && uri.query().is_none()
            // `Uri` drops a fragment without a word.
            && !text.contains('#')
            && text.len() <= MAX_LENGTH;
        let text = text.to_owned();
        is_valid.then_some(Self { uri, text })
    }

    /// Returns the URL, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the URL of an item.
    pub(crate) fn join(&self, path: &Path) -> Uri {
        let base = self.uri.path().trim_end_matches('/');
        let mut parts = self.uri.clone().into_parts();
        // Both halves are checked and short, so neither fallback is ever used.
        parts.path_and_query = PathAndQuery::from_maybe_shared(format!("{base}{path}")).ok();
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// Returns the link-local address of the mode.
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

/// Returns the link-local IPv4 address.
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

/// One of the two link-local addresses of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `http://169.254.169.254`, the default.
    #[default]
    IPv4,
    /// `http://[fd00:ec2::254]`. Only Nitro instances in an IPv6 subnet have it, and only if it is
    /// enabled for the instance.
    IPv6,
}

/// Parses `IPv4` and `IPv6` in any case.
impl FromStr for Mode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "ipv4" => Ok(Self::IPv4),
            "ipv6" => Ok(Self::IPv6),
            _ => Err(Error::setting(format!(
                "`{}` is not a valid endpoint mode: use IPv4 or IPv6",
                shown(text)
            ))),
        }
    }
}

/// Returns the part of a rejected URL that a message may repeat, quoted and with a space in front:
/// the scheme, the host and the port, or an address. Anything else may be a password, a token in
/// the query, or a secret that was set by mistake; then it is empty.
pub(crate) fn origin(url: &str) -> String {
    let url = url.trim();
    if url.parse::<IpAddr>().is_ok() || url.parse::<SocketAddr>().is_ok() {
        return format!(" \"{url}\"");
    }
    let Ok(uri) = url.parse::<Uri>() else {
        return String::new();
    };
    // Behind the authority, it may be the end of a user's password with a `?` or `#` in it.
    let users = uri
        .authority()
        .map_or(0, |name| name.as_str().matches('@').count());
    match (uri.scheme_str(), uri.host()) {
        (Some(scheme), Some(host)) if url.matches('@').count() == users => {
            let port = uri.port_u16().map(|port| format!(":{port}"));
            let port = port.unwrap_or_default();
            format!(" \"{}://{}{port}\"", shown(scheme), shown(host))
        }
        _ => String::new(),
    }
}

/// Returns true if the authority is a host, with or without a port, and without a user. In brackets
/// the host must be an IPv6 address, which `Uri` does not check.
pub(crate) fn has_plain_authority(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| {
        let host = authority.host();
        let port = authority.as_str().strip_prefix(host);
        // All of it: in `!:x@!:9`, `Uri` takes the second `!` for the host.
        let is_port = port.is_some_and(|port| {
            let number = port.strip_prefix(':').unwrap_or("-");
            let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
            port.is_empty() || is_number && number.parse::<u16>().is_ok()
        });
        let in_brackets = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let is_host = match in_brackets {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty(),
        };
        is_host && is_port
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_that_begins_as_the_host_does_is_no_host() {
        for url in [
            "http://!!:H@@@!:9",
            "http://h:me@h:9",
            "http://h@h",
            "http://h:+9",
        ] {
            assert!(Endpoint::new(url).is_err(), "{url}");
        }
        assert!(Endpoint::new("http://!:9").is_ok());
    }

    #[test]
    fn a_base_path_is_kept_and_slashes_at_the_end_are_dropped() {
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
    fn an_invalid_endpoint_is_named_without_its_password() {
        for wrong in [
            "",
            "169.254.169.254",
            "/latest",
            "ftp://h",
            "http://",
            "http://h?x",
            "http://h#x",
            "http:///x",
            "http://[]",
            "http://[]:80/x",
            "http://[1.2.3.4]",
            "http://a b",
        ] {
            assert!(Endpoint::new(wrong).is_err(), "{wrong:?}");
        }
        let message = Endpoint::new("http://me:canary@h").unwrap_err().to_string();
        assert!(
            message.contains("\"http://h\"") && !message.contains("canary"),
            "{message}"
        );
        for wrong in [
            "http://h?token=canary",
            "http://h/?a@b=canary",
            "http://h/#canary",
            "http://me:ca?canary@h/",
            "http://me:canary@h:x/",
            "http://canary@h?b@c",
            "canary",
            "canary/canary+canary",
            "//canary",
            "canary:canary@h",
            "h?canary",
        ] {
            let error = Endpoint::new(wrong).unwrap_err();
            assert!(
                !format!("{error:?}").contains("canary"),
                "{wrong}: {error:?}"
            );
        }
    }
}
