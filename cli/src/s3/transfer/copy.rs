use std::{ops::Range, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::s3::{
    Answer, MultipartUpload, Object, Part, copy_object, head_object, object_tags,
    transfer::{
        Outcome, Overwrite, PARTS, Problem, Transfers,
        same::{are_same, find},
        upload::{OnTheWay, end, joined, unless_ending},
    },
};

/// The headers of an object that its copy has, too, beside the metadata of the user.
const KEPT: [HeaderName; 6] = [
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::EXPIRES,
];
const METADATA: &str = "x-amz-meta-";
const METADATA_DIRECTIVE: &str = "x-amz-metadata-directive";
const TAGGING_DIRECTIVE: &str = "x-amz-tagging-directive";

/// Copies an object inside S3: a large one in parts, several at a time. Without a size, S3 is asked
/// for it.
///
/// # Errors
///
/// If S3 refuses. Nothing is left of the parts then.
pub(crate) async fn copy(
    transfers: &Arc<Transfers>,
    source: Object<'_>,
    size: Option<u64>,
    target: Object<'_>,
) -> Result<Outcome, Problem> {
    match copy_one(transfers, source, size, target).await {
        Err(problem) if transfers.is_there(&problem) => Ok(Outcome::Skipped),
        copied => copied,
    }
}

async fn copy_one(
    transfers: &Arc<Transfers>,
    source: Object<'_>,
    size: Option<u64>,
    target: Object<'_>,
) -> Result<Outcome, Problem> {
    let client = &transfers.client;
    let mut head = None;
    if transfers.overwrite == Overwrite::IfChanged
        || size.is_none_or(|size| size > transfers.sizes.threshold)
    {
        head = Some(head_object(client, source, &transfers.reading_sources).await?);
    }
    let is_needless = match (transfers.overwrite, &head) {
        (Overwrite::Never, _) => find(transfers, target).await?.is_some(),
        (Overwrite::IfChanged, Some(head)) => are_same(transfers, head, target).await?,
        _ => false,
    };
    if is_needless {
        return Ok(Outcome::Skipped);
    }
    let size = head
        .as_ref()
        .and_then(Answer::length)
        .or(size)
        .unwrap_or_default();
    transfers.progress.learned(size);
    if let Some(head) = &head
        && size > transfers.sizes.threshold
    {
        match copy_in_parts(transfers, source, head, size, target).await {
            Err(problem) if size <= *PARTS.end() && is_not_supported(&problem) => {}
            copied => return copied.map(|()| Outcome::Copied),
        }
    }
    let mut headers = transfers.copying.clone();
    headers.extend(transfers.reading_copied.clone());
    headers.extend(transfers.condition());
    if let Some(algorithm) = transfers.copy_algorithm {
        let name = HeaderName::from_static("x-amz-checksum-algorithm");
        headers.insert(name, HeaderValue::from_static(algorithm.name()));
    }
    let _permit = transfers.request().await;
    copy_object(client, source, target, &headers).await?;
    transfers.progress.moved(size);
    Ok(Outcome::Copied)
}

/// Returns true if a server may not know copies in parts: those of some have only whole ones.
fn is_not_supported(problem: &Problem) -> bool {
    // Others take them for uploads of parts that are empty.
    let is_answered_otherwise = matches!(problem, Problem::S3(error) if error.is_unreadable());
    is_answered_otherwise || matches!(problem.status(), Some(400 | 405 | 411 | 501))
}

async fn copy_in_parts(
    transfers: &Arc<Transfers>,
    source: Object<'_>,
    head: &Answer,
    size: u64,
    target: Object<'_>,
) -> Result<(), Problem> {
    let (client, payer) = (&transfers.client, transfers.request_payer);
    let headers = headers(transfers, source, head).await?;
    let algorithm = transfers.copy_algorithm;
    let _hold = transfers.hold();
    let upload = MultipartUpload::begin(client, target, &headers, payer, algorithm).await?;
    let upload = transfers.opened(upload);
    let mut copying = OnTheWay::new();
    let parts = copy_parts(transfers, &upload, source, head, size, &mut copying);
    let parts = unless_ending(parts).await;
    end(transfers, &upload, parts, copying).await
}

/// Returns the headers of the new object, which a copy in parts does not take from the source by
/// itself.
async fn headers(
    transfers: &Transfers,
    source: Object<'_>,
    head: &Answer,
) -> Result<HeaderMap, Problem> {
    let mut headers = transfers.copying.clone();
    let directive = headers.remove(METADATA_DIRECTIVE);
    if directive.is_none_or(|directive| directive != "REPLACE") {
        for (name, value) in head.headers() {
            if KEPT.contains(name) || name.as_str().starts_with(METADATA) {
                headers.insert(name, value.clone());
            }
        }
    }
    let replaces_tags = headers.remove(TAGGING_DIRECTIVE).is_some();
    let has_tags = head.header("x-amz-tagging-count").is_some();
    if has_tags && !replaces_tags {
        let tags = object_tags(&transfers.client, source, transfers.request_payer).await?;
        // It is ASCII.
        if let Ok(tags) = HeaderValue::try_from(tags) {
            headers.insert("x-amz-tagging", tags);
        }
    }
    Ok(headers)
}

async fn copy_parts(
    transfers: &Arc<Transfers>,
    upload: &Arc<MultipartUpload>,
    source: Object<'_>,
    head: &Answer,
    size: u64,
    copying: &mut OnTheWay,
) -> Result<Vec<Part>, Problem> {
    let mut headers = transfers.customer_key.clone();
    headers.extend(transfers.reading_copied.clone());
    if let Some(etag) = head.header("etag").and_then(|etag| etag.parse().ok()) {
        headers.insert("x-amz-copy-source-if-match", etag);
    }
    let part = transfers.part_size(Some(size));
    let mut copied = Vec::new();
    for (number, start) in (1..).zip((0..size).step_by(usize::try_from(part).unwrap_or(usize::MAX)))
    {
        let range: Range<u64> = start..size.min(start + part);
        let (transfers, upload) = (Arc::clone(transfers), Arc::clone(upload));
        let (bucket, key) = (source.bucket.to_owned(), source.key.to_owned());
        let headers = headers.clone();
        let bytes = range.end - range.start;
        let permit = transfers.request().await;
        copying.spawn(async move {
            let source = Object {
                bucket: &bucket,
                key: &key,
            };
            let client = &transfers.client;
            let part = upload
                .copied_part(client, number, source, range, &headers)
                .await;
            drop(permit);
            if part.is_ok() {
                transfers.progress.moved(bytes);
            }
            part
        });
        while let Some(part) = copying.try_join_next() {
            copied.push(joined(part)?);
        }
    }
    while let Some(part) = copying.join_next().await {
        copied.push(joined(part)?);
    }
    Ok(copied)
}
