use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::Timestamp;
use quick_xml::{
    Reader,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
};

use super::refusal::Refusal;

/// What STS reads from an assertion. The signature is not verified.
#[derive(Debug, Default)]
pub(super) struct Assertion {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) format: String,
    pub(super) recipient: String,
    pub(super) not_on_or_after: Option<Timestamp>,
    attributes: Vec<(String, String)>,
}

impl Assertion {
    pub(super) fn parse(base64: &str) -> Result<Self, Refusal> {
        let invalid = |message| Refusal::bad("InvalidIdentityToken", message);
        let stripped: String = base64.split_ascii_whitespace().collect();
        let xml = BASE64_STANDARD.decode(stripped).ok();
        let xml = xml.and_then(|xml| String::from_utf8(xml).ok());
        let xml = xml.ok_or_else(|| invalid("Invalid base64 SAMLResponse"))?;
        read(&xml).ok_or_else(|| invalid("Invalid SAML response: it is not well-formed"))
    }

    /// Returns the values of an attribute of AWS, such as `RoleSessionName`.
    pub(super) fn attribute(&self, name: &str) -> impl Iterator<Item = &str> {
        let name = format!("https://aws.amazon.com/SAML/Attributes/{name}");
        let attributes = self.attributes.iter();
        attributes.filter_map(move |(known, value)| (*known == name).then_some(value.as_str()))
    }
}

fn read(xml: &str) -> Option<Assertion> {
    let mut assertion = Assertion::default();
    let mut reader = Reader::from_str(xml);
    // The attribute that is open, and the text of the element that is.
    let (mut attribute, mut text) = (String::new(), String::new());
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) | Event::Empty(tag) => {
                text.clear();
                assertion.open(&tag, &mut attribute);
            }
            Event::Text(more) => text.push_str(&more.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(char) => text.push(char),
                None => text.push_str(resolve_xml_entity(&reference)?),
            },
            Event::End(tag) => {
                assertion.close(tag.local_name().as_ref(), &attribute, text.trim());
                text.clear();
            }
            Event::DocType(_) => return None,
            Event::Eof => return Some(assertion),
            _ => (),
        }
    }
}

impl Assertion {
    fn open(&mut self, tag: &BytesStart<'_>, attribute: &mut String) {
        let value = |name: &str| {
            let value = tag.try_get_attribute(name).ok().flatten();
            value.map_or_else(String::new, |value| value.value.into_owned())
        };
        match tag.local_name().as_ref() {
            "Attribute" => *attribute = value("Name"),
            "NameID" => self.format = value("Format"),
            "SubjectConfirmationData" => {
                self.recipient = value("Recipient");
                self.not_on_or_after = value("NotOnOrAfter").parse().ok();
            }
            _ => (),
        }
    }

    fn close(&mut self, element: &str, attribute: &str, text: &str) {
        match element {
            "Issuer" => text.clone_into(&mut self.issuer),
            "NameID" => text.clone_into(&mut self.subject),
            "AttributeValue" => self
                .attributes
                .push((attribute.to_owned(), text.to_owned())),
            _ => (),
        }
    }
}
