use alloc::string::String;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest, Sha256};

use crate::codec::crc::{CRC32, CRC32C, CRC64_NVME, Crc};

/// A checksum of the decoded body, sent in the trailer so that the body is read only once.
///
/// Its value is the big-endian checksum in base64.
///
/// Source: S3, "Checking object integrity".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Checksum {
    /// `x-amz-checksum-crc32`
    Crc32,
    /// `x-amz-checksum-crc32c`
    Crc32c,
    /// `x-amz-checksum-crc64nvme`, which S3 computes itself if a request has no checksum
    Crc64Nvme,
    /// `x-amz-checksum-sha256`
    Sha256,
}

impl Checksum {
    pub(super) const ALL: [Self; 4] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha256];

    /// Returns the name of the trailer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// Computes the value for a whole body.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::chunked::Checksum;
    /// assert_eq!(Checksum::Crc32.digest(b"hello world"), "DUoRhQ==");
    /// assert_eq!(Checksum::Crc64Nvme.digest(b"hello world"), "jSnVw/bqjr4=");
    /// ```
    pub fn digest(self, body: &[u8]) -> String {
        let mut running = Running::new(self);
        running.update(body);
        running.value()
    }

    /// Returns the length of every value in characters.
    pub(super) fn value_length(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 8,
            Self::Crc64Nvme => 12,
            Self::Sha256 => 44,
        }
    }
}

/// A checksum of a body that comes in pieces.
#[derive(Clone)]
pub(super) enum Running {
    Crc32(Crc),
    Crc64(Crc),
    Sha256(Sha256),
}

impl Running {
    pub(super) fn new(checksum: Checksum) -> Self {
        match checksum {
            Checksum::Crc32 => Self::Crc32(Crc::bits32(&CRC32)),
            Checksum::Crc32c => Self::Crc32(Crc::bits32(&CRC32C)),
            Checksum::Crc64Nvme => Self::Crc64(Crc::bits64(&CRC64_NVME)),
            Checksum::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub(super) fn update(&mut self, data: &[u8]) {
        match self {
            Self::Crc32(crc) | Self::Crc64(crc) => crc.update(data),
            Self::Sha256(hash) => hash.update(data),
        }
    }

    pub(super) fn value(&self) -> String {
        match self {
            Self::Crc32(crc) => BASE64_STANDARD.encode(&crc.value().to_be_bytes()[4..]),
            Self::Crc64(crc) => BASE64_STANDARD.encode(crc.value().to_be_bytes()),
            Self::Sha256(hash) => BASE64_STANDARD.encode(hash.clone().finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_equal_those_that_the_service_computes() {
        for (checksum, value) in [
            (Checksum::Crc32, "DUoRhQ=="),
            (Checksum::Crc32c, "yZRlqg=="),
            (Checksum::Crc64Nvme, "jSnVw/bqjr4="),
            (
                Checksum::Sha256,
                "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
            ),
        ] {
            assert_eq!(checksum.digest(b"hello world"), value, "{checksum:?}");
            assert_eq!(value.len(), checksum.value_length());
        }
        // The trailer of the published example.
        assert_eq!(Checksum::Crc32c.digest(&[b'a'; 66_560]), "sOO8/Q==");
    }
}
