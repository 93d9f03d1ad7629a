//! SAML responses of identity providers, read for what they offer.
//!
//! Nothing here verifies a signature, so nothing here is a reason to trust a person: STS verifies
//! the assertion when it is traded for credentials. Reading it first tells which roles it offers,
//! for how long, and whether it has expired.
//!
//! ```
//! use keyfob_sts::{actions::AssumeRoleWithSaml, saml::Assertion};
//!
//! let xml = r#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"
//!         xmlns="urn:oasis:names:tc:SAML:2.0:assertion"><Assertion><AttributeStatement>
//!     <Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>
//!         arn:aws:iam::111122223333:saml-provider/idp,arn:aws:iam::111122223333:role/dev
//!     </AttributeValue></Attribute></AttributeStatement></Assertion></p:Response>"#;
//! let assertion = Assertion::parse(xml)?;
//! let role = &assertion.roles()[0];
//! assert_eq!(role.role_arn, "arn:aws:iam::111122223333:role/dev");
//! let encoded = assertion.encoded().expose();
//! let action = AssumeRoleWithSaml::new(&role.role_arn, &role.provider_arn, encoded)?;
//! # Ok::<(), keyfob_sts::Error>(())
//! ```

use std::{borrow::Cow, collections::HashSet, fmt, num::NonZeroU32};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::{Secret, Timestamp};
use quick_xml::{
    NsReader, XmlVersion,
    escape::resolve_xml_entity,
    events::{BytesStart, Event},
    name::{Namespace, ResolveResult},
};
use zeroize::Zeroizing;

use crate::{error::Error, principal::fields, text::percent_decoded};

/// The start of the names of the attributes that AWS reads.
const AWS_ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";

/// A response of an identity provider, with one assertion.
///
/// It is a secret until it expires: whoever has it can get credentials. `Debug` shows the issuer,
/// the roles and the times only.
#[derive(Clone)]
pub struct Assertion {
    encoded: Secret,
    content: Content,
}

/// A role that an assertion offers, with the provider to name beside it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SamlRole {
    /// The ARN of the role.
    pub role_arn: String,
    /// The ARN of the identity provider in IAM, the `PrincipalArn` of `AssumeRoleWithSAML`.
    pub provider_arn: String,
}

/// What a response says.
#[derive(Clone, Default)]
struct Content {
    destination: Option<String>,
    status: Option<String>,
    issuer: String,
    subject: String,
    subject_format: String,
    recipient: String,
    expiry: Option<Timestamp>,
    session_expiry: Option<Timestamp>,
    attributes: Vec<(String, String)>,
    is_encrypted: bool,
}

impl Assertion {
    /// Reads a response: XML, or the Base64 of it as browsers post it, also with the name of the
    /// field before it and percent-encoded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is not a SAML response, if the identity
    /// provider reports a failure, if it has a document type (which could define entities), or if
    /// it has more than one assertion: the one that is read might not be the one that is signed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::saml::Assertion;
    ///
    /// let error = Assertion::parse("SAMLResponse=PGh0bWw%2B").unwrap_err();
    /// assert!(error.to_string().contains("it ends in the middle"));
    /// ```
    pub fn parse(response: &str) -> Result<Self, Error> {
        let response = response.trim_start_matches('\u{feff}').trim();
        if response.starts_with('<') {
            return Ok(Self {
                encoded: BASE64_STANDARD.encode(response).into(),
                content: Content::parse(response)?,
            });
        }
        let value = response.strip_prefix("SAMLResponse=").unwrap_or(response);
        let value = value.split('&').next().unwrap_or_default();
        let encoded = Zeroizing::new(unescaped(value));
        let xml = BASE64_STANDARD.decode(encoded.as_str()).ok();
        let xml = xml.and_then(|xml| String::from_utf8(xml).ok());
        let xml = xml.map(Zeroizing::new);
        let xml = xml.ok_or_else(|| invalid("it is neither XML nor the Base64 of a text"))?;
        Ok(Self {
            content: Content::parse(&xml)?,
            encoded: encoded.as_str().into(),
        })
    }

    /// Returns the response in Base64, as STS takes it.
    pub fn encoded(&self) -> &Secret {
        &self.encoded
    }

    /// Returns the roles that the assertion offers, in its order, each once: an identity provider
    /// may repeat a role for each group that has it. Values that are not a role and a provider, in
    /// either order, are left out.
    pub fn roles(&self) -> Vec<SamlRole> {
        let mut seen = HashSet::new();
        let roles = self.attribute("Role").filter_map(SamlRole::parse);
        roles.filter(|role| seen.insert(role.clone())).collect()
    }

    /// Returns the values of an attribute of AWS, such as `RoleSessionName`.
    pub fn attribute(&self, name: &str) -> impl Iterator<Item = &str> {
        let is_named = move |known: &str| known.strip_prefix(AWS_ATTRIBUTES) == Some(name);
        let attributes = self.content.attributes.iter();
        attributes.filter_map(move |(known, value)| is_named(known).then_some(value.as_str()))
    }

    /// Returns the lifetime in seconds that the identity provider asks for (`SessionDuration`). It
    /// counts if the request has none of its own. STS refuses less than 900 or more than 43200.
    pub fn session_duration(&self) -> Option<NonZeroU32> {
        self.attribute("SessionDuration").next()?.parse().ok()
    }

    /// Returns the time from which STS refuses the assertion, usually minutes after the login.
    pub fn expiry(&self) -> Option<Timestamp> {
        self.content.expiry
    }

    /// Returns the time at which sessions of this login end at the latest, if the identity provider
    /// says it (`SessionNotOnOrAfter`).
    pub fn session_expiry(&self) -> Option<Timestamp> {
        self.content.session_expiry
    }

    /// Returns the URL that the identity provider sends the response to.
    pub fn destination(&self) -> Option<&str> {
        self.content.destination.as_deref()
    }

    /// Returns the URL that the assertion is for, `https://signin.aws.amazon.com/saml` or a
    /// regional form of it. STS calls it the audience.
    pub fn recipient(&self) -> &str {
        &self.content.recipient
    }

    /// Returns the entity id of the identity provider.
    pub fn issuer(&self) -> &str {
        &self.content.issuer
    }

    /// Returns the name of the person.
    pub fn subject(&self) -> &str {
        &self.content.subject
    }

    /// Returns the format of the subject, such as
    /// `urn:oasis:names:tc:SAML:2.0:nameid-format:persistent`.
    pub fn subject_format(&self) -> &str {
        &self.content.subject_format
    }

    /// Returns true if only AWS can read the assertion. It then has no roles here, and the request
    /// needs those that the caller knows.
    pub fn is_encrypted(&self) -> bool {
        self.content.is_encrypted
    }
}

impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("issuer", &self.content.issuer)
            .field("roles", &self.roles())
            .field("expiry", &self.content.expiry)
            .field("session_expiry", &self.content.session_expiry)
            .finish_non_exhaustive()
    }
}

impl SamlRole {
    /// Creates a role, for an assertion that is encrypted.
    pub fn new(role_arn: impl Into<String>, provider_arn: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            provider_arn: provider_arn.into(),
        }
    }

    fn parse(value: &str) -> Option<Self> {
        let (first, second) = value.split_once(',')?;
        let (first, second) = (first.trim(), second.trim());
        let is = |arn: &str, kind: &str| {
            fields(arn).is_some_and(|[_, _, _, _, resource]| resource.starts_with(kind))
        };
        let (role, provider) = if is(first, "role/") {
            (first, second)
        } else {
            (second, first)
        };
        let is_pair = is(role, "role/") && is(provider, "saml-provider/");
        is_pair.then(|| Self::new(role, provider))
    }
}

/// Undoes percent-encoding and removes whitespace. A plus stays one: it is a digit of Base64.
pub(crate) fn unescaped(value: &str) -> String {
    let mut text = percent_decoded(value);
    text.retain(|char| !char.is_whitespace());
    text
}

fn invalid(reason: &str) -> Error {
    Error::input(
        "SAMLAssertion",
        format!("this cannot be a SAML response: {reason}"),
    )
}

/// The elements that are read, by their place: an element of the same name elsewhere is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Document,
    Response,
    Status,
    StatusCode,
    Assertion,
    Issuer,
    Subject,
    NameId,
    SubjectConfirmation,
    SubjectConfirmationData,
    AuthnStatement,
    AttributeStatement,
    Attribute,
    AttributeValue,
    Other,
}

/// Whose names an element's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vocabulary {
    Protocol,
    Assertion,
    Other,
}

impl Vocabulary {
    fn new(namespace: &ResolveResult<'_>) -> Self {
        match namespace {
            ResolveResult::Bound(Namespace("urn:oasis:names:tc:SAML:2.0:protocol")) => {
                Self::Protocol
            }
            ResolveResult::Bound(Namespace("urn:oasis:names:tc:SAML:2.0:assertion")) => {
                Self::Assertion
            }
            _ => Self::Other,
        }
    }
}

impl Place {
    fn child(self, vocabulary: Vocabulary, name: &str) -> Self {
        match (self, vocabulary, name) {
            (Self::Document, Vocabulary::Protocol, "Response") => Self::Response,
            (Self::Response, Vocabulary::Protocol, "Status") => Self::Status,
            // The second code, in the first, says more.
            (Self::Status | Self::StatusCode, Vocabulary::Protocol, "StatusCode") => {
                Self::StatusCode
            }
            (Self::Response, Vocabulary::Assertion, "Assertion") => Self::Assertion,
            (Self::Assertion, Vocabulary::Assertion, "Issuer") => Self::Issuer,
            (Self::Assertion, Vocabulary::Assertion, "Subject") => Self::Subject,
            (Self::Subject, Vocabulary::Assertion, "NameID") => Self::NameId,
            (Self::Subject, Vocabulary::Assertion, "SubjectConfirmation") => {
                Self::SubjectConfirmation
            }
            (Self::SubjectConfirmation, Vocabulary::Assertion, "SubjectConfirmationData") => {
                Self::SubjectConfirmationData
            }
            (Self::Assertion, Vocabulary::Assertion, "AuthnStatement") => Self::AuthnStatement,
            (Self::Assertion, Vocabulary::Assertion, "AttributeStatement") => {
                Self::AttributeStatement
            }
            (Self::AttributeStatement, Vocabulary::Assertion, "Attribute") => Self::Attribute,
            (Self::Attribute, Vocabulary::Assertion, "AttributeValue") => Self::AttributeValue,
            _ => Self::Other,
        }
    }
}

/// Reads a response from its first to its last element.
struct Parser {
    content: Content,
    /// The open elements, the innermost last.
    open: Vec<Place>,
    /// The name of the attribute that is open.
    attribute: String,
    /// The text of the element that is open.
    text: String,
    assertions: usize,
    /// Whether the first element has begun.
    has_root: bool,
    /// Whether an assertion is not directly in the response.
    is_misplaced: bool,
}

impl Content {
    fn parse(xml: &str) -> Result<Self, Error> {
        let malformed = || invalid("it is not well-formed XML");
        let mut reader = NsReader::from_str(xml);
        let mut parser = Parser {
            content: Self::default(),
            open: vec![Place::Document],
            attribute: String::new(),
            text: String::new(),
            assertions: 0,
            has_root: false,
            is_misplaced: false,
        };
        loop {
            let (namespace, event) = reader.read_resolved_event().map_err(|_| malformed())?;
            let vocabulary = Vocabulary::new(&namespace);
            match event {
                Event::Start(tag) => parser.start(vocabulary, &tag).ok_or_else(malformed)?,
                Event::Empty(tag) => {
                    parser.start(vocabulary, &tag).ok_or_else(malformed)?;
                    parser.end();
                }
                Event::End(_) => parser.end(),
                Event::Text(text) => parser.text.push_str(&text.xml10_content()),
                Event::CData(text) => parser.text.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let char = reference.resolve_char_ref().map_err(|_| malformed())?;
                    match char {
                        Some(char) => parser.text.push(char),
                        None => parser
                            .text
                            .push_str(resolve_xml_entity(&reference).ok_or_else(malformed)?),
                    }
                }
                Event::DocType(_) => return Err(invalid("it has a document type")),
                // A comment in the middle of a text does not cut it.
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => return parser.finish(),
            }
        }
    }

    fn check(self) -> Result<Self, Error> {
        let Some(status) = self.status.as_deref() else {
            return Ok(self);
        };
        // A code of another form may hold anything.
        let code = status.strip_prefix("urn:oasis:names:tc:SAML:2.0:status:");
        let code = code.filter(|code| code.bytes().all(|byte| byte.is_ascii_alphabetic()));
        let code = match code {
            Some("Success") => return Ok(self),
            Some(code) => format!(" ({code})"),
            None => String::new(),
        };
        let message = format!("the identity provider reports a failure{code}: sign in there again");
        Err(Error::input("SAMLAssertion", message))
    }
}

impl Parser {
    /// Opens an element. Returns `None` if it is not well-formed.
    fn start(&mut self, vocabulary: Vocabulary, tag: &BytesStart<'_>) -> Option<()> {
        let name = tag.local_name();
        let name = name.as_ref();
        let parent = *self.open.last()?;
        let is_beside_text = !self.text.trim().is_empty();
        if parent == Place::Document
            && (is_beside_text || std::mem::replace(&mut self.has_root, true))
        {
            return None;
        }
        // Two of one name are an error.
        tag.attributes()
            .try_for_each(|attribute| attribute.map(drop))
            .ok()?;
        let place = parent.child(vocabulary, name);
        self.open.push(place);
        self.text.clear();
        if vocabulary == Vocabulary::Assertion && matches!(name, "Assertion" | "EncryptedAssertion")
        {
            self.assertions += 1;
            self.is_misplaced |= parent != Place::Response;
            self.content.is_encrypted |= name == "EncryptedAssertion";
        }
        let value = |name: &str| -> Option<Option<String>> {
            let Some(attribute) = tag.try_get_attribute(name).ok()? else {
                return Some(None);
            };
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
            Some(Some(Cow::into_owned(value)))
        };
        let time = |name| Some(value(name)?.and_then(|text| text.parse().ok()));
        match place {
            Place::Response => self.content.destination = value("Destination")?,
            Place::Status if self.content.status.is_some() => return None,
            Place::StatusCode => self.content.status = value("Value")?,
            Place::NameId => self.content.subject_format = value("Format")?.unwrap_or_default(),
            Place::SubjectConfirmationData => {
                // There may be more of them; the first one that says it counts.
                if self.content.recipient.is_empty() {
                    self.content.recipient = value("Recipient")?.unwrap_or_default();
                }
                self.content.expiry = self.content.expiry.or(time("NotOnOrAfter")?);
            }
            Place::AuthnStatement => self.content.session_expiry = time("SessionNotOnOrAfter")?,
            Place::Attribute => self.attribute = value("Name")?.unwrap_or_default(),
            _ => {}
        }
        Some(())
    }

    /// Closes the innermost element.
    fn end(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        match self.open.pop() {
            Some(Place::Issuer) => text.clone_into(&mut self.content.issuer),
            Some(Place::NameId) => text.clone_into(&mut self.content.subject),
            Some(Place::AttributeValue) => {
                let value = (self.attribute.clone(), text.to_owned());
                self.content.attributes.push(value);
            }
            _ => {}
        }
    }

    fn finish(self) -> Result<Content, Error> {
        if self.open != [Place::Document] {
            return Err(invalid("it ends in the middle"));
        }
        if !self.text.trim().is_empty() {
            return Err(invalid("it is not well-formed XML"));
        }
        // A failure has no assertion.
        let content = self.content.check()?;
        match self.assertions {
            0 => Err(invalid("it has no assertion")),
            1 if self.is_misplaced => Err(invalid("its assertion is not directly in it")),
            1 => Ok(content),
            _ => Err(invalid("it has more than one assertion")),
        }
    }
}
