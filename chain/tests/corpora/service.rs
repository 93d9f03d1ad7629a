//! A server that returns recorded answers.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

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
    pub(crate) fn start(exchanges: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State {
            left: exchanges,
            seen: Vec::new(),
        }));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &shared);
            }
        });
        Self { endpoint, state }
    }

    /// Returns how many of the recorded requests were not made.
    pub(crate) fn left(&self) -> usize {
        self.state.lock().unwrap().left.len()
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }
}

/// Answers the one request of a connection.
fn answer(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).unwrap() > 0 {}
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut state = state.lock().unwrap();
    let same = |exchange: &Value| {
        let recorded = &exchange["request"];
        let uri = recorded["uri"].as_str().unwrap();
        recorded["method"] == method && without_query(path_of(uri)) == without_query(path)
    };
    let found = state.left.iter().position(same);
    let response = match found {
        Some(at) => state.left.remove(at)["response"].clone(),
        None => json!({"status": 404}),
    };
    let head = request.to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    state.seen.push(request + &String::from_utf8_lossy(&body));
    if response.get("connector_error").is_some() {
        return; // which closes the connection
    }
    reader
        .get_mut()
        .write_all(text_of(&response).as_bytes())
        .unwrap();
}

fn text_of(response: &Value) -> String {
    let body = response["body"].as_str().unwrap_or_default();
    let mut text = format!(
        "HTTP/1.1 {} Recorded\r\nconnection: close\r\n",
        response["status"]
    );
    for (name, values) in response["headers"].as_object().into_iter().flatten() {
        if !["content-length", "connection"].contains(&name.to_ascii_lowercase().as_str()) {
            let value = values[0].as_str().or(values.as_str()).unwrap();
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text + &format!("content-length: {}\r\n\r\n{body}", body.len())
}

/// The order of the parameters in a query does not matter.
fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}

/// Returns what follows the host in a URL.
pub(crate) fn path_of(uri: &str) -> &str {
    let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}
