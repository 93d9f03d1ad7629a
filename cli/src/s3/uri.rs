use std::net::Ipv4Addr;

use keyfob_sigv4::uri;
use keyfob_sts::Partition;

use crate::{failure::Failure, syntax::authority};

/// An object: its bucket and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

/// Where a URL has the bucket: the setting `addressing_style`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// In the host at AWS, if it can be there, and in the path at any other endpoint.
    Auto,
    /// In the path.
    Path,
    /// In the host, if it can be there.
    Virtual,
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
            Failure::usage("S3URI does not name an object")
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
    ///
    /// A server that people run themselves often has no DNS entry for each bucket, so a custom
    /// endpoint has the bucket in the path unless the setting asks for the host, as in `aws`.
    pub(crate) fn url(
        self,
        endpoint: Option<&str>,
        region: &str,
        addressing: Addressing,
    ) -> String {
        let Self { bucket, key } = self;
        // The key is encoded once; `/` stays.
        let key = uri::encode_path(key);
        let base = endpoint.map_or_else(
            || {
                format!(
                    "https://s3.{region}.{}",
                    Partition::from_region(region).dns_suffix()
                )
            },
            |url| url.trim_end_matches('/').to_owned(),
        );
        let is_wanted = match addressing {
            Addressing::Path => false,
            Addressing::Virtual => true,
            Addressing::Auto => endpoint.is_none() || is_accelerated(&base),
        };
        match base.split_once("://") {
            Some((scheme, rest)) if is_wanted && can_be_in_host(bucket, scheme, rest) => {
                format!("{scheme}://{bucket}.{rest}/{key}")
            }
            _ => format!("{base}/{bucket}/{key}"),
        }
    }
}

/// Returns true for S3's transfer acceleration, which knows buckets by their host only.
fn is_accelerated(endpoint: &str) -> bool {
    let host = authority(endpoint);
    host.starts_with("s3-accelerate.") && host.ends_with("amazonaws.com")
}

/// Returns true if a host name can start with the bucket.
fn can_be_in_host(bucket: &str, scheme: &str, rest: &str) -> bool {
    // A dot makes two labels, which the wildcard of a certificate does not match.
    let may_have_dots = scheme == "http";
    (3..=63).contains(&bucket.len())
        && !is_address(rest)
        && bucket
            .split('.')
            .enumerate()
            .all(|(index, label)| is_label(label) && (index == 0 || may_have_dots))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
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
    }

    fn at(endpoint: &str, bucket: &str, addressing: Addressing) -> String {
        let object = Object { bucket, key: "k" };
        object.url(Some(endpoint), "eu-west-1", addressing)
    }

    /// Source: `generate_presigned_url` of botocore 1.43.
    #[test]
    fn a_custom_endpoint_has_the_bucket_in_the_path() {
        for (endpoint, expected) in [
            ("http://localhost:9000", "http://localhost:9000/bkt/k"),
            ("http://minio.corp:9000", "http://minio.corp:9000/bkt/k"),
            ("http://s3:9000", "http://s3:9000/bkt/k"),
            ("http://10.0.0.1:9000/", "http://10.0.0.1:9000/bkt/k"),
            ("http://[::1]:9000", "http://[::1]:9000/bkt/k"),
            ("https://s3.example.com", "https://s3.example.com/bkt/k"),
            (
                "https://s3.example.com/base/",
                "https://s3.example.com/base/bkt/k",
            ),
            (
                "https://s3.eu-west-1.amazonaws.com",
                "https://s3.eu-west-1.amazonaws.com/bkt/k",
            ),
            (
                "https://s3-accelerate.amazonaws.com",
                "https://bkt.s3-accelerate.amazonaws.com/k",
            ),
        ] {
            assert_eq!(at(endpoint, "bkt", Addressing::Auto), expected);
        }
    }

    /// Source: `generate_presigned_url` of botocore 1.43; an IP address with a bucket before it,
    /// which it makes for a bucket with a dot, cannot be resolved.
    #[test]
    fn a_custom_endpoint_has_the_bucket_in_the_host_if_asked_for() {
        for (endpoint, bucket, expected) in [
            (
                "http://localhost:9000",
                "bkt",
                "http://bkt.localhost:9000/k",
            ),
            (
                "https://s3.example.com/base",
                "bkt",
                "https://bkt.s3.example.com/base/k",
            ),
            (
                "http://minio.corp",
                "my.bucket",
                "http://my.bucket.minio.corp/k",
            ),
            (
                "https://minio.corp",
                "my.bucket",
                "https://minio.corp/my.bucket/k",
            ),
            ("http://minio.corp", "Bkt_x", "http://minio.corp/Bkt_x/k"),
            (
                "http://10.0.0.1:9000",
                "my.bucket",
                "http://10.0.0.1:9000/my.bucket/k",
            ),
        ] {
            assert_eq!(at(endpoint, bucket, Addressing::Virtual), expected);
        }
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
