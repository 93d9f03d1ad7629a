use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::{Uri, uri::Authority};

use crate::{
    endpoint::{has_plain_authority, origin},
    error::Error,
};

/// The URL of a container's credentials, checked to be one that may be asked.
///
/// `https` may lead anywhere. Plain `http` may only lead to loopback and to the agents of ECS
/// (169.254.170.2) and EKS (169.254.170.23, `fd00:ec2::23`): any other host could read the token
/// and make up credentials.
///
/// Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
///
/// `Debug` shows the origin only: the path and the query identify the container to its agent.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    uri: Uri,
}

impl Location {
    /// Returns the location that the two settings select: `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`,
    /// which takes precedence, and `AWS_CONTAINER_CREDENTIALS_FULL_URI`. An empty setting, or one
    /// of whitespace, counts as not set; without either there is no location.
    ///
    /// # Errors
    ///
    /// As for [`relative`](Location::relative) and [`full`](Location::full).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::container::Location;
    ///
    /// let task = Location::from_settings(Some("/v2/credentials/1f1d"), None)?;
    /// let task = task.expect("the first setting is set");
    /// assert_eq!(task.to_string(), "http://169.254.170.2/v2/credentials/1f1d");
    /// assert_eq!(Location::from_settings(None, Some(""))?, None);
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn from_settings(
        relative: Option<&str>,
        full: Option<&str>,
    ) -> Result<Option<Self>, Error> {
        let is_set = |text: &&str| !text.is_empty();
        let relative = relative.map(str::trim).filter(is_set);
        let full = full.map(str::trim).filter(is_set);
        match (relative, full) {
            (Some(path), _) => Self::relative(path).map(Some),
            (None, Some(url)) => Self::full(url).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Returns a path at the ECS agent, `http://169.254.170.2`
    /// (`AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it does not start with `/` or is not a
    /// valid path.
    pub fn relative(path: &str) -> Result<Self, Error> {
        let uri = path
            .starts_with('/')
            .then(|| parse(&format!("http://169.254.170.2{path}")))
            .flatten();
        uri.map(|uri| Self { uri }).ok_or_else(|| {
            Error::setting(
                "invalid relative container credentials URI: a path such as /v2/credentials/ID is \
                 needed",
            )
        })
    }

    /// Returns a complete URL (`AWS_CONTAINER_CREDENTIALS_FULL_URI`). A host name in it is checked
    /// later, with its addresses.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not an `http` or `https` URL with
    /// a host and without a user, or if it is plain `http` to an address that is not allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::container::Location;
    ///
    /// assert!(Location::full("http://169.254.170.23/v1/credentials").is_ok());
    /// assert!(Location::full("https://agent.example/credentials").is_ok());
    /// assert!(Location::full("http://192.0.2.1/credentials").is_err());
    /// ```
    pub fn full(url: &str) -> Result<Self, Error> {
        let uri = parse(url).ok_or_else(|| {
            Error::setting(format!(
                "invalid container credentials URI{}: a URL such as \
                 http://169.254.170.23/v1/credentials is needed, without user or fragment",
                origin(url)
            ))
        })?;
        let location = Self { uri };
        if let Ok(address) = location.host().parse() {
            location.check(&[address])?;
        }
        Ok(location)
    }

    /// Returns the host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        self.uri.host().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// Checks the addresses that the host resolves to. With plain `http`, all must be allowed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if one is not allowed, or if there are
    /// none.
    pub fn check(&self, addresses: &[IpAddr]) -> Result<(), Error> {
        if self.uri.scheme_str() == Some("https") {
            return Ok(());
        }
        if addresses.is_empty() {
            return Err(Error::setting(format!("{} has no address", self.host())));
        }
        // All of them, not only the first: the connection may use any.
        match addresses.iter().find(|address| !is_allowed(address)) {
            None => Ok(()),
            Some(foreign) => Err(Error::foreign_address(self.host(), *foreign)),
        }
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", Authority::as_str);
        f.debug_struct("Location")
            .field("origin", &format_args!("{scheme}://{authority}"))
            .finish_non_exhaustive()
    }
}

/// Returns true for an address that may be asked over plain `http`. Loopback is all of 127.0.0.0/8
/// and `::1`.
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
    let is_valid = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && has_plain_authority(&uri)
        // `Uri` drops a fragment without a word.
        && !url.contains('#');
    is_valid.then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_relative_path_takes_precedence_and_whitespace_is_not_set() {
        let location = |relative, full| {
            Location::from_settings(relative, full)
                .unwrap()
                .map(|location| location.to_string())
        };
        assert_eq!(
            location(Some("/c?id=1"), Some("http://localhost/")).as_deref(),
            Some("http://169.254.170.2/c?id=1")
        );
        assert_eq!(
            location(Some(" "), Some("http://localhost:1/")).as_deref(),
            Some("http://localhost:1/")
        );
        assert_eq!(location(None, Some("")), None);
    }

    #[test]
    fn a_location_that_would_leave_the_machine_unencrypted_is_rejected() {
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
            "http://[]/c",
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
    fn an_invalid_location_is_named_without_user_path_and_query() {
        for wrong in [
            "http://me:canary@127.0.0.1/c",
            "http://192.0.2.1/canary?canary",
            "http://127.0.0.1/c?canary#x",
            "canary",
            "http://me:ca?canary@h/",
        ] {
            let error = Location::full(wrong).unwrap_err();
            assert!(
                !format!("{error:?}").contains("canary"),
                "{wrong}: {error:?}"
            );
        }
        for wrong in ["canary", "/canary path", "/c#canary"] {
            let error = Location::relative(wrong).unwrap_err();
            assert!(
                !format!("{error:?}").contains("canary"),
                "{wrong}: {error:?}"
            );
        }
        let location = Location::full("http://127.0.0.1/canary?canary").unwrap();
        assert!(!format!("{location:?}").contains("canary"), "{location:?}");
    }

    #[test]
    fn a_name_without_addresses_is_rejected() {
        assert!(
            Location::full("http://agent.example/")
                .unwrap()
                .check(&[])
                .is_err()
        );
    }
}
