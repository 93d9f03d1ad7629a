use std::ops::RangeInclusive;

/// Parses a number within a range. What is no number at all is another error than one out of range, as `aws` has it.
pub(super) fn within(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number: i128 = text
            .parse()
            .map_err(|_| "it is no whole number".to_owned())?;
        u32::try_from(number)
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| format!("{number}{OUT_OF_RANGE}{} to {}", range.start(), range.end()))
    }
}

/// Marks the errors about a number that is one, but too small or too large.
pub(crate) const OUT_OF_RANGE: &str = " is not in the range ";
