use keyfob_sigv4::Timestamp;

use crate::{
    config::{Argument, Region, Settings},
    error::{Error, ErrorKind},
};

impl Settings {
    /// Returns the region to use: that of [`region`](Self::region), then that of the EC2 instance
    /// (with the feature `imds`), then [`Region::us_east_1`], unless
    /// [`without_default_region`](Self::without_default_region) forbids it.
    ///
    /// Asks instance metadata only if no region is set and the [`Order`](crate::Order) does so;
    /// outside EC2 this takes up to 1 s. Within 5 s of `now`, it is not asked again.
    ///
    /// # Errors
    ///
    /// The errors of [`region`](Self::region), and
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if a setting of instance metadata cannot
    /// be used, or if no region is set and the default is forbidden. An instance without a region,
    /// or a service that is not that of EC2, is not an error.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Origin, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    /// let settings = Settings::load(variables);
    /// let region = settings.resolve_region(None, Timestamp::now()).await?;
    /// assert_eq!(region.name(), "us-east-1");
    /// assert_eq!(*region.origin(), Origin::Default);
    /// # Ok(()) }
    /// ```
    #[cfg_attr(
        not(feature = "imds"),
        expect(unused_variables, reason = "only the instance has a time to wait")
    )]
    pub async fn resolve_region(
        &self,
        argument: Option<Argument<'_>>,
        now: Timestamp,
    ) -> Result<Region, Error> {
        if let Some(region) = self.region(argument)? {
            return Ok(region);
        }
        #[cfg(feature = "imds")]
        if self.rules().region_of_instance {
            let instance = super::instance::InstanceMetadataProvider::new(self);
            // The instance's region is a convenience: a service that has none, or that is not
            // EC2's at all, must not stop a program that does not need it.
            match instance.region(now).await {
                Ok(Some(region)) => return Ok(region),
                Err(error) if error.kind() == ErrorKind::Setting => return Err(error),
                Ok(None) | Err(_) => {}
            }
        }
        if self.has_default_region() {
            return Ok(Region::us_east_1());
        }
        let message = "no region is set: set AWS_REGION, or region in the profile";
        Err(Error::new(ErrorKind::Setting, message))
    }
}
