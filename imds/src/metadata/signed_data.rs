use sha2::{Digest, Sha256};

use crate::metadata::ber::{self, Reader};

/// `1.2.840.113549.1.7.2`, signedData (RFC 5652 section 5).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `1.2.840.113549.1.9.4`, messageDigest (RFC 5652 section 11.2).
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// `2.16.840.1.101.3.4.2.1`, SHA-256 (RFC 5754 section 2).
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// A signed message with one signer (RFC 5652 section 5.1).
pub(crate) struct SignedData {
    /// The signed content, or `None` if it is sent separately.
    content: Option<Vec<u8>>,
    attributes: Option<SignedAttributes>,
    pub(crate) signature: Vec<u8>,
}

/// The signed attributes (RFC 5652 section 5.3).
struct SignedAttributes {
    /// Their encoding as it is hashed.
    encoded: Vec<u8>,
    /// The content's digest, as one of them states it.
    digest: Vec<u8>,
}

impl SignedData {
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut info = Reader(message).enter(ber::SEQUENCE)?;
        if info.expect_tag(ber::OBJECT_ID)? != SIGNED_DATA {
            return None;
        }
        let mut data = info.enter(ber::context(0))?.enter(ber::SEQUENCE)?;
        // Version, digest algorithms.
        data.expect_tag(ber::INTEGER)?;
        data.expect_tag(ber::SET)?;
        let mut encapsulated = data.enter(ber::SEQUENCE)?;
        encapsulated.expect_tag(ber::OBJECT_ID)?;
        let content = match encapsulated.enter(ber::context(0)) {
            Some(mut content) => Some(content.next()?.octets()?),
            None => None,
        };
        // Certificates and revocation lists are not used: the caller has the certificate to trust.
        data.optional(ber::context(0));
        data.optional(ber::context(1));
        let signer = data.enter(ber::SET)?.enter(ber::SEQUENCE)?;
        Self::from_signer(signer, content)
    }

    /// Parses the signer's part (RFC 5652 section 5.3).
    fn from_signer(mut signer: Reader<'_>, content: Option<Vec<u8>>) -> Option<Self> {
        // Version, the signer's identifier.
        signer.expect_tag(ber::INTEGER)?;
        signer.next()?;
        let digest = signer.enter(ber::SEQUENCE)?.expect_tag(ber::OBJECT_ID)?;
        // SHA-1 signatures exist, and are not safe.
        if digest != SHA_256 {
            return None;
        }
        let attributes = match signer.optional(ber::context(0)) {
            Some(attributes) => Some(SignedAttributes::parse(attributes.content)?),
            None => None,
        };
        signer.expect_tag(ber::SEQUENCE)?;
        Some(Self {
            content,
            attributes,
            signature: signer.next()?.octets()?,
        })
    }

    /// Returns the digest that the signature is over, or `None` if this message is about another
    /// document (RFC 5652 section 5.4).
    pub(crate) fn signed_digest(&self, document: &[u8]) -> Option<Vec<u8>> {
        if self.content.as_ref().is_some_and(|own| own != document) {
            return None;
        }
        let digest = Sha256::digest(document).to_vec();
        match &self.attributes {
            None => Some(digest),
            // The signature covers the attributes only, so they must state the document's digest.
            Some(attributes) if attributes.digest == digest => {
                Some(Sha256::digest(&attributes.encoded).to_vec())
            }
            Some(_) => None,
        }
    }
}

impl SignedAttributes {
    fn parse(content: &[u8]) -> Option<Self> {
        let mut rest = Reader(content);
        let mut digest = None;
        while !rest.0.is_empty() {
            let mut attribute = rest.enter(ber::SEQUENCE)?;
            if attribute.expect_tag(ber::OBJECT_ID)? == MESSAGE_DIGEST {
                let value = attribute.enter(ber::SET)?.next()?.octets()?;
                // With two digests, different readers could compare different ones.
                if digest.replace(value).is_some() {
                    return None;
                }
            }
        }
        // They are hashed with the tag of a set in place of `[0]` (RFC 5652 section 5.4).
        let head = match u16::try_from(content.len()).ok()?.to_be_bytes() {
            [0, short @ ..=0x7f] => vec![ber::SET, short],
            [0, byte] => vec![ber::SET, 0x81, byte],
            [high, low] => vec![ber::SET, 0x82, high, low],
        };
        Some(Self {
            encoded: [head.as_slice(), content].concat(),
            digest: digest?,
        })
    }
}
