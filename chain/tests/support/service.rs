//! Recorded answers, from the listener of the test servers.

use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use http::{Response, request::Parts};
use keyfob_imds::server::listen::Listener;
use serde_json::{Value, json};

/// Answers each request with the first unused recorded response to the same method and path, or
/// with 404 if there is none. A recorded `connector_error` is a closed connection.
pub(crate) struct Service {
    pub(crate) endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    left: Vec<Value>,
    /// The requests, each with its head and body.
    seen: Vec<String>,
}

impl Service {
    /// Starts in a thread of its own, because some tests have no runtime.
    pub(crate) fn start(exchanges: Vec<Value>) -> Self {
        let state = Arc::new(Mutex::new(State {
            left: exchanges,
            seen: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let (sender, started) = mpsc::channel();
        let serve = async move {
            let listener = Listener::builder().start(move |request| {
                let (head, body) = request.into_parts();
                let answer = shared.lock().unwrap().answer(&head, &body);
                async move {
                    // A task that unwinds closes its connection.
                    let answer = answer.unwrap_or_else(|| resume_unwind(Box::new(())));
                    answer.map(Into::into)
                }
            });
            let listener = listener.await.unwrap();
            sender.send(listener.url()).unwrap();
            std::future::pending::<()>().await;
        };
        thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(serve);
        });
        Self {
            endpoint: started.recv().unwrap(),
            state,
        }
    }

    /// Returns how many of the recorded requests were not made.
    pub(crate) fn left(&self) -> usize {
        self.state.lock().unwrap().left.len()
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }
}

impl State {
    /// Returns the recorded answer, or `None` for a connection that is closed.
    fn answer(&mut self, head: &Parts, body: &[u8]) -> Option<Response<String>> {
        let headers = head.headers.iter();
        let headers =
            headers.map(|(name, value)| format!("{name}: {}\r\n", value.to_str().unwrap()));
        let headers: String = headers.collect();
        let body = String::from_utf8_lossy(body);
        let (method, uri) = (&head.method, &head.uri);
        self.seen
            .push(format!("{method} {uri} HTTP/1.1\r\n{headers}\r\n{body}"));
        // The order of the parameters in a query does not matter.
        let same = |exchange: &Value| {
            let recorded = &exchange["request"];
            let path = path_of(recorded["uri"].as_str().unwrap());
            recorded["method"] == method.as_str() && path.split('?').next() == Some(uri.path())
        };
        let found = self.left.iter().position(same);
        let response = match found {
            Some(at) => self.left.remove(at)["response"].clone(),
            None => json!({"status": 404}),
        };
        let is_closed = response.get("connector_error").is_some();
        (!is_closed).then(|| recorded(&response))
    }
}

fn recorded(response: &Value) -> Response<String> {
    let status = response["status"].as_f64().unwrap();
    let mut answer = Response::builder().status(status as u16);
    for (name, values) in response["headers"].as_object().into_iter().flatten() {
        if !["content-length", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
            let value = values[0].as_str().or(values.as_str()).unwrap();
            answer = answer.header(name, value);
        }
    }
    let body = response["body"].as_str().unwrap_or_default();
    answer.body(body.to_owned()).unwrap()
}

/// Returns what follows the host in a URL.
pub(crate) fn path_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}
