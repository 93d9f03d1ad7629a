//! Benches of the Keyfob crates, side by side with their peers. See the README beside this crate.

pub mod case;
pub mod contention;
pub mod measure;
pub mod peers;
pub mod report;

/// Any error, to be printed by the binary that met it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The examples of the workspace's README, compiled here because this crate depends on all of them.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Examples;
