//! S3, independent of the command line: the addresses of objects, a client, and lists.

mod address;
mod buckets;
mod call;
mod checksum;
mod client;
mod content;
mod delete;
mod error;
mod filter;
mod hosts;
mod list;
mod media_type;
mod object;
pub(crate) mod transfer;
mod uri;
mod xml;

pub(crate) use self::{
    address::Address,
    buckets::{create_bucket, delete_bucket},
    call::Call,
    checksum::{Algorithm, Checksum, Composite, Summer},
    client::{Answer, Client, FirstRefusal},
    content::{Content, Section},
    delete::Deletion,
    error::Error,
    filter::Filters,
    hosts::{S3, S3_ACCELERATE},
    list::{Bucket, BucketList, Entry, Listing, ObjectList, Page},
    media_type::media_type,
    object::{
        MultipartUpload, Part, StoredPart, copy_object, get_object, head_object, object_tags,
        part_size, put_object,
    },
    uri::{Addressing, Object, is_accelerated},
};
