use alloc::format;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{Token, end_of, presign};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    request::Request,
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
};

/// The longest life of a key.
const HALF_DAY: u32 = 12 * 3600;

/// A short-term API key of Bedrock, for `Authorization: Bearer` or the variable `AWS_BEARER_TOKEN_BEDROCK`: good for
/// `ttl`, up to 12 hours, in this region.
///
/// Source: Amazon Bedrock, "API keys".
///
/// # Errors
///
/// [`ErrorKind::Ttl`] above 12 hours; [`ErrorKind::Region`] when it is malformed.
pub fn bedrock(
    region: &str,
    ttl: Ttl,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    if !(1..=HALF_DAY).contains(&ttl.as_secs()) {
        return Err(Error::number(ErrorKind::Ttl, ttl.as_secs().into()));
    }
    // The host is the same everywhere, the scope is the region's.
    let url = "https://bedrock.amazonaws.com/?Action=CallWithBearerToken";
    let (request, scope) = (Request::new("POST", url)?, Scope::new(region, "bedrock")?);
    let presigned = presign(&request, scope, credentials, at, ttl);
    let url = presigned.as_str().trim_start_matches("https://");
    let text = BASE64_STANDARD.encode(format!("{url}&Version=1").as_bytes());
    let expiry = end_of(at, ttl.as_secs(), credentials);
    Ok(Token::new(format!("bedrock-api-key-{text}"), expiry))
}
