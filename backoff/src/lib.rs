#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod budget;
mod call;
mod date;
mod fault;
mod hint;
mod policy;
mod random;
#[cfg(feature = "tokio")]
mod retry;
mod skew;

pub use budget::Budget;
pub use call::{Call, Decision, Stop};
pub use fault::{Classify, Failure, Fault, FaultKind, THROTTLING_CODES, classify};
pub use hint::Hint;
pub use policy::{Jitter, Policy};
pub use random::{Random, SplitMix64};
#[cfg(feature = "tokio")]
pub use retry::{Pause, Retry, retry};
pub use skew::ClockSkew;
