/// A secret as `aws` shows it: stars, and the last four characters. Of a short one these would be too much.
pub(crate) fn masked(secret: &str) -> String {
    let end = secret.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    let end = if end < 4 { "" } else { &secret[end..] };
    format!("{}{end}", "*".repeat(16))
}
