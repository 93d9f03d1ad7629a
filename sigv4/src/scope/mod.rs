mod host;

use alloc::string::String;
use core::fmt;

pub use host::HostScope;

use crate::error::{Error, ErrorKind};

/// The region and the service that a signature is valid for.
///
/// With a date it makes the credential scope, `20150830/us-east-1/iam/aws4_request`. The service is
/// its *signing name*, which is often not the first label of the host: `es` for OpenSearch,
/// `monitoring` for CloudWatch.
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
    /// The part after the date: `/us-east-1/iam/aws4_request`.
    suffix: String,
    region_length: usize,
}

/// The last part of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";
/// The length of the longest region and service, the separators and the terminator.
pub(crate) const MAX_SUFFIX: usize = 1 + MAX_PART + 1 + MAX_PART + 1 + TERMINATOR.len();
const MAX_PART: usize = 63;

impl Scope {
    /// Returns the scope of a region such as `us-east-1` and a signing name such as `execute-api`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Region`] or [`ErrorKind::Service`] if one is not 1 to 63 ASCII letters, digits,
    /// `-` or `_`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{ErrorKind, Scope};
    /// let scope = Scope::new("eu-central-1", "monitoring")?;
    /// assert_eq!(scope.to_string(), "eu-central-1/monitoring/aws4_request");
    /// let error = Scope::new("eu central", "monitoring").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Region);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
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

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.suffix[1..=self.region_length]
    }

    /// Returns the signing name of the service.
    pub fn service(&self) -> &str {
        let end = self.suffix.len() - TERMINATOR.len() - 1;
        &self.suffix[self.region_length + 2..end]
    }

    /// Returns `/iam/aws4_request`, which follows the date with SigV4a.
    pub(crate) fn suffix_without_region(&self) -> &str {
        &self.suffix[self.region_length + 1..]
    }

    /// Returns `/us-east-1/iam/aws4_request`, which follows the date.
    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }
}

impl fmt::Display for Scope {
    /// Writes the credential scope without its date, such as `us-east-1/iam/aws4_request`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.suffix[1..])
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

/// Returns true if the text can be a region or a service of a credential scope.
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
    fn the_error_names_the_part_that_is_wrong() {
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
