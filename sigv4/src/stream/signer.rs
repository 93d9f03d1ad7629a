use alloc::{format, string::String, vec::Vec};
use core::fmt;

use super::{layout::Signing, signature::ChunkSignature};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    hex,
    key::{ALGORITHM, SigningKey},
    scope::Scope,
    sha256::{Prefixed, Sha256, Sink as _},
    signature::Signature,
    signer::Signer,
    timestamp::{AmzDate, Timestamp},
};

/// SHA-256 of nothing, in hex: the fifth line of every chunk's string to sign.
const EMPTY_HASH: &[u8; 64] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The chain of signatures of one `aws-chunked` body: each chunk's stands on that of the chunk before, the first
/// one's on that of the request's header.
///
/// The time and the scope are those of the request for all chunks, however long the body takes.
#[derive(Clone)]
pub struct ChunkSigner {
    chain: Chain,
    key: Key,
}

#[derive(Clone)]
enum Key {
    V4 {
        key: SigningKey,
        /// The key and the lines that are the same for every chunk.
        chunk: Prefixed,
    },
}

impl ChunkSigner {
    /// The chain that a signed request begins. Credentials and time are those that signed it.
    pub fn new(
        signer: &Signer,
        credentials: &Credentials,
        at: Timestamp,
        request: &Signature,
    ) -> Self {
        let key = signer.signing_key(credentials, at);
        let seed = ChunkSignature::filled(request.signature().as_bytes());
        Self::v4(key, signer.scope(), at.amz_date(), seed)
    }

    /// The chain behind any signature, in hex, made with a derived key: that of a presigned URL, or of a chunk.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Signature`] when it is not 64 lower-case hex digits.
    pub fn resume(
        key: &SigningKey,
        scope: &Scope,
        at: Timestamp,
        previous: &str,
    ) -> Result<Self, Error> {
        let seed = ChunkSignature::parse(previous).filter(|seed| seed.as_str().len() == 64);
        let seed = seed.ok_or_else(|| Error::new(ErrorKind::Signature, previous))?;
        Ok(Self::v4(key.clone(), scope, at.amz_date(), seed))
    }

    fn v4(key: SigningKey, scope: &Scope, date: AmzDate, seed: ChunkSignature) -> Self {
        let chunk = key.prefixed("AWS4-HMAC-SHA256-PAYLOAD", &date, scope.suffix());
        Self {
            chain: Chain {
                algorithm: ALGORITHM,
                lines: format!("\n{date}\n{}{}\n", date.date(), scope.suffix()),
                previous: seed,
            },
            key: Key::V4 { key, chunk },
        }
    }

    pub(super) fn signing(&self) -> Signing {
        match self.key {
            Key::V4 { .. } => Signing::V4,
        }
    }

    /// Signs the next chunk. An empty one is the last.
    pub fn sign(&mut self, chunk: &[u8]) -> ChunkSignature {
        self.sign_hash(&Sha256::digest(chunk))
    }

    /// Signs the next chunk by its SHA-256.
    pub fn sign_hash(&mut self, sha256: &[u8; 32]) -> ChunkSignature {
        let rest = self.chain.last_lines(Some(EMPTY_HASH), sha256);
        self.chain.previous = match &self.key {
            Key::V4 { chunk, .. } => ChunkSignature::of_mac(&chunk.mac(&rest)),
        };
        self.chain.previous
    }

    /// Signs the trailer, after the last, empty chunk: names lower-case, values trimmed, in any order.
    pub fn sign_trailer<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        trailer: &[(N, V)],
    ) -> ChunkSignature {
        let rest = self.chain.last_lines(None, &trailer_hash(trailer));
        self.chain.previous = match &self.key {
            Key::V4 { key, .. } => {
                let mut text = self.chain.first_lines("-TRAILER").into_bytes();
                text.extend_from_slice(&rest);
                ChunkSignature::of_mac(&key.mac(&text))
            }
        };
        self.chain.previous
    }

    /// What [`sign`](Self::sign) would sign for this chunk, to compare with what a server shows.
    pub fn string_to_sign(&self, chunk: &[u8]) -> String {
        let rest = self
            .chain
            .last_lines(Some(EMPTY_HASH), &Sha256::digest(chunk));
        self.chain.first_lines("-PAYLOAD") + &String::from_utf8_lossy(&rest)
    }

    /// What [`sign_trailer`](Self::sign_trailer) would sign.
    pub fn trailer_string_to_sign<N: AsRef<str>, V: AsRef<str>>(
        &self,
        trailer: &[(N, V)],
    ) -> String {
        let rest = self.chain.last_lines(None, &trailer_hash(trailer));
        self.chain.first_lines("-TRAILER") + &String::from_utf8_lossy(&rest)
    }
}

impl fmt::Debug for ChunkSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkSigner").finish_non_exhaustive()
    }
}

/// The lines of a chunk's string to sign: algorithm with `-PAYLOAD`, time, scope, previous signature, hash of
/// nothing, hash of the chunk. A trailer's has `-TRAILER` and not the hash of nothing.
#[derive(Clone)]
struct Chain {
    algorithm: &'static str,
    /// Time and scope, each with its line ends around.
    lines: String,
    previous: ChunkSignature,
}

impl Chain {
    fn first_lines(&self, of: &str) -> String {
        format!("{}{of}{}", self.algorithm, self.lines)
    }

    fn last_lines(&self, empty: Option<&[u8; 64]>, hash: &[u8; 32]) -> Vec<u8> {
        let mut lines = Vec::with_capacity(2 * 65 + self.previous.as_bytes().len() + 1);
        lines.extend_from_slice(self.previous.as_bytes());
        for hash in empty.into_iter().chain([&hex::encode(hash)]) {
            lines.push(b'\n');
            lines.extend_from_slice(hash);
        }
        lines
    }
}

/// The trailer is hashed as sorted lines `name:value`, each ended by a line feed alone, other than on the wire.
fn trailer_hash<N: AsRef<str>, V: AsRef<str>>(trailer: &[(N, V)]) -> [u8; 32] {
    let mut lines: Vec<(&str, &str)> = trailer
        .iter()
        .map(|(name, value)| (name.as_ref(), value.as_ref()))
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for (name, value) in lines {
        for part in [name, ":", value, "\n"] {
            hash.write(part.as_bytes());
        }
    }
    hash.finish()
}
