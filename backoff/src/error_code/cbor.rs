//! Just enough CBOR (RFC 8949) to find a text among the members of the outermost map, even if the end is missing.

/// How deep an error goes at most; of one that goes deeper nothing is taken.
const DEPTH: u32 = 16;

const TEXT: u8 = 3;
const MAP: u8 = 5;
/// What ends an item of indefinite length.
const BREAK: u8 = 0xff;

/// The bytes of the text member `name`.
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

/// The text at the start. One of indefinite length is taken if it came in one piece.
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

/// What follows the item at the start. Every item takes a byte, so no count, however large, makes it long.
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
        // A tag stands before what it is about.
        (6, Some(_)) => 1,
        (2..=MAP, None) => return skip_to_break(rest, depth),
        _ => return None,
    };
    (0..items).try_fold(rest, |rest, _| skip(rest, depth))
}

fn skip_to_break(mut rest: &[u8], depth: u32) -> Option<&[u8]> {
    while *rest.first()? != BREAK {
        rest = skip(rest, depth)?;
    }
    Some(&rest[1..])
}

/// The head at the start: its major type, its argument (none: indefinite length), and what follows.
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
