use std::{net::IpAddr, str::FromStr};

use keyfob_sigv4::Timestamp;

use super::glob::Glob;

/// How a value of the request is compared with one of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Text,
    TextIgnoringCase,
    TextLike,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    /// `ArnEquals` and `ArnLike` are the same.
    Arn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Returns the comparison of an operator without prefix and suffix, and whether it is negated.
pub(super) fn comparison(name: &str) -> Option<(Comparison, bool)> {
    let (family, rest) = ["String", "Numeric", "Date", "Arn"]
        .into_iter()
        .find_map(|family| Some((family, name.strip_prefix(family)?)))
        .unwrap_or(("", name));
    let is_negated = rest.starts_with("Not");
    let comparison = match (family, rest.strip_prefix("Not").unwrap_or(rest)) {
        ("String", "Equals") => Comparison::Text,
        ("String", "EqualsIgnoreCase") => Comparison::TextIgnoringCase,
        ("String", "Like") => Comparison::TextLike,
        ("Arn", "Equals" | "Like") => Comparison::Arn,
        ("Numeric", rest) => Comparison::Number(order(rest, is_negated)?),
        ("Date", rest) => Comparison::Date(order(rest, is_negated)?),
        ("", "IpAddress") => Comparison::IpAddress,
        ("", "Bool") if !is_negated => Comparison::Bool,
        ("", "BinaryEquals") if !is_negated => Comparison::Binary,
        _ => return None,
    };
    Some((comparison, is_negated))
}

fn order(name: &str, is_negated: bool) -> Option<Order> {
    match name {
        "Equals" => Some(Order::Equal),
        "LessThan" if !is_negated => Some(Order::Less),
        "LessThanEquals" if !is_negated => Some(Order::LessOrEqual),
        "GreaterThan" if !is_negated => Some(Order::Greater),
        "GreaterThanEquals" if !is_negated => Some(Order::GreaterOrEqual),
        _ => None,
    }
}

impl Comparison {
    /// Returns true if values of this kind may have policy variables.
    pub(super) fn has_variables(self) -> bool {
        matches!(
            self,
            Self::Text | Self::TextIgnoringCase | Self::TextLike | Self::Arn
        )
    }

    /// Returns true if `*` and `?` in values of the policy are wildcards.
    pub(super) fn has_wildcards(self) -> bool {
        matches!(self, Self::TextLike | Self::Arn)
    }

    /// Returns what a value of the policy must be, if this one is not.
    pub(super) fn refusal(self, value: &str) -> Option<&'static str> {
        match self {
            Self::Number(_) if number(value).is_none() => Some("a number"),
            Self::Date(_) if date(value).is_none() => Some("a time such as 2026-01-31T00:00:00Z"),
            Self::Bool if boolean(value).is_none() => Some("true or false"),
            Self::IpAddress if Network::from_str(value).is_err() => {
                Some("an IP address or a range such as 192.0.2.0/24")
            }
            _ => None,
        }
    }

    /// Compares values that need no pattern. What cannot be read is not equal to anything.
    pub(super) fn holds(self, actual: &str, wanted: &str) -> bool {
        match self {
            Self::Text | Self::Binary => actual == wanted,
            Self::TextIgnoringCase => actual.to_lowercase() == wanted.to_lowercase(),
            Self::Number(order) => both(number(actual), number(wanted), order),
            Self::Date(order) => both(date(actual), date(wanted), order),
            Self::Bool => boolean(actual).is_some_and(|value| boolean(wanted) == Some(value)),
            Self::IpAddress => match (actual.parse(), Network::from_str(wanted)) {
                (Ok(address), Ok(network)) => network.contains(address),
                _ => false,
            },
            Self::TextLike | Self::Arn => self.is_like(actual, &Glob::new(wanted)),
        }
    }

    /// Matches a text, or each of the six parts of an ARN, with a pattern.
    pub(super) fn is_like(self, actual: &str, wanted: &Glob) -> bool {
        if self != Self::Arn {
            return wanted.matches(actual);
        }
        let Some(wanted) = wanted.arn_parts() else {
            return false;
        };
        let parts: Vec<&str> = actual.splitn(6, ':').collect();
        parts.len() == 6
            && wanted
                .iter()
                .zip(parts)
                .all(|(wanted, part)| wanted.matches(part))
    }
}

fn both<T: PartialOrd>(actual: Option<T>, wanted: Option<T>, order: Order) -> bool {
    let (Some(actual), Some(wanted)) = (actual, wanted) else {
        return false;
    };
    match order {
        Order::Equal => actual == wanted,
        Order::Less => actual < wanted,
        Order::LessOrEqual => actual <= wanted,
        Order::Greater => actual > wanted,
        Order::GreaterOrEqual => actual >= wanted,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Reads an ISO 8601 date, with or without a time, or seconds since 1970.
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse() {
        return Some(Timestamp::from_unix_seconds(seconds));
    }
    let day = || format!("{text}T00:00:00Z").parse().ok();
    text.parse().ok().or_else(day)
}

fn boolean(text: &str) -> Option<bool> {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    (is("true") || is("false")).then(|| is("true"))
}

/// An address range: `192.0.2.0/24`, or a single address.
struct Network {
    address: IpAddr,
    prefix: u32,
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(drop)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            "" if !text.contains('/') => bits,
            digits => digits.parse().map_err(drop)?,
        };
        (prefix <= bits)
            .then_some(Self { address, prefix })
            .ok_or(())
    }
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let same = |own: u128, other: u128, bits: u32| {
            // A shift by all bits would overflow.
            (own ^ other).checked_shr(bits - self.prefix).unwrap_or(0) == 0
        };
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(own.to_bits().into(), other.to_bits().into(), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => same(own.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }
}
