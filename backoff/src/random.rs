/// A source of random fractions, passed in by the caller so that every schedule can be replayed.
///
/// Any `FnMut() -> f64` is one, such as `|| rand::random()` in production and `|| 0.5` in a test.
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no random fractions",
    note = "enable feature `std` of keyfob-backoff, or pass a generator: `.random(SeededRandom::new(seed))`"
)]
pub trait Random {
    /// Returns the next fraction, from 0 to 1. Values outside are clamped; NaN counts as 0.
    fn fraction(&mut self) -> f64;
}

impl<F: FnMut() -> f64> Random for F {
    fn fraction(&mut self) -> f64 {
        self()
    }
}

/// The default [`Random`]: with feature `std`, a generator that is seeded from the system when it
/// is first used.
///
/// A call that succeeds at the first attempt pays nothing for it. The seed comes from the random
/// keys of the standard library's hash maps. On targets without a source of entropy
/// (`wasm32-unknown-unknown`) these are constant: use a [`SeededRandom`] there.
///
/// ```
/// # #[cfg(feature = "std")]
/// # {
/// use keyfob_backoff::{Entropy, Policy};
///
/// assert_eq!(Policy::aws().delays(Entropy::new()).count(), 2);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Entropy {
    #[cfg(feature = "std")]
    generator: Option<SeededRandom>,
}

impl Entropy {
    /// Creates a generator that is not seeded yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            #[cfg(feature = "std")]
            generator: None,
        }
    }
}

impl Clone for Entropy {
    /// Returns a generator that is not seeded yet, so that no two draw the same delays.
    fn clone(&self) -> Self {
        Self::new()
    }
}

#[cfg(feature = "std")]
impl Random for Entropy {
    fn fraction(&mut self) -> f64 {
        use std::hash::{BuildHasher, Hasher, RandomState};

        self.generator
            .get_or_insert_with(|| SeededRandom::new(RandomState::new().build_hasher().finish()))
            .fraction()
    }
}

/// A small seeded generator: the same seed gives the same delays.
///
/// It is SplitMix64 (Steele, Lea and Flood, 2014), good enough to spread clients out in time, but
/// not for secrets.
///
/// ```
/// use keyfob_backoff::{Random, SeededRandom};
///
/// let (mut first, mut second) = (SeededRandom::new(42), SeededRandom::new(42));
/// assert_eq!(first.fraction(), second.fraction());
/// assert_ne!(first.fraction(), SeededRandom::new(43).fraction());
/// ```
#[derive(Clone, Debug)]
pub struct SeededRandom(u64);

impl SeededRandom {
    /// Creates a generator that depends on `seed` alone.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    #[inline]
    const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

impl Random for SeededRandom {
    /// Returns a multiple of 2⁻⁵³ in `[0, 1)`, each with the same probability.
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
        // First outputs for seed 1234567, as in a test of the reference implementation.
        let mut random = SeededRandom::new(1_234_567);
        assert_eq!(random.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(random.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn fractions_stay_below_one_and_fill_the_range() {
        let mut random = SeededRandom::new(7);
        let drawn: Vec<f64> = (0..10_000).map(|_| random.fraction()).collect();
        assert!(drawn.iter().all(|f| (0.0..1.0).contains(f)));
        assert!(drawn.iter().any(|f| *f < 0.001) && drawn.iter().any(|f| *f > 0.999));
    }

    #[cfg(feature = "std")]
    #[test]
    fn a_clone_of_the_default_generator_draws_other_fractions() {
        let mut random = Entropy::new();
        random.fraction();
        let mut clone = random.clone();
        assert_ne!(random.fraction().to_bits(), clone.fraction().to_bits());
    }
}
