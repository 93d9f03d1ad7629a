use alloc::{format, string::String, vec::Vec};

use super::signature::{ChunkSignature, MAX_LENGTH};
use crate::{
    codec::{hex, sha256::Sha256, sink::Sink as _, small_vec::SmallVec},
    payload::EMPTY_SHA256,
    timestamp::AmzDate,
};

/// The most bytes of a signature and two hashes, with a line feed before each hash.
const MAX_LINES: usize = MAX_LENGTH + 2 * 65;

/// The strings to sign of one body, each of which names the signature before it.
#[derive(Clone)]
pub(super) struct Chain {
    algorithm: &'static str,
    /// The lines of time and scope, with a line feed before, between and after.
    time_and_scope: String,
    pub(super) previous: ChunkSignature,
}

impl Chain {
    pub(super) fn new(
        algorithm: &'static str,
        date: AmzDate,
        suffix: &str,
        seed: ChunkSignature,
    ) -> Self {
        Self {
            algorithm,
            time_and_scope: format!("\n{date}\n{}{suffix}\n", date.date()),
            previous: seed,
        }
    }

    /// Returns the string to sign of a chunk: the algorithm with `-PAYLOAD`, the time, the scope,
    /// and the [lines of the chunk](Self::chunk_lines).
    ///
    /// Source: S3, "Signature calculations: transferring payload in multiple chunks".
    pub(super) fn chunk_text(&self, sha256: &[u8; 32]) -> Vec<u8> {
        let mut text = self.first_lines("-PAYLOAD");
        text.extend_from_slice(self.chunk_lines(sha256).as_slice());
        text
    }

    /// Returns the lines that differ from chunk to chunk: the previous signature, the hash of
    /// nothing, and the hash of the chunk.
    pub(super) fn chunk_lines(&self, sha256: &[u8; 32]) -> SmallVec<u8, MAX_LINES> {
        let mut lines = SmallVec::new(0);
        lines.extend(self.previous.as_bytes());
        for hash in [EMPTY_SHA256.as_bytes(), &hex::encode(sha256)] {
            lines.push(b'\n');
            lines.extend(hash);
        }
        lines
    }

    /// Returns the string to sign of a trailer: the algorithm with `-TRAILER`, the time, the scope,
    /// the previous signature and the hash of the trailer.
    ///
    /// Source: S3, "Signature calculations: trailing headers".
    pub(super) fn trailer_text<N: AsRef<str>, V: AsRef<str>>(&self, trailer: &[(N, V)]) -> Vec<u8> {
        let hash = hex::encode(&trailer_hash(trailer));
        let mut text = self.first_lines("-TRAILER");
        text.extend_from_slice(&[self.previous.as_bytes(), &hash].join(&b'\n'));
        text
    }

    fn first_lines(&self, ending: &str) -> Vec<u8> {
        [self.algorithm, ending, &self.time_and_scope]
            .concat()
            .into_bytes()
    }
}

/// Hashes the trailer as sorted lines `name:value`, the names in lower case and the values trimmed.
fn trailer_hash<N: AsRef<str>, V: AsRef<str>>(trailer: &[(N, V)]) -> [u8; 32] {
    let mut lines: Vec<(String, &str)> = trailer
        .iter()
        .map(|(name, value)| {
            (
                name.as_ref().trim().to_ascii_lowercase(),
                value.as_ref().trim(),
            )
        })
        .collect();
    lines.sort_unstable();
    let mut hash = Sha256::new();
    for (name, value) in lines {
        // Each line ends with LF alone, although it is sent with CR LF.
        for part in [&*name, ":", value, "\n"] {
            hash.write(part.as_bytes());
        }
    }
    hash.finish()
}
