//! A list that uses the heap only if it is long.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// A list of up to `N` items in place. With one more, all of them move to the heap.
#[derive(Clone)]
pub(crate) struct SmallVec<T, const N: usize> {
    inline: [T; N],
    length: usize,
    heap: Vec<T>,
}

impl<T: Copy, const N: usize> SmallVec<T, N> {
    pub(crate) fn new(filler: T) -> Self {
        Self {
            inline: [filler; N],
            length: 0,
            heap: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        if self.length < N {
            self.inline[self.length] = item;
            self.length += 1;
        } else {
            self.extend_on_heap(&[item]);
        }
    }

    #[inline]
    pub(crate) fn extend(&mut self, items: &[T]) {
        let end = self.length + items.len();
        if end <= N {
            self.inline[self.length..end].copy_from_slice(items);
            self.length = end;
        } else {
            self.extend_on_heap(items);
        }
    }

    // A function of its own keeps the callers small enough to be inlined.
    #[cold]
    fn extend_on_heap(&mut self, items: &[T]) {
        if self.heap.is_empty() {
            self.heap.extend_from_slice(&self.inline[..self.length]);
        }
        self.heap.extend_from_slice(items);
        self.length = self.heap.len();
    }

    /// Drops all but the first `length` items.
    pub(crate) fn truncate(&mut self, length: usize) {
        if self.length > N {
            self.heap.truncate(length);
            if length <= N {
                self.inline[..length].copy_from_slice(&self.heap);
                self.heap.clear();
            }
        }
        self.length = self.length.min(length);
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        if self.length <= N {
            &self.inline[..self.length]
        } else {
            &self.heap
        }
    }

    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        if self.length <= N {
            &mut self.inline[..self.length]
        } else {
            &mut self.heap
        }
    }
}

/// Sorts in place by a number, and items of the same number by `compare`. Equal items keep their
/// order.
#[inline]
pub(crate) fn sort<T>(
    items: &mut [T],
    number: impl Fn(&T) -> u128,
    compare: impl Fn(&T, &T) -> Ordering,
) {
    // Two steps, because comparing only numbers takes no branch.
    items.sort_by_key(&number);
    for run in items.chunk_by_mut(|a, b| number(a) == number(b)) {
        if run.len() > 1 {
            run.sort_by(&compare);
        }
    }
}

/// Returns the first 16 bytes as a number that compares as they do. Shorter texts are filled up
/// with zeros. It decides most comparisons of a sort.
#[inline]
pub(crate) fn prefix(text: &[u8]) -> u128 {
    if let Some(first) = text.first_chunk() {
        return u128::from_be_bytes(*first);
    }
    let filled = 8 * (16 - text.len());
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        // The two halves of 8 to 15 bytes, or of 4 to 7, overlap, which avoids a copy whose length
        // is known only at run time.
        let (first, last) = (u64::from_be_bytes(*first), u64::from_be_bytes(*last));
        return u128::from(first) << 64 | u128::from(last) << filled;
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let (first, last) = (u32::from_be_bytes(*first), u32::from_be_bytes(*last));
        return u128::from(first) << 96 | u128::from(last) << filled;
    }
    text.iter()
        .fold(0, |number, byte| number << 8 | u128::from(*byte))
        << (filled % 128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_are_the_same_in_place_and_on_the_heap() {
        let mut list = SmallVec::<u32, 4>::new(0);
        for n in 0..9 {
            list.push(n);
            assert!(list.as_slice().iter().copied().eq(0..=n));
        }
        let mut list = SmallVec::<u8, 4>::new(0);
        list.extend(b"ab");
        list.extend(b"");
        list.extend(b"cde");
        list.push(b'f');
        list.extend(b"g");
        assert_eq!(list.as_slice(), b"abcdefg");
        assert_eq!(list.as_mut_slice(), b"abcdefg");
    }

    #[test]
    fn a_prefix_compares_as_the_text_does() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for length in 0..text.len() {
            let mut bytes = [0; 16];
            let end = length.min(16);
            bytes[..end].copy_from_slice(&text[..end]);
            assert_eq!(
                prefix(&text[..length]),
                u128::from_be_bytes(bytes),
                "{length}"
            );
        }
    }

    #[test]
    fn equal_items_keep_their_order() {
        for length in [0_u32, 1, 2, 30, 200] {
            let mut items: Vec<_> = (0..length)
                .map(|n| (u128::from(n.wrapping_mul(2_654_435_761) >> 29), n))
                .collect();
            let mut expected = items.clone();
            expected.sort();
            sort(&mut items, |item| item.0, |_, _| Ordering::Equal);
            assert_eq!(items, expected);
        }
    }
}
