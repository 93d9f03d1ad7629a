//! Benches of the Keyfob crates beside their peers. See the README of this crate.

pub mod case;
#[cfg(feature = "cold")]
pub mod cold;
pub mod contention;
pub mod measure;
pub mod peers;
pub mod report;
pub mod results;

/// Any error. The binaries print it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The examples of the workspace's README, compiled here because this crate depends on every crate
/// they use.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Examples;
