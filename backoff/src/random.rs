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

/// The default [`Random`]: with feature `std`, each fraction comes from the system.
///
/// It keeps no state, so no copy repeats its fractions: neither a clone, nor a forked process, nor
/// a machine restored from a snapshot. Each fraction mixes the random keys of the standard
/// library's hash maps with the process id and the time of day, which are read again each time. A
/// call that succeeds at the first attempt pays nothing for it.
///
/// On `wasm32-unknown-unknown` the standard library has none of the three, and the keys are
/// constant: use a [`SeededRandom`] there. Two machines restored from one snapshot are told apart
/// by their clocks alone, to the nanosecond. If all of them show the same time, use a
/// [`SeededRandom`] with a seed that is drawn after the restore.
///
/// ```
/// # #[cfg(feature = "std")]
/// # {
/// use keyfob_backoff::{Entropy, Policy};
///
/// assert_eq!(Policy::aws().delays(Entropy::new()).count(), 2);
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Entropy {
    _private: (),
}

impl Entropy {
    /// Creates the generator.
    #[must_use]
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

#[cfg(feature = "std")]
impl Random for Entropy {
    fn fraction(&mut self) -> f64 {
        // The standard library draws the keys once for each thread and then counts up, so a fork or
        // a snapshot copies them. The process id tells forks apart, the clock snapshots.
        mix(
            &std::hash::RandomState::new(),
            process_id(),
            since_1970_in_nanos(),
        )
    }
}

/// Turns the keys of a hash map, a process id and a time into a fraction.
#[cfg(feature = "std")]
fn mix(keys: &impl std::hash::BuildHasher, process: u32, time: u64) -> f64 {
    SeededRandom::new(keys.hash_one((process, time))).fraction()
}

/// Returns the id of this process, or 0 where there are no processes and so no forks.
#[cfg(feature = "std")]
fn process_id() -> u32 {
    #[cfg(any(unix, windows))]
    return std::process::id();
    // `std` panics here on targets without processes.
    #[cfg(not(any(unix, windows)))]
    0
}

/// Returns the time of day, or 0 where the standard library has no clock.
#[cfg(feature = "std")]
fn since_1970_in_nanos() -> u64 {
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    return std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, crate::duration::nanos);
    // `std` panics here.
    #[cfg(all(target_family = "wasm", target_os = "unknown"))]
    0
}

/// A small seeded generator: the same seed gives the same delays.
///
/// It is SplitMix64 (Steele, Lea and Flood, 2014), good enough to spread clients out in time, but
/// not for secrets. A clone, a forked process and a restored snapshot repeat its delays; to keep
/// them apart, use [`Entropy`].
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

    /// What a fork and a restored snapshot copy are the keys of the thread: the same `keys` here.
    #[cfg(feature = "std")]
    #[test]
    fn a_fork_and_a_restored_snapshot_draw_other_fractions_than_the_original() {
        let keys = std::hash::RandomState::new();
        let drawn = |process, time| mix(&keys, process, time).to_bits();
        assert_eq!(drawn(100, 7), drawn(100, 7));
        let mut all: Vec<u64> = (100..200).map(|process| drawn(process, 7)).collect();
        all.extend((8..108).map(|time| drawn(100, time)));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 200);
    }

    #[cfg(all(feature = "std", any(unix, windows)))]
    #[test]
    fn the_process_and_the_time_are_read_for_each_fraction() {
        assert_eq!(process_id(), std::process::id());
        let before = since_1970_in_nanos();
        std::thread::sleep(core::time::Duration::from_millis(2));
        assert!(since_1970_in_nanos() > before);
    }

    #[cfg(feature = "std")]
    #[test]
    fn the_default_generator_fills_the_range() {
        let mut random = Entropy::new();
        let drawn: Vec<f64> = (0..10_000).map(|_| random.fraction()).collect();
        assert!(drawn.iter().all(|f| (0.0..1.0).contains(f)));
        let mean = drawn.iter().sum::<f64>() / 10_000.0;
        // Seven standard deviations.
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
