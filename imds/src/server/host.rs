use std::net::IpAddr;

use http::{HeaderName, Request, header, uri::Authority};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The names a server answers to. Anything else in `Host` comes from a web page whose name was made to resolve to this
/// address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts {
    /// Beyond loopback and the link-local addresses.
    pub(crate) more: Vec<String>,
    /// Whether any address will do, because it listens on all of them. A web page can only come with a name.
    pub(crate) any_address: bool,
}

impl Hosts {
    /// Whether the request was meant for this server and came here directly.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> bool {
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (host, second) = (hosts.next(), hosts.next());
        let named = host.and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
        let target = request.uri().authority();
        second.is_none()
            && !request.headers().contains_key(X_FORWARDED_FOR)
            && named.is_some_and(|name| self.is_own(name.host()))
            && target.is_none_or(|name| self.is_own(name.host()))
    }

    fn is_own(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse()
                .is_ok_and(|address| self.any_address || is_local(address))
            || self.more.iter().any(|own| host.eq_ignore_ascii_case(own))
    }
}

/// Loopback, and the addresses under which these services are known on instances and in containers.
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
    use super::*;

    fn admits(uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let hosts = Hosts {
            more: vec!["host.docker.internal".into()],
            any_address: false,
        };
        hosts.admit(&request.body(()).unwrap())
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
        ] {
            assert!(!admits("/", &[("host", foreign)]), "{foreign}");
        }
        assert!(!admits("/", &[]));
        assert!(!admits(
            "/",
            &[("host", "localhost"), ("host", "localhost")]
        ));
        assert!(!admits("http://evil.example/", &[("host", "localhost")]));
    }

    #[test]
    fn a_server_on_all_addresses_answers_to_each_but_to_no_name() {
        let hosts = Hosts {
            more: Vec::new(),
            any_address: true,
        };
        let request = |host| Request::get("/").header("host", host).body(()).unwrap();
        assert!(hosts.admit(&request("192.0.2.1:80")));
        assert!(!hosts.admit(&request("rebind.example")));
    }

    #[test]
    fn what_a_proxy_forwarded_is_refused() {
        assert!(!admits(
            "/",
            &[("host", "localhost"), ("x-forwarded-for", "10.0.0.1")]
        ));
    }
}
