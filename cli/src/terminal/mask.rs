/// Masks a secret as `aws` does: stars, then its last four characters.
pub(crate) fn masked(secret: &str) -> String {
    let end = match secret.char_indices().rev().nth(3) {
        // Four characters of a very short secret would be most of it.
        Some((at, _)) if at >= 4 => &secret[at..],
        _ => "",
    };
    format!("{}{end}", "*".repeat(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_secret_shows_nothing_of_itself() {
        let stars = "****************";
        for (secret, end) in [
            ("", ""),
            ("short", ""),
            ("7654321", ""),
            ("secret-1234", "1234"),
        ] {
            assert_eq!(masked(secret), format!("{stars}{end}"));
        }
    }
}
