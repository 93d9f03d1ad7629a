use crate::principal;

/// A group of regions with accounts, domain names and a root of trust of its own.
///
/// Source: `partitions.json` of the AWS SDKs, version 1.1.
///
/// # Examples
///
/// ```
/// use keyfob_sts::Partition;
///
/// assert_eq!(Partition::from_region("cn-north-1").dns_suffix(), "amazonaws.com.cn");
/// assert_eq!(Partition::from_region("eu-west-1").name(), "aws");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Partition(&'static Row);

#[derive(Debug, PartialEq, Eq, Hash)]
struct Row {
    name: &'static str,
    /// The beginning of its region names, before `-WORD-NUMBER`.
    prefix: &'static str,
    dns_suffix: &'static str,
    dual_stack_dns_suffix: &'static str,
    implicit_global_region: &'static str,
}

/// The partition of every region that does not fit another one, so that a new region works before
/// this table is updated.
static AWS: Row = Row {
    name: "aws",
    prefix: "",
    dns_suffix: "amazonaws.com",
    dual_stack_dns_suffix: "api.aws",
    implicit_global_region: "us-east-1",
};

static OTHERS: [Row; 7] = [
    Row {
        name: "aws-cn",
        prefix: "cn",
        dns_suffix: "amazonaws.com.cn",
        dual_stack_dns_suffix: "api.amazonwebservices.com.cn",
        implicit_global_region: "cn-northwest-1",
    },
    Row {
        name: "aws-eusc",
        prefix: "eusc-de",
        dns_suffix: "amazonaws.eu",
        dual_stack_dns_suffix: "api.amazonwebservices.eu",
        implicit_global_region: "eusc-de-east-1",
    },
    Row {
        name: "aws-iso",
        prefix: "us-iso",
        dns_suffix: "c2s.ic.gov",
        dual_stack_dns_suffix: "api.aws.ic.gov",
        implicit_global_region: "us-iso-east-1",
    },
    Row {
        name: "aws-iso-b",
        prefix: "us-isob",
        dns_suffix: "sc2s.sgov.gov",
        dual_stack_dns_suffix: "api.aws.scloud",
        implicit_global_region: "us-isob-east-1",
    },
    Row {
        name: "aws-iso-e",
        prefix: "eu-isoe",
        dns_suffix: "cloud.adc-e.uk",
        dual_stack_dns_suffix: "api.cloud-aws.adc-e.uk",
        implicit_global_region: "eu-isoe-west-1",
    },
    Row {
        name: "aws-iso-f",
        prefix: "us-isof",
        dns_suffix: "csp.hci.ic.gov",
        dual_stack_dns_suffix: "api.aws.hci.ic.gov",
        implicit_global_region: "us-isof-south-1",
    },
    Row {
        name: "aws-us-gov",
        prefix: "us-gov",
        dns_suffix: "amazonaws.com",
        dual_stack_dns_suffix: "api.aws",
        implicit_global_region: "us-gov-west-1",
    },
];

impl Partition {
    /// Returns the partition of a region, by the form of its name; `aws` if no other one fits.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Partition;
    ///
    /// assert_eq!(Partition::from_region("us-gov-west-1").name(), "aws-us-gov");
    /// assert_eq!(Partition::from_region("eu-new-9").name(), "aws");
    /// ```
    pub fn from_region(region: &str) -> Self {
        Self(OTHERS.iter().find(|row| row.has(region)).unwrap_or(&AWS))
    }

    /// Returns the partition that an ARN names. `None` if the text is not an ARN, or if the
    /// partition is not one of AWS: services that imitate AWS have names of their own.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Partition;
    ///
    /// let role = Partition::from_arn("arn:aws-cn:iam::123456789012:role/t");
    /// assert_eq!(role, Some(Partition::from_region("cn-north-1")));
    /// assert_ne!(role, Some(Partition::from_region("us-east-1")));
    /// assert_eq!(Partition::from_arn("arn:minio:iam:::role/t"), None);
    /// ```
    pub fn from_arn(arn: &str) -> Option<Self> {
        let [name, ..] = principal::fields(arn)?;
        let mut rows = OTHERS.iter().chain([&AWS]);
        rows.find(|row| row.name == name).map(Self)
    }

    /// Returns the name as in ARNs, such as `aws`, `aws-cn` or `aws-us-gov`.
    pub const fn name(self) -> &'static str {
        self.0.name
    }

    /// Returns the domain of its endpoints, such as `amazonaws.com`.
    pub const fn dns_suffix(self) -> &'static str {
        self.0.dns_suffix
    }

    /// Returns the domain of its endpoints that have IPv6 addresses as well, such as `api.aws`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Partition;
    ///
    /// let china = Partition::from_region("cn-north-1");
    /// assert_eq!(china.dual_stack_dns_suffix(), "api.amazonwebservices.com.cn");
    /// ```
    pub const fn dual_stack_dns_suffix(self) -> &'static str {
        self.0.dual_stack_dns_suffix
    }

    /// Returns the region that calls to global services, such as IAM, are signed for.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::Partition;
    ///
    /// let partition = Partition::from_region("us-gov-east-1");
    /// assert_eq!(partition.implicit_global_region(), "us-gov-west-1");
    /// ```
    pub const fn implicit_global_region(self) -> &'static str {
        self.0.implicit_global_region
    }
}

impl Row {
    /// Returns true for prefix, word and number, as in `cn-north-1`, and for the pseudo region, as
    /// in `aws-cn-global`.
    fn has(&self, region: &str) -> bool {
        let rest = region.strip_prefix(self.prefix);
        let parts = rest.and_then(|rest| rest.strip_prefix('-')?.split_once('-'));
        let fits = parts.is_some_and(|(word, number)| is_word(word) && is_number(number));
        fits || region.strip_prefix(self.name) == Some("-global")
    }
}

fn is_word(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.bytes().all(is_word)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_of_an_arn_is_the_one_it_names() {
        for row in OTHERS.iter().chain([&AWS]) {
            let arn = format!("arn:{}:iam::1:role/r", row.name);
            assert_eq!(
                Partition::from_arn(&arn).map(Partition::name),
                Some(row.name)
            );
        }
        for text in [
            "",
            "aws",
            "arn:aws",
            "arn:aws:iam",
            "arn:aws-x:iam::1:role/r",
            "arn::iam::1:r",
        ] {
            assert_eq!(Partition::from_arn(text), None, "{text}");
        }
    }

    #[test]
    fn a_prefix_alone_does_not_make_a_partition() {
        for region in [
            "",
            "cn",
            "cn-north",
            "cn-north-x",
            "cn-a-b-1",
            "us-east-1",
            "us-isox-a-1",
        ] {
            assert_eq!(Partition::from_region(region).name(), "aws", "{region}");
        }
        assert_eq!(Partition::from_region("us-iso-east-1").name(), "aws-iso");
        assert_eq!(Partition::from_region("us-isob-east-1").name(), "aws-iso-b");
        assert_eq!(
            Partition::from_region("aws-iso-b-global").name(),
            "aws-iso-b"
        );
        assert_eq!(Partition::from_region("us-gov-new-12").name(), "aws-us-gov");
    }
}
