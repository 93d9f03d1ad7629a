//! Browser uploads by a form with a signed policy: the server's side of
//! [`post_policy`](crate::post_policy).

mod json;
mod policy;

use alloc::{collections::BTreeSet, format};
use core::fmt;

use ctutils::CtEq as _;

use policy::Policy;

use super::{
    Verifier,
    check::check_token,
    error::Error,
    presented::PresentedSignature,
    refusal::{ErrorKind, Refusal},
};
use crate::{
    credentials::Credentials, key::SigningKey, post_policy::SIGNATURE_LIFETIME, secret::Secret,
    timestamp::Timestamp,
};

/// The signature of a form, before it is verified.
///
/// Made by [`Verifier::claim_post`]. Everything in it comes from the client: until
/// [`verify`](Self::verify) succeeds, use it only to find the key.
pub struct PostClaim<'a> {
    verifier: &'a Verifier,
    bucket: &'a str,
    fields: &'a [(&'a str, &'a str)],
    policy: &'a str,
    presented: PresentedSignature<'a>,
}

/// A form whose signature was verified, and whose fields meet its policy.
#[derive(Clone)]
pub struct VerifiedPost {
    credentials: Credentials,
    least: u64,
    most: u64,
    dialect: super::Dialect,
}

impl Verifier {
    /// Reads the signature of a form that a browser posts to S3.
    ///
    /// `bucket` is the one that the request is sent to, and `fields` are all fields of the form
    /// before `file`, as they were received. [`PostClaim::verify`] then verifies the signature and
    /// the policy.
    ///
    /// # Errors
    ///
    /// [`Error`], as [`verify`](Self::verify); [`ErrorKind::NoSignature`] if the form has no
    /// policy; [`ErrorKind::PostField`] if it has no key, or a field twice.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Signer, Timestamp, post_policy::PostPolicy};
    /// # use keyfob_sigv4::verify::Verifier;
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now: Timestamp = "20260101T000000Z".parse()?;
    /// # let form = PostPolicy::new(now.plus_seconds(600))
    /// #     .bucket("examplebucket")
    /// #     .field("key", "a.png")
    /// #     .content_length(1..=1000)
    /// #     .sign(&Signer::s3("eu-west-1")?, &credentials, now)?;
    /// # let fields: Vec<_> = form.fields().collect();
    /// // `fields` were received in a POST to `examplebucket`.
    /// let verifier = Verifier::s3("eu-west-1")?;
    /// let claim = verifier.claim_post("examplebucket", &fields)?;
    /// assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
    /// let verified = claim.verify(&credentials, now)?;
    /// verified.check_length(1000)?;
    /// assert_eq!(verified.check_length(1001).unwrap_err().code(), "EntityTooLarge");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn claim_post<'a>(
        &'a self,
        bucket: &'a str,
        fields: &'a [(&'a str, &'a str)],
    ) -> Result<PostClaim<'a>, Error> {
        self.read_post(bucket, fields)
            .map_err(|refusal| Error::new(refusal, self.dialect))
    }

    fn read_post<'a>(
        &'a self,
        bucket: &'a str,
        fields: &'a [(&'a str, &'a str)],
    ) -> Result<PostClaim<'a>, Refusal> {
        check_names(fields)?;
        let policy = find_field(fields, "policy").ok_or(Refusal::new(ErrorKind::NoSignature))?;
        let token = find_field(fields, self.rules.token_header());
        let required = |name: &str| {
            find_field(fields, name).ok_or_else(|| {
                let text = format!("Bucket POST must contain a field named '{name}'.");
                Refusal::with_text(ErrorKind::PostField, text)
            })
        };
        let presented = PresentedSignature::from_form(
            required("x-amz-algorithm")?,
            required("x-amz-credential")?,
            required("x-amz-date")?,
            required("x-amz-signature")?,
            token.map(Secret::new),
        )?;
        required("key")?;
        Ok(PostClaim {
            verifier: self,
            bucket,
            fields,
            policy,
            presented,
        })
    }
}

impl PostClaim<'_> {
    /// Returns the access key id of the claimed signer.
    pub fn access_key_id(&self) -> &str {
        &self.presented.access_key_id
    }

    /// Returns the credential scope, such as `20260101/eu-west-1/s3/aws4_request`.
    pub fn scope(&self) -> &str {
        &self.presented.scope
    }

    /// Verifies the signature with the credentials of the [access key id](Self::access_key_id), or
    /// `None` if there are none, and checks that the form meets its policy.
    ///
    /// A form is valid from 15 minutes (the verifier's skew) before it was signed, until its policy
    /// expires, and for at most seven days.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`]; [`ErrorKind::PolicyDocument`] if the policy cannot be read;
    /// [`ErrorKind::Policy`] if it has expired, a condition is not met, or a field has none.
    pub fn verify<'c>(
        &self,
        credentials: impl Into<Option<&'c Credentials>>,
        now: Timestamp,
    ) -> Result<VerifiedPost, Error> {
        self.check(credentials.into(), now)
            .map_err(|refusal| Error::new(refusal, self.verifier.dialect))
    }

    fn check(&self, known: Option<&Credentials>, now: Timestamp) -> Result<VerifiedPost, Refusal> {
        let (verifier, presented) = (self.verifier, &self.presented);
        verifier.check_scope(presented)?;
        verifier.check_time_of_post(presented.at, now)?;
        let known_or_dummy = known.unwrap_or(&verifier.dummy);
        // Unlike elsewhere, the string to sign is the policy itself, as it is sent.
        let key = SigningKey::derive(known_or_dummy, &verifier.scope, presented.at);
        let signature = key.sign(self.policy.as_bytes());
        let matches: bool = signature
            .as_bytes()
            .ct_eq(presented.signature.as_bytes())
            .into();
        let credentials = known.ok_or_else(|| Refusal::unknown_key(self.access_key_id()))?;
        check_token(presented, credentials, now)?;
        if !matches {
            return Err(Refusal::new(ErrorKind::Mismatch));
        }
        // Only a policy that was signed is read.
        let policy = Policy::parse(self.policy)?;
        policy.check(self.bucket, self.fields, now)?;
        let (least, most) = policy.lengths();
        Ok(VerifiedPost {
            credentials: credentials.clone(),
            least,
            most,
            dialect: verifier.dialect,
        })
    }
}

impl Verifier {
    fn check_time_of_post(&self, at: Timestamp, now: Timestamp) -> Result<(), Refusal> {
        let age = now.seconds_since(at);
        if age < -self.skew {
            return Err(Refusal::too_early(at, now, self.skew));
        }
        if age > SIGNATURE_LIFETIME {
            let text = "Invalid according to Policy: Policy expired.";
            return Err(Refusal::with_text(ErrorKind::Policy, text));
        }
        Ok(())
    }
}

impl VerifiedPost {
    /// Returns the access key id of the signer.
    pub fn access_key_id(&self) -> &str {
        self.credentials.access_key_id()
    }

    /// Returns the credentials that the form was verified with.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the longest file in bytes that the policy allows, to stop reading after it.
    pub fn max_length(&self) -> u64 {
        self.most
    }

    /// Checks the length of the file in bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PolicyMaxLength`] or [`ErrorKind::PolicyMinLength`] if the policy does not
    /// allow it.
    pub fn check_length(&self, bytes: u64) -> Result<(), Error> {
        let refusal = if bytes > self.most {
            Refusal::too_long(bytes, self.most)
        } else if bytes < self.least {
            Refusal::too_short(bytes, self.least)
        } else {
            return Ok(());
        };
        Err(Error::new(refusal, self.dialect))
    }
}

/// Refuses a form that repeats a field, in any case: its policy and the application could read
/// different values.
fn check_names(fields: &[(&str, &str)]) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    for (name, _) in fields {
        if !names.insert(name.to_ascii_lowercase()) {
            let text = format!("Bucket POST must contain exactly one field named '{name}'.");
            return Err(Refusal::with_text(ErrorKind::PostField, text));
        }
    }
    Ok(())
}

/// Returns the value of a field.
fn find_field<'a>(fields: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find_map(|(other, value)| other.eq_ignore_ascii_case(name).then_some(*value))
}

impl fmt::Debug for PostClaim<'_> {
    /// Shows neither the fields nor the policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostClaim")
            .field("access_key_id", &self.access_key_id())
            .field("scope", &self.scope())
            .field("bucket", &self.bucket)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for VerifiedPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedPost")
            .field("access_key_id", &self.access_key_id())
            .field("least", &self.least)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
