use keyfob_chain::{Origin, with_tilde};

use crate::{context::Context, terminal::printable};

impl Context {
    /// Describes an origin, with `~` for the home folder.
    pub(crate) fn origin(&self, origin: &Origin) -> String {
        origin.text(self.variables().home().as_deref())
    }

    /// Escapes a text, with `~` for the home folder in its paths.
    pub(crate) fn shown(&self, text: &str) -> String {
        let text = with_tilde(text, self.variables().home().as_deref());
        printable(&text).into_owned()
    }
}
