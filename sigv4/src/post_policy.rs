//! Browser uploads to S3: an HTML form with a signed policy.
//!
//! A [`PostPolicy`] states what may be uploaded, and until when. Signing it gives the [`PostForm`]
//! for a web page. A server verifies what it receives with
//! [`Verifier::claim_post`](crate::verify::Verifier::claim_post).

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, ops::RangeInclusive};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::{
    codec::json,
    credentials::Credentials,
    error::{Error, ErrorKind},
    key::{ALGORITHM, SigningKey},
    scope::Scope,
    sign::Signer,
    timestamp::Timestamp,
};

/// The conditions under which a browser may upload with a form.
///
/// S3 refuses a form that sends a field without a condition; [`field`](Self::field) adds both.
/// [`sign`](Self::sign) adds the fields of the signature.
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
///     .sign(&signer, &credentials, "2026-01-01T00:00:00Z".parse()?)?;
/// for (name, value) in form.fields() {
///     // <input type="hidden" name="{name}" value="{value}">, and `file` as the last field
/// #   let _ = (name, value);
/// }
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
///
/// `Debug` shows only the names of its fields: their values may hold a secret.
#[derive(Clone)]
pub struct PostPolicy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
    fields: Vec<(String, String)>,
}

#[derive(Clone)]
enum Condition {
    Exact(String, String),
    StartsWith(String, String),
    Length(RangeInclusive<u64>),
}

impl PostPolicy {
    /// Creates a policy that is valid until `expiration`.
    ///
    /// The signature is valid for at most seven days, and no longer than temporary credentials.
    pub fn new(expiration: Timestamp) -> Self {
        Self {
            expiration,
            conditions: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// Limits uploads to this bucket. Each policy needs it; the form does not send it.
    #[must_use]
    pub fn bucket(self, name: &str) -> Self {
        self.require("bucket", name)
    }

    /// Adds a field that must have this value, such as `key`, `acl` or `success_action_redirect`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Signer, post_policy::PostPolicy};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let signer = Signer::s3("eu-central-1")?;
    /// # let at = "2026-01-01T00:00:00Z".parse()?;
    /// let form = PostPolicy::new("2026-01-01T01:00:00Z".parse()?)
    ///     .bucket("examplebucket")
    ///     .field("key", "reports/2026.pdf")
    ///     .sign(&signer, &credentials, at)?;
    /// assert_eq!(form.get("key"), Some("reports/2026.pdf"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.ignored_field(name, value).require(name, value)
    }

    /// Adds a field whose value must start with `prefix`, and its initial value in the form.
    ///
    /// With an empty prefix any value is allowed. In `key`, S3 replaces `${filename}` with the name
    /// of the file.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::post_policy::PostPolicy;
    /// let policy = PostPolicy::new("2026-01-01T01:00:00Z".parse()?)
    ///     .bucket("examplebucket")
    ///     .starts_with("key", "uploads/", "uploads/${filename}")
    ///     .starts_with("content-type", "image/", "image/png");
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn starts_with(self, name: &str, prefix: &str, value: &str) -> Self {
        self.ignored_field(name, value).require_prefix(name, prefix)
    }

    /// Adds a field without a condition. S3 accepts it only if its name starts with `x-ignore-`.
    #[must_use]
    pub fn ignored_field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Adds a condition: a field that the page adds itself must have this value.
    #[must_use]
    pub fn require(mut self, name: &str, value: &str) -> Self {
        self.conditions
            .push(Condition::Exact(name.into(), value.into()));
        self
    }

    /// Adds a condition: the value of a field that the page adds itself must start with `prefix`.
    #[must_use]
    pub fn require_prefix(mut self, name: &str, prefix: &str) -> Self {
        self.conditions
            .push(Condition::StartsWith(name.into(), prefix.into()));
        self
    }

    /// Adds a condition: the length of the file in bytes must be in this range.
    #[must_use]
    pub fn content_length(mut self, bytes: RangeInclusive<u64>) -> Self {
        self.conditions.push(Condition::Length(bytes));
        self
    }

    /// Signs the policy for the signer's region and service.
    ///
    /// # Errors
    ///
    /// If S3 could never accept the form: [`ErrorKind::PolicyService`] if the signer is for another
    /// service than `s3` and `s3express`; [`ErrorKind::PolicyBucket`] if no condition names the
    /// bucket; [`ErrorKind::PolicyField`] if none names the key, or a field is repeated, has no
    /// condition, or does not meet it; [`ErrorKind::PolicyLength`] if no length
    /// meets all ranges; [`ErrorKind::PolicyExpiration`] if the policy expires before it is signed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, ErrorKind, Signer, post_policy::PostPolicy};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let signer = Signer::s3("eu-central-1")?;
    /// # let at = "2026-01-01T00:00:00Z".parse()?;
    /// let policy = PostPolicy::new("2026-01-01T01:00:00Z".parse()?).field("key", "a.png");
    /// let error = policy.sign(&signer, &credentials, at).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::PolicyBucket);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn sign(
        self,
        signer: &Signer,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<PostForm, Error> {
        self.check(signer.scope(), at)?;
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
        policy.check_fields()?;
        // Unlike elsewhere, the string to sign is the policy itself, as it is sent.
        let encoded = BASE64_STANDARD.encode(policy.to_json().as_bytes());
        let signature = SigningKey::derive(credentials, scope, at).sign(encoded.as_bytes());
        let mut fields = policy.fields;
        fields.push(("policy".into(), encoded));
        fields.push(("x-amz-signature".into(), signature));
        Ok(PostForm {
            fields,
            expiration: form_expiration(policy.expiration, credentials, at),
        })
    }

    /// Checks that S3 can accept a form with this policy.
    fn check(&self, scope: &Scope, at: Timestamp) -> Result<(), Error> {
        if !matches!(scope.service(), "s3" | "s3express") {
            return Err(Error::new(ErrorKind::PolicyService, scope.service()));
        }
        let names_bucket = |condition: &Condition| match condition {
            Condition::Exact(name, text) => name == "bucket" && !text.is_empty(),
            Condition::StartsWith(name, _) => name == "bucket",
            Condition::Length(_) => false,
        };
        if !self.conditions.iter().any(names_bucket) {
            return Err(Error::new(ErrorKind::PolicyBucket, ""));
        }
        let ranges = self
            .conditions
            .iter()
            .filter_map(|condition| match condition {
                Condition::Length(bytes) => Some(bytes),
                _ => None,
            });
        let least = ranges.clone().map(|bytes| *bytes.start()).max();
        let most = ranges.map(|bytes| *bytes.end()).min();
        if let Some((least, most)) = least.zip(most).filter(|(least, most)| least > most) {
            let range = format!("{least}..={most}");
            return Err(Error::new(ErrorKind::PolicyLength, &range));
        }
        if self.expiration <= at {
            let expiration = self.expiration.to_string();
            return Err(Error::new(ErrorKind::PolicyExpiration, &expiration));
        }
        Ok(())
    }

    /// Checks that S3 can accept the fields: each stands once, has a condition, and meets all.
    fn check_fields(&self) -> Result<(), Error> {
        let names_key = |condition: &Condition| condition.is_on("key");
        if !self.conditions.iter().any(names_key) {
            return Err(Error::new(ErrorKind::PolicyField, "key"));
        }
        let mut names = BTreeSet::new();
        for (name, value) in &self.fields {
            let lower = name.to_ascii_lowercase();
            let is_free = lower.starts_with("x-ignore-");
            let is_added = matches!(&*lower, "policy" | "x-amz-signature" | "file");
            if is_added || !names.insert(lower) || !is_free && !self.is_met_by(name, value) {
                return Err(Error::new(ErrorKind::PolicyField, name));
            }
        }
        // A field that the page adds itself, and the bucket, cannot meet two exact conditions.
        for condition in &self.conditions {
            if let Condition::Exact(name, value) = condition
                && !self.is_met_by(name, value)
            {
                return Err(Error::new(ErrorKind::PolicyField, name));
            }
        }
        Ok(())
    }

    /// Returns true if a field has a condition, and its value meets all of them.
    fn is_met_by(&self, name: &str, value: &str) -> bool {
        let mut own = self
            .conditions
            .iter()
            .filter(|condition| condition.is_on(name))
            .peekable();
        own.peek().is_some()
            && own.all(|condition| match condition {
                Condition::Exact(_, expected) => value == expected,
                Condition::StartsWith(name, prefix) => meets_prefix(name, value, prefix),
                Condition::Length(_) => true,
            })
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
    fn is_on(&self, field: &str) -> bool {
        match self {
            Self::Exact(name, _) | Self::StartsWith(name, _) => name.eq_ignore_ascii_case(field),
            Self::Length(_) => false,
        }
    }

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

impl fmt::Debug for PostPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("PostPolicy")
            .field("expiration", &self.expiration)
            .field("fields", &names)
            .finish_non_exhaustive()
    }
}

/// Returns true if the value of a field starts with a prefix. Each item of a list of types must.
pub(crate) fn meets_prefix(field: &str, value: &str, prefix: &str) -> bool {
    if field.eq_ignore_ascii_case("content-type") {
        let mut items = value.split(',').map(str::trim_start);
        return items.all(|item| item.starts_with(prefix));
    }
    value.starts_with(prefix)
}

/// The fields of a signed form, in order.
///
/// `Debug` shows only their names: anyone who has the values may upload.
#[derive(Clone)]
pub struct PostForm {
    fields: Vec<(String, String)>,
    expiration: Timestamp,
}

impl PostForm {
    /// Returns the hidden fields. They go before `file`, which must be the last one.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the value of one field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields()
            .find_map(|(n, value)| (n == name).then_some(value))
    }

    /// Returns when S3 stops accepting the form.
    ///
    /// That is the policy's expiration, seven days after signing, or the end of the credentials,
    /// whichever is earliest.
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

/// How long the signature of a form is valid: seven days, in seconds.
pub(crate) const SIGNATURE_LIFETIME: i64 = 7 * 86_400;

fn form_expiration(policy: Timestamp, credentials: &Credentials, at: Timestamp) -> Timestamp {
    let signature = at.plus_seconds(SIGNATURE_LIFETIME);
    let end = policy.min(signature);
    credentials.expiry().map_or(end, |expiry| end.min(expiry))
}
