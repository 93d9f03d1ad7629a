// The README links to docs.rs. The first definition of a link counts, so with these the same links
// stay within the docs at hand.
//! [`Cached`]: crate::Cached
//! [`Cached::credentials`]: crate::Cached::credentials
//! [`Cached::new`]: crate::Cached::new
//! [`Chain::from_env`]: crate::Chain::from_env
//! [`Chain::then`]: crate::Chain::then
//! [`ContainerProvider`]: crate::ContainerProvider
//! [`Finding`]: crate::Finding
//! [`Order`]: crate::Order
//! [`Order::Cli`]: crate::Order::Cli
//! [`Order::Rust`]: crate::Order::Rust
//! [`Origin::Default`]: crate::Origin::Default
//! [`Provider`]: crate::Provider
//! [`Settings`]: crate::Settings
//! [`Settings::resolve_region`]: crate::Settings::resolve_region
//! [`Settings::with_notify`]: crate::Settings::with_notify
//! [`Settings::with_profile`]: crate::Settings::with_profile
//! [`Sources`]: crate::Sources
//! [`Variables`]: crate::Variables
//! [`WebIdentityProvider`]: crate::WebIdentityProvider
//! [`files`]: crate::files
//! [`profiles::ConfigFiles`]: crate::profiles::ConfigFiles
//! [`profiles::ConfigFiles::parse_for`]: crate::profiles::ConfigFiles::parse_for
//! [`profiles::ConfigFiles::problems`]: crate::profiles::ConfigFiles::problems
//! [`profiles::Editor`]: crate::profiles::Editor
//! [`provider_fn`]: crate::provider_fn()
#![doc = include_str!("../README.md")]

mod adapters;
mod cache;
mod chain;
mod config;
mod cure;
mod error;
mod explain;
pub mod files;
mod finding;
mod json;
mod order;
mod origin;
pub mod profiles;
mod provider;
mod providers;
pub mod shell;
mod sources;
#[cfg(any(feature = "login", feature = "sso"))]
mod token_folder;
mod variables;

#[cfg(feature = "http")]
pub use adapters::RequestSigner;
#[cfg(feature = "tower")]
pub use adapters::SigningService;
pub use cache::{Cached, CachedCredentials};
pub use chain::{Chain, Resolution};
pub use config::{Argument, Region, Setting, Settings, table as settings};
pub use cure::{Selection, Skip};
pub use error::{Error, ErrorKind};
pub use explain::{Attempt, Explanation, TextPart, TextStyle, Verdict};
pub use finding::{Finding, FindingKind, Severity};
pub use order::Order;
pub use origin::{Location, Origin, with_tilde};
pub use provider::{
    Aside, BoxFuture, Found, Inspection, Outcome, Provider, ProviderFn, Renewal, provider_fn,
};
#[cfg(feature = "sts")]
pub use providers::AssumeRoleProvider;
#[cfg(feature = "imds")]
pub use providers::InstanceMetadataProvider;
pub use providers::{
    ContainerProvider, EnvironmentProvider, ProfileProvider, SystemPropertiesProvider,
    WebIdentityProvider,
};
#[cfg(feature = "sso")]
pub use providers::{SsoSession, SsoToken};
pub use sources::{
    MfaQuestion, ProcessCommand, ProcessOutput, ProcessStop, RoleSource, RunningProcess, Sources,
};
#[cfg(any(feature = "login", feature = "sso"))]
pub use token_folder::TokenFolder;
pub use variables::{Platform, Variables};
