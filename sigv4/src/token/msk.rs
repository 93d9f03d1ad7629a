use alloc::format;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::{QUARTER_HOUR, Token, end_of, presign};
use crate::{
    credentials::Credentials, error::Error, request::Request, scope::Scope, sign::Ttl,
    timestamp::Timestamp, uri,
};

/// The token of a Kafka client of MSK, for SASL/OAUTHBEARER: good for 15 minutes.
///
/// `user_agent` says who asks, in the broker's log; it is not signed.
///
/// Source: the AWS MSK IAM SASL signers.
///
/// # Errors
///
/// [`ErrorKind::Region`](crate::ErrorKind::Region) when it is malformed.
pub fn msk(
    region: &str,
    user_agent: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    let scope = Scope::new(region, "kafka-cluster")?;
    let url = format!("https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect");
    let request = Request::new("GET", &url)?;
    let presigned = presign(&request, scope, credentials, at, Ttl::new(QUARTER_HOUR));
    let url = format!(
        "{}&User-Agent={}",
        presigned.as_str(),
        uri::encode_component(user_agent)
    );
    let expiry = end_of(at, QUARTER_HOUR, credentials);
    Ok(Token::new(
        BASE64_URL_SAFE_NO_PAD.encode(url.as_bytes()),
        expiry,
    ))
}
