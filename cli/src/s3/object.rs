use std::{collections::HashMap, io, mem, ops::Range};

use http::{HeaderMap, Method};
use keyfob_sigv4::uri;

use crate::s3::{
    Algorithm, Answer, Call, Checksum, Client, Content, Error, Object, Section, error::Cause,
    list::decode, xml,
};

/// The length in bytes beyond which the answer of a copy or of an upload is not read.
const MAX_ANSWER: usize = 64 << 10;
/// The length in bytes beyond which a list of uploads or parts is not read.
const MAX_LIST: usize = 8 << 20;
/// The operation that lists unfinished uploads.
const UPLOADS: &str = "ListMultipartUploads";
/// The header that says whether a checksum is of all bytes, or of the checksums of parts.
const CHECKSUM_TYPE: &str = "x-amz-checksum-type";

/// Uploads an object with one request, which takes 5 GiB at most, with a checksum of this kind that
/// S3 compares and keeps.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn put_object(
    client: &Client,
    object: Object<'_>,
    headers: &HeaderMap,
    content: impl Into<Content>,
    algorithm: Option<Algorithm>,
) -> Result<(), Error> {
    let call = Call::new("PutObject", Method::PUT)
        .object(object.bucket, object.key)
        .headers(headers);
    let (call, _) = client.checked(call, content.into(), algorithm).await?;
    client.send(&call).await.map(drop)
}

/// Returns the answer that has an object, whose body is still on its way.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn get_object(
    client: &Client,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<Answer, Error> {
    let call = Call::new("GetObject", Method::GET)
        .object(object.bucket, object.key)
        .headers(headers);
    client.send(&call).await
}

/// Returns the answer that describes an object.
///
/// # Errors
///
/// If S3 refuses.
pub(crate) async fn head_object(
    client: &Client,
    object: Object<'_>,
    headers: &HeaderMap,
) -> Result<Answer, Error> {
    let call = Call::new("HeadObject", Method::HEAD)
        .object(object.bucket, object.key)
        .headers(headers);
    client.send(&call).await
}

/// Returns the size of one of the parts in which an object was uploaded, or `None` if the server
/// does not tell it.
///
/// # Errors
///
/// If S3 refuses for another reason, or does not answer.
pub(crate) async fn part_size(
    client: &Client,
    object: Object<'_>,
    number: u64,
    headers: &HeaderMap,
) -> Result<Option<u64>, Error> {
    let call = Call::new("HeadObject", Method::HEAD)
        .object(object.bucket, object.key)
        .parameter("partNumber", &number.to_string())
        .headers(headers);
    match client.send(&call).await {
        Err(error) if matches!(error.status(), Some(400 | 405 | 416 | 501)) => Ok(None),
        answer => Ok(answer?.length()),
    }
}

/// Returns the tags of an object, as a header has them.
///
/// # Errors
///
/// If S3 refuses, or if its answer cannot be read.
pub(crate) async fn object_tags(
    client: &Client,
    object: Object<'_>,
    payer: Option<&'static str>,
) -> Result<String, Error> {
    const OPERATION: &str = "GetObjectTagging";

    let call = Call::new(OPERATION, Method::GET)
        .object(object.bucket, object.key)
        .part("tagging")
        .request_payer(payer);
    let (_, body) = client.fetch(&call, MAX_ANSWER).await?;
    let mut tags = form_urlencoded::Serializer::new(String::new());
    let mut name = String::new();
    let read = xml::read(&body, |path, text| match (path, text) {
        ("Tagging/TagSet/Tag/Key", Some(text)) => text.clone_into(&mut name),
        ("Tagging/TagSet/Tag/Value", Some(text)) => {
            tags.append_pair(&name, text);
        }
        _ => {}
    });
    read.map_err(|reason| Error::unreadable(OPERATION, reason))?;
    Ok(tags.finish())
}

/// Copies an object of 5 GiB at most, without its bytes coming here.
///
/// # Errors
///
/// If S3 refuses, also in an answer that began as a success.
pub(crate) async fn copy_object(
    client: &Client,
    source: Object<'_>,
    target: Object<'_>,
    headers: &HeaderMap,
) -> Result<(), Error> {
    let call = Call::new("CopyObject", Method::PUT)
        .object(target.bucket, target.key)
        .headers(headers)
        .text_header("x-amz-copy-source", &place(source))?
        .answers_with_document();
    client.fetch(&call, MAX_ANSWER).await.map(drop)
}

/// Returns an object as the source of a copy.
fn place(source: Object<'_>) -> String {
    format!("{}/{}", source.bucket, uri::encode_path(source.key))
}

/// An upload in parts, which are not an object until all are there.
#[derive(Clone, Debug)]
pub(crate) struct MultipartUpload {
    bucket: String,
    key: String,
    id: String,
    request_payer: Option<&'static str>,
    algorithm: Option<Algorithm>,
}

/// An upload in parts that was begun, and neither completed nor aborted.
#[derive(Debug, Default)]
pub(crate) struct UnfinishedUpload {
    pub(crate) key: String,
    id: String,
    /// The time of its beginning, as the service writes it.
    initiated: String,
    /// The kind of its checksums, if it has some.
    algorithm: Option<String>,
}

/// A part that S3 has of an unfinished upload, as a list describes it.
#[derive(Debug, Default)]
pub(crate) struct StoredPart {
    number: u32,
    size: u64,
    etag: String,
    /// Its checksum of the kind of the upload.
    checksum: Option<String>,
}

/// A part of an upload that S3 has.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    number: u32,
    etag: String,
    checksum: Option<Checksum>,
}

impl MultipartUpload {
    /// Begins an upload.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if its answer cannot be read.
    pub(crate) async fn begin(
        client: &Client,
        object: Object<'_>,
        headers: &HeaderMap,
        request_payer: Option<&'static str>,
        algorithm: Option<Algorithm>,
    ) -> Result<Self, Error> {
        const OPERATION: &str = "CreateMultipartUpload";

        let mut call = Call::new(OPERATION, Method::POST)
            .object(object.bucket, object.key)
            .part("uploads")
            .headers(headers);
        if let Some(algorithm) = algorithm {
            call = call
                .text_header("x-amz-checksum-algorithm", algorithm.name())?
                .text_header(CHECKSUM_TYPE, algorithm.kind())?;
        }
        let (_, body) = client.fetch(&call, MAX_ANSWER).await?;
        let mut id = String::new();
        let read = xml::read(&body, |path, text| {
            // The name of the root is not the same on all servers.
            if let (true, Some(text)) = (path.ends_with("/UploadId"), text) {
                text.clone_into(&mut id);
            }
        });
        read.map_err(|reason| Error::unreadable(OPERATION, reason))?;
        if id.is_empty() {
            return Err(Error::unreadable(OPERATION, "it has no upload id"));
        }
        Ok(Self {
            bucket: object.bucket.to_owned(),
            key: object.key.to_owned(),
            id,
            request_payer,
            algorithm,
        })
    }

    /// Returns true if it is this one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (&self.id, &self.key) == (&other.id, &other.key)
    }

    /// Returns the last upload of an object that was begun with checksums of this kind, and not
    /// completed, with its parts by their numbers. `None` if there is none. The headers have the
    /// key of the user's own.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if its answer cannot be read.
    pub(crate) async fn find(
        client: &Client,
        object: Object<'_>,
        request_payer: Option<&'static str>,
        algorithm: Option<Algorithm>,
        customer_key: &HeaderMap,
    ) -> Result<Option<(Self, HashMap<u32, StoredPart>)>, Error> {
        let call = unfinished(object.bucket, object.key, request_payer);
        let (_, body) = match client.fetch(&call, MAX_LIST).await {
            // The server has no such lists.
            Err(error) if matches!(error.status(), Some(405 | 501)) => return Ok(None),
            answer => answer?,
        };
        let uploads = unfinished_in(&body).map_err(|error| Error::unreadable(UPLOADS, error))?;
        let is_it = |upload: &UnfinishedUpload| {
            upload.key == object.key
                // Not all servers tell it.
                && upload.algorithm.as_deref().is_none_or(|name| {
                    algorithm.is_some_and(|algorithm| algorithm.name() == name)
                })
        };
        let uploads = uploads.into_iter().filter(is_it);
        let Some(last) = uploads.max_by(|a, b| a.initiated.cmp(&b.initiated)) else {
            return Ok(None);
        };
        let upload = Self {
            bucket: object.bucket.to_owned(),
            key: object.key.to_owned(),
            id: last.id,
            request_payer,
            algorithm,
        };
        match upload.stored_parts(client, customer_key).await {
            Ok(parts) => Ok(Some((upload, parts))),
            // It has ended since: the command before had sent all of it.
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn stored_parts(
        &self,
        client: &Client,
        customer_key: &HeaderMap,
    ) -> Result<HashMap<u32, StoredPart>, Error> {
        const OPERATION: &str = "ListParts";

        let name = self.algorithm.map(Algorithm::name);
        let mut parts = HashMap::new();
        let mut marker = 0;
        loop {
            let text = marker.to_string();
            let call = self
                .call(OPERATION, Method::GET)
                .headers(customer_key)
                .optional("part-number-marker", (marker > 0).then_some(&text))
                .parameter("uploadId", &self.id);
            let (_, body) = client.fetch(&call, MAX_LIST).await?;
            let (mut part, mut is_truncated) = (StoredPart::default(), false);
            let before = marker;
            let read = xml::read(&body, |path, text| {
                let name_in = path.strip_prefix("ListPartsResult/").unwrap_or_default();
                match (name_in, text) {
                    ("IsTruncated", Some(text)) => is_truncated = text == "true",
                    ("Part/PartNumber", Some(text)) => {
                        part.number = text.parse().unwrap_or_default();
                    }
                    ("Part/Size", Some(text)) => part.size = text.parse().unwrap_or_default(),
                    ("Part/ETag", Some(text)) => text.clone_into(&mut part.etag),
                    ("Part", _) => {
                        let part = mem::take(&mut part);
                        marker = marker.max(part.number);
                        parts.insert(part.number, part);
                    }
                    (path, Some(text)) if path.strip_prefix("Part/Checksum") == name => {
                        part.checksum = Some(text.to_owned());
                    }
                    _ => {}
                }
            });
            read.map_err(|reason| Error::unreadable(OPERATION, reason))?;
            // A list that does not go on would have no end.
            if !is_truncated || marker == before {
                return Ok(parts);
            }
        }
    }

    /// Returns a part that is stored already, if it has the bytes of this section, as far as its
    /// size and its checksum or its ETag tell.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) async fn stored(
        &self,
        stored: StoredPart,
        section: &Section,
    ) -> io::Result<Option<Part>> {
        if stored.size != section.length() {
            return Ok(None);
        }
        let (is_same, checksum) = match (self.algorithm, stored.checksum) {
            (Some(algorithm), Some(stored)) => {
                let content = Content::Section(section.clone());
                let found = content.checksum(algorithm).await?;
                (found.text() == stored, Some(found))
            }
            // Not all servers keep them.
            _ => {
                let hash = section.clone().md5().await?;
                (hash == stored.etag.trim_matches('"'), None)
            }
        };
        Ok(is_same.then_some(Part {
            number: stored.number,
            etag: stored.etag,
            checksum,
        }))
    }

    /// Returns the unfinished uploads of keys that begin with a prefix, without this one: the first
    /// thousand. They are only asked for once.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if its answer cannot be read.
    pub(crate) async fn others(
        &self,
        client: &Client,
        prefix: &str,
    ) -> Result<Vec<UnfinishedUpload>, Error> {
        let call = unfinished(&self.bucket, prefix, self.request_payer);
        let body = client.fetch_once(&call, MAX_LIST).await?;
        let mut uploads = unfinished_in(&body).map_err(|it| Error::unreadable(UPLOADS, it))?;
        uploads.retain(|upload| upload.id != self.id);
        Ok(uploads)
    }

    /// Uploads a part: 5 MiB or more, but for the last one. Numbers begin with 1.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub(crate) async fn part(
        &self,
        client: &Client,
        number: u32,
        content: impl Into<Content>,
        headers: &HeaderMap,
    ) -> Result<Part, Error> {
        const OPERATION: &str = "UploadPart";

        let call = self
            .call(OPERATION, Method::PUT)
            .headers(headers)
            .parameter("partNumber", &number.to_string())
            .parameter("uploadId", &self.id);
        let checked = client.checked(call, content.into(), self.algorithm);
        let (call, checksum) = checked.await?;
        let answer = client.send(&call).await?;
        let etag = answer.header("etag");
        let etag = etag.ok_or_else(|| Error::unreadable(OPERATION, "it has no ETag"))?;
        Ok(Part {
            number,
            etag: etag.to_owned(),
            checksum,
        })
    }

    /// Makes a part of a range of another object, without its bytes coming here. The headers are
    /// those of a copy.
    ///
    /// # Errors
    ///
    /// If S3 refuses, also in an answer that began as a success.
    pub(crate) async fn copied_part(
        &self,
        client: &Client,
        number: u32,
        source: Object<'_>,
        range: Range<u64>,
        headers: &HeaderMap,
    ) -> Result<Part, Error> {
        const OPERATION: &str = "UploadPartCopy";

        let bytes = format!("bytes={}-{}", range.start, range.end - 1);
        let call = self
            .call(OPERATION, Method::PUT)
            .parameter("partNumber", &number.to_string())
            .parameter("uploadId", &self.id)
            .headers(headers)
            .text_header("x-amz-copy-source", &place(source))?
            .text_header("x-amz-copy-source-range", &bytes)?
            .answers_with_document();
        let (_, body) = client.fetch(&call, MAX_ANSWER).await?;
        let (mut etag, mut sum) = (None, None);
        let name = self.algorithm.map(Algorithm::name);
        let read = xml::read(&body, |path, text| match (path, text) {
            ("CopyPartResult/ETag", Some(text)) => etag = Some(text.to_owned()),
            (path, Some(text)) if path.strip_prefix("CopyPartResult/Checksum") == name => {
                sum = Some(text.to_owned());
            }
            _ => {}
        });
        read.map_err(|reason| Error::unreadable(OPERATION, reason))?;
        let etag = etag.ok_or_else(|| Error::unreadable(OPERATION, "it has no ETag"))?;
        let checksum = self.algorithm.zip(sum).and_then(|(algorithm, text)| {
            Checksum::parse(algorithm, &text, range.end - range.start)
        });
        Ok(Part {
            number,
            etag,
            checksum,
        })
    }

    /// Makes an object of the parts. The headers say on what condition, and have the key of the
    /// user's own.
    ///
    /// # Errors
    ///
    /// If S3 refuses, also in an answer that began as a success, or if it has made another object
    /// of the parts.
    pub(crate) async fn complete(
        &self,
        client: &Client,
        mut parts: Vec<Part>,
        headers: &HeaderMap,
    ) -> Result<(), Error> {
        const OPERATION: &str = "CompleteMultipartUpload";

        parts.sort_unstable_by_key(|part| part.number);
        let sums: Option<Vec<&Checksum>> =
            parts.iter().map(|part| part.checksum.as_ref()).collect();
        let sent = sums.and_then(Checksum::combined);
        let mut body = String::from(
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">",
        );
        for part in &parts {
            let number = part.number;
            body += &format!("<Part><PartNumber>{number}</PartNumber><ETag>");
            xml::escape(&part.etag, &mut body);
            body += "</ETag>";
            if let Some(checksum) = &part.checksum {
                let (name, text) = (checksum.algorithm().name(), checksum.text());
                body += &format!("<Checksum{name}>{text}</Checksum{name}>");
            }
            body += "</Part>";
        }
        body += "</CompleteMultipartUpload>";
        let call = self
            .call(OPERATION, Method::POST)
            .headers(headers)
            .parameter("uploadId", &self.id)
            .content(body)
            .answers_with_document();
        let (_, answer) = client.fetch(&call, MAX_ANSWER).await?;
        match (sent, self.checksum_in(&answer)) {
            (Some(sent), Some(made)) if sent.text() != made => {
                let cause = Cause::Damaged { sent, made };
                Err(Error::new(OPERATION, cause))
            }
            _ => Ok(()),
        }
    }

    /// Returns the checksum of the whole object in an answer, if it has one. An answer that cannot
    /// be read has none: the object is there.
    fn checksum_in(&self, answer: &[u8]) -> Option<String> {
        let name = format!("/Checksum{}", self.algorithm?.name());
        let mut found = None;
        let read = xml::read(answer, |path, text| {
            if let (true, Some(text)) = (path.ends_with(&name), text) {
                found = Some(text.to_owned());
            }
        });
        // That of the parts ends with their number.
        read.ok().and(found).filter(|text| !text.contains('-'))
    }

    /// Deletes the parts.
    ///
    /// # Errors
    ///
    /// If S3 refuses.
    pub(crate) async fn abort(&self, client: &Client) -> Result<(), Error> {
        let call = self
            .call("AbortMultipartUpload", Method::DELETE)
            .parameter("uploadId", &self.id);
        client.send(&call).await.map(drop)
    }

    fn call(&self, operation: &'static str, method: Method) -> Call {
        Call::new(operation, method)
            .object(&self.bucket, &self.key)
            .request_payer(self.request_payer)
    }
}

/// Returns the call that lists the unfinished uploads of keys that begin with a prefix.
fn unfinished(bucket: &str, prefix: &str, request_payer: Option<&'static str>) -> Call {
    Call::new(UPLOADS, Method::GET)
        .bucket(bucket)
        .part("uploads")
        .parameter("encoding-type", "url")
        .parameter("prefix", prefix)
        .request_payer(request_payer)
}

fn unfinished_in(document: &[u8]) -> Result<Vec<UnfinishedUpload>, &'static str> {
    let (mut uploads, mut upload) = (Vec::new(), UnfinishedUpload::default());
    let mut is_encoded = false;
    xml::read(document, |path, text| {
        let name = path.strip_prefix("ListMultipartUploadsResult/");
        match (name.unwrap_or_default(), text) {
            ("EncodingType", Some(text)) => is_encoded = text == "url",
            ("Upload/Key", Some(text)) => text.clone_into(&mut upload.key),
            ("Upload/UploadId", Some(text)) => text.clone_into(&mut upload.id),
            ("Upload/Initiated", Some(text)) => text.clone_into(&mut upload.initiated),
            ("Upload/ChecksumAlgorithm", Some(text)) => upload.algorithm = Some(text.to_owned()),
            ("Upload", _) => uploads.push(mem::take(&mut upload)),
            _ => {}
        }
    })?;
    if is_encoded {
        for upload in &mut uploads {
            decode(&mut upload.key)?;
        }
    }
    Ok(uploads)
}
