/// The greatest number of names in a message.
pub(super) const SHOWN: usize = 5;

/// Returns the names that `wanted` may be a slip of, the nearest first, at most [`SHOWN`], in any
/// case: those that begin with it, where a whole word comes first, and those that differ in a third
/// of its letters at most.
pub(super) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let start = wanted.to_lowercase();
    let wanted: Vec<_> = start.chars().collect();
    let limit = wanted.len().div_ceil(3);
    let rank = |name: &str| {
        let name = name.to_lowercase();
        let rest = name.strip_prefix(&start).filter(|_| !start.is_empty());
        let is_word = rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric));
        let distance = distance(&wanted, &name);
        (rest.is_some() || distance <= limit).then_some((!is_word, distance))
    };
    let mut near: Vec<_> = names
        .into_iter()
        .filter_map(|name| Some((rank(name)?, name)))
        .collect();
    near.sort_by_key(|(rank, _)| *rank);
    near.truncate(SHOWN);
    near.into_iter().map(|(_, name)| name).collect()
}

/// Returns the property that a name is a slip of: one with `-` in place of `_`, or with one or two
/// other letters. A name that is known is no slip.
pub(crate) fn similar_property<'a>(wanted: &str, known: &[&'a str]) -> Option<&'a str> {
    if known.contains(&wanted) {
        return None;
    }
    let wanted: Vec<_> = wanted.replace('-', "_").chars().collect();
    // Short names are near to many others.
    let limit = (wanted.len() / 4).min(2);
    let ranked = known.iter().map(|name| (distance(&wanted, name), *name));
    let (distance, name) = ranked.min_by_key(|(distance, _)| *distance)?;
    (distance <= limit).then_some(name)
}

/// Returns how many letters have to be changed, added or removed (Levenshtein).
fn distance(from: &[char], to: &str) -> usize {
    let mut row: Vec<_> = (0..=from.len()).collect();
    for (above, letter) in to.chars().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, other) in from.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[from.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_other_names_are_not() {
        let names: Vec<_> = (0..120)
            .map(|number| format!("acct-{number}.Admin"))
            .collect();
        let near = nearest("acct-7.Admn", names.iter().map(String::as_str));
        assert_eq!((near[0], near.len()), ("acct-7.Admin", SHOWN));
        let near = nearest("acct-7", names.iter().map(String::as_str));
        assert_eq!((near[0], near.len()), ("acct-7.Admin", SHOWN));
        assert_eq!(nearest("PROD", ["prod", "dev"]), ["prod"]);
        assert_eq!(
            nearest("prod", ["dev", "production-of-all"]),
            ["production-of-all"]
        );
        assert!(nearest("dev", ["prod", "default"]).is_empty());
        assert!(nearest("", ["a"]).is_empty());
    }

    #[test]
    fn slips_of_properties_are_found() {
        let known = ["role_arn", "aws_access_key_id", "region", "output"];
        for (name, meant) in [
            ("role-arn", Some("role_arn")),
            ("aws_acess_key_id", Some("aws_access_key_id")),
            ("aws-access-key-id", Some("aws_access_key_id")),
            ("regoin", None),
            ("regon", Some("region")),
            ("role_arn", None),
            ("team", None),
        ] {
            assert_eq!(similar_property(name, &known), meant, "{name}");
        }
    }
}
