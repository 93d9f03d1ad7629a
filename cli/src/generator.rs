//! Inputs for the tests of parsers: the same ones in every run.

/// How many inputs a test of every run takes, and its long form.
pub(crate) const SHORT: u64 = 3_000;
pub(crate) const LONG: u64 = 100_000;

/// A generator of random choices, `SplitMix64`.
pub(crate) struct Generator(u64);

impl Generator {
    /// Calls `check` with a generator for each of `count` inputs.
    pub(crate) fn each(count: u64, mut check: impl FnMut(&mut Self)) {
        for seed in 0..count {
            check(&mut Self(seed));
        }
    }

    /// Returns a number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    /// Returns up to 20 of the pieces, with bytes of any value between them now and then.
    pub(crate) fn bytes(&mut self, pieces: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..self.below(21) {
            match self.below(8) {
                0 => bytes.push(u8::try_from(self.below(256)).unwrap()),
                _ => bytes.extend(pieces[self.below(pieces.len())].bytes()),
            }
        }
        bytes
    }

    /// Returns such an input as text.
    pub(crate) fn text(&mut self, pieces: &[&str]) -> String {
        String::from_utf8_lossy(&self.bytes(pieces)).into_owned()
    }
}
