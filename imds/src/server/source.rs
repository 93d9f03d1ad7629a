use std::{error::Error as StdError, fmt, future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use serde_json::{Value, json};

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
    let mut document = match credentials {
        Err(error) => json!({"Code": "Failed", "Message": error.to_string()}),
        Ok(key) => key_document(key, with_account, now),
    };
    document["LastUpdated"] = whole_second(now).into();
    if credentials.is_ok() {
        document["Code"] = "Success".into();
        document["Type"] = "AWS-HMAC".into();
    }
    document.to_string().into()
}

/// Returns the document of a container.
pub(crate) fn container_document(key: &Credentials, now: Timestamp) -> Bytes {
    key_document(key, true, now).to_string().into()
}

fn key_document(key: &Credentials, with_account: bool, now: Timestamp) -> Value {
    let expiry = key.expiry().unwrap_or(now.plus_seconds(DEFAULT_LIFE));
    let mut document = json!({
        "AccessKeyId": key.access_key_id(),
        "SecretAccessKey": key.secret_access_key().expose(),
        "Token": key.session_token().map_or("", Secret::expose),
        "Expiration": whole_second(expiry),
    });
    if let (true, Some(account)) = (with_account, key.account_id()) {
        document["AccountId"] = account.into();
    }
    document
}

/// Writes a time without a fraction of a second, which botocore does not read.
pub(crate) fn whole_second(at: Timestamp) -> String {
    Timestamp::from_unix_seconds(at.unix_seconds()).to_string()
}
