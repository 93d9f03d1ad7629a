/// Returns the first `length` characters of a text.
pub(crate) fn cut(text: &str, length: usize) -> &str {
    let end = text.char_indices().nth(length);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(
            (cut("éàü", 2), cut("éàü", 3), cut("", 1)),
            ("éà", "éàü", "")
        );
    }
}
