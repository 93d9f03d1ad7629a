//! The checks of the fuzz targets on a fixed sequence of mutations, short enough for each test run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Response, StatusCode};
use keyfob_imds::{
    Endpoint, Path,
    container::{self, Location},
    events::{LifecycleState, MaintenanceEvent, SpotAction, parse_rebalance},
    metadata::{Certificate, IdentityDocument, unpack_user_data},
    parse_credentials, wire,
};

/// A xorshift generator. Its sequence is the same on each machine.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    /// Changes, duplicates, cuts or moves a few bytes.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        const BYTES: &[u8] = b"\"{}[]:;=-\r\n \t/%@?#\\0fF\x80\xff\0";
        let mut bytes = seed.to_vec();
        for _ in 0..=self.next(4) {
            let at = self.next(bytes.len());
            match self.next(5) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] = BYTES[self.next(BYTES.len())],
                2 if !bytes.is_empty() => bytes[at] ^= 1 << self.next(8),
                3 => bytes.extend_from_within(at..),
                _ => {
                    let end = at + self.next(bytes.len() - at);
                    bytes.drain(at..end);
                }
            }
        }
        bytes
    }

    fn mutate_text(&mut self, seed: &str) -> String {
        String::from_utf8_lossy(&self.mutate(seed.as_bytes())).into_owned()
    }
}

#[test]
fn no_credential_document_panics_or_shows_a_secret() {
    const TOKEN: &str = "canary-token-of-the-request";
    let sent = container::authorization(TOKEN).unwrap();
    let mut random = Random(1);
    let seeds = [
        r#"{"Code":"Success","AccessKeyId":"AKID","SecretAccessKey":"canary1","Token":"canary2","Expiration":"2026-01-01T00:00:00Z","AccountId":"1"}"#,
        r#"{"Code":"Failed","Message":"no canary-token-of-the-request","SecretAccessKey":"x"}"#,
        r#"{"code":"canary-token-of-the-request","message":"é"}"#,
    ];
    let mut whole = 0;
    for round in 0..20_000 {
        let document = random.mutate(seeds[round % seeds.len()].as_bytes());
        let parsed = parse_credentials(&document);
        whole += usize::from(parsed.is_ok());
        let mut response = Response::new(Bytes::from(document));
        *response.status_mut() = [StatusCode::OK, StatusCode::FORBIDDEN][round % 2];
        let answered = container::credentials(&response, Some(&sent)).err();
        let shown = format!("{answered:?}");
        assert!(!shown.contains(&TOKEN[..14]), "{shown}");
    }
    assert!(whole > 100, "only {whole} documents were whole");
}

#[test]
fn no_user_data_panics_or_is_repeated_in_an_error() {
    let mut random = Random(2);
    let message = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n--B\n\
        Content-Type: text/cloud-config\nContent-Disposition: attachment; filename*0*=utf-8''a%20b;\n filename*1=c\n\
        \n#cloud-config\n--B\nContent-Transfer-Encoding: base64\n\nIyEvYmluL3NoCg==\n--B\n\
        Content-Type: multipart/mixed; boundary=C\n\n--C\nContent-Transfer-Encoding: quoted-printable\n\n#!canary=3D\n--C--\n--B--\n";
    let mut parts = 0;
    for _ in 0..20_000 {
        match unpack_user_data(random.mutate(message)) {
            Ok(unpacked) => {
                parts += unpacked.len();
                assert!(!format!("{unpacked:?}").contains("canary"));
            }
            Err(error) => assert!(!format!("{error:?}").contains("canary")),
        }
    }
    assert!(parts > 20_000, "only {parts} parts");
}

#[test]
fn no_signed_message_panics_or_is_taken_for_a_signature() {
    let mut random = Random(3);
    let text = include_str!("data/identity/rsa2048");
    let seed = STANDARD.decode(text.replace(['\n', '\r'], "")).unwrap();
    let own = include_str!("data/identity/certificate.pem");
    let body: String = own.lines().filter(|line| !line.starts_with('-')).collect();
    let certificate_seed = STANDARD.decode(body).unwrap();
    let certificate = Certificate::from_pem(own).unwrap();
    let document = IdentityDocument::parse(r#"{"region": "eu-west-1"}"#).unwrap();
    for _ in 0..2_000 {
        let signature = STANDARD.encode(random.mutate(&seed));
        assert!(certificate.verify_pkcs7(&document, &signature).is_err());
        let other = STANDARD.encode(random.mutate(&certificate_seed));
        let pem = format!("-----BEGIN CERTIFICATE-----\n{other}\n-----END CERTIFICATE-----\n");
        let _ = Certificate::from_pem(&pem);
    }
}

#[test]
fn no_event_panics_or_is_repeated_in_an_error() {
    let mut random = Random(4);
    let seeds = [
        r#"{"action":"stop","time":"2026-01-01T00:02:00Z","x":"canary"}"#,
        r#"{"noticeTime":"2026-01-01T00:00:00Z","x":"canary"}"#,
        r#"[{"Code":"system-reboot","NotBefore":"1 Feb 2026 09:00:43 GMT","Description":"canary"}]"#,
    ];
    let mut whole = 0;
    for round in 0..20_000 {
        let document = random.mutate(seeds[round % seeds.len()].as_bytes());
        let spot = SpotAction::parse(&document);
        let events = MaintenanceEvent::parse_list(&document);
        let rebalance = parse_rebalance(&document);
        whole += usize::from(spot.is_ok() || events.is_ok() || rebalance.is_ok());
        let identity = IdentityDocument::parse(document.clone()).err();
        let shown = format!(
            "{:?}{:?}{:?}{identity:?}",
            spot.err(),
            events.err(),
            rebalance.err()
        );
        assert!(!shown.contains("canary"), "{shown}");
        let state = String::from_utf8_lossy(&document);
        assert_eq!(LifecycleState::parse(&state).as_str(), state.trim());
    }
    assert!(whole > 100, "only {whole} events were whole");
}

#[test]
fn no_listed_name_leaves_its_directory() {
    let mut random = Random(5);
    let directory = Path::new("/latest/meta-data/x/").unwrap();
    let mut names = 0;
    for _ in 0..20_000 {
        let listing = random.mutate_text("ami-id\n../a%2f..\n0=key\nmacs/\n%2e%2E/x y?z#\n");
        for name in wire::names(&listing) {
            let Ok(child) = directory.child(name) else {
                continue;
            };
            names += 1;
            let rest = child.as_str().strip_prefix(directory.as_str()).unwrap();
            assert!(!rest.contains('/'), "{name}");
            assert!(Path::new(child.as_str()).is_ok(), "{name}");
            let _ = Path::new(name).map(|path| path.is_secret());
        }
    }
    assert!(names > 20_000, "only {names} names");
}

#[test]
fn no_url_panics_and_accepted_ones_have_a_host_and_no_user() {
    let mut random = Random(6);
    let seeds = [
        "http://169.254.169.254/base/",
        "https://[fd00:ec2::254]:443",
        "http://localhost:1338/v1/credentials?id=1",
        "http://user:canary@127.0.0.1/",
        "/v2/credentials/canary?x",
    ];
    let mut accepted = 0;
    for round in 0..40_000 {
        let text = random.mutate_text(seeds[round % seeds.len()]);
        if let Ok(endpoint) = Endpoint::new(&text) {
            accepted += 1;
            let path = Path::new("/latest/user-data").unwrap();
            let uri = wire::get_request(&endpoint, &path, None).into_parts().0.uri;
            assert!(uri.host().is_some_and(|host| !host.is_empty()), "{text}");
            assert!(uri.path().ends_with("/latest/user-data"), "{text}");
            assert!(!uri.authority().unwrap().as_str().contains('@'), "{text}");
        }
        if let Ok(location) = Location::full(&text) {
            accepted += 1;
            assert_eq!(Location::full(&location.to_string()).unwrap(), location);
        }
        if let Ok(location) = Location::relative(&text) {
            assert_eq!(location.host(), "169.254.170.2");
        }
    }
    assert!(accepted > 1_000, "only {accepted} were accepted");
}
