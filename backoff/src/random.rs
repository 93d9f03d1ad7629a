/// A source of random fractions, handed in by the caller so that every schedule can be replayed.
///
/// Any `FnMut() -> f64` is one: `|| rand::random()` in production, `|| 0.5` in a test. [`SplitMix64`] needs
/// no dependency.
pub trait Random {
    /// The next fraction, from 0 to 1. Values outside are clamped; NaN counts as 0.
    fn fraction(&mut self) -> f64;
}

impl<F: FnMut() -> f64> Random for F {
    fn fraction(&mut self) -> f64 {
        self()
    }
}

/// A small seeded generator (Steele, Lea and Flood, 2014): the same seed gives the same delays.
///
/// Good enough to spread clients out in time; not for secrets.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A generator that is a function of `seed` alone.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator seeded from the standard library's per-process random keys.
    ///
    /// On targets without a source of entropy (`wasm32-unknown-unknown`) the keys are constant: use
    /// [`SplitMix64::new`] there.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn from_entropy() -> Self {
        use std::hash::{BuildHasher, Hasher, RandomState};
        Self(RandomState::new().build_hasher().finish())
    }

    /// The next 64 bits.
    #[inline]
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Random for SplitMix64 {
    /// Uniform over the multiples of 2⁻⁵³ in `[0, 1)`.
    #[inline]
    fn fraction(&mut self) -> f64 {
        const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
        (self.next_u64() >> 11) as f64 * UNIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_the_published_sequence() {
        // First outputs for seed 1234567, as in the reference implementation's test.
        let mut random = SplitMix64::new(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn fractions_stay_below_one_and_fill_the_range() {
        let mut random = SplitMix64::new(7);
        let drawn: Vec<f64> = (0..10_000).map(|_| random.fraction()).collect();
        assert!(drawn.iter().all(|f| (0.0..1.0).contains(f)));
        assert!(drawn.iter().any(|f| *f < 0.001) && drawn.iter().any(|f| *f > 0.999));
    }
}
