use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::HeaderMap;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// How S3 tells whether the bytes of an object are those that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Crc64Nvme,
    Crc32,
    Crc32c,
    Sha1,
    Sha256,
}

/// The checksum of a part of an object, or of a whole one.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Checksum {
    algorithm: Algorithm,
    value: Vec<u8>,
    /// The number of bytes that it is of.
    length: u64,
}

/// The checksum of the checksums of an object's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Composite {
    checksum: Checksum,
    count: u64,
}

/// A checksum that is not complete yet.
pub(crate) struct Summer {
    algorithm: Algorithm,
    state: State,
    length: u64,
}

/// What a cyclic redundancy check divides by. The check of some bytes is the rest of their
/// division, so it too is a polynomial, with a bit for each coefficient: the highest is that of x⁰.
#[derive(Clone, Copy)]
struct Polynomial {
    bits: u32,
    /// All terms but the highest.
    terms: u64,
}

enum State {
    Crc64Nvme(crc64fast_nvme::Digest),
    Crc32(crc32fast::Hasher),
    Crc32c(u32),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Algorithm {
    /// All of them, in the order in which they are looked for in an answer.
    const ALL: [Self; 5] = [
        Self::Crc64Nvme,
        Self::Crc32,
        Self::Crc32c,
        Self::Sha256,
        Self::Sha1,
    ];

    /// Returns the name, as S3 writes it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "CRC64NVME",
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// Returns the header that has a checksum.
    pub(crate) const fn header(self) -> &'static str {
        match self {
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Returns what the checksum of an upload in parts is of: of all bytes, which needs checksums
    /// that can be combined, or of the checksums of the parts.
    pub(crate) const fn kind(self) -> &'static str {
        if self.can_be_combined() {
            "FULL_OBJECT"
        } else {
            "COMPOSITE"
        }
    }

    /// Returns true if the checksum of a whole can be told by those of its parts.
    pub(crate) const fn can_be_combined(self) -> bool {
        self.polynomial().is_some()
    }

    /// Returns what a cyclic redundancy check divides by.
    const fn polynomial(self) -> Option<Polynomial> {
        let (bits, terms) = match self {
            Self::Crc64Nvme => (64, 0x9a6c_9329_ac4b_c9b5),
            Self::Crc32 => (32, 0xedb8_8320),
            Self::Crc32c => (32, 0x82f6_3b78),
            Self::Sha1 | Self::Sha256 => return None,
        };
        Some(Polynomial { bits, terms })
    }

    /// Returns the length of a checksum in bytes.
    const fn length(self) -> usize {
        match self {
            Self::Crc64Nvme => 8,
            Self::Crc32 | Self::Crc32c => 4,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Returns the checksum of these bytes.
    pub(crate) fn compute(self, bytes: &[u8]) -> Checksum {
        let mut summer = Summer::new(self);
        summer.update(bytes);
        summer.finish()
    }

    fn crc_checksum(self, crc: u64, length: u64) -> Checksum {
        let bytes = crc.to_be_bytes();
        Checksum {
            algorithm: self,
            value: bytes[bytes.len() - self.length()..].to_vec(),
            length,
        }
    }
}

impl Polynomial {
    /// Returns the contribution of bytes that have this check to that of a whole, in which so many
    /// more bytes follow them: its product with x⁸ for each of these.
    fn followed_by_zeros(self, crc: u64, mut count: u64) -> u64 {
        let mut product = crc;
        // x⁸, and then its square, the square of that, and so on.
        let mut power = 1 << (self.bits - 1 - 8);
        while count > 0 {
            if count & 1 == 1 {
                product = self.product(product, power);
            }
            power = self.product(power, power);
            count >>= 1;
        }
        product
    }

    /// Returns the rest of the product of two rests.
    const fn product(self, one: u64, mut other: u64) -> u64 {
        let mut product = 0;
        let mut exponent = 0;
        while exponent < self.bits {
            if one >> (self.bits - 1 - exponent) & 1 == 1 {
                product ^= other;
            }
            // Times x.
            other = other >> 1 ^ if other & 1 == 1 { self.terms } else { 0 };
            exponent += 1;
        }
        product
    }
}

impl Checksum {
    /// Returns the checksum of a whole object that an answer of S3 has.
    ///
    /// `None` if there is none, or if it is one of the checksums of parts.
    pub(crate) fn from_headers(headers: &HeaderMap, length: u64) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if text("x-amz-checksum-type") == Some("COMPOSITE") {
            return None;
        }
        Algorithm::ALL
            .into_iter()
            .find_map(|algorithm| Self::parse(algorithm, text(algorithm.header())?, length))
    }

    /// Reads a checksum of that many bytes, as a header and a document have it. `None` if it is one
    /// of the checksums of parts, which ends with their number.
    pub(crate) fn parse(algorithm: Algorithm, text: &str, length: u64) -> Option<Self> {
        let value = STANDARD.decode(text).ok()?;
        (value.len() == algorithm.length()).then_some(Self {
            algorithm,
            value,
            length,
        })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns true if both have the same value, whatever they are of.
    pub(crate) fn has_value_of(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && self.value == other.value
    }

    /// Returns the checksum as a header and a document have it.
    pub(crate) fn text(&self) -> String {
        STANDARD.encode(&self.value)
    }

    /// Returns the checksum of the parts of an object, one after the other. `None` if it cannot be
    /// told by theirs.
    pub(crate) fn combined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut parts = parts.into_iter();
        let first = parts.next()?;
        let algorithm = first.algorithm;
        let polynomial = algorithm.polynomial()?;
        let (mut value, mut length) = (first.crc_value(), first.length);
        for part in parts {
            value = polynomial.followed_by_zeros(value, part.length) ^ part.crc_value();
            length += part.length;
        }
        Some(algorithm.crc_checksum(value, length))
    }

    fn crc_value(&self) -> u64 {
        let bytes = self.value.iter();
        bytes.fold(0, |value, byte| value << 8 | u64::from(*byte))
    }
}

impl Composite {
    /// Returns the checksum of checksums that an answer of S3 has. It ends with their number.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Algorithm::ALL.into_iter().find_map(|algorithm| {
            let text = headers.get(algorithm.header())?.to_str().ok()?;
            let (value, count) = text.split_once('-')?;
            let count = count.parse().ok().filter(|count| *count > 0)?;
            let checksum = Checksum::parse(algorithm, value, count)?;
            Some(Self { checksum, count })
        })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.checksum.algorithm
    }

    /// Returns the number of parts.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns true if the parts have these checksums.
    pub(crate) fn is_of(&self, parts: &[Checksum]) -> bool {
        let mut summer = Summer::new(self.algorithm());
        for part in parts {
            summer.update(&part.value);
        }
        parts.len() as u64 == self.count && summer.finish().has_value_of(&self.checksum)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm.name(), self.text())
    }
}

impl Summer {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Crc64Nvme => State::Crc64Nvme(crc64fast_nvme::Digest::new()),
            Algorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            Algorithm::Crc32c => State::Crc32c(0),
            Algorithm::Sha1 => State::Sha1(Sha1::new()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
        };
        Self {
            algorithm,
            state,
            length: 0,
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        match &mut self.state {
            State::Crc64Nvme(digest) => digest.write(bytes),
            State::Crc32(digest) => digest.update(bytes),
            State::Crc32c(crc) => *crc = crc32c::crc32c_append(*crc, bytes),
            State::Sha1(digest) => digest.update(bytes),
            State::Sha256(digest) => digest.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Checksum {
        let value = match self.state {
            State::Crc64Nvme(digest) => digest.sum64().to_be_bytes().to_vec(),
            State::Crc32(digest) => digest.finalize().to_be_bytes().to_vec(),
            State::Crc32c(crc) => crc.to_be_bytes().to_vec(),
            State::Sha1(digest) => digest.finalize().to_vec(),
            State::Sha256(digest) => digest.finalize().to_vec(),
        };
        Checksum {
            algorithm: self.algorithm,
            value,
            length: self.length,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    /// Source: check values of the CRC catalog of RevEng; SHA-1 and SHA-256 of hashlib of Python.
    #[test]
    fn checksums_are_those_of_the_standards() {
        for (algorithm, hex) in [
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (
                Algorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ] {
            let value = algorithm.compute(b"123456789").value;
            let found: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(found, hex, "{algorithm:?}");
        }
    }

    #[test]
    fn the_checksums_of_parts_make_that_of_the_whole() {
        let bytes: Vec<u8> = (0..1000_u32).map(|n| (n * 7 % 251) as u8).collect();
        for algorithm in Algorithm::ALL {
            for sizes in [&[1000][..], &[1, 999], &[500, 300, 200], &[0, 1000]] {
                let mut rest = &bytes[..];
                let parts: Vec<Checksum> = sizes
                    .iter()
                    .map(|size| {
                        let (part, after) = rest.split_at(*size);
                        rest = after;
                        algorithm.compute(part)
                    })
                    .collect();
                let whole = Checksum::combined(&parts);
                let can = algorithm.can_be_combined();
                let expected = can.then(|| algorithm.compute(&bytes));
                assert_eq!(whole, expected, "{algorithm:?} {sizes:?}");
            }
        }
        assert_eq!(Checksum::combined(iter::empty()), None);
    }

    /// Source: "Checking object integrity" in the documentation of S3, and hashlib of Python.
    #[test]
    fn the_checksum_of_the_checksums_of_parts_is_told_by_their_number() {
        let of = |text: &'static str| {
            let name = http::HeaderName::from_static("x-amz-checksum-sha256");
            let value = http::HeaderValue::from_static(text);
            Composite::from_headers(&[(name, value)].into_iter().collect())
        };
        let parts = [b"1234", b"5678"].map(|part| Algorithm::Sha256.compute(part));
        let composite = of("py80UrKros+CxIkSywS0+r4QZ+9jtZi8fYB3azOuadI=-2").unwrap();
        assert_eq!(composite.count(), 2);
        assert!(composite.is_of(&parts));
        assert!(!composite.is_of(&parts[..1]));
        let [one, other] = parts;
        assert!(!composite.is_of(&[other, one]));
        for text in [
            "py80UrKros+CxIkSywS0+r4QZ+9jtZi8fYB3azOuadI=",
            "py80UrKros+CxIkSywS0+r4QZ+9jtZi8fYB3azOuadI=-",
            "py80UrKros+CxIkSywS0+r4QZ+9jtZi8fYB3azOuadI=-0",
            "py80UrKros+CxIkSywS0+r4QZ+9jtZi8fYB3azOuadI=-x",
            "-2",
            "AAAA-2",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_checksum_of_a_whole_object_is_one() {
        let found = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, http::HeaderValue::from_static(value))
            });
            Checksum::from_headers(&headers.collect(), 9).map(|found| found.algorithm)
        };
        let crc = ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=");
        assert_eq!(found(&[crc]), Some(Algorithm::Crc64Nvme));
        assert_eq!(
            found(&[crc, ("x-amz-checksum-type", "FULL_OBJECT")]),
            Some(Algorithm::Crc64Nvme)
        );
        assert_eq!(found(&[crc, ("x-amz-checksum-type", "COMPOSITE")]), None);
        assert_eq!(found(&[("x-amz-checksum-crc32", "y/Q5Jg==-2")]), None);
        assert_eq!(found(&[("x-amz-checksum-crc32", "rosUhgp5mIg=")]), None);
        assert_eq!(found(&[]), None);
    }
}
