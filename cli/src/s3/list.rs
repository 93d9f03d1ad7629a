use std::{borrow::Cow, sync::Arc, vec};

use http::Method;
use percent_encoding::percent_decode_str;
use tokio::task::{self, JoinHandle};

use crate::s3::{Call, Client, Error, xml};

/// The length in bytes beyond which a page is not read. A thousand keys of 1,024 bytes, each
/// encoded, have four megabytes.
const MAX_PAGE: usize = 32 << 20;

/// A list of the objects of a bucket.
#[derive(Clone, Debug)]
pub(crate) struct ObjectList {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
    /// Whether keys with a `/` after the prefix are only counted by what is before it.
    pub(crate) is_flat: bool,
    /// The number of entries in a page. Default: that of the service, 1,000.
    pub(crate) page_size: Option<u32>,
    /// Who pays, if it is not the owner of the bucket.
    pub(crate) request_payer: Option<&'static str>,
}

/// A part of a list of objects.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) entries: Vec<Entry>,
    pub(crate) prefixes: Vec<String>,
    /// The token of the next page, if there is one.
    pub(crate) next: Option<String>,
    /// Whether the keys and the prefixes are encoded, by what the list says.
    is_encoded: bool,
}

/// An object in a list.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) size: u64,
    /// The time of the last change, as the service writes it.
    pub(crate) modified: String,
    pub(crate) etag: String,
    pub(crate) storage_class: String,
}

impl ObjectList {
    /// Returns the list of all objects whose keys begin with a prefix.
    pub(crate) fn all(bucket: &str, prefix: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            is_flat: true,
            page_size: None,
            request_payer: None,
        }
    }

    /// Returns the page with this token, or the first one.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if its answer cannot be read.
    pub(crate) async fn page(&self, client: &Client, token: Option<&str>) -> Result<Page, Error> {
        let mut page = self.ask(client, token, true).await?;
        if page.is_encoded && self.is_encoded(client, token, &page).await? {
            let decoded = page.decode();
            decoded.map_err(|reason| Error::unreadable(OPERATION, reason))?;
        }
        // Such a list would never end.
        if page.next.is_some() && page.next.as_deref() == token {
            return Err(Error::unreadable(
                OPERATION,
                "its token is that of the same page",
            ));
        }
        Ok(page)
    }

    async fn ask(
        &self,
        client: &Client,
        token: Option<&str>,
        encoded: bool,
    ) -> Result<Page, Error> {
        let size = self.page_size.map(|size| size.to_string());
        let call = Call::new(OPERATION, Method::GET)
            .bucket(&self.bucket)
            .parameter("list-type", "2")
            .optional("continuation-token", token)
            .optional("delimiter", (!self.is_flat).then_some("/"))
            .optional("encoding-type", encoded.then_some("url"))
            .optional("max-keys", size.as_deref())
            .parameter("prefix", &self.prefix)
            .request_payer(self.request_payer);
        let (_, body) = client.fetch(&call, MAX_PAGE).await?;
        Page::parse(&body).map_err(|reason| Error::unreadable(OPERATION, reason))
    }

    /// Returns true if the keys of a page are encoded, as it says. Some servers say so and encode
    /// nothing: then the page is the same when that is not asked for.
    async fn is_encoded(
        &self,
        client: &Client,
        token: Option<&str>,
        page: &Page,
    ) -> Result<bool, Error> {
        if let Some(encodes) = client.encodes_lists().get() {
            return Ok(*encodes);
        }
        if !page.names().any(|name| name.contains(ENCODED)) {
            return Ok(false);
        }
        let plain = self.ask(client, token, false).await?;
        let encodes = !plain.names().eq(page.names());
        Ok(*client.encodes_lists().get_or_init(|| encodes))
    }
}

/// What is in an encoded key that is not in the key itself.
const ENCODED: [char; 2] = ['%', '+'];

const OPERATION: &str = "ListObjectsV2";

/// The objects of a list, one by one. While those of a page are used, the next page is read.
pub(crate) struct Listing {
    list: Arc<ObjectList>,
    client: Client,
    entries: vec::IntoIter<Entry>,
    next: Option<JoinHandle<Result<Page, Error>>>,
}

impl Listing {
    /// Begins to read a list.
    pub(crate) fn new(client: Client, list: ObjectList) -> Self {
        let mut listing = Self {
            list: Arc::new(list),
            client,
            entries: Vec::new().into_iter(),
            next: None,
        };
        listing.ask(None);
        listing
    }

    pub(crate) fn list(&self) -> &ObjectList {
        &self.list
    }

    /// Returns the next object, or `None` after the last one.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if its answer cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Ok(Some(entry));
            }
            let Some(next) = self.next.take() else {
                return Ok(None);
            };
            let page = next.await;
            let page = page.map_err(|error| Error::unreadable(OPERATION, error.to_string()))??;
            self.entries = page.entries.into_iter();
            if page.next.is_some() {
                self.ask(page.next);
            }
        }
    }

    fn ask(&mut self, token: Option<String>) {
        let (list, client) = (Arc::clone(&self.list), self.client.clone());
        self.next = Some(task::spawn(async move {
            list.page(&client, token.as_deref()).await
        }));
    }
}

impl Page {
    fn parse(document: &[u8]) -> Result<Self, Cow<'static, str>> {
        let mut page = Self::default();
        let mut entry = Entry::default();
        let (mut is_list, mut is_truncated) = (false, false);
        let mut wrong = None;
        xml::read(document, |path, text| {
            let Some(path) = path.strip_prefix("ListBucketResult") else {
                return;
            };
            is_list = true;
            match (path, text) {
                ("/Contents/Key", Some(text)) => text.clone_into(&mut entry.key),
                ("/Contents/LastModified", Some(text)) => text.clone_into(&mut entry.modified),
                ("/Contents/ETag", Some(text)) => text.clone_into(&mut entry.etag),
                ("/Contents/Size", Some(text)) => match text.parse() {
                    Ok(size) => entry.size = size,
                    Err(_) => wrong = Some("a size is not a number"),
                },
                ("/Contents/StorageClass", Some(text)) => {
                    text.clone_into(&mut entry.storage_class);
                }
                ("/Contents", _) => page.entries.push(std::mem::take(&mut entry)),
                ("/CommonPrefixes/Prefix", Some(text)) => page.prefixes.push(text.to_owned()),
                ("/EncodingType", Some(text)) => page.is_encoded = text == "url",
                ("/IsTruncated", Some(text)) => is_truncated = text == "true",
                ("/NextContinuationToken", Some(text)) => page.next = Some(text.to_owned()),
                _ => {}
            }
        })?;
        if let Some(reason) = wrong {
            return Err(reason.into());
        }
        if !is_list {
            return Err("it is not a list of objects".into());
        }
        if !is_truncated {
            page.next = None;
        } else if page.next.is_none() {
            return Err("it is not the last page, and does not say how to get the next".into());
        }
        Ok(page)
    }

    /// Returns the keys and the prefixes.
    fn names(&self) -> impl Iterator<Item = &String> {
        let keys = self.entries.iter().map(|entry| &entry.key);
        keys.chain(&self.prefixes)
    }

    fn decode(&mut self) -> Result<(), &'static str> {
        let keys = self.entries.iter_mut().map(|entry| &mut entry.key);
        for text in keys.chain(&mut self.prefixes) {
            decode(text)?;
        }
        Ok(())
    }
}

/// Decodes a key of a list with `encoding-type=url`, where a `+` is a space.
pub(super) fn decode(key: &mut String) -> Result<(), &'static str> {
    if !key.contains(ENCODED) {
        return Ok(());
    }
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    *key = decoded.map_err(|_| "a key is not UTF-8")?.into_owned();
    Ok(())
}

/// A list of the buckets of the account.
#[derive(Clone, Debug, Default)]
pub(crate) struct BucketList {
    pub(crate) prefix: Option<String>,
    pub(crate) region: Option<String>,
    /// The number of buckets in a page. Default: that of the service, all.
    pub(crate) page_size: Option<u32>,
}

/// A bucket in a list.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    /// The time of its creation, as the service writes it.
    pub(crate) created: String,
    pub(crate) region: Option<String>,
}

impl BucketList {
    /// Returns the page with this token, or the first one, and the token of the next.
    ///
    /// # Errors
    ///
    /// If S3 refuses, or if its answer cannot be read.
    pub(crate) async fn page(
        &self,
        client: &Client,
        token: Option<&str>,
    ) -> Result<(Vec<Bucket>, Option<String>), Error> {
        const OPERATION: &str = "ListBuckets";

        let size = self.page_size.map(|size| size.to_string());
        let call = Call::new(OPERATION, Method::GET)
            .optional("bucket-region", self.region.as_deref())
            .optional("continuation-token", token)
            .optional("max-buckets", size.as_deref())
            .optional("prefix", self.prefix.as_deref());
        let (_, body) = client.fetch(&call, MAX_PAGE).await?;
        let mut buckets = Vec::new();
        let mut bucket = Bucket::default();
        let mut next = None;
        let mut is_list = false;
        let read = xml::read(&body, |path, text| {
            let Some(path) = path.strip_prefix("ListAllMyBucketsResult") else {
                return;
            };
            is_list = true;
            match (path, text) {
                ("/Buckets/Bucket/Name", Some(text)) => text.clone_into(&mut bucket.name),
                ("/Buckets/Bucket/CreationDate", Some(text)) => {
                    text.clone_into(&mut bucket.created);
                }
                ("/Buckets/Bucket/BucketRegion", Some(text)) => {
                    bucket.region = Some(text.to_owned());
                }
                ("/Buckets/Bucket", _) => buckets.push(std::mem::take(&mut bucket)),
                ("/ContinuationToken", Some(text)) if !text.is_empty() => {
                    next = Some(text.to_owned());
                }
                _ => {}
            }
        });
        read.map_err(|reason| Error::unreadable(OPERATION, reason))?;
        if !is_list {
            return Err(Error::unreadable(OPERATION, "it is not a list of buckets"));
        }
        if next.is_some() && next.as_deref() == token {
            return Err(Error::unreadable(
                OPERATION,
                "its token is that of the same page",
            ));
        }
        Ok((buckets, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<Page, String> {
        Page::parse(body.as_bytes()).map_err(Cow::into_owned)
    }

    #[test]
    fn keys_are_decoded_if_the_list_is_encoded() {
        let list = |encoding: &str| {
            let body = format!(
                "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{encoding}\
                 <Contents><Size>7</Size><Key>a+b%20c%2B</Key></Contents>\
                 <CommonPrefixes><Prefix>%C3%BC/</Prefix></CommonPrefixes>\
                 <IsTruncated>false</IsTruncated></ListBucketResult>"
            );
            let mut page = parse(&body).unwrap();
            if page.is_encoded {
                page.decode().unwrap();
            }
            let entry = &page.entries[0];
            (entry.key.clone(), entry.size, page.prefixes[0].clone())
        };
        let expected = ("a b c+".to_owned(), 7, "\u{fc}/".to_owned());
        assert_eq!(list("<EncodingType>url</EncodingType>"), expected);
        assert_eq!(list("").0, "a+b%20c%2B");
    }

    #[test]
    fn a_page_that_cannot_be_followed_or_read_is_an_error() {
        for (body, reason) in [
            ("<html/>", "it is not a list of objects"),
            (
                "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
                "it is not the last page, and does not say how to get the next",
            ),
            (
                "<ListBucketResult><Contents><Size>-1</Size></Contents></ListBucketResult>",
                "a size is not a number",
            ),
            ("<ListBucketResult>", "it ends in the middle"),
        ] {
            assert_eq!(parse(body).unwrap_err(), reason, "{body}");
        }
        assert_eq!(decode(&mut "%ff".to_owned()), Err("a key is not UTF-8"));
    }

    #[test]
    fn a_token_counts_only_if_there_are_more_pages() {
        let body = |more: bool| {
            format!(
                "<ListBucketResult><IsTruncated>{more}</IsTruncated>\
                 <NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
            )
        };
        assert_eq!(parse(&body(true)).unwrap().next.as_deref(), Some("t"));
        assert_eq!(parse(&body(false)).unwrap().next, None);
    }
}
