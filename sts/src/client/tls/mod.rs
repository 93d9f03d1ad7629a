//! What the TLS library in use makes of a CA bundle.

#[cfg(not(feature = "rustls"))]
mod native;
#[cfg(feature = "rustls")]
mod rustls;

use std::error::Error;

#[cfg(not(feature = "rustls"))]
pub(super) use self::native::{Certificate, build, parse};
#[cfg(feature = "rustls")]
pub(super) use self::rustls::{Certificate, build, describe, parse};

type BoxError = Box<dyn Error + Send + Sync>;
