use alloc::{format, string::String};

use super::{
    Token,
    endpoint::{authority, dns_suffix},
    expiry_after, presign,
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

/// The longest lifetime of a URL of IoT Core, in seconds.
const DAY: u32 = 86_400;
/// The longest lifetime of a URL of Transcribe, in seconds.
const FIVE_MINUTES: u32 = 300;

/// Creates the URL for MQTT over websockets to IoT Core, valid for `ttl`, up to a day.
///
/// [`Ttl::UNSTATED`] leaves the lifetime out of the URL, as the examples of the service do.
/// `endpoint` is the account's data endpoint, `ID-ats.iot.REGION.amazonaws.com`.
///
/// Source: AWS IoT Core, "Device communication protocols", MQTT over WebSocket.
///
/// # Errors
///
/// [`ErrorKind::Ttl`] if `ttl` is above a day; [`ErrorKind::Host`] or [`ErrorKind::Region`] if host
/// or region is malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Ttl, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let endpoint = "abc-ats.iot.us-east-1.amazonaws.com";
/// let url = token::iot_websocket(endpoint, "us-east-1", Ttl::UNSTATED, &credentials, at)?;
/// assert!(url.expose().starts_with("wss://abc-ats.iot.us-east-1.amazonaws.com/mqtt?"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
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
    // This service takes the session token unsigned. It stands just before the signature; the
    // published examples have it last.
    let rules = Rules::GENERAL.session_token(TokenRule::Unsigned);
    let signer = Signer::with_rules(Scope::new(region, "iotdevicegateway")?, rules);
    let presigned = signer.presign(&Request::new("GET", &url)?, credentials, at, ttl)?;
    let seconds = match ttl {
        Ttl::UNSTATED => DAY,
        ttl => ttl.as_secs(),
    };
    let expiry = expiry_after(at, seconds, credentials);
    Ok(Token::new(presigned.into_string(), expiry))
}

/// Creates the URL of a websocket that streams speech to Transcribe, valid for up to 5 minutes.
///
/// Then [event-stream messages](crate::event_stream) are sent; the signature of the first one
/// covers the URL's [signature](Presigned::signature). `parameters` are those of the stream, not
/// encoded: `language-code`, `media-encoding`, `sample-rate` and others.
///
/// Source: Amazon Transcribe, "Setting up a WebSocket stream".
///
/// # Errors
///
/// [`ErrorKind::Ttl`] if `ttl` is not 1 to 300 seconds; [`ErrorKind::Region`] if the region is
/// malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Scope, Ttl, event_stream::EventSigner, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let parameters = [("language-code", "en-US"), ("sample-rate", "16000")];
/// let ttl = Ttl::from_secs(300)?;
/// let url = token::transcribe_websocket(&parameters, "us-east-1", ttl, &credentials, at)?;
/// let scope = Scope::new("us-east-1", "transcribe")?;
/// let signer = EventSigner::new(scope, credentials.secret_access_key(), url.signature())?;
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
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
    presign(&request, scope, credentials, at, ttl)
}
