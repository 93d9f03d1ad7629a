//! Connections whose clients have to read what they are sent, and have the time for it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long a client may read nothing while there is something to send. It is long: the system says
/// that there is room again only when a third of its buffer is free, which a slow reader that reads
/// all the time may need minutes for, and a program may work on what it has read.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a client may send nothing of what is not wanted any more before its connection closes,
/// and for how long it may go on.
const QUIET: Duration = Duration::from_secs(2);
const LINGER: Duration = Duration::from_secs(30);

/// A connection that breaks if nothing of what is written goes out for too long. It would hold its
/// place, and the answer in memory, for as long as the client likes.
pub(super) struct Reading<S> {
    stream: S,
    /// Runs while the client is waited for.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Whether the client may still send the body of a request that has been answered.
    may_send: Arc<AtomicBool>,
    linger: Option<Linger>,
}

/// The end of a connection on which the client still sends. If it were closed at once, the client
/// would be told so, and could not read the answer any more (RFC 9112, section 9.6).
struct Linger {
    end: Instant,
    quiet: Pin<Box<Sleep>>,
}

impl<S> Reading<S> {
    pub(super) fn new(stream: S, may_send: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            stalled: None,
            may_send,
            linger: None,
        }
    }

    fn limit<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> Reading<S> {
    /// Reads what still comes, and drops it.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            end: Instant::now() + LINGER,
            quiet: Box::pin(sleep(QUIET)),
        });
        let mut bytes = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            let Poll::Ready(read) = read else {
                return linger.quiet.as_mut().poll(context);
            };
            let now = Instant::now();
            if read.is_err() || buffer.filled().is_empty() || now >= linger.end {
                return Poll::Ready(());
            }
            linger.quiet.as_mut().reset(linger.end.min(now + QUIET));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Reading<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Reading<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.limit(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.limit(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.limit(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let shut = Pin::new(&mut self.stream).poll_shutdown(context);
            ready!(self.limit(context, shut))?;
        }
        if self.may_send.load(Relaxed) {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}
