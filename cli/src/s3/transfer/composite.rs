//! Objects whose checksum is that of the checksums of the parts in which they were uploaded.

use std::{fs::File, io, iter, mem, sync::Arc};

use http::{HeaderValue, header::IF_MATCH};
use tokio::task::JoinSet;

use super::download::Source;
use crate::s3::{Checksum, Composite, Content, Object, Section, Summer, part_size};

/// How many parts are asked for at a time.
const AT_A_TIME: u64 = 8;

/// The sizes of the parts of an object, in their order.
#[derive(PartialEq, Eq)]
pub(super) struct Sizes {
    sizes: Vec<u64>,
    /// Whether S3 told each of them.
    are_told: bool,
}

impl Sizes {
    /// Returns the sizes of the parts: that of the first one for all but the last one, or what S3
    /// says about each. `None` if it does not say that.
    pub(super) async fn find(source: &Arc<Source>, composite: &Composite) -> Option<Self> {
        let (length, count) = (source.length?, composite.count());
        let first = size_of(source, 1).await?;
        match in_equal_parts(length, count, first) {
            Some(sizes) => Some(Self {
                sizes,
                // All of one, and both of two.
                are_told: count <= 2,
            }),
            None => Self::ask(source, count).await,
        }
    }

    /// Asks for the size of each part.
    async fn ask(source: &Arc<Source>, count: u64) -> Option<Self> {
        let mut asking = JoinSet::new();
        let mut sizes = vec![0; usize::try_from(count).ok()?];
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
            let (number, size) = asked.ok()?;
            *sizes.get_mut(usize::try_from(number - 1).ok()?)? = size?;
        }
        let total = sizes
            .iter()
            .try_fold(0_u64, |sum, size| sum.checked_add(*size));
        (total == source.length).then_some(Self {
            sizes,
            are_told: true,
        })
    }

    /// Returns the sizes that S3 tells, if they are others.
    async fn corrected(&self, source: &Arc<Source>, composite: &Composite) -> Correction {
        if self.are_told {
            return Correction::None;
        }
        match Self::ask(source, composite.count()).await {
            Some(told) if told.sizes == self.sizes => Correction::None,
            Some(told) => Correction::Others(told),
            None => Correction::Unknown,
        }
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

/// Returns the size of a part, if S3 tells it.
async fn size_of(source: &Source, number: u64) -> Option<u64> {
    let mut headers = source.transfers.reading.clone();
    if let Some(etag) = &source.etag {
        headers.insert(IF_MATCH, HeaderValue::clone(etag));
    }
    let object = Object {
        bucket: &source.bucket,
        key: &source.key,
    };
    part_size(&source.transfers.client, object, number, &headers).await
}

/// Returns true if the bytes of a file have the checksum. `None` if that cannot be told.
///
/// # Errors
///
/// If the file cannot be read.
pub(super) async fn is_of_file(
    source: &Arc<Source>,
    composite: &Composite,
    file: &Arc<File>,
) -> io::Result<Option<bool>> {
    let Some(mut sizes) = Sizes::find(source, composite).await else {
        return Ok(None);
    };
    loop {
        let mut parts = Vec::new();
        let mut start = 0;
        for size in &sizes.sizes {
            let section = Content::Section(Section::new(Arc::clone(file), start, *size));
            parts.push(section.checksum(composite.algorithm()).await?);
            start += size;
        }
        if composite.is_of(&parts) {
            return Ok(Some(true));
        }
        sizes = match sizes.corrected(source, composite).await {
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
    pub(super) async fn new(source: &Arc<Source>, composite: Composite) -> Option<Self> {
        let sizes = Sizes::find(source, &composite).await?;
        Some(Self {
            summer: Summer::new(composite.algorithm()),
            left: *sizes.sizes.first()?,
            composite,
            sizes,
            parts: Vec::new(),
        })
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
    pub(super) async fn verify(mut self, source: &Arc<Source>) -> Option<bool> {
        if self.left == 0 {
            // A part without bytes.
            self.parts.push(self.summer.finish());
        }
        if self.composite.is_of(&self.parts) {
            return Some(true);
        }
        match self.sizes.corrected(source, &self.composite).await {
            Correction::None => Some(false),
            Correction::Others(_) | Correction::Unknown => None,
        }
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
