//! Comparison of secrets.

/// Whether both are the same, in a time that depends on the lengths alone.
pub(crate) fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let difference = a.iter().zip(b).fold(0, |sum, (a, b)| sum | (a ^ b));
    // The optimiser must not learn that the first difference decides.
    a.len() == b.len() && core::hint::black_box(difference) == 0
}
