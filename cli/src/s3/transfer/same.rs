use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::Arc,
};

use md5::{Digest as _, Md5};

use crate::s3::{
    Answer, Content, Object, Section,
    content::hex,
    head_object,
    transfer::{Problem, Transfers},
};

/// Returns the answer that describes an object, or `None` if there is none.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn find(
    transfers: &Transfers,
    object: Object<'_>,
) -> Result<Option<Answer>, Problem> {
    match head_object(&transfers.client, object, &transfers.reading).await {
        Err(error) if error.status() == Some(404) => Ok(None),
        answer => Ok(Some(answer?)),
    }
}

/// Returns true if a file and an object have the same bytes, as far as that can be told: by their
/// size, and by the checksum of the object or by its ETag.
///
/// # Errors
///
/// If the file cannot be read, or if S3 refuses.
pub(super) async fn is_same(
    transfers: &Transfers,
    path: &Path,
    object: Object<'_>,
) -> Result<bool, Problem> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(false);
    };
    if !metadata.is_file() {
        return Ok(false);
    }
    let Some(head) = find(transfers, object).await? else {
        return Ok(false);
    };
    let size = metadata.len();
    if head.length() != Some(size) {
        return Ok(false);
    }
    let unread = |error| Problem::file("read", path, &error);
    let file = Arc::new(File::open(path).map_err(unread)?);
    if let Some(expected) = head.checksum(size) {
        let content = Content::Section(Section::new(file, 0, size));
        let found = content.checksum(expected.algorithm()).await;
        return Ok(found.map_err(unread)?.has_value_of(&expected));
    }
    let Some(etag) = head.header("etag").map(|etag| etag.trim_matches('"')) else {
        return Ok(false);
    };
    let part = transfers.part_size(Some(size));
    let part = match etag.split_once('-') {
        None => None,
        Some((_, count)) if count.parse() == Ok(size.div_ceil(part)) => Some(part),
        // The parts have another size.
        Some(_) => return Ok(false),
    };
    Ok(etag_of(file, size, part).await.map_err(unread)? == etag)
}

/// Returns true if two objects have the same bytes, as far as that can be told.
///
/// # Errors
///
/// If S3 refuses.
pub(super) async fn are_same(
    transfers: &Transfers,
    source: &Answer,
    target: Object<'_>,
) -> Result<bool, Problem> {
    let Some(target) = find(transfers, target).await? else {
        return Ok(false);
    };
    let size = source.length();
    if size.is_none() || size != target.length() {
        return Ok(false);
    }
    let sums = [source, &target].map(|head| head.checksum(size.unwrap_or_default()));
    if let [Some(one), Some(other)] = &sums
        && one.algorithm() == other.algorithm()
    {
        return Ok(one.has_value_of(other));
    }
    let etag = source.header("etag");
    Ok(etag.is_some() && etag == target.header("etag"))
}

/// Returns the ETag that an object with the bytes of a file has, if it is not encrypted with a key
/// of its own: that of the bytes, or that of parts of this size.
async fn etag_of(file: Arc<File>, size: u64, part: Option<u64>) -> io::Result<String> {
    let Some(part) = part else {
        return Section::new(file, 0, size).md5().await;
    };
    let mut whole = Md5::new();
    let mut count = 0_u64;
    while count * part < size {
        let start = count * part;
        let section = Section::new(Arc::clone(&file), start, part.min(size - start));
        let hash = section.digest(Md5::new(), |hash, piece| hash.update(piece));
        whole.update(hash.await?.finalize());
        count += 1;
    }
    Ok(format!("{}-{count}", hex(&whole.finalize())))
}
