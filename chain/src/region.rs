use std::fmt;

use serde::Serialize;

use crate::{
    error::{Error, ErrorKind},
    origin::Origin,
    settings::Settings,
};

/// A region and who said so.
///
/// The order is that of the AWS CLI: the program's argument, `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile,
/// instance metadata. After all of these comes [`Region::us_east_1`], the default of this crate; its origin is
/// [`Origin::Default`], so that a program can say that nobody asked for it.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Env, Settings};
///
/// let settings = Settings::load(Env::from_iter([("AWS_REGION", "eu-west-1")]));
/// let region = settings.region(None)?.unwrap();
/// assert_eq!(region.to_string(), "eu-west-1");
/// assert_eq!(region.origin().to_string(), "AWS_REGION");
/// # Ok::<(), keyfob_chain::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    name: String,
    origin: Origin,
}

impl Region {
    /// A region from anywhere.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] when the name is no host label: letters, digits and inner `-`, at most 63. What
    /// is sent to must not be steered by a setting such as `x.example.com/`.
    pub fn new(name: &str, origin: Origin) -> Result<Self, Error> {
        if !is_host_label(name) {
            let shown: String = name.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(Error::new(
                ErrorKind::InvalidSetting,
                format!(
                    "\"{shown}\" from {origin} is no region: letters, digits and - make one, such as eu-west-1"
                ),
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            origin,
        })
    }

    /// What is used when nobody says anything.
    pub fn us_east_1() -> Self {
        Self {
            name: "us-east-1".to_owned(),
            origin: Origin::Default,
        }
    }

    /// The name, such as `eu-west-1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who said so.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The region that is used: what [`Settings::region`] finds, then instance metadata (with the feature `imds`),
    /// then [`us_east_1`](Self::us_east_1).
    ///
    /// `argument` is as for [`Settings::region`]. Where nothing says anything, and there is no EC2, this takes a
    /// second.
    ///
    /// # Errors
    ///
    /// Those of [`Settings::region`], and those of instance metadata that is there and fails.
    pub async fn resolve(
        settings: &Settings,
        argument: Option<(&str, &str)>,
    ) -> Result<Self, Error> {
        if let Some(region) = Self::find(settings, argument)? {
            return Ok(region);
        }
        #[cfg(feature = "imds")]
        if let Some(region) = crate::providers::InstanceMetadata::new(settings)
            .region()
            .await?
        {
            return Ok(region);
        }
        Ok(Self::us_east_1())
    }

    /// The sources that need no network.
    pub(crate) fn find(
        settings: &Settings,
        argument: Option<(&str, &str)>,
    ) -> Result<Option<Self>, Error> {
        if let Some((name, region)) = argument {
            let name = name.to_owned();
            return Self::new(region, Origin::Argument { name }).map(Some);
        }
        if let Some(region) = settings.given_region() {
            return Ok(Some(region.clone()));
        }
        for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if let Some(region) = settings.env().text(variable) {
                return Self::new(region, Origin::environment(&[variable])).map(Some);
            }
        }
        let Some(profile) = settings.profile()? else {
            return Ok(None);
        };
        let Some(value) = profile.get("region") else {
            return Ok(None);
        };
        let origin = Origin::file(value.location(), profile.name().name());
        value
            .non_empty()
            .map(|region| Self::new(region, origin))
            .transpose()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
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
