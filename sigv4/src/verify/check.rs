//! What a verifier checks besides the form of a signature.

use alloc::string::String;

use ctutils::CtEq as _;

use super::{
    Verifier,
    presented::PresentedSignature,
    refusal::{ErrorKind, Refusal},
    scope::{ScopePart, WrongScope},
};
#[cfg(feature = "v4a")]
use crate::key::{V4A_ALGORITHM, string_to_sign_prefix};
use crate::{
    canonical::{self, CanonicalHeaders, Headers, Path, Selection, write_query},
    chunked::is_aws_chunked,
    codec::{hex, sink::Sink},
    credentials::Credentials,
    header_names::CONTENT_SHA256,
    payload::{self, ContentHash, Payload, UNSIGNED_PAYLOAD},
    request::Request,
    scope::TERMINATOR,
    timestamp::Timestamp,
};

impl Verifier {
    #[cfg(feature = "v4a")]
    pub(super) fn accepts_v4a(&self) -> bool {
        self.v4a.is_some()
    }

    #[cfg(not(feature = "v4a"))]
    pub(super) fn accepts_v4a(&self) -> bool {
        false
    }

    /// Returns true if this verifier's region is in the set.
    #[cfg(feature = "v4a")]
    fn is_in(&self, regions: &str) -> bool {
        let set = regions.parse::<crate::v4a::RegionSet>();
        set.is_ok_and(|set| set.contains(self.scope.region()))
    }

    #[cfg(not(feature = "v4a"))]
    fn is_in(&self, _regions: &str) -> bool {
        false
    }

    /// Checks that the scope is this verifier's, and its date that of the request.
    pub(super) fn check_scope(&self, presented: &PresentedSignature<'_>) -> Result<(), Refusal> {
        let suffix = match presented.regions {
            None => self.scope.suffix(),
            Some(_) => self.scope.suffix_without_region(),
        };
        let parts = presented.scope.as_bytes().split_at_checked(8);
        if parts == Some((presented.date.date_bytes(), suffix.as_bytes()))
            && presented.regions.as_ref().is_none_or(|set| self.is_in(set))
        {
            return Ok(());
        }
        Err(Refusal::wrong_scope(self.wrong_scope(presented)).presigned(presented.is_presigned))
    }

    /// Returns the first part of a scope that is not this verifier's. All parts are there: four, or
    /// three with SigV4a.
    fn wrong_scope(&self, presented: &PresentedSignature<'_>) -> WrongScope {
        let mut parts = presented.scope.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let date = next();
        let (region, is_here) = match &presented.regions {
            Some(set) => (&**set, self.is_in(set)),
            None => {
                let region = next();
                (region, region == self.scope.region())
            }
        };
        let (service, terminator) = (next(), next());
        if !is_here {
            WrongScope::new(ScopePart::Region, region, self.scope.region())
        } else if service != self.scope.service() {
            WrongScope::new(ScopePart::Service, service, self.scope.service())
        } else if terminator != TERMINATOR {
            WrongScope::new(ScopePart::Terminator, terminator, TERMINATOR)
        } else {
            WrongScope::new(ScopePart::Date, date, presented.date.as_str())
        }
    }

    /// Checks the time of signing, and the lifetime of a presigned URL.
    pub(super) fn check_time(
        &self,
        presented: &PresentedSignature<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let age = now.seconds_since(presented.at);
        if age < -self.skew {
            return Err(Refusal::too_early(presented.at, now, self.skew));
        }
        match presented.ttl {
            None if age > self.skew => Err(Refusal::too_late(presented.at, now, self.skew)),
            Some(ttl) if ttl > self.longest.as_secs() => {
                Err(Refusal::lifetime_too_long(self.longest))
            }
            Some(ttl) if age > i64::from(ttl) => Err(Refusal::url_expired(presented.at, ttl, now)),
            _ => Ok(()),
        }
    }

    /// Collects the signed headers, and checks that no header is unsigned that must be signed.
    pub(super) fn collect_signed<'a>(
        &self,
        headers: &mut Headers<'a>,
        request: &'a Request<'_>,
        presented: &PresentedSignature<'_>,
    ) -> Result<(), Refusal> {
        let names = presented.signed_headers.as_bytes();
        if !is_listed(names, b"host") {
            return Err(self.unsigned_headers(ErrorKind::HostUnsigned, request, names));
        }
        let selected = headers.select(request, names, |name| self.may_be_unsigned(name));
        selected.map_err(|selection| match selection {
            Selection::Unsorted | Selection::Missing => Refusal::new(ErrorKind::Mismatch),
            Selection::Unsigned => self.unsigned_headers(ErrorKind::HeaderUnsigned, request, names),
        })
    }

    /// Returns true if a header of this name could be added or changed on the way without harm.
    fn may_be_unsigned(&self, name: &[u8]) -> bool {
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if self.required.iter().any(|required| is(required)) {
            return false;
        }
        if canonical::begins(name, b"x-amz-") {
            // It can change what the request does. Two may be unsigned: the hash of the body is
            // checked on its own, and some rules send the token unsigned.
            return is(CONTENT_SHA256)
                || !self.rules.signs_token() && is(self.rules.token_header());
        }
        // S3 takes the hash of the body from no one but the signer.
        !(self.rules.presigns_unsigned() && is("content-md5"))
    }

    /// Names all headers of the request that should have been signed, in their order.
    fn unsigned_headers(&self, kind: ErrorKind, request: &Request<'_>, names: &[u8]) -> Refusal {
        let mut unsigned = String::new();
        let mut add = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if unsigned.split(", ").all(|other| other != name) {
                let separator = if unsigned.is_empty() { "" } else { ", " };
                unsigned.push_str(separator);
                unsigned.push_str(&name);
            }
        };
        if kind == ErrorKind::HostUnsigned {
            add(b"host");
        }
        request.for_each_header(|name, _| {
            if !self.may_be_unsigned(name) && !is_listed(names, name) {
                add(name);
            }
        });
        Refusal::unsigned_headers(kind, &unsigned)
    }

    /// Returns the last line of the canonical request, which stands for the body.
    pub(super) fn content<'a>(
        &self,
        request: &'a Request<'_>,
        presented: &PresentedSignature<'a>,
    ) -> Result<ContentHash<'a>, Refusal> {
        // Where the rules do not send `x-amz-content-sha256`, only a signer can say there that the
        // body is not signed, or signed in pieces.
        let declared = presented.content_sha256.filter(|declared| {
            self.rules.sends_content_sha256()
                || payload::is_name(declared)
                    && is_listed(
                        presented.signed_headers.as_bytes(),
                        CONTENT_SHA256.as_bytes(),
                    )
        });
        let body = ContentHash::new(request.body(), presented.content_sha256);
        let content = match declared {
            Some(declared) => ContentHash::Declared(declared),
            None if presented.is_presigned && self.rules.presigns_unsigned() => {
                ContentHash::Static(UNSIGNED_PAYLOAD)
            }
            None => body,
        };
        let ContentHash::Declared(declared) = content else {
            return Ok(content);
        };
        // Any other text would be signed, but never compared with the body.
        if !payload::stands_for_body(declared) {
            return Err(Refusal::content_hash(declared));
        }
        // S3 would store the framing as part of the object, and so refuses it. With a hash it
        // stores the body as it came.
        if declared == UNSIGNED_PAYLOAD.as_bytes()
            && self.rules.presigns_unsigned()
            && is_aws_chunked(request)
        {
            return Err(Refusal::new(ErrorKind::ContentEncoding));
        }
        let is_known = !matches!(request.body(), Payload::Declared);
        if is_known && !payload::is_name(declared) && declared != body.as_bytes() {
            return Err(Refusal::content_mismatch(declared, body.as_bytes()));
        }
        Ok(content)
    }

    /// Writes the canonical request, into a hash or as text.
    pub(super) fn write_canonical<S: Sink>(
        &self,
        sink: &mut S,
        request: &Request<'_>,
        presented: &PresentedSignature<'_>,
        headers: &Headers<'_>,
        content: &ContentHash<'_>,
    ) {
        let token = self.rules.token_parameter().as_bytes();
        let is_token_unsigned = presented.is_presigned && !self.rules.signs_token();
        let names = presented.signed_headers.as_bytes();
        let headers = CanonicalHeaders {
            block: headers,
            names,
        };
        let (method, path) = (request.method(), Path::Sent(request.path()));
        let content = content.as_bytes();
        canonical::write(sink, method, path, self.rules, headers, content, |sink| {
            write_query(sink, request.query(), |key| {
                key == b"X-Amz-Signature" || is_token_unsigned && key == token
            });
        });
    }

    /// Returns true if these credentials made the presented signature.
    #[cfg(feature = "v4a")]
    pub(super) fn matches(
        &self,
        presented: &PresentedSignature<'_>,
        credentials: &Credentials,
        hash: &[u8; 64],
    ) -> bool {
        let Some(keys) = self.v4a.as_ref().filter(|_| presented.regions.is_some()) else {
            return self.matches_v4(presented, credentials, hash);
        };
        let suffix = self.scope.suffix_without_region();
        let prefix = string_to_sign_prefix(V4A_ALGORITHM, &presented.date, suffix);
        let text = [prefix.as_slice(), hash].concat();
        let key = keys.get(credentials).map(|key| key.verifying_key());
        key.is_ok_and(|key| key.verify(&text, &presented.signature))
    }

    #[cfg(not(feature = "v4a"))]
    pub(super) fn matches(
        &self,
        presented: &PresentedSignature<'_>,
        credentials: &Credentials,
        hash: &[u8; 64],
    ) -> bool {
        self.matches_v4(presented, credentials, hash)
    }

    fn matches_v4(
        &self,
        presented: &PresentedSignature<'_>,
        credentials: &Credentials,
        hash: &[u8; 64],
    ) -> bool {
        let expected = self
            .keys
            .sign(credentials, &self.scope, &presented.date, hash);
        // In constant time: the time must not tell how many leading digits of a guess are right.
        hex::encode(&expected)
            .as_slice()
            .ct_eq(presented.signature.as_bytes())
            .into()
    }
}

/// Returns true if the list, in the form of `SignedHeaders`, has this name.
fn is_listed(names: &[u8], name: &[u8]) -> bool {
    names
        .split(|byte| *byte == b';')
        .any(|listed| listed.eq_ignore_ascii_case(name))
}

/// Checks that the request has the token of the credentials, and that they have not expired.
pub(super) fn check_token(
    presented: &PresentedSignature<'_>,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<(), Refusal> {
    let matches = match (credentials.session_token(), &presented.token) {
        (None, None) => true,
        (Some(expected), Some(token)) => expected.is_same(token),
        _ => false,
    };
    if !matches {
        return Err(Refusal::new(ErrorKind::Token));
    }
    if credentials.is_expired_at(now) {
        return Err(Refusal::new(ErrorKind::TokenExpired));
    }
    Ok(())
}
