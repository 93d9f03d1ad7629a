use serde_json::Value;

use super::Query;

#[test]
fn an_expression_of_any_length_is_an_error_and_not_an_overflow() {
    for piece in [
        "a.", "[", "(", "!", "a[", "&", "{a:", "[?", "a|", "abs(", "[]", "a||",
    ] {
        assert!(Query::parse(&piece.repeat(100_000)).is_err(), "{piece}");
        assert!(Query::parse(&piece.repeat(50)).map_or(true, |q| q.apply(&Value::Null).is_ok()));
    }
    let nested = format!("{}a{}", "(".repeat(58), ".a)".repeat(58));
    assert_eq!(
        Query::parse(&nested).unwrap().apply(&Value::Null).unwrap(),
        Value::Null
    );
    let both = format!("{}a{}", "(".repeat(58), ".a.a.a)".repeat(58));
    assert!(Query::parse(&both).is_err());
    let longest = Query::parse(&format!("a{}", ".a".repeat(149))).unwrap();
    assert_eq!(longest.apply(&Value::Null).unwrap(), Value::Null);
}
