use crate::failure::Failure;

/// The name of a setting as `configure get` and `set` take it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The profile that the name itself says.
    pub(super) profile: Option<String>,
    pub(super) target: Target,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Property(String),
    /// A property in the block of another.
    Nested(String, String),
}

impl Name {
    /// `key`, `block.key`, `default.key`, `profile.P.key` or `profile.P.block.key`; where `P` is a profile also `P.key`.
    ///
    /// # Errors
    ///
    /// For any other form.
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
                return Err(Failure::usage(format!("{name:?} is no setting")).with_hint(
                    "write NAME, BLOCK.NAME, profile.PROFILE.NAME or profile.PROFILE.BLOCK.NAME",
                ));
            }
        };
        Ok(Self {
            profile: profile.map(str::to_owned),
            target,
        })
    }

    /// The innermost name.
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
    fn names_are_read_as_aws_reads_them() {
        let of = |profile: Option<&str>, target| Name {
            profile: profile.map(str::to_owned),
            target,
        };
        let property = |key: &str| Target::Property(key.to_owned());
        let nested = |block: &str, key: &str| Target::Nested(block.to_owned(), key.to_owned());
        for (name, expected) in [
            ("region", of(None, property("region"))),
            ("default.region", of(Some("default"), property("region"))),
            ("profile.p.region", of(Some("p"), property("region"))),
            ("profile.p.s3.x", of(Some("p"), nested("s3", "x"))),
            ("known.region", of(Some("known"), property("region"))),
            ("s3.x", of(None, nested("s3", "x"))),
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
