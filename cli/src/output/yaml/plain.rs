//! Which strings need quotes.

use crate::output::controls_terminal;

/// Returns true if a string can be written without quotes: no part of it is an indicator of YAML,
/// and no reader takes it for anything but a string. Rules: those of ruamel.yaml for YAML 1.2.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains(needs_escape)
        && !has_indicator(text)
        && !is_other_type(text)
}

/// Returns true for a character that is written with a backslash, in double quotes: a line end, and
/// what controls a terminal.
pub(super) fn needs_escape(c: char) -> bool {
    controls_terminal(c) || matches!(c, '\u{fffe}' | '\u{ffff}')
}

fn has_indicator(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let before_space = |index: usize| chars.get(index + 1).is_none_or(|&c| c == ' ');
    let starts = match chars.first() {
        Some('?' | ':' | '-') => before_space(0),
        Some(c) => "#,[]{}&*!|>'\"%@`".contains(*c),
        None => false,
    };
    let mut within = chars.windows(2).enumerate();
    starts
        || text.starts_with("---")
        || text.starts_with("...")
        || within.any(|(index, pair)| match pair[1] {
            ':' => before_space(index + 1),
            '#' => pair[0] == ' ',
            _ => false,
        })
}

/// Returns true if a reader takes the plain text for a number, a date, null and so on.
fn is_other_type(text: &str) -> bool {
    let words = [
        "true", "True", "TRUE", "false", "False", "FALSE", "~", "null", "Null", "NULL", "<<", "=",
    ];
    words.contains(&text) || is_integer(text) || is_float(text) || is_timestamp(text)
}

/// `[-+]?(0b[01_]+|0o?[0-7_]+|[0-9_]+|0x[0-9a-fA-F_]+)`, but not with `_` as the first character.
fn is_integer(text: &str) -> bool {
    let digits = without_sign(text);
    let all = |digits: Option<&str>, radix: u32| {
        digits.is_some_and(|digits| {
            let mut chars = digits.chars();
            !digits.is_empty() && chars.all(|c| c == '_' || c.is_digit(radix))
        })
    };
    !text.starts_with('_')
        && (all(Some(digits), 10)
            || all(digits.strip_prefix("0b"), 2)
            || all(digits.strip_prefix("0o"), 8)
            || all(digits.strip_prefix("0x"), 16))
}

/// `[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?` with a point or an exponent,
/// `[-+]?\.[0-9_]+([eE][-+][0-9]+)?`, or a word.
fn is_float(text: &str) -> bool {
    let unsigned = without_sign(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let is_exponent = |exponent: &str| all_digits(without_sign(exponent));
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_run = |digits: &str| digits.chars().all(|c| c == '_' || c.is_ascii_digit());
    if whole.is_empty() {
        return fraction.is_some_and(|fraction| !fraction.is_empty() && is_run(fraction))
            && exponent.is_none_or(|text| text.starts_with(['-', '+']) && is_exponent(text));
    }
    whole.starts_with(|c: char| c.is_ascii_digit())
        && is_run(whole)
        && fraction.is_none_or(is_run)
        && exponent.is_none_or(is_exponent)
        && (fraction.is_some() || exponent.is_some())
}

/// `YYYY-MM-DD`, or a date and a time: `YYYY-M-D`, `T` or spaces, `H:MM:SS`, and maybe a fraction
/// and a zone.
fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else {
        return false;
    };
    let Some((month, rest)) = rest.split_once('-') else {
        return false;
    };
    if year.len() != 4 || !all_digits(year) || !is_one_or_two_digits(month) {
        return false;
    }
    if month.len() == 2 && rest.len() == 2 && all_digits(rest) {
        return true;
    }
    let Some(end) = rest.find(|c: char| !c.is_ascii_digit()) else {
        return false;
    };
    let (day, time) = rest.split_at(end);
    let spaces = time.trim_start_matches([' ', '\t']);
    let time = time.strip_prefix(['T', 't']);
    let time = time.or((spaces.len() < rest.len() - end).then_some(spaces));
    is_one_or_two_digits(day) && time.is_some_and(is_time)
}

fn is_time(text: &str) -> bool {
    let mut parts = text.splitn(3, ':');
    let (Some(hour), Some(minute), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let Some((second, rest)) = rest.split_at_checked(2) else {
        return false;
    };
    let rest = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    is_one_or_two_digits(hour)
        && minute.len() == 2
        && all_digits(minute)
        && all_digits(second)
        && is_zone(rest)
}

/// Nothing, or after spaces `Z` or an offset: `+H`, `+HH`, with `:MM` or without.
fn is_zone(text: &str) -> bool {
    let zone = text.trim_start_matches([' ', '\t']);
    if text.is_empty() || zone == "Z" {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['-', '+']) else {
        return false;
    };
    match offset.split_once(':') {
        Some((hours, minutes)) => {
            is_one_or_two_digits(hours) && minutes.len() == 2 && all_digits(minutes)
        }
        None => is_one_or_two_digits(offset),
    }
}

fn is_one_or_two_digits(text: &str) -> bool {
    text.len() <= 2 && all_digits(text)
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn without_sign(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}
