use alloc::format;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::{QUARTER_HOUR, Token, expiry_after, presign};
use crate::{
    credentials::Credentials, error::Error, request::Request, scope::Scope, sign::Ttl,
    timestamp::Timestamp, uri,
};

/// Creates the token of a Kafka client of MSK for SASL/OAUTHBEARER, valid for 15 minutes.
///
/// `user_agent` names the client in the broker's log. It is not signed.
///
/// Source: the AWS MSK IAM SASL signers.
///
/// # Errors
///
/// [`ErrorKind::Region`](crate::ErrorKind::Region) if the region is malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// let at = "2024-08-26T22:00:00Z".parse()?;
/// let token = token::msk("us-east-1", "my-client/1.0", &credentials, at)?;
/// assert_eq!(token.expiry(), "2024-08-26T22:15:00Z".parse()?);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn msk(
    region: &str,
    user_agent: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    let scope = Scope::new(region, "kafka-cluster")?;
    let url = format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
    let request = Request::new("GET", &url)?;
    let presigned = presign(&request, scope, credentials, at, Ttl::new(QUARTER_HOUR))?;
    let user_agent = uri::encode_component(user_agent);
    let text = format!("{}&User-Agent={user_agent}", presigned.as_str());
    let expiry = expiry_after(at, QUARTER_HOUR, credentials);
    Ok(Token::new(BASE64_URL_SAFE_NO_PAD.encode(text), expiry))
}
