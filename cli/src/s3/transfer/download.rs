use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{ETAG, IF_MATCH, RANGE},
};
use jiff::fmt::rfc2822;
use tokio::task::JoinSet;

use crate::s3::{
    Algorithm, Answer, Checksum, Composite, Content, Error, Object, Section, Summer, get_object,
    head_object,
    transfer::{
        Outcome, Overwrite, Problem, Transfers,
        composite::{PartsSummer, is_of_file},
        gate::Permit,
        partial::Partial,
        same::is_same,
        target::Target,
    },
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

/// Downloads an object: a large one into a file in parts, several at a time. If a connection
/// breaks, it goes on where it broke, as long as the object is the same. What came is compared with
/// the checksum of the object, if it has one.
///
/// # Errors
///
/// If S3 refuses, if the bytes cannot be written, or if they have another checksum.
pub(crate) async fn download(
    transfers: &Arc<Transfers>,
    object: Object<'_>,
    destination: Destination<'_>,
) -> Result<Outcome, Problem> {
    if let Destination::File(path) = destination {
        let is_needless = match transfers.overwrite {
            Overwrite::Always => false,
            Overwrite::Never => path.symlink_metadata().is_ok(),
            Overwrite::IfChanged => is_same(transfers, path, object).await?,
        };
        if is_needless {
            return Ok(Outcome::Skipped);
        }
    }
    let permit = transfers.request().await;
    let answer = get_object(&transfers.client, object, &transfers.reading).await?;
    let length = answer.length();
    let expected = if transfers.verifies {
        Expected::from_answer(&answer, length.unwrap_or_default())
    } else {
        Expected::None
    };
    transfers.progress.learned(length.unwrap_or_default());
    // Some servers have them without saying so.
    let may_have_ranges = answer.header("accept-ranges") != Some("none");
    let etag = answer.header("etag");
    let source = Source {
        transfers: Arc::clone(transfers),
        bucket: object.bucket.to_owned(),
        key: object.key.to_owned(),
        etag: etag.and_then(|etag| HeaderValue::try_from(etag).ok()),
        length,
    };
    let modified = answer.header("last-modified").and_then(time);
    let has_etag = source.etag.is_some();
    let reader = Reader::new(Arc::new(source), answer);
    match destination {
        Destination::Stream(stream) => {
            let unwritten = |error: io::Error| match error.kind() {
                io::ErrorKind::BrokenPipe => Problem::Closed,
                _ => Problem::Local(format!("cannot write to standard output: {error}")),
            };
            in_order(reader, expected, stream, unwritten).await
        }
        Destination::File(path) => {
            let unwritten = |error| Problem::file("write", path, &error);
            let in_parts = length.filter(|length| {
                *length > transfers.sizes.threshold && may_have_ranges && has_etag
            });
            let mut done = Vec::new();
            let mut target = match in_parts {
                Some(length) if transfers.resumes && Target::is_replaced(path) => {
                    let size = transfers.sizes.part;
                    let count = usize::try_from(length.div_ceil(size)).unwrap_or(usize::MAX);
                    let object = reader.source.identity(length, size);
                    let opened = Partial::open(path, &object, length, count);
                    let (partial, parts) = opened.map_err(unwritten)?;
                    done = parts;
                    Target::resumed(path, partial).map_err(unwritten)?
                }
                _ => Target::create(path).map_err(unwritten)?,
            };
            let outcome = match in_parts {
                Some(length) if target.is_a_file() => {
                    let file = target.file.try_clone().map_err(unwritten)?;
                    let partial = target.partial.clone();
                    let parts = Parts::new(&reader, &expected, file, length, path);
                    let parts = parts.without(&done, partial);
                    let parts = Arc::new(parts);
                    parts.download(reader, permit, expected, done).await?
                }
                _ => in_order(reader, expected, &mut target.file, unwritten).await?,
            };
            let overwrites = transfers.overwrite != Overwrite::Never;
            let is_named = target.finish(modified, overwrites).map_err(unwritten)?;
            Ok(if is_named { outcome } else { Outcome::Skipped })
        }
    }
}

/// What S3 says about the bytes of an object.
enum Expected {
    Whole(Checksum),
    Parts(Composite),
    None,
}

impl Expected {
    fn from_answer(answer: &Answer, length: u64) -> Self {
        match (answer.checksum(length), answer.composite()) {
            (Some(whole), _) => Self::Whole(whole),
            (None, Some(parts)) => Self::Parts(parts),
            (None, None) => Self::None,
        }
    }
}

/// Writes all bytes one after the other.
async fn in_order(
    mut reader: Reader,
    expected: Expected,
    target: &mut (dyn Write + Send),
    unwritten: impl Fn(io::Error) -> Problem,
) -> Result<Outcome, Problem> {
    let source = Arc::clone(&reader.source);
    let (mut whole, mut parts) = (None, None);
    match expected {
        Expected::Whole(expected) => {
            whole = Some((Summer::new(expected.algorithm()), expected));
        }
        Expected::Parts(composite) => parts = PartsSummer::new(&source, composite).await?,
        Expected::None => {}
    }
    // Its end is then that of the connection, which may have broken.
    let is_endless = source.length.is_none() && reader.answer.header("transfer-encoding").is_none();
    while let Some(piece) = reader.piece().await? {
        target.write_all(&piece).map_err(&unwritten)?;
        if let Some((summer, _)) = &mut whole {
            summer.update(&piece);
        }
        if let Some(parts) = &mut parts {
            parts.update(&piece);
        }
    }
    target.flush().map_err(unwritten)?;
    if is_endless
        && source
            .told_length()
            .await?
            .is_some_and(|length| length != reader.at)
    {
        return Err(ends_early());
    }
    match (whole, parts) {
        (Some((found, expected)), _) => verify(&expected, &found.finish()),
        (None, Some(parts)) => verified_by_part(parts.verify(&source).await?),
        (None, None) => Ok(Outcome::Unverified),
    }
}

/// Compares what came with the checksum of the object.
fn verify(expected: &Checksum, found: &Checksum) -> Result<Outcome, Problem> {
    if expected.has_value_of(found) {
        return Ok(Outcome::Copied);
    }
    Err(Problem::Local(format!(
        "Expected checksum {} did not match calculated checksum: {}",
        expected.text(),
        found.text()
    )))
}

/// Judges what came by whether it has the checksum of the checksums of parts, if that can be told.
fn verified_by_part(is_same: Option<bool>) -> Result<Outcome, Problem> {
    match is_same {
        Some(true) => Ok(Outcome::Copied),
        Some(false) => Err(Problem::Local(
            "The checksums of the parts did not match that of the object".to_owned(),
        )),
        None => Ok(Outcome::Unverified),
    }
}

/// An object as it was when the download began.
pub(super) struct Source {
    pub(super) transfers: Arc<Transfers>,
    bucket: String,
    key: String,
    etag: Option<HeaderValue>,
    pub(super) length: Option<u64>,
}

impl Source {
    /// Returns what tells the object from others, and its parts from those of another size.
    fn identity(&self, length: u64, part: u64) -> String {
        let etag = self.etag.as_ref().and_then(|etag| etag.to_str().ok());
        let etag = etag.unwrap_or_default();
        format!("{}/{}\n{etag}\n{length}\n{part}", self.bucket, self.key)
    }

    /// Returns the answer with the bytes from `start` on, up to `end` if it is given. `None` if the
    /// server answers with others.
    async fn range(&self, start: u64, end: Option<u64>) -> Result<Option<Answer>, Problem> {
        let last = end.map_or_else(String::new, |end| (end - 1).to_string());
        let mut headers = self.headers();
        // Digits are always the value of a header.
        if let Ok(range) = HeaderValue::try_from(format!("bytes={start}-{last}")) {
            headers.insert(RANGE, range);
        }
        let client = &self.transfers.client;
        let answer = match get_object(client, self.object(), &headers).await {
            Err(error) if is_about_ranges(&error) => return Ok(None),
            answer => answer?,
        };
        // Another answer begins at the start of the object.
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Ok(None);
        }
        let is_same = self.is_of(&answer);
        let range = answer.header("content-range").and_then(ContentRange::parse);
        match range {
            Some(range) if is_same && range.is_of(self.length) => {
                let is_asked_for = range.start == start && end.is_none_or(|end| range.end <= end);
                Ok(is_asked_for.then_some(answer))
            }
            Some(_) => Err(has_changed()),
            None => Ok(None),
        }
    }

    /// Returns another answer with all bytes.
    async fn whole(&self) -> Result<Answer, Problem> {
        let (client, headers) = (&self.transfers.client, self.headers());
        let answer = get_object(client, self.object(), &headers).await?;
        let is_same = self.is_of(&answer) && answer.length() == self.length;
        is_same.then_some(answer).ok_or_else(has_changed)
    }

    /// Returns the length that S3 tells of the object without its bytes.
    async fn told_length(&self) -> Result<Option<u64>, Problem> {
        let (client, headers) = (&self.transfers.client, self.headers());
        let answer = head_object(client, self.object(), &headers).await?;
        Ok(answer.length())
    }

    /// Returns the headers of a request that goes on with the same object.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = self.transfers.reading.clone();
        if let Some(etag) = &self.etag {
            headers.insert(IF_MATCH, etag.clone());
        }
        headers
    }

    pub(super) fn object(&self) -> Object<'_> {
        Object {
            bucket: &self.bucket,
            key: &self.key,
        }
    }

    /// Returns true if an answer may be of the same object: some servers ignore `If-Match`.
    fn is_of(&self, answer: &Answer) -> bool {
        let etag = answer.headers().get(ETAG);
        etag.is_none_or(|etag| Some(etag) == self.etag.as_ref())
    }
}

/// Returns true if a server has no ranges, or none like this one.
fn is_about_ranges(error: &Error) -> bool {
    match error.status() {
        Some(416 | 501) => true,
        Some(400) => matches!(
            error.code(),
            None | Some("InvalidArgument" | "InvalidRange" | "InvalidRequest" | "NotImplemented")
        ),
        _ => false,
    }
}

/// Which bytes of an object an answer has.
struct ContentRange {
    start: u64,
    /// After the last one.
    end: u64,
    /// The length of the object, if the answer tells it.
    length: Option<u64>,
}

impl ContentRange {
    /// Parses `bytes 0-1/2`, or `bytes 0-1/*`.
    fn parse(text: &str) -> Option<Self> {
        let (unit, range) = text.split_once(' ')?;
        let (range, length) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let range = Self {
            start: first.parse().ok()?,
            end: last.parse::<u64>().ok()?.checked_add(1)?,
            length: match length {
                "*" => None,
                length => Some(length.parse().ok()?),
            },
        };
        let is_range = unit.eq_ignore_ascii_case("bytes") && range.start < range.end;
        let is_range = is_range && range.length.is_none_or(|it| range.end <= it);
        is_range.then_some(range)
    }

    /// Returns true if the object may have this length.
    fn is_of(&self, length: Option<u64>) -> bool {
        match (self.length, length) {
            (Some(told), Some(length)) => told == length,
            (None, Some(length)) => self.end <= length,
            (_, None) => true,
        }
    }
}

/// The bytes of an object from some place on.
struct Reader {
    source: Arc<Source>,
    answer: Answer,
    /// Where the next piece begins.
    at: u64,
    end: Option<u64>,
    /// Whether this answer had a piece.
    has_come: bool,
    resumptions: u32,
    /// What was read and not taken.
    rest: Bytes,
}

impl Reader {
    fn new(source: Arc<Source>, answer: Answer) -> Self {
        Self {
            source,
            answer,
            at: 0,
            end: None,
            has_come: false,
            resumptions: 0,
            rest: Bytes::new(),
        }
    }

    /// Returns one for these bytes. `None` if the server does not give them alone.
    async fn from_range(source: &Arc<Source>, range: Range<u64>) -> Result<Option<Self>, Problem> {
        let answer = source.range(range.start, Some(range.end)).await?;
        Ok(answer.map(|answer| Self {
            at: range.start,
            end: Some(range.end),
            ..Self::new(Arc::clone(source), answer)
        }))
    }

    /// Returns the next piece, or `None` at the end. If the connection breaks, or if the server
    /// gives less at once than it was asked for, another answer goes on.
    async fn piece(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let broken = match self.answer.piece().await {
                Ok(Some(piece)) => {
                    self.at += piece.len() as u64;
                    self.has_come = true;
                    self.source.transfers.progress.moved(piece.len() as u64);
                    return Ok(Some(piece));
                }
                Ok(None) if self.end().is_none_or(|end| self.at >= end) => return Ok(None),
                // Each answer has some of the rest.
                Ok(None) if self.has_come => None,
                Ok(None) => return Err(ends_early()),
                Err(broken) => Some(broken),
            };
            if let Some(broken) = broken {
                if self.source.etag.is_none() || self.resumptions >= RESUMPTIONS {
                    return Err(broken.into());
                }
                self.resumptions += 1;
            }
            self.has_come = false;
            let answer = self.source.range(self.at, self.end).await?;
            self.answer = answer.ok_or_else(no_ranges)?;
        }
    }

    /// Returns where its bytes end, if that is known.
    fn end(&self) -> Option<u64> {
        self.end.or(self.source.length)
    }

    /// Returns the next piece, of at most `max` bytes.
    async fn up_to(&mut self, max: u64) -> Result<Bytes, Problem> {
        while self.rest.is_empty() {
            self.rest = self.piece().await?.ok_or_else(ends_early)?;
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(self.rest.split_to(self.rest.len().min(max)))
    }

    /// Returns the place of the next byte that is not taken.
    fn next(&self) -> u64 {
        self.at - self.rest.len() as u64
    }

    /// Reads on to this place, and forgets what was before it.
    async fn skip_to(&mut self, place: u64) -> Result<(), Problem> {
        while self.next() < place {
            self.up_to(place - self.next()).await?;
        }
        Ok(())
    }
}

fn ends_early() -> Problem {
    Problem::Local("GetObject: the answer ends before its last byte".to_owned())
}

fn has_changed() -> Problem {
    Problem::Local("GetObject: the object has changed while it was downloaded".to_owned())
}

fn no_ranges() -> Problem {
    Problem::Local(
        "GetObject: the answer does not have the range of bytes that was asked for".to_owned(),
    )
}

/// The checksums of parts, by their place.
type Sums = BTreeMap<u64, Checksum>;

/// The parts of an object on their way into a file.
struct Parts {
    source: Arc<Source>,
    /// The kind of the checksums of parts, if that of the whole is made of them.
    algorithm: Option<Algorithm>,
    file: Arc<File>,
    path: PathBuf,
    length: u64,
    /// The size of a part.
    size: u64,
    /// The parts that were not begun.
    open: Mutex<BTreeSet<u64>>,
    /// Keeps the parts that are complete, if the next download may go on with them.
    partial: Option<Arc<Partial>>,
}

impl Parts {
    fn new(reader: &Reader, expected: &Expected, file: File, length: u64, path: &Path) -> Self {
        let source = Arc::clone(&reader.source);
        let size = source.transfers.sizes.part;
        let algorithm = match expected {
            Expected::Whole(expected) => Some(expected.algorithm()),
            Expected::Parts(_) | Expected::None => None,
        };
        Self {
            source,
            algorithm: algorithm.filter(|algorithm| algorithm.can_be_combined()),
            file: Arc::new(file),
            path: path.to_owned(),
            length,
            size,
            open: Mutex::new((0..length.div_ceil(size)).collect()),
            partial: None,
        }
    }

    /// Leaves out the parts that are done, and keeps the others as they come.
    fn without(mut self, done: &[bool], partial: Option<Arc<Partial>>) -> Self {
        let is_open =
            |part: &u64| !usize::try_from(*part).is_ok_and(|it| done.get(it) == Some(&true));
        self.open().retain(is_open);
        self.partial = partial;
        self
    }

    /// Writes all parts that are not done, several at a time. If none is done, the answer that is
    /// here already goes on from the start, and others begin with the last part, until they meet.
    /// If the server does not give parts alone, that answer goes on to the end.
    async fn download(
        self: Arc<Self>,
        reader: Reader,
        permit: Permit,
        expected: Expected,
        done: Vec<bool>,
    ) -> Result<Outcome, Problem> {
        let transfers = Arc::clone(&self.source.transfers);
        // Dropped with an error, it ends the parts that are on their way.
        let mut running = JoinSet::new();
        let count = self.length.div_ceil(self.size);
        for _ in 1..count.min(transfers.sizes.requests.into()) {
            let parts = Arc::clone(&self);
            running.spawn(async move { parts.read_from_end().await });
        }
        // What it would begin with may be there already.
        let mut reader = Some(reader).filter(|_| !done.contains(&true));
        let mut sums = if let Some(reader) = &mut reader {
            let sums = self.read_from_start(reader).await?;
            // The others may wait for it.
            drop(permit);
            sums
        } else {
            drop(permit);
            let mut sums = self.read_done(&done).await?;
            sums.extend(self.read_from_end().await?);
            sums
        };
        while let Some(part) = running.join_next().await {
            let part =
                part.map_err(|error| Problem::Local(format!("a part was given up: {error}")))?;
            sums.extend(part?);
        }
        // What is left was given back.
        while let Some(part) = self.first_open() {
            let (start, _) = self.range(part);
            let reader = match &mut reader {
                Some(reader) if reader.next() <= start => reader,
                reader => {
                    let answer = self.source.whole().await?;
                    reader.insert(Reader::new(Arc::clone(&self.source), answer))
                }
            };
            reader.skip_to(start).await?;
            sums.extend(self.read_from_start(reader).await?);
        }
        let verified = self.verify(expected, &sums).await;
        if let (Err(_), Some(partial)) = (&verified, &self.partial) {
            partial.forget();
        }
        verified
    }

    /// Compares what is in the file with the checksum of the object.
    async fn verify(&self, expected: Expected, sums: &Sums) -> Result<Outcome, Problem> {
        let unread = |error| Problem::file("read", &self.path, &error);
        match expected {
            Expected::Whole(expected) => {
                let combined = self
                    .algorithm
                    .and_then(|_| Checksum::combined(sums.values()));
                let found = match combined {
                    Some(found) => found,
                    None => {
                        let whole = Section::new(Arc::clone(&self.file), 0, self.length);
                        let whole = Content::Section(whole);
                        let found = whole.checksum(expected.algorithm()).await;
                        found.map_err(unread)?
                    }
                };
                verify(&expected, &found)
            }
            Expected::Parts(composite) => {
                let is_same = is_of_file(&self.source, &composite, &self.file, &self.path);
                verified_by_part(is_same.await?)
            }
            Expected::None => Ok(Outcome::Unverified),
        }
    }

    /// Returns the checksums of the parts that are there already.
    async fn read_done(&self, done: &[bool]) -> Result<Sums, Problem> {
        let mut sums = Sums::new();
        for (part, _) in (0..).zip(done).filter(|(_, is_done)| **is_done) {
            let (start, end) = self.range(part);
            self.source.transfers.progress.moved(end - start);
            if let Some(algorithm) = self.algorithm {
                let section = Section::new(Arc::clone(&self.file), start, end - start);
                let sum = Content::Section(section).checksum(algorithm).await;
                let sum = sum.map_err(|error| Problem::file("read", &self.path, &error))?;
                sums.insert(part, sum);
            }
        }
        Ok(sums)
    }

    /// Returns where a part begins and ends.
    fn range(&self, part: u64) -> (u64, u64) {
        (part * self.size, self.length.min((part + 1) * self.size))
    }

    /// Writes the parts that follow each other from the place of this reader on.
    async fn read_from_start(&self, reader: &mut Reader) -> Result<Sums, Problem> {
        let mut sums = Sums::new();
        while let Some(part) = self.take(reader.next()) {
            sums.extend(self.write(part, reader).await?);
        }
        if reader.at == self.length {
            // At its end, the connection can be used again.
            reader.piece().await?;
        }
        Ok(sums)
    }

    fn first_open(&self) -> Option<u64> {
        self.open().first().copied()
    }

    /// Takes the part that begins at this place, unless it is taken.
    fn take(&self, place: u64) -> Option<u64> {
        let part = place / self.size;
        (place == part * self.size && self.open().remove(&part)).then_some(part)
    }

    /// Writes parts from the end on, if the server gives them alone.
    async fn read_from_end(&self) -> Result<Sums, Problem> {
        let mut sums = Sums::new();
        loop {
            let _permit = self.source.transfers.request().await;
            let next = self.open().pop_last();
            let Some(part) = next else { return Ok(sums) };
            let (start, end) = self.range(part);
            let written = match Reader::from_range(&self.source, start..end).await {
                Ok(Some(reader)) => self.read_part(part, reader).await,
                Ok(None) => {
                    self.open().insert(part);
                    return Ok(sums);
                }
                Err(problem) => Err(problem),
            };
            match written {
                Ok(sum) => sums.extend(sum),
                Err(problem) => {
                    // Nothing else has to begin.
                    self.open().clear();
                    return Err(problem);
                }
            }
        }
    }

    async fn read_part(
        &self,
        part: u64,
        mut reader: Reader,
    ) -> Result<Option<(u64, Checksum)>, Problem> {
        let sum = self.write(part, &mut reader).await?;
        reader.piece().await?;
        Ok(sum)
    }

    async fn write(
        &self,
        part: u64,
        reader: &mut Reader,
    ) -> Result<Option<(u64, Checksum)>, Problem> {
        let mut summer = self.algorithm.map(Summer::new);
        let (mut at, end) = self.range(part);
        while at < end {
            let piece = reader.up_to(end - at).await?;
            write_at(&self.file, &piece, at)
                .map_err(|error| Problem::file("write", &self.path, &error))?;
            if let Some(summer) = &mut summer {
                summer.update(&piece);
            }
            at += piece.len() as u64;
        }
        if let Some(partial) = &self.partial {
            let noted = partial.note(part);
            noted.map_err(|error| Problem::file("write", &self.path, &error))?;
        }
        Ok(summer.map(|summer| (part, summer.finish())))
    }

    fn open(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
pub(super) fn write_at(file: &File, bytes: &[u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, start)
}

#[cfg(windows)]
pub(super) fn write_at(file: &File, mut bytes: &[u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, start)?;
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (bytes, start) = (&bytes[count..], start + count as u64);
    }
    Ok(())
}

/// Parses a time as a header has it.
fn time(text: &str) -> Option<SystemTime> {
    let time = rfc2822::parse(text).ok()?;
    Some(SystemTime::from(time.timestamp()))
}
