use alloc::{format, string::String};

use super::{
    Token, end_of,
    endpoint::{authority, dns_suffix},
    presign,
};
use crate::{
    canonical::{Rules, TokenRule},
    credentials::Credentials,
    error::{Error, ErrorKind},
    request::Request,
    scope::Scope,
    sign::{Presigned, Signer, Ttl},
    timestamp::Timestamp,
    uri,
};

/// The longest time in which the broker of IoT Core takes a URL.
const DAY: u32 = 86_400;
/// The longest time in which Transcribe takes a URL.
const FIVE_MINUTES: u32 = 300;

/// The URL at which MQTT over websockets reaches IoT Core, up to a day from signing; [`Ttl::UNSTATED`] leaves the time
/// out of the URL, as the service's own examples do.
///
/// `endpoint` is the account's data endpoint, `ID-ats.iot.REGION.amazonaws.com`. The session token is not signed here
/// but added behind the signature.
///
/// Source: AWS IoT Core, "Device communication protocols", MQTT over WebSocket.
///
/// # Errors
///
/// [`ErrorKind::Ttl`] above a day; [`ErrorKind::Host`] or [`ErrorKind::Region`] when they are malformed.
pub fn iot_websocket(
    endpoint: &str,
    region: &str,
    ttl: Ttl,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    if ttl.as_secs() > DAY {
        return Err(Error::number(ErrorKind::Ttl, ttl.as_secs().into()));
    }
    let url = format!("wss://{}/mqtt", authority(endpoint)?);
    let rules = Rules::GENERAL.session_token(TokenRule::Unsigned);
    let signer = Signer::with_rules(Scope::new(region, "iotdevicegateway")?, rules);
    let presigned = signer.presign(&Request::new("GET", &url)?, credentials, at, ttl);
    let seconds = match ttl {
        Ttl::UNSTATED => DAY,
        ttl => ttl.as_secs(),
    };
    let expiry = end_of(at, seconds, credentials);
    Ok(Token::new(presigned.into_string(), expiry))
}

/// The URL at which a websocket streams speech to Transcribe, up to 5 minutes from signing. What is sent then are
/// [event-stream messages](crate::event_stream), the first one signed on the URL's [signature](Presigned::signature).
///
/// `parameters` are those of the stream: `language-code`, `media-encoding`, `sample-rate` and so on, not yet encoded.
///
/// Source: Amazon Transcribe, "Setting up a WebSocket stream".
///
/// # Errors
///
/// [`ErrorKind::Ttl`] when it is not 1 to 300 seconds; [`ErrorKind::Region`] when it is malformed.
pub fn transcribe_websocket(
    parameters: &[(&str, &str)],
    region: &str,
    ttl: Ttl,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Presigned, Error> {
    if !(1..=FIVE_MINUTES).contains(&ttl.as_secs()) {
        return Err(Error::number(ErrorKind::Ttl, ttl.as_secs().into()));
    }
    let scope = Scope::new(region, "transcribe")?;
    let mut url = format!(
        "wss://transcribestreaming.{region}.{}:8443/stream-transcription-websocket",
        dns_suffix(region)
    );
    for (index, (name, value)) in parameters.iter().enumerate() {
        url.push(if index == 0 { '?' } else { '&' });
        let parameter: [String; 2] = [uri::encode_component(name), uri::encode_component(value)];
        url.push_str(&parameter.join("="));
    }
    let request = Request::new("GET", &url)?;
    Ok(presign(&request, scope, credentials, at, ttl))
}
