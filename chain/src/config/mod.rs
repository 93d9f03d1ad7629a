//! Settings: what variables, configuration files and arguments of the program choose.

mod endpoint_url;
#[cfg(feature = "imds")]
mod imds;
mod region;
mod setting;
mod settings;

#[cfg(feature = "imds")]
pub(crate) use imds::DISABLED;
pub use region::Region;
pub use setting::{Argument, Setting};
pub use settings::Settings;
