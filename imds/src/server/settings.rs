use std::{error::Error as StdError, future::Future};

use keyfob_sigv4::Credentials;

use crate::server::{
    fault::Fault,
    listen::{Listener, ListenerBuilder},
    source::Source,
};

/// The settings that both servers have.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) listener: ListenerBuilder,
    pub(crate) source: Option<Source>,
    pub(crate) faults: Vec<Fault>,
}

impl Settings {
    pub(crate) fn credentials_from<F, E>(&mut self, source: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        self.source = Some(Source::new(source));
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listener: Listener::builder(),
            source: None,
            faults: Vec::new(),
        }
    }
}
