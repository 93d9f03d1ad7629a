use keyfob_chain::Origin;

use crate::{context::Context, terminal::with_tilde};

impl Context {
    /// Describes an origin, with `~` for the home folder.
    pub(crate) fn origin(&self, origin: &Origin) -> String {
        let mut origin = origin.clone();
        if let Origin::File { file, .. } = &mut origin {
            *file = with_tilde(file, self.env().home().as_deref());
        }
        origin.to_string()
    }
}
