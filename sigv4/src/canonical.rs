//! The canonical request: one writer for signing, presigning, explaining and verifying, by header or by query, with
//! either algorithm. It writes into a [`Sink`], which is the hasher itself when nobody wants to read the text.
//!
//! A form of signing (v4 or v4a, by header or by query) collects the [`Headers`] it signs, with those that it adds
//! itself, and calls [`write`] with them, the hash of the body and a function that writes the canonical query. The hash of
//! that is the last line of the string to sign; the lines before are `key::string_to_sign_prefix`, which takes any
//! algorithm and scope.

use crate::{
    encode,
    inline::{self, InlineVec},
    request::Request,
    rules::Rules,
    scan,
    sha256::Sink,
};

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
    encode::path(
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

/// Headers in canonical order.
pub(crate) struct Headers<'a> {
    entries: InlineVec<Entry<'a>, 24>,
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    /// The first 16 bytes of the name in lower case, which decide nearly every comparison.
    prefix: u128,
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> Headers<'a> {
    /// Those of the request that `keep` names (it sees them in any case), and `added` ones with lower-case names.
    pub(crate) fn collect(
        request: &'a Request<'_>,
        added: &[(&'static str, &'a [u8])],
        keep: impl Fn(&[u8]) -> bool,
    ) -> Self {
        let mut entries = InlineVec::new(Entry {
            prefix: 0,
            name: b"",
            value: b"",
        });
        let mut has_host = false;
        request.for_each_header(|name, value| {
            if keep(name) {
                has_host |= name.eq_ignore_ascii_case(b"host");
                entries.push(Entry::new(name, value));
            }
        });
        if !has_host {
            entries.push(Entry::new(b"host", request.host().as_bytes()));
        }
        for (name, value) in added {
            entries.push(Entry::new(name.as_bytes(), value));
        }
        inline::sort(entries.as_mut_slice(), Entry::precedes);
        Self { entries }
    }

    /// Those that `names`, a list as in `SignedHeaders`, says are signed. Others may be on the request if `may_be_unsigned` says so.
    pub(crate) fn select(
        request: &'a Request<'_>,
        names: &'a [u8],
        may_be_unsigned: impl Fn(&[u8]) -> bool,
    ) -> Result<Self, Selection<'a>> {
        let Self { mut entries } = Self::collect(request, &[], |_| true);
        let list = entries.as_mut_slice();
        let (mut at, mut kept) = (0, 0);
        let mut previous = None;
        for name in names.split(|byte| *byte == b';') {
            if !scan::all(name, |byte| byte.is_ascii() & !byte.is_ascii_uppercase()) {
                return Err(Selection::Unsorted);
            }
            let named = Entry::new(name, b"");
            if previous.is_some_and(|previous: Entry<'_>| !previous.precedes(&named)) {
                return Err(Selection::Unsorted);
            }
            while at < list.len() && list[at].precedes(&named) {
                allow_unsigned(&list[at], &may_be_unsigned)?;
                at += 1;
            }
            let first = at;
            while at < list.len() && list[at].is_named_as(&named) {
                list[kept] = list[at];
                (at, kept) = (at + 1, kept + 1);
            }
            if at == first {
                return Err(Selection::Missing);
            }
            previous = Some(named);
        }
        for entry in &list[at..] {
            allow_unsigned(entry, &may_be_unsigned)?;
        }
        entries.truncate(kept);
        Ok(Self { entries })
    }

    /// `host;x-amz-date`.
    pub(crate) fn write_names(&self, sink: &mut impl Sink) {
        for (index, entry) in self.distinct().enumerate() {
            if index > 0 {
                sink.push(b';');
            }
            entry.write_name(sink);
        }
    }

    /// The length of what [`write_names`](Self::write_names) writes.
    pub(crate) fn names_length(&self) -> usize {
        let with_separators: usize = self.distinct().map(|entry| entry.name.len() + 1).sum();
        with_separators - 1
    }

    /// A line for each name: lower-case, `:`, and the values of all headers of that name joined by `,` in order.
    fn write(&self, sink: &mut impl Sink) {
        let entries = self.entries.as_slice();
        for (index, entry) in entries.iter().enumerate() {
            let repeats = index > 0 && entries[index - 1].is_named_as(entry);
            if repeats {
                sink.push(b',');
            } else {
                if index > 0 {
                    sink.push(b'\n');
                }
                entry.write_name(sink);
                sink.push(b':');
            }
            write_value(sink, entry.value);
        }
        sink.push(b'\n');
    }

    /// The first entry of each name.
    fn distinct(&self) -> impl Iterator<Item = &Entry<'a>> {
        let entries = self.entries.as_slice();
        entries.iter().enumerate().filter_map(|(index, entry)| {
            (index == 0 || !entries[index - 1].is_named_as(entry)).then_some(entry)
        })
    }
}

impl<'a> Entry<'a> {
    #[inline]
    fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            prefix: lower_case(inline::prefix(name)),
            name,
            value,
        }
    }

    #[inline]
    fn precedes(&self, other: &Self) -> bool {
        if self.prefix != other.prefix {
            return self.prefix < other.prefix;
        }
        let lower = |entry: &Self| entry.name.iter().map(u8::to_ascii_lowercase);
        (self.name.len() > 16 || other.name.len() > 16) && lower(self).lt(lower(other))
    }

    fn write_name(&self, sink: &mut impl Sink) {
        let (head, tail) = self.name.split_at(self.name.len().min(16));
        sink.write(&self.prefix.to_be_bytes()[..head.len()]);
        tail.iter()
            .for_each(|byte| sink.push(byte.to_ascii_lowercase()));
    }

    #[inline]
    fn is_named_as(&self, other: &Self) -> bool {
        self.prefix == other.prefix && self.name.eq_ignore_ascii_case(other.name)
    }
}

/// Sixteen ASCII characters in lower case, all at once. Of others the additions below would overflow.
///
/// An addition carries into the top bit of each byte that is at least `A`, another one into that of each byte beyond `Z`; where
/// only the first did, the bit that makes a small letter is set.
#[inline]
const fn lower_case(text: u128) -> u128 {
    const ONES: u128 = u128::MAX / 0xff;
    let at_least_a = text + ONES * (0x80 - b'A' as u128);
    let beyond_z = text + ONES * (0x7f - b'Z' as u128);
    text | (at_least_a & !beyond_z & (ONES * 0x80)) >> 2
}

/// Why the headers of a request and the list of those that are signed do not go together.
pub(crate) enum Selection<'a> {
    /// The list is not sorted, not lower-case ASCII, or names a header twice.
    Unsorted,
    /// The list names one that the request does not have.
    Missing,
    /// The request has one that should be signed.
    Unsigned(&'a [u8]),
}

fn allow_unsigned<'a>(
    entry: &Entry<'a>,
    may_be_unsigned: impl Fn(&[u8]) -> bool,
) -> Result<(), Selection<'a>> {
    if may_be_unsigned(entry.name) {
        Ok(())
    } else {
        Err(Selection::Unsigned(entry.name))
    }
}

/// Headers that must not be signed: `Authorization` because it will hold the signature, the rest because clients,
/// proxies and load balancers set, change or drop them on the way.
pub(crate) fn is_never_signed(name: &[u8]) -> bool {
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    match name.first().map_or(0, u8::to_ascii_lowercase) {
        b'a' => is(b"authorization") || is(b"accept-encoding"),
        b'c' => is(b"connection"),
        b'e' => is(b"expect"),
        b'k' => is(b"keep-alive"),
        b'p' => begins(name, b"proxy-"),
        b's' => begins(name, b"sec-websocket-"),
        b't' => is(b"te") || is(b"trailer") || is(b"transfer-encoding"),
        b'u' => is(b"user-agent") || is(b"upgrade"),
        b'x' => is(b"x-amzn-trace-id"),
        _ => false,
    }
}

pub(crate) fn begins(name: &[u8], prefix: &[u8]) -> bool {
    name.len() >= prefix.len() && name[..prefix.len()].eq_ignore_ascii_case(prefix)
}

/// Blanks, tabs and folded line ends go at both ends and become one blank inside, within quotes too.
fn write_value(sink: &mut impl Sink, value: &[u8]) {
    let value = value.trim_ascii();
    if !scan::any_pair(value, |a, b| (a < b' ') | ((a == b' ') & (b == b' '))) {
        return sink.write(value);
    }
    let mut words = value.split(is_blank).filter(|word| !word.is_empty());
    if let Some(first) = words.next() {
        sink.write(first);
    }
    for word in words {
        sink.push(b' ');
        sink.write(word);
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ascii_character_is_lowered_at_every_place() {
        for character in 0..0x80_u8 {
            for place in 0..16 {
                let mut text = *b"aZ-zA0_Mm~9@[`{x";
                text[place] = character;
                let lower = lower_case(u128::from_be_bytes(text)).to_be_bytes();
                assert_eq!(lower, text.map(|byte| byte.to_ascii_lowercase()));
            }
        }
    }
}
