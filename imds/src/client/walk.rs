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
/// The default number of levels. The metadata of EC2 has seven.
const MAX_DEPTH: usize = 16;
/// The default number of directories and items. An instance with 15 interfaces of 50 addresses has
/// about 1,500.
const MAX_ENTRIES: usize = 10_000;

/// A stream of everything below a directory, in the order in which the answers come. Made by
/// [`Client::walk`].
///
/// Items that disappear between the listing and their request are left out. The first error ends
/// the stream. Dropping it stops the requests.
///
/// A service cannot keep it busy forever: more than 16 levels or 10,000 directories and items are
/// an error, unless [`max_depth`](Walk::max_depth) and [`max_entries`](Walk::max_entries) say
/// otherwise.
#[must_use = "nothing is sent until it is polled"]
pub struct Walk {
    client: Client,
    concurrency: usize,
    secrets: bool,
    max_depth: usize,
    max_entries: usize,
    /// The number of slashes in the path of the directory where it began.
    root: usize,
    /// How many directories and items it found so far.
    found: usize,
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
            max_depth: MAX_DEPTH,
            max_entries: MAX_ENTRIES,
            root: slashes(&root),
            found: 0,
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

    /// Sets how many levels of directories may be below the first one. The default is 16.
    pub fn max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// Sets how many directories and items there may be. The default is 10,000.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use keyfob_imds::{Client, ErrorKind, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder().start().await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    /// let mut walk = client.walk("/latest/")?.max_entries(1);
    /// let error = walk.next().await.expect("an error").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Response);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn max_entries(mut self, entries: usize) -> Self {
        self.max_entries = entries;
        self
    }

    /// Returns the next item, or `None` at the end. It does the same as polling the stream, without
    /// a crate for streams.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`]; [`ErrorKind::Response`](crate::ErrorKind::Response) if there are
    /// more levels or entries than allowed.
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
                    if let Err(error) = self.add(children) {
                        return self.fail(error);
                    }
                }
                Poll::Ready(Some(Ok(Ok(Visited::Item(entry))))) => {
                    return Poll::Ready(Some(Ok(entry)));
                }
                Poll::Ready(Some(Ok(Err(error)))) => {
                    return self.fail(error);
                }
                // A task is canceled only if the runtime is shutting down.
                Poll::Ready(Some(Ok(Ok(Visited::Gone)) | Err(_))) => {}
            }
        }
    }

    /// Adds the paths in a directory to those that wait for their request.
    fn add(&mut self, children: Vec<Path<'static>>) -> Result<(), Error> {
        self.found = self.found.saturating_add(children.len());
        if self.found > self.max_entries {
            return Err(Error::response(format!(
                "there are more than {} directories and items: walk a smaller directory, or allow \
                 more entries",
                self.max_entries
            )));
        }
        let depth = children.iter().map(slashes).max().unwrap_or_default();
        if depth.saturating_sub(self.root) > self.max_depth {
            return Err(Error::response(format!(
                "directories are nested more than {} levels deep: walk a smaller directory, or \
                 allow more levels",
                self.max_depth
            )));
        }
        self.waiting.extend(children);
        Ok(())
    }

    /// Ends the stream with an error.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Entry, Error>>> {
        self.waiting.clear();
        self.running = JoinSet::new();
        Poll::Ready(Some(Err(error)))
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
    let value = if path.is_secret() && !secrets {
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

fn slashes(path: &Path<'static>) -> usize {
    path.as_str().matches('/').count()
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
