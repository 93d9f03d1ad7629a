//! Browser uploads to S3: an HTML form with a signed policy.
//!
//! A [`PostPolicy`] says what may be uploaded and until when; signed, it becomes the [`PostForm`] that a page shows.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::RangeInclusive};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{
    codec::json,
    credentials::Credentials,
    key::{ALGORITHM, SigningKey},
    sign::Signer,
    timestamp::Timestamp,
};

/// What a browser may upload with a form, and until when.
///
/// Every field that the form sends must be named by a condition, or S3 refuses the upload; [`field`](Self::field)
/// keeps both together. The fields of the signature are added by [`sign`](Self::sign).
///
/// Source: S3, "Authenticating requests in browser-based uploads using POST".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Signer, post_policy::PostPolicy};
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let signer = Signer::s3("eu-central-1")?;
/// let form = PostPolicy::new("2026-01-01T01:00:00Z".parse()?)
///     .bucket("examplebucket")
///     .starts_with("key", "uploads/", "uploads/${filename}")
///     .field("acl", "private")
///     .content_length(1..=10 * 1024 * 1024)
///     .sign(&signer, &credentials, "2026-01-01T00:00:00Z".parse()?);
/// for (name, value) in form.fields() {
///     // <input type="hidden" name="{name}" value="{value}">, and `file` as the last field
/// #   let _ = (name, value);
/// }
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PostPolicy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    fields: Vec<(String, String)>,
}

#[derive(Clone, Debug)]
enum Condition {
    Exact(String, String),
    StartsWith(String, String),
    Length(RangeInclusive<u64>),
}

impl PostPolicy {
    /// A policy that is good until `expiration`; the signature is good for seven days at most, and no longer than
    /// temporary credentials.
    pub fn new(expiration: Timestamp) -> Self {
        Self {
            expiration,
            conditions: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Into this bucket only. Every policy needs it; the form does not send it.
    #[must_use]
    pub fn bucket(self, name: &str) -> Self {
        self.require("bucket", name)
    }

    /// With a field of exactly this value, such as `key`, `acl` or `success_action_redirect`.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.ignored_field(name, value).require(name, value)
    }

    /// With a field whose value must begin with `prefix` (empty: may be anything), and the value that the form shows
    /// to begin with. In `key`, S3 puts the name of the file for `${filename}`.
    #[must_use]
    pub fn starts_with(self, name: &str, prefix: &str, value: &str) -> Self {
        self.ignored_field(name, value).require_prefix(name, prefix)
    }

    /// With a field that no condition names. S3 takes that only of names that begin with `x-ignore-`.
    #[must_use]
    pub fn ignored_field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// With a field that the page brings itself and that must have this value.
    #[must_use]
    pub fn require(mut self, name: &str, value: &str) -> Self {
        self.conditions
            .push(Condition::Exact(name.into(), value.into()));
        self
    }

    /// With a field that the page brings itself and whose value must begin with `prefix`.
    #[must_use]
    pub fn require_prefix(mut self, name: &str, prefix: &str) -> Self {
        self.conditions
            .push(Condition::StartsWith(name.into(), prefix.into()));
        self
    }

    /// With a file of that many bytes only.
    #[must_use]
    pub fn content_length(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.conditions.push(Condition::Length(bytes));
        self
    }

    /// Signs the policy for the signer's region and service.
    pub fn sign(self, signer: &Signer, credentials: &Credentials, at: Timestamp) -> PostForm {
        let (date, scope) = (at.amz_date(), signer.scope());
        let credential = format!(
            "{}/{}{}",
            credentials.access_key_id(),
            date.date(),
            scope.suffix()
        );
        let mut policy = self
            .field("x-amz-algorithm", ALGORITHM)
            .field("x-amz-credential", &credential)
            .field("x-amz-date", date.as_str());
        if let Some(token) = credentials.session_token() {
            policy = policy.field(signer.rules().token_header(), token.expose());
        }
        // The string to sign is the policy as it is sent, in base64.
        let encoded = BASE64_STANDARD.encode(policy.to_json().as_bytes());
        let signature = SigningKey::derive(credentials, scope, at).sign(encoded.as_bytes());
        let mut fields = policy.fields;
        fields.push(("policy".into(), encoded));
        fields.push(("x-amz-signature".into(), signature));
        PostForm {
            fields,
            expiration: end_of(policy.expiration, credentials, at),
        }
    }

    fn to_json(&self) -> String {
        let mut text = String::from("{\"expiration\":");
        json::put_string(&mut text, &self.expiration.to_string());
        text.push_str(",\"conditions\":[");
        for (index, condition) in self.conditions.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            condition.put(&mut text);
        }
        text.push_str("]}");
        text
    }
}

impl Condition {
    fn put(&self, text: &mut String) {
        match self {
            Self::Exact(name, value) => json::put_object(text, [(&**name, &**value)]),
            Self::StartsWith(name, prefix) => {
                text.push_str("[\"starts-with\",");
                json::put_string(text, &format!("${name}"));
                text.push(',');
                json::put_string(text, prefix);
                text.push(']');
            }
            Self::Length(bytes) => {
                let (least, most) = bytes.clone().into_inner();
                text.push_str(&format!("[\"content-length-range\",{least},{most}]"));
            }
        }
    }
}

/// A signed form: its fields, in order. `Debug` is redacted: whoever has the fields may upload.
#[derive(Clone)]
pub struct PostForm {
    fields: Vec<(String, String)>,
    expiration: Timestamp,
}

impl PostForm {
    /// The hidden fields, to be sent before `file`, which must be the last one.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The value of one field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find_map(|(n, value)| (n == name).then_some(value))
    }

    /// When S3 stops taking it: the policy's end, seven days after signing, or the end of the credentials.
    pub fn expiration(&self) -> Timestamp {
        self.expiration
    }
}

impl fmt::Debug for PostForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields().map(|(name, _)| name).collect();
        f.debug_struct("PostForm")
            .field("fields", &names)
            .field("expiration", &self.expiration)
            .finish()
    }
}

fn end_of(expiration: Timestamp, credentials: &Credentials, at: Timestamp) -> Timestamp {
    let ends = [expiration, at.plus_seconds(7 * 86_400)];
    let end = ends.into_iter().chain(credentials.expiry()).min();
    end.unwrap_or(expiration)
}
