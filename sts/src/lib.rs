//! [`actions`]: crate::actions
//! [`call`]: crate::call
//! [`console`]: crate::console
//! [`decision`]: crate::decision
//! [`saml`]: crate::saml
//! [`trust`]: crate::trust
//! [`AssumeRole`]: actions::AssumeRole
//! [`GetCallerIdentity`]: actions::GetCallerIdentity
//! [`GetSessionToken`]: actions::GetSessionToken
// The links above lead to the items of these docs. The README defines the same links again, for
// other places where it is shown; Markdown uses the first definition.
#![cfg_attr(feature = "client", doc = include_str!("../README.md"))]
#![cfg_attr(
    not(feature = "client"),
    doc = "Requests to STS and their answers as pure functions; the feature `client` adds a client."
)]

pub mod actions;
pub mod call;
#[cfg(feature = "client")]
mod client;
pub mod console;
pub mod decision;
mod endpoint;
mod error;
mod json;
pub mod mfa;
#[cfg(any(feature = "signin", feature = "sso"))]
mod pkce;
mod principal;
mod replay;
pub mod saml;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "signin")]
pub mod signin;
#[cfg(feature = "sso")]
pub mod sso;
mod text;
#[cfg(any(feature = "signin", feature = "sso"))]
mod token_document;
pub mod trust;

#[cfg(feature = "client")]
pub use client::{Client, ClientBuilder};
#[cfg(feature = "connector")]
pub use client::{Connection, Connector, Route};
pub use endpoint::{Endpoint, EndpointBuilder, HostRule, Hosts, Partition};
pub use error::{Error, ErrorKind};
#[cfg(any(feature = "signin", feature = "sso"))]
pub use pkce::CodeVerifier;
pub use principal::{KeyKind, Principal, account_from_access_key_id};
