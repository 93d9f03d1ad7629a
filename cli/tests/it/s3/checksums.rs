use std::{collections::BTreeMap, fs};

use super::{
    cp::{MIB, bytes, through, write},
    fault_proxy::{Fault, Request},
    home, keyfob, server,
};
use crate::{keyfob::assert_has, servers::Server};

#[test]
fn checksums_go_with_what_is_uploaded_and_are_compared_with_what_comes() {
    let server = server();
    uploads_have_a_checksum(&server);
    the_checksum_of_parts_is_that_of_the_whole(&server);
    an_object_that_is_not_made_of_the_parts_is_an_error(&server);
    the_parts_of_large_objects_come_side_by_side(&server);
    what_is_not_the_object_is_no_file(&server);
}

/// Returns the headers of a request with checksums.
fn checksums(request: &Request) -> BTreeMap<String, String> {
    let lines = request.head.lines().skip(1);
    let headers = lines.filter_map(|line| line.split_once(": "));
    let of_checksums = headers.filter(|(name, _)| name.starts_with("x-amz-checksum-"));
    of_checksums
        .map(|(name, value)| (name.replace("x-amz-checksum-", ""), value.to_owned()))
        .collect()
}

fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Source: check values of the CRC catalog of RevEng; SHA-1 and SHA-256 of hashlib of Python.
fn uploads_have_a_checksum(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    write(&home, "in", "123456789");
    let words = ["cp", "in", "s3://bucket/o"];
    let mut expected = Vec::new();
    keyfob(&home, &words).ok();
    expected.push(map([("crc64nvme", "rosUhgp5mIg=")]));
    for (algorithm, header, value) in [
        ("CRC64NVME", "crc64nvme", "rosUhgp5mIg="),
        ("CRC32", "crc32", "y/Q5Jg=="),
        ("CRC32C", "crc32c", "4waSgw=="),
        ("SHA1", "sha1", "98O8HYCOBHMq32eZZczDTKeuNEE="),
        (
            "SHA256",
            "sha256",
            "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ),
    ] {
        keyfob(
            &home,
            &[&words[..], &["--checksum-algorithm", algorithm]].concat(),
        )
        .ok();
        expected.push(map([(header, value)]));
    }
    // A copy says only which one S3 computes.
    let copy = [
        "cp",
        "s3://bucket/o",
        "s3://bucket/p",
        "--checksum-algorithm",
        "SHA256",
    ];
    keyfob(&home, &copy).ok();
    expected.push(map([("algorithm", "SHA256")]));
    let requests = proxy.requests().into_iter();
    let puts = requests.filter(|request| request.line().starts_with("PUT"));
    let found: Vec<_> = puts.map(|request| checksums(&request)).collect();
    assert_eq!(found, expected);
    // Servers that do not know them need not get any.
    let home = home.with("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required");
    keyfob(&home, &words).ok();
    keyfob(
        &home,
        &[&words[..], &["--checksum-algorithm", "CRC32"]].concat(),
    )
    .ok();
    let requests = proxy.requests();
    let last: Vec<_> = requests[requests.len() - 2..]
        .iter()
        .map(checksums)
        .collect();
    assert_eq!(last, [map([]), map([("crc32", "y/Q5Jg==")])]);
}

fn the_checksum_of_parts_is_that_of_the_whole(server: &Server) {
    let (home, proxy) = through(server, |_, _| Fault::None);
    let content = bytes(9 * MIB);
    write(&home, "in", &content);
    keyfob(
        &home,
        &[
            "cp",
            "in",
            "s3://bucket/parts",
            "--checksum-algorithm",
            "CRC32",
        ],
    )
    .ok();
    let requests = proxy.requests();
    let found: Vec<_> = requests.iter().map(checksums).collect();
    assert_eq!(
        found[0],
        map([("algorithm", "CRC32"), ("type", "FULL_OBJECT")])
    );
    // S3 makes that of the whole by those of the parts, which it has compared.
    // Before them, other uploads are looked for.
    assert_eq!(found[4], map([]));
    let parts = [crc32(&content[..8 * MIB]), crc32(&content[8 * MIB..])];
    for (number, part) in (1..).zip(&parts) {
        let name = format!("partNumber={number}");
        let request = requests
            .iter()
            .find(|request| request.line().contains(&name));
        assert_eq!(checksums(request.unwrap()), map([("crc32", part)]));
        let body = String::from_utf8_lossy(&requests[4].body);
        assert_has(&body, &[&format!("<ChecksumCRC32>{part}</ChecksumCRC32>")]);
    }
    // Hashes cannot be combined.
    keyfob(
        &home,
        &[
            "cp",
            "in",
            "s3://bucket/parts",
            "--checksum-algorithm",
            "SHA256",
        ],
    )
    .ok();
    let found: Vec<_> = proxy.requests()[5..].iter().map(checksums).collect();
    assert_eq!(
        found[0],
        map([("algorithm", "SHA256"), ("type", "COMPOSITE")])
    );
    // Before them, other uploads are looked for.
    assert_eq!(found[4], map([]));
}

fn an_object_that_is_not_made_of_the_parts_is_an_error(server: &Server) {
    let whole = crc32(&bytes(9 * MIB));
    for (checksum, code) in [
        (whole.as_str(), 0),
        ("AAAAAA==", 1),
        // Some servers say that of the parts.
        ("AAAAAA==-2", 0),
    ] {
        let body = format!(
            "<CompleteMultipartUploadResult><ChecksumCRC32>{checksum}</ChecksumCRC32>\
             </CompleteMultipartUploadResult>"
        );
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let (home, _proxy) = through(server, move |_, request| {
            let line = request.line();
            if line.starts_with("POST") && line.contains("uploadId") {
                Fault::Answer(answer.clone())
            } else {
                Fault::None
            }
        });
        write(&home, "in", bytes(9 * MIB));
        let words = ["cp", "in", "s3://bucket/p", "--checksum-algorithm", "CRC32"];
        let run = keyfob(&home, &words);
        assert_eq!(run.code, code, "{run:?}");
        if code == 1 {
            let text = format!(
                "upload failed: ./in to s3://bucket/p CompleteMultipartUpload: the object is \
                 damaged, upload it again: Expected checksum {whole} did not match calculated \
                 checksum: AAAAAA==\n"
            );
            // The upload before it was not completed, of which a hint tells.
            assert_has(&run.stderr, &[&text]);
        }
    }
}

/// Returns the CRC-32 of zlib, in Base64.
fn crc32(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    let table: Vec<u32> = (0..256_u32)
        .map(|byte| (0..8).fold(byte, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
        .collect();
    let step = |crc: u32, byte: &u8| (crc >> 8) ^ table[(crc as u8 ^ byte) as usize];
    STANDARD.encode((!bytes.iter().fold(u32::MAX, step)).to_be_bytes())
}

/// Creates objects with one request each: `CRC32`, `SHA256`, and `none` without a checksum.
fn put_large(server: &Server) {
    let script = r#"
import boto3, sys
from botocore.config import Config
url, id, secret, path = sys.argv[1:]
def client(**more):
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1",
                        aws_access_key_id=id, aws_secret_access_key=secret, config=Config(**more))
body = open(path, "rb").read()
for name in "CRC32", "SHA256":
    client().put_object(Bucket="bucket", Key=name, Body=body, ChecksumAlgorithm=name)
client(request_checksum_calculation="when_required").put_object(Bucket="bucket", Key="none", Body=body)
"#;
    let home = server.home();
    write(&home, "large", bytes(35 * MIB + 1));
    let path = home.path().join("large");
    server
        .python(
            script,
            &[&server.key_id, &server.secret, path.to_str().unwrap()],
        )
        .ok();
}

fn the_parts_of_large_objects_come_side_by_side(server: &Server) {
    put_large(server);
    let content = bytes(35 * MIB + 1);
    for name in ["CRC32", "SHA256", "none"] {
        let (home, proxy) = through(server, |_, _| Fault::None);
        keyfob(&home, &["cp", &format!("s3://bucket/{name}"), "out"]).ok();
        assert!(
            fs::read(home.path().join("out")).unwrap() == content,
            "{name}"
        );
        let requests = proxy.requests();
        let ranges = requests
            .iter()
            .filter_map(|request| request.header("range"));
        let ranges: Vec<&str> = ranges.collect();
        assert!(ranges.contains(&"bytes=33554432-36700160"), "{ranges:?}");
        assert!(requests[0].header("range").is_none());
        let etag = requests[1].header("if-match").unwrap();
        assert!(
            requests[1..]
                .iter()
                .all(|it| it.header("if-match") == Some(etag))
        );
    }
}

fn what_is_not_the_object_is_no_file(server: &Server) {
    let plain = home(server);
    write(&plain, "small", "123456789");
    keyfob(&plain, &["cp", "small", "s3://bucket/small"]).ok();
    let is_last = |request: &Request| {
        let range = request.header("range");
        range.is_none_or(|range| range.ends_with("-36700160"))
    };
    for name in ["small", "CRC32", "SHA256"] {
        let (home, _proxy) = through(server, move |_, request| {
            if name == "small" || (is_last(request) && request.header("range").is_some()) {
                Fault::Flip
            } else {
                Fault::None
            }
        });
        let stderr = keyfob(&home, &["cp", &format!("s3://bucket/{name}"), "out"]).fails(1);
        assert_has(
            &stderr,
            &[
                "download failed: ",
                " to ./out Expected checksum ",
                " did not match calculated checksum: ",
            ],
        );
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{name}");
        // What goes to standard output has gone, and the exit code says what it is worth.
        if name == "small" {
            let run = keyfob(&home, &["cp", "s3://bucket/small", "-"]);
            assert_eq!((run.code, run.stdout.as_str()), (1, "123456788"));
            let home = home.with("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required");
            let run = keyfob(&home, &["cp", "s3://bucket/small", "-"]);
            assert_eq!((run.code, run.stdout.as_str()), (0, "123456788"));
            let words = ["cp", "s3://bucket/small", "-", "--checksum-mode", "ENABLED"];
            assert_eq!(keyfob(&home, &words).code, 1);
        }
    }
    // The object has changed.
    let (home, _proxy) = through(server, move |_, request| match request.header("range") {
        Some(_) => Fault::Answer(
            "HTTP/1.1 412 Precondition Failed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                .to_owned(),
        ),
        None => Fault::None,
    });
    let stderr = keyfob(&home, &["cp", "s3://bucket/none", "out"]).fails(1);
    assert_has(&stderr, &["download failed: s3://bucket/none to ./out "]);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    // Connections that break in a range go on where they broke.
    let (home, proxy) = through(server, |_, request| match request.header("range") {
        Some(range) if range.ends_with("-33554431") && range.starts_with("bytes=25165824-") => {
            Fault::CutAnswer(3 * MIB)
        }
        _ => Fault::None,
    });
    keyfob(&home, &["cp", "s3://bucket/CRC32", "out"]).ok();
    assert!(fs::read(home.path().join("out")).unwrap() == bytes(35 * MIB + 1));
    let requests = proxy.requests();
    let again = requests
        .iter()
        .filter_map(|request| request.header("range"));
    let again = again.filter(|range| range.ends_with("-33554431")).count();
    assert!(again >= 2, "{again}");
}
