use std::borrow::Cow;

use serde_json::Value;

use crate::output::query::Query;

const NULL: Cow<'_, Value> = Cow::Borrowed(&Value::Null);

#[test]
fn an_expression_of_any_length_is_an_error_and_not_an_overflow() {
    for piece in [
        "a.", "[", "(", "!", "a[", "&", "{a:", "[?", "a|", "abs(", "[]", "a||",
    ] {
        assert!(Query::parse(&piece.repeat(100_000)).is_err(), "{piece}");
        assert!(Query::parse(&piece.repeat(50)).map_or(true, |q| q.apply(NULL).is_ok()));
    }
    let nested = format!("{}a{}", "(".repeat(58), ".a)".repeat(58));
    assert_eq!(Query::parse(&nested).unwrap().apply(NULL).unwrap(), NULL);
    let both = format!("{}a{}", "(".repeat(58), ".a.a.a)".repeat(58));
    assert!(Query::parse(&both).is_err());
    let longest = Query::parse(&format!("a{}", ".a".repeat(149))).unwrap();
    assert_eq!(longest.apply(NULL).unwrap(), NULL);
}

/// Source: jmespath.py 1.1.0.
#[test]
fn where_the_library_of_aws_leaves_the_specification_the_result_is_that_of_aws() {
    let document = serde_json::json!({
        "a": {"x": {"b": {"c": 1}}},
        "n": [0, [{"z": 1}, {"z": 2}]],
    });
    for (expression, expected) in [
        ("a.*.b", r#"[{"c":1}]"#),
        ("a.*.b.c", "null"),
        ("*.x.b.c", "[1]"),
        ("n[1][:1]", r#"[{"z":1}]"#),
        ("n[1][:1].z", "null"),
        ("n[1] | [:1].z", "[1]"),
    ] {
        let query = Query::parse(expression).unwrap();
        let seen = query.apply(Cow::Borrowed(&document)).unwrap();
        assert_eq!(seen.to_string(), expected, "{expression}");
    }
}
