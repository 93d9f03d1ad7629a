use alloc::string::String;
use core::fmt;

use crate::error::{Error, ErrorKind};

/// Where a signature is good: a region and a service.
///
/// With a date it is the credential scope, `20150830/us-east-1/iam/aws4_request`. The service is the *signing*
/// name, which is often not the first label of the host: `es` for OpenSearch, `monitoring` for CloudWatch.
///
/// Source: Signature Version 4, "Elements of a request signature", the credential scope.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::Scope;
/// let scope = Scope::new("us-east-1", "execute-api")?;
/// assert_eq!((scope.region(), scope.service()), ("us-east-1", "execute-api"));
/// assert!(Scope::new("us-east-1\n", "s3").is_err());
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// `/us-east-1/iam/aws4_request`: what follows the date.
    suffix: String,
    region_length: usize,
}

/// The last part of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
/// Region and service at their longest, the separators and the terminator.
pub(crate) const MAX_SUFFIX: usize = 1 + MAX_PART + 1 + MAX_PART + 1 + TERMINATOR.len();
const MAX_PART: usize = 63;

impl Scope {
    /// A region such as `us-east-1` and a signing name such as `execute-api`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`] or [`ErrorKind::Service`] when one is not 1 to 63 ASCII letters, digits, `-` or `_`.
    pub fn new(region: &str, service: &str) -> Result<Self, Error> {
        if !is_part(region) {
            return Err(Error::new(ErrorKind::Region, region));
        }
        if !is_part(service) {
            return Err(Error::new(ErrorKind::Service, service));
        }
        let mut suffix = String::with_capacity(3 + region.len() + service.len() + TERMINATOR.len());
        for part in [region, service, TERMINATOR] {
            suffix.push('/');
            suffix.push_str(part);
        }
        Ok(Self {
            suffix,
            region_length: region.len(),
        })
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.suffix[1..=self.region_length]
    }

    /// The signing name of the service.
    pub fn service(&self) -> &str {
        let end = self.suffix.len() - TERMINATOR.len() - 1;
        &self.suffix[self.region_length + 2..end]
    }

    /// `/iam/aws4_request`, what follows the date in a scope of SigV4a.
    pub(crate) fn suffix_without_region(&self) -> &str {
        &self.suffix[self.region_length + 1..]
    }

    /// `/us-east-1/iam/aws4_request`.
    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }
}

impl fmt::Display for Scope {
    /// `us-east-1/iam/aws4_request`, a credential scope without its date.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.suffix[1..])
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

pub(crate) fn is_part(part: &str) -> bool {
    (1..=MAX_PART).contains(&part.len())
        && part
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_part_that_cannot_stand_in_a_scope_is_named() {
        for wrong in ["", "us east", "us/east", "us\n", "é", &"r".repeat(64)] {
            let region = Scope::new(wrong, "s3").unwrap_err();
            assert_eq!(region.kind(), ErrorKind::Region);
            let service = Scope::new("us-east-1", wrong).unwrap_err();
            assert_eq!(service.kind(), ErrorKind::Service);
        }
        let scope = Scope::new("r", "s").unwrap();
        assert_eq!((scope.region(), scope.service()), ("r", "s"));
        assert_eq!(scope.to_string(), "r/s/aws4_request");
    }
}
