use core::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};
use std::{error::Error as StdError, vec::Vec};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

use super::{ChunkEncoder, cutter::Cutter};
use crate::error::Error;

impl ChunkEncoder {
    /// Encodes an [`http_body::Body`], for asynchronous clients.
    ///
    /// Pin a body that is not `Unpin` with `Box::pin`.
    ///
    /// # Examples
    ///
    /// ```
    /// use http_body::Body;
    /// use http_body_util::Full;
    /// use keyfob_sigv4::chunked::{ChunkEncoder, Chunked};
    ///
    /// let plan = Chunked::unsigned(11);
    /// let body = ChunkEncoder::unsigned(&plan)?.body(Full::new(&b"hello world"[..]));
    /// assert_eq!(body.size_hint().exact(), Some(plan.content_length()));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn body<B: Body + Unpin>(self, source: B) -> ChunkBody<B> {
        ChunkBody {
            source,
            left: self.plan().content_length(),
            cutter: Cutter::new(self),
        }
    }
}

/// The encoded body of another body, created by [`ChunkEncoder::body`].
///
/// Its size hint is exact, so clients send a `Content-Length`. Trailers of the source are dropped:
/// those of the plan are part of the encoded data.
pub struct ChunkBody<B> {
    source: B,
    cutter: Cutter,
    /// Encoded bytes still to come.
    left: u64,
}

impl<B: Body + Unpin> Body for ChunkBody<B> {
    type Data = Bytes;
    type Error = ChunkBodyError<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let mut out = Vec::new();
        while out.is_empty() && this.cutter.is_open() {
            let frame = ready!(Pin::new(&mut this.source).poll_frame(context));
            this.take(frame, &mut out)?;
        }
        // Once failed, each further poll fails too.
        this.cutter.outcome().map_err(ChunkBodyError::Length)?;
        this.left = this.left.saturating_sub(out.len() as u64);
        let frame = (!out.is_empty()).then(|| Ok(Frame::data(out.into())));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        !self.cutter.is_open() && self.cutter.outcome().is_ok()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl<B: Body> ChunkBody<B> {
    fn take(
        &mut self,
        frame: Option<Result<Frame<B::Data>, B::Error>>,
        out: &mut Vec<u8>,
    ) -> Result<(), ChunkBodyError<B::Error>> {
        let Some(frame) = frame else {
            return self.cutter.end(out).map_err(ChunkBodyError::Length);
        };
        let Ok(mut data) = frame.map_err(ChunkBodyError::Source)?.into_data() else {
            return Ok(());
        };
        while data.has_remaining() {
            let piece = data.chunk();
            self.cutter
                .push(piece, out)
                .map_err(ChunkBodyError::Length)?;
            let length = piece.len();
            data.advance(length);
        }
        Ok(())
    }
}

/// Why an encoded body failed.
#[derive(Debug)]
pub enum ChunkBodyError<E> {
    /// The source failed.
    Source(E),
    /// The source does not have the planned length.
    Length(Error),
}

impl<E> fmt::Display for ChunkBodyError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source(_) => "the body to encode failed",
            Self::Length(_) => "the body to encode does not have the planned length",
        })
    }
}

impl<E: StdError + 'static> StdError for ChunkBodyError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Source(error) => Some(error),
            Self::Length(error) => Some(error),
        }
    }
}

impl<B> fmt::Debug for ChunkBody<B> {
    /// Shows no part of the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkBody").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use core::task::Waker;
    use std::{collections::VecDeque, io, string::ToString};

    use super::*;
    use crate::chunked::{Checksum, Chunked};

    /// A body of pieces; `None` is pending once. It may fail at the end.
    struct Source(VecDeque<Option<&'static [u8]>>, Option<io::Error>);

    impl Body for Source {
        type Data = Bytes;
        type Error = io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
            match self.0.pop_front() {
                Some(Some(piece)) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece))))),
                Some(None) => Poll::Pending,
                None => Poll::Ready(self.1.take().map(Err)),
            }
        }
    }

    fn body(pieces: &[Option<&'static [u8]>], error: Option<io::Error>) -> ChunkBody<Source> {
        let plan = Chunked::unsigned(11).checksum(Checksum::Crc32);
        let encoder = ChunkEncoder::unsigned(&plan).unwrap();
        encoder.body(Source(pieces.iter().copied().collect(), error))
    }

    fn poll(
        body: &mut ChunkBody<Source>,
    ) -> Poll<Option<Result<Bytes, ChunkBodyError<io::Error>>>> {
        let mut context = Context::from_waker(Waker::noop());
        let frame = Pin::new(body).poll_frame(&mut context);
        frame.map(|frame| Some(frame?.map(|frame| frame.into_data().unwrap_or_default())))
    }

    #[test]
    fn a_body_is_encoded_and_its_size_hint_is_exact() {
        let mut body = body(&[Some(b"hello "), None, Some(b"world")], None);
        assert_eq!(body.size_hint().exact(), Some(52));
        assert!(poll(&mut body).is_pending());
        let Poll::Ready(Some(Ok(data))) = poll(&mut body) else {
            panic!("no data");
        };
        assert_eq!(
            data,
            "b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n"
        );
        assert!(body.is_end_stream());
        assert_eq!(body.size_hint().exact(), Some(0));
        assert!(matches!(poll(&mut body), Poll::Ready(None)));
    }

    #[test]
    fn a_source_that_fails_or_has_another_length_is_an_error() {
        let failing = io::Error::other("broken pipe");
        for (mut body, source) in [
            (body(&[Some(b"hello")], Some(failing)), "broken pipe"),
            (body(&[Some(b"hello")], None), "planned length"),
            (body(&[Some(b"hello world!")], None), "planned length"),
        ] {
            let Poll::Ready(Some(Err(error))) = poll(&mut body) else {
                panic!("no error");
            };
            let shown = error.source().map(ToString::to_string).unwrap();
            assert!(shown.contains(source), "{shown}");
            assert!(!body.is_end_stream());
            assert!(matches!(poll(&mut body), Poll::Ready(Some(Err(_)))));
        }
    }
}
