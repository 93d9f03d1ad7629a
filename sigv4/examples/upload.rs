//! Both ends of an `aws-chunked` upload over a local socket: a client that signs the body while it
//! sends it, and a server that uses no byte before it is verified.
//!
//! ```text
//! cargo run --example upload
//! ```

#![allow(clippy::print_stdout, reason = "the example shows what happened")]

use std::{
    error::Error,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use keyfob_sigv4::{
    Credentials, Payload, Request, Signer, Timestamp,
    chunked::{Checksum, ChunkEncoder, ChunkSigner, Chunked},
    verify::Verifier,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let known = credentials.clone();
    let server = thread::spawn(move || receive(&listener.accept()?.0, &known));
    let file = vec![b'x'; 1_000_000];
    let answer = upload(&address, file.len() as u64, &file[..], &credentials)?;
    let received = server.join().map_err(|_| "the server panicked")??;
    println!("{answer}: {received} bytes were sent, verified and decoded");
    Ok(())
}

/// Sends the `length` bytes of `source`, and returns the first line of the answer.
fn upload(host: &str, length: u64, source: impl Read, keys: &Credentials) -> Outcome<String> {
    // The headers follow from the length of the body.
    let plan = Chunked::signed(length).checksum(Checksum::Crc32c);
    let (planned, url) = (plan.headers(), format!("http://{host}/bucket/key"));
    let payload = Payload::Streaming(plan.streaming());
    let mut request = Request::new("PUT", &url)?.payload(payload);
    for (name, value) in &planned {
        request = request.header(name, value)?;
    }
    let (signer, now) = (Signer::s3("us-east-1")?, Timestamp::now());
    let signature = signer.sign(&request, keys, now)?;

    let mut socket = TcpStream::connect(host)?;
    write!(socket, "PUT /bucket/key HTTP/1.1\r\nhost: {host}\r\n")?;
    write!(socket, "content-length: {}\r\n", plan.content_length())?;
    let planned = planned.iter().map(|(name, value)| (*name, &**value));
    for (name, value) in planned.chain(signature.headers()) {
        write!(socket, "{name}: {value}\r\n")?;
    }
    write!(socket, "\r\n")?;
    let chunks = ChunkSigner::new(&signer, keys, now, &signature);
    io::copy(
        &mut ChunkEncoder::new(&plan, chunks)?.reader(source),
        &mut socket,
    )?;
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer)?;
    Ok(answer.trim_end().into())
}

/// Receives one request, and returns the length of its decoded body.
fn receive(socket: &TcpStream, keys: &Credentials) -> Outcome<usize> {
    let mut reader = BufReader::new(socket);
    let head = head(&mut reader)?;
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();

    // The signature of the headers is verified first, then that of each chunk.
    let request = Request::from_wire(method, target, &headers)?.payload(Payload::Declared);
    let verifier = Verifier::s3("us-east-1")?;
    let lookup = |id: &str| (id == keys.access_key_id()).then(|| keys.clone());
    let verified = verifier.verify(&request, Timestamp::now(), lookup)?;
    let decoder = verifier.chunk_decoder(&verified, &request)?;
    let mut decoder = decoder.ok_or("the body is not aws-chunked")?;
    let length = headers.iter().find(|(name, _)| *name == "content-length");
    let mut wire = reader.take(length.ok_or("no length")?.1.parse()?);
    let (mut body, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        match wire.read(&mut piece)? {
            0 => break,
            length => decoder.feed(&piece[..length], &mut body)?,
        }
    }
    decoder.finish()?;
    let mut socket = socket;
    write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    Ok(body.len())
}

/// Reads up to the empty line.
fn head(reader: &mut impl BufRead) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
