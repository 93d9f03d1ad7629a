//! Values as Python writes them, because `aws` is a Python program.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Returns `str(value)`, the form of a cell in text and tables.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => representation(other),
    }
}

/// Returns `repr(number)`. Integers keep their form, and `1e-7` is written `1e-07`.
pub(super) fn number(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => self::float(float),
        // Python has no negative zero among whole numbers.
        _ if number.as_i64() == Some(0) => "0".to_owned(),
        _ => number.to_string(),
    }
}

fn float(float: f64) -> String {
    let shortest = format!("{float:e}");
    let exponent = shortest.split_once('e');
    let Some((digits, Ok(exponent))) = exponent.map(|(d, e)| (d, e.parse::<i32>())) else {
        return shortest;
    };
    if (-4..16).contains(&exponent) {
        // With a decimal point, even if the number is whole.
        return format!("{float:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn representation(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => self::number(number),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(representation).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let pairs = members.iter();
            let pairs = pairs.map(|(name, value)| {
                let name = quoted(name);
                format!("{name}: {}", representation(value))
            });
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing into memory cannot fail.
            _ if c.is_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            _ if c == quote || c == '\\' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Source: Python 3.11.
    #[test]
    fn numbers_are_written_as_in_python() {
        for (value, expected) in [
            (json!(1152.0), "1152.0"),
            (json!(-0.25), "-0.25"),
            (json!(1e-7), "1e-07"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(1.5e20), "1.5e+20"),
            (json!(1e15), "1000000000000000.0"),
            (json!(1e16), "1e+16"),
            (json!(123_456_789_012.5), "123456789012.5"),
            (json!(1e300), "1e+300"),
            (json!(-0.0), "-0.0"),
            (json!(9_007_199_254_740_993_u64), "9007199254740993"),
        ] {
            assert_eq!(text(&value), expected);
        }
        for (json, expected) in [
            ("18446744073709551616", "18446744073709551616"),
            (
                "-100000000000000000000000000000000000000000",
                "-100000000000000000000000000000000000000000",
            ),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("1.50", "1.5"),
            ("2E3", "2000.0"),
        ] {
            let value: Value = serde_json::from_str(json).unwrap();
            assert_eq!(text(&value), expected);
            assert_eq!(crate::output::json::compact(&value), expected);
        }
    }

    #[test]
    fn a_list_within_a_cell_is_written_as_in_python() {
        let value = json!([null, true, "it's", {"a\n": "\"'\\"}]);
        assert_eq!(text(&value), r#"[None, True, "it's", {'a\n': '"\'\\'}]"#);
    }
}
