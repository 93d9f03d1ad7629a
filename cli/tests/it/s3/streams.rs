use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use super::cp::MIB;
use crate::keyfob::Home;

/// Starts a server that takes uploads in parts and forgets their bytes. It notes the lengths of the
/// bodies of parts.
fn sink() -> (String, Arc<Mutex<Vec<u64>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let parts = Arc::<Mutex<Vec<u64>>>::default();
    let noted = Arc::clone(&parts);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let noted = Arc::clone(&noted);
            // A client that goes away is not an error here.
            thread::spawn(move || swallow(&stream.unwrap(), &noted));
        }
    });
    (url, parts)
}

fn swallow(stream: &TcpStream, parts: &Mutex<Vec<u64>>) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(MIB, stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim().is_empty() {
                break;
            }
            let line = line.to_ascii_lowercase();
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.trim().parse().unwrap();
            }
        }
        io::copy(&mut reader.by_ref().take(length), &mut io::sink())?;
        let is_part = first.contains("partNumber");
        if is_part {
            parts.lock().unwrap().push(length);
        }
        let body = match &first {
            _ if is_part => "",
            it if it.contains("?uploads ") => "<R><UploadId>u</UploadId></R>",
            _ => "<CompleteMultipartUploadResult/>",
        };
        let length = body.len();
        write!(
            &mut &*stream,
            "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
    }
}

/// Uploads that many bytes of standard input, and returns the most memory in MiB that it took, and
/// the lengths of its parts.
fn upload(length: u64) -> (u64, Vec<u64>) {
    let (url, parts) = sink();
    let home = Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_ENDPOINT_URL", &url);
    let mut command = home.program(env!("CARGO_BIN_EXE_keyfob"));
    let command = command.args(["s3", "cp", "-", "s3://bucket/stream"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    io::copy(&mut io::repeat(7).take(length), &mut input).unwrap();
    // All but the last parts are on their way.
    let most = peak(&child);
    drop(input);
    assert!(child.wait().unwrap().success());
    let parts = parts.lock().unwrap().clone();
    assert_eq!(parts.iter().sum::<u64>(), length);
    (most, parts)
}

/// Returns the most memory in MiB that a process has had.
pub(crate) fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    let number = line.unwrap().trim().trim_end_matches(" kB");
    number.parse::<u64>().unwrap() / 1024
}

#[test]
fn standard_input_takes_the_same_memory_however_long_it_is() {
    let (most, parts) = upload(400 * MIB as u64 + 1);
    assert_eq!(parts.len(), 51);
    assert!(most < 130, "{most} MiB");
}

#[test]
#[ignore = "long: 5 GiB"]
fn standard_input_of_5_gib_takes_no_more_memory() {
    let (most, parts) = upload(5 << 30);
    assert_eq!(parts.len(), 640);
    assert!(most < 130, "{most} MiB");
}
