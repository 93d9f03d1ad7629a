#![doc = include_str!("../README.md")]

#[cfg(feature = "verify")]
mod ber;
#[cfg(feature = "client")]
mod client;
pub mod container;
mod credentials;
mod document;
mod endpoint;
mod error;
mod events;
mod json;
#[cfg(any(feature = "client", feature = "server"))]
mod lock;
mod path;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "user-data")]
mod user_data;
#[cfg(feature = "verify")]
mod verify;
pub mod wire;

#[cfg(feature = "client")]
pub use client::{
    Builder, Client, Entry, Event, IamInfo, Interface, Placement, RoleCredentials, Walk, Watch,
};
pub use credentials::parse_credentials;
pub use document::IdentityDocument;
pub use endpoint::{Endpoint, Mode, is_on};
pub use error::{Error, ErrorKind};
pub use events::{Interruption, LifecycleState, MaintenanceEvent, SpotAction, parse_rebalance};
pub use path::Path;
#[cfg(feature = "user-data")]
pub use user_data::{UserDataPart, unpack_user_data};
#[cfg(feature = "verify")]
pub use verify::Certificate;
