//! The notations of arguments: files, shorthand and JSON as `aws` reads them, headers as curl does.

pub(crate) mod file_argument;
mod header;
pub(crate) mod shorthand;
pub(crate) mod url;

pub(crate) use self::header::header_of;
