use core::error::Error;

use h2::Reason;

use crate::fault::Failure;

impl Failure<'static> {
    /// Reads from the causes of an error whether an HTTP/2 server refused the request before it
    /// looked at it; if so, it counts as [never sent](Failure::connect).
    ///
    /// A server does that by resetting the stream with `REFUSED_STREAM`, or by closing the
    /// connection with a `GOAWAY` that names an earlier stream as the last one. `None` means
    /// anything else: the service may have acted on the request.
    ///
    /// ```
    /// use keyfob_backoff::Failure;
    ///
    /// fn classify(error: &std::io::Error) -> Failure<'_> {
    ///     Failure::refused_by_http2(error).unwrap_or(Failure::no_response())
    /// }
    ///
    /// let reset = std::io::ErrorKind::ConnectionReset.into();
    /// assert_eq!(classify(&reset), Failure::no_response());
    /// ```
    #[must_use]
    pub fn refused_by_http2(error: &(dyn Error + 'static)) -> Option<Self> {
        core::iter::successors(Some(error), |&error| error.source())
            .find_map(|error| error.downcast_ref())
            .filter(|error| is_unprocessed(error))
            .map(|_| Self::connect())
    }
}

/// Returns true if the server guarantees that it processed nothing of the request (RFC 9113 section
/// 8.7).
fn is_unprocessed(error: &h2::Error) -> bool {
    let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
    // Only a graceful GOAWAY fails the streams after the last one alone. One with an error ends all
    // streams alike.
    let went_away = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
    error.is_remote() && (refused || went_away)
}
