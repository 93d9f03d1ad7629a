//! Servers that behave like an EC2 instance or a container's agent, for tests and for laptops.
//!
//! - [`Imds`] is an instance metadata service (IMDSv2). Its credentials come from a closure.
//! - [`Container`] is the agent that gives an ECS task or an EKS pod its credentials.
//! - [`listen`] is the HTTP listener they run on, for servers of your own.
//!
//! They listen on a loopback address, reject requests that are made for another host name (as a web
//! page does by DNS rebinding) or were forwarded by a proxy, count what they serve, and stop when
//! they are dropped. [`Fault`]s make them fail on demand.
//!
//! # Examples
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
pub mod listen;
mod places;
mod reading;
mod settings;
mod socket;
mod source;
#[cfg(feature = "server-tls")]
mod tls;
#[cfg(not(feature = "server-tls"))]
#[path = "no_tls.rs"]
mod tls;
mod token;
mod tree;

pub use self::{
    container::{Container, ContainerBuilder},
    counters::Counters,
    fault::Fault,
    imds::{Imds, ImdsBuilder},
};
