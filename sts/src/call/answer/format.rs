use crate::call::answer::{element::Tree, json, xml};

/// The format of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    /// Returns the format that the first character tells: JSON in answers of these services is an
    /// object.
    pub(super) fn detect(document: &[u8]) -> Self {
        if without_bom(document).trim_ascii_start().starts_with(b"{") {
            Self::Json
        } else {
            Self::Xml
        }
    }

    /// Parses a whole document.
    ///
    /// The error is the reason in words, without any of the document, which may hold secrets.
    pub(super) fn parse(self, document: &[u8]) -> Result<Tree, &'static str> {
        match self {
            Self::Json => json::parse(without_bom(document)),
            Self::Xml => xml::parse(without_bom(document)),
        }
    }
}

fn without_bom(document: &[u8]) -> &[u8] {
    document.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(document)
}
