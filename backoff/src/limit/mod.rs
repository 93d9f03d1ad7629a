//! Limiters: how fast requests may be sent, across all calls that share one.
//!
//! | limiter | for | what it knows |
//! |---|---|---|
//! | [`RateLimit`] | a limit that the service documents | the rate and the bucket, from you |
//! | [`ProbingLimiter`] | a service that throttles at a rate you do not know | the rate, by itself |
//! | [`AdaptiveLimiter`] | programs that must behave like an AWS SDK | as the SDKs do |
//!
//! Share one in a `Shared`, or by key in a `KeyedLimit`, and pass it to
//! [`Retry::limiter`](crate::Retry::limiter). Those that must wait stand in a line, first come,
//! first served. Each can also be used alone.
//!
//! # Documented limits
//!
//! Each limit is for one account and one region, so all programs that run there share it.
//!
//! | requests | a second | bucket | limiter |
//! |---|---|---|---|
//! | EC2, each `Describe…`, `Get…`, `List…` and `Search…` | 20 | 100 | [`RateLimit::EC2_READ`] |
//! | EC2, `DescribeInstances` and others like it without a filter or pages | 10 | 50 | [`RateLimit::EC2_READ_ALL`] |
//! | EC2, each action that changes something | 5 | 50 | [`RateLimit::EC2_CHANGE`] |
//! | EC2, `RunInstances` | 2 | 5 | [`RateLimit::EC2_RUN_INSTANCES`] |
//! | S3, `GET` and `HEAD` of each prefix | 5,500 | | `KeyedLimit` of [`RateLimit::S3_READ`] |
//! | S3, `PUT`, `COPY`, `POST` and `DELETE` of each prefix | 3,500 | | `KeyedLimit` of [`RateLimit::S3_CHANGE`] |
//!
//! Sources: [EC2][ec2] and [S3][s3]; the sizes of S3's buckets are not documented. Guides often say
//! that EC2 allows 100 `DescribeInstances` a second. That is the size of the bucket; the rate is
//! 20. EC2 also counts the instances that `RunInstances` and `StartInstances` start: 2 a second
//! from a bucket of 1,000. A `RateLimit` counts requests, so it holds there only for one instance
//! in each. Some actions have limits of their own, and an account can have others: see the page of
//! EC2 and Service Quotas. S3 raises its limits while a prefix is busy, and throttles meanwhile, so
//! there a [`ProbingLimiter`] finds more than is documented.
//!
//! [ec2]: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
//! [s3]: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html

mod adaptive;
#[cfg(feature = "std")]
mod algorithm;
mod cubic;
#[cfg(feature = "std")]
mod keyed;
mod permit;
mod probing;
mod rate;
#[cfg(feature = "std")]
mod shared;

use core::{task::Waker, time::Duration};

pub use adaptive::AdaptiveLimiter;
#[cfg(feature = "std")]
pub use algorithm::Algorithm;
pub use cubic::Cubic;
#[cfg(feature = "std")]
pub use keyed::KeyedLimit;
pub(crate) use permit::{Line, Permit};
pub use probing::ProbingLimiter;
pub use rate::RateLimit;
#[cfg(feature = "std")]
pub use shared::Shared;

/// Decides whether a request may be sent now.
///
/// `Shared` and the keys of a `KeyedLimit` are limiters. For one of your own, [`acquire`] is
/// enough; the methods with a [`Place`] are for limiters that have a line.
///
/// Times are counted from any fixed point of a clock of the caller's choice; one limiter must
/// always be given the same clock.
///
/// [`acquire`]: Limiter::acquire
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shared by calls",
    note = "wrap an algorithm such as `RateLimit`: `Shared::new(limit)`"
)]
pub trait Limiter {
    /// Takes permission to send one request at `now`, without standing in the line.
    ///
    /// A call that is dropped while it waits has taken none.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long to wait before asking again. Nothing was taken.
    fn acquire(&self, now: Duration) -> Result<(), Duration>;

    /// Takes permission to send one request at `now`, or a place in the line.
    ///
    /// Once the request is the first in the line, and whenever it may be sent sooner than it was
    /// told, `waker` is woken: then, or after the wait, ask again with the same place. Give the
    /// place back with [`leave`](Limiter::leave). By default there is no line.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long; for one that is not the first, that is a guess.
    /// Nothing was taken but the place.
    fn acquire_in_line(
        &self,
        place: &mut Place,
        waker: &Waker,
        now: Duration,
    ) -> Result<(), Duration> {
        let _ = (place, waker);
        self.acquire(now)
    }

    /// Returns true if the request with this place was woken and has not asked since. Otherwise
    /// `waker` takes the place of the one before.
    fn is_called(&self, place: &Place, waker: &Waker) -> bool {
        let _ = (place, waker);
        false
    }

    /// Gives a place back: the request is not sent. Does nothing for one that was granted.
    fn leave(&self, place: &mut Place) {
        let _ = place;
    }

    /// Records an answer that came at `now`, and whether it was throttling. Does nothing by
    /// default.
    fn on_answer(&self, throttled: bool, now: Duration) {
        let _ = (throttled, now);
    }

    /// Records an answer that came at `now` and says that the service is broken: a 5xx that is not
    /// throttling. By default it counts as one that is not throttled.
    fn on_fault(&self, now: Duration) {
        self.on_answer(false, now);
    }

    /// Records that a request got no answer: no connection was made, or it broke, or a timeout
    /// ended it. By default it is forgotten.
    fn on_lost(&self) {
        self.on_unanswered();
    }

    /// Forgets a request that was granted and was not sent, or was given up before its answer. Does
    /// nothing by default.
    fn on_unanswered(&self) {}

    /// Returns true if a throttled request needs no delay besides the wait for this limiter,
    /// because it knows the rate. By default it does not.
    fn paces(&self) -> bool {
        false
    }
}

/// A place in the line of a [`Limiter`]: none at first, and after permission was given.
#[derive(Debug, Default)]
pub struct Place {
    #[cfg_attr(not(feature = "std"), allow(dead_code, reason = "lines need `std`"))]
    ticket: Option<u64>,
    is_behind: bool,
}

impl Place {
    /// Returns true if others stand before it in the line. The request is woken when it is its
    /// turn, and need not ask before.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.is_behind
    }
}
