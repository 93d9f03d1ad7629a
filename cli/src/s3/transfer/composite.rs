//! Objects whose checksum is that of the checksums of the parts in which they were uploaded.

use std::{collections::BTreeMap, fs::File, iter, mem, path::Path, sync::Arc};

use tokio::task::JoinSet;

use super::{Problem, download::Source};
use crate::s3::{Checksum, Composite, Content, Section, Summer, part_size};

/// How many parts are asked for at a time.
const AT_A_TIME: u64 = 8;

/// How many parts are asked for at all.
const MAX_ASKED: u64 = 1000;

/// The sizes of the parts of an object, in their order.
pub(super) struct Sizes {
    sizes: Vec<u64>,
    known: Known,
}

/// What the sizes of parts are known from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The server told each of them.
    All,
    /// The server told that of the first part, and the others may be as large.
    First,
    /// The server tells nothing, and they may have the size that parts have here.
    Nothing,
}

impl Sizes {
    /// Returns the sizes of the parts: that of the first one for all but the last one, or what the
    /// server says about each. If it says nothing, they are those of an upload with the same
    /// settings, or `None`.
    async fn find(source: &Arc<Source>, composite: &Composite) -> Result<Option<Self>, Problem> {
        let count = composite.count();
        let Some(length) = source.length else {
            return Ok(None);
        };
        let first = size_of(source, 1).await?;
        // A server that knows no parts tells the size of the object.
        let first = first.filter(|size| *size < length || count == 1);
        let known = match first {
            // All of one, and both of two.
            Some(_) if count <= 2 => Known::All,
            Some(_) => Known::First,
            None => Known::Nothing,
        };
        let size = first.unwrap_or_else(|| source.transfers.part_size(Some(length)));
        match in_equal_parts(length, count, size) {
            Some(sizes) => Ok(Some(Self { sizes, known })),
            None if known == Known::Nothing => Ok(None),
            None => Self::ask(source, count).await,
        }
    }

    /// Asks for the size of each part. `None` if they are too many, or if the server tells nothing.
    async fn ask(source: &Arc<Source>, count: u64) -> Result<Option<Self>, Problem> {
        if count > MAX_ASKED {
            return Ok(None);
        }
        let mut asking = JoinSet::new();
        let mut sizes = BTreeMap::new();
        let mut next = 1;
        loop {
            while next <= count && (asking.len() as u64) < AT_A_TIME {
                let (source, number) = (Arc::clone(source), next);
                asking.spawn(async move { (number, size_of(&source, number).await) });
                next += 1;
            }
            let Some(asked) = asking.join_next().await else {
                break;
            };
            let (number, size) = asked
                .map_err(|error| Problem::Local(format!("a request was given up: {error}")))?;
            let Some(size) = size? else {
                return Ok(None);
            };
            sizes.insert(number, size);
        }
        let sizes: Vec<u64> = sizes.into_values().collect();
        let total = sizes
            .iter()
            .try_fold(0_u64, |sum, size| sum.checked_add(*size));
        Ok((total == source.length).then_some(Self {
            sizes,
            known: Known::All,
        }))
    }

    /// Returns the sizes that S3 tells, if they are others.
    async fn corrected(
        &self,
        source: &Arc<Source>,
        composite: &Composite,
    ) -> Result<Correction, Problem> {
        match self.known {
            Known::All => return Ok(Correction::None),
            Known::First => {}
            Known::Nothing => return Ok(Correction::Unknown),
        }
        Ok(match Self::ask(source, composite.count()).await? {
            Some(told) if told.sizes == self.sizes => Correction::None,
            Some(told) => Correction::Others(told),
            None => Correction::Unknown,
        })
    }
}

enum Correction {
    None,
    Others(Sizes),
    Unknown,
}

/// Divides a length into so many parts of one size, of which the last one may be shorter.
fn in_equal_parts(length: u64, count: u64, size: u64) -> Option<Vec<u64>> {
    let last = length.checked_sub(size.checked_mul(count.checked_sub(1)?)?)?;
    let is_last = last <= size && (last > 0 || count == 1);
    is_last.then(|| {
        let before = iter::repeat_n(size, usize::try_from(count - 1).unwrap_or_default());
        before.chain([last]).collect()
    })
}

/// Returns the size of a part, if the server tells it.
async fn size_of(source: &Source, number: u64) -> Result<Option<u64>, Problem> {
    let (client, headers) = (&source.transfers.client, source.headers());
    Ok(part_size(client, source.object(), number, &headers).await?)
}

/// Returns true if the bytes of a file have the checksum. `None` if the server does not tell what
/// the parts are.
///
/// # Errors
///
/// If the file cannot be read, or if S3 does not answer.
pub(super) async fn is_of_file(
    source: &Arc<Source>,
    composite: &Composite,
    file: &Arc<File>,
    path: &Path,
) -> Result<Option<bool>, Problem> {
    let Some(mut sizes) = Sizes::find(source, composite).await? else {
        return Ok(None);
    };
    loop {
        let mut parts = Vec::new();
        let mut start = 0;
        for size in &sizes.sizes {
            let section = Content::Section(Section::new(Arc::clone(file), start, *size));
            let sum = section.checksum(composite.algorithm()).await;
            parts.push(sum.map_err(|error| Problem::file("read", path, &error))?);
            start += size;
        }
        if composite.is_of(&parts) {
            return Ok(Some(true));
        }
        sizes = match sizes.corrected(source, composite).await? {
            Correction::None => return Ok(Some(false)),
            Correction::Others(sizes) => sizes,
            Correction::Unknown => return Ok(None),
        };
    }
}

/// Computes the checksums of parts that come one after the other, and are not kept.
pub(super) struct PartsSummer {
    composite: Composite,
    sizes: Sizes,
    summer: Summer,
    /// How many bytes of the part are still to come.
    left: u64,
    parts: Vec<Checksum>,
}

impl PartsSummer {
    /// Begins with the first part. `None` if the server does not tell what the parts are.
    ///
    /// # Errors
    ///
    /// If S3 does not answer.
    pub(super) async fn new(
        source: &Arc<Source>,
        composite: Composite,
    ) -> Result<Option<Self>, Problem> {
        let sizes = Sizes::find(source, &composite).await?;
        Ok(sizes.map(|sizes| Self {
            summer: Summer::new(composite.algorithm()),
            left: sizes.sizes.first().copied().unwrap_or_default(),
            composite,
            sizes,
            parts: Vec::new(),
        }))
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        while let Some(part) = bytes.split_off(..usize::try_from(self.left).unwrap_or(usize::MAX)) {
            self.summer.update(part);
            let next = Summer::new(self.composite.algorithm());
            let complete = mem::replace(&mut self.summer, next);
            self.parts.push(complete.finish());
            let size = self.sizes.sizes.get(self.parts.len());
            self.left = size.copied().unwrap_or(u64::MAX);
        }
        self.summer.update(bytes);
        self.left -= bytes.len() as u64;
    }

    /// Returns true if the bytes that came have the checksum. `None` if that cannot be told.
    ///
    /// # Errors
    ///
    /// If S3 does not answer.
    pub(super) async fn verify(mut self, source: &Arc<Source>) -> Result<Option<bool>, Problem> {
        if self.left == 0 {
            // A part without bytes.
            self.parts.push(self.summer.finish());
        }
        if self.composite.is_of(&self.parts) {
            return Ok(Some(true));
        }
        Ok(match self.sizes.corrected(source, &self.composite).await? {
            Correction::None => Some(false),
            Correction::Others(_) | Correction::Unknown => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_but_for_the_last_one() {
        for (length, count, size, sizes) in [
            (10, 1, 10, Some(&[10][..])),
            (0, 1, 0, Some(&[0])),
            (10, 2, 5, Some(&[5, 5])),
            (10, 2, 7, Some(&[7, 3])),
            (10, 3, 4, Some(&[4, 4, 2])),
            (10, 3, 5, None),
            (10, 2, 4, None),
            (10, 1, 4, None),
            (10, 2, 10, None),
            (10, 0, 10, None),
            (10, u64::MAX, u64::MAX, None),
        ] {
            let found = in_equal_parts(length, count, size);
            assert_eq!(found.as_deref(), sizes, "{length} {count} {size}");
        }
    }
}
