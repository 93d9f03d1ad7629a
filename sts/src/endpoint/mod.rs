mod partition;

use http::Uri;

pub use self::partition::Partition;
use crate::error::Error;

/// Where requests go, and the region they are signed for.
///
/// The default is the region's own endpoint: its session tokens are valid everywhere, it is near, and it does not
/// fall with `us-east-1`.
///
/// Source: STS endpoint rule set of the AWS SDKs.
///
/// # Examples
///
/// ```
/// # use keyfob_sts::Endpoint;
/// let endpoint = Endpoint::builder().region("eu-west-1")?.fips(true).build()?;
/// assert_eq!(endpoint.url(), "https://sts-fips.eu-west-1.amazonaws.com/");
/// assert_eq!(endpoint.signing_region(), Some("eu-west-1"));
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    signing_region: Option<String>,
}

impl Endpoint {
    /// Nothing chosen yet; a region or a URL is needed.
    pub fn builder() -> EndpointBuilder {
        EndpointBuilder::default()
    }

    /// The URL to which requests are posted.
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// The region of the credential scope: `us-east-1` for the global endpoint, otherwise the region given. `None`
    /// for a URL given without a region; such an endpoint serves only actions that are not signed.
    pub fn signing_region(&self) -> Option<&str> {
        self.signing_region.as_deref()
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Whether it is on this machine.
    #[cfg(feature = "client")]
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    fn aws(host: &str, signing_region: &str) -> Result<Self, Error> {
        Ok(Self {
            uri: parse_url(&format!("https://{host}"))?,
            signing_region: Some(signing_region.to_owned()),
        })
    }
}

/// Chooses an [`Endpoint`].
#[derive(Clone, Debug, Default)]
pub struct EndpointBuilder {
    region: Option<String>,
    uri: Option<Uri>,
    fips: bool,
    dual_stack: bool,
    legacy_global: bool,
}

impl EndpointBuilder {
    /// The region, such as `eu-west-1`, or `aws-global` for the global endpoint of the partition `aws`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when it cannot be a label of a host name: 1 to 63 letters,
    /// digits and `-`, with no `-` at either end.
    pub fn region(mut self, region: &str) -> Result<Self, Error> {
        if !is_host_label(region) {
            return Err(Error::setting(format!(
                "invalid region \"{}\": a name such as us-east-1 is needed (letters, digits and `-`)",
                shown(region)
            )));
        }
        self.region = Some(region.to_owned());
        Ok(self)
    }

    /// An endpoint of your own instead of one of AWS's: `http` or `https`, a host, perhaps a port and a path.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when it is anything else. A query, a fragment and a user
    /// name are refused.
    pub fn url(mut self, url: &str) -> Result<Self, Error> {
        self.uri = Some(parse_url(url)?);
        Ok(self)
    }

    /// Whether to use the endpoint with cryptography validated under FIPS 140. Default: no.
    #[must_use]
    pub fn fips(mut self, yes: bool) -> Self {
        self.fips = yes;
        self
    }

    /// Whether to use the endpoint that also has IPv6 addresses. Default: no.
    #[must_use]
    pub fn dual_stack(mut self, yes: bool) -> Self {
        self.dual_stack = yes;
        self
    }

    /// Whether the oldest sixteen regions use `sts.amazonaws.com`, as SDKs once did. Default: no. Tokens of that
    /// endpoint are not valid in regions that an account must opt in to.
    #[must_use]
    pub fn legacy_global(mut self, yes: bool) -> Self {
        self.legacy_global = yes;
        self
    }

    /// The endpoint.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) when there is neither a region nor a URL, or when FIPS or
    /// dual stack is asked of a URL.
    pub fn build(self) -> Result<Endpoint, Error> {
        if let Some(uri) = self.uri {
            if self.fips || self.dual_stack {
                let what = if self.fips { "FIPS" } else { "dual stack" };
                return Err(Error::setting(format!(
                    "{what} cannot be had of a custom endpoint: drop one of the two"
                )));
            }
            let signing_region = self.region.map(|region| signing_region(&region).to_owned());
            return Ok(Endpoint {
                uri,
                signing_region,
            });
        }
        let Some(region) = self.region else {
            return Err(Error::setting(
                "no region: set one, such as us-east-1, or a custom endpoint",
            ));
        };
        resolve(&region, self.fips, self.dual_stack, self.legacy_global)
    }
}

fn resolve(
    region: &str,
    fips: bool,
    dual_stack: bool,
    legacy_global: bool,
) -> Result<Endpoint, Error> {
    if is_global(region, legacy_global) && !fips && !dual_stack {
        return Endpoint::aws("sts.amazonaws.com", "us-east-1");
    }
    let partition = Partition::from_region(region);
    // In `aws-us-gov` the plain endpoints are the validated ones.
    let plain = !fips || (partition.name() == "aws-us-gov" && !dual_stack);
    let name = if plain { "sts" } else { "sts-fips" };
    let suffix = if dual_stack {
        partition.dual_stack_dns_suffix()
    } else {
        partition.dns_suffix()
    };
    Endpoint::aws(&format!("{name}.{region}.{suffix}"), signing_region(region))
}

/// The regions that were served by the global endpoint before each had its own.
fn is_global(region: &str, legacy: bool) -> bool {
    const LEGACY: [&str; 15] = [
        "ap-northeast-1",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    ];
    region == "aws-global" || (legacy && LEGACY.contains(&region))
}

/// The pseudo region of the partition `aws` is no part of a credential scope.
fn signing_region(region: &str) -> &str {
    if region == "aws-global" {
        "us-east-1"
    } else {
        region
    }
}

/// A host name made of it must not become another host: `x/../` and `evil.example#` are refused here.
fn is_host_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn parse_url(url: &str) -> Result<Uri, Error> {
    let uri = url.parse::<Uri>().ok().filter(|uri| {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.query().is_none()
            && !url.contains('#')
            && !authority.contains('@')
    });
    uri.ok_or_else(|| {
        Error::setting(
            "invalid endpoint: a URL such as https://sts.example.com or http://localhost:5000 is needed, \
             without user name, query and fragment",
        )
    })
}

/// Whatever was given, on one line of bounded length.
fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_global_endpoint_is_signed_for_us_east_1() {
        for (region, legacy) in [
            ("aws-global", false),
            ("aws-global", true),
            ("eu-west-3", true),
        ] {
            let builder = Endpoint::builder().region(region).unwrap();
            let endpoint = builder.legacy_global(legacy).build().unwrap();
            assert_eq!(endpoint.url(), "https://sts.amazonaws.com/");
            assert_eq!(endpoint.signing_region(), Some("us-east-1"));
        }
        let builder = Endpoint::builder().region("me-south-1").unwrap();
        let endpoint = builder.legacy_global(true).build().unwrap();
        assert_eq!(endpoint.url(), "https://sts.me-south-1.amazonaws.com/");
        assert_eq!(endpoint.signing_region(), Some("me-south-1"));
    }

    #[test]
    fn a_region_that_would_change_the_host_is_refused_and_named() {
        for region in [
            "",
            "x/../",
            "a.b",
            "-a",
            "a-",
            "us east",
            "evil#",
            "é",
            "a\nb",
            &"a".repeat(64),
        ] {
            let error = Endpoint::builder().region(region).unwrap_err();
            let message = error.to_string();
            assert!(message.starts_with("invalid region"), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
    }

    #[test]
    fn a_custom_endpoint_keeps_host_port_and_path() {
        for url in [
            "http://127.0.0.1:5000",
            "https://[::1]:8443/sts",
            "http://localhost:4566/a/b",
        ] {
            let endpoint = Endpoint::builder().url(url).unwrap().build().unwrap();
            assert_eq!(endpoint.url().trim_end_matches('/'), url);
            assert_eq!(endpoint.signing_region(), None);
        }
    }

    #[test]
    #[cfg(feature = "client")]
    fn only_this_machine_is_loopback() {
        let is_loopback = |url| {
            Endpoint::builder()
                .url(url)
                .unwrap()
                .build()
                .unwrap()
                .is_loopback()
        };
        for url in [
            "http://127.0.0.1:5000",
            "http://127.9.9.9/x",
            "http://[::1]:80",
            "https://localhost",
        ] {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://10.0.0.1:80",
            "http://[::2]",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn a_custom_endpoint_that_is_no_plain_url_is_refused_without_repeating_it() {
        for url in [
            "",
            "sts.example.com",
            "ftp://h",
            "http://",
            "https://user:canary@h/",
            "http://h/?canary",
            "http://h/#canary",
            "http:///canary",
            "http://h canary",
        ] {
            let error = Endpoint::builder().url(url).unwrap_err();
            assert!(error.to_string().starts_with("invalid endpoint"), "{url}");
            assert!(!format!("{error:?}").contains("canary"));
        }
    }

    #[test]
    fn nothing_chosen_and_contradictions_are_errors_that_say_what_to_do() {
        let error = Endpoint::builder().build().unwrap_err();
        assert!(error.to_string().contains("no region: set one"));
        let custom = Endpoint::builder().url("http://localhost").unwrap();
        for builder in [custom.clone().fips(true), custom.dual_stack(true)] {
            let error = builder.build().unwrap_err();
            assert!(error.to_string().contains("custom endpoint"));
        }
    }
}
