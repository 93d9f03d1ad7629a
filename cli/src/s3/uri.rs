use std::net::Ipv4Addr;

use keyfob_sigv4::uri;
use keyfob_sts::Partition;

use crate::failure::Failure;

/// An object: its bucket and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

/// Where a URL has the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// In the host, if it can be there.
    Auto,
    /// In the path.
    Path,
}

impl<'a> Object<'a> {
    /// Parses `s3://BUCKET/KEY`. The scheme is optional, as in `aws`.
    ///
    /// # Errors
    ///
    /// If the bucket or the key is missing, or if the bucket has other characters than ASCII
    /// letters, digits, `.`, `-` and `_`.
    pub(crate) fn parse(uri: &'a str) -> Result<Self, Failure> {
        let refused = || {
            Failure::usage(format!("{uri:?} does not name an object"))
                .with_hint("write s3://BUCKET/KEY; a bucket has letters, digits, `.`, `-` and `_`")
        };
        let path = uri.strip_prefix("s3://").unwrap_or(uri);
        let (bucket, key) = path.split_once('/').ok_or_else(refused)?;
        let is_bucket = !bucket.is_empty()
            && bucket
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        if !is_bucket || key.is_empty() {
            return Err(refused());
        }
        Ok(Self { bucket, key })
    }

    /// Returns the object's URL, at the endpoint if there is one, else in the region.
    pub(crate) fn url(
        self,
        endpoint: Option<&str>,
        region: &str,
        addressing: Addressing,
    ) -> String {
        let Self { bucket, key } = self;
        // The key is encoded once; `/` stays.
        let key = uri::encode_path(key);
        let endpoint = endpoint.map_or_else(
            || {
                format!(
                    "https://s3.{region}.{}",
                    Partition::from_region(region).dns_suffix()
                )
            },
            |url| url.trim_end_matches('/').to_owned(),
        );
        match endpoint.split_once("://") {
            Some((scheme, rest))
                if addressing == Addressing::Auto && is_label(bucket) && !is_address(rest) =>
            {
                format!("{scheme}://{bucket}.{rest}/{key}")
            }
            _ => format!("{endpoint}/{bucket}/{key}"),
        }
    }
}

/// Returns true if a bucket can be one label of a host name.
fn is_label(bucket: &str) -> bool {
    // A dot would make two labels, which the wildcard of S3's certificate does not match.
    (3..=63).contains(&bucket.len())
        && !bucket.starts_with('-')
        && !bucket.ends_with('-')
        && bucket
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Returns true if the host before the first `/` is an IP address, which has no subdomains.
fn is_address(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    authority.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_is_in_the_host_if_it_can_be() {
        let url = |endpoint, region, bucket| {
            let object = Object {
                bucket,
                key: "a b/ü",
            };
            object.url(endpoint, region, Addressing::Auto)
        };
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
    fn the_bucket_is_in_the_path_if_asked_for() {
        let object = Object {
            bucket: "bucket",
            key: "k",
        };
        assert_eq!(
            object.url(None, "eu-west-1", Addressing::Path),
            "https://s3.eu-west-1.amazonaws.com/bucket/k"
        );
    }

    #[test]
    fn a_uri_needs_a_bucket_and_a_key() {
        let parsed = |uri| Object::parse(uri).map(|object| (object.bucket, object.key));
        assert_eq!(parsed("s3://b/k/l").unwrap(), ("b", "k/l"));
        assert_eq!(parsed("b/k").unwrap(), ("b", "k"));
        for uri in [
            "s3://b",
            "s3://b/",
            "s3:///k",
            "",
            "s3://a:b@c/k",
            "s3://b?x/k",
        ] {
            assert!(parsed(uri).is_err(), "{uri}");
        }
    }
}
