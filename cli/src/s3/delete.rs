use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use md5::{Digest as _, Md5};
use tokio::task;

use crate::s3::{Call, Client, Error, xml};

/// What each error of an object is said to come from, as in `aws`, which deletes one at a time.
const OPERATION: &str = "DeleteObject";
/// The length in bytes beyond which an answer is not read. A thousand errors with long keys have
/// less.
const MAX_ANSWER: usize = 8 << 20;
/// How many objects are deleted at a time if each takes a request.
const SINGLES: usize = 16;

/// Deletes the objects of a bucket. Clones share what was learned about the server.
#[derive(Clone)]
pub(crate) struct Deletion {
    client: Client,
    bucket: Arc<str>,
    request_payer: Option<&'static str>,
    /// Whether the server refuses to delete several objects with one request.
    only_singly: Arc<AtomicBool>,
}

impl Deletion {
    pub(crate) fn new(client: Client, bucket: &str, request_payer: Option<&'static str>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
            request_payer,
            only_singly: Arc::default(),
        }
    }

    /// Deletes an object.
    ///
    /// # Errors
    ///
    /// If S3 refuses. An object that does not exist counts as deleted.
    pub(crate) async fn one(&self, key: &str) -> Result<(), Error> {
        let call = Call::new(OPERATION, Method::DELETE)
            .object(&self.bucket, key)
            .request_payer(self.request_payer);
        self.client.send(&call).await.map(drop)
    }

    /// Deletes up to a thousand objects, with one request, and returns the outcome of each in their
    /// order.
    ///
    /// What one request for all cannot do is done one by one: keys that XML cannot have, what may
    /// succeed at another time, and all keys at servers that refuse it.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub(crate) async fn all(&self, keys: &[String]) -> Result<Vec<Result<(), Error>>, Error> {
        let is_writable = || keys.iter().all(|key| key.chars().all(is_writable));
        if keys.len() < 2 || self.only_singly.load(Ordering::Relaxed) || !is_writable() {
            return Ok(self.one_by_one(keys).await);
        }
        let mut refused = match self.at_once(keys).await {
            Ok(refused) => refused,
            Err(error) if matches!(error.status(), Some(400..=499 | 501)) => {
                self.only_singly.store(true, Ordering::Relaxed);
                return Ok(self.one_by_one(keys).await);
            }
            Err(error) => return Err(error),
        };
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            outcomes.push(match refused.remove(key) {
                None => Ok(()),
                Some(error) if error.may_pass() => self.one(key).await,
                Some(error) => Err(error),
            });
        }
        Ok(outcomes)
    }

    async fn one_by_one(&self, keys: &[String]) -> Vec<Result<(), Error>> {
        let mut outcomes = Vec::with_capacity(keys.len());
        for keys in keys.chunks(SINGLES) {
            let tasks: Vec<_> = keys
                .iter()
                .map(|key| {
                    let (deletion, key) = (self.clone(), key.clone());
                    task::spawn(async move { deletion.one(&key).await })
                })
                .collect();
            for task in tasks {
                // A task fails only if the program ends.
                outcomes.push(task.await.unwrap_or(Ok(())));
            }
        }
        outcomes
    }

    /// Deletes objects with one request, and returns the errors of those that are not deleted.
    async fn at_once(&self, keys: &[String]) -> Result<HashMap<String, Error>, Error> {
        let body = document(keys);
        let hash = STANDARD.encode(Md5::digest(body.as_bytes()));
        // Base64 is always the value of a header.
        let hash = HeaderValue::try_from(hash).unwrap_or(HeaderValue::from_static(""));
        let call = Call::new("DeleteObjects", Method::POST)
            .bucket(&self.bucket)
            .part("delete")
            .header(CONTENT_TYPE, HeaderValue::from_static("application/xml"))
            .header(HeaderName::from_static("content-md5"), hash)
            .request_payer(self.request_payer)
            .content(body);
        let (_, answer) = self.client.fetch(&call, MAX_ANSWER).await?;
        let mut errors = HashMap::new();
        let mut is_result = false;
        let [mut key, mut code, mut message] = [const { String::new() }; 3];
        let read = xml::read(&answer, |path, text| {
            let Some(path) = path.strip_prefix("DeleteResult") else {
                return;
            };
            is_result = true;
            match (path, text) {
                ("/Error/Key", Some(text)) => text.clone_into(&mut key),
                ("/Error/Code", Some(text)) => text.clone_into(&mut code),
                ("/Error/Message", Some(text)) => text.clone_into(&mut message),
                ("/Error", _) => {
                    let [key, code, message] =
                        [&mut key, &mut code, &mut message].map(std::mem::take);
                    errors.insert(key, Error::in_part(OPERATION, code, message));
                }
                _ => {}
            }
        });
        read.map_err(|reason| Error::unreadable(OPERATION, reason))?;
        if is_result {
            Ok(errors)
        } else {
            Err(Error::unreadable(
                OPERATION,
                "it is not the result of DeleteObjects",
            ))
        }
    }
}

/// Writes the body of DeleteObjects. Objects that are deleted are not in the answer.
fn document(keys: &[String]) -> String {
    let mut text = String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for key in keys {
        text.push_str("<Object><Key>");
        xml::escape(key, &mut text);
        text.push_str("</Key></Object>");
    }
    text.push_str("<Quiet>true</Quiet></Delete>");
    text
}

/// Returns true for the characters of XML 1.0 (section 2.2).
fn is_writable(char: char) -> bool {
    matches!(
        char,
        '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_escaped() {
        let keys = ["a&<b>", "c\r\n\td\u{fc}"].map(str::to_owned);
        assert_eq!(
            document(&keys),
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Object><Key>a&amp;&lt;b&gt;</Key></Object>\
             <Object><Key>c&#13;&#10;&#9;d\u{fc}</Key></Object><Quiet>true</Quiet></Delete>"
        );
        assert!(!is_writable('\u{1}') && !is_writable('\u{ffff}') && is_writable('\u{1f600}'));
    }
}
