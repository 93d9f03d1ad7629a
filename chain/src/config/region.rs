use std::fmt;

use serde::Serialize;

use super::setting::Name;
use crate::{
    error::{Error, ErrorKind, is_not, quotable},
    origin::Origin,
};

/// The name of a region and where it comes from.
///
/// [`Settings::region`](crate::Settings::region) looks it up.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Origin, Region};
///
/// let origin = Origin::Other { description: "the deployment's manifest".to_owned() };
/// let region = Region::new("eu-west-1", origin)?;
/// assert_eq!(region.to_string(), "eu-west-1");
/// assert!(Region::new("x.example.com/", Origin::Default).is_err());
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    name: String,
    origin: Origin,
}

impl Region {
    /// Creates a region from any source.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`] if the name is not a valid host label: 1 to 63 letters, digits and
    /// inner `-`. The name becomes part of host names, and a setting such as `x.example.com/` must
    /// not send requests to another host.
    pub fn new(name: &str, origin: Origin) -> Result<Self, Error> {
        let refused = |reason: String| {
            let what = Name {
                name: "region",
                origin: &origin,
            };
            let message = format!("{what} {reason}");
            let error = Error::new(ErrorKind::Setting, message);
            Err(error.with_setting("region", &origin))
        };
        if !is_host_label(name) {
            let expected = "a region: use letters, digits and -, such as eu-west-1";
            return refused(is_not(name, expected));
        }
        let plain = name.strip_prefix("fips-").or(name.strip_suffix("-fips"));
        if let Some(plain) = plain {
            let (name, plain) = match shown_region(plain) {
                Some(plain) => (format!("\"{name}\", "), plain),
                None => (String::new(), "without fips".to_owned()),
            };
            return refused(format!(
                "is {name}an old name of the endpoints for FIPS: set the region {plain} and \
                 AWS_USE_FIPS_ENDPOINT=true"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            origin,
        })
    }

    /// Returns the default region. Its origin is [`Origin::Default`], so that a program can tell
    /// its user that no region is set.
    pub fn us_east_1() -> Self {
        Self {
            name: "us-east-1".to_owned(),
            origin: Origin::Default,
        }
    }

    /// Returns the name, such as `eu-west-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where the region comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Returns the name of a region for a message, unless it may be a secret in the wrong place.
pub(super) fn shown_region(name: &str) -> Option<String> {
    quotable(name).or_else(|| looks_like_a_region(name).then(|| name.to_owned()))
}

/// Returns true for names such as `eu-west-1`, `us-gov-west-1` and `aws-global`.
///
/// Source: `regionRegex` in `partitions.json` of the AWS SDKs.
pub(super) fn looks_like_a_region(name: &str) -> bool {
    let words: Vec<_> = name.split('-').collect();
    let is_word =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    match words.as_slice() {
        [words @ .., "global"] => !words.is_empty() && words.iter().all(is_word),
        [words @ .., number] => {
            words.len() >= 2
                && words.iter().all(is_word)
                && !number.is_empty()
                && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        [] => false,
    }
}

fn is_host_label(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_regions_have_words_and_a_number() {
        for name in [
            "eu-west-1",
            "us-gov-west-1",
            "eusc-de-east-1",
            "us-isob-east-1",
            "aws-global",
        ] {
            assert!(looks_like_a_region(name), "{name}");
        }
        for name in [
            "Ireland",
            "eu-west1",
            "us-east-1a",
            "EU-WEST-1",
            "us-1",
            "local",
            "eu--1",
        ] {
            assert!(!looks_like_a_region(name), "{name}");
        }
    }
}
