use crate::failure::Failure;

/// The name of a setting, as `configure get` and `configure set` take it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The profile, if the name includes it.
    pub(super) profile: Option<String>,
    pub(super) target: Target,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Property(String),
    /// A property in the block of another one: `addressing_style` in `s3`.
    Nested(String, String),
}

impl Name {
    /// Parses `key`, `block.key`, `default.key`, `profile.P.key` or `profile.P.block.key`, and
    /// `P.key` if `P` is a profile.
    ///
    /// # Errors
    ///
    /// If the name has another form.
    pub(super) fn parse(name: &str, is_profile: impl Fn(&str) -> bool) -> Result<Self, Failure> {
        let parts: Vec<&str> = name.split('.').collect();
        let (profile, rest) = match parts.as_slice() {
            ["profile", profile, rest @ ..] if !rest.is_empty() => (Some(*profile), rest),
            ["default", rest @ ..] if !rest.is_empty() => (Some("default"), rest),
            [profile, rest @ ..] if !rest.is_empty() && is_profile(profile) => {
                (Some(*profile), rest)
            }
            rest => (None, rest),
        };
        let target = match rest {
            [key] if !key.is_empty() => Target::Property((*key).to_owned()),
            [block, key] if !block.is_empty() && !key.is_empty() => {
                Target::Nested((*block).to_owned(), (*key).to_owned())
            }
            _ => {
                return Err(Failure::usage("NAME is not the name of a setting").with_hint(
                    "write NAME, BLOCK.NAME, profile.PROFILE.NAME or profile.PROFILE.BLOCK.NAME",
                ));
            }
        };
        Ok(Self {
            profile: profile.map(str::to_owned),
            target,
        })
    }

    /// Returns the last part of the name.
    pub(super) fn key(&self) -> &str {
        match &self.target {
            Target::Property(key) | Target::Nested(_, key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_as_in_aws() {
        let name_of = |profile: Option<&str>, target| Name {
            profile: profile.map(str::to_owned),
            target,
        };
        let property = |key: &str| Target::Property(key.to_owned());
        let nested = |block: &str, key: &str| Target::Nested(block.to_owned(), key.to_owned());
        for (name, expected) in [
            ("region", name_of(None, property("region"))),
            (
                "default.region",
                name_of(Some("default"), property("region")),
            ),
            ("profile.p.region", name_of(Some("p"), property("region"))),
            ("profile.p.s3.x", name_of(Some("p"), nested("s3", "x"))),
            ("known.region", name_of(Some("known"), property("region"))),
            ("s3.x", name_of(None, nested("s3", "x"))),
        ] {
            assert_eq!(
                Name::parse(name, |p| p == "known").unwrap(),
                expected,
                "{name}"
            );
        }
        for name in ["", ".", "a.b.c", "profile.p.", "profile.p.a.b.c"] {
            assert!(Name::parse(name, |_| false).is_err(), "{name}");
        }
    }
}
