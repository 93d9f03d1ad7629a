//! Percent-encoding by RFC 3986, and the canonical forms of a path and of a query.

use alloc::{string::String, vec::Vec};

use crate::{
    hex,
    inline::{self, InlineVec},
    scan,
    sha256::Sink,
};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// RFC 3986, section 2.3: what never needs encoding. Without a branch, for [`scan::all`].
#[inline]
const fn is_unreserved(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    is_letter
        | byte.is_ascii_digit()
        | (byte == b'-')
        | (byte == b'.')
        | (byte == b'_')
        | (byte == b'~')
}

const UNRESERVED: [bool; 256] = unreserved_and(b"");
/// What stays in a path.
const PATH: [bool; 256] = unreserved_and(b"/");
/// What stays in a path that was encoded already: the escapes too.
const ENCODED_PATH: [bool; 256] = unreserved_and(b"/%");

const fn unreserved_and(punctuation: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = is_unreserved(byte as u8);
        byte += 1;
    }
    let mut at = 0;
    while at < punctuation.len() {
        table[punctuation[at] as usize] = true;
        at += 1;
    }
    table
}

/// Where text is built that is also read back.
pub(crate) trait Text: Sink {
    fn bytes(&self) -> &[u8];

    /// Keeps the first bytes only.
    fn cut(&mut self, length: usize);

    fn length(&self) -> usize {
        self.bytes().len()
    }
}

impl Text for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn cut(&mut self, length: usize) {
        self.truncate(length);
    }
}

impl<const N: usize> Sink for InlineVec<u8, N> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.extend(bytes);
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        InlineVec::push(self, byte);
    }
}

impl<const N: usize> Text for InlineVec<u8, N> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.as_slice()
    }

    fn cut(&mut self, length: usize) {
        self.truncate(length);
    }
}

/// Every byte but the unreserved ones as `%XX`.
pub(crate) fn component(out: &mut impl Sink, text: &[u8]) {
    if scan::all(text, is_unreserved) {
        out.write(text);
    } else {
        escape(out, text, &UNRESERVED);
    }
}

/// Every byte but the unreserved ones and `/` as `%XX`.
pub(crate) fn path_bytes(out: &mut impl Sink, text: &[u8]) {
    escape(out, text, &PATH);
}

/// An upper bound of what [`component`] or [`Query::add`] writes.
pub(crate) fn component_length(text: &[u8]) -> usize {
    let escaped = text.iter().filter(|byte| !is_unreserved(**byte));
    text.len() + 2 * escaped.count()
}

fn escape(out: &mut impl Sink, mut text: &[u8], kept: &[bool; 256]) {
    while !text.is_empty() {
        let run = text
            .iter()
            .take_while(|byte| kept[usize::from(**byte)])
            .count();
        out.write(&text[..run]);
        let Some(byte) = text.get(run) else { return };
        escaped(out, *byte);
        text = &text[run + 1..];
    }
}

fn escaped(out: &mut impl Sink, byte: u8) {
    let [high, low] = hex_of(byte);
    out.write(&[b'%', high, low]);
}

/// The canonical URI. By the general rules the path is normalised, then encoded once more as it stands on the wire. S3 reads
/// the key and encodes that, so an escape stays what it is (in whichever case, as botocore and the C signer have it), and what the wire has bare, such as `@` or `=`, becomes one. (S3
/// itself takes a bare `+` for a blank, other servers of its kind take it for itself. Signed as itself, S3 refuses it
/// rather than reach for another key.)
pub(crate) fn path(out: &mut impl Sink, path: &str, normalize: bool, encode: bool) {
    let path = if path.is_empty() { "/" } else { path };
    let is_plain = |byte| is_unreserved(byte) | (byte == b'/') | (!encode & (byte == b'%'));
    let kept = if encode { &PATH } else { &ENCODED_PATH };
    if normalize && is_unnormalized(path) {
        escape(out, &normalized(path), kept);
    } else if scan::all(path.as_bytes(), is_plain) {
        out.write(path.as_bytes());
    } else {
        escape(out, path.as_bytes(), kept);
    }
}

fn is_unnormalized(path: &str) -> bool {
    scan::any_pair(path.as_bytes(), |a, b| {
        (a == b'/') & ((b == b'/') | (b == b'.'))
    })
}

/// Empty and `.` segments go, `..` takes the segment before with it but never passes the root, and a slash at the end
/// stays. (RFC 3986 section 5.2.4 would also leave one after a final dot segment; the majority of AWS's own signers
/// does not.) Escaped dots are no dots.
fn normalized(path: &str) -> Vec<u8> {
    let mut normal = Vec::with_capacity(path.len());
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                let parent = normal.iter().rposition(|byte| *byte == b'/');
                normal.truncate(parent.unwrap_or(0));
            }
            segment => {
                normal.push(b'/');
                normal.extend_from_slice(segment.as_bytes());
            }
        }
    }
    if normal.is_empty() || path.ends_with('/') {
        normal.push(b'/');
    }
    normal
}

/// The parameters of a query within a text that holds them encoded.
pub(crate) struct Query<const N: usize = 32> {
    pairs: InlineVec<Pair, N>,
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
            pairs: InlineVec::new(Pair::new(0, 0, 0, 0)),
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
            pair.prefix = inline::prefix(pair.key(text));
        }
        let list = self.pairs.as_mut_slice();
        inline::sort(
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

/// The text that a query component stands for; bytes that are not UTF-8 become U+FFFD.
pub(crate) fn decoded(mut text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    while let Some(first) = text.first() {
        let (byte, taken) = unit(*first, text);
        bytes.push(byte);
        text = &text[taken..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As [`decoded`], for a path: there `+` stands for itself.
pub(crate) fn decoded_path(path: &str) -> String {
    decoded(path.replace('+', "%2B").as_bytes())
}

/// The byte that the beginning of a query component stands for, and how many bytes say so. A `%` that begins no escape stands
/// for itself.
fn unit(first: u8, text: &[u8]) -> (u8, usize) {
    match (first, text) {
        (b'%', [_, high, low, ..]) => match (hex::value(*high), hex::value(*low)) {
            (Some(high), Some(low)) => (high << 4 | low, 3),
            _ => (b'%', 1),
        },
        (b'+', _) => (b' ', 1),
        (byte, _) => (byte, 1),
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

const fn hex_of(byte: u8) -> [u8; 2] {
    [HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]
}
