//! S3, apart from the command line.

mod uri;

pub(crate) use self::uri::{split, url};
