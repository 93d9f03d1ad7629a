use std::{error, fmt, ops::RangeInclusive};

/// Why a number is refused.
#[derive(Debug)]
pub(crate) enum NumberError {
    /// Text that is not a number.
    NotANumber,
    /// The same, for an option of `aws`, which exits with another code then.
    NotForAws,
    /// The same, where decimals are allowed.
    NotADecimal,
    OutOfRange {
        number: i128,
        range: RangeInclusive<u32>,
    },
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber | Self::NotForAws => f.write_str("it is not a whole number"),
            Self::NotADecimal => f.write_str("it is not a number"),
            Self::OutOfRange { number, range } => {
                let (start, end) = (range.start(), range.end());
                write!(f, "{number} is not in the range {start} to {end}")
            }
        }
    }
}

impl error::Error for NumberError {}

/// Returns a parser of numbers in this range, for an option that only Keyfob has.
pub(super) fn in_range(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, NumberError> + Clone + Send + Sync + 'static {
    move |text| parse(text, &range).ok_or(NumberError::NotANumber)?
}

/// Returns a parser of numbers in this range, for an option of `aws`.
pub(crate) fn in_range_as_aws(
    range: RangeInclusive<u32>,
) -> impl Fn(&str) -> Result<u32, NumberError> + Clone + Send + Sync + 'static {
    move |text| parse(text, &range).ok_or(NumberError::NotForAws)?
}

/// Parses a number of bytes, for an option that only Keyfob has.
pub(super) fn bytes(text: &str) -> Result<u64, NumberError> {
    text.parse().map_err(|_| NumberError::NotANumber)
}

/// Parses a port, for an option that only Keyfob has.
pub(super) fn port(text: &str) -> Result<u16, NumberError> {
    let number = in_range(0..=u16::MAX.into())(text)?;
    // The range leaves no other number.
    Ok(u16::try_from(number).unwrap_or(u16::MAX))
}

/// Returns `None` if the text is not a number.
fn parse(text: &str, range: &RangeInclusive<u32>) -> Option<Result<u32, NumberError>> {
    // Wide enough that a number of 64 bits is out of range, not unreadable.
    let number: i128 = text.parse().ok()?;
    let in_range = u32::try_from(number).ok().filter(|n| range.contains(n));
    Some(in_range.ok_or_else(|| NumberError::OutOfRange {
        number,
        range: range.clone(),
    }))
}
