//! A listener for the browser that comes back from a sign-in.

use std::{
    fmt,
    future::ready,
    net::Ipv4Addr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::Secret;
use tokio::{sync::oneshot, time::timeout};

use crate::{
    failure::{Failure, chained},
    terminal::waiting_for,
};

/// How long a person may take to sign in, as in version 2 of the AWS CLI.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long the last page may take to reach the browser.
const GRACE: Duration = Duration::from_secs(1);
/// The size limit of a form in bytes. A SAML response is some 10 to 100 KB.
const MAX_FORM: usize = 1 << 20;
/// The most connections at a time. A browser opens a few ahead.
const MAX_CONNECTIONS: usize = 64;

/// The URL `http://127.0.0.1:PORT/PATH`, to which a browser comes back once.
#[derive(Clone, Debug)]
pub(crate) struct Callback {
    /// `GET` for a redirect, whose parameters are in its query, or `POST` for a form.
    pub(crate) method: Method,
    /// The only path that is served. It starts with `/`.
    pub(crate) path: String,
    /// The port, where 0 is any free one.
    pub(crate) port: u16,
}

/// The parameters that the browser brought. Their values may be secret.
pub(crate) struct Parameters(Vec<(String, Secret)>);

impl Callback {
    /// Listens on 127.0.0.1, and returns the port and a future of the parameters that `check`
    /// accepts.
    ///
    /// `check` returns a sentence for the person in front of the browser. After an error, which the
    /// browser gets with HTTP 400, the listener goes on waiting: anything on this machine can send
    /// a request. `check` must compare a secret that only the right browser knows.
    ///
    /// # Errors
    ///
    /// If the port is in use; from the future if the person takes more than 10 minutes.
    pub(crate) async fn listen(
        self,
        check: impl Fn(&Parameters) -> Result<&'static str, &'static str> + Send + Sync + 'static,
    ) -> Result<(u16, impl Future<Output = Result<Parameters, Failure>>), Failure> {
        let (sender, accepted) = oneshot::channel();
        let waiting = Mutex::new(Some(sender));
        let builder = Listener::builder()
            .bind((Ipv4Addr::LOCALHOST, self.port).into())
            // The form is posted by a page of the identity provider.
            .allow_web_pages(self.method == Method::POST)
            .max_body(MAX_FORM)
            .max_connections(MAX_CONNECTIONS);
        let handler = move |request| ready(self.answer(&request, &check, &waiting));
        let listener = builder.start(handler).await;
        let listener = listener.map_err(|error| Failure::other(chained(&error)))?;
        let port = listener.address().port();
        Ok((port, accept(listener, accepted, PATIENCE)))
    }

    fn answer(
        &self,
        request: &Request<Bytes>,
        check: &impl Fn(&Parameters) -> Result<&'static str, &'static str>,
        waiting: &Mutex<Option<oneshot::Sender<Parameters>>>,
    ) -> Response<Bytes> {
        if request.uri().path() != self.path {
            return page(StatusCode::NOT_FOUND, "There is nothing here.");
        }
        if *request.method() != self.method {
            let reason = "The request has the wrong method.";
            return page(StatusCode::METHOD_NOT_ALLOWED, reason);
        }
        let text = match self.method {
            Method::POST => request.body(),
            _ => request.uri().query().unwrap_or_default().as_bytes(),
        };
        let Some(parameters) = Parameters::parse(text) else {
            return page(StatusCode::BAD_REQUEST, "A parameter is there twice.");
        };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.is_none() {
            return page(StatusCode::GONE, "This sign-in is over.");
        }
        match check(&parameters) {
            Ok(text) => {
                // The command may have given up meanwhile.
                let _ = waiting.take().map(|sender| sender.send(parameters));
                page(StatusCode::OK, text)
            }
            Err(reason) => page(StatusCode::BAD_REQUEST, reason),
        }
    }
}

async fn accept(
    listener: Listener,
    accepted: oneshot::Receiver<Parameters>,
    patience: Duration,
) -> Result<Parameters, Failure> {
    let waiting = waiting_for("the browser");
    let accepted = timeout(patience, accepted).await;
    drop(waiting);
    // A connection that a browser opened ahead and never used holds up nothing.
    let _ = timeout(GRACE, listener.stop()).await;
    match accepted {
        Ok(Ok(parameters)) => Ok(parameters),
        _ => Err(Failure::other(format!(
            "the browser did not come back within {} minutes",
            patience.as_secs() / 60
        ))
        .with_hint("run the command again, and sign in on the page that it opens")),
    }
}

impl Parameters {
    /// Parses a query or a form. Returns `None` if a name is there twice: which one counts would
    /// depend on the reader (RFC 6749, section 3.1).
    fn parse(text: &[u8]) -> Option<Self> {
        let mut pairs: Vec<(String, Secret)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if pairs.iter().any(|(known, _)| *known == name) {
                return None;
            }
            pairs.push((name.into_owned(), value.into_owned().into()));
        }
        Some(Self(pairs))
    }

    /// Returns a parameter. An empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value.expose()).filter(|value| !value.is_empty())
    }
}

/// Shows the number of parameters only: what a stranger sent is not for a log.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Parameters({})", self.0.len())
    }
}

/// Returns a page with one sentence. It loads nothing, is not stored, and tells no other site its
/// address, which may have a code in it.
fn page(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Keyfob</title>\
         <body style=\"font: 1.2em sans-serif; margin: 3em\"><p>{text}</p></html>\n"
    );
    let mut response = Response::new(Bytes::from(html));
    *response.status_mut() = status;
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
        time::Instant,
    };

    use tokio::task::spawn_blocking;

    use super::*;

    const PATH: &str = "/oauth/callback";

    fn callback(method: Method) -> Callback {
        Callback {
            method,
            path: PATH.to_owned(),
            port: 0,
        }
    }

    /// Accepts the state `right`.
    fn check(parameters: &Parameters) -> Result<&'static str, &'static str> {
        match parameters.get("state") {
            Some("right") => Ok("Done."),
            _ => Err("Not this one."),
        }
    }

    /// Sends a request as it stands, and returns the status and the rest of the answer.
    async fn send(port: u16, head: String, body: &'static str) -> (u16, String) {
        let answer = spawn_blocking(move || {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
            let length = body.len();
            let text = format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            stream.write_all(text.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer)
    }

    fn get(target: &str, host: &str) -> String {
        format!("GET {target} HTTP/1.1\r\nHost: {host}")
    }

    #[tokio::test]
    async fn only_the_right_request_is_accepted_and_the_others_do_not_end_the_wait() {
        let (port, accepted) = callback(Method::GET).listen(check).await.unwrap();
        let own = format!("127.0.0.1:{port}");
        let right = format!("{PATH}?code=canary&state=right");
        for (head, expected) in [
            (get(&format!("{PATH}?code=c&state=wrong"), &own), 400),
            (get(&format!("{PATH}?state=right&state=wrong"), &own), 400),
            (get(PATH, &own), 400),
            (get("/?code=c&state=right", &own), 404),
            (get("/favicon.ico", &own), 404),
            (get(&right, "rebind.example"), 403),
            (get(&right, &own).replace("GET", "POST"), 405),
            (
                format!("{}\r\nOrigin: https://evil.example", get(&right, &own)),
                403,
            ),
        ] {
            let (status, answer) = send(port, head.clone(), "").await;
            assert_eq!(status, expected, "{head}");
            assert!(!answer.contains("canary"), "{answer}");
        }
        let waiting = tokio::spawn(accepted);
        let host = format!("localhost:{port}");
        let (status, answer) = send(port, get(&right, &host), "").await;
        assert_eq!(status, 200);
        for part in ["<p>Done.</p>", "no-store", "no-referrer", "default-src"] {
            assert!(answer.contains(part), "{answer}");
        }
        let parameters = waiting.await.unwrap().unwrap();
        assert_eq!(parameters.get("code"), Some("canary"));
        assert_eq!(format!("{parameters:?}"), "Parameters(2)");
        let again = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        assert!(again.is_err(), "it still listens");
    }

    #[tokio::test]
    async fn a_form_of_another_site_is_accepted_once() {
        let (port, accepted) = callback(Method::POST).listen(check).await.unwrap();
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: https://idp.example\r\n\
             Content-Type: application/x-www-form-urlencoded"
        );
        assert_eq!(send(port, head.clone(), "state=x").await.0, 400);
        let first = send(port, head.clone(), "SAMLResponse=a%2Bb&state=right").await;
        let second = send(port, head, "SAMLResponse=c&state=right").await;
        assert_eq!((first.0, second.0), (200, 410));
        let parameters = accepted.await.unwrap();
        assert_eq!(parameters.get("SAMLResponse"), Some("a+b"));
    }

    #[tokio::test]
    async fn an_unused_connection_and_a_person_who_does_not_come_back_are_not_waited_for() {
        let (port, accepted) = callback(Method::GET).listen(check).await.unwrap();
        let _unused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let head = get(&format!("{PATH}?state=right"), &format!("127.0.0.1:{port}"));
        let start = Instant::now();
        assert_eq!(send(port, head, "").await.0, 200);
        accepted.await.unwrap();
        assert!(start.elapsed() < 3 * GRACE);

        let listener = Listener::builder().start(async |_| Response::default());
        let (_sender, receiver) = oneshot::channel();
        let waited = accept(listener.await.unwrap(), receiver, Duration::from_millis(50)).await;
        let failure = waited.err().unwrap();
        assert_eq!(failure.exit_code(), 255);
        assert!(failure.message().contains("did not come back"));
    }
}
