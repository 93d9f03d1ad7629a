//! The values of typed lookups: the identity document and its signature, the placement, the network
//! interfaces, the instance profile, and unpacked user data.

#[cfg(feature = "verify")]
mod ber;
#[cfg(feature = "verify")]
mod certificate;
mod document;
#[cfg(feature = "client")]
mod instance;
#[cfg(feature = "verify")]
mod signed_data;
#[cfg(feature = "user-data")]
mod user_data;

#[cfg(feature = "verify")]
pub use self::certificate::Certificate;
pub use self::document::IdentityDocument;
#[cfg(feature = "client")]
pub use self::instance::{IamInfo, Interface, Placement};
#[cfg(feature = "user-data")]
pub use self::user_data::{UserDataPart, unpack_user_data};
