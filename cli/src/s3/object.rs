use std::ops::Range;

use http::{HeaderMap, Method};
use keyfob_sigv4::uri;

use crate::s3::{
    Algorithm, Answer, Call, Checksum, Client, Content, Error, Object, error::Cause, xml,
};

/// The length in bytes beyond which the answer of a copy or of an upload is not read.
const MAX_ANSWER: usize = 64 << 10;
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
