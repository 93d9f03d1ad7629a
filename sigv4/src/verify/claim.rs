use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
};

use super::error::{Error, ErrorKind};
use crate::{
    canonical::Rules,
    codec::{percent, scan},
    header_names::{CONTENT_SHA256, DATE, REGION_SET},
    key::{ALGORITHM, V4A_ALGORITHM},
    request::Request,
    secret::Secret,
    timestamp::{AmzDate, Timestamp},
};

/// What a request says of its signature, in either form.
pub(super) struct Claim<'a> {
    pub(super) access_key_id: Cow<'a, str>,
    /// `20150830/us-east-1/iam/aws4_request`.
    pub(super) scope: Cow<'a, str>,
    pub(super) signed_headers: Cow<'a, str>,
    /// 64 lower-case digits, if it can be right at all; with SigV4a up to 144.
    pub(super) signature: Cow<'a, str>,
    /// The set of regions, with SigV4a and only then.
    pub(super) regions: Option<Cow<'a, str>>,
    pub(super) at: Timestamp,
    pub(super) date: AmzDate,
    /// Seconds that a presigned URL is good for.
    pub(super) ttl: Option<u32>,
    pub(super) token: Option<Secret>,
    /// The value of `x-amz-content-sha256`.
    pub(super) content_sha256: Option<&'a [u8]>,
    pub(super) is_presigned: bool,
}

impl<'a> Claim<'a> {
    /// Without `v4a`, that algorithm is refused as unknown.
    pub(super) fn of(request: &'a Request<'_>, rules: Rules, v4a: bool) -> Result<Self, Error> {
        let headers = SignatureHeaders::of(request, rules)?;
        let query = Parameters::of(request.query())?;
        let mut claim = match (headers.authorization, query.is_signed()) {
            (None, false) => Err(Error::new(ErrorKind::NoSignature)),
            (Some(_), true) => Err(Error::saying(ErrorKind::Malformed, TWO_FORMS.to_string())),
            (Some(value), false) => Self::of_header(value, &headers, v4a),
            (None, true) => Self::of_query(query, rules, v4a).map_err(Error::of_query),
        }?;
        claim.content_sha256 = headers.content_sha256;
        Ok(claim)
    }

    fn of_header(
        value: &'a [u8],
        headers: &SignatureHeaders<'a>,
        v4a: bool,
    ) -> Result<Self, Error> {
        let value = core::str::from_utf8(value).map_err(|_| {
            let text = "Authorization header is not valid UTF-8.";
            Error::saying(ErrorKind::Malformed, text.to_string())
        })?;
        let (algorithm, rest) = cut(value, b' ').unwrap_or((value, ""));
        let is_v4a = v4a && algorithm == V4A_ALGORITHM;
        if algorithm != ALGORITHM && !is_v4a {
            return Err(Error::saying(
                ErrorKind::Malformed,
                "Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is supported.".to_string(),
            ));
        }
        let [credential, signed_headers, signature] = authorization_parts(rest)?;
        let date = headers.amz_date.or(headers.date);
        let (date, at) = moment(date.ok_or_else(|| {
            let text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
            Error::saying(ErrorKind::Malformed, text.to_string())
        })?)?;
        let (access_key_id, scope) = credential_parts(credential, is_v4a)?;
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

    fn of_query(query: Parameters, rules: Rules, v4a: bool) -> Result<Self, Error> {
        let needed = |value: Option<String>, name| {
            value.ok_or_else(|| Error::saying(ErrorKind::BadParameters, missing(name)))
        };
        let algorithm = query.algorithm.as_deref();
        let is_v4a = v4a && algorithm == Some(V4A_ALGORITHM);
        if algorithm != Some(ALGORITHM) && !is_v4a {
            return Err(Error::saying(
                ErrorKind::BadParameters,
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"".to_string(),
            ));
        }
        let credential = needed(query.credential, "X-Amz-Credential")?;
        let (access_key_id, scope) = credential_parts(&credential, is_v4a)?;
        let (date, at) = moment(needed(query.date, "X-Amz-Date")?.as_bytes())?;
        let ttl = match query.expires {
            Some(text) => Some(seconds(&text)?),
            None if rules.presigns_unsigned() => {
                return Err(Error::saying(
                    ErrorKind::BadParameters,
                    missing("X-Amz-Expires"),
                ));
            }
            None => None,
        };
        Ok(Self {
            access_key_id: access_key_id.to_string().into(),
            scope: scope.to_string().into(),
            signed_headers: needed(query.signed_headers, "X-Amz-SignedHeaders")?.into(),
            signature: needed(query.signature, "X-Amz-Signature")?.into(),
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

const TWO_FORMS: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";

/// The headers that speak of a signature, found in one pass.
#[derive(Default)]
struct SignatureHeaders<'a> {
    authorization: Option<&'a [u8]>,
    amz_date: Option<&'a [u8]>,
    date: Option<&'a [u8]>,
    token: Option<&'a [u8]>,
    content_sha256: Option<&'a [u8]>,
    regions: Option<&'a [u8]>,
}

impl<'a> SignatureHeaders<'a> {
    /// Each may be there once: of two, signer and server could read different ones.
    fn of(request: &'a Request<'_>, rules: Rules) -> Result<Self, Error> {
        let token = rules.token_header();
        let (mut found, mut repeated) = (Self::default(), None);
        request.for_each_header(|name, value| {
            let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
            let slot = match name.len() {
                4 if is("date") => &mut found.date,
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
        match repeated {
            None => Ok(found),
            Some(name) => {
                let name = String::from_utf8_lossy(name);
                let text = format!("the header {name} may be there only once");
                Err(Error::saying(ErrorKind::Malformed, text))
            }
        }
    }
}

/// The parameters of a presigned URL, decoded.
#[derive(Default)]
struct Parameters {
    algorithm: Option<String>,
    credential: Option<String>,
    date: Option<String>,
    expires: Option<String>,
    signed_headers: Option<String>,
    signature: Option<String>,
    token: Option<String>,
    regions: Option<String>,
}

impl Parameters {
    /// As headers, each may be there once. The canonical query decodes the names, so an escaped one is the same name.
    fn of(query: &str) -> Result<Self, Error> {
        let mut found = Self::default();
        let mut rest = query;
        while !rest.is_empty() {
            let piece;
            (piece, rest) = cut(rest, b'&').unwrap_or((rest, ""));
            if matches!(piece.as_bytes(), [b'X' | b'%', ..]) {
                found.add(piece)?;
            }
        }
        Ok(found)
    }

    /// Adds `key=value` if the key is one of a signature's.
    fn add(&mut self, piece: &str) -> Result<(), Error> {
        let (key, value) = cut(piece, b'=').unwrap_or((piece, ""));
        let key = percent::decoded(key.as_bytes());
        let Some(slot) = self.slot(key.as_bytes()) else {
            return Ok(());
        };
        match slot.replace(percent::decoded(value.as_bytes())) {
            None => Ok(()),
            Some(_) => {
                let text = format!("the query parameter {key} may be there only once");
                Err(Error::saying(ErrorKind::BadParameters, text))
            }
        }
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
}

/// `Credential`, `SignedHeaders` and `Signature` of an `Authorization` header, in any order.
fn authorization_parts(text: &str) -> Result<[&str; 3], Error> {
    let names = ["Credential", "SignedHeaders", "Signature"];
    let mut values = [None; 3];
    let mut rest = text;
    while !rest.is_empty() {
        let part;
        (part, rest) = cut(rest, b',').unwrap_or((rest, ""));
        let (name, value) = cut(part.trim_ascii(), b'=').unwrap_or_default();
        if let Some(index) = names.iter().position(|known| *known == name)
            && values[index].replace(value).is_some()
        {
            let text = format!("Authorization header has more than one '{name}'.");
            return Err(Error::saying(ErrorKind::Malformed, text));
        }
    }
    if let [Some(credential), Some(signed_headers), Some(signature)] = values {
        return Ok([credential, signed_headers, signature]);
    }
    let mut text = String::new();
    for (name, _) in names
        .iter()
        .zip(values)
        .filter(|(_, value)| value.is_none())
    {
        text.push_str(&format!(
            "Authorization header requires '{name}' parameter. "
        ));
    }
    Err(Error::saying(
        ErrorKind::Malformed,
        text.trim_end().to_string(),
    ))
}

/// The set of regions, which SigV4a needs and SigV4 has no use for.
fn regions(is_v4a: bool, set: Option<Cow<'_, str>>) -> Result<Option<Cow<'_, str>>, Error> {
    if is_v4a && set.is_none() {
        let text = "AWS4-ECDSA-P256-SHA256 requires a region set, X-Amz-Region-Set";
        return Err(Error::saying(ErrorKind::Malformed, text.to_string()));
    }
    Ok(set.filter(|_| is_v4a))
}

/// The key id and the scope: cut at the first slash, as no id has one. The scope of SigV4a has no region.
fn credential_parts(credential: &str, is_v4a: bool) -> Result<(&str, &str), Error> {
    let (count, example) = match is_v4a {
        true => (4, "keyid/date/service/term"),
        false => (5, "keyid/date/region/service/term"),
    };
    let slashes = |scope: &str| scope.bytes().filter(|byte| *byte == b'/').count();
    cut(credential, b'/')
        .filter(|(id, scope)| !id.is_empty() && slashes(scope) == count - 2)
        .ok_or_else(|| {
            let text = format!(
                "Credential must have exactly {count} slash-delimited elements, e.g. {example}, got '{credential}'"
            );
            Error::saying(ErrorKind::Malformed, text)
        })
}

/// The moment of signing must be written the one way that goes into the string to sign.
fn moment(text: &[u8]) -> Result<(AmzDate, Timestamp), Error> {
    AmzDate::parse(text).ok_or_else(|| {
        let text = String::from_utf8_lossy(text);
        let text = format!("Date must be in ISO-8601 'basic format'. Got '{text}'.");
        Error::saying(ErrorKind::Malformed, text)
    })
}

/// What is before and after the first such byte.
fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let index = scan::find(text.as_bytes(), at)?;
    Some((&text[..index], &text[index + 1..]))
}

fn seconds(text: &str) -> Result<u32, Error> {
    let bad = |text: &str| Error::saying(ErrorKind::BadParameters, text.to_string());
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad("X-Amz-Expires should be a number"));
    }
    match text.parse() {
        Ok(0) => Err(bad("X-Amz-Expires must be positive")),
        Ok(seconds) => Ok(seconds),
        Err(_) => Ok(u32::MAX),
    }
}

fn missing(name: &str) -> String {
    format!("Query-string authentication requires the parameter {name}")
}
