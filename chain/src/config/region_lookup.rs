use super::{Argument, Region, Settings};
use crate::{error::Error, origin::Origin};

impl Settings {
    /// Returns the region that the program, the environment or the profile sets. Sends nothing.
    ///
    /// The order is that of the AWS CLI: `argument`, or else the region of
    /// [`with_region`](Self::with_region); then `AWS_REGION`, `AWS_DEFAULT_REGION`, and `region` in
    /// the profile. Without any of these, [`resolve_region`](Self::resolve_region) goes on to
    /// instance metadata and the default.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the first source that sets a region
    ///   sets an invalid one.
    /// - The errors of [`profile`](Self::profile), if no variable sets a region.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_REGION", "eu-west-1")]));
    /// let region = settings.region(None)?.unwrap();
    /// assert_eq!(region.name(), "eu-west-1");
    /// assert_eq!(region.origin().to_string(), "AWS_REGION");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn region(&self, argument: Option<Argument<'_>>) -> Result<Option<Region>, Error> {
        if let Some(argument) = argument {
            return Region::new(argument.value, argument.origin()).map(Some);
        }
        if let Some(region) = self.given_region() {
            return Ok(Some(region.clone()));
        }
        for variable in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
            if let Some(region) = self.variables().text(variable) {
                return Region::new(region, Origin::environment(&[variable])).map(Some);
            }
        }
        let Some(profile) = self.profile()? else {
            return Ok(None);
        };
        let Some(value) = profile.get("region") else {
            return Ok(None);
        };
        let origin = Origin::file(value.location(), profile.name().name());
        value
            .non_empty()
            .map(|region| Region::new(region, origin))
            .transpose()
    }

    /// Returns the region to use: that of [`region`](Self::region), then that of the EC2 instance
    /// (with the feature `imds`), then [`Region::us_east_1`].
    ///
    /// Asks instance metadata only if no region is set; outside EC2 this takes up to 1 s.
    ///
    /// # Errors
    ///
    /// The errors of [`region`](Self::region), and
    /// [`ErrorKind::Provider`](crate::ErrorKind::Provider) if instance metadata is there but fails.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Origin, Settings, Variables};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    /// let region = Settings::load(variables).resolve_region(None).await?;
    /// assert_eq!(region.name(), "us-east-1");
    /// assert_eq!(*region.origin(), Origin::Default);
    /// # Ok(()) }
    /// ```
    pub async fn resolve_region(&self, argument: Option<Argument<'_>>) -> Result<Region, Error> {
        if let Some(region) = self.region(argument)? {
            return Ok(region);
        }
        #[cfg(feature = "imds")]
        {
            let instance = crate::providers::InstanceMetadataProvider::new(self);
            if let Some(region) = instance.region().await? {
                return Ok(region);
            }
        }
        Ok(Region::us_east_1())
    }
}
