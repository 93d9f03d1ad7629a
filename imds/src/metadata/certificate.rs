use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use crypto_bigint::{
    BoxedUint, Odd,
    modular::{BoxedMontyForm, BoxedMontyParams},
};
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, ErrorKind},
    metadata::{
        IdentityDocument,
        ber::{self, Reader},
    },
};

/// EC2's public key for the signatures of instance identity documents, from its certificate.
///
/// There is one certificate for each region, in the EC2 User Guide under "AWS public certificates for instance identity
/// document signatures". It is the anchor of trust and is taken as it is: neither its dates nor its issuer are looked at.
///
/// # Examples
///
/// ```no_run
/// # async fn example(client: keyfob_imds::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use keyfob_imds::metadata::Certificate;
///
/// let certificate = Certificate::from_pem(&std::fs::read_to_string("eu-west-1.pem")?)?;
/// let document = client.identity_document().await?;
/// let signature = client.get("/latest/dynamic/instance-identity/rsa2048").await?;
/// certificate.verify_pkcs7(&document, &signature)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Certificate {
    modulus: Odd<BoxedUint>,
    exponent: BoxedUint,
    /// The modulus's length in bytes, which is the signature's too.
    length: usize,
}

/// `1.2.840.113549.1.1.1`, rsaEncryption (RFC 8017 appendix C).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `1.2.840.113549.1.7.2`, signedData (RFC 5652 section 5).
const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `1.2.840.113549.1.9.4`, messageDigest (RFC 5652 section 11.2).
const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// `2.16.840.1.101.3.4.2.1`, SHA-256 (RFC 5754 section 2).
const SHA_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
/// What precedes a SHA-256 digest in an RSA signature (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

impl Certificate {
    /// Reads an X.509 certificate in PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`] when it is none, or its key is not RSA with 1,024 to 8,192 bits.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let body = pem
            .split_once("-----BEGIN CERTIFICATE-----")
            .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"))
            .and_then(|(body, _)| decode(body));
        body.as_deref().and_then(Self::parse).ok_or_else(|| {
            Error::setting("no usable certificate: a PEM block CERTIFICATE with an RSA key of 1024 to 8192 bits is needed")
        })
    }

    /// The subject public key of a certificate (RFC 5280 section 4.1).
    fn parse(der: &[u8]) -> Option<Self> {
        let mut to_be_signed = Reader(der).enter(ber::SEQUENCE)?.enter(ber::SEQUENCE)?;
        to_be_signed.optional(ber::context(0));
        to_be_signed.expect(ber::INTEGER)?;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            to_be_signed.expect(ber::SEQUENCE)?;
        }
        let mut key = to_be_signed.enter(ber::SEQUENCE)?;
        let algorithm = key.enter(ber::SEQUENCE)?.expect(ber::OBJECT_ID)?;
        let bits = key.expect(ber::BIT_STRING)?;
        let mut numbers = Reader(bits.strip_prefix(&[0])?).enter(ber::SEQUENCE)?;
        let (modulus, exponent) = (numbers.expect(ber::INTEGER)?, numbers.expect(ber::INTEGER)?);
        (algorithm == RSA).then_some(())?;
        Self::of_key(without_zeros(modulus), without_zeros(exponent))
    }

    fn of_key(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
        let fits = (128..=1024).contains(&modulus.len())
            && (1..=4).contains(&exponent.len())
            && is_odd
            && exponent != [1];
        let number = |bytes: &[u8]| {
            let bits = u32::try_from(bytes.len()).ok()? * 8;
            BoxedUint::from_be_slice(bytes, bits).ok()
        };
        fits.then_some(Self {
            modulus: Option::from(Odd::new(number(modulus)?))?,
            exponent: number(exponent)?,
            length: modulus.len(),
        })
    }

    /// Checks the signature of `instance-identity/rsa2048`: PKCS #7 in base64, which may hold the document itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] when it is no such signature; [`ErrorKind::Signature`] when it is one of another document
    /// or by another key.
    pub fn verify_pkcs7(&self, document: &IdentityDocument, signature: &str) -> Result<(), Error> {
        let message = decode(signature);
        let signed = message.as_deref().and_then(SignedData::parse);
        let signed = signed.ok_or_else(|| {
            Error::bad_response(
                "the signature of the identity document is not PKCS #7 with SHA-256, in base64",
            )
        })?;
        let covers = signed.covers(document.as_bytes());
        match covers.is_some_and(|digest| self.has_signed(&digest, &signed.signature)) {
            true => Ok(()),
            false => Err(mismatch()),
        }
    }

    /// Checks the signature of `instance-identity/signature`: RSA with SHA-256 over the document's bytes, in base64.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`] when it is not base64; [`ErrorKind::Signature`] when it is one of another document or by
    /// another key.
    pub fn verify(&self, document: &IdentityDocument, signature: &str) -> Result<(), Error> {
        let signature = decode(signature).ok_or_else(|| {
            Error::bad_response("the signature of the identity document is not base64")
        })?;
        let digest = Sha256::digest(document.as_bytes());
        match self.has_signed(&digest, &signature) {
            true => Ok(()),
            false => Err(mismatch()),
        }
    }

    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2): what the signature hides must be, to the last byte, what a signer would
    /// have put there. Parsing it instead is how forgeries get in.
    fn has_signed(&self, digest: &[u8], signature: &[u8]) -> bool {
        self.open(signature)
            .is_some_and(|opened| opened == padded(digest, self.length))
    }

    /// The signature to the power of the public exponent (RFC 8017 section 5.2.2).
    fn open(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let precision = self.modulus.bits_precision();
        let number = BoxedUint::from_be_slice(signature, precision).ok()?;
        let in_range = signature.len() == self.length && number < *self.modulus.as_ref();
        let params = BoxedMontyParams::new_vartime(self.modulus.clone());
        in_range.then(|| {
            let opened = BoxedMontyForm::new(number, &params)
                .pow(&self.exponent)
                .retrieve();
            let bytes = opened.to_be_bytes();
            bytes[bytes.len() - self.length..].to_vec()
        })
    }
}

/// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2).
fn padded(digest: &[u8], length: usize) -> Vec<u8> {
    let tail = DIGEST_INFO.len() + digest.len();
    let mut message = vec![0xff; length.saturating_sub(tail)];
    if let [first, second, .., last] = message.as_mut_slice() {
        (*first, *second, *last) = (0, 1, 0);
    }
    message.extend(DIGEST_INFO);
    message.extend(digest);
    message
}

/// A signed message with one signer (RFC 5652 section 5.1).
struct SignedData {
    /// What it carries; `None` when it is sent apart.
    content: Option<Vec<u8>>,
    /// The signed attributes as they are hashed, and the digest in them.
    attributes: Option<(Vec<u8>, Vec<u8>)>,
    signature: Vec<u8>,
}

impl SignedData {
    fn parse(message: &[u8]) -> Option<Self> {
        let mut info = Reader(message).enter(ber::SEQUENCE)?;
        (info.expect(ber::OBJECT_ID)? == SIGNED_DATA).then_some(())?;
        let mut data = info.enter(ber::context(0))?.enter(ber::SEQUENCE)?;
        data.expect(ber::INTEGER)?;
        data.expect(ber::SET)?;
        let mut carried = data.enter(ber::SEQUENCE)?;
        carried.expect(ber::OBJECT_ID)?;
        let content = match carried.enter(ber::context(0)) {
            Some(mut content) => Some(content.next()?.octets()?),
            None => None,
        };
        data.optional(ber::context(0));
        data.optional(ber::context(1));
        let signer = data.enter(ber::SET)?.enter(ber::SEQUENCE)?;
        Self::of_signer(signer, content)
    }

    /// Section 5.3.
    fn of_signer(mut signer: Reader<'_>, content: Option<Vec<u8>>) -> Option<Self> {
        signer.expect(ber::INTEGER)?;
        signer.next()?;
        let digest = signer.enter(ber::SEQUENCE)?.expect(ber::OBJECT_ID)?;
        (digest == SHA_256).then_some(())?;
        let attributes = match signer.optional(ber::context(0)) {
            Some(attributes) => Some(signed_attributes(attributes.content)?),
            None => None,
        };
        signer.expect(ber::SEQUENCE)?;
        Some(Self {
            content,
            attributes,
            signature: signer.next()?.octets()?,
        })
    }

    /// The digest that the signature is over, if this message is about that document (section 5.4).
    fn covers(&self, document: &[u8]) -> Option<Vec<u8>> {
        let digest = Sha256::digest(document).to_vec();
        if self
            .content
            .as_ref()
            .is_some_and(|content| content != document)
        {
            return None;
        }
        match &self.attributes {
            None => Some(digest),
            Some((hashed, stated)) => (*stated == digest).then(|| Sha256::digest(hashed).to_vec()),
        }
    }
}

/// The attributes with the tag of a set in place of `[0]`, as they are hashed (section 5.4), and the message digest.
fn signed_attributes(content: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut all = Reader(content);
    let mut stated = None;
    while !all.0.is_empty() {
        let mut attribute = all.enter(ber::SEQUENCE)?;
        if attribute.expect(ber::OBJECT_ID)? == MESSAGE_DIGEST {
            let digest = attribute.enter(ber::SET)?.next()?.octets()?;
            stated.is_none().then_some(())?;
            stated = Some(digest);
        }
    }
    let length = u16::try_from(content.len()).ok()?.to_be_bytes();
    let head = match length {
        [0, short @ ..=0x7f] => vec![ber::SET, short],
        [0, byte] => vec![ber::SET, 0x81, byte],
        [high, low] => vec![ber::SET, 0x82, high, low],
    };
    Some(([head.as_slice(), content].concat(), stated?))
}

fn mismatch() -> Error {
    Error::new(
        ErrorKind::Signature,
        "the signature of the identity document does not match: it is of another document, or the certificate is of \
         another region",
    )
}

/// Base64 in lines, or with the lines of PEM around it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).ok()
}

/// Integers have a zero in front when their first bit is set.
fn without_zeros(mut number: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = number {
        number = rest;
    }
    number
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(RSA, {} bits)", self.length * 8)
    }
}
