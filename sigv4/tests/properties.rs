//! Properties of all requests, checked on many random ones.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where"
)]

use keyfob_sigv4::{
    Credentials, Payload, Request, Rules, Scope, Signer, Timestamp, Ttl, uri,
    verify::{ErrorKind, Verifier},
};

/// A SplitMix64 generator. Its sequence is the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    /// Returns a text of up to `most` parts of the alphabet.
    fn text(&mut self, parts: &[&str], most: usize) -> String {
        (0..self.below(most + 1))
            .map(|_| self.pick(parts))
            .collect()
    }
}

const PATH: &[&str] = &[
    "a", "Bc", "/", "7", "%20", "%2F", "%C3%A9", "~", "-", "@", "=", "+", ":", "(", "//",
];
const QUERY: &[&str] = &[
    "a", "B", "&", "=", "%20", "+", "%2f", "-", "x=1", "~", "%", "/", "é", "&&",
];
const VALUE: &[&str] = &["a", "  ", " ", "B", ",", "\"", "é", "\t", "=", ";"];
const NAMES: &[&str] = &[
    "Accept",
    "x-amz-meta-a",
    "X-Amz-Target",
    "Content-Type",
    "x-a",
    "a-very-long-header-name",
    "A-Very-Long-Header-Namf",
];

/// An owned request.
#[derive(Clone)]
struct Sent {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn random(random: &mut Random) -> Self {
        let path = random.text(PATH, 12);
        let query = random.text(QUERY, 14);
        let mark = random.pick(&["", "?"]);
        let headers =
            (0..random.below(6)).map(|_| (random.pick(NAMES).into(), random.text(VALUE, 6)));
        let mut headers: Vec<(String, String)> = headers.collect();
        headers.push((
            "Host".into(),
            random
                .pick(&["example.com", "EXAMPLE.com:8443", "[::1]:9"])
                .into(),
        ));
        Self {
            method: random.pick(&["GET", "PUT", "POST", "DELETE"]).into(),
            target: format!("/{path}{mark}{}", if mark.is_empty() { "" } else { &query }),
            headers,
            body: random.text(VALUE, 20).into_bytes(),
        }
    }

    fn view<'a>(&'a self, pairs: &'a [(&'a str, &'a str)]) -> Request<'a> {
        Request::from_wire(&self.method, &self.target, pairs)
            .unwrap()
            .payload(Payload::Bytes(&self.body))
    }

    fn pairs(&self) -> Vec<(&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }
}

fn now() -> Timestamp {
    "20260301T090000Z".parse().unwrap()
}

fn credentials(random: &mut Random) -> Credentials {
    let token = random.pick(&["", "token/+="]);
    Credentials::new("AKIDEXAMPLE", "secret")
        .unwrap()
        .with_session_token(token)
        .unwrap()
}

fn signer_and_verifier(rules: Rules) -> (Signer, Verifier) {
    let scope = Scope::new("us-east-1", if rules == Rules::S3 { "s3" } else { "es" }).unwrap();
    (
        Signer::with_rules(scope.clone(), rules),
        Verifier::with_rules(scope, rules),
    )
}

/// Signs by header, as a client does.
fn signed(sent: &Sent, signer: &Signer, credentials: &Credentials) -> Sent {
    let pairs = sent.pairs();
    let signature = signer.sign(&sent.view(&pairs), credentials, now()).unwrap();
    let mut signed = sent.clone();
    for (name, value) in signature.headers() {
        signed
            .headers
            .retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        signed.headers.push((name.into(), value.into()));
    }
    signed
}

#[test]
fn the_verifier_accepts_signed_requests_and_refuses_each_changed_byte() {
    let mut random = Random(1);
    for rules in [Rules::GENERAL, Rules::S3] {
        let (signer, verifier) = signer_and_verifier(rules);
        for _ in 0..1500 {
            let sent = Sent::random(&mut random);
            let key = credentials(&mut random);
            let verify = |sent: &Sent| {
                let pairs = sent.pairs();
                let request = Request::from_wire(&sent.method, &sent.target, &pairs)
                    .map_err(|error| error.to_string())?
                    .payload(Payload::Bytes(&sent.body));
                let lookup = |id: &str| (id == key.access_key_id()).then(|| key.clone());
                let verified = verifier.verify(&request, now(), lookup);
                verified.map_err(|error| error.to_string())
            };
            let right = signed(&sent, &signer, &key);
            verify(&right).unwrap_or_else(|error| {
                panic!("{error:?} for {:?} {:?}", right.target, right.headers)
            });
            for _ in 0..6 {
                let wrong = changed(&right, &mut random);
                assert!(
                    verify(&wrong).is_err(),
                    "{:?} {:?} {:?}",
                    wrong.method,
                    wrong.target,
                    wrong.headers
                );
            }
        }
    }
}

/// Returns a copy in which one letter or digit is changed.
fn changed(right: &Sent, random: &mut Random) -> Sent {
    let mut wrong = right.clone();
    match random.below(4) {
        0 => change(&mut wrong.method, random),
        1 if !wrong.target[1..]
            .bytes()
            .any(|byte| byte.is_ascii_alphanumeric()) =>
        {
            wrong.target.push('x');
        }
        1 => change(&mut wrong.target, random),
        2 => {
            let at = random.below(wrong.headers.len());
            if wrong.headers[at]
                .1
                .bytes()
                .any(|byte| byte.is_ascii_alphanumeric())
            {
                change(&mut wrong.headers[at].1, random);
            } else {
                wrong.headers[at].1.push('x');
            }
        }
        _ => wrong.body.push(b'x'),
    }
    wrong
}

fn change(text: &mut String, random: &mut Random) {
    loop {
        let at = random.below(text.len());
        let old = text.as_bytes()[at];
        let new = b'a' + u8::try_from(random.below(26)).unwrap();
        if old.is_ascii_alphanumeric() && old.to_ascii_lowercase() != new {
            return text.replace_range(at..=at, &char::from(new).to_string());
        }
    }
}

#[test]
fn presigned_urls_are_accepted_and_no_parameter_can_be_changed() {
    let mut random = Random(2);
    for rules in [Rules::GENERAL, Rules::S3] {
        let (signer, verifier) = signer_and_verifier(rules);
        for _ in 0..1000 {
            let mut sent = Sent::random(&mut random);
            sent.headers.retain(|(name, _)| name == "Host");
            sent.body.clear();
            let key = credentials(&mut random);
            let pairs = sent.pairs();
            let ttl = Ttl::from_secs(1 + random.next() % 604_800).unwrap();
            let url = signer
                .presign(&sent.view(&pairs), &key, now(), ttl)
                .unwrap()
                .into_string();
            let verify = |url: &str| {
                let request = Request::new(&sent.method, url)
                    .unwrap()
                    .headers(&pairs)
                    .unwrap();
                verifier
                    .verify(&request, now(), |_| Some(key.clone()))
                    .map_err(|error| error.kind())
            };
            verify(&url).unwrap_or_else(|error| panic!("{error:?} for {url}"));
            let base = url
                .find("/?")
                .or_else(|| url[8..].find('/').map(|at| at + 8))
                .unwrap();
            for _ in 0..4 {
                let (head, tail) = url.split_at(base);
                let mut tail = tail.to_owned();
                change(&mut tail, &mut random);
                assert!(verify(&format!("{head}{tail}")).is_err(), "{head}{tail}");
            }
            let later = now().plus_seconds(i64::from(ttl.as_secs()) + 1);
            let request = Request::new(&sent.method, &url)
                .unwrap()
                .headers(&pairs)
                .unwrap();
            let late = verifier
                .verify(&request, later, |_| Some(key.clone()))
                .unwrap_err();
            assert_eq!(late.kind(), ErrorKind::UrlExpired);
        }
    }
}

#[test]
fn presigning_again_replaces_the_old_signature() {
    let mut random = Random(3);
    let (signer, _) = signer_and_verifier(Rules::S3);
    let ttl = Ttl::from_secs(60).unwrap();
    for _ in 0..1000 {
        let sent = Sent::random(&mut random);
        let pairs = sent.pairs();
        let (first, second) = (credentials(&mut random), credentials(&mut random));
        let old = signer
            .presign(&sent.view(&pairs), &first, now(), ttl)
            .unwrap()
            .into_string();
        let headers = [("Host", pairs.last().unwrap().1)];
        let again = Request::new(&sent.method, &old)
            .unwrap()
            .headers(&headers)
            .unwrap();
        let clean = Request::from_wire(&sent.method, &sent.target, &headers).unwrap();
        let later = now().plus_seconds(5);
        assert_eq!(
            signer
                .presign(&again, &second, later, ttl)
                .unwrap()
                .as_str(),
            signer
                .presign(&clean, &second, later, ttl)
                .unwrap()
                .as_str()
        );
    }
}

#[test]
fn clients_send_the_url_that_was_signed() {
    let mut random = Random(4);
    let (signer, _) = signer_and_verifier(Rules::S3);
    let key = credentials(&mut random);
    let ttl = Ttl::from_secs(60).unwrap();
    for number in 0..100_000 {
        let text: String = (0..random.below(12))
            .map(|_| any_char(&mut random))
            .collect();
        // Clients remove dot segments before they send, which no signer can prevent.
        let has_dots = text
            .split('/')
            .any(|segment| segment == "." || segment == "..");
        let wire = uri::encode_path(&format!("k{number}/{text}"));
        let url = format!("https://bucket.s3.amazonaws.com/{wire}");
        let request = Request::new("GET", &url).unwrap();
        assert_eq!(request.path()[1..], wire);
        // Signing is slow and does not change the path, so a sample is enough.
        if number % 16 == 0 {
            let canonical = signer.explain_presign(&request, &key, now(), ttl).unwrap();
            assert_eq!(
                canonical.canonical_request().split('\n').nth(1),
                Some(request.path())
            );
            let presigned = signer.presign(&request, &key, now(), ttl).unwrap();
            if !has_dots {
                assert_eq!(
                    url::Url::parse(presigned.as_str()).unwrap().as_str(),
                    presigned.as_str()
                );
            }
        }
        if !text
            .split('/')
            .any(|segment| segment == "." || segment == "..")
        {
            assert_eq!(url::Url::parse(&url).unwrap().path(), request.path());
        }
        #[cfg(feature = "http")]
        assert_eq!(url.parse::<http::Uri>().unwrap().path(), request.path());
    }
}

/// Returns mostly characters that are special in URLs, and some of any kind.
fn any_char(random: &mut Random) -> char {
    const TROUBLE: &[u8] = b" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~az09";
    match random.below(4) {
        0 => u32::try_from(random.below(0x11_0000))
            .ok()
            .and_then(char::from_u32)
            .unwrap_or('\u{fffd}'),
        _ => char::from(TROUBLE[random.below(TROUBLE.len())]),
    }
}

#[cfg(feature = "http")]
#[test]
fn signing_a_signed_request_again_gives_the_same_signature() {
    let mut random = Random(5);
    for rules in [Rules::GENERAL, Rules::S3] {
        let (signer, _) = signer_and_verifier(rules);
        for _ in 0..500 {
            let build = |path: &str, value: &str| {
                let uri = format!("https://example.com/{path}");
                http::Request::put(uri)
                    .header("x-a", value)
                    .header("user-agent", "me")
                    .body(())
                    .unwrap()
            };
            let (path, value) = (random.text(PATH, 8), random.pick(&["1", "a  b"]));
            let (first, second) = (credentials(&mut random), credentials(&mut random));
            let later = now().plus_seconds(7);
            let mut once = build(&path, value);
            let mut twice = build(&path, value);
            let body = Payload::Bytes(b"body");
            signer.sign_http(&mut twice, body, &first, now()).unwrap();
            for request in [&mut once, &mut twice] {
                signer.sign_http(request, body, &second, later).unwrap();
            }
            assert_eq!(once.headers(), twice.headers());
        }
    }
}
