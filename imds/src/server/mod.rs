//! Servers that speak what instances and containers speak, for tests and for laptops.
//!
//! [`Imds`] is an instance metadata service whose credentials come from a closure. It listens on a loopback address, takes
//! requests only for its own host name (so that no web page can reach it by DNS rebinding), refuses what was forwarded by
//! a proxy, counts what it was asked, and ends when it is dropped.
//!
//! ```
//! # #[cfg(feature = "client")] {
//! use keyfob_imds::{Client, server::Imds};
//! use keyfob_sigv4::{Credentials, Timestamp};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Credentials::new("ASIAEXAMPLE", "secret")?
//!     .with_session_token("token")?
//!     .with_expiry(Timestamp::now().plus_seconds(3600));
//! let instance = Imds::builder().role("web")?.credentials(key).start().await?;
//!
//! let client = Client::builder().endpoint(instance.endpoint()).build()?;
//! assert_eq!(client.credentials().await?.name, "web");
//! assert_eq!((instance.counters().tokens, instance.counters().credentials), (1, 1));
//! # Ok(())
//! # }
//! # }
//! ```

mod answer;
mod container;
mod counters;
mod example;
mod fault;
mod host;
mod imds;
mod items;
mod listener;
mod source;
mod token;
mod tree;

pub use container::{Builder as ContainerBuilder, Container};
pub use counters::Counters;
pub use fault::Fault;
pub use imds::{Builder as ImdsBuilder, Imds};
