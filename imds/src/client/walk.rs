use std::{
    collections::VecDeque,
    fmt,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::Stream;
use tokio::task::JoinSet;

use crate::{
    client::{Client, found},
    error::Error,
    path::Path,
};

/// The default number of requests at a time. The service accepts about a thousand packets a second
/// from all programs together.
const CONCURRENCY: usize = 8;

/// A stream of everything below a directory, in the order in which the answers come. Made by
/// [`Client::walk`].
///
/// Items that disappear between the listing and their request are left out. The first error ends
/// the stream. Dropping it stops the requests.
#[must_use = "nothing is sent until it is polled"]
pub struct Walk {
    client: Client,
    concurrency: usize,
    secrets: bool,
    /// Directories end with a slash.
    waiting: VecDeque<Path<'static>>,
    running: JoinSet<Result<Visited, Error>>,
}

/// An item found by a [`Walk`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The path from the root, as for [`Client::get`].
    pub path: String,
    /// The value, or `None` for a secret that was left out.
    pub value: Option<Bytes>,
}

enum Visited {
    Directory(Vec<Path<'static>>),
    Item(Entry),
    Gone,
}

impl Client {
    /// Returns everything below a directory, recursively. Credentials and user data have no value
    /// unless [`secrets`](Walk::secrets) is set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for a path that [`Path::new`] rejects. The
    /// stream's errors are those of [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    ///
    /// let mut paths = Vec::new();
    /// let mut walk = client.walk("placement/")?;
    /// while let Some(entry) = walk.next().await {
    ///     paths.push(entry?.path);
    /// }
    /// assert!(paths.contains(&"/latest/meta-data/placement/region".to_owned()));
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn walk(&self, directory: &str) -> Result<Walk, Error> {
        let root = Path::new(directory)?.into_directory();
        Ok(Walk {
            client: self.clone(),
            concurrency: CONCURRENCY,
            secrets: false,
            waiting: VecDeque::from([root]),
            running: JoinSet::new(),
        })
    }
}

impl Walk {
    /// Sets how many requests may be in progress at a time. The default is 8, and 0 counts as 1.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// Sets whether to get the values of credentials and user data, too. The default is no.
    pub fn secrets(mut self, secrets: bool) -> Self {
        self.secrets = secrets;
        self
    }

    /// Returns the next item, or `None` at the end. It does the same as polling the stream, without
    /// a crate for streams.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`].
    pub async fn next(&mut self) -> Option<Result<Entry, Error>> {
        poll_fn(|context| self.poll_entry(context)).await
    }

    fn poll_entry(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Entry, Error>>> {
        loop {
            self.start();
            match self.running.poll_join_next(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Ok(Ok(Visited::Directory(children))))) => {
                    self.waiting.extend(children);
                }
                Poll::Ready(Some(Ok(Ok(Visited::Item(entry))))) => {
                    return Poll::Ready(Some(Ok(entry)));
                }
                Poll::Ready(Some(Ok(Err(error)))) => {
                    self.waiting.clear();
                    self.running = JoinSet::new();
                    return Poll::Ready(Some(Err(error)));
                }
                // A task is canceled only if the runtime is shutting down.
                Poll::Ready(Some(Ok(Ok(Visited::Gone)) | Err(_))) => {}
            }
        }
    }

    fn start(&mut self) {
        while self.running.len() < self.concurrency
            && let Some(path) = self.waiting.pop_front()
        {
            self.running
                .spawn(visit(self.client.clone(), path, self.secrets));
        }
    }
}

impl Stream for Walk {
    type Item = Result<Entry, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_entry(context)
    }
}

async fn visit(client: Client, path: Path<'static>, secrets: bool) -> Result<Visited, Error> {
    if path.as_str().ends_with('/') {
        let names = found(client.list(path.as_str()).await)?;
        return Ok(names.map_or(Visited::Gone, |names| {
            Visited::Directory(children(&path, &names))
        }));
    }
    let value = if is_secret(path.as_str()) && !secrets {
        None
    } else {
        let Some(value) = found(client.get_bytes(path.as_str()).await)? else {
            return Ok(Visited::Gone);
        };
        Some(value)
    };
    let path = path.as_str().to_owned();
    Ok(Visited::Item(Entry { path, value }))
}

/// Returns the paths of the names in a listing.
fn children(directory: &Path<'_>, names: &[String]) -> Vec<Path<'static>> {
    let are_keys = directory.as_str().ends_with("/public-keys/");
    let child = |name: &String| {
        if let Some(name) = name.strip_suffix('/') {
            return Some(directory.child(name).ok()?.into_directory());
        }
        // A public key is listed as `0=name`, but is the directory `0/`.
        match name.split_once('=') {
            Some((index, _)) if are_keys => Some(directory.child(index).ok()?.into_directory()),
            _ => directory.child(name).ok(),
        }
    };
    names.iter().filter_map(child).collect()
}

/// Returns true for user data and for the documents of `iam/security-credentials…` and
/// `identity-credentials/…`.
fn is_secret(path: &str) -> bool {
    path.ends_with("/user-data") || path.contains("/security-credentials")
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk")
            .field("waiting", &self.waiting.len())
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

/// Shows the length of the value, which may be a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("path", &self.path)
            .field("length", &self.value.as_ref().map(Bytes::len))
            .finish()
    }
}
