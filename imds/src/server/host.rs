use std::net::IpAddr;

use http::{HeaderName, header, request::Parts, uri::Authority};

use super::tls::Tls;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The names a server answers to.
///
/// Any other `Host` is that of a web page whose name was made to resolve to this address (DNS
/// rebinding).
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    /// The names beyond `localhost`.
    names: Vec<String>,
    /// The addresses beyond loopback and the link-local ones.
    addresses: Vec<IpAddr>,
    /// Whether any address is accepted, because the server listens on all of them. A web page can
    /// only use a name.
    any_address: bool,
    /// Whether web pages may send requests.
    web_pages: bool,
    /// A certificate, whose names are the server's. A browser accepts it for no other.
    certificate: Option<Tls>,
}

impl Hosts {
    /// Returns the names of a server that listens on `address` and is also known by `more`.
    pub(crate) fn new(address: IpAddr, more: Vec<String>) -> Self {
        let (mut names, mut addresses) = (Vec::new(), vec![address]);
        for own in more {
            match own.trim_matches(['[', ']']).parse() {
                Ok(address) => addresses.push(address),
                Err(_) => names.push(own),
            }
        }
        Self {
            names,
            addresses,
            any_address: address.is_unspecified(),
            web_pages: false,
            certificate: None,
        }
    }

    pub(crate) fn with_certificate(self, certificate: Option<Tls>) -> Self {
        Self {
            certificate,
            ..self
        }
    }

    pub(crate) fn allow_web_pages(self, allow: bool) -> Self {
        Self {
            web_pages: allow,
            ..self
        }
    }

    /// Returns true if the request is for this server, was not forwarded, and does not come from a
    /// web page, unless those are allowed: no program that reads metadata sends `Origin`.
    pub(crate) fn admit(&self, request: &Parts) -> bool {
        let mut hosts = request.headers.get_all(header::HOST).iter();
        let (host, second) = (hosts.next(), hosts.next());
        let named = host.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let target = request.uri.authority();
        // A second `Host` could be the one that something else on the way looked at.
        second.is_none()
            && !request.headers.contains_key(X_FORWARDED_FOR)
            && (self.web_pages || !request.headers.contains_key(header::ORIGIN))
            && named.is_some_and(|name| self.is_own(&name))
            && target.is_none_or(|name| self.is_own(name))
    }

    /// A `Host` has no user information (RFC 9112 section 3.2), and only IPv6 addresses are in
    /// brackets (RFC 3986 section 3.2.2).
    fn is_own(&self, name: &Authority) -> bool {
        let host = name.host();
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let address: Option<IpAddr> = match bracketed {
            Some(inner) => inner.parse().ok().map(IpAddr::V6),
            None => host.parse().ok().map(IpAddr::V4),
        };
        let is_known = match address {
            Some(address) => {
                self.any_address || is_local(address) || self.addresses.contains(&address)
            }
            None => {
                host.eq_ignore_ascii_case("localhost")
                    || self.names.iter().any(|own| host.eq_ignore_ascii_case(own))
            }
        };
        let is_certified = || {
            let host = address.map_or_else(|| host.to_owned(), |address| address.to_string());
            let certificate = self.certificate.as_ref();
            certificate.is_some_and(|certificate| certificate.is_for(&host))
        };
        (is_known || is_certified()) && !name.as_str().contains('@')
    }
}

/// Returns true for loopback and for the addresses of these services on instances and in
/// containers.
fn is_local(address: IpAddr) -> bool {
    const LINK_LOCAL: [&str; 5] = [
        "169.254.169.254",
        "fd00:ec2::254",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::23",
    ];
    address.is_loopback() || LINK_LOCAL.iter().any(|own| own.parse() == Ok(address))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Request;

    use super::*;

    fn admits(uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let hosts = Hosts::new(
            Ipv4Addr::LOCALHOST.into(),
            vec!["host.docker.internal".into()],
        );
        hosts.admit(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_its_own_names_are_answered() {
        for own in [
            "localhost",
            "LOCALHOST:80",
            "127.0.0.1:1338",
            "127.9.9.9",
            "[::1]:80",
            "169.254.169.254",
            "[fd00:ec2::254]",
            "host.docker.internal:1338",
        ] {
            assert!(admits("/", &[("host", own)]), "{own}");
        }
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "0.0.0.0",
            "",
            "a b",
            "user@127.0.0.1",
            "user:secret@localhost",
            "@localhost",
            "[localhost]",
            "[127.0.0.1]",
            "[host.docker.internal]",
            "::1",
            "localhost:80:80",
            "localhost.",
        ] {
            assert!(!admits("/", &[("host", foreign)]), "{foreign}");
        }
        assert!(!admits("/", &[]));
        assert!(!admits(
            "/",
            &[("host", "localhost"), ("host", "localhost")]
        ));
        assert!(!admits("http://evil.example/", &[("host", "localhost")]));
        assert!(!admits("http://user@localhost/", &[("host", "localhost")]));
    }

    #[test]
    fn a_server_on_all_addresses_answers_to_each_but_to_no_name() {
        let hosts = Hosts::new(Ipv4Addr::UNSPECIFIED.into(), Vec::new());
        let request = |host| {
            let request = Request::get("/").header("host", host).body(()).unwrap();
            request.into_parts().0
        };
        assert!(hosts.admit(&request("192.0.2.1:80")));
        assert!(!hosts.admit(&request("rebind.example")));
    }

    #[test]
    fn a_web_page_is_refused_whatever_its_origin() {
        for origin in ["null", "http://localhost", "http://127.0.0.1:1338", ""] {
            assert!(
                !admits("/", &[("host", "localhost"), ("origin", origin)]),
                "{origin}"
            );
        }
    }

    #[test]
    fn a_web_page_that_is_allowed_still_needs_a_name_of_the_server() {
        let hosts = Hosts::new(Ipv4Addr::LOCALHOST.into(), Vec::new()).allow_web_pages(true);
        for (host, is_admitted) in [("127.0.0.1:80", true), ("rebind.example", false)] {
            let request = Request::post("/").header("host", host);
            let request = request.header("origin", "https://idp.example");
            let head = request.body(()).unwrap().into_parts().0;
            assert_eq!(hosts.admit(&head), is_admitted, "{host}");
        }
    }

    #[test]
    fn what_a_proxy_forwarded_is_refused() {
        assert!(!admits(
            "/",
            &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")]
        ));
    }
}
