//! The canonical request: one writer for signing, presigning, explaining and verifying, by header or by query, with
//! either algorithm. It writes into a [`Sink`], which is the hasher itself when nobody wants to read the text.
//!
//! A form of signing (v4 or v4a, by header or by query) collects the [`Headers`] it signs, with those that it adds
//! itself, and calls [`write`] with them, the hash of the body and a function that writes the canonical query. The hash of
//! that is the last line of the string to sign; the lines before are `key::string_to_sign_prefix`, which takes any
//! algorithm and scope.

mod headers;
mod path;
mod query;
mod rules;

pub(crate) use headers::{ExistingHeaders, Headers, Overrides, Selection, begins};
pub(crate) use path::write as write_path;
pub(crate) use query::{Query, write_query};
pub use rules::{Rules, TokenRule};

use crate::{codec::sink::Sink, request::Request};

/// Writes the canonical request: method, path, query, headers, names of the signed headers, hash of the body.
pub(crate) fn write<S: Sink>(
    sink: &mut S,
    request: &Request<'_>,
    rules: Rules,
    headers: (&Headers<'_>, &[u8]),
    content: &[u8],
    query: impl FnOnce(&mut S),
) {
    sink.write(request.method().as_bytes());
    sink.push(b'\n');
    path::write(
        sink,
        request.path(),
        rules.normalizes(),
        rules.encodes_twice(),
    );
    sink.push(b'\n');
    query(sink);
    sink.push(b'\n');
    headers.0.write(sink);
    sink.push(b'\n');
    sink.write(headers.1);
    sink.push(b'\n');
    sink.write(content);
}
