//! Searches over all bytes of a text, many bytes at a time. The loops over whole chunks have no
//! branch for each byte, so the compiler turns them into vector instructions.

/// Returns true if `is` holds for every byte. It must hold for `a`, which fills up short texts.
#[inline]
pub(crate) fn all(text: &[u8], is: impl Fn(u8) -> bool + Copy) -> bool {
    let all_of = |chunk: &[u8; 16]| chunk.iter().fold(true, |all, byte| all & is(*byte));
    let (chunks, rest) = text.as_chunks();
    match text.last_chunk() {
        // The last chunk overlaps the one before, which avoids a loop over the rest.
        Some(last) => chunks.iter().all(all_of) && all_of(last),
        None => {
            let mut filled = [b'a'; 16];
            filled[..rest.len()].copy_from_slice(rest);
            all_of(&filled)
        }
    }
}

/// Returns true if `is` holds for some byte and the byte after it.
#[inline]
pub(crate) fn any_pair(text: &[u8], is: impl Fn(u8, u8) -> bool + Copy) -> bool {
    match text.len() {
        17.. => any_pair_by::<16>(text, is),
        9.. => any_pair_by::<8>(text, is),
        _ => text.windows(2).any(|pair| is(pair[0], pair[1])),
    }
}

/// Returns the position of the first byte that is equal to `wanted`.
#[inline]
pub(crate) fn find(text: &[u8], wanted: u8) -> Option<usize> {
    const ONES: u64 = u64::MAX / 0xff;
    let (words, rest) = text.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let zero_if_equal = u64::from_le_bytes(*word) ^ (ONES * u64::from(wanted));
        // The subtraction borrows into the top bit of the first byte that is zero.
        let borrowed = zero_if_equal.wrapping_sub(ONES) & !zero_if_equal & (ONES << 7);
        if borrowed != 0 {
            return Some(8 * index + borrowed.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| *byte == wanted)?;
    Some(8 * words.len() + at)
}

/// Compares the chunks of a text with those that begin one byte later.
///
/// The text must be longer than a chunk. The last chunks overlap those before.
#[inline]
fn any_pair_by<const N: usize>(text: &[u8], is: impl Fn(u8, u8) -> bool + Copy) -> bool {
    let any_of = |first: &[u8; N], second: &[u8; N]| {
        let pairs = first.iter().zip(second);
        pairs.fold(false, |any, (a, b)| any | is(*a, *b))
    };
    let (before, after) = (&text[..text.len() - 1], &text[1..]);
    let pairs = before.as_chunks().0.iter().zip(after.as_chunks().0);
    let last = before.last_chunk().zip(after.last_chunk());
    pairs
        .chain(last)
        .any(|(first, second)| any_of(first, second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_found_at_every_position_of_every_length() {
        for length in 0..70 {
            let mut text = [b'a'; 70];
            assert!(all(&text[..length], |byte| byte == b'a'));
            for at in 0..length {
                text[at] = b' ';
                assert_eq!(find(&text[..length], b' '), Some(at));
                assert_eq!(find(&text[..at], b' '), None);
                assert!(!all(&text[..length], |byte| byte == b'a'));
                assert!(!any_pair(&text[..length], |a, b| a == b' ' && b == b' '));
                if at > 0 {
                    text[at - 1] = b' ';
                    assert!(any_pair(&text[..length], |a, b| a == b' ' && b == b' '));
                    text[at - 1] = b'a';
                }
                text[at] = b'a';
            }
        }
    }
}
