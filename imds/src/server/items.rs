use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use tokio::time::Instant;

use crate::server::tree::Tree;

/// The metadata of a running server, which may change while it runs.
#[derive(Debug)]
pub(crate) struct Items(RwLock<State>);

#[derive(Debug)]
struct State {
    tree: Tree,
    later: Vec<Later>,
}

/// An item that appears at its time.
#[derive(Clone, Debug)]
pub(crate) struct Later {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) value: Bytes,
}

impl Items {
    pub(crate) fn new(tree: Tree, later: Vec<Later>) -> Self {
        Self(RwLock::new(State { tree, later }))
    }

    pub(crate) fn get(&self, path: &str) -> Option<Bytes> {
        let now = Instant::now();
        let is_due = self.read().later.iter().any(|item| item.at <= now);
        if is_due {
            self.write().reveal(now);
        }
        self.read().tree.get(path)
    }

    pub(crate) fn set(&self, path: &str, value: Bytes) {
        self.write().tree.set(path, value);
    }

    pub(crate) fn remove(&self, path: &str) {
        self.write().tree.remove(path);
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Items are put in and taken out whole: in order after any panic.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reveal(&mut self, now: Instant) {
        for item in self.later.extract_if(.., |item| item.at <= now) {
            self.tree.set(&item.path, item.value);
        }
    }
}
