#![doc = include_str!("../README.md")]

#[cfg(feature = "client")]
mod client;
mod credentials;
mod endpoint;
mod error;
mod path;
#[cfg(feature = "server")]
pub mod server;
pub mod wire;

#[cfg(feature = "client")]
pub use client::{Builder, Client, RoleCredentials};
pub use credentials::parse_credentials;
pub use endpoint::{Endpoint, Mode};
pub use error::{Error, ErrorKind};
pub use path::Path;
