use std::{fmt, sync::Mutex};

use bytes::Bytes;
use tokio::time::Instant;

use crate::{lock::lock, server::tree::Tree};

/// The metadata of a running server, which may change while it runs.
#[derive(Debug)]
pub(crate) struct Items(Mutex<State>);

#[derive(Debug)]
struct State {
    tree: Tree,
    later: Vec<Later>,
}

/// An item that appears at a later time.
#[derive(Clone)]
pub(crate) struct Later {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) value: Bytes,
}

/// Shows the path but not the value, which may be a secret.
impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later")
            .field("at", &self.at)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Items {
    pub(crate) fn new(tree: Tree, later: Vec<Later>) -> Self {
        Self(Mutex::new(State { tree, later }))
    }

    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        let mut state = lock(&self.0);
        state.reveal(Instant::now());
        state.tree.get(path)
    }

    pub(crate) fn set(&self, path: &str, value: Bytes) {
        lock(&self.0).tree.set(path, value);
    }

    pub(crate) fn remove(&self, path: &str) {
        lock(&self.0).tree.remove(path);
    }
}

impl State {
    fn reveal(&mut self, now: Instant) {
        for item in self.later.extract_if(.., |item| item.at <= now) {
            self.tree.set(&item.path, item.value);
        }
    }
}
