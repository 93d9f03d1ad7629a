//! The places of a listener's connections. If all are taken, a connection without a request gives
//! its place to another one: the oldest that has not had one, or the one that had its last request
//! the longest time ago.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::{Instant, Sleep, sleep_until},
};

/// How long a connection without a request keeps its place if others wait for one.
const SILENCE: Duration = Duration::from_secs(1);
/// Stands for a time while there is a request.
const BUSY: u64 = u64::MAX;

/// The connections of a listener.
pub(super) struct Places {
    max: usize,
    start: Instant,
    pub(super) tasks: JoinSet<()>,
    guests: Vec<Guest>,
    /// Runs while all have a request, or had one a moment ago.
    pause: Option<Pin<Box<Sleep>>>,
}

struct Guest {
    activity: Activity,
    task: AbortHandle,
}

impl Places {
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            start: Instant::now(),
            tasks: JoinSet::new(),
            guests: Vec::new(),
            pause: None,
        }
    }

    /// Waits until there is room for a connection: a place, or one that is given away when it is
    /// taken.
    pub(super) fn poll_free(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            // Removes finished connections. If there are too many, this wakes the task when one
            // ends.
            while let Poll::Ready(Some(_)) = self.tasks.poll_join_next(context) {}
            if self.tasks.len() < self.max {
                return Poll::Ready(());
            }
            if self.dispensable().is_some() {
                return Poll::Ready(());
            }
            let idle = self.idle().map(|guest| guest.activity.idle_since()).min();
            let idle = idle.map_or_else(Instant::now, |idle| self.start + idle);
            let due = idle + SILENCE;
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if pause.is_elapsed() || pause.deadline() > due {
                pause.as_mut().reset(due);
            }
            ready!(pause.as_mut().poll(context));
        }
    }

    /// Starts to serve a connection. If all places are taken, it gets one that is given away.
    pub(super) fn take(&mut self, serve: impl FnOnce(&mut JoinSet<()>, Activity) -> AbortHandle) {
        if self.tasks.len() >= self.max
            && let Some(guest) = self.dispensable()
        {
            guest.task.abort();
        }
        if self.guests.len() >= 2 * self.max {
            // Their tasks would stay in memory.
            self.guests.retain(|guest| !guest.task.is_finished());
        }
        let activity = Activity {
            start: self.start,
            idle_since: Arc::default(),
            has_spoken: Arc::default(),
        };
        activity.end();
        let task = serve(&mut self.tasks, activity.clone());
        self.guests.push(Guest { activity, task });
    }

    fn idle(&self) -> impl Iterator<Item = &Guest> {
        self.guests.iter().filter(|guest| {
            !guest.task.is_finished() && guest.activity.idle_since.load(Relaxed) != BUSY
        })
    }

    /// Returns the connection that gives its place away first, if one may do so yet.
    fn dispensable(&self) -> Option<&Guest> {
        let time = self.start.elapsed();
        let silent = |guest: &&Guest| guest.activity.idle_since() + SILENCE <= time;
        self.idle().filter(silent).min_by_key(|guest| {
            let activity = &guest.activity;
            (activity.has_spoken.load(Relaxed), activity.idle_since())
        })
    }
}

/// Whether a connection has a request.
#[derive(Clone)]
pub(super) struct Activity {
    start: Instant,
    /// In milliseconds after the start.
    idle_since: Arc<AtomicU64>,
    /// Whether it has had a request that was not refused.
    has_spoken: Arc<AtomicBool>,
}

impl Activity {
    /// Returns what keeps the place of a connection until it is dropped.
    pub(super) fn begin(&self) -> Request {
        self.idle_since.store(BUSY, Relaxed);
        Request(self.clone())
    }

    fn end(&self) {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(BUSY - 1);
        self.idle_since.store(millis, Relaxed);
    }

    fn idle_since(&self) -> Duration {
        Duration::from_millis(self.idle_since.load(Relaxed))
    }
}

/// A request of a connection, until its answer has been sent.
pub(super) struct Request(Activity);

impl Request {
    /// Takes note that the request is not refused.
    pub(super) fn serve(&self) {
        self.0.has_spoken.store(true, Relaxed);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of an answer, with the request that it is for.
pub(super) struct Served<B> {
    body: B,
    _request: Option<Request>,
}

impl<B> Served<B> {
    /// Creates the body. Without the request, the connection has none any more, even if the answer
    /// is still on its way.
    pub(super) fn new(body: B, request: Option<Request>) -> Self {
        Self {
            body,
            _request: request,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Served<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
