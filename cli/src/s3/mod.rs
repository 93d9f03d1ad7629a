//! The addresses of S3 objects, independent of the command line.

mod uri;

pub(crate) use self::uri::{Addressing, Object};
