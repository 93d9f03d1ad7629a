//! A reader of BER, the encoding of certificates and signed messages (ITU-T X.690).
//!
//! EC2's signed messages use indefinite lengths and octet strings in pieces, which the crate `cms`
//! does not read: 0.2 rejects the whole message, and 0.3.0-rc.0 its content, even with the feature
//! `ber` of `der`. These lines read both, and the certificate needs no more than its public key, so
//! `x509-cert` would not replace much.

/// An element: a tag and its content.
///
/// Tags have one byte, which is all that certificates and signed messages need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_ID: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;

/// The deepest nesting. Certificates are nested less; a limit keeps hostile input off the stack.
const MAX_DEPTH: usize = 16;

/// Returns the tag of a context-specific, constructed element, as in `[0]`.
pub(crate) const fn context(number: u8) -> u8 {
    0xa0 | number
}

/// Reads elements one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let (element, rest) = element(self.0, 0)?;
        self.0 = rest;
        Some(element)
    }

    /// Reads the next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<Element<'a>> {
        let mut ahead = *self;
        let element = ahead.next().filter(|element| element.tag == tag)?;
        *self = ahead;
        Some(element)
    }

    /// Returns the content of the next element, or `None` if it has another tag.
    pub(crate) fn expect_tag(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|element| element.tag == tag)
            .map(|element| element.content)
    }

    /// Returns a reader of the elements in the next element, or `None` if it has another tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Self> {
        self.expect_tag(tag).map(Self)
    }
}

impl Element<'_> {
    /// Returns the bytes of an octet string, which may come in pieces (section 8.7).
    pub(crate) fn octets(&self) -> Option<Vec<u8>> {
        octets(*self, 0)
    }
}

fn octets(element: Element<'_>, depth: usize) -> Option<Vec<u8>> {
    if element.tag == OCTET_STRING {
        return Some(element.content.to_vec());
    }
    if element.tag != OCTET_STRING | CONSTRUCTED || depth > MAX_DEPTH {
        return None;
    }
    let (mut pieces, mut all) = (Reader(element.content), Vec::new());
    while !pieces.0.is_empty() {
        all.extend(octets(pieces.next()?, depth + 1)?);
    }
    Some(all)
}

/// Returns the first element and the rest of the input.
fn element(input: &[u8], depth: usize) -> Option<(Element<'_>, &[u8])> {
    let (&tag, after_tag) = input.split_first()?;
    let (&first, body) = after_tag.split_first()?;
    // All ones in the low bits: the tag has more bytes.
    if tag & 0x1f == 0x1f || depth > MAX_DEPTH {
        return None;
    }
    if first == 0x80 {
        let length = indefinite_length(body, depth)?;
        let content = &body[..length];
        let is_constructed = tag & CONSTRUCTED != 0;
        return is_constructed.then_some((Element { tag, content }, &body[length + 2..]));
    }
    let (length, body) = definite_length(first, body)?;
    let (content, rest) = body.split_at_checked(length)?;
    Some((Element { tag, content }, rest))
}

/// Reads a length of up to four bytes (section 8.1.3).
fn definite_length(first: u8, body: &[u8]) -> Option<(usize, &[u8])> {
    if first < 0x80 {
        return Some((usize::from(first), body));
    }
    let (bytes, rest) = body.split_at_checked(usize::from(first & 0x7f))?;
    let fits = (1..=4).contains(&bytes.len());
    let length = bytes
        .iter()
        .fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
    fits.then_some((length, rest))
}

/// Returns the number of bytes before the two zeros that end an indefinite length (section 8.1.5).
fn indefinite_length(body: &[u8], depth: usize) -> Option<usize> {
    let mut rest = body;
    while !rest.starts_with(&[0, 0]) {
        (_, rest) = element(rest, depth + 1)?;
    }
    Some(body.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_and_indefinite_lengths_mean_the_same() {
        for octets in [
            &[0x04, 3, 1, 2, 3][..],
            &[0x04, 0x81, 3, 1, 2, 3],
            &[
                0x24, 0x80, 0x04, 1, 1, 0x24, 0x80, 0x04, 2, 2, 3, 0, 0, 0, 0,
            ],
        ] {
            let mut reader = Reader(octets);
            assert_eq!(reader.next().unwrap().octets().unwrap(), [1, 2, 3]);
            assert!(reader.0.is_empty());
        }
    }

    #[test]
    fn input_that_is_cut_off_or_too_deep_is_rejected() {
        for cut in [
            &[][..],
            &[0x30],
            &[0x30, 2, 0],
            &[0x30, 0x80, 4, 1, 1],
            &[0x04, 0x80, 0, 0],
            &[0x1f, 1, 0],
            &[4, 0x85, 0, 0, 0, 0, 1],
        ] {
            assert!(Reader(cut).next().is_none(), "{cut:?}");
        }
        let deep = [0x30, 0x80].repeat(100_000);
        assert!(Reader(&deep).next().is_none());
    }
}
