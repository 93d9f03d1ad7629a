use alloc::format;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{Token, expiry_after, presign};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    request::Request,
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
};

/// The longest lifetime of a key, in seconds.
const HALF_DAY: u32 = 12 * 3600;

/// Creates a short-term API key of Bedrock, valid for `ttl`, up to 12 hours, in one region.
///
/// Send it as `Authorization: Bearer`, or set the variable `AWS_BEARER_TOKEN_BEDROCK`.
///
/// Source: Amazon Bedrock, "API keys".
///
/// # Errors
///
/// [`ErrorKind::Ttl`] if `ttl` is unstated or above 12 hours; [`ErrorKind::Region`] if the region
/// is malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Ttl, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// let at = "2024-08-26T22:00:00Z".parse()?;
/// let key = token::bedrock("us-east-1", Ttl::from_secs(3600)?, &credentials, at)?;
/// assert!(key.expose().starts_with("bedrock-api-key-"));
/// assert_eq!(key.expiry(), "2024-08-26T23:00:00Z".parse()?);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn bedrock(
    region: &str,
    ttl: Ttl,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    if !(1..=HALF_DAY).contains(&ttl.as_secs()) {
        return Err(Error::number(ErrorKind::Ttl, ttl.as_secs().into()));
    }
    // One host for all regions; the scope names the region.
    let url = "https://bedrock.amazonaws.com/?Action=CallWithBearerToken";
    let (request, scope) = (Request::new("POST", url)?, Scope::new(region, "bedrock")?);
    let presigned = presign(&request, scope, credentials, at, ttl)?;
    let without_scheme = presigned.as_str().trim_start_matches("https://");
    let text = BASE64_STANDARD.encode(format!("{without_scheme}&Version=1"));
    let expiry = expiry_after(at, ttl.as_secs(), credentials);
    Ok(Token::new(format!("bedrock-api-key-{text}"), expiry))
}
