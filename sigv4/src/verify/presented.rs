use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
};

use super::refusal::{ErrorKind, Refusal};
use crate::{
    canonical::Rules,
    codec::{percent, scan},
    header_names::{CONTENT_SHA256, DATE, REGION_SET},
    key::{ALGORITHM, V4A_ALGORITHM},
    request::Request,
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

/// The signature that a request presents, by header or by query, with everything it states.
pub(super) struct PresentedSignature<'a> {
    pub(super) access_key_id: Cow<'a, str>,
    /// `20150830/us-east-1/iam/aws4_request`; without the region for SigV4a.
    pub(super) scope: Cow<'a, str>,
    pub(super) signed_headers: Cow<'a, str>,
    /// Not yet checked for its form.
    pub(super) signature: Cow<'a, str>,
    /// The set of regions; `Some` for SigV4a only.
    pub(super) regions: Option<Cow<'a, str>>,
    pub(super) at: Timestamp,
    pub(super) date: AmzDate,
    /// The lifetime of a presigned URL in seconds.
    pub(super) ttl: Option<u32>,
    pub(super) token: Option<Secret>,
    /// The value of `x-amz-content-sha256`.
    pub(super) content_sha256: Option<&'a [u8]>,
    /// True if the signature was in the query.
    pub(super) is_presigned: bool,
}

impl<'a> PresentedSignature<'a> {
    /// Reads the signature of a request. SigV4a is an unknown algorithm unless `accepts_v4a`.
    pub(super) fn from_request(
        request: &'a Request<'_>,
        rules: Rules,
        accepts_v4a: bool,
    ) -> Result<Self, Refusal> {
        let headers = SignatureHeaders::from_request(request, rules)?;
        let query = SignatureParameters::parse(request.query())?;
        // Other services may have parameters of these names.
        let is_v2 = query.is_v2() && rules.presigns_unsigned();
        let mut presented = match (headers.authorization, query.is_signed() || is_v2) {
            (None, false) => Err(Refusal::new(ErrorKind::NoSignature)),
            // With two signatures, signer and server could look at different ones.
            (Some(_), true) => Err(Refusal::new(ErrorKind::TwoSignatures)),
            (None, true) if is_v2 && !query.is_signed() => Err(Refusal::new(ErrorKind::Mechanism)),
            (Some(value), false) => Self::from_headers(value, &headers, accepts_v4a),
            (None, true) => Self::from_query(query, rules, accepts_v4a)
                .map_err(|refusal| refusal.presigned(true)),
        }?;
        presented.content_sha256 = headers.content_sha256;
        Ok(presented)
    }

    fn from_headers(
        authorization: &'a [u8],
        headers: &SignatureHeaders<'a>,
        accepts_v4a: bool,
    ) -> Result<Self, Refusal> {
        let malformed = |text: &str| Refusal::with_text(ErrorKind::Malformed, text);
        let authorization = core::str::from_utf8(authorization)
            .map_err(|_| malformed("Authorization header is not valid UTF-8."))?;
        let (algorithm, rest) = split_once(authorization, b' ').unwrap_or((authorization, ""));
        let is_v4a = accepts_v4a && algorithm == V4A_ALGORITHM;
        if algorithm != ALGORITHM && !is_v4a {
            return Err(Refusal::new(ErrorKind::Mechanism));
        }
        let [credential, signed_headers, signature] = authorization_parts(rest)?;
        let date = headers.amz_date.or(headers.date).ok_or_else(|| {
            malformed("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
        })?;
        let (date, at) = parse_date(date)?;
        let (access_key_id, scope) = split_credential(credential, is_v4a)?;
        Ok(Self {
            access_key_id: access_key_id.into(),
            scope: scope.into(),
            signed_headers: signed_headers.into(),
            signature: signature.into(),
            regions: regions(is_v4a, headers.regions.map(String::from_utf8_lossy))?,
            at,
            date,
            ttl: None,
            token: headers
                .token
                .map(|token| Secret::new(String::from_utf8_lossy(token))),
            content_sha256: None,
            is_presigned: false,
        })
    }

    /// Reads the signature of a form, whose policy is signed instead of a canonical request.
    pub(super) fn from_form(
        algorithm: &str,
        credential: &'a str,
        date: &str,
        signature: &'a str,
        token: Option<Secret>,
    ) -> Result<Self, Refusal> {
        if algorithm != ALGORITHM {
            return Err(Refusal::new(ErrorKind::Mechanism));
        }
        let (date, at) = parse_date(date.as_bytes())?;
        let (access_key_id, scope) = split_credential(credential, false)?;
        Ok(Self {
            access_key_id: access_key_id.into(),
            scope: scope.into(),
            signed_headers: "".into(),
            signature: signature.into(),
            regions: None,
            at,
            date,
            ttl: None,
            token,
            content_sha256: None,
            is_presigned: false,
        })
    }

    fn from_query(
        query: SignatureParameters,
        rules: Rules,
        accepts_v4a: bool,
    ) -> Result<Self, Refusal> {
        let algorithm = query.algorithm.as_deref();
        let is_v4a = accepts_v4a && algorithm == Some(V4A_ALGORITHM);
        if algorithm != Some(ALGORITHM) && !is_v4a {
            return Err(Refusal::with_text(
                ErrorKind::BadParameters,
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"",
            ));
        }
        let credential = required(query.credential, "X-Amz-Credential")?;
        let (access_key_id, scope) = split_credential(&credential, is_v4a)?;
        let (date, at) = parse_date(required(query.date, "X-Amz-Date")?.as_bytes())?;
        let ttl = match query.expires {
            Some(text) => Some(parse_expires(&text)?),
            None if rules.requires_lifetime() => return required(None, "X-Amz-Expires"),
            None => None,
        };
        Ok(Self {
            access_key_id: access_key_id.to_string().into(),
            scope: scope.to_string().into(),
            signed_headers: required(query.signed_headers, "X-Amz-SignedHeaders")?.into(),
            signature: required(query.signature, "X-Amz-Signature")?.into(),
            regions: regions(is_v4a, query.regions.map(Cow::Owned))?,
            at,
            date,
            ttl,
            token: query
                .token
                .filter(|token| !token.is_empty())
                .map(Secret::new),
            content_sha256: None,
            is_presigned: true,
        })
    }
}

/// The headers that belong to a signature, found in one pass.
#[derive(Default)]
struct SignatureHeaders<'a> {
    host: Option<&'a [u8]>,
    authorization: Option<&'a [u8]>,
    amz_date: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
    content_sha256: Option<&'a [u8]>,
    regions: Option<&'a [u8]>,
}

impl<'a> SignatureHeaders<'a> {
    fn from_request(request: &'a Request<'_>, rules: Rules) -> Result<Self, Refusal> {
        let token = rules.token_header();
        let mut found = Self::default();
        let mut repeated = None;
        request.for_each_header(|name, value| {
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            // The length decides first: most headers match none of them.
            let slot = match name.len() {
                4 if is("date") => &mut found.date,
                4 if is("host") => &mut found.host,
                10 if is(DATE) => &mut found.amz_date,
                13 if is("authorization") => &mut found.authorization,
                16 if is(REGION_SET) => &mut found.regions,
                20 if is(CONTENT_SHA256) => &mut found.content_sha256,
                20 | 21 if is(token) => &mut found.token,
                _ => return,
            };
            if slot.replace(value.trim_ascii()).is_some() {
                repeated = Some(name);
            }
        });
        // Of a repeated header, signer and server could read different values.
        if let Some(name) = repeated {
            let kind = if name.eq_ignore_ascii_case(b"host") {
                ErrorKind::Host
            } else {
                ErrorKind::Malformed
            };
            let name = String::from_utf8_lossy(name);
            let text = format!("the header {name} must appear only once");
            return Err(Refusal::with_text(kind, text));
        }
        // The signature covers `Host`, but the application sees the authority of the target.
        // Source: RFC 9112, section 3.2.2; RFC 9113, section 8.3.1.
        if found.host.is_some_and(|host| !request.is_host(host)) {
            let text = "the authority of the request target and the header Host must be the same";
            return Err(Refusal::with_text(ErrorKind::Host, text));
        }
        Ok(found)
    }
}

/// The parameters of a presigned URL that belong to its signature, decoded.
#[derive(Default)]
struct SignatureParameters {
    algorithm: Option<String>,
    credential: Option<String>,
    date: Option<String>,
    expires: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
    token: Option<String>,
    regions: Option<String>,
    has_v2_key: bool,
    has_v2_signature: bool,
}

impl SignatureParameters {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut found = Self::default();
        let mut rest = query;
        while !rest.is_empty() {
            let piece;
            (piece, rest) = split_once(rest, b'&').unwrap_or((rest, ""));
            // All names start with `X`, bare or escaped; others are not worth decoding.
            if matches!(piece.as_bytes(), [b'X' | b'%', ..]) {
                found.add(piece)?;
            }
            found.has_v2_key |= piece.starts_with("AWSAccessKeyId=");
            found.has_v2_signature |= piece.starts_with("Signature=");
        }
        Ok(found)
    }

    /// Stores the value of `key=value` if the key belongs to a signature.
    fn add(&mut self, piece: &str) -> Result<(), Refusal> {
        let (name, value) = split_once(piece, b'=').unwrap_or((piece, ""));
        // The canonical query decodes names too, so an escaped name is the same parameter.
        let key = percent::decoded(name.as_bytes());
        let Some(slot) = self.slot(key.as_bytes()) else {
            return Ok(());
        };
        if slot.replace(percent::decoded(value.as_bytes())).is_some() {
            let text = format!("the query parameter {key} must appear only once");
            return Err(Refusal::with_text(ErrorKind::BadParameters, text));
        }
        Ok(())
    }

    fn slot(&mut self, key: &[u8]) -> Option<&mut Option<String>> {
        Some(match key {
            b"X-Amz-Algorithm" => &mut self.algorithm,
            b"X-Amz-Credential" => &mut self.credential,
            b"X-Amz-Date" => &mut self.date,
            b"X-Amz-Expires" => &mut self.expires,
            b"X-Amz-SignedHeaders" => &mut self.signed_headers,
            b"X-Amz-Signature" => &mut self.signature,
            b"X-Amz-Region-Set" => &mut self.regions,
            b"X-Amz-Security-Token" | b"X-Amz-S3session-Token" => &mut self.token,
            _ => return None,
        })
    }

    fn is_signed(&self) -> bool {
        self.algorithm.is_some() || self.signature.is_some()
    }

    /// Returns true for a URL that is presigned with Signature Version 2.
    fn is_v2(&self) -> bool {
        self.has_v2_key && self.has_v2_signature
    }
}

/// Returns the value of a required query parameter.
fn required<T>(value: Option<T>, name: &str) -> Result<T, Refusal> {
    value.ok_or_else(|| {
        let text = format!("Query-string authentication requires the parameter {name}");
        Refusal::with_text(ErrorKind::BadParameters, text)
    })
}

/// Returns `Credential`, `SignedHeaders` and `Signature` of an `Authorization` header, which may
/// come in any order.
fn authorization_parts(text: &str) -> Result<[&str; 3], Refusal> {
    let names = ["Credential", "SignedHeaders", "Signature"];
    let mut values = [None; 3];
    let mut rest = text;
    while !rest.is_empty() {
        let part;
        (part, rest) = split_once(rest, b',').unwrap_or((rest, ""));
        let (name, value) = split_once(part.trim_ascii(), b'=').unwrap_or_default();
        if let Some(index) = names.iter().position(|known| *known == name)
            && values[index].replace(value).is_some()
        {
            let text = format!("Authorization header has more than one '{name}'.");
            return Err(Refusal::with_text(ErrorKind::Malformed, text));
        }
    }
    if let [Some(credential), Some(signed_headers), Some(signature)] = values {
        return Ok([credential, signed_headers, signature]);
    }
    let mut text = String::new();
    for (name, value) in names.iter().zip(values) {
        if value.is_none() {
            text.push_str(&format!(
                "Authorization header requires '{name}' parameter. "
            ));
        }
    }
    Err(Refusal::with_text(ErrorKind::Malformed, text.trim_end()))
}

/// Returns the set of regions for SigV4a, which requires one; SigV4 ignores it.
fn regions(is_v4a: bool, set: Option<Cow<'_, str>>) -> Result<Option<Cow<'_, str>>, Refusal> {
    if is_v4a && set.is_none() {
        return Err(Refusal::with_text(
            ErrorKind::Malformed,
            "AWS4-ECDSA-P256-SHA256 requires a region set, X-Amz-Region-Set",
        ));
    }
    Ok(set.filter(|_| is_v4a))
}

/// Returns the key id and the scope. Key ids hold no slash; the scope of SigV4a holds no region.
fn split_credential(credential: &str, is_v4a: bool) -> Result<(&str, &str), Refusal> {
    let (count, example) = if is_v4a {
        (4, "keyid/date/service/term")
    } else {
        (5, "keyid/date/region/service/term")
    };
    let slashes = |scope: &str| scope.bytes().filter(|byte| *byte == b'/').count();
    split_once(credential, b'/')
        .filter(|(id, scope)| !id.is_empty() && slashes(scope) == count - 2)
        .ok_or_else(|| {
            let text = format!(
                "Credential must have exactly {count} slash-delimited elements, e.g. {example}, got '{credential}'"
            );
            Refusal::with_text(ErrorKind::Malformed, text)
        })
}

/// Parses the time of signing, which must have the form that goes into the string to sign.
fn parse_date(text: &[u8]) -> Result<(AmzDate, Timestamp), Refusal> {
    AmzDate::parse(text).ok_or_else(|| {
        let got = String::from_utf8_lossy(text);
        let text = format!("Date must be in ISO-8601 'basic format'. Got '{got}'.");
        Refusal::with_text(ErrorKind::Malformed, text)
    })
}

/// Parses the seconds of `X-Amz-Expires`. A number too large for a `u32` is `u32::MAX`, which the
/// limit of the verifier refuses.
fn parse_expires(text: &str) -> Result<u32, Refusal> {
    let refused = |text: &str| Refusal::with_text(ErrorKind::BadParameters, text);
    // `str::parse` would accept a sign.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(refused("X-Amz-Expires should be a number"));
    }
    match text.parse() {
        Ok(0) => Err(refused("X-Amz-Expires must be positive")),
        Ok(seconds) => Ok(seconds),
        Err(_) => Ok(u32::MAX),
    }
}

/// As [`str::split_once`], with the faster search of [`scan`].
fn split_once(text: &str, at: u8) -> Option<(&str, &str)> {
    let index = scan::find(text.as_bytes(), at)?;
    Some((&text[..index], &text[index + 1..]))
}
