use alloc::string::String;
use core::{fmt, str::FromStr};

use crate::error::{Error, ErrorKind};

/// The regions in which a SigV4a signature is valid: names joined by `,`, in which `*` stands for
/// any number of characters.
///
/// Source: Signature Version 4a, the header `X-Amz-Region-Set`; IAM, "AWS Signature Version 4 for
/// API requests".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::v4a::RegionSet;
/// let regions: RegionSet = "us-west-2,eu-*".parse()?;
/// assert!(regions.contains("eu-central-1") && !regions.contains("us-east-1"));
/// assert!(RegionSet::ALL.contains("us-east-1"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegionSet(alloc::borrow::Cow<'static, str>);

impl RegionSet {
    /// Every region, `*`, as for multi-region access points.
    pub const ALL: Self = Self(alloc::borrow::Cow::Borrowed("*"));

    /// Returns the set as `x-amz-region-set` has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if a signature is valid in this region.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::v4a::RegionSet;
    /// let regions: RegionSet = "us-*-1".parse()?;
    /// assert!(regions.contains("us-east-1") && !regions.contains("us-east-2"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn contains(&self, region: &str) -> bool {
        self.0
            .split(',')
            .any(|pattern| matches(pattern.as_bytes(), region.as_bytes()))
    }
}

/// Parses names joined by `,`. Whitespace around them is removed.
impl FromStr for RegionSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut set = String::with_capacity(text.len());
        for name in text.split(',').map(str::trim) {
            if !is_pattern(name) {
                return Err(Error::new(ErrorKind::RegionSet, text));
            }
            if !set.is_empty() {
                set.push(',');
            }
            set.push_str(name);
        }
        Ok(Self(set.into()))
    }
}

impl fmt::Display for RegionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_pattern(name: &str) -> bool {
    let possible = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
    (1..=63).contains(&name.len()) && name.bytes().all(possible)
}

/// Returns true if a pattern with stars matches all of the text.
fn matches(mut pattern: &[u8], mut text: &[u8]) -> bool {
    // A star takes as few characters as it can. If the rest does not match, only the last star
    // takes one more.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, text, star) {
            ([], [], _) => return true,
            ([b'*', rest @ ..], _, _) => {
                pattern = rest;
                star = Some((rest, text));
            }
            ([p, ps @ ..], [t, ts @ ..], _) if p == t => (pattern, text) = (ps, ts),
            (_, _, Some((after, [_, rest @ ..]))) => {
                (pattern, text) = (after, rest);
                star = Some((after, rest));
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_set_is_stored_without_whitespace() {
        let set: RegionSet = " us-east-1 , eu-*".parse().unwrap();
        assert_eq!(set.to_string(), "us-east-1,eu-*");
        for wrong in ["", "us-east-1,", ",", "us east", "us-east-1\n,x\ny", "é"] {
            let error = wrong.parse::<RegionSet>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::RegionSet, "{wrong:?}");
        }
    }

    #[test]
    fn a_star_matches_any_number_of_characters() {
        for (pattern, region, is_in) in [
            ("*", "", true),
            ("us-*", "us-", true),
            ("us-*-1", "us-east-1", true),
            ("us-*-1", "us-1-1-2", false),
            ("us-*-1", "us-1-1-1", true),
            ("*east*", "us-east-1", true),
            ("us-east-1", "us-east-11", false),
            ("us-east-11", "us-east-1", false),
            ("**", "x", true),
        ] {
            let set: RegionSet = pattern.parse().unwrap();
            assert_eq!(set.contains(region), is_in, "{pattern} {region}");
        }
    }
}
