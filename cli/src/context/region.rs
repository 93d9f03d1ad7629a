use keyfob_chain::{Origin, Region};
use keyfob_sigv4::Timestamp;
use tracing::debug;

use crate::{context::Context, failure::Failure, terminal::waiting_for};

/// Parses the value of `--region`, the same way for every command.
pub(super) fn from_argument(value: Option<&str>) -> Result<Option<Region>, Failure> {
    let origin = || Origin::Argument {
        name: "--region".to_owned(),
    };
    value
        .map(|name| Region::new(name, origin()))
        .transpose()
        .map_err(|error| Failure::usage(error.message()))
}

impl Context {
    /// Returns the region in use, and prints a note on stderr, once, if it is the default.
    ///
    /// # Errors
    ///
    /// If the first source that sets a region sets an invalid one.
    pub(crate) async fn region(&self) -> Result<&Region, Failure> {
        self.region
            .get_or_try_init(|| async {
                let region = self.region_without_note().await?;
                if *region.origin() == Origin::Default {
                    self.notes.print(&self.settings.default_region_finding());
                }
                Ok(region)
            })
            .await
    }

    /// Returns the region in use, for output that shows where it comes from.
    ///
    /// # Errors
    ///
    /// As [`region`](Self::region).
    pub(crate) async fn region_without_note(&self) -> Result<Region, Failure> {
        let _waiting = waiting_for("the region");
        let region = self.settings.resolve_region(None, Timestamp::now()).await?;
        debug!(
            name = region.name(),
            from = self.origin(region.origin()),
            "region"
        );
        Ok(region)
    }

    /// Returns true if `--region` was given.
    pub(crate) fn has_region_argument(&self) -> bool {
        self.region_argument.is_some()
    }
}
