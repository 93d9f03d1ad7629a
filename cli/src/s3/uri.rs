use keyfob_sigv4::uri;
use keyfob_sts::Partition;

use crate::failure::Failure;

/// `s3://BUCKET/KEY`, where the scheme may be left out, as `aws` allows.
pub(crate) fn split(uri: &str) -> Result<(&str, &str), Failure> {
    let refused = || {
        Failure::usage(format!("{uri:?} is no object"))
            .with_hint("write s3://BUCKET/KEY; a bucket has letters, digits, `.`, `-` and `_`")
    };
    let path = uri.strip_prefix("s3://").unwrap_or(uri);
    let (bucket, key) = path.split_once('/').ok_or_else(refused)?;
    let is_bucket = !bucket.is_empty()
        && bucket
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if is_bucket && !key.is_empty() {
        Ok((bucket, key))
    } else {
        Err(refused())
    }
}

/// The bucket is part of the host where it can be: a dot would not match the certificate, and an address has no
/// subdomains.
pub(crate) fn url(
    endpoint: Option<&str>,
    region: &str,
    bucket: &str,
    key: &str,
    path_style: bool,
) -> String {
    let suffix = Partition::from_region(region).dns_suffix();
    let endpoint = endpoint.map_or_else(
        || format!("https://s3.{region}.{suffix}"),
        |url| url.trim_end_matches('/').to_owned(),
    );
    let key = uri::encode_path(key);
    match endpoint.split_once("://") {
        Some((scheme, rest)) if !path_style && is_label(bucket) && !is_address(rest) => {
            format!("{scheme}://{bucket}.{rest}/{key}")
        }
        _ => format!("{endpoint}/{bucket}/{key}"),
    }
}

/// Whether a bucket can be a host label.
fn is_label(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
        && bucket
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether the authority is an IP address.
fn is_address(authority: &str) -> bool {
    let host = authority.split('/').next().unwrap_or_default();
    host.starts_with('[')
        || host
            .split(':')
            .next()
            .is_some_and(|host| host.parse::<std::net::Ipv4Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_host_where_it_can_be() {
        let url = |endpoint, region, bucket| url(endpoint, region, bucket, "a b/ü", false);
        assert_eq!(
            url(None, "eu-west-1", "bucket"),
            "https://bucket.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC"
        );
        assert_eq!(
            url(None, "cn-north-1", "my.bucket"),
            "https://s3.cn-north-1.amazonaws.com.cn/my.bucket/a%20b/%C3%BC"
        );
        assert_eq!(
            url(Some("http://127.0.0.1:9000/"), "us-east-1", "bucket"),
            "http://127.0.0.1:9000/bucket/a%20b/%C3%BC"
        );
        assert_eq!(
            url(Some("https://s3.example.com"), "us-east-1", "bucket"),
            "https://bucket.s3.example.com/a%20b/%C3%BC"
        );
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert_eq!(split("s3://b/k/l").unwrap(), ("b", "k/l"));
        assert_eq!(split("b/k").unwrap(), ("b", "k"));
        for uri in [
            "s3://b",
            "s3://b/",
            "s3:///k",
            "",
            "s3://a:b@c/k",
            "s3://b?x/k",
        ] {
            assert!(split(uri).is_err(), "{uri}");
        }
    }
}
