use alloc::string::String;
use core::cmp::Ordering;

use super::{
    headers::{HeaderRules, NeverSigned, begins},
    rules::Rules,
};
use crate::{
    codec::{
        scan,
        sink::Sink,
        small_vec::{self, SmallVec},
    },
    error::{Error, ErrorKind},
    header_names::{CONTENT_SHA256, DATE, REGION_SET, S3_SESSION_TOKEN, SECURITY_TOKEN},
    request::{Request, is_same_host, without_secrets},
};

/// Headers in canonical order, once sorted.
pub(crate) struct Headers<'a> {
    entries: SmallVec<Entry<'a>, 24>,
    /// The length of all names, and one more for each.
    names_length: usize,
}

#[derive(Clone, Copy)]
struct Entry<'a> {
    /// The first 16 bytes of the name in lower case, which decide nearly every comparison.
    prefix: u128,
    name: &'a [u8],
    value: &'a [u8],
}

/// How signing treats a header, by its name.
#[derive(Clone, Copy)]
enum Role {
    /// Signed as it is.
    Signed,
    /// In the table of headers that are not signed by default.
    NeverSigned(NeverSigned),
    Date,
    ContentSha256,
    RegionSet,
    Token,
}

/// The headers of the request that the new signature replaces, and so leaves out of the signed set.
#[derive(Clone, Copy)]
pub(crate) struct Overrides {
    pub(crate) region_set: bool,
    pub(crate) token: bool,
}

impl Overrides {
    pub(crate) fn new(regions: Option<&str>, token: Option<&str>, request: &Request<'_>) -> Self {
        let is_resigned = request.is_resigned();
        Self {
            region_set: regions.is_some() || is_resigned,
            token: token.is_some() || is_resigned,
        }
    }
}

/// Headers of the request that signing sets itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct ExistingHeaders<'a> {
    /// The first `x-amz-content-sha256`, trimmed.
    pub(crate) content_sha256: Option<&'a [u8]>,
    /// Whether the request has a session token or a set of regions.
    pub(crate) token_or_regions: bool,
    /// A `Host` that differs from the first.
    other_host: Option<&'a [u8]>,
}

impl ExistingHeaders<'_> {
    /// Refuses a request with two `Host` headers that differ: no server accepts them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`] if so. Source: RFC 9112, section 3.2.
    #[inline]
    pub(crate) fn check_host(&self) -> Result<(), Error> {
        self.other_host.map_or(Ok(()), |host| Err(two_hosts(host)))
    }
}

impl<'a> Headers<'a> {
    /// Makes an empty list. It is filled in place, because moving it costs as much as sorting it.
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            entries: SmallVec::new(Entry {
                prefix: 0,
                name: b"",
                value: b"",
            }),
            names_length: 0,
        }
    }

    /// Adds the headers of the request that are signed, and `host` if it has none.
    pub(crate) fn collect(
        &mut self,
        request: &'a Request<'_>,
        rules: Rules,
        overrides: Overrides,
    ) -> ExistingHeaders<'a> {
        let mut existing = ExistingHeaders::default();
        let rules = rules.headers();
        let (is_table, mut has_connection) = (rules.is_table(), false);
        let other_host = self.add_all(request, |entry| match entry.role() {
            Role::Signed => is_table || rules.signs(entry.name, None),
            Role::NeverSigned(row) => {
                has_connection |= row.is_connection();
                request.signs_every_header() || !is_table && rules.signs(entry.name, Some(row))
            }
            Role::Date => false,
            Role::ContentSha256 => {
                existing.content_sha256 =
                    existing.content_sha256.or(Some(entry.value.trim_ascii()));
                false
            }
            Role::RegionSet => {
                existing.token_or_regions = true;
                !overrides.region_set
            }
            Role::Token => {
                existing.token_or_regions = true;
                !overrides.token
            }
        });
        existing.other_host = other_host;
        if has_connection {
            self.drop_named_by_connection(request, rules);
        }
        existing
    }

    /// Drops the headers that `Connection` names: proxies remove them.
    #[cold]
    fn drop_named_by_connection(&mut self, request: &Request<'_>, rules: HeaderRules) {
        for_each_connection_option(request, |option| {
            if rules.follows_connection(option) {
                self.remove(option);
            }
        });
    }

    fn remove(&mut self, name: &[u8]) {
        let (list, mut kept) = (self.entries.as_mut_slice(), 0);
        for at in 0..list.len() {
            if !list[at].name.eq_ignore_ascii_case(name) {
                list[kept] = list[at];
                kept += 1;
            }
        }
        self.entries.truncate(kept);
    }

    /// Adds the headers that `keep` accepts, and `host` if the request has none. Of several `Host`
    /// headers, the first is added. Returns one that differs from it.
    fn add_all(
        &mut self,
        request: &'a Request<'_>,
        mut keep: impl FnMut(&Entry<'a>) -> bool,
    ) -> Option<&'a [u8]> {
        let (mut host, mut other_host) = (None, None);
        request.for_each_header(|name, value| {
            let entry = Entry::new(name, value);
            if entry.is(b"host") {
                if let Some(first) = host {
                    other_host = other_host.or_else(|| different_host(first, value));
                    return;
                }
                host = Some(value);
                self.push(entry);
            } else if keep(&entry) {
                self.push(entry);
            }
        });
        if host.is_none() {
            self.push(Entry::new(b"host", request.host().as_bytes()));
        }
        other_host
    }

    /// Adds a header with a lower-case name.
    #[inline]
    pub(crate) fn add(&mut self, name: &'static str, value: &'a [u8]) {
        self.push(Entry::new(name.as_bytes(), value));
    }

    #[inline]
    fn push(&mut self, entry: Entry<'a>) {
        self.names_length += entry.name.len() + 1;
        self.entries.push(entry);
    }

    pub(crate) fn sort(&mut self) {
        let list = self.entries.as_mut_slice();
        small_vec::sort(list, |entry| entry.prefix, Entry::compare);
    }

    /// Adds, sorted, the headers of the request that `names` lists, in the form of `SignedHeaders`.
    /// The request may have others that `may_be_unsigned` accepts.
    pub(crate) fn select(
        &mut self,
        request: &'a Request<'_>,
        names: &[u8],
        may_be_unsigned: impl Fn(&[u8]) -> bool,
    ) -> Result<(), Selection> {
        // A verifier has refused a second `Host` already.
        self.add_all(request, |_| true);
        self.sort();
        let list = self.entries.as_mut_slice();
        let (mut at, mut selected) = (0, 0);
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
                list[selected] = list[at];
                (at, selected) = (at + 1, selected + 1);
            }
            if at == first {
                return Err(Selection::Missing);
            }
            previous = Some(named);
        }
        for entry in &list[at..] {
            allow_unsigned(entry, &may_be_unsigned)?;
        }
        self.entries.truncate(selected);
        Ok(())
    }

    /// Writes the names, such as `host;x-amz-date`.
    pub(crate) fn write_names(&self, sink: &mut impl Sink) {
        let mut previous = None;
        for entry in self.entries.as_slice() {
            if !entry.repeats(previous) {
                if previous.is_some() {
                    sink.push(b';');
                }
                entry.write_name(sink);
            }
            previous = Some(entry);
        }
    }

    /// Returns the length of what [`write_names`](Self::write_names) writes, or more if names are
    /// repeated.
    pub(crate) fn names_length(&self) -> usize {
        self.names_length.saturating_sub(1)
    }

    /// Writes a line for each name: the name in lower case, `:`, and the values of all headers of
    /// that name in order, joined by `,`.
    pub(super) fn write(&self, sink: &mut impl Sink) {
        let mut previous = None;
        for entry in self.entries.as_slice() {
            if entry.repeats(previous) {
                sink.push(b',');
            } else {
                if previous.is_some() {
                    sink.push(b'\n');
                }
                entry.write_name(sink);
                sink.push(b':');
            }
            write_value(sink, entry.value);
            previous = Some(entry);
        }
        sink.push(b'\n');
    }
}

/// Calls `f` with the name of each header that `Connection` names.
///
/// `host` and `x-amz-*` are left out, because no client may name them there.
///
/// Source: RFC 9110, section 7.6.1.
fn for_each_connection_option(request: &Request<'_>, mut f: impl FnMut(&[u8])) {
    request.for_each_header(|name, value| {
        if !name.eq_ignore_ascii_case(b"connection") {
            return;
        }
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if !option.eq_ignore_ascii_case(b"host") && !begins(option, b"x-amz-") {
                f(option);
            }
        }
    });
}

/// Returns true if a header of the request ends at the next hop, which is a proxy: by the table, or
/// because `Connection` names it.
pub(crate) fn ends_at_next_hop(request: &Request<'_>, name: &str) -> bool {
    let name = name.as_bytes();
    let mut ends = NeverSigned::find_name(name).is_some_and(NeverSigned::ends_at_hop);
    for_each_connection_option(request, |option| ends |= option.eq_ignore_ascii_case(name));
    ends
}

/// Returns the error of a request with two `Host` headers.
#[cold]
fn two_hosts(other: &[u8]) -> Error {
    let other = String::from_utf8_lossy(other);
    Error::new(ErrorKind::Host, without_secrets(&other))
}

/// Returns the value of a `Host` header if it differs from the first.
#[cold]
fn different_host<'a>(first: &[u8], value: &'a [u8]) -> Option<&'a [u8]> {
    (!is_same_host(first, value)).then_some(value)
}

impl<'a> Entry<'a> {
    #[inline]
    fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            prefix: lower_case(small_vec::prefix(name)),
            name,
            value,
        }
    }

    #[inline]
    fn precedes(&self, other: &Self) -> bool {
        self.prefix < other.prefix
            || self.prefix == other.prefix && self.compare(other) == Ordering::Less
    }

    /// Compares names whose prefixes are equal.
    #[inline]
    fn compare(&self, other: &Self) -> Ordering {
        let lower = |entry: &Self| entry.tail().iter().map(u8::to_ascii_lowercase);
        lower(self).cmp(lower(other))
    }

    /// Returns the part of the name after the prefix.
    #[inline]
    fn tail(&self) -> &'a [u8] {
        self.name.get(16..).unwrap_or_default()
    }

    #[inline]
    fn write_name(&self, sink: &mut impl Sink) {
        let length = self.name.len().min(16);
        sink.write_short(&self.prefix.to_be_bytes(), length);
        for byte in self.tail() {
            sink.push(byte.to_ascii_lowercase());
        }
    }

    #[inline]
    fn repeats(&self, previous: Option<&Self>) -> bool {
        previous.is_some_and(|previous| previous.is_named_as(self))
    }

    /// Returns true if it has this name, given in lower case.
    #[inline]
    fn is(&self, name: &'static [u8]) -> bool {
        self.is_named_as(&Entry::new(name, b""))
    }

    #[inline]
    fn role(&self) -> Role {
        if self.prefix >> 80 == AMZ {
            return self.role_of_amz();
        }
        NeverSigned::find(self.prefix, self.name).map_or(Role::Signed, Role::NeverSigned)
    }

    fn role_of_amz(&self) -> Role {
        let is = |name: &'static str| self.is(name.as_bytes());
        match self.name.len() {
            10 if is(DATE) => Role::Date,
            16 if is(REGION_SET) => Role::RegionSet,
            20 if is(CONTENT_SHA256) => Role::ContentSha256,
            20 if is(SECURITY_TOKEN) => Role::Token,
            21 if is(S3_SESSION_TOKEN) => Role::Token,
            _ => Role::Signed,
        }
    }

    #[inline]
    fn is_named_as(&self, other: &Self) -> bool {
        self.prefix == other.prefix
            && self.name.len() == other.name.len()
            && self.tail().eq_ignore_ascii_case(other.tail())
    }
}

/// Converts sixteen ASCII characters to lower case at once.
///
/// One addition carries into the top bit of each byte that is at least `A`, another one into that
/// of each byte after `Z`. If only the first did, the byte is a capital letter, and the bit that
/// makes it a small one is set. Bytes from 0x80 on would overflow; names are ASCII.
#[inline]
const fn lower_case(text: u128) -> u128 {
    const ONES: u128 = u128::MAX / 0xff;
    let at_least_a = text + ONES * (0x80 - b'A' as u128);
    let after_z = text + ONES * (0x7f - b'Z' as u128);
    text | (at_least_a & !after_z & (ONES * 0x80)) >> 2
}

/// Why the headers of a request do not match the list of signed headers.
pub(crate) enum Selection {
    /// The list is not sorted, not lower-case ASCII, or names a header twice.
    Unsorted,
    /// The list names one that the request does not have.
    Missing,
    /// The request has a header that must be signed and is not listed.
    Unsigned,
}

fn allow_unsigned(
    entry: &Entry<'_>,
    may_be_unsigned: impl Fn(&[u8]) -> bool,
) -> Result<(), Selection> {
    if may_be_unsigned(entry.name) {
        Ok(())
    } else {
        Err(Selection::Unsigned)
    }
}

/// The number of `x-amz-`, the beginning of a name in lower case.
const AMZ: u128 = u64::from_be_bytes(*b"\0\0x-amz-") as u128;

/// Writes a value without whitespace at its ends, and with one space for each run of whitespace
/// inside, within quotes too. Whitespace is spaces, tabs and folded line ends.
fn write_value(sink: &mut impl Sink, value: &[u8]) {
    if is_trimmed(value) {
        sink.write(value);
    } else {
        write_words(sink, value);
    }
}

/// Returns true if the value has no whitespace to remove. Most have no spaces at all, or single
/// ones between words.
#[inline]
fn is_trimmed(value: &[u8]) -> bool {
    scan::all(value, |byte| byte > b' ')
        || !matches!(value, [..=b' ', ..] | [.., ..=b' '])
            && !scan::any_pair(value, |a, b| (a < b' ') | ((a == b' ') & (b == b' ')))
}

#[cold]
fn write_words(sink: &mut impl Sink, value: &[u8]) {
    let words = value.split(is_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            sink.push(b' ');
        }
        sink.write(word);
    }
}

fn is_whitespace(byte: &u8) -> bool {
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
