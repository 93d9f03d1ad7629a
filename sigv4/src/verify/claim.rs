use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
};

use super::error::{Error, ErrorKind};
use crate::{
    encode, hex,
    key::ALGORITHM,
    request::Request,
    rules::Rules,
    secret::Secret,
    signature::DATE,
    timestamp::{AmzDate, Timestamp},
};

/// What a request says of its signature, in either form.
pub(super) struct Claim<'a> {
    pub(super) access_key_id: Cow<'a, str>,
    /// `20150830/us-east-1/iam/aws4_request`.
    pub(super) scope: Cow<'a, str>,
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: [u8; 32],
    pub(super) at: Timestamp,
    pub(super) date: AmzDate,
    /// Seconds that a presigned URL is good for.
    pub(super) ttl: Option<u32>,
    pub(super) token: Option<Secret>,
    pub(super) is_presigned: bool,
}

impl<'a> Claim<'a> {
    pub(super) fn of(request: &'a Request<'_>, rules: Rules) -> Result<Self, Error> {
        let header = request.find_header(b"authorization");
        let query = Parameters::of(request.query())?;
        match (header, query.is_signed()) {
            (None, false) => Err(Error::new(ErrorKind::NoSignature)),
            (Some(_), true) => Err(Error::saying(ErrorKind::Malformed, TWO_FORMS.to_string())),
            (Some(value), false) => Self::of_header(request, value, rules),
            (None, true) => Self::of_query(query, rules),
        }
    }

    fn of_header(request: &'a Request<'_>, value: &'a [u8], rules: Rules) -> Result<Self, Error> {
        let value = core::str::from_utf8(value).map_err(|_| Error::new(ErrorKind::Malformed))?;
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        if algorithm != ALGORITHM {
            return Err(Error::saying(
                ErrorKind::Malformed,
                "Unsupported AWS 'algorithm': only AWS4-HMAC-SHA256 is supported.".to_string(),
            ));
        }
        let [credential, signed_headers, signature] = authorization_parts(rest)?;
        let stamp = request
            .find_header(DATE.as_bytes())
            .or_else(|| request.find_header(b"date"));
        let (at, date) = moment(stamp.and_then(|text| core::str::from_utf8(text).ok()))?;
        let (access_key_id, scope) = credential_parts(credential)?;
        let token = request.find_header(rules.token_header().as_bytes());
        Ok(Self {
            access_key_id: access_key_id.into(),
            scope: scope.into(),
            signed_headers: signed_headers.into(),
            signature: decode_signature(signature)?,
            at,
            date,
            ttl: None,
            token: token.map(|token| Secret::new(String::from_utf8_lossy(token))),
            is_presigned: false,
        })
    }

    fn of_query(query: Parameters, rules: Rules) -> Result<Self, Error> {
        let needed = |value: Option<String>, name| {
            value.ok_or_else(|| Error::saying(ErrorKind::BadParameters, missing(name)))
        };
        if query.algorithm.as_deref() != Some(ALGORITHM) {
            return Err(Error::saying(
                ErrorKind::BadParameters,
                "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"".to_string(),
            ));
        }
        let credential = needed(query.credential, "X-Amz-Credential")?;
        let (access_key_id, scope) = credential_parts(&credential)?;
        let (at, date) = moment(query.date.as_deref())?;
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
            signature: decode_signature(&needed(query.signature, "X-Amz-Signature")?)?,
            at,
            date,
            ttl,
            token: query
                .token
                .filter(|token| !token.is_empty())
                .map(Secret::new),
            is_presigned: true,
        })
    }
}

const TWO_FORMS: &str = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";

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
}

impl Parameters {
    /// Each may be there once: of two, signer and server could read different ones.
    fn of(query: &str) -> Result<Self, Error> {
        let mut found = Self::default();
        for piece in query.split('&') {
            let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
            let Some(slot) = found.slot(key) else {
                continue;
            };
            if slot.replace(encode::decoded(value.as_bytes())).is_some() {
                let text = format!("the query parameter {key} may be there only once");
                return Err(Error::saying(ErrorKind::BadParameters, text));
            }
        }
        Ok(found)
    }

    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        Some(match key {
            "X-Amz-Algorithm" => &mut self.algorithm,
            "X-Amz-Credential" => &mut self.credential,
            "X-Amz-Date" => &mut self.date,
            "X-Amz-Expires" => &mut self.expires,
            "X-Amz-SignedHeaders" => &mut self.signed_headers,
            "X-Amz-Signature" => &mut self.signature,
            "X-Amz-Security-Token" | "X-Amz-S3session-Token" => &mut self.token,
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
    for part in text.split(',') {
        let (name, value) = part.trim().split_once('=').unwrap_or_default();
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

/// The key id and the scope: cut at the first slash, as no id has one.
fn credential_parts(credential: &str) -> Result<(&str, &str), Error> {
    credential
        .split_once('/')
        .filter(|(id, scope)| !id.is_empty() && scope.split('/').count() == 4)
        .ok_or_else(|| {
            let text = format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            );
            Error::saying(ErrorKind::Malformed, text)
        })
}

/// The moment of signing must be written the one way that goes into the string to sign.
fn moment(text: Option<&str>) -> Result<(Timestamp, AmzDate), Error> {
    let Some(text) = text else {
        let text =
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        return Err(Error::saying(ErrorKind::Malformed, text.to_string()));
    };
    text.parse()
        .ok()
        .map(|at: Timestamp| (at, at.amz_date()))
        .filter(|(_, date)| date.as_str() == text)
        .ok_or_else(|| {
            let text = format!("Date must be in ISO-8601 'basic format'. Got '{text}'.");
            Error::saying(ErrorKind::Malformed, text)
        })
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

/// A signature that is not 64 lower-case digits is never right; it is refused like a wrong one.
fn decode_signature(text: &str) -> Result<[u8; 32], Error> {
    hex::decode(text.as_bytes())
        .filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))
        .ok_or(Error::new(ErrorKind::Mismatch))
}

fn missing(name: &str) -> String {
    format!("Query-string authentication requires the parameter {name}")
}
