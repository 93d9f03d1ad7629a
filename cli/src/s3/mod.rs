//! The addresses of S3 objects, independent of the command line.

mod hosts;
mod uri;

pub(crate) use self::{
    hosts::{S3, S3_ACCELERATE},
    uri::{Addressing, Object, is_accelerated},
};
