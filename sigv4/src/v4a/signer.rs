use alloc::{format, string::String, vec::Vec};
use core::fmt;

use super::{key::SigningKey, keys::Keys, region_set::RegionSet};
use crate::{
    canonical::Rules,
    credentials::Credentials,
    error::{Error, ErrorKind},
    key::{Algorithm, V4A_ALGORITHM, string_to_sign_prefix},
    request::Request,
    scope,
    sign::{Explanation, HeaderForm, Presigned, QueryForm, Signature, Ttl},
    timestamp::{AmzDate, Timestamp},
};

/// Signs requests to one service in a set of regions, with SigV4a.
///
/// Used as [`crate::Signer`], and shared like it: it remembers the derived keys of the credentials it saw last. Its
/// functions fail only when no key follows from the credentials, which has a chance of 1 to 2^8128.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Request, v4a::{RegionSet, Signer}};
/// let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let signer = Signer::s3(RegionSet::ALL);
/// let url = "https://example.mrap.accesspoint.s3-global.amazonaws.com/key";
/// let request = Request::new("GET", url)?;
/// let signature = signer.sign(&request, &credentials, "20150830T123600Z".parse()?)?;
/// assert!(signature.headers().any(|header| header == ("x-amz-region-set", "*")));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub struct Signer {
    regions: RegionSet,
    /// `/s3/aws4_request`: what follows the date in the scope.
    suffix: String,
    rules: Rules,
    keys: Keys,
}

impl Signer {
    /// By the rules of all services but the S3 family: [`Rules::GENERAL`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`] as [`Scope::new`](crate::Scope::new).
    pub fn new(regions: RegionSet, service: &str) -> Result<Self, Error> {
        Self::with_rules(regions, service, Rules::GENERAL)
    }

    /// For S3, such as its multi-region access points: [`Rules::S3`].
    pub fn s3(regions: RegionSet) -> Self {
        Self::unchecked(regions, "s3", Rules::S3)
    }

    /// By other rules.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`] as [`Scope::new`](crate::Scope::new).
    pub fn with_rules(regions: RegionSet, service: &str, rules: Rules) -> Result<Self, Error> {
        if !scope::is_part(service) {
            return Err(Error::new(ErrorKind::Service, service));
        }
        Ok(Self::unchecked(regions, service, rules))
    }

    fn unchecked(regions: RegionSet, service: &str, rules: Rules) -> Self {
        Self {
            regions,
            suffix: format!("/{service}/{}", scope::TERMINATOR),
            rules,
            keys: Keys::new(),
        }
    }

    /// Where its signatures are good.
    pub fn regions(&self) -> &RegionSet {
        &self.regions
    }

    /// The rules it signs by.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Signs with an `Authorization` header, and `x-amz-region-set` beside it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see the type.
    pub fn sign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Signature, Error> {
        let with = self.with(credentials)?;
        Ok(HeaderForm::new(self.rules, &with, request, credentials, at).sign(&with))
    }

    /// Signs with query parameters, `X-Amz-Region-Set` among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see the type.
    pub fn presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Result<Presigned, Error> {
        let with = self.with(credentials)?;
        Ok(QueryForm::new(self.rules, &with, request, credentials, at, ttl).sign(&with))
    }

    /// What [`sign`](Self::sign) does, step by step: slower, for people to read.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see the type.
    pub fn explain(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Explanation, Error> {
        let with = self.with(credentials)?;
        Ok(HeaderForm::new(self.rules, &with, request, credentials, at).explain(&with))
    }

    /// What [`presign`](Self::presign) does, step by step.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see the type.
    pub fn explain_presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Result<Explanation, Error> {
        let with = self.with(credentials)?;
        Ok(QueryForm::new(self.rules, &with, request, credentials, at, ttl).explain(&with))
    }

    /// The key that it signs with for these credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], never in practice: see the type.
    pub fn signing_key(&self, credentials: &Credentials) -> Result<SigningKey, Error> {
        self.keys.get(credentials)
    }

    pub(crate) fn suffix(&self) -> &str {
        &self.suffix
    }

    pub(crate) fn with(&self, credentials: &Credentials) -> Result<WithKey<'_>, Error> {
        let key = self.keys.get(credentials)?;
        Ok(WithKey { signer: self, key })
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("regions", &self.regions)
            .field("scope", &&self.suffix[1..])
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// A signer that has found its key, so that nothing can fail any more.
pub(crate) struct WithKey<'a> {
    signer: &'a Signer,
    key: SigningKey,
}

impl Algorithm for WithKey<'_> {
    const NAME: &'static str = V4A_ALGORITHM;
    const MAX_SIGNATURE: usize = 144;

    fn suffix(&self) -> &str {
        &self.signer.suffix
    }

    fn regions(&self) -> Option<&str> {
        Some(self.signer.regions.as_str())
    }

    fn sign_line(&self, _: &Credentials, date: &AmzDate, last: &[u8; 64], out: &mut Vec<u8>) {
        let prefix = string_to_sign_prefix(V4A_ALGORITHM, date, &self.signer.suffix);
        let text = [prefix.as_slice(), last].concat();
        out.extend_from_slice(self.key.sign(&text).as_bytes());
    }
}
