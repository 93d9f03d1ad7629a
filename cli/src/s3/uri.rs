use std::net::Ipv4Addr;

use keyfob_sigv4::uri;

use crate::{failure::Failure, syntax::authority};

/// An object: its bucket and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    pub(crate) bucket: &'a str,
    pub(crate) key: &'a str,
}

/// Where a URL has the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addressing {
    /// In the path.
    Path,
    /// In the host, or in the path if it cannot be in the host.
    Virtual,
    /// In the host, or nowhere.
    OnlyVirtual,
}

impl<'a> Object<'a> {
    /// Parses `s3://BUCKET/KEY`. The scheme is optional, as in `aws`.
    ///
    /// # Errors
    ///
    /// If the bucket or the key is missing, or if the bucket has other characters than ASCII
    /// letters, digits, `.`, `-` and `_`, or if it is a directory bucket.
    pub(crate) fn parse(uri: &'a str) -> Result<Self, Failure> {
        let refused = || {
            Failure::usage("S3URI does not name an object")
                .with_hint("write s3://BUCKET/KEY; a bucket has letters, digits, `.`, `-` and `_`")
        };
        let path = uri.strip_prefix("s3://").unwrap_or(uri);
        let (bucket, key) = path.split_once('/').ok_or_else(refused)?;
        if !is_bucket(bucket) || key.is_empty() {
            return Err(refused());
        }
        if is_directory_bucket(bucket) {
            return Err(Failure::usage(
                "S3URI names a directory bucket, whose URLs are signed in a session of its own",
            )
            .with_hint("use `aws s3 presign`"));
        }
        Ok(Self { bucket, key })
    }

    /// Parses `s3://BUCKET/KEY`, where the key may be empty or missing. The scheme is optional.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse), but for the key.
    pub(crate) fn parse_prefix(uri: &'a str) -> Result<Self, Failure> {
        let path = uri.strip_prefix("s3://").unwrap_or(uri);
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if !is_bucket(bucket) {
            return Err(Failure::usage("S3URI does not name a bucket").with_hint(
                "write s3://BUCKET or s3://BUCKET/KEY; a bucket has letters, digits, `.`, `-` and \
                 `_`",
            ));
        }
        if is_directory_bucket(bucket) {
            return Err(Failure::usage(
                "S3URI names a directory bucket, whose requests are signed in a session of its own",
            )
            .with_hint("use `aws s3`"));
        }
        Ok(Self { bucket, key })
    }

    /// Parses `s3://BUCKET` or `s3://BUCKET/KEY`, where the scheme must be there, as in `aws`.
    ///
    /// # Errors
    ///
    /// As [`parse_prefix`](Self::parse_prefix), or if the scheme is missing.
    pub(crate) fn parse_bucket(uri: &'a str) -> Result<Self, Failure> {
        if !uri.starts_with("s3://") {
            return Err(Failure::usage("S3URI does not begin with s3://")
                .with_hint("write s3://BUCKET or s3://BUCKET/KEY"));
        }
        Self::parse_prefix(uri)
    }

    /// Returns `s3://BUCKET/KEY`.
    pub(crate) fn uri(self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Returns the object's URL at an endpoint.
    ///
    /// # Errors
    ///
    /// If the bucket has to be in the host but cannot be there.
    pub(crate) fn url(self, endpoint: &str, addressing: Addressing) -> Result<String, Failure> {
        let bucket = bucket_url(self.bucket, endpoint, addressing)?;
        // The key is encoded once; `/` stays.
        Ok(format!("{bucket}/{}", uri::encode_path(self.key)))
    }
}

/// Returns the URL of a bucket at an endpoint, without a `/` at its end.
///
/// # Errors
///
/// If the bucket has to be in the host but cannot be there.
pub(super) fn bucket_url(
    bucket: &str,
    endpoint: &str,
    addressing: Addressing,
) -> Result<String, Failure> {
    let base = endpoint.trim_end_matches('/');
    match base.split_once("://") {
        Some((scheme, rest))
            if addressing != Addressing::Path && can_be_in_host(bucket, scheme, rest) =>
        {
            Ok(format!("{scheme}://{bucket}.{rest}"))
        }
        _ if addressing == Addressing::OnlyVirtual => Err(Failure::configuration(
            "s3.use_accelerate_endpoint: the name of the bucket cannot be in a host, which \
             transfer acceleration needs",
        )
        .with_hint(
            "take a bucket of 3 to 63 lower-case letters, digits and `-`, or set \
             use_accelerate_endpoint to false",
        )),
        _ => Ok(format!("{base}/{bucket}")),
    }
}

/// Returns true for S3's transfer acceleration, which knows buckets by their host only.
pub(crate) fn is_accelerated(endpoint: &str) -> bool {
    let host = authority(endpoint);
    host.starts_with("s3-accelerate.") && host.ends_with("amazonaws.com")
}

fn is_bucket(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

fn is_directory_bucket(name: &str) -> bool {
    ["--x-s3", "--xa-s3"].iter().any(|end| name.ends_with(end))
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

    fn at(endpoint: &str, bucket: &str, addressing: Addressing) -> String {
        let object = Object {
            bucket,
            key: "a b/ü",
        };
        object.url(endpoint, addressing).unwrap()
    }

    /// Source: `generate_presigned_url` of botocore 1.43; an IP address with a bucket before it,
    /// which it makes for a bucket with a dot, cannot be resolved.
    #[test]
    fn the_bucket_is_in_the_host_if_it_is_asked_for_and_can_be_there() {
        for (endpoint, bucket, expected) in [
            ("http://localhost:9000", "bkt", "http://bkt.localhost:9000"),
            (
                "https://s3.example.com/base/",
                "bkt",
                "https://bkt.s3.example.com/base",
            ),
            (
                "http://minio.corp/",
                "my.bucket",
                "http://my.bucket.minio.corp",
            ),
            (
                "https://minio.corp",
                "my.bucket",
                "https://minio.corp/my.bucket",
            ),
            ("http://minio.corp", "Bkt_x", "http://minio.corp/Bkt_x"),
            (
                "http://10.0.0.1:9000",
                "my.bucket",
                "http://10.0.0.1:9000/my.bucket",
            ),
            ("http://[::1]:9000", "bkt", "http://[::1]:9000/bkt"),
        ] {
            let expected = format!("{expected}/a%20b/%C3%BC");
            assert_eq!(at(endpoint, bucket, Addressing::Virtual), expected);
            let in_path = at(endpoint, bucket, Addressing::Path);
            let endpoint = endpoint.trim_end_matches('/');
            assert_eq!(in_path, format!("{endpoint}/{bucket}/a%20b/%C3%BC"));
        }
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
            "s3://bucket--usw2-az1--x-s3/k",
        ] {
            assert!(parsed(uri).is_err(), "{uri}");
        }
    }
}
