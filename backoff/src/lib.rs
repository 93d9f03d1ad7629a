// The README links to docs.rs. The first definition of a link counts, so with these the same links
// stay within the docs at hand.
//! [`retry`]: crate::retry()
//! [timer]: crate::Retry::timer
//! [random]: crate::Retry::random
//! [`retry_blocking`]: crate::retry_blocking
//! [`Call`]: crate::Call
//! [`Policy::delays`]: crate::Policy::delays
#![cfg_attr(
    feature = "tower",
    doc = "[`tower::RetryPolicy`]: crate::tower::RetryPolicy"
)]
#![cfg_attr(
    feature = "reqwest-middleware",
    doc = "[`reqwest_middleware::RetryMiddleware`]: crate::reqwest_middleware::RetryMiddleware"
)]
//! [`Policy`]: crate::Policy
//! [`Budget`]: crate::Budget
//! [`limit`]: crate::limit
//! [`Classify`]: crate::Classify
//! [`Failure::with_hint`]: crate::Failure::with_hint
//! [`base`]: crate::Policy::base
//! [`cap`]: crate::Policy::cap
//! [`deadline`]: crate::Retry::deadline
//! [attempts]: crate::Policy::attempts
//! [`jitter`]: crate::Policy::jitter
//! [`notify`]: crate::Retry::notify
//!
#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod budget;
mod call;
mod clock;
mod date;
mod delays;
mod duration;
mod error_code;
mod fault;
mod hint;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http2")]
mod http2;
mod policy;
mod random;
mod retry;
mod sdk_request;
mod skew;
mod trace;

pub mod limit;
#[cfg(feature = "reqwest-middleware")]
pub mod reqwest_middleware;
#[cfg(feature = "tower")]
pub mod tower;

pub use budget::Budget;
pub use call::{Call, Decision, Stop};
pub use delays::Delays;
pub use error_code::{BODY_LIMIT, error_code, s3_status};
pub use fault::{Classify, Failure, Fault, FaultKind, THROTTLING_CODES, classify};
pub use hint::Hint;
pub use policy::{Jitter, Policy};
pub use random::{Entropy, Random, SeededRandom};
pub use retry::{Pause, Report, Retry, hooks, retry, retry_blocking};
pub use sdk_request::SdkRequest;
pub use skew::ClockSkew;
