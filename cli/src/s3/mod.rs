//! S3, independent of the command line: the addresses of objects, a client, and lists.

mod address;
mod call;
mod client;
mod content;
mod error;
mod hosts;
mod list;
mod uri;
mod xml;

pub(crate) use self::{
    address::Address,
    call::Call,
    client::Client,
    content::Content,
    error::Error,
    hosts::{S3, S3_ACCELERATE},
    list::{Bucket, BucketList, Entry, ObjectList, Page},
    uri::{Addressing, Object, is_accelerated},
};
