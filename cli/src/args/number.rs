use std::ops::RangeInclusive;

/// Marks the error for a number that is too small or too large.
///
/// `aws` exits with another code for text that is not a number at all.
pub(crate) const OUT_OF_RANGE: &str = " is not in the range ";

/// Returns a parser of numbers in this range.
pub(super) fn in_range(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text| {
        // Wide enough that a number of 64 bits is out of range, not unreadable.
        let number: i128 = text
            .parse()
            .map_err(|_| "it is not a whole number".to_owned())?;
        u32::try_from(number)
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("{number}{OUT_OF_RANGE}{} to {}", range.start(), range.end()))
    }
}
