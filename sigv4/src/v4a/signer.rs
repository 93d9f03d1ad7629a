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
/// Use it like [`crate::Signer`], and share it: it caches the derived keys of the credentials it
/// used last. Besides what `crate::Signer` refuses, its methods fail if no key follows from the
/// credentials, which has a chance of 1 in 2^8128.
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
#[derive(Clone)]
pub struct Signer {
    regions: RegionSet,
    /// The part of the scope after the date: `/s3/aws4_request`.
    suffix: String,
    rules: Rules,
    keys: Keys,
}

impl Signer {
    /// Returns a signer by the rules of the service, see [`Rules::for_service`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`], as [`Scope::new`](crate::Scope::new).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::v4a::Signer;
    /// let signer = Signer::new("us-east-1,eu-*".parse()?, "execute-api")?;
    /// assert!(signer.regions().contains("eu-west-1"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(regions: RegionSet, service: &str) -> Result<Self, Error> {
        Self::with_rules(regions, service, Rules::for_service(service))
    }

    /// Returns a signer for S3, such as for its multi-region access points, by [`Rules::S3`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::v4a::{RegionSet, Signer};
    /// let signer = Signer::s3(RegionSet::ALL);
    /// assert_eq!(signer.regions().as_str(), "*");
    /// ```
    pub fn s3(regions: RegionSet) -> Self {
        Self::unchecked(regions, "s3", Rules::S3)
    }

    /// Returns a signer that follows the given rules.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`], as [`Scope::new`](crate::Scope::new).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Rules, v4a::{RegionSet, Signer}};
    /// let signer = Signer::with_rules(RegionSet::ALL, "s3-object-lambda", Rules::S3)?;
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
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

    /// Returns the regions in which its signatures are valid.
    pub fn regions(&self) -> &RegionSet {
        &self.regions
    }

    /// Returns the rules it signs by.
    pub fn rules(&self) -> Rules {
        self.rules
    }

    /// Signs a request with an `Authorization` header, as [`crate::Signer::sign`].
    /// `x-amz-region-set` is among the headers.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`] if the pieces of the body are signed with another algorithm: those of
    /// event streams are signed with SigV4 only. [`ErrorKind::Host`] if the request has two `Host`
    /// headers that differ. [`ErrorKind::SecretAccessKey`], but never in practice: see [`Signer`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, v4a::{RegionSet, Signer}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let url = "https://example.mrap.accesspoint.s3-global.amazonaws.com/key";
    /// let request = Request::new("GET", url)?;
    /// let signature = Signer::s3(RegionSet::ALL).sign(&request, &credentials, now)?;
    /// assert!(signature.authorization().starts_with("AWS4-ECDSA-P256-SHA256 "));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn sign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Signature, Error> {
        let with = self.with(credentials)?;
        HeaderForm::new(self.rules, &with, request, credentials, at).sign(&with)
    }

    /// Signs a request with query parameters, as [`crate::Signer::presign`]. `X-Amz-Region-Set` is
    /// among them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Payload`] if the body is sent in pieces that the URL would have to announce, or
    /// that are signed with SigV4. Others as [`sign`](Self::sign).
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, Ttl, v4a::{RegionSet, Signer}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let url = "https://example.mrap.accesspoint.s3-global.amazonaws.com/key";
    /// let signer = Signer::s3(RegionSet::ALL);
    /// let url = signer.presign(&Request::new("GET", url)?, &credentials, now, Ttl::MAX)?;
    /// assert!(url.as_str().contains("&X-Amz-Region-Set=%2A&"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Result<Presigned, Error> {
        let with = self.with(credentials)?;
        QueryForm::new(self.rules, &with, request, credentials, at, ttl).sign(&with)
    }

    /// Returns every step of [`sign`](Self::sign), for people to read.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn explain(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Explanation, Error> {
        let with = self.with(credentials)?;
        HeaderForm::new(self.rules, &with, request, credentials, at).explain(&with)
    }

    /// Returns every step of [`presign`](Self::presign), for people to read.
    ///
    /// # Errors
    ///
    /// As [`presign`](Self::presign).
    pub fn explain_presign(
        &self,
        request: &Request<'_>,
        credentials: &Credentials,
        at: Timestamp,
        ttl: Ttl,
    ) -> Result<Explanation, Error> {
        let with = self.with(credentials)?;
        QueryForm::new(self.rules, &with, request, credentials, at, ttl).explain(&with)
    }

    /// Returns the key for these credentials, from the cache if it is there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SecretAccessKey`], but never in practice: see [`Signer`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, Request, v4a::{RegionSet, Signer}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let now = "20150830T123600Z".parse()?;
    /// let signer = Signer::s3(RegionSet::ALL);
    /// # let url = "https://example.mrap.accesspoint.s3-global.amazonaws.com/key";
    /// let steps = signer.explain(&Request::new("GET", url)?, &credentials, now)?;
    /// let public = signer.signing_key(&credentials)?.verifying_key();
    /// assert!(public.verify(steps.string_to_sign().as_bytes(), steps.signature()));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
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

/// A signer with its key.
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
