use keyfob_chain::Origin;

use crate::context::Context;

impl Context {
    /// Describes an origin, with `~` for the home folder.
    pub(crate) fn origin(&self, origin: &Origin) -> String {
        origin.text(self.variables().home().as_deref())
    }
}
