// The first definition of a link wins: these lead to the items themselves, those of the README to docs.rs.
//! [`actions`]: crate::actions
//! [`AssumeRole`]: actions::AssumeRole
//! [`GetCallerIdentity`]: actions::GetCallerIdentity
//! [`GetSessionToken`]: actions::GetSessionToken
#![cfg_attr(feature = "client", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "client"),
    doc = "STS requests and answers as pure functions; see the docs of the feature `client`."
)]

pub mod actions;
pub mod call;
#[cfg(feature = "client")]
mod client;
mod endpoint;
mod error;
mod principal;

#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder};
pub use endpoint::{Endpoint, EndpointBuilder, Partition};
pub use error::{Error, ErrorKind};
pub use principal::{KeyKind, Principal};
