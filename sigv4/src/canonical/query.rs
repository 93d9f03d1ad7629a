use crate::codec::{
    percent::{HEX, UNRESERVED, escaped, unit},
    sink::{Sink, Text},
    small_vec::{self, SmallVec},
};

/// The canonical form of a query as it came over the wire, without the parameters that `skip` names.
pub(crate) fn write_query(sink: &mut impl Sink, wire: &str, skip: impl Fn(&[u8]) -> bool) {
    if wire.is_empty() {
        return;
    }
    // A short query, as most are, needs little room, and room must be cleared.
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

/// Of a query that is not in the canonical encoding yet: written anew first.
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

/// The parameters of a query within a text that holds them encoded.
pub(crate) struct Query<const N: usize = 32> {
    pairs: SmallVec<Pair, N>,
}

/// Offsets of `key=value` in the text; a missing `=` leaves `value` at the end. They are small so that sorting moves little: a
/// request's target is at most a gibibyte.
#[derive(Clone, Copy)]
struct Pair {
    /// The first 16 bytes of the key once sorted, which decide most comparisons.
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

    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.as_slice().is_empty()
    }

    /// Adds the parameters of a query as it came over the wire, in its order, joined by `&`, each encoded the one
    /// canonical way: decoded, where `+` is a blank, and encoded again. Empty pieces are left out, and so are the keys that
    /// `skip` names.
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

    /// Adds the parameters of a query that has the canonical form but for its order, as they stand in it. Of any other it
    /// says no, and may have added some.
    pub(crate) fn add_canonical(&mut self, wire: &[u8], skip: impl Fn(&[u8]) -> bool) -> bool {
        let mut rest = wire;
        while !rest.is_empty() {
            let start = wire.len() - rest.len();
            let (key, after) = rest.split_at(canonical_run(rest));
            let key_end = start + key.len();
            let (mut value, mut end) = (key_end, key_end);
            rest = after;
            if let [b'=', after @ ..] = rest {
                let run = canonical_run(after);
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

    /// Adds one parameter whose value is written, encoded, by a function.
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

    /// Sorts as encoded: by key, then by value, as pairs. (Joined by `=` they would sort differently: `a=1` and `a1=2`.)
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
            |a, b| (a.key(text), a.value(text)).cmp(&(b.key(text), b.value(text))),
        );
    }

    /// The canonical query, of a sorted list.
    pub(crate) fn write(&self, text: &[u8], out: &mut impl Sink) {
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

/// Decodes and encodes again, up to `&`, and for a key up to `=`; returns what is left. What is encoded the canonical way
/// already is copied in one piece.
fn recode<'a>(out: &mut impl Sink, mut text: &'a [u8], is_key: bool) -> &'a [u8] {
    loop {
        let (run, rest) = text.split_at(canonical_run(text));
        out.write(run);
        match rest.first() {
            None | Some(b'&') => return rest,
            Some(b'=') if is_key => return rest,
            Some(_) => text = &rest[recode_first(out, rest)..],
        }
    }
}

/// How many bytes at the beginning are encoded the canonical way already.
#[inline]
fn canonical_run(text: &[u8]) -> usize {
    let mut rest = text;
    loop {
        rest = match rest {
            [byte, after @ ..] if UNRESERVED[usize::from(*byte)] => after,
            [b'%', high, low, after @ ..] if is_needed_escape(*high, *low) => after,
            _ => return text.len() - rest.len(),
        }
    }
}

/// Whether these digits, in upper case, are of an escape that is needed.
#[inline]
fn is_needed_escape(high: u8, low: u8) -> bool {
    let (high, low) = (UPPER_HEX[usize::from(high)], UPPER_HEX[usize::from(low)]);
    (high | low) < 16 && !UNRESERVED[usize::from(high << 4 | low)]
}

/// The values of `0` to `9` and `A` to `F`; 255 for the rest.
const UPPER_HEX: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        table[HEX[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// Writes what the beginning of a text stands for, and returns how long that beginning is.
fn recode_first(out: &mut impl Sink, text: &[u8]) -> usize {
    let (byte, taken) = text.first().map_or((0, 0), |first| unit(*first, text));
    if UNRESERVED[usize::from(byte)] {
        out.push(byte);
    } else {
        escaped(out, byte);
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
