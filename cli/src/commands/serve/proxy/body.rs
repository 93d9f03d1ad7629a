//! Bodies of requests on their way to a server.

use std::{
    convert::Infallible,
    error::Error,
    fmt, mem,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body_util::Either;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use keyfob_sigv4::resign::BodyResigner;
use sha2::{Digest as _, Sha256};

use super::upstream::Silence;

/// How many bytes of a body in memory are sent at a time.
pub(super) const PIECE: usize = 64 << 10;

/// What is told of a body whose rest does not come in time.
pub(super) const LATE: &str = "the body of the request did not arrive in time";

/// The body of a request: in memory, or on its way.
pub(super) type Sent = Either<InMemory, Passing>;

/// A body in memory. It is sent in pieces, so that its progress can be seen. A clone can be sent
/// again, and counts for the same progress.
#[derive(Clone, Default)]
pub(super) struct InMemory {
    bytes: Bytes,
    flow: Arc<Flow>,
}

/// The body of a request on its way, whose progress can be seen.
pub(super) struct Passing {
    body: Incoming,
    form: Form,
    flow: Arc<Flow>,
}

/// How far a body on its way is.
#[derive(Default)]
pub(super) struct Flow {
    /// Grows with each piece.
    progress: AtomicU64,
    /// Whether the caller is waited for.
    is_waiting: AtomicBool,
    trouble: OnceLock<Trouble>,
}

/// What is wrong with a body on its way. It is the fault of the caller.
#[derive(Clone, Copy)]
pub(super) enum Trouble {
    /// The caller has not signed what came.
    Forged,
    /// The rest does not come.
    Incomplete,
    /// The rest does not come in time.
    Late,
}

impl InMemory {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            flow: Arc::default(),
        }
    }

    pub(super) fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.flow)
    }
}

impl Body for InMemory {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        self.flow.proceed();
        let length = self.bytes.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.bytes.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}

impl Flow {
    /// Returns a number that grows with each piece.
    pub(super) fn progress(&self) -> u64 {
        self.progress.load(Relaxed)
    }

    fn proceed(&self) {
        self.progress.fetch_add(1, Relaxed);
    }

    /// Returns why a body did not reach the server, if that is the fault of the caller.
    pub(super) fn trouble(&self, silence: &Silence) -> Option<Trouble> {
        match silence {
            Silence::Broken(_) => self.trouble.get().copied(),
            Silence::Timeout => self.is_waiting.load(Relaxed).then_some(Trouble::Late),
            Silence::Storm => None,
        }
    }

    fn fail(&self, trouble: Trouble) {
        let _ = self.trouble.set(trouble);
    }
}

/// What is done to a body on its way.
enum Form {
    Unchanged,
    /// The last piece waits for the hash of all of them.
    Held {
        hash: Sha256,
        expected: [u8; 32],
        last: Bytes,
    },
    Pieces(Box<BodyResigner>),
    /// All of it has passed.
    Over,
}

impl Passing {
    pub(super) fn new(body: Incoming) -> Self {
        Self::with_form(body, Form::Unchanged)
    }

    /// Lets the last bytes pass only if all have this hash.
    pub(super) fn held(body: Incoming, expected: [u8; 32]) -> Self {
        let form = Form::Held {
            hash: Sha256::new(),
            expected,
            last: Bytes::new(),
        };
        Self::with_form(body, form)
    }

    /// Signs the pieces again.
    pub(super) fn resigned(body: Incoming, resigner: BodyResigner) -> Self {
        Self::with_form(body, Form::Pieces(Box::new(resigner)))
    }

    fn with_form(body: Incoming, form: Form) -> Self {
        Self {
            body,
            form,
            flow: Arc::default(),
        }
    }

    /// Returns what is known of the body when it has been handed over.
    pub(super) fn flow(&self) -> Arc<Flow> {
        Arc::clone(&self.flow)
    }
}

impl Form {
    /// Takes what came, or `None` for the end, and returns what may pass.
    fn take(&mut self, data: Option<Bytes>) -> Result<Bytes, Forged> {
        match (&mut *self, data) {
            (Self::Unchanged | Self::Over, data) => Ok(data.unwrap_or_default()),
            (Self::Held { hash, last, .. }, Some(data)) if !data.is_empty() => {
                hash.update(&data);
                Ok(mem::replace(last, data))
            }
            (Self::Held { .. }, Some(_)) => Ok(Bytes::new()),
            (Self::Pieces(resigner), Some(data)) => {
                let mut out = Vec::with_capacity(data.len());
                resigner.feed(&data, &mut out).map_err(|_| Forged)?;
                Ok(out.into())
            }
            (_, None) => mem::replace(self, Self::Over).finish(),
        }
    }

    fn finish(self) -> Result<Bytes, Forged> {
        match self {
            Self::Unchanged | Self::Over => Ok(Bytes::new()),
            Self::Held {
                hash,
                expected,
                last,
            } => {
                let is_signed = hash.finalize() == expected;
                if is_signed { Ok(last) } else { Err(Forged) }
            }
            Self::Pieces(resigner) => {
                let finished = resigner.finish();
                finished.map(|()| Bytes::new()).map_err(|_| Forged)
            }
        }
    }
}

/// A body is not the one that its caller has signed.
#[derive(Debug)]
struct Forged;

impl fmt::Display for Forged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is not the one that was signed")
    }
}

impl Error for Forged {}

impl Body for Passing {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            if matches!(this.form, Form::Over) {
                return Poll::Ready(None);
            }
            let polled = Pin::new(&mut this.body).poll_frame(context);
            this.flow.is_waiting.store(polled.is_pending(), Relaxed);
            let frame = ready!(polled).transpose();
            let frame = frame.inspect_err(|_| this.flow.fail(Trouble::Incomplete))?;
            this.flow.proceed();
            if matches!(this.form, Form::Unchanged) {
                return Poll::Ready(frame.map(Ok));
            }
            // Trailers of HTTP are not signed.
            let data = frame.map(|frame| frame.into_data().unwrap_or_default());
            let passing = this.form.take(data);
            let passing = passing.inspect_err(|_| this.flow.fail(Trouble::Forged))?;
            if !passing.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(passing))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.form {
            Form::Unchanged => self.body.is_end_stream(),
            Form::Over => true,
            // What waits is yet to come.
            Form::Held { .. } | Form::Pieces(_) => false,
        }
    }

    /// What is signed again is as long as before.
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
