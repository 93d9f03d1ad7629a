use alloc::{format, string::String, vec::Vec};

use super::signature::{ChunkSignature, MAX_LENGTH};
use crate::{
    codec::{hex, sha256::Sha256, sink::Sink as _, small_vec::SmallVec},
    payload::EMPTY_SHA256,
    timestamp::AmzDate,
};

/// A signature and two hashes, each on its line.
const MAX_LINES: usize = MAX_LENGTH + 2 * 65;

/// What the strings to sign of one body are put together from.
#[derive(Clone)]
pub(super) struct Chain {
    algorithm: &'static str,
    /// Time and scope, each with its line ends around.
    lines: String,
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
            lines: format!("\n{date}\n{}{suffix}\n", date.date()),
            previous: seed,
        }
    }

    /// Algorithm with `-PAYLOAD`, time, scope, and the lines that differ.
    pub(super) fn chunk_text(&self, sha256: &[u8; 32]) -> Vec<u8> {
        let mut text = self.first_lines("-PAYLOAD");
        text.extend_from_slice(self.chunk_lines(sha256).as_slice());
        text
    }

    /// What of it differs from chunk to chunk: the previous signature, the hash of nothing, and that of the chunk.
    pub(super) fn chunk_lines(&self, sha256: &[u8; 32]) -> SmallVec<u8, MAX_LINES> {
        let mut lines = SmallVec::new(0);
        lines.extend(self.previous.as_bytes());
        for hash in [EMPTY_SHA256.as_bytes(), &hex::encode(sha256)] {
            lines.push(b'\n');
            lines.extend(hash);
        }
        lines
    }

    /// Algorithm with `-TRAILER`, time, scope, the previous signature and the hash of the trailer.
    pub(super) fn trailer_text<N: AsRef<str>, V: AsRef<str>>(&self, trailer: &[(N, V)]) -> Vec<u8> {
        let hash = hex::encode(&trailer_hash(trailer));
        let mut text = self.first_lines("-TRAILER");
        text.extend_from_slice(&[self.previous.as_bytes(), &hash].join(&b'\n'));
        text
    }

    fn first_lines(&self, of: &str) -> Vec<u8> {
        [self.algorithm, of, &self.lines].concat().into_bytes()
    }
}

/// The trailer is hashed as sorted lines `name:value`, names in lower case and values without blanks around, each ended
/// by a line feed alone, other than on the wire.
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
        for part in [&*name, ":", value, "\n"] {
            hash.write(part.as_bytes());
        }
    }
    hash.finish()
}
