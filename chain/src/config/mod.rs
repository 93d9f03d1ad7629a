//! Settings: what variables, configuration files and arguments of the program choose.

#[cfg(feature = "sts")]
mod calls;
mod endpoint_url;
mod findings;
#[cfg(feature = "imds")]
mod imds;
#[cfg(feature = "imds")]
mod instance;
mod pipes;
mod private;
mod region;
mod setting;
mod settings;
#[cfg(feature = "sts")]
mod sts;
mod system_properties;
pub mod table;
mod watch;

#[cfg(feature = "imds")]
pub(crate) use imds::DISABLED;
#[cfg(feature = "imds")]
pub(crate) use instance::Instance;
pub(crate) use private::{mode_finding, own_copy_if_possible};
pub use region::Region;
pub use setting::{Argument, Setting};
pub use settings::Settings;
pub(crate) use system_properties::SystemProperty;
