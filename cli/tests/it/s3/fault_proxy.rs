use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Stands before a server, and does to a request what a test says.
pub(super) struct FaultProxy {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    answered: Arc<Mutex<Vec<String>>>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// What happens to a request.
pub(super) enum Fault {
    /// It is passed on.
    None,
    /// The answer is this one, and the connection is closed.
    Answer(String),
    /// It is passed on, and the answer is cut off after this many bytes.
    CutAnswer(usize),
    /// It is passed on, and the last byte of the answer is another one.
    Flip,
    /// It is passed on, and nothing comes after this many bytes of the answer, for a minute.
    Stall(usize),
    /// It is passed on, and the last byte of the answer comes when there is this file.
    HoldLastByte(PathBuf),
    /// It is not passed on, and there is no answer for a minute.
    Hold,
    /// The connection is closed without an answer.
    Cut,
}

impl Request {
    /// Returns the request line without the version.
    pub(super) fn line(&self) -> &str {
        let line = self.head.lines().next().unwrap();
        line.trim_end_matches(" HTTP/1.1")
    }

    /// Returns the value of a header, whose name is in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (header, value) = line.split_once(": ")?;
            header.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl FaultProxy {
    /// Starts one before the server at this URL. `fault` gets each request, and how many came
    /// before.
    pub(super) fn start(
        server: &str,
        fault: impl Fn(usize, &Request) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let answered = Arc::<Mutex<Vec<String>>>::default();
        let (seen, fault) = (Arc::clone(&requests), Arc::new(fault));
        let lines = Arc::clone(&answered);
        let server = server.trim_start_matches("http://").to_owned();
        // It ends with the test program.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, fault) = (Arc::clone(&seen), Arc::clone(&fault));
                let lines = Arc::clone(&lines);
                let server = server.clone();
                let stream = stream.unwrap();
                thread::spawn(move || {
                    // A client that goes away is not an error here.
                    let _ = serve(stream, &server, &lines, |request| {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        fault(seen.len() - 1, request)
                    });
                });
            }
        });
        Self {
            url,
            requests,
            answered,
        }
    }

    /// Returns the lines of the requests that were passed on and answered whole so far.
    pub(super) fn answered(&self) -> Vec<String> {
        self.answered.lock().unwrap().clone()
    }

    /// Returns the requests so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    server: &str,
    answered: &Mutex<Vec<String>>,
    fault: impl Fn(&Request) -> Fault,
) -> io::Result<()> {
    while let Some(request) = read_request(&mut stream)? {
        let cut = match fault(&request) {
            Fault::None => usize::MAX,
            Fault::Answer(answer) => return stream.write_all(answer.as_bytes()),
            Fault::CutAnswer(length) => length,
            Fault::Flip => {
                let mut answer = ask(server, &request)?;
                *answer.last_mut().unwrap() ^= 1;
                return stream.write_all(&answer);
            }
            Fault::Stall(length) => {
                let answer = ask(server, &request)?;
                stream.write_all(&answer[..length.min(answer.len())])?;
                thread::sleep(Duration::from_secs(60));
                return Ok(());
            }
            Fault::HoldLastByte(file) => {
                let answer = ask(server, &request)?;
                let (last, rest) = answer.split_last().unwrap();
                stream.write_all(rest)?;
                while !file.exists() {
                    thread::sleep(Duration::from_millis(10));
                }
                stream.write_all(&[*last])?;
                answered.lock().unwrap().push(request.line().to_owned());
                continue;
            }
            Fault::Hold => {
                thread::sleep(Duration::from_secs(60));
                return Ok(());
            }
            Fault::Cut => return Ok(()),
        };
        let answer = ask(server, &request)?;
        let length = answer.len().min(cut);
        stream.write_all(&answer[..length])?;
        if length == answer.len() {
            answered.lock().unwrap().push(request.line().to_owned());
        }
        if length < answer.len() || request.head.starts_with("HEAD") {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads the next request of a connection. `None` if it is closed.
pub(super) fn read_request(stream: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let mut request = Request {
                head,
                body: bytes.split_off(end + 4),
            };
            let length = request.header("content-length");
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            while request.body.len() < length {
                let read = stream.read(&mut buffer)?;
                if read == 0 {
                    return Ok(None);
                }
                request.body.extend_from_slice(&buffer[..read]);
            }
            return Ok(Some(request));
        }
        match stream.read(&mut buffer)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Sends a request on, and returns the whole answer.
fn ask(server: &str, request: &Request) -> io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(server)?;
    write!(upstream, "{}\r\nConnection: close\r\n\r\n", request.head)?;
    upstream.write_all(&request.body)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}
