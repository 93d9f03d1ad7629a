use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use tokio::task::{self, JoinSet};

use crate::s3::{
    Content, MultipartUpload, Object, Part, Section, media_type, put_object,
    transfer::{MEMORY, MIB, PART, Problem, Transfers},
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

/// Uploads a file or standard input: more than 8 MiB in parts, several at a time. A large file is
/// read in small pieces, as they are sent.
///
/// # Errors
///
/// If the source cannot be read, or if S3 refuses. Nothing is left of the parts then.
pub(crate) async fn upload(
    transfers: &Arc<Transfers>,
    source: Source<'_>,
    object: Object<'_>,
) -> Result<(), Problem> {
    let mut headers = transfers.writing.clone();
    let (reader, size): (Box<dyn Read + Send>, _) = match source {
        Source::File(path) => {
            if transfers.guesses_type {
                set_type(&mut headers, path);
            }
            let file = File::open(path).map_err(|error| Problem::file("open", path, &error))?;
            let size = file.metadata().map(|metadata| metadata.len());
            let size = size.map_err(|error| Problem::file("read", path, &error))?;
            if size > SMALL {
                return sections(transfers, file, size, object, &headers).await;
            }
            (Box::new(file), Some(size))
        }
        Source::Input(size) => (Box::new(io::stdin()), size),
    };
    let mut input = Input { reader, source };
    // One byte more shows whether that is all, whatever the size says.
    let weight = mebibytes(size.unwrap_or(PART).min(PART));
    let permit = transfers.memory.acquire_many(weight).await;
    let head;
    (input, head) = input.read(PART + 1).await?;
    if head.len() as u64 <= PART {
        put_object(
            &transfers.client,
            object,
            &headers,
            head,
            transfers.algorithm,
        )
        .await?;
        return Ok(());
    }
    let read = Cursor::new(head).chain(input.reader);
    input.reader = Box::new(read);
    drop(permit);
    let content = Parts::Stream(input);
    in_parts(transfers, content, part_size(size), object, &headers).await
}

/// Uploads a file of this size.
async fn sections(
    transfers: &Arc<Transfers>,
    file: File,
    size: u64,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let file = Arc::new(file);
    if size > PART {
        let content = Parts::File {
            file,
            start: 0,
            size,
        };
        return in_parts(transfers, content, part_size(Some(size)), object, headers).await;
    }
    let content = Content::Section(Section::new(file, 0, size));
    let _permit = transfers.memory.acquire().await;
    let (client, algorithm) = (&transfers.client, transfers.algorithm);
    Ok(put_object(client, object, headers, content, algorithm).await?)
}

/// Uploads parts of this size.
async fn in_parts(
    transfers: &Arc<Transfers>,
    content: Parts<'_>,
    size: u64,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let (client, payer) = (&transfers.client, transfers.request_payer);
    let algorithm = transfers.algorithm;
    let upload = MultipartUpload::begin(client, object, headers, payer, algorithm).await?;
    let upload = Arc::new(upload);
    let sent = match send_parts(transfers, &upload, content, size).await {
        Ok(parts) => upload.complete(client, parts).await.map_err(Problem::from),
        Err(problem) => Err(problem),
    };
    if sent.is_err() {
        // The problem says more than why the parts stay, should they do so.
        let _ = upload.abort(client).await;
    }
    sent
}

async fn send_parts(
    transfers: &Arc<Transfers>,
    upload: &Arc<MultipartUpload>,
    mut parts: Parts<'_>,
    size: u64,
) -> Result<Vec<Part>, Problem> {
    // Dropped with an error, it ends the parts that are on their way.
    let mut sending = JoinSet::new();
    let mut sent = Vec::new();
    for number in 1.. {
        let permit = Arc::clone(&transfers.memory)
            .acquire_many_owned(mebibytes(size))
            .await;
        let content;
        (parts, content) = parts.next(size).await?;
        let Some(content) = content else { break };
        if number > MAX_PARTS {
            return Err(Problem::Local(format!(
                "there is more than {MAX_PARTS} parts of {} MiB, which is all that S3 takes: give \
                 the size with --expected-size",
                size / MIB
            )));
        }
        let (transfers, upload) = (Arc::clone(transfers), Arc::clone(upload));
        sending.spawn(async move {
            let part = upload.part(&transfers.client, number, content).await;
            drop(permit);
            part
        });
        while let Some(part) = sending.try_join_next() {
            sent.push(joined(part)?);
        }
    }
    while let Some(part) = sending.join_next().await {
        sent.push(joined(part)?);
    }
    Ok(sent)
}

fn joined(part: Result<Result<Part, crate::s3::Error>, task::JoinError>) -> Result<Part, Problem> {
    let part = part.map_err(|error| Problem::Local(format!("a part was given up: {error}")))?;
    Ok(part?)
}

/// What is uploaded in parts, as far as it is not taken yet.
enum Parts<'a> {
    Stream(Input<'a>),
    File {
        file: Arc<File>,
        start: u64,
        size: u64,
    },
}

impl Parts<'_> {
    /// Returns the next part, which has `size` bytes if it is not the last one.
    async fn next(self, size: u64) -> Result<(Self, Option<Content>), Problem> {
        match self {
            Self::Stream(input) => {
                let (input, bytes) = input.read(size).await?;
                let content = (!bytes.is_empty()).then(|| bytes.into());
                Ok((Self::Stream(input), content))
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

/// A stream, as far as it is not read yet.
struct Input<'a> {
    reader: Box<dyn Read + Send>,
    source: Source<'a>,
}

impl Input<'_> {
    /// Returns the next bytes: `size` of them, or all that there are.
    async fn read(mut self, size: u64) -> Result<(Self, Bytes), Problem> {
        let read = match self.source {
            Source::File(_) => read(&mut self.reader, size),
            // Others go on while this waits.
            Source::Input(_) => {
                let mut reader = self.reader;
                let task = task::spawn_blocking(move || (read(&mut reader, size), reader));
                let (bytes, reader) = task
                    .await
                    .map_err(|error| Problem::Local(format!("a read was given up: {error}")))?;
                self.reader = reader;
                bytes
            }
        };
        match (read, self.source) {
            (Ok(bytes), _) => Ok((self, bytes)),
            (Err(error), Source::File(path)) => Err(Problem::file("read", path, &error)),
            (Err(error), Source::Input(_)) => Err(Problem::Local(format!(
                "cannot read standard input: {error}"
            ))),
        }
    }
}

fn read(reader: &mut dyn Read, size: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    reader.take(size).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Returns the size of the parts of an object: 8 MiB, or whole mebibytes so that there are at most
/// 10,000.
fn part_size(size: Option<u64>) -> u64 {
    let least = size.unwrap_or_default().div_ceil(MAX_PARTS.into());
    least.next_multiple_of(MIB).max(PART)
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
        assert_eq!(part_size(None), PART);
        assert_eq!(part_size(Some(80_000 * MIB)), PART);
        assert_eq!(part_size(Some(80_000 * MIB + 1)), 9 * MIB);
        assert_eq!(part_size(Some(5 << 40)), 525 * MIB);
    }
}
