use std::{error::Error as StdError, fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use zeroize::Zeroizing;

/// The expiry, in seconds from now, of credentials that do not have one.
const DEFAULT_LIFE: i64 = 3600;

type Failure = Box<dyn StdError + Send + Sync>;
type Answered = Pin<Box<dyn Future<Output = Result<Credentials, Failure>> + Send>>;

/// Where a server gets the credentials that it serves.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn Fn() -> Answered + Send + Sync>);

impl Source {
    pub(crate) fn new<F, E>(source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Credentials, E>> + Send + 'static,
        E: Into<Failure>,
    {
        Self(Arc::new(move || {
            let credentials = source();
            Box::pin(async move { credentials.await.map_err(Into::into) })
        }))
    }

    pub(crate) fn fixed(credentials: Credentials) -> Self {
        Self::new(move || std::future::ready(Ok::<_, Failure>(credentials.clone())))
    }

    /// Returns the credentials, with an expiry in the past if `expired` is true.
    pub(crate) async fn credentials(&self, expired: bool) -> Result<Credentials, Failure> {
        let credentials = (self.0)().await?;
        if expired {
            let hour_ago = Timestamp::now().plus_seconds(-3600);
            return Ok(credentials.with_expiry(hour_ago));
        }
        Ok(credentials)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// Returns the document of a role. A failure is a document, too: the real service sends it with
/// HTTP 200.
pub(crate) fn role_document(
    credentials: &Result<Credentials, Failure>,
    with_account: bool,
    now: Timestamp,
) -> Bytes {
    let updated = whole_second(now);
    match credentials {
        Err(error) => document(&[
            ("Code", "Failed"),
            ("Message", &error.to_string()),
            ("LastUpdated", &updated),
        ]),
        Ok(key) => {
            let status = [
                ("Code", "Success"),
                ("LastUpdated", &updated),
                ("Type", "AWS-HMAC"),
            ];
            key_document(&status, key, with_account, now)
        }
    }
}

/// Returns the document of a container.
pub(crate) fn container_document(key: &Credentials, now: Timestamp) -> Bytes {
    key_document(&[], key, true, now)
}

fn key_document(
    status: &[(&str, &str)],
    key: &Credentials,
    with_account: bool,
    now: Timestamp,
) -> Bytes {
    let expiry = key.expiry().unwrap_or(now.plus_seconds(DEFAULT_LIFE));
    let expiry = whole_second(expiry);
    let mut members = status.to_vec();
    members.extend([
        ("AccessKeyId", key.access_key_id()),
        ("SecretAccessKey", key.secret_access_key().expose()),
        ("Token", key.session_token().map_or("", Secret::expose)),
        ("Expiration", &expiry),
    ]);
    let account = key.account_id().filter(|_| with_account);
    members.extend(account.map(|account| ("AccountId", account)));
    document(&members)
}

/// Writes a JSON object. Its bytes are zeroed when the last answer that uses them is sent, and
/// there is no other copy of them.
fn document(members: &[(&str, &str)]) -> Bytes {
    // With room for all of it, because a vector that grows leaves copies in freed memory. A
    // character has at most 6 bytes when it is escaped.
    let room: usize = members
        .iter()
        .map(|(name, value)| 6 * (name.len() + value.len() + 1))
        .sum();
    let mut body = Zeroizing::new(Vec::with_capacity(room + 2));
    body.push(b'{');
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        write_text(&mut body, name);
        body.push(b':');
        write_text(&mut body, value);
    }
    body.push(b'}');
    Bytes::from_owner(body)
}

fn write_text(body: &mut Vec<u8>, text: &str) {
    // Writing to a vector cannot fail, and neither can a string.
    let _ = serde_json::to_writer(body, text);
}

/// Writes a time without a fraction of a second, which botocore does not read.
pub(crate) fn whole_second(at: Timestamp) -> String {
    Timestamp::from_unix_seconds(at.unix_seconds()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_json_in_one_allocation_whatever_its_values() {
        let values = ["plain", "\u{0}\u{1f}\"\\", "é 日本 \u{2028}", ""];
        for value in values {
            let members = [("Code", "Success"), ("Message", value)];
            let body = document(&members);
            let parsed: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(parsed["Message"], value);
            assert!(
                body.len()
                    <= members
                        .iter()
                        .map(|m| 6 * (m.0.len() + m.1.len() + 1))
                        .sum::<usize>()
                        + 2
            );
        }
    }
}
