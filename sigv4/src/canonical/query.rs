use crate::codec::{
    percent::{UNRESERVED, canonical_run, decode_first, escape_byte},
    sink::{Sink, Text},
    small_vec::{self, SmallVec},
};

/// Writes the canonical form of a query as it is sent, without the parameters that `skip` names.
///
/// Source: Signature Version 4, "Create a canonical request", the canonical query string.
pub(crate) fn write_query(sink: &mut impl Sink, wire: &str, skip: impl Fn(&[u8]) -> bool) {
    if wire.is_empty() {
        return;
    }
    // Most queries are short. They use smaller buffers, because every buffer is zeroed first.
    if wire.len() <= 128 {
        write_query_within::<128, 4>(sink, wire, skip);
    } else {
        write_query_within::<1024, 32>(sink, wire, skip);
    }
}

fn write_query_within<const TEXT: usize, const PAIRS: usize>(
    sink: &mut impl Sink,
    wire: &str,
    skip: impl Fn(&[u8]) -> bool,
) {
    let mut query = Query::<PAIRS>::new();
    if query.add_canonical(wire.as_bytes(), &skip) {
        query.sort(wire.as_bytes());
        query.write(wire.as_bytes(), sink);
    } else {
        write_recoded::<TEXT, PAIRS>(sink, wire, skip);
    }
}

/// Encodes a query the canonical way first.
fn write_recoded<const TEXT: usize, const PAIRS: usize>(
    sink: &mut impl Sink,
    wire: &str,
    skip: impl Fn(&[u8]) -> bool,
) {
    let mut text = SmallVec::<u8, TEXT>::new(0);
    let mut query = Query::<PAIRS>::new();
    query.add(&mut text, wire, skip);
    query.sort(text.as_slice());
    query.write(text.as_slice(), sink);
}

/// A sorted list of parameters, with the text it points into.
#[derive(Clone, Copy)]
pub(crate) struct CanonicalQuery<'a> {
    parameters: &'a Query,
    text: &'a [u8],
}

impl CanonicalQuery<'_> {
    pub(crate) fn write(self, sink: &mut impl Sink) {
        self.parameters.write(self.text, sink);
    }
}

/// The parameters of a query, as offsets in a text that holds them encoded.
pub(crate) struct Query<const N: usize = 32> {
    pairs: SmallVec<Pair, N>,
}

/// Offsets of `key=value` in the text. Without a `=`, `value` is `key_end`.
///
/// 32 bits keep the pairs small, so that sorting moves little; a target is at most 1 GiB long.
#[derive(Clone, Copy)]
struct Pair {
    /// The first 16 bytes of the key, set by [`Query::sort`]. They decide most comparisons.
    prefix: u128,
    start: u32,
    key_end: u32,
    value: u32,
    end: u32,
}

impl Pair {
    #[inline]
    fn new(start: usize, key_end: usize, value: usize, end: usize) -> Self {
        Self {
            prefix: 0,
            start: start as u32,
            key_end: key_end as u32,
            value: value as u32,
            end: end as u32,
        }
    }

    fn key<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.key_end as usize]
    }

    fn value<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.value as usize..self.end as usize]
    }
}

impl<const N: usize> Query<N> {
    pub(crate) fn new() -> Self {
        Self {
            pairs: SmallVec::new(Pair::new(0, 0, 0, 0)),
        }
    }

    fn is_empty(&self) -> bool {
        self.pairs.as_slice().is_empty()
    }

    /// Adds the parameters of a query as it is sent, and appends them to `text` in the same order,
    /// joined by `&`.
    ///
    /// Each is decoded, with `+` as a space, and encoded the canonical way. Empty pieces and the
    /// keys that `skip` names are left out.
    pub(crate) fn add(&mut self, text: &mut impl Text, wire: &str, skip: impl Fn(&[u8]) -> bool) {
        let mut rest = wire.as_bytes();
        while !rest.is_empty() {
            if rest[0] == b'&' {
                rest = &rest[1..];
                continue;
            }
            if !self.is_empty() {
                text.push(b'&');
            }
            let start = text.length();
            rest = recode(text, rest, true);
            let key_end = text.length();
            let mut value = key_end;
            if let [b'=', after @ ..] = rest {
                text.push(b'=');
                value += 1;
                rest = recode(text, after, false);
            }
            if skip(&text.bytes()[start..key_end]) {
                text.cut(if self.is_empty() { start } else { start - 1 });
            } else {
                self.pairs
                    .push(Pair::new(start, key_end, value, text.length()));
            }
        }
    }

    /// Adds the parameters of a query that is encoded the canonical way already, as offsets in
    /// `wire`.
    ///
    /// Returns false if it is encoded another way; some parameters may have been added by then.
    pub(crate) fn add_canonical(&mut self, wire: &[u8], skip: impl Fn(&[u8]) -> bool) -> bool {
        let mut rest = wire;
        while !rest.is_empty() {
            let start = wire.len() - rest.len();
            let (key, after) = rest.split_at(canonical_run(rest, &UNRESERVED));
            let key_end = start + key.len();
            let (mut value, mut end) = (key_end, key_end);
            rest = after;
            if let [b'=', after @ ..] = rest {
                let run = canonical_run(after, &UNRESERVED);
                (value, end) = (key_end + 1, key_end + 1 + run);
                rest = &after[run..];
            }
            match rest {
                [] => {}
                [b'&', after @ ..] => rest = after,
                _ => return false,
            }
            if start < end && !skip(key) {
                self.pairs.push(Pair::new(start, key_end, value, end));
            }
        }
        true
    }

    /// Adds one parameter. The function `value` writes its value, encoded.
    pub(crate) fn add_with<T: Text>(
        &mut self,
        text: &mut T,
        key: &str,
        value: impl FnOnce(&mut T),
    ) {
        if !self.is_empty() {
            text.push(b'&');
        }
        let start = text.length();
        text.write(key.as_bytes());
        let key_end = text.length();
        text.push(b'=');
        value(text);
        self.pairs
            .push(Pair::new(start, key_end, key_end + 1, text.length()));
    }

    /// Sorts by the encoded key, then by the encoded value.
    pub(crate) fn sort(&mut self, text: &[u8]) {
        if self.pairs.as_slice().len() < 2 {
            return;
        }
        for pair in self.pairs.as_mut_slice() {
            pair.prefix = small_vec::prefix(pair.key(text));
        }
        let list = self.pairs.as_mut_slice();
        small_vec::sort(
            list,
            |pair| pair.prefix,
            // As pairs: joined by `=`, `a1=2` would come before `a=1`.
            |a, b| (a.key(text), a.value(text)).cmp(&(b.key(text), b.value(text))),
        );
    }

    /// Writes the canonical query. The list must be sorted.
    fn write(&self, text: &[u8], out: &mut impl Sink) {
        for (index, pair) in self.pairs.as_slice().iter().enumerate() {
            if index > 0 {
                out.push(b'&');
            }
            out.write(&text[pair.start as usize..pair.end as usize]);
            if pair.value == pair.key_end {
                out.push(b'=');
            }
        }
    }
}

impl Query {
    /// Returns the canonical query. The list must be sorted, and `text` the one it was made from.
    pub(crate) fn within<'a>(&'a self, text: &'a [u8]) -> CanonicalQuery<'a> {
        CanonicalQuery {
            parameters: self,
            text,
        }
    }
}

/// Decodes and encodes again, up to `&` or, for a key, up to `=`. Returns the rest of the text.
fn recode<'a>(out: &mut impl Sink, mut text: &'a [u8], is_key: bool) -> &'a [u8] {
    loop {
        // Runs that are canonical already are copied as they are.
        let (run, rest) = text.split_at(canonical_run(text, &UNRESERVED));
        out.write(run);
        match rest.first() {
            None | Some(b'&') => return rest,
            Some(b'=') if is_key => return rest,
            Some(_) => text = &rest[recode_first(out, rest)..],
        }
    }
}

/// Decodes the first byte of a text and encodes it again. Returns how many bytes were read.
fn recode_first(out: &mut impl Sink, text: &[u8]) -> usize {
    let (byte, taken) = text
        .first()
        .map_or((0, 0), |first| decode_first(*first, text));
    if UNRESERVED[usize::from(byte)] {
        out.push(byte);
    } else {
        escape_byte(out, byte);
    }
    taken
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use super::*;

    fn canonical_query(wire: &str) -> String {
        let mut text = Vec::new();
        write_query(&mut text, wire, |key| key == b"skipped");
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_canonical_query_stays_as_it_is() {
        let long = alloc::format!("k={}", "%C3%A9".repeat(40));
        for wire in [
            "a",
            "b=2&&a=1&",
            "=",
            "a=x=y&skipped=1&%61=+",
            "a1=2&a=1&skipped",
            &long,
        ] {
            let once = canonical_query(wire);
            assert_eq!(canonical_query(&once), once, "{wire}");
        }
    }

    #[test]
    fn a_query_in_canonical_encoding_is_sorted_and_completed_as_any_other() {
        assert_eq!(
            canonical_query("b=2&&a&skipped=1&a%20=%2F&"),
            "a=&a%20=%2F&b=2"
        );
        assert_eq!(canonical_query("b=2&&a&skipped=1&a+=/&"), "a=&a%20=%2F&b=2");
    }
}
