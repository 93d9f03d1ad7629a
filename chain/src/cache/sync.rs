//! What the threads of a cache share. In a model (`--cfg loom`), `loom` tries every order in which
//! they can get at it.

pub(super) use self::kind::{Mutex, MutexGuard, Published};

#[cfg(not(all(test, loom)))]
mod kind {
    use std::sync::{Arc, OnceLock};
    pub(in super::super) use std::sync::{Mutex, MutexGuard};

    use arc_swap::{ArcSwap, Guard};

    /// A value that is read without a lock. There is none at first.
    pub(in super::super) struct Published<T>(OnceLock<ArcSwap<T>>);

    impl<T> Default for Published<T> {
        fn default() -> Self {
            Self(OnceLock::new())
        }
    }

    impl<T> Published<T> {
        #[inline]
        pub(in super::super) fn load(&self) -> Option<Guard<Arc<T>>> {
            self.0.get().map(ArcSwap::load)
        }

        pub(in super::super) fn store(&self, value: Arc<T>) {
            let cell = self.0.get_or_init(|| ArcSwap::new(Arc::clone(&value)));
            cell.store(value);
        }
    }
}

#[cfg(all(test, loom))]
mod kind {
    use std::sync::Arc;

    use arc_swap::Guard;
    pub(in super::super) use loom::sync::{Mutex, MutexGuard};

    pub(in super::super) struct Published<T>(Mutex<Option<Arc<T>>>);

    impl<T> Default for Published<T> {
        fn default() -> Self {
            Self(Mutex::new(None))
        }
    }

    impl<T> Published<T> {
        pub(in super::super) fn load(&self) -> Option<Guard<Arc<T>>> {
            self.0.lock().unwrap().clone().map(Guard::from_inner)
        }

        pub(in super::super) fn store(&self, value: Arc<T>) {
            *self.0.lock().unwrap() = Some(value);
        }
    }
}
