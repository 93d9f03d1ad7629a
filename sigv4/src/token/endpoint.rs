use crate::{
    error::{Error, ErrorKind},
    request::without_secrets,
};

/// Returns `host` or `host:port` of an endpoint, without a scheme before it or a slash after it.
pub(super) fn authority(endpoint: &str) -> Result<&str, Error> {
    let rest = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    let host = rest.strip_suffix('/').unwrap_or(rest);
    // `Request::new` checks the rest of the host; it would take these as the end of it.
    if host.is_empty() || host.contains(['/', '?', '#', '@']) {
        return Err(Error::new(ErrorKind::Host, without_secrets(rest)));
    }
    Ok(host)
}

/// Returns `host:port` of an endpoint, which must have a port.
pub(super) fn with_port(endpoint: &str) -> Result<&str, Error> {
    let authority = authority(endpoint)?;
    let port = authority.rsplit_once(':').map(|(_, port)| port);
    match port.map(str::parse::<u16>) {
        Some(Ok(1..)) => Ok(authority),
        _ => Err(Error::new(ErrorKind::Port, without_secrets(authority))),
    }
}

/// Returns the end of the host names of AWS in the region's partition.
///
/// Source: the partitions of the SDKs' endpoint rules.
pub(super) fn dns_suffix(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "amazonaws.com.cn",
        r if r.starts_with("us-iso-") => "c2s.ic.gov",
        r if r.starts_with("us-isob-") => "sc2s.sgov.gov",
        r if r.starts_with("us-isof-") => "csp.hci.ic.gov",
        r if r.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        r if r.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}
