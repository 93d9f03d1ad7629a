use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;

use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesRef, Event},
};
use serde_json::Value;

/// What a server says that it would have signed, read from its answer to a wrong signature.
///
/// S3 answers with `<CanonicalRequest>` and `<StringToSign>`, and repeats both as bytes in hex,
/// which are preferred. The query and JSON services put both into the message, after "should have
/// been". `Debug` shows neither: they may hold a session token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServerView {
    code: Option<String>,
    message: Option<String>,
    canonical_request: Option<String>,
    string_to_sign: Option<String>,
    /// The time of S3's clock; sent if the clocks differ too much.
    server_time: Option<String>,
}

impl ServerView {
    /// Reads the body of an answer, XML or JSON, or a message alone, as printed by a client.
    ///
    /// Text before XML, such as the headers of the answer, is skipped. Parts that the answer lacks
    /// are left out. Malformed XML is read up to its first fault.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::diagnose::ServerView;
    /// let server = ServerView::parse(
    ///     "<Error><Code>SignatureDoesNotMatch</Code>\
    ///      <StringToSign>AWS4-HMAC-SHA256&#xA;20150830T123600Z</StringToSign></Error>",
    /// );
    /// assert_eq!(server.code(), Some("SignatureDoesNotMatch"));
    /// assert_eq!(server.string_to_sign(), Some("AWS4-HMAC-SHA256\n20150830T123600Z"));
    /// assert_eq!(server.canonical_request(), None);
    /// ```
    pub fn parse(body: &str) -> Self {
        let body = body.strip_prefix('\u{feff}').unwrap_or(body);
        let fields = match body.trim_start().as_bytes().first() {
            Some(b'{') => Fields::from_json(body),
            Some(b'<') => Fields::from_xml(body),
            _ => Fields::from_text(body),
        };
        let message = fields.message.as_deref();
        let in_message = |words| message.and_then(|message| quoted_after(message, words));
        Self {
            canonical_request: decode_bytes(fields.canonical_request_bytes)
                .or(fields.canonical_request)
                .or_else(|| in_message("The Canonical String for this request should have been")),
            string_to_sign: decode_bytes(fields.string_to_sign_bytes)
                .or(fields.string_to_sign)
                .or_else(|| in_message("The String-to-Sign should have been")),
            code: fields.code,
            message: fields.message,
            server_time: fields.server_time,
        }
    }

    /// Returns the error code, such as `SignatureDoesNotMatch`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Returns the message.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the canonical request as the server made it.
    pub fn canonical_request(&self) -> Option<&str> {
        self.canonical_request.as_deref()
    }

    /// Returns the string to sign as the server made it.
    pub fn string_to_sign(&self) -> Option<&str> {
        self.string_to_sign.as_deref()
    }

    pub(super) fn server_time(&self) -> Option<&str> {
        self.server_time.as_deref()
    }
}

impl fmt::Debug for ServerView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerView")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// The members of an answer as received. If one is repeated, the first is used.
#[derive(Default)]
struct Fields {
    code: Option<String>,
    message: Option<String>,
    canonical_request: Option<String>,
    canonical_request_bytes: Option<String>,
    string_to_sign: Option<String>,
    string_to_sign_bytes: Option<String>,
    server_time: Option<String>,
}

impl Fields {
    /// Reads elements that hold only text, wherever they are: services nest them differently.
    fn from_xml(body: &str) -> Self {
        let mut fields = Self::default();
        let mut reader = Reader::from_str(body);
        // Messages are not always escaped properly.
        reader.config_mut().allow_dangling_amp = true;
        let mut text = String::new();
        // An error is the end: what was read before it may be all that is needed.
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(_) => text.clear(),
                Event::Text(piece) => text.push_str(&piece.xml10_content()),
                Event::CData(piece) => text.push_str(&piece.xml10_content()),
                Event::GeneralRef(reference) => push_reference(&mut text, &reference),
                Event::End(tag) => {
                    fields.set(tag.local_name().as_ref(), &text);
                    text.clear();
                }
                Event::Eof => break,
                Event::Empty(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
        fields
    }

    /// Reads string members of the object, or of the objects in it.
    fn from_json(body: &str) -> Self {
        let mut fields = Self::default();
        if let Ok(answer) = serde_json::from_str(body) {
            fields.add_members(&answer);
        }
        fields
    }

    /// Recursion is safe: `serde_json` refuses more than 128 levels.
    fn add_members(&mut self, value: &Value) {
        let Some(members) = value.as_object() else {
            return;
        };
        for (name, value) in members {
            if let Some(text) = value.as_str() {
                self.set(name, text);
            }
        }
        for value in members.values() {
            self.add_members(value);
        }
    }

    /// Reads XML after other text, such as the headers of the answer. Without a message in it, the
    /// whole text is the message.
    fn from_text(text: &str) -> Self {
        let xml = text.find('<').map(|start| &text[start..]);
        let mut fields = xml.map(Self::from_xml).unwrap_or_default();
        fields.message.get_or_insert_with(|| text.to_owned());
        fields
    }

    /// Sets the field of this name, if there is one and it has no value yet.
    fn set(&mut self, name: &str, text: &str) {
        let field = match name {
            "Code" | "__type" | "code" => &mut self.code,
            "Message" | "message" => &mut self.message,
            "CanonicalRequest" => &mut self.canonical_request,
            "CanonicalRequestBytes" => &mut self.canonical_request_bytes,
            "StringToSign" => &mut self.string_to_sign,
            "StringToSignBytes" => &mut self.string_to_sign_bytes,
            "ServerTime" => &mut self.server_time,
            _ => return,
        };
        if field.is_none() && !text.is_empty() {
            *field = Some(text.to_owned());
        }
    }
}

/// Appends the character that a reference stands for, or the reference itself if it is unknown.
fn push_reference(text: &mut String, reference: &BytesRef<'_>) {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        text.push(char);
    } else if let Some(entity) = resolve_xml_entity(reference) {
        text.push_str(entity);
    } else {
        text.extend(["&", reference, ";"]);
    }
}

/// Decodes bytes in hex, `47 45 54 0a`.
fn decode_bytes(hex: Option<String>) -> Option<String> {
    let bytes = hex?
        .split_whitespace()
        .map(|digits| u8::from_str_radix(digits, 16).ok())
        .collect::<Option<Vec<u8>>>()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns the text in single quotes after some words.
fn quoted_after(message: &str, words: &str) -> Option<String> {
    let (_, after) = message.split_once(words)?;
    let text = after.trim_start().strip_prefix('\'')?;
    // The text may hold quotes itself: it ends at the quote before the next paragraph, or at the
    // last one.
    let end = text
        .find("'\n\nThe ")
        .or_else(|| text.find("'\n"))
        .or_else(|| text.rfind('\''))?;
    Some(text[..end].to_owned())
}
