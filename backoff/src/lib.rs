#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod budget;
mod call;
mod date;
mod delays;
mod error_code;
mod fault;
mod hint;
#[cfg(feature = "http")]
mod http;
mod limiter;
mod policy;
mod random;
mod retry;
mod sdk_request;
mod skew;
mod trace;

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
#[cfg(feature = "std")]
pub use limiter::KeyedLimit;
pub use limiter::{AdaptiveLimiter, Cubic, Limiter, RateLimit};
pub use policy::{Jitter, Policy};
pub use random::{Random, SplitMix64};
pub use retry::{
    Blocking, BlockingSleep, Judge, Notify, Pause, Report, Retry, ThreadSleep, Timer, retry,
    retry_blocking,
};
pub use sdk_request::SdkRequest;
pub use skew::ClockSkew;
