#![doc = include_str!("../README.md")]

mod cached;
mod chain;
mod env;
mod error;
mod explanation;
mod origin;
mod profiles;
mod provider;
mod providers;
mod region;
mod settings;
mod view;

pub use cached::Cached;
pub use chain::{Chain, Order, Resolution};
pub use env::{Env, Platform};
pub use error::{Error, ErrorKind};
pub use explanation::{Cure, Explanation, Row, Verdict};
pub use origin::{Location, Origin};
pub use profiles::{
    Editor, FileKind, Part, Problem, ProblemKind, Profiles, Saved, Section, SectionName, Value,
};
pub use provider::{
    BoxFuture, Bypass, Found, Inspection, Outcome, Provider, ProviderFn, provider_fn,
};
#[cfg(feature = "imds")]
pub use providers::InstanceMetadata;
pub use providers::{Container, Environment, Profile, WebIdentity};
pub use region::Region;
pub use settings::{Setting, Settings};
