#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(all(feature = "client", feature = "server")),
    allow(
        rustdoc::broken_intra_doc_links,
        reason = "the README links to items of features that are off"
    )
)]

#[cfg(feature = "client")]
mod client;
pub mod container;
mod credentials;
mod endpoint;
mod error;
pub mod events;
mod json;
#[cfg(any(feature = "client", feature = "server"))]
mod lock;
pub mod metadata;
mod path;
#[cfg(any(feature = "rustls-no-provider", feature = "server-tls"))]
mod provider;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;

#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder, Entry, RoleCredentials, Walk, Watch};
pub use credentials::parse_credentials;
pub use endpoint::{Endpoint, Mode};
pub use error::{Error, ErrorKind};
pub use path::Path;
