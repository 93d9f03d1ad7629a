//! The canonical request: one writer for signing, presigning, explaining and verifying, by header
//! or by query, with either algorithm.
//!
//! Each form of signing collects the [`Headers`] it signs and calls [`write`]. The text goes into a
//! [`Sink`], which is the hasher itself unless the text is to be shown. Its hash is the last line
//! of the string to sign; `key::string_to_sign_prefix` makes the lines before.

mod header_list;
mod headers;
mod path;
mod query;
mod rules;

pub(crate) use header_list::{ExistingHeaders, Headers, Overrides, Selection, ends_at_next_hop};
pub(crate) use headers::begins;
#[cfg(feature = "http")]
pub(crate) use path::is_canonical as is_canonical_path;
pub(crate) use path::{Path, is_signed as is_signed_path, write as write_path};
pub(crate) use query::{CanonicalQuery, Query, write_query};
pub use rules::{Rules, TokenRule};

use crate::codec::sink::Sink;

/// The signed headers, in the two forms that the canonical request holds.
#[derive(Clone, Copy)]
pub(crate) struct CanonicalHeaders<'a> {
    /// The headers themselves, sorted.
    pub(crate) block: &'a Headers<'a>,
    /// Their names, joined by `;`.
    pub(crate) names: &'a [u8],
}

/// Writes the canonical request.
///
/// Source: Signature Version 4, "Create a canonical request": method, path, query, headers, names
/// of the signed headers and hash of the body, each followed by a line feed but the last.
pub(crate) fn write<S: Sink>(
    sink: &mut S,
    method: &str,
    path: Path<'_>,
    rules: Rules,
    headers: CanonicalHeaders<'_>,
    content: &[u8],
    write_query: impl FnOnce(&mut S),
) {
    sink.write(method.as_bytes());
    sink.push(b'\n');
    path.write(sink, rules);
    sink.push(b'\n');
    write_query(sink);
    sink.push(b'\n');
    headers.block.write(sink);
    sink.push(b'\n');
    sink.write(headers.names);
    sink.push(b'\n');
    sink.write(content);
}
