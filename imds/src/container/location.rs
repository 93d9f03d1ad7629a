use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::Uri;

use crate::error::{Error, shown};

/// Where a container's credentials are, checked to be a place that may be asked.
///
/// `https` may lead anywhere. Plain `http` only to loopback and to the agents of ECS (169.254.170.2) and EKS
/// (169.254.170.23, `fd00:ec2::23`): anything else could read the token and make up credentials.
///
/// Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    uri: Uri,
}

impl Location {
    /// The location that the two settings name, the relative one first; blank is unset, and without either there is none.
    ///
    /// # Errors
    ///
    /// As for [`relative`](Location::relative) and [`full`](Location::full).
    pub fn from_settings(
        relative: Option<&str>,
        full: Option<&str>,
    ) -> Result<Option<Self>, Error> {
        let set =
            |value: Option<&'_ str>| value.map(str::trim).is_some_and(|text| !text.is_empty());
        match (relative, full) {
            (Some(path), _) if set(relative) => Self::relative(path.trim()).map(Some),
            (_, Some(url)) if set(full) => Self::full(url.trim()).map(Some),
            _ => Ok(None),
        }
    }

    /// A path at the ECS agent, `http://169.254.170.2` (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when it does not begin with `/` or is no path.
    pub fn relative(path: &str) -> Result<Self, Error> {
        let uri = path
            .starts_with('/')
            .then(|| parse(&format!("http://169.254.170.2{path}")))
            .flatten();
        uri.map(|uri| Self { uri }).ok_or_else(|| {
            Error::setting(format!(
                "invalid relative container credentials URI \"{}\": a path such as /v2/credentials/ID is needed",
                shown(path)
            ))
        })
    }

    /// A whole URL (`AWS_CONTAINER_CREDENTIALS_FULL_URI`). A name in it is checked later, with its addresses.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when it is no `http` or `https` URL with a host and without a user,
    /// or when it is plain `http` to an address that is not allowed.
    pub fn full(url: &str) -> Result<Self, Error> {
        let uri = parse(url).ok_or_else(|| {
            Error::setting(format!(
                "invalid container credentials URI \"{}\": a URL such as http://169.254.170.23/v1/credentials is needed, \
                 without user or fragment",
                shown(url.rsplit_once('@').map_or(url, |(_, rest)| rest))
            ))
        })?;
        let location = Self { uri };
        match location.host().parse() {
            Ok(address) => location.check(&[address]).map(|()| location),
            Err(_) => Ok(location),
        }
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Whether it may be asked when its host resolves to these addresses: every single one must be allowed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when one is not, or there is none.
    pub fn check(&self, addresses: &[IpAddr]) -> Result<(), Error> {
        if self.is_https() {
            return Ok(());
        }
        match addresses.iter().find(|address| !is_allowed(address)) {
            None if addresses.is_empty() => {
                Err(Error::setting(format!("{} has no address", self.host())))
            }
            None => Ok(()),
            Some(foreign) => Err(Error::foreign_address(self.host(), *foreign)),
        }
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

/// Loopback is all of 127.0.0.0/8 and `::1`.
pub(crate) fn is_allowed(address: &IpAddr) -> bool {
    const ECS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 2);
    const EKS: Ipv4Addr = Ipv4Addr::new(169, 254, 170, 23);
    const EKS_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23);
    match address {
        IpAddr::V4(address) => address.is_loopback() || [ECS, EKS].contains(address),
        IpAddr::V6(address) => address.is_loopback() || *address == EKS_V6,
    }
}

fn parse(url: &str) -> Option<Uri> {
    let uri: Uri = url.parse().ok()?;
    let good = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && !uri.authority()?.as_str().contains('@')
        && !url.contains('#');
    good.then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relative_path_goes_first_and_blank_is_unset() {
        let of = |relative, full| {
            Location::from_settings(relative, full)
                .unwrap()
                .map(|place| place.to_string())
        };
        assert_eq!(
            of(Some("/c?id=1"), Some("http://localhost/")).as_deref(),
            Some("http://169.254.170.2/c?id=1")
        );
        assert_eq!(
            of(Some(" "), Some("http://localhost:1/")).as_deref(),
            Some("http://localhost:1/")
        );
        assert_eq!(of(None, Some("")), None);
    }

    #[test]
    fn what_would_leave_the_machine_unencrypted_is_refused() {
        for wrong in [
            "",
            "c",
            "/c",
            "http:///c",
            "ftp://127.0.0.1/c",
            "http://me@127.0.0.1/c",
            "http://127.0.0.1/c#x",
            "http://169.254.169.254/c",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://10.0.0.1/",
        ] {
            assert!(Location::full(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "c", "//evil.example/c#", "/c d", "@evil.example/"] {
            assert!(Location::relative(wrong).is_err(), "{wrong}");
        }
        assert!(Location::full("https://192.0.2.1/c").is_ok());
        assert!(Location::full("http://127.3.2.1/c").is_ok());
    }

    #[test]
    fn a_name_without_addresses_is_refused() {
        assert!(
            Location::full("http://agent.example/")
                .unwrap()
                .check(&[])
                .is_err()
        );
    }
}
