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

use super::{Client, found};
use crate::{error::Error, path::Path};

/// Requests under way at a time, unless set: the service takes about a thousand packets a second from all programs
/// together.
const CONCURRENCY: usize = 8;

/// Everything below a directory, as a stream, in the order in which the answers come. Made by [`Client::walk`].
///
/// What has gone between listing and asking is left out. The first error ends the stream. Dropping it stops the requests.
#[must_use = "nothing is asked until it is polled"]
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
    /// Its path from the root, as [`Client::get`] takes it.
    pub path: String,
    /// Its value; `None` for a secret that was left out.
    pub value: Option<Bytes>,
}

enum Visited {
    Directory(Vec<Path<'static>>),
    Item(Entry),
    Gone,
}

impl Client {
    /// Everything below a directory, recursively. Credentials and user data are named but not asked for, unless
    /// [`secrets`](Walk::secrets) says so.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) for a path that [`Path::new`] refuses. The stream's errors are those
    /// of [`get`](Client::get).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: keyfob_imds::Client) -> Result<(), keyfob_imds::Error> {
    /// let mut walk = client.walk("/latest/meta-data/")?;
    /// while let Some(entry) = walk.next().await {
    ///     println!("{}", entry?.path);
    /// }
    /// # Ok(())
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
    /// How many requests may be under way at a time, 8 unless set; 0 counts as 1.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.max(1);
        self
    }

    /// Whether to ask for credentials and user data too. The default is no.
    pub fn secrets(mut self, secrets: bool) -> Self {
        self.secrets = secrets;
        self
    }

    /// The next item; `None` at the end. The same as the stream, for those who have no combinators.
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
                // The runtime is shutting down when a task is cancelled.
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
    let value = match is_secret(path.as_str()) && !secrets {
        true => None,
        false => match found(client.get_bytes(path.as_str()).await)? {
            None => return Ok(Visited::Gone),
            value => value,
        },
    };
    let path = path.as_str().to_owned();
    Ok(Visited::Item(Entry { path, value }))
}

/// A public key is listed as `0=name` and is then the directory `0/`.
fn children(directory: &Path<'_>, names: &[String]) -> Vec<Path<'static>> {
    let are_keys = directory.as_str().ends_with("/public-keys/");
    let child = |name: &String| match (name.strip_suffix('/'), name.split_once('=')) {
        (Some(name), _) => directory.child(name).ok().map(Path::into_directory),
        (None, Some((index, _))) if are_keys => {
            directory.child(index).ok().map(Path::into_directory)
        }
        (None, _) => directory.child(name).ok(),
    };
    names.iter().filter_map(child).collect()
}

/// The documents of `iam/security-credentials/…` and of `identity-credentials/…`, and user data.
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

/// The length of the value stands for it: it may be a secret.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("path", &self.path)
            .field("length", &self.value.as_ref().map(Bytes::len))
            .finish()
    }
}
