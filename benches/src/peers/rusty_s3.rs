//! `rusty-s3`, which presigns only.

use std::time::Duration;

use jiff::Timestamp;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use url::Url;

use crate::BoxError;
use crate::case::{self, ACCESS_KEY_ID, BUCKET, Case, EXPIRES_IN, REGION, SECRET_ACCESS_KEY};
use crate::measure::Contender;

/// An object to presign, and then its URL.
struct Job<'a> {
    key: &'a str,
    at: Timestamp,
    url: Option<Url>,
}

/// Creates the contender that presigns a GET of the object.
///
/// # Errors
///
/// If the bucket's URL is malformed.
pub fn contender(case: &Case) -> Result<Contender<'_>, BoxError> {
    let signer = Signer::new()?;
    Ok(Contender::new(
        "rusty-s3",
        |n| {
            let at = Timestamp::from_second(case::at(n).unix_seconds())?;
            Ok(Job {
                key: &case.input(n).key,
                at,
                url: None,
            })
        },
        move |job| {
            job.url = Some(signer.presign(job.key, job.at));
            Ok(())
        },
    ))
}

/// The bucket and credentials that a client reuses for its requests.
#[derive(Debug)]
pub struct Signer {
    bucket: Bucket,
    credentials: Credentials,
}

impl Signer {
    /// Creates a signer for the bucket of the cases.
    ///
    /// # Errors
    ///
    /// If the bucket's URL is malformed.
    pub fn new() -> Result<Self, BoxError> {
        let endpoint = Url::parse("https://s3.us-east-1.amazonaws.com")?;
        Ok(Signer {
            bucket: Bucket::new(endpoint, UrlStyle::VirtualHost, BUCKET, REGION)?,
            credentials: Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY),
        })
    }

    /// Returns the presigned URL of the object.
    pub fn presign(&self, key: &str, at: Timestamp) -> Url {
        let action = self.bucket.get_object(Some(&self.credentials), key);
        action.sign_with_time(Duration::from_secs(EXPIRES_IN), &at)
    }
}
