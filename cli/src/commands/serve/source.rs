use std::{
    fs,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use keyfob_chain::{Cached, Chain, Error, Variables};
use keyfob_sigv4::{Credentials, Timestamp};

use crate::context::Context;

type CredentialsFuture = Pin<Box<dyn Future<Output = Result<Credentials, Error>> + Send>>;

/// Returns a source of the chain's credentials, cached and refreshed before they expire.
///
/// The configuration files are read again after they change, so that a key that is rotated in a
/// file is served without a restart.
pub(super) fn source(context: &Context) -> impl Fn() -> CredentialsFuture + Send + Sync + 'static {
    let reload = context.chain_again();
    let files = Files::new(context.variables());
    let current = Mutex::new(Current {
        // Before the chain looks into them: a change in between is a change.
        stamps: files.stamps(),
        cached: Arc::new(Cached::new(context.chain())),
    });
    move || {
        let stamps = files.stamps();
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        if stamps != current.stamps {
            *current = Current {
                stamps,
                cached: Arc::new(Cached::new(reload())),
            };
        }
        let cached = Arc::clone(&current.cached);
        Box::pin(async move { Ok(cached.credentials(Timestamp::now()).await?.into()) })
    }
}

struct Current {
    stamps: Vec<Option<Stamp>>,
    cached: Arc<Cached<Chain>>,
}

/// The configuration files.
struct Files(Vec<PathBuf>);

/// What tells one version of a file from another: the time of its last change, and its size.
type Stamp = (Option<SystemTime>, u64);

impl Files {
    fn new(variables: &Variables) -> Self {
        let files = [variables.config_file(), variables.credentials_file()];
        Self(files.into_iter().flatten().collect())
    }

    /// Returns the stamp of each file that exists.
    fn stamps(&self) -> Vec<Option<Stamp>> {
        let stamp = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok(), metadata.len()))
        };
        self.0.iter().map(stamp).collect()
    }
}
