//! S3 apart from the command line.

mod uri;

pub(crate) use self::uri::{Addressing, Object};
