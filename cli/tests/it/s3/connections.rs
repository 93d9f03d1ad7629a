//! Where requests of S3 go to, and how: hosts, proxies and certificates. No name is resolved: a
//! proxy sees the hosts of AWS.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use super::{
    cp::write,
    fault_proxy::{Fault, FaultProxy, read_request},
    keyfob,
};
use crate::{
    endpoints::tls,
    keyfob::{Home, assert_has},
};

fn home() -> Home {
    Home::new()
        .with("AWS_REGION", "eu-west-1")
        .with_key("AKIDEXAMPLE", "canary")
}

fn refusing(status: &'static str) -> FaultProxy {
    FaultProxy::start("http://127.0.0.1:1", move |_, _| {
        Fault::Answer(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"))
    })
}

#[test]
fn the_host_follows_the_bucket_and_the_settings() {
    let block = |line: &str| format!("[default]\ns3 =\n  {line}\n");
    let path = block("addressing_style = path");
    let accelerate = block("use_accelerate_endpoint = true");
    let dual_stack = block("use_dualstack_endpoint = true");
    for (uri, config, more, host) in [
        ("s3://", "", &[][..], "s3.eu-west-1.amazonaws.com"),
        ("s3://bkt", "", &[], "bkt.s3.eu-west-1.amazonaws.com"),
        (
            "s3://bkt/k",
            "",
            &["--region", "cn-north-1"],
            "bkt.s3.cn-north-1.amazonaws.com.cn",
        ),
        ("s3://my.bucket", "", &[], "s3.eu-west-1.amazonaws.com"),
        ("s3://Bkt_x", "", &[], "s3.eu-west-1.amazonaws.com"),
        ("s3://bkt", &path, &[], "s3.eu-west-1.amazonaws.com"),
        (
            "s3://bkt",
            &accelerate,
            &[],
            "bkt.s3-accelerate.amazonaws.com",
        ),
        (
            "s3://bkt",
            &dual_stack,
            &[],
            "bkt.s3.dualstack.eu-west-1.amazonaws.com",
        ),
    ] {
        let proxy = refusing("502 Bad Gateway");
        let home = home()
            .with("HTTPS_PROXY", &proxy.url)
            .with_file("config", config);
        let words = [&["ls", uri, "--max-attempts", "1"], more].concat();
        let stderr = keyfob(&home, &words).fails(255);
        let refused = "the proxy refused to connect to the server";
        assert_has(
            &stderr,
            &[
                "(EndpointConnection): could not connect to https://",
                refused,
            ],
        );
        assert_eq!(
            proxy.requests()[0].line(),
            format!("CONNECT {host}:443"),
            "{uri}"
        );
    }
}

#[test]
fn the_user_of_a_proxy_is_sent_to_it_and_a_refusal_says_so() {
    let proxy = refusing("407 Proxy Authentication Required");
    let url = proxy.url.replace("http://", "http://ada:pass@");
    let home = home().with("HTTPS_PROXY", &url);
    let stderr = keyfob(&home, &["ls", "s3://bkt", "--max-attempts", "1"]).fails(255);
    assert_has(&stderr, &["the proxy wants a user and a password"]);
    let header = proxy.requests()[0]
        .header("proxy-authorization")
        .unwrap()
        .to_owned();
    assert_eq!(header, "Basic YWRhOnBhc3M=");
    let home = self::home().with("HTTPS_PROXY", "nonsense://");
    let stderr = keyfob(&home, &["ls", "s3://bkt"]).fails(253);
    assert_has(&stderr, &["HTTPS_PROXY cannot be used as a proxy"]);
}

#[test]
fn without_tls_a_proxy_gets_the_whole_url_and_the_server_the_signed_one() {
    let body = "<ListBucketResult/>";
    let proxy = FaultProxy::start("http://127.0.0.1:1", move |_, _| {
        let length = body.len();
        Fault::Answer(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    });
    let home = home().with("HTTP_PROXY", &proxy.url);
    let endpoint = ["--endpoint-url", "http://minio.example:9000"];
    let run = keyfob(&home, &[&["ls", "s3://bkt"], &endpoint[..]].concat());
    run.ok();
    let request = &proxy.requests()[0];
    assert_has(
        request.line(),
        &["GET http://minio.example:9000/bkt?list-type=2&"],
    );
    assert_eq!(request.header("host"), Some("minio.example:9000"));
    assert!(request.header("authorization").is_some());
}

#[test]
fn a_ca_bundle_is_trusted_and_other_certificates_are_not() {
    let server = tls::Server::start("server.pem");
    let home = || home().with("AWS_ENDPOINT_URL", &server.url);
    let words = ["ls", "s3://bkt", "--max-attempts", "1"];
    let file = |name: &str| tls::file(name).to_str().unwrap().to_owned();
    // What answers is not S3, and the connection to it is one.
    let answered = "when calling the ListObjectsV2 operation";
    let stderr = keyfob(&home().with("AWS_CA_BUNDLE", &file("ca.pem")), &words).stderr;
    assert_has(&stderr, &[answered]);
    let stderr = keyfob(&home(), &[&words[..], &["--no-verify-ssl"]].concat()).stderr;
    assert_has(&stderr, &[answered]);
    for home in [home(), home().with("AWS_CA_BUNDLE", &file("other.pem"))] {
        let stderr = keyfob(&home, &words).fails(255);
        assert_has(&stderr, &["is not signed by an authority that is trusted"]);
    }
    let stderr = keyfob(&home(), &[&words[..], &["--offline"]].concat()).fails(253);
    assert_has(&stderr, &["is not called, because of --offline"]);
}

/// A server that takes uploads, and counts.
struct Uploads {
    url: String,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    uploads: AtomicUsize,
    on_the_way: AtomicUsize,
    most: AtomicUsize,
}

impl Uploads {
    /// Starts one that answers after that time.
    fn start(time: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let counts = Arc::<Counts>::default();
        let shared = Arc::clone(&counts);
        // It ends with the test program.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let counts = Arc::clone(&shared);
                counts.connections.fetch_add(1, Relaxed);
                thread::spawn(move || take(stream.unwrap(), &counts, time));
            }
        });
        Self { url, counts }
    }
}

fn take(mut stream: TcpStream, counts: &Counts, time: Duration) {
    while let Ok(Some(_)) = read_request(&mut stream) {
        let on_the_way = counts.on_the_way.fetch_add(1, Relaxed) + 1;
        counts.most.fetch_max(on_the_way, Relaxed);
        thread::sleep(time);
        counts.uploads.fetch_add(1, Relaxed);
        counts.on_the_way.fetch_sub(1, Relaxed);
        if stream.write_all(TAKEN).is_err() {
            return;
        }
    }
}

const TAKEN: &[u8] = b"HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 0\r\n\r\n";

/// Uploads so many small files, and returns what the server has counted.
fn upload(server: &Uploads, files: usize, words: &[&str]) -> [usize; 3] {
    let home = home().with("AWS_ENDPOINT_URL", &server.url);
    for number in 0..files {
        write(&home, &format!("files/{number}"), "content");
    }
    let words = [&["cp", "files", "s3://bkt", "--recursive"], words].concat();
    keyfob(&home, &words).ok();
    let counts = &server.counts;
    [&counts.uploads, &counts.connections, &counts.most].map(|count| count.load(Relaxed))
}

/// Also after answers without a body, as those to uploads are.
#[test]
fn a_connection_is_used_for_many_requests() {
    let server = Uploads::start(Duration::ZERO);
    let [uploads, connections, _] = upload(&server, 20, &["--jobs", "2"]);
    assert_eq!(uploads, 20);
    assert!(connections <= 2, "{connections}");
}

#[test]
fn more_requests_are_sent_as_long_as_that_is_of_use() {
    // A machine that is busy cannot make them fewer than twice as many as at first.
    let server = Uploads::start(Duration::from_millis(50));
    let [uploads, _, most] = upload(&server, 400, &[]);
    assert_eq!(uploads, 400);
    assert!((16..=64).contains(&most), "{most}");
    let server = Uploads::start(Duration::from_millis(50));
    let [_, _, most] = upload(&server, 60, &["--jobs", "3"]);
    assert!(most <= 3, "{most}");
}
