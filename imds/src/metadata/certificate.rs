use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey, traits::PublicKeyParts};
use sha2::{Digest, Sha256};

use crate::{
    error::Error,
    metadata::{
        ber::{self, Reader},
        document::IdentityDocument,
        signed_data::SignedData,
    },
};

/// The public key of EC2's signatures of instance identity documents, from its certificate.
///
/// AWS publishes one certificate for each region, in the EC2 User Guide under "AWS public
/// certificates for instance identity document signatures". It is the anchor of trust: its dates
/// and its issuer are not checked.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "client")]
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
    key: PublicKey,
}

/// `1.2.840.113549.1.1.1`, rsaEncryption (RFC 8017 appendix C).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

impl Certificate {
    /// Parses an X.509 certificate in PEM.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is not a certificate, or its key is
    /// not an RSA key of 1,024 to 8,192 bits.
    pub fn from_pem(pem: &str) -> Result<Self, Error> {
        let body = pem
            .split_once("-----BEGIN CERTIFICATE-----")
            .and_then(|(_, rest)| rest.split_once("-----END CERTIFICATE-----"))
            .and_then(|(body, _)| decode(body));
        body.as_deref().and_then(Self::parse).ok_or_else(|| {
            Error::setting(
                "invalid certificate: a PEM block CERTIFICATE with an RSA key of 1024 to 8192 bits \
                 is needed",
            )
        })
    }

    /// Parses the subject public key of a certificate (RFC 5280 section 4.1).
    fn parse(der: &[u8]) -> Option<Self> {
        let mut to_be_signed = Reader(der).enter(ber::SEQUENCE)?.enter(ber::SEQUENCE)?;
        to_be_signed.optional(ber::context(0));
        to_be_signed.expect_tag(ber::INTEGER)?;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            to_be_signed.expect_tag(ber::SEQUENCE)?;
        }
        let mut info = to_be_signed.enter(ber::SEQUENCE)?;
        let algorithm = info.enter(ber::SEQUENCE)?.expect_tag(ber::OBJECT_ID)?;
        if algorithm != RSA {
            return None;
        }
        let bits = info.expect_tag(ber::BIT_STRING)?;
        let mut numbers = Reader(bits.strip_prefix(&[0])?).enter(ber::SEQUENCE)?;
        let modulus = number(numbers.expect_tag(ber::INTEGER)?)?;
        let exponent = number(numbers.expect_tag(ber::INTEGER)?)?;
        let key = PublicKey::new(modulus, exponent).ok()?;
        Some(Self { key })
    }

    /// Verifies the signature of `instance-identity/rsa2048`: PKCS #7 in Base64, which may contain
    /// the document itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not such a signature;
    /// [`ErrorKind::Signature`](crate::ErrorKind::Signature) if it is a signature of another
    /// document or by another key.
    pub fn verify_pkcs7(&self, document: &IdentityDocument, signature: &str) -> Result<(), Error> {
        let message = decode(signature);
        let Some(signed) = message.as_deref().and_then(SignedData::parse) else {
            return Err(Error::response(
                "the signature of the identity document is not PKCS #7 with SHA-256, in Base64",
            ));
        };
        let digest = signed
            .signed_digest(document.as_bytes())
            .ok_or_else(Error::signature_mismatch)?;
        self.verify_digest(&digest, &signed.signature)
    }

    /// Verifies the signature of `instance-identity/signature`: RSA with SHA-256 over the
    /// document's bytes, in Base64.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not Base64;
    /// [`ErrorKind::Signature`](crate::ErrorKind::Signature) if it is a signature of another
    /// document or by another key.
    pub fn verify(&self, document: &IdentityDocument, signature: &str) -> Result<(), Error> {
        let signature = decode(signature).ok_or_else(|| {
            Error::response("the signature of the identity document is not Base64")
        })?;
        self.verify_digest(&Sha256::digest(document.as_bytes()), &signature)
    }

    /// Verifies a signature of a digest: RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2).
    ///
    /// RUSTSEC-2023-0071 of the crate `rsa` concerns private keys, and there is none here.
    fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<(), Error> {
        self.key
            .verify(Pkcs1v15Sign::new::<Sha256>(), digest, signature)
            .map_err(|_| Error::signature_mismatch())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate(RSA, {} bits)", self.key.size() * 8)
    }
}

/// Decodes Base64 in lines, with or without the lines of PEM around it.
fn decode(text: &str) -> Option<Vec<u8>> {
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with("-----"));
    STANDARD.decode(lines.collect::<String>()).ok()
}

/// Returns an unsigned number. Its size is limited here because more bytes than any key has would
/// only cost memory.
fn number(bytes: &[u8]) -> Option<BoxedUint> {
    const MAX_BYTES: usize = PublicKey::MAX_SIZE / 8;
    // A number has a zero byte in front if its first bit would make it negative.
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    let bits = u32::try_from(bytes.len()).ok()? * 8;
    (1..=MAX_BYTES).contains(&bytes.len()).then_some(())?;
    BoxedUint::from_be_slice(bytes, bits).ok()
}
