use keyfob_chain::{Cached, Chain};
use keyfob_imds::server::Container;
use tracing::debug;

use super::files::Files;
use crate::{
    commands::{environment::Changes, serve},
    context::Context,
    failure::{Failure, chained},
};

/// The credentials endpoint of a container, and the files of the command that reads it.
#[derive(Debug)]
pub(super) struct Served {
    container: Container,
    files: Files,
}

impl Served {
    pub(super) async fn start(context: &Context, chain: Cached<Chain>) -> Result<Self, Failure> {
        serve::forbid_core_dumps();
        let container = Container::builder()
            .credentials_from(serve::credentials(chain))
            .start()
            .await
            .map_err(|error| Failure::other(chained(&error)))?;
        let files = Files::write(context, "", &[])?;
        debug!(url = container.url(), "serving");
        Ok(Self { container, files })
    }

    /// Points a program at the served credentials. Every SDK asks the files before a container, so
    /// that it gets files without credentials.
    pub(super) fn point_to(&self, changes: &mut Changes) {
        self.files.point_to(changes);
        changes.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", self.container.url());
        let token = self.container.token().expose();
        changes.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    }
}
