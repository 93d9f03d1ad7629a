use std::ffi::{OsStr, OsString};

#[cfg(feature = "connector")]
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{ClientBuilder, Proxy, Url};

use crate::{client::unusable, endpoint::Endpoint, error::Error};

/// Returns the value of a variable.
type Lookup<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// Makes the client use the proxy that the environment names for an endpoint, as [`find`] does.
pub(super) fn from_environment(
    builder: ClientBuilder,
    endpoint: &Endpoint,
    variable: &Lookup<'_>,
) -> Result<ClientBuilder, Error> {
    match find(endpoint, variable)? {
        Some((_, url)) => Ok(builder.proxy(Proxy::all(url).map_err(unusable)?)),
        None => Ok(builder.no_proxy()),
    }
}

/// Returns the variable that names the proxy for an endpoint, as [`find`] does.
pub(super) fn variable(endpoint: &Endpoint, variable: &Lookup<'_>) -> Option<&'static str> {
    let found = find(endpoint, variable).ok().flatten();
    found.map(|(name, _)| name)
}

/// Returns the proxy that the environment names for an endpoint, with its credentials, as [`find`]
/// does.
#[cfg(feature = "connector")]
pub(super) fn intercept(
    endpoint: &Endpoint,
    variable: &Lookup<'_>,
) -> Result<Option<Intercept>, Error> {
    let found = find(endpoint, variable)?;
    Ok(found.and_then(|(_, url)| {
        let matcher = Matcher::builder().all(url.as_str()).build();
        matcher.intercept(endpoint.uri())
    }))
}

/// Returns the variable and the URL of the proxy that the environment names for an endpoint.
/// `variable` returns the value of a variable.
///
/// An HTTP client that reads the environment itself passes over a value that it cannot use, and the
/// request, with its tokens, goes around the proxy. Here such a value is an error.
///
/// Names in lower case come first, as in `aws`. An empty value counts as not set.
fn find(endpoint: &Endpoint, variable: &Lookup<'_>) -> Result<Option<(&'static str, Url)>, Error> {
    let find = |names: &[&'static str]| {
        let values = names
            .iter()
            .filter_map(|&name| Some((name, variable(name)?)));
        values.into_iter().find(|(_, value)| !value.is_empty())
    };
    // A proxy cannot reach a server on this machine.
    if endpoint.is_loopback() {
        return Ok(None);
    }
    let names = match endpoint.uri().scheme_str() {
        // In a CGI program, `HTTP_PROXY` is what a client sent as the header `Proxy`.
        Some("http") if variable("REQUEST_METHOD").is_some() => {
            &["http_proxy", "all_proxy", "ALL_PROXY"][..]
        }
        Some("http") => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
        _ => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
    };
    let Some((name, value)) = find(names) else {
        return Ok(None);
    };
    let is_used = |proxy: &str, exempt: &str| {
        let matcher = Matcher::builder().all(proxy).no(exempt).build();
        matcher.intercept(endpoint.uri()).is_some()
    };
    let exempt = find(&["no_proxy", "NO_PROXY"]);
    if let Some((_, exempt)) = exempt
        && !is_used("http://proxy", &exempt.to_string_lossy())
    {
        return Ok(None);
    }
    let url = parse(&value)
        .and_then(|url| {
            // The HTTP client parses it again, in this way.
            let is_readable = is_used(url.as_str(), "");
            is_readable.then_some(url).ok_or(NOT_A_URL)
        })
        .map_err(|reason| {
            // The value may hold a password.
            let message =
                format!("{name} cannot be used as a proxy: {reason}; write it as http://HOST:PORT");
            Error::setting(message).with_parameter(name)
        })?;
    Ok(Some((name, url)))
}

const NOT_A_URL: &str = "it is not the URL of a server";

/// Parses the URL of a proxy: a host and a port, after `http://` or `https://`, with which the port
/// may be left out. Returns what is wrong with another value.
fn parse(value: &OsStr) -> Result<Url, &'static str> {
    let text = value.to_str().ok_or("it is not UTF-8")?;
    if text.contains(|char: char| char.is_whitespace() || char.is_control()) {
        return Err("it has spaces or control characters");
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    match scheme.as_deref() {
        None | Some("http" | "https") => {}
        Some("socks" | "socks4" | "socks4a" | "socks5" | "socks5h") => {
            return Err("SOCKS is not supported");
        }
        Some(_) => return Err("its scheme is not http or https"),
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    // A URL would end its host at the first of these, even in a password.
    if authority.contains(['/', '\\', '?', '#']) {
        return Err(
            "it has a path, or a special character of a password that is not percent-encoded",
        );
    }
    let host = authority.rsplit('@').next().unwrap_or_default();
    let after_address = host.rsplit(']').next().unwrap_or_default();
    match after_address.split_once(':') {
        Some((_, port)) if is_port(port) => {}
        Some(_) => return Err("its port is not a number from 1 to 65535"),
        // Such a word may be anything, and tools do not agree on the port.
        None if scheme.is_none() => return Err("it has neither a scheme nor a port"),
        None => {}
    }
    let scheme = scheme.as_deref().unwrap_or("http");
    let url = Url::parse(&format!("{scheme}://{authority}/")).map_err(|_| NOT_A_URL)?;
    let host = url.host_str().unwrap_or_default();
    let is_name = |host: &str| {
        let mut bytes = host.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    if host.starts_with('[') || is_name(host) {
        Ok(url)
    } else {
        Err(NOT_A_URL)
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the error for an endpoint and variables, if there is one.
    fn check(endpoint: &str, variables: &[(&str, &str)]) -> Result<(), String> {
        let endpoint = Endpoint::builder().url(endpoint).unwrap().build().unwrap();
        let builder = from_environment(reqwest::Client::builder(), &endpoint, &|name| {
            let variable = variables.iter().find(|(known, _)| *known == name);
            variable.map(|(_, value)| OsString::from(*value))
        });
        builder.map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_that_is_not_a_proxy_is_an_error_that_names_the_variable_and_not_the_value() {
        for (value, reason) in [
            ("\"http://127.0.0.1:1\"", "its scheme is not http or https"),
            ("'http://127.0.0.1:1'", "its scheme is not http or https"),
            ("http://canary:1\"", "its port is not a number"),
            ("http://\"canary\"", "it is not the URL of a server"),
            ("http://[x", "it is not the URL of a server"),
            ("http://", "it is not the URL of a server"),
            ("http://:8080", "it is not the URL of a server"),
            ("http://canary;b", "it is not the URL of a server"),
            ("http://%63anary%00:1", "it is not the URL of a server"),
            ("ftp://canary", "its scheme is not http or https"),
            ("nonsense://", "its scheme is not http or https"),
            ("htp://127.0.0.1:1", "its scheme is not http or https"),
            ("://127.0.0.1:1", "its scheme is not http or https"),
            ("socks5://canary:1080", "SOCKS is not supported"),
            ("SOCKS5H://canary:1080", "SOCKS is not supported"),
            ("http//127.0.0.1:1", "it has a path"),
            ("http:/canary:1", "it has a path"),
            ("http:canary:1", "its port is not a number"),
            ("http://user:canary#1@proxy:8080", "it has a path"),
            ("http://wpad/canary.dat", "it has a path"),
            (" http://127.0.0.1:1", "it has spaces"),
            ("http://127.0.0.1:1\r", "it has spaces"),
            ("http://a b", "it has spaces"),
            ("   ", "it has spaces"),
            ("http://127.0.0.1:99999", "its port is not a number"),
            ("http://127.0.0.1:0", "its port is not a number"),
            ("http://127.0.0.1:+1", "its port is not a number"),
            ("http://127.0.0.1:", "its port is not a number"),
            ("canary", "it has neither a scheme nor a port"),
            ("proxy.canary.example", "it has neither a scheme nor a port"),
        ] {
            for (endpoint, names) in [
                ("https://sts.example.com", ["https_proxy", "HTTPS_PROXY"]),
                ("http://sts.example.com", ["http_proxy", "HTTP_PROXY"]),
            ] {
                for name in names.into_iter().chain(["all_proxy", "ALL_PROXY"]) {
                    let error = check(endpoint, &[(name, value)]).unwrap_err();
                    let start = format!("{name} cannot be used as a proxy: {reason}");
                    assert!(error.starts_with(&start), "{value}: {error}");
                    assert!(!error.contains("canary"), "{error}");
                }
            }
        }
    }

    #[test]
    fn urls_of_proxies_are_used() {
        for value in [
            "http://127.0.0.1:1",
            "http://proxy.example.com",
            "HTTPS://proxy.example.com:3128/",
            "http://[::1]:3128",
            "http://[::1]",
            "http://squid_1:3128",
            "127.0.0.1:3128",
            "localhost:3128",
            "proxy.example.com:80",
            "[2001:db8::1]:3128",
            "user:pass@proxy.example.com:3128",
            "http://user:p%40ss%2F@proxy.example.com:3128",
            "http://user:p'^|\"ss@proxy.example.com:3128",
            "http://us@er:p@ss@proxy.example.com:3128",
            "http://bücher.example:3128",
        ] {
            let checked = check("https://sts.example.com", &[("HTTPS_PROXY", value)]);
            assert_eq!(checked, Ok(()), "{value}");
        }
    }

    #[test]
    fn only_the_variable_that_decides_for_the_endpoint_is_read() {
        let (https, http) = ("https://sts.example.com", "http://sts.example.com");
        let bad = "\"http://127.0.0.1:1\"";
        let good = "http://127.0.0.1:1";
        for (endpoint, variables, bad_name) in [
            (https, &[("HTTP_PROXY", bad)][..], None),
            (http, &[("HTTPS_PROXY", bad)], None),
            (https, &[("ALL_PROXY", bad), ("HTTPS_PROXY", good)], None),
            (
                https,
                &[("ALL_PROXY", bad), ("HTTPS_PROXY", "")],
                Some("ALL_PROXY"),
            ),
            (https, &[("HTTPS_PROXY", bad), ("https_proxy", good)], None),
            (
                https,
                &[("HTTPS_PROXY", bad), ("https_proxy", "")],
                Some("HTTPS_PROXY"),
            ),
            (https, &[("HTTPS_PROXY", bad), ("NO_PROXY", "*")], None),
            (
                https,
                &[("HTTPS_PROXY", bad), ("no_proxy", "a.org, .example.com")],
                None,
            ),
            (
                https,
                &[("HTTPS_PROXY", bad), ("NO_PROXY", "a.org")],
                Some("HTTPS_PROXY"),
            ),
            (
                "http://10.1.2.3",
                &[("HTTP_PROXY", bad), ("NO_PROXY", "10.0.0.0/8")],
                None,
            ),
            ("http://localhost:5000", &[("HTTP_PROXY", bad)], None),
            (
                http,
                &[("HTTP_PROXY", bad), ("REQUEST_METHOD", "GET")],
                None,
            ),
        ] {
            let error = check(endpoint, variables).err();
            let name = error
                .as_deref()
                .map(|error| error.split(' ').next().unwrap_or_default());
            assert_eq!(name, bad_name, "{endpoint} {variables:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf_8_is_an_error() {
        use std::os::unix::ffi::OsStringExt as _;

        let value = OsString::from_vec(b"http://\xff:1".to_vec());
        assert_eq!(parse(&value), Err("it is not UTF-8"));
    }
}
