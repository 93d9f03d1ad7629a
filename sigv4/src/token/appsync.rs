use alloc::{format, string::String, vec::Vec};
use core::fmt;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::endpoint::authority;
use crate::{
    codec::json, credentials::Credentials, error::Error, payload::Payload, request::Request,
    scope::Scope, secret::Secret, sign::Signer, timestamp::Timestamp, uri,
};

/// What the service expects signed besides the host and the time.
const HEADERS: [(&str, &str); 3] = [
    ("accept", "application/json, text/javascript"),
    ("content-encoding", "amz-1.0"),
    ("content-type", "application/json; charset=UTF-8"),
];

/// The real-time API of AppSync: GraphQL subscriptions or events over a websocket, with IAM.
///
/// The connection and each subscription carry a signed request's headers as JSON; each is good for 5 minutes to be
/// sent, while the connection may stay open for a day.
///
/// Source: AWS AppSync, "Building a real-time WebSocket client" and "Understanding the Event API WebSocket protocol".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token::AppSync};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let api = AppSync::graphql("example123.appsync-api.us-east-1.amazonaws.com", "us-east-1")?;
/// let connection = api.connect(&credentials, at)?;
/// assert!(connection.url_with_header().starts_with(
///     "wss://example123.appsync-realtime-api.us-east-1.amazonaws.com/graphql?header="
/// ));
/// let data = r#"{"query":"subscription { onEvent { id } }","variables":{}}"#;
/// let authorization = api.authorize(data, &credentials, at)?; // for `payload.extensions.authorization`
/// # assert!(authorization.expose().contains("AWS4-HMAC-SHA256"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
#[derive(Debug)]
pub struct AppSync {
    host: String,
    kind: Kind,
    signer: Signer,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Graphql,
    Events,
}

impl AppSync {
    /// A GraphQL API, by the host of its endpoint: `ID.appsync-api.REGION.amazonaws.com` or a domain of one's own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) or [`ErrorKind::Region`](crate::ErrorKind::Region) when they are
    /// malformed.
    pub fn graphql(host: &str, region: &str) -> Result<Self, Error> {
        Self::new(host, region, Kind::Graphql)
    }

    /// An Event API, by its HTTP host.
    ///
    /// # Errors
    ///
    /// As [`graphql`](Self::graphql).
    pub fn events(host: &str, region: &str) -> Result<Self, Error> {
        Self::new(host, region, Kind::Events)
    }

    fn new(host: &str, region: &str, kind: Kind) -> Result<Self, Error> {
        // Whatever is wrong with the host shows here, so that signing cannot fail.
        let host = authority(host)?.to_ascii_lowercase();
        Request::from_parts("POST", "https", &host, "/")?;
        Ok(Self {
            host,
            kind,
            signer: Signer::new(Scope::new(region, "appsync")?),
        })
    }

    /// Opens the connection.
    ///
    /// # Errors
    ///
    /// None in practice: everything was checked by [`graphql`](Self::graphql) and [`events`](Self::events).
    pub fn connect(
        &self,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<AppSyncConnection, Error> {
        let path = match self.kind {
            Kind::Graphql => "/graphql/connect",
            Kind::Events => "/event",
        };
        Ok(AppSyncConnection {
            header: self.headers(path, "{}", credentials, at)?,
            url: self.real_time_url(),
        })
    }

    /// The JSON object that authorises one subscription or publication of `data`, the JSON text exactly as it will be
    /// sent. It is as secret as a token.
    ///
    /// # Errors
    ///
    /// None in practice, as [`connect`](Self::connect).
    pub fn authorize(
        &self,
        data: &str,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Secret, Error> {
        let path = match self.kind {
            Kind::Graphql => "/graphql",
            Kind::Events => "/event",
        };
        self.headers(path, data, credentials, at)
    }

    /// A domain of one's own has another path in place of another host.
    fn real_time_url(&self) -> String {
        let (path, own_domain) = match self.kind {
            Kind::Graphql => ("/graphql", "/graphql/realtime"),
            Kind::Events => ("/event/realtime", "/event/realtime"),
        };
        match self.host.split_once(".appsync-api.") {
            Some((id, rest)) => format!("wss://{id}.appsync-realtime-api.{rest}{path}"),
            None => format!("wss://{}{own_domain}", self.host),
        }
    }

    /// All headers of a signed request as a JSON object.
    fn headers(
        &self,
        path: &str,
        body: &str,
        credentials: &Credentials,
        at: Timestamp,
    ) -> Result<Secret, Error> {
        let request = Request::from_parts("POST", "https", &self.host, path)?
            .headers(&HEADERS)?
            .payload(Payload::Bytes(body.as_bytes()));
        let signature = self.signer.sign(&request, credentials, at);
        let mut members: Vec<(&str, &str)> = HEADERS.into();
        members.push(("host", request.host()));
        members.extend(signature.headers());
        let mut text = String::new();
        json::put_object(&mut text, members);
        Ok(text.into())
    }
}

/// A connection about to be opened: the URL, and the credentials in either of the two places that the service takes
/// them from.
#[derive(Clone)]
pub struct AppSyncConnection {
    header: Secret,
    url: String,
}

impl AppSyncConnection {
    /// The whole URL, the credentials in its query.
    pub fn url_with_header(&self) -> String {
        let header = BASE64_STANDARD.encode(self.header.expose().as_bytes());
        let header = uri::encode_component(&header);
        // `{}` in base64.
        format!("{}?header={header}&payload=e30%3D", self.url)
    }

    /// The URL without credentials, to be used with [`subprotocol`](Self::subprotocol).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The credentials as a `Sec-WebSocket-Protocol`, to be sent beside `graphql-ws` or `aws-appsync-event-ws`.
    pub fn subprotocol(&self) -> String {
        format!(
            "header-{}",
            BASE64_URL_SAFE_NO_PAD.encode(self.header.expose().as_bytes())
        )
    }
}

impl fmt::Debug for AppSyncConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSyncConnection")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}
