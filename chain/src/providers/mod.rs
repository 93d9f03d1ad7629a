//! The built-in providers. Each turns settings into an [`Outcome`](crate::Outcome).

#[cfg(feature = "sts")]
mod assume_role;
mod container;
mod environment;
#[cfg(feature = "imds")]
mod instance;
mod key;
#[cfg(feature = "login")]
mod login;
mod misspelt;
mod old_files;
mod process;
mod profile;
mod region;
mod role;
mod session;
#[cfg(any(feature = "sso", feature = "login"))]
mod shared_token;
#[cfg(feature = "sso")]
mod sso;
mod system_properties;
mod web_identity;
mod without_profile;

#[cfg(feature = "sts")]
pub use assume_role::AssumeRoleProvider;
pub use container::ContainerProvider;
pub use environment::EnvironmentProvider;
#[cfg(feature = "imds")]
pub use instance::InstanceMetadataProvider;
pub(crate) use old_files::{OLD_FILES, OldFiles, UnreadOldFiles};
pub use profile::ProfileProvider;
#[cfg(feature = "sso")]
pub use sso::{SsoSession, SsoToken};
pub use system_properties::SystemPropertiesProvider;
pub use web_identity::WebIdentityProvider;
