use crate::{
    config::{Argument, Region, Settings},
    error::Error,
};

impl Settings {
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
            let instance = super::instance::InstanceMetadataProvider::new(self);
            if let Some(region) = instance.region().await? {
                return Ok(region);
            }
        }
        Ok(Region::us_east_1())
    }
}
