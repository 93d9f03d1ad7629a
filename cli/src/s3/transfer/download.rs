use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use http::{
    HeaderValue,
    header::{IF_MATCH, RANGE},
};
use jiff::fmt::rfc2822;
use tempfile::{Builder, TempPath};

use crate::{
    s3::{
        Answer, Object, get_object,
        transfer::{Problem, Transfers},
    },
    signals::{Undo, undo_on_signal},
};

/// How often a download goes on after its connection broke.
const RESUMPTIONS: u32 = 3;

/// Where the bytes of an object go to.
pub(crate) enum Destination<'a> {
    /// A file, which has all bytes or is not there. Its folder is created.
    File(&'a Path),
    /// A stream, which may have a part if something goes wrong.
    Stream(&'a mut (dyn Write + Send)),
}

/// Downloads an object. If the connection breaks, it goes on where it broke, as long as the object
/// is the same.
///
/// # Errors
///
/// If S3 refuses, or if the bytes cannot be written.
pub(crate) async fn download(
    transfers: &Arc<Transfers>,
    object: Object<'_>,
    destination: Destination<'_>,
) -> Result<(), Problem> {
    let answer = get_object(&transfers.client, object, &transfers.reading).await?;
    match destination {
        Destination::Stream(stream) => {
            let unwritten = |error: io::Error| match error.kind() {
                io::ErrorKind::BrokenPipe => Problem::Closed,
                _ => Problem::Local(format!("cannot write to standard output: {error}")),
            };
            body(transfers, object, answer, stream, unwritten).await
        }
        Destination::File(path) => {
            let unwritten = |error| Problem::file("write", path, &error);
            let modified = answer.header("last-modified").and_then(time);
            let mut target = Target::create(path).map_err(unwritten)?;
            body(transfers, object, answer, &mut target.file, unwritten).await?;
            target.finish(modified).map_err(unwritten)
        }
    }
}

async fn body(
    transfers: &Arc<Transfers>,
    object: Object<'_>,
    mut answer: Answer,
    target: &mut (dyn Write + Send),
    unwritten: impl Fn(io::Error) -> Problem,
) -> Result<(), Problem> {
    let etag = answer
        .header("etag")
        .and_then(|etag| HeaderValue::try_from(etag).ok());
    let mut written = 0_u64;
    let mut resumptions = 0;
    loop {
        let broken = match answer.piece().await {
            Ok(None) => return target.flush().map_err(unwritten),
            Ok(Some(piece)) => {
                target.write_all(&piece).map_err(&unwritten)?;
                written += piece.len() as u64;
                continue;
            }
            Err(broken) => broken,
        };
        let Some(etag) = etag.clone().filter(|_| resumptions < RESUMPTIONS) else {
            return Err(broken.into());
        };
        resumptions += 1;
        let mut headers = transfers.reading.clone();
        headers.insert(IF_MATCH, etag);
        let range = HeaderValue::try_from(format!("bytes={written}-"));
        headers.insert(
            RANGE,
            range.map_err(|_| unwritten(io::ErrorKind::FileTooLarge.into()))?,
        );
        answer = get_object(&transfers.client, object, &headers).await?;
        // Another answer would begin at the start.
        let start = format!("bytes {written}-");
        if !answer
            .header("content-range")
            .is_some_and(|range| range.starts_with(&start))
        {
            return Err(broken.into());
        }
    }
}

/// A file that appears when it is complete.
struct Target<'a> {
    path: &'a Path,
    file: File,
    /// `None` if the target is written itself: a device or a pipe.
    temporary: Option<(TempPath, Undo)>,
}

impl<'a> Target<'a> {
    fn create(path: &'a Path) -> io::Result<Self> {
        let existing = fs::metadata(path);
        match &existing {
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) if !metadata.is_file() => {
                let file = File::options().write(true).open(path)?;
                return Ok(Self {
                    path,
                    file,
                    temporary: None,
                });
            }
            _ => {}
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut builder = Builder::new();
        builder.prefix(".keyfob-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let create = || builder.tempfile_in(folder);
        let temporary = create().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                fs::create_dir_all(folder)?;
                create()
            }
            _ => Err(error),
        })?;
        let (file, temporary) = temporary.into_parts();
        let leftover = PathBuf::from(&*temporary);
        let undo = undo_on_signal(move || {
            let _ = fs::remove_file(leftover);
        });
        Ok(Self {
            path,
            file,
            temporary: Some((temporary, undo)),
        })
    }

    fn finish(self, modified: Option<SystemTime>) -> io::Result<()> {
        let Some((temporary, _undo)) = self.temporary else {
            return Ok(());
        };
        if let Some(modified) = modified {
            // As in `aws`; some file systems have no such times.
            let _ = self.file.set_modified(modified);
        }
        temporary.persist(self.path).map_err(|error| error.error)
    }
}

/// Parses a time as a header has it.
fn time(text: &str) -> Option<SystemTime> {
    let time = rfc2822::parse(text).ok()?;
    Some(SystemTime::from(time.timestamp()))
}
