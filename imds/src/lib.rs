// The README links to docs.rs. The first definition of a link counts, so with these the same links
// stay within the docs at hand.
//! [`Client::credentials`]: crate::Client::credentials
//! [`Client::region`]: crate::Client::region
//! [`Client::get`]: crate::Client::get
//! [`Client::list`]: crate::Client::list
//! [`Client::walk`]: crate::Client::walk
//! [`Client::watch`]: crate::Client::watch
//! [`container::Client::credentials`]: crate::container::Client::credentials
//! [`metadata`]: crate::metadata
//! [`events`]: crate::events
//! [`wire`]: crate::wire
//! [`server::Imds`]: crate::server::Imds
//! [`server::Container`]: crate::server::Container
//! [`Error::is_no_instance`]: crate::Error::is_no_instance
//! [`Client::ami_id`]: crate::Client::ami_id
//! [`Client::get_optional`]: crate::Client::get_optional
//! [`Error::is_not_found`]: crate::Error::is_not_found
//! [`ClientBuilder::endpoint`]: crate::ClientBuilder::endpoint
//! [`Endpoint::from_settings`]: crate::Endpoint::from_settings
//! [`ClientBuilder::token_ttl`]: crate::ClientBuilder::token_ttl
//! [`ClientBuilder::attempts`]: crate::ClientBuilder::attempts
//! [`ClientBuilder::attempt_timeout`]: crate::ClientBuilder::attempt_timeout
//! [`ClientBuilder::timeout`]: crate::ClientBuilder::timeout
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
