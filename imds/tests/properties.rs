//! Damaged input never causes a panic or shows a secret, and accepted input can be sent.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that unwraps fails the test that called it"
)]

use bytes::Bytes;
use http::{Response, StatusCode};
use keyfob_imds::{
    Endpoint, ErrorKind, Mode, Path,
    container::{self, Location},
    events::{LifecycleState, MaintenanceEvent, SpotAction, parse_rebalance},
    metadata::IdentityDocument,
    parse_credentials, wire,
};

/// The same bytes on every machine (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Returns a valid input with parts of it cut out, doubled or replaced, often by text that has
    /// a meaning for a parser.
    fn damaged(&mut self, valid: &[&[u8]]) -> Vec<u8> {
        const PIECES: [&[u8]; 16] = [
            b"\"",
            b"{",
            b"}",
            b"[",
            b"\\u0000",
            b"\r\n",
            b"\0",
            b"\xff",
            b"--",
            b"=",
            b"..",
            b"%",
            b"?",
            b"@",
            b"\x1f\x8b",
            b"-1",
        ];
        let mut bytes = valid[self.below(valid.len())].to_vec();
        for _ in 0..self.below(4) + 1 {
            let (from, to) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
            let range = from.min(to)..from.max(to).min(from.min(to) + 16);
            match self.below(3) {
                0 => drop(bytes.drain(range)),
                1 => {
                    let piece = PIECES[self.below(PIECES.len())];
                    bytes.splice(range, piece.iter().copied()).for_each(drop);
                }
                _ => {
                    let copy = bytes[range.clone()].to_vec();
                    bytes.splice(range.start..range.start, copy).for_each(drop);
                }
            }
        }
        bytes
    }
}

const ROUNDS: usize = 20_000;

const CREDENTIALS: &[u8] = br#"{"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"canary/canary","Token":"canary+canary==",
    "Expiration":"2026-01-01T06:00:00Z","AccountId":"123456789012"}"#;
const REFUSAL: &[u8] =
    br#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"}"#;

#[test]
fn no_credential_document_makes_the_parser_panic_or_show_a_secret() {
    let mut random = Random(1);
    for _ in 0..ROUNDS {
        let document = random.damaged(&[CREDENTIALS, REFUSAL]);
        match parse_credentials(&document) {
            Ok(key) => assert!(!format!("{key:?}").contains("canary")),
            // The service's own code and message are shown on purpose. The damage may have put
            // anything in them.
            Err(error) if error.kind() == ErrorKind::Refused => {}
            Err(error) => assert!(
                !format!("{error} {error:?}").contains("canary"),
                "{error:?}"
            ),
        }
    }
}

#[test]
fn no_metadata_makes_a_parser_panic() {
    let mut random = Random(2);
    let valid: [&[u8]; 5] = [
        include_bytes!("data/identity/document.json"),
        br#"{"action":"terminate","time":"2026-01-01T00:02:00Z"}"#,
        br#"{"noticeTime":"2026-01-01T00:00:00Z"}"#,
        br#"[{"Code":"system-reboot","NotBefore":"21 Jan 2019 09:00:43 GMT","State":"active"}]"#,
        b"Warmed:Running",
    ];
    for _ in 0..ROUNDS {
        let item = random.damaged(&valid);
        let _ = IdentityDocument::parse(item.clone());
        let _ = SpotAction::parse(&item);
        let _ = parse_rebalance(&item);
        let _ = MaintenanceEvent::parse_list(&item);
        let text = String::from_utf8_lossy(&item);
        let _ = LifecycleState::parse(&text).as_str();
        let _ = wire::names(&text).count();
    }
}

#[test]
fn the_request_is_for_the_accepted_path_and_endpoint() {
    let mut random = Random(3);
    for _ in 0..ROUNDS {
        let path = random.damaged(&[
            b"/latest/meta-data/instance-id",
            b"tags/instance/Name",
            b"a%20b/",
        ]);
        let url = random.damaged(&[
            b"http://127.0.0.1:1338/base",
            b"https://[::1]",
            b"http://name.example:80//",
        ]);
        let (path, url) = (
            String::from_utf8_lossy(&path),
            String::from_utf8_lossy(&url),
        );
        let (Ok(checked), Ok(endpoint)) = (Path::new(&path), Endpoint::new(&url)) else {
            continue;
        };
        let request = wire::get_request(&endpoint, &checked, None);
        assert_eq!(request.uri().to_string(), format!("{endpoint}{checked}"));
        assert!(
            request.uri().path().ends_with(checked.as_str()) && request.uri().query().is_none()
        );
        assert!(!checked.as_str().split('/').any(|segment| segment == ".."));
        let child = checked.child(&url).unwrap();
        let slashes = |path: &str| path.bytes().filter(|byte| *byte == b'/').count();
        let added = usize::from(!checked.as_str().ends_with('/'));
        assert_eq!(slashes(child.as_str()), slashes(checked.as_str()) + added);
    }
}

#[test]
fn no_setting_of_a_container_makes_a_parser_panic_or_leaves_the_machine_unencrypted() {
    let mut random = Random(4);
    for _ in 0..ROUNDS {
        let text = random.damaged(&[
            b"http://169.254.170.23/v1/credentials",
            b"https://agent.example/c",
            b"/v2/credentials/id",
        ]);
        let text = String::from_utf8_lossy(&text);
        let _ = Location::relative(&text);
        let _ = text.parse::<Mode>();
        if let Ok(token) = container::authorization(&text) {
            assert!(token.is_sensitive() && !token.as_bytes().contains(&b'\n'));
        }
        if let Ok(location) = Location::full(&text) {
            let foreign = location.check(&["192.0.2.1".parse().unwrap()]);
            assert_eq!(
                foreign.is_ok(),
                location.to_string().starts_with("https://"),
                "{location}"
            );
        }
    }
}

#[test]
fn no_answer_makes_the_protocol_panic() {
    let mut random = Random(5);
    for _ in 0..ROUNDS {
        let mut response =
            Response::new(Bytes::from(random.damaged(&[b"AQAEALEXAMPLE==", REFUSAL])));
        *response.status_mut() = StatusCode::from_u16(200 + random.below(400) as u16).unwrap();
        if let Ok(ttl) = http::HeaderValue::from_bytes(&random.damaged(&[b"21600", b"1"])) {
            response.headers_mut().insert(wire::TTL_HEADER, ttl);
        }
        if let Ok(token) = wire::token(&response, wire::TokenTtl::MAX) {
            assert!(
                (1..=21_600).contains(&token.ttl().as_secs())
                    && token.header_value().is_sensitive()
            );
        }
        let _ = container::credentials(&response, None);
        let _ = wire::value(response, &Path::new("x").unwrap());
    }
}

#[cfg(feature = "user-data")]
#[test]
fn no_user_data_makes_the_unpacker_panic_or_grow_without_bound() {
    let archive: &[u8] = b"Content-Type: multipart/mixed; boundary=\"B\"\r\n\r\n--B\r\nContent-Type: text/cloud-config\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nI2Nsb3VkLWNvbmZpZw==\r\n--B\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n\
        --C\r\n\r\n#!/bin/sh\r\n--C--\r\n--B--\r\n";
    // `#!/bin/sh` and a line end, compressed.
    let zipped: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x53, 0x56, 0xd4, 0x4f, 0xca, 0xcc, 0xd3, 0x2f, 0xce,
        0xe0, 2, 0, 0xd8, 0xd8, 0x9b, 0x0b, 0x0a, 0, 0, 0,
    ];
    let mut random = Random(6);
    for _ in 0..ROUNDS {
        let data = random.damaged(&[archive, zipped, b"#cloud-config\n"]);
        if let Ok(parts) = keyfob_imds::metadata::unpack_user_data(data) {
            assert!(parts.len() <= 1000);
        }
    }
}

#[cfg(feature = "verify")]
#[test]
fn no_certificate_or_signature_makes_the_verifier_panic() {
    use keyfob_imds::metadata::Certificate;
    let certificate: &[u8] = include_bytes!("data/identity/certificate.pem");
    let signature: &[u8] = include_bytes!("data/identity/rsa2048");
    let document = IdentityDocument::parse("{}").unwrap();
    let good = Certificate::from_pem(&String::from_utf8_lossy(certificate)).unwrap();
    let mut random = Random(7);
    for _ in 0..ROUNDS / 10 {
        let damaged = String::from_utf8_lossy(&random.damaged(&[certificate])).into_owned();
        if let Ok(other) = Certificate::from_pem(&damaged) {
            assert!(
                other
                    .verify_pkcs7(&document, &String::from_utf8_lossy(signature))
                    .is_err()
            );
        }
        let damaged = String::from_utf8_lossy(&random.damaged(&[signature])).into_owned();
        assert!(good.verify_pkcs7(&document, &damaged).is_err());
    }
}
