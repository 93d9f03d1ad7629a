use std::{
    collections::HashMap,
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    pin::pin,
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use tokio::task::{self, JoinSet};

use crate::{
    s3::{
        Content, MultipartUpload, Object, Part, Section, StoredPart, media_type, put_object,
        transfer::{
            MEMORY, MIB, Outcome, Overwrite, PART, PARTS, Problem, Transfers,
            gate::Permit,
            same::{find, is_same},
        },
    },
    signals::ending,
};

/// The size in bytes of the largest file that is read at once.
const SMALL: u64 = MIB;
/// The most parts that an upload has.
const MAX_PARTS: u32 = 10_000;

/// Where the bytes of an object come from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    File(&'a Path),
    /// Standard input, with the size that is expected.
    Input(Option<u64>),
}

/// Uploads a file or standard input: large ones in parts, several at a time. A large file is read
/// in small pieces, as they are sent.
///
/// # Errors
///
/// If the source cannot be read, or if S3 refuses. Nothing is left of the parts then.
pub(crate) async fn upload(
    transfers: &Arc<Transfers>,
    source: Source<'_>,
    object: Object<'_>,
) -> Result<Outcome, Problem> {
    match send(transfers, source, object).await {
        Err(problem) if transfers.is_there(&problem) => Ok(Outcome::Skipped),
        sent => sent,
    }
}

async fn send(
    transfers: &Arc<Transfers>,
    source: Source<'_>,
    object: Object<'_>,
) -> Result<Outcome, Problem> {
    let mut headers = transfers.writing.clone();
    let path = match source {
        Source::File(path) => path,
        Source::Input(size) => {
            stream(transfers, size, object, &headers).await?;
            return Ok(Outcome::Copied);
        }
    };
    if transfers.guesses_type {
        set_type(&mut headers, path);
    }
    let mut file = File::open(path).map_err(|error| Problem::file("open", path, &error))?;
    let size = file.metadata().map(|metadata| metadata.len());
    let size = size.map_err(|error| Problem::file("read", path, &error))?;
    let is_needless = match transfers.overwrite {
        Overwrite::Always => false,
        // The condition of a small one goes with it.
        Overwrite::Never => {
            size > transfers.sizes.threshold && find(transfers, object).await?.is_some()
        }
        Overwrite::IfChanged => is_same(transfers, path, object).await?,
    };
    if is_needless {
        return Ok(Outcome::Skipped);
    }
    if size > transfers.sizes.threshold {
        let content = Parts::File {
            file: Arc::new(file),
            start: 0,
            size,
        };
        let part = transfers.part_size(Some(size));
        in_parts(transfers, content, part, object, &headers).await?;
        return Ok(Outcome::Copied);
    }
    let permit = transfers.request().await;
    let content = if size > SMALL {
        Content::Section(Section::new(Arc::new(file), 0, size))
    } else {
        // Some special files have more than their size says.
        let bytes = read(&mut file, SMALL + 1, size);
        let bytes = bytes.map_err(|error| Problem::file("read", path, &error))?;
        if bytes.len() as u64 > SMALL {
            let error = io::Error::other("it has become longer while it was read");
            return Err(Problem::file("read", path, &error));
        }
        bytes.into()
    };
    put(transfers, permit, content, object, &headers).await?;
    Ok(Outcome::Copied)
}

/// Uploads standard input.
async fn stream(
    transfers: &Arc<Transfers>,
    size: Option<u64>,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let part = transfers.part_size(size);
    let mut input = Input(Box::new(io::stdin()));
    let permit = transfers.memory.acquire_many(mebibytes(part)).await;
    let head;
    // One byte more shows whether that is all.
    (input, head) = input.read(part + 1).await?;
    if head.len() as u64 <= part {
        let permit = transfers.request().await;
        return put(transfers, permit, head.into(), object, headers).await;
    }
    let input = Input(Box::new(Cursor::new(head).chain(input.0)));
    drop(permit);
    let grows = size.is_none();
    let content = Parts::Stream { input, grows };
    in_parts(transfers, content, part, object, headers).await
}

/// Uploads an object with one request.
async fn put(
    transfers: &Transfers,
    _permit: Permit,
    content: Content,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let mut headers = headers.clone();
    headers.extend(transfers.condition());
    let (client, algorithm) = (&transfers.client, transfers.algorithm);
    Ok(put_object(client, object, &headers, content, algorithm).await?)
}

/// Uploads parts of this size.
async fn in_parts(
    transfers: &Arc<Transfers>,
    content: Parts,
    size: u64,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let (client, payer) = (&transfers.client, transfers.request_payer);
    let algorithm = transfers.algorithm;
    let _hold = transfers.hold();
    let found = if transfers.resumes {
        let key = &transfers.customer_key;
        MultipartUpload::find(client, object, payer, algorithm, key).await?
    } else {
        None
    };
    let (upload, stored) = match found {
        Some(found) => found,
        None => {
            let begin = MultipartUpload::begin(client, object, headers, payer, algorithm);
            (transfers.begun(begin).await?, HashMap::new())
        }
    };
    let upload = transfers.opened(upload);
    let mut sending = OnTheWay::new();
    let parts = send_parts(transfers, &upload, content, size, stored, &mut sending);
    let parts = unless_ending(parts).await;
    end(transfers, &upload, parts, sending).await
}

/// Waits for the parts of an upload, or for a signal that ends the process.
pub(super) async fn unless_ending(
    parts: impl Future<Output = Result<Vec<Part>, Problem>>,
) -> Result<Vec<Part>, Problem> {
    tokio::select! {
        parts = parts => parts,
        () = ending() => Err(Problem::Local("a signal ends it".to_owned())),
    }
}

/// Makes an object of the parts of an upload. If there is a problem, nothing is left of them,
/// unless the next command goes on with them.
pub(super) async fn end(
    transfers: &Transfers,
    upload: &MultipartUpload,
    parts: Result<Vec<Part>, Problem>,
    mut on_the_way: OnTheWay,
) -> Result<(), Problem> {
    let client = &transfers.client;
    let ended = match parts {
        Ok(parts) => {
            let mut headers = transfers.customer_key.clone();
            headers.extend(transfers.condition());
            let completed = upload.complete(client, parts, &headers).await;
            completed.map_err(Problem::from)
        }
        Err(problem) => Err(problem),
    };
    if ended.is_err() && !transfers.resumes {
        // A part that arrives after the abort would stay.
        on_the_way.shutdown().await;
        // The problem says more than why the parts stay, should they do so.
        let _ = upload.abort(client).await;
    }
    transfers.closed(upload);
    ended
}

/// The parts of an upload that are on their way.
pub(super) type OnTheWay = JoinSet<Result<Part, crate::s3::Error>>;

async fn send_parts(
    transfers: &Arc<Transfers>,
    upload: &Arc<MultipartUpload>,
    mut parts: Parts,
    size: u64,
    mut stored: HashMap<u32, StoredPart>,
    sending: &mut OnTheWay,
) -> Result<Vec<Part>, Problem> {
    let mut sent = Vec::new();
    for number in 1.. {
        while let Some(part) = sending.try_join_next() {
            sent.push(joined(part)?);
        }
        let (size, memory) = match &parts {
            Parts::Stream { grows: true, .. } => {
                (growing(size, number), Some(Arc::clone(&transfers.memory)))
            }
            Parts::Stream { .. } => (size, Some(Arc::clone(&transfers.memory))),
            Parts::File { .. } => (size, None),
        };
        let memory = match memory {
            Some(memory) => memory.acquire_many_owned(mebibytes(size)).await.ok(),
            None => None,
        };
        let next = parts.next(size);
        let mut next = pin!(next);
        let content;
        (parts, content) = loop {
            tokio::select! {
                // A part that fails ends it, even if the next one is waited for.
                Some(part) = sending.join_next() => sent.push(joined(part)?),
                next = &mut next => break next?,
            }
        };
        let Some(content) = content else { break };
        if number > MAX_PARTS {
            return Err(Problem::Local(format!(
                "there are more than {MAX_PARTS} parts of up to {} MiB, which is all that S3 takes: \
                 give the size with --expected-size",
                size / MIB
            )));
        }
        let (transfers, upload) = (Arc::clone(transfers), Arc::clone(upload));
        let stored = stored.remove(&number);
        let permit = transfers.request().await;
        sending.spawn(async move {
            if let (Some(stored), Content::Section(section)) = (stored, &content)
                // A file that cannot be read fails below.
                && let Ok(Some(part)) = upload.stored(stored, section).await
            {
                transfers.progress.moved(section.length());
                return Ok(part);
            }
            let (client, key) = (&transfers.client, &transfers.customer_key);
            let part = upload.part(client, number, content, key).await;
            drop((permit, memory));
            part
        });
    }
    while let Some(part) = sending.join_next().await {
        sent.push(joined(part)?);
    }
    Ok(sent)
}

pub(super) fn joined(
    part: Result<Result<Part, crate::s3::Error>, task::JoinError>,
) -> Result<Part, Problem> {
    let part = part.map_err(|error| Problem::Local(format!("a part was given up: {error}")))?;
    Ok(part?)
}

/// What is uploaded in parts, as far as it is not taken yet.
enum Parts {
    /// Its parts become larger if its size is not known.
    Stream { input: Input, grows: bool },
    File {
        file: Arc<File>,
        start: u64,
        size: u64,
    },
}

impl Parts {
    /// Returns the next part, which has `size` bytes if it is not the last one.
    async fn next(self, size: u64) -> Result<(Self, Option<Content>), Problem> {
        match self {
            Self::Stream { input, grows } => {
                let (input, bytes) = input.read(size).await?;
                let content = (!bytes.is_empty()).then(|| bytes.into());
                Ok((Self::Stream { input, grows }, content))
            }
            Self::File {
                file,
                start,
                size: end,
            } => {
                let length = size.min(end - start);
                let section = Section::new(Arc::clone(&file), start, length);
                let rest = Self::File {
                    file,
                    start: start + length,
                    size: end,
                };
                let content = (length > 0).then_some(Content::Section(section));
                Ok((rest, content))
            }
        }
    }
}

/// Standard input, as far as it is not read yet.
struct Input(Box<dyn Read + Send>);

impl Input {
    /// Returns the next bytes: `size` of them, or all that there are. Others go on while it waits.
    async fn read(mut self, size: u64) -> Result<(Self, Bytes), Problem> {
        let task = task::spawn_blocking(move || (read(&mut self.0, size, size.min(PART)), self));
        let (bytes, input) = task
            .await
            .map_err(|error| Problem::Local(format!("a read was given up: {error}")))?;
        match bytes {
            Ok(bytes) => Ok((input, bytes)),
            Err(error) => Err(Problem::Local(format!(
                "cannot read standard input: {error}"
            ))),
        }
    }
}

/// Reads `size` bytes, or all that there are if these are less, of which `likely` are expected.
fn read(reader: &mut dyn Read, size: u64, likely: u64) -> io::Result<Bytes> {
    // One more byte, in which the end is found without a larger buffer.
    let capacity = usize::try_from(likely).unwrap_or_default() + 1;
    let mut bytes = Vec::with_capacity(capacity);
    reader.take(size).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Returns the size of the parts of an object: what is wanted, or whole mebibytes so that there are
/// at most 10,000.
pub(super) fn part_size(wanted: u64, size: Option<u64>) -> u64 {
    let least = size.unwrap_or_default().div_ceil(MAX_PARTS.into());
    if least <= wanted {
        return wanted;
    }
    least.next_multiple_of(MIB)
}

/// Returns the size of a part of a stream whose size is not known: what is wanted, and in the last
/// half of the parts ever more, up to 32 times as much. It grows late, because some servers take
/// only parts of one size.
fn growing(wanted: u64, number: u32) -> u64 {
    let doublings = number.saturating_sub(MAX_PARTS / 2).div_ceil(1000);
    (wanted << doublings).min(*PARTS.end())
}

/// Returns how many permits of memory that many bytes take.
fn mebibytes(bytes: u64) -> u32 {
    let size = u32::try_from(bytes.div_ceil(MIB)).unwrap_or(MEMORY);
    size.clamp(1, MEMORY)
}

fn set_type(headers: &mut HeaderMap, path: &Path) {
    let name = path.file_name().map(|name| name.to_string_lossy());
    let guessed = name.and_then(|name| media_type(&name));
    if let Some(media_type) = guessed
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_many_as_s3_takes() {
        assert_eq!(part_size(PART, None), PART);
        assert_eq!(part_size(PART, Some(80_000 * MIB)), PART);
        assert_eq!(part_size(PART, Some(80_000 * MIB + 1)), 9 * MIB);
        assert_eq!(part_size(PART, Some(5 << 40)), 525 * MIB);
        assert_eq!(part_size(PART + 1, Some(80_000 * MIB)), PART + 1);
    }

    #[test]
    fn parts_of_a_stream_grow_when_half_of_them_are_used() {
        for (number, size) in [
            (1, 8),
            (5000, 8),
            (5001, 16),
            (6000, 16),
            (6001, 32),
            (10_000, 256),
        ] {
            assert_eq!(growing(PART, number), size * MIB, "{number}");
        }
        let all: u64 = (1..=MAX_PARTS).map(|number| growing(PART, number)).sum();
        assert!(all > 512 * 1024 * MIB);
        assert_eq!(growing(*PARTS.end(), MAX_PARTS), *PARTS.end());
    }
}
