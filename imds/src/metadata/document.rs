use std::{fmt, net::IpAddr};

use bytes::Bytes;
use keyfob_sigv4::Timestamp;

use crate::{error::Error, json::Members};

/// The instance identity document: what EC2 says about the instance, and signs.
///
/// `Debug` shows only its length.
///
/// Every member may be missing: older services and emulators leave some out. Until its signature is
/// verified (feature `verify`), the document is only as trustworthy as the address it came from.
///
/// Source: EC2 User Guide, "Instance identity documents".
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityDocument {
    /// The account that launched the instance, 12 digits.
    pub account_id: Option<String>,
    /// `x86_64`, `arm64`, ….
    pub architecture: Option<String>,
    /// The availability zone. In a Local Zone it is not the region plus a letter.
    pub availability_zone: Option<String>,
    /// The billing products, usually none.
    pub billing_products: Vec<String>,
    /// The Amazon DevPay product codes of the AMI, which only old instances have.
    pub devpay_product_codes: Vec<String>,
    /// The id of the AMI, `ami-…`.
    pub image_id: Option<String>,
    /// The id of the instance, `i-…`.
    pub instance_id: Option<String>,
    /// The type of the instance, such as `t3.micro`.
    pub instance_type: Option<String>,
    /// The id of the kernel, which modern types do not have.
    pub kernel_id: Option<String>,
    /// The AWS Marketplace product codes of the AMI.
    pub marketplace_product_codes: Vec<String>,
    /// When the instance was launched.
    pub pending_time: Option<Timestamp>,
    /// The private IPv4 address.
    pub private_ip: Option<IpAddr>,
    /// The id of the RAM disk, which modern types do not have.
    pub ramdisk_id: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The version of the document's format, `2017-09-30`.
    pub version: Option<String>,
    bytes: Bytes,
}

impl IdentityDocument {
    /// Parses the document.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not a JSON object.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::metadata::IdentityDocument;
    ///
    /// let document = IdentityDocument::parse(r#"{"region": "us-west-2", "kernelId": null}"#)?;
    /// assert_eq!(document.region.as_deref(), Some("us-west-2"));
    /// assert_eq!(document.kernel_id, None);
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn parse(document: impl Into<Bytes>) -> Result<Self, Error> {
        let bytes = document.into();
        let mut members = Members::parse(&bytes, "instance identity document")?;
        Ok(Self {
            account_id: members.text("accountId"),
            architecture: members.text("architecture"),
            availability_zone: members.text("availabilityZone"),
            billing_products: members.texts("billingProducts"),
            devpay_product_codes: members.texts("devpayProductCodes"),
            image_id: members.text("imageId"),
            instance_id: members.text("instanceId"),
            instance_type: members.text("instanceType"),
            kernel_id: members.text("kernelId"),
            marketplace_product_codes: members.texts("marketplaceProductCodes"),
            pending_time: members.parsed("pendingTime"),
            private_ip: members.parsed("privateIp"),
            ramdisk_id: members.text("ramdiskId"),
            region: members.text("region"),
            version: members.text("version"),
            bytes,
        })
    }

    /// Returns the document as it was served, which is what the signature covers.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for IdentityDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityDocument")
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_codes_are_lists_and_empty_if_null() {
        let document = IdentityDocument::parse(
            r#"{"billingProducts": ["bp-1", "bp-2"], "devpayProductCodes": ["774F4FF8"], "marketplaceProductCodes": null}"#,
        )
        .unwrap();
        assert_eq!(document.billing_products, ["bp-1", "bp-2"]);
        assert_eq!(document.devpay_product_codes, ["774F4FF8"]);
        assert!(document.marketplace_product_codes.is_empty());
    }
}
