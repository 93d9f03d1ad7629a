//! Just enough CBOR (RFC 8949) to find a text member of the outermost map, even if the end of the
//! body is missing.

/// How deep items may nest; an error that nests deeper has no code.
const DEPTH: u32 = 16;

const TEXT: u8 = 3;
const MAP: u8 = 5;
/// The byte that ends an item of indefinite length.
const BREAK: u8 = 0xff;

/// Returns the bytes of the text member `name`.
pub(super) fn text_member<'a>(body: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (MAP, members, mut rest) = head(body)? else {
        return None;
    };
    for _ in 0..members.unwrap_or(u64::MAX) {
        let value = skip(rest, DEPTH)?;
        if text(rest) == Some(name)
            && let Some(found) = text(value)
        {
            return Some(found);
        }
        rest = skip(value, DEPTH)?;
    }
    None
}

/// Returns the text at the start. One of indefinite length is returned only if it has a single
/// piece.
fn text(item: &[u8]) -> Option<&[u8]> {
    match head(item)? {
        (TEXT, Some(length), rest) => rest.get(..usize::try_from(length).ok()?),
        (TEXT, None, piece) if skip(piece, 1)?.first() == Some(&BREAK) => match head(piece)? {
            (TEXT, Some(_), _) => text(piece),
            _ => None,
        },
        _ => None,
    }
}

/// Skips the item at the start.
fn skip(item: &[u8], depth: u32) -> Option<&[u8]> {
    let depth = depth.checked_sub(1)?;
    let (major, argument, rest) = head(item)?;
    let items = match (major, argument) {
        // Numbers and simple values.
        (0 | 1 | 7, Some(_)) => 0,
        // Bytes and text.
        (2 | TEXT, Some(length)) => return rest.get(usize::try_from(length).ok()?..),
        (4, Some(items)) => items,
        (MAP, Some(members)) => members.saturating_mul(2),
        // A tag precedes the item it describes.
        (6, Some(_)) => 1,
        (2..=MAP, None) => return skip_to_break(rest, depth),
        _ => return None,
    };
    // Every item takes at least a byte, so a huge count ends with the body.
    (0..items).try_fold(rest, |rest, _| skip(rest, depth))
}

fn skip_to_break(mut rest: &[u8], depth: u32) -> Option<&[u8]> {
    while *rest.first()? != BREAK {
        rest = skip(rest, depth)?;
    }
    Some(&rest[1..])
}

/// Splits the head off an item: its major type, its argument (`None` if the length is indefinite),
/// and the rest.
fn head(item: &[u8]) -> Option<(u8, Option<u64>, &[u8])> {
    let (first, rest) = item.split_first()?;
    let (major, info) = (first >> 5, first & 0x1f);
    match info {
        0..=23 => Some((major, Some(info.into()), rest)),
        24..=27 => {
            let (bytes, rest) = rest.split_at_checked(1 << (info - 24))?;
            let argument = bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte));
            Some((major, Some(argument), rest))
        }
        31 => Some((major, None, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::error_code::{BODY_LIMIT, error_code};
    use crate::fault::{Failure, Fault};
    use crate::policy::Policy;

    /// `{"message": "slow down", "retryable": [true, {"__type": "No"}, 1.5], "__type":
    /// "com.amazonaws.x#SlowDown"}`, with definite lengths.
    const CBOR: &[u8] = b"\xa3\x67message\x69slow down\x69retryable\x83\xf5\xa1\x66__type\x62No\xfb\x3f\xf8\0\0\0\0\0\0\
                          \x66__type\x78\x18com.amazonaws.x#SlowDown";

    #[test]
    fn cbor_errors_have_a_code_whatever_the_form_of_their_lengths() {
        let indefinite = b"\xbf\x67message\x7f\x64slow\x65 down\xff\x69retryable\x9f\xf5\xbf\x66__type\x62No\xff\xff\
                           \x7f\x66__type\xff\x7f\x6aThrottling\xff\xff";
        let tagged = b"\xa3\x61a\xc1\x1a\0\0\0\x01\x66__type\x01\x66__type\x79\0\x08SlowDown";
        let code = |body| error_code(|_| None, body);
        assert_eq!(code(CBOR), Some("SlowDown"));
        assert_eq!(code(indefinite), Some("Throttling"));
        assert_eq!(code(tagged), Some("SlowDown"));
        assert_eq!(code(b"\xa1\x66__type\x62A\n"), Some("A"));
    }

    #[test]
    fn a_throttled_400_in_cbor_is_retried() {
        let failure = Failure::from_answer(400, |_| None, CBOR);
        let fault = Policy::aws().classify(&failure);
        assert!(fault.is_some_and(Fault::is_throttling));
    }

    #[test]
    fn cbor_that_is_cut_off_or_garbage_has_no_code() {
        let code = |body| error_code(|_| None, body);
        for end in 0..CBOR.len() {
            assert_eq!(code(&CBOR[..end]), None, "{end}");
        }
        let deep = [
            &b"\xa2\x61a"[..],
            &[0x81; BODY_LIMIT / 2],
            b"\x01\x66__type\x61A",
        ]
        .concat();
        for garbage in [
            &deep[..],
            b"\xa0",
            b"\xbf\xff",
            b"\xa1\xff\xff",
            b"\xa1\x46__type\x61A",
            b"\xa1\x66__type\x41A",
            b"\xa1\x66__type\x61\xff",
            b"\xa1\x66__type\x7f\x41A\xff",
            b"\xa1\x66__type\x7f\x61A\x61B\xff",
            b"\xa1\x66__type\x7f\x7f\x61A\xff\xff",
            b"\xa1\x66__type\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\xa1\x1f\x66__type\x61A",
            b"\xa1\x1c\x66__type\x61A",
        ] {
            assert_eq!(
                code(garbage),
                None,
                "{:x?}",
                &garbage[..garbage.len().min(40)]
            );
        }
    }

    #[test]
    fn no_byte_changed_in_a_cbor_error_makes_it_panic() {
        for at in 0..CBOR.len() {
            for byte in 0..=u8::MAX {
                let mut body = CBOR.to_vec();
                body[at] = byte;
                let _ = error_code(|_| None, &body);
            }
        }
    }
}
