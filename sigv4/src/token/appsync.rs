use alloc::{format, string::String, vec::Vec};
use core::fmt;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::endpoint::authority;
use crate::{
    codec::json, credentials::Credentials, error::Error, payload::Payload, request::Request,
    scope::Scope, secret::Secret, sign::Signer, timestamp::Timestamp, uri,
};

/// The headers that the service expects to be signed besides the host and the time.
const HEADERS: [(&str, &str); 3] = [
    ("accept", "application/json, text/javascript"),
    ("content-encoding", "amz-1.0"),
    ("content-type", "application/json; charset=UTF-8"),
];

/// The real-time API of AppSync: GraphQL subscriptions or events over a websocket, with IAM.
///
/// To open a connection, and for each subscription, the headers of a signed request are sent as
/// JSON. They are valid for 5 minutes; a connection may stay open for a day.
///
/// Source: AWS AppSync, "Building a real-time WebSocket client" and "Understanding the Event API
/// WebSocket protocol".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token::AppSync};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let api = AppSync::graphql("example123.appsync-api.us-east-1.amazonaws.com", "us-east-1")?;
/// let connection = api.connect(&credentials, at)?;
/// assert!(connection.url_with_header().starts_with(
///     "wss://example123.appsync-realtime-api.us-east-1.amazonaws.com/graphql?header="
/// ));
/// let data = r#"{"query":"subscription { onEvent { id } }","variables":{}}"#;
/// // For `payload.extensions.authorization`.
/// let authorization = api.authorize(data, &credentials, at)?;
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
    /// Creates the client of a GraphQL API.
    ///
    /// `host` is that of its endpoint, `ID.appsync-api.REGION.amazonaws.com` or a custom domain.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Host`](crate::ErrorKind::Host) or
    /// [`ErrorKind::Region`](crate::ErrorKind::Region) if host or region is malformed.
    pub fn graphql(host: &str, region: &str) -> Result<Self, Error> {
        Self::new(host, region, Kind::Graphql)
    }

    /// Creates the client of an Event API, by its HTTP host.
    ///
    /// # Errors
    ///
    /// As [`graphql`](Self::graphql).
    pub fn events(host: &str, region: &str) -> Result<Self, Error> {
        Self::new(host, region, Kind::Events)
    }

    fn new(host: &str, region: &str, kind: Kind) -> Result<Self, Error> {
        // A host that cannot be signed is refused here, so that signing later cannot fail.
        let host = authority(host)?.to_ascii_lowercase();
        Request::from_parts("POST", "https", &host, "/")?;
        Ok(Self {
            host,
            kind,
            signer: Signer::new(Scope::new(region, "appsync")?),
        })
    }

    /// Returns the URL and the authorization with which to open a connection.
    ///
    /// # Errors
    ///
    /// None in practice: [`graphql`](Self::graphql) and [`events`](Self::events) checked
    /// everything.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, token::AppSync};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "2024-08-26T22:00:00Z".parse()?;
    /// let api = AppSync::events("example123.appsync-api.us-east-1.amazonaws.com", "us-east-1")?;
    /// let connection = api.connect(&credentials, at)?;
    /// assert_eq!(
    ///     connection.url(),
    ///     "wss://example123.appsync-realtime-api.us-east-1.amazonaws.com/event/realtime"
    /// );
    /// assert!(connection.subprotocol().starts_with("header-"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
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

    /// Returns the JSON object that authorizes one subscription or publication.
    ///
    /// `data` is its JSON text exactly as it will be sent. The object is as secret as a token.
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

    /// Returns the URL of the websocket: on its own host, or for a custom domain on its own path.
    fn real_time_url(&self) -> String {
        let (path, path_on_custom_domain) = match self.kind {
            Kind::Graphql => ("/graphql", "/graphql/realtime"),
            Kind::Events => ("/event/realtime", "/event/realtime"),
        };
        match self.host.split_once(".appsync-api.") {
            Some((id, rest)) => format!("wss://{id}.appsync-realtime-api.{rest}{path}"),
            None => format!("wss://{}{path_on_custom_domain}", self.host),
        }
    }

    /// Returns all headers of a signed request as a JSON object.
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
        let signature = self.signer.sign(&request, credentials, at)?;
        let mut members: Vec<(&str, &str)> = HEADERS.into();
        members.push(("host", request.host()));
        members.extend(signature.headers());
        let mut text = String::new();
        json::put_object(&mut text, members);
        Ok(text.into())
    }
}

/// A connection to be opened: the URL, and the authorization in either of two places.
#[derive(Clone)]
pub struct AppSyncConnection {
    header: Secret,
    url: String,
}

impl AppSyncConnection {
    /// Returns the URL with the authorization in its query.
    pub fn url_with_header(&self) -> String {
        let header = uri::encode_component(&BASE64_STANDARD.encode(self.header.expose()));
        // The payload is `{}` in base64.
        format!("{}?header={header}&payload=e30%3D", self.url)
    }

    /// Returns the URL without the authorization, for use with [`subprotocol`](Self::subprotocol).
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the authorization as a `Sec-WebSocket-Protocol`, to be sent with `graphql-ws` or
    /// `aws-appsync-event-ws`.
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
