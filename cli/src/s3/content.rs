use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use keyfob_sigv4::Payload;

/// The size in bytes of the pieces in which a body is written, each of which counts as progress.
const PIECE: usize = 256 << 10;

/// What a request sends. It can be sent again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content(Bytes);

impl Content {
    /// Returns how it is signed by its hash.
    pub(super) fn payload(&self) -> Payload<'_> {
        Payload::Bytes(&self.0)
    }

    /// Returns the body of a request, which counts in `progress` the pieces that were written.
    pub(super) fn body(&self, progress: &Arc<AtomicU64>) -> ContentBody {
        ContentBody {
            rest: self.0.clone(),
            progress: Arc::clone(progress),
        }
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Self {
        Self(bytes.into())
    }
}

/// The body of a request.
pub(super) struct ContentBody {
    rest: Bytes,
    progress: Arc<AtomicU64>,
}

impl Body for ContentBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        self.progress.fetch_add(1, Ordering::Relaxed);
        let size = self.rest.len().min(PIECE);
        let piece = self.rest.split_to(size);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
