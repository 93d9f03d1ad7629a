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
    /// `P.key` or `P.block.key` if `P` is a profile.
    ///
    /// A name with a dot that is a property as it stands is that property: tools write such names.
    ///
    /// # Errors
    ///
    /// If the name has another form, or if it names a profile that has a dot in its name.
    pub(super) fn parse(name: &str, known: &impl Known) -> Result<Self, Failure> {
        if name.contains('.') && known.has_property(None, name) {
            return Ok(Self::property(None, name));
        }
        let scoped = name.strip_prefix("profile.").unwrap_or(name);
        if let Some(profile) = dotted_profile(scoped, known) {
            return Err(Failure::usage(
                "a name cannot contain a profile that has a dot in its own name",
            )
            .with_hint(format!("use --profile {profile}")));
        }
        let (profile, rest) = match name.split_once('.') {
            Some(("profile", rest)) => match rest.split_once('.') {
                Some((profile, rest)) => (Some(profile), rest),
                None => (None, name),
            },
            Some(("default", rest)) => (Some("default"), rest),
            Some((profile, rest)) if known.is_profile(profile) => (Some(profile), rest),
            _ => (None, name),
        };
        if known.has_property(profile, rest) {
            return Ok(Self::property(profile, rest));
        }
        let parts: Vec<&str> = rest.split('.').collect();
        match parts.as_slice() {
            [key] if !key.is_empty() => Ok(Self::property(profile, key)),
            [block, key] if !block.is_empty() && !key.is_empty() => Ok(Self {
                profile: profile.map(str::to_owned),
                target: Target::Nested((*block).to_owned(), (*key).to_owned()),
            }),
            _ => Err(
                Failure::usage("NAME is not the name of a setting").with_hint(
                    "write NAME, BLOCK.NAME, profile.PROFILE.NAME or profile.PROFILE.BLOCK.NAME",
                ),
            ),
        }
    }

    /// Parses the name of a setting in a section that is not a profile: `key` or `block.key`.
    ///
    /// # Errors
    ///
    /// If the name has another form.
    pub(super) fn in_section(name: &str) -> Result<Self, Failure> {
        let parts: Vec<&str> = name.split('.').collect();
        let target = match parts.as_slice() {
            [key] if !key.is_empty() => Target::Property((*key).to_owned()),
            [block, key] if !block.is_empty() && !key.is_empty() => {
                Target::Nested((*block).to_owned(), (*key).to_owned())
            }
            _ => {
                let failure = Failure::usage("NAME is not the name of a setting");
                return Err(failure.with_hint("in a section, write NAME or BLOCK.NAME"));
            }
        };
        Ok(Self {
            profile: None,
            target,
        })
    }

    fn property(profile: Option<&str>, key: &str) -> Self {
        Self {
            profile: profile.map(str::to_owned),
            target: Target::Property(key.to_owned()),
        }
    }

    /// Returns the last part of the name.
    pub(super) fn key(&self) -> &str {
        match &self.target {
            Target::Property(key) | Target::Nested(_, key) => key,
        }
    }
}

/// What the configuration files have.
pub(super) trait Known {
    fn is_profile(&self, name: &str) -> bool;

    /// Returns true if a profile, or that in use for `None`, has this property.
    fn has_property(&self, profile: Option<&str>, name: &str) -> bool;
}

/// Returns the profile with a dot in its name that a name starts with.
fn dotted_profile<'a>(name: &'a str, known: &impl Known) -> Option<&'a str> {
    name.match_indices('.')
        .map(|(at, _)| &name[..at])
        .find(|start| start.contains('.') && known.is_profile(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Profiles `known` and `foo.write`, and a property with a dot.
    struct Files;

    impl Known for Files {
        fn is_profile(&self, name: &str) -> bool {
            matches!(name, "known" | "foo.write")
        }

        fn has_property(&self, profile: Option<&str>, name: &str) -> bool {
            matches!(profile, None | Some("known")) && name == "adfs.user"
        }
    }

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
            ("adfs.user", name_of(None, property("adfs.user"))),
            (
                "known.adfs.user",
                name_of(Some("known"), property("adfs.user")),
            ),
        ] {
            assert_eq!(Name::parse(name, &Files).unwrap(), expected, "{name}");
        }
        for name in ["", ".", "a.b.c", "profile.p.", "profile.p.a.b.c"] {
            assert!(Name::parse(name, &Files).is_err(), "{name}");
        }
    }

    #[test]
    fn a_profile_with_a_dot_in_its_name_needs_the_option() {
        for name in ["profile.foo.write.role_arn", "foo.write.role_arn"] {
            let failure = Name::parse(name, &Files).unwrap_err().to_string();
            assert!(failure.contains("use --profile foo.write"), "{failure}");
        }
    }
}
