//! The host that the signature covers is the host that the application sees.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keyfob_sigv4::{
    Credentials, Request, Scope, Signer, Timestamp, Ttl,
    verify::{self, ErrorKind, Verified, Verifier},
};

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn now() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn scope() -> Scope {
    Scope::new("us-east-1", "execute-api").unwrap()
}

const TARGET: &str = "/items?a=1";

/// Returns the headers of a request to this host, signed, and its presigned target.
fn signed(host: &str) -> (Vec<(String, String)>, String) {
    let url = format!("https://{host}{TARGET}");
    let request = Request::new("GET", &url).unwrap();
    let signature = Signer::new(scope())
        .sign(&request, &credentials(), now())
        .unwrap();
    let headers = signature.headers();
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let presigned = Signer::new(scope())
        .presign(&request, &credentials(), now(), Ttl::MAX)
        .unwrap();
    let (_, target) = presigned.as_str().split_once(".com").unwrap();
    (
        headers.collect(),
        format!("/{}", target.trim_start_matches('/')),
    )
}

fn verify(request: &Request<'_>) -> Result<Verified, verify::Error> {
    Verifier::new(scope()).verify(request, now(), |_| Some(credentials()))
}

/// Returns the answers to the request with this authority in its target, and these `Host` headers:
/// signed and presigned for `example.com`, by both constructors.
fn answers(authority: Option<&str>, hosts: &[&str]) -> Vec<Result<(), ErrorKind>> {
    let (signature, presigned) = signed("example.com");
    let given = hosts.iter().map(|host| ("Host", *host));
    let signature = signature.iter().map(|(name, value)| (&**name, &**value));
    let by_header: Vec<_> = given.clone().chain(signature).collect();
    let by_query: Vec<_> = given.collect();
    let mut answers = Vec::new();
    for (target, headers) in [(TARGET, by_header), (&*presigned, by_query)] {
        let scheme = authority.map_or("", |_| "https://");
        let target = format!("{scheme}{}{target}", authority.unwrap_or_default());
        let request = Request::from_wire("GET", &target, &headers);
        let answer = verify(&request.unwrap()).map(drop);
        answers.push(answer.map_err(|error| error.kind()));
        #[cfg(feature = "http")]
        {
            let parts = parts(&target, &headers);
            let answer = verify(&Request::from_http(&parts).unwrap()).map(drop);
            answers.push(answer.map_err(|error| error.kind()));
        }
    }
    answers
}

#[cfg(feature = "http")]
fn parts(target: &str, headers: &[(&str, &str)]) -> http::request::Parts {
    let mut request = http::Request::get(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn a_target_and_a_host_header_that_name_the_same_host_are_accepted() {
    for (authority, hosts) in [
        (None, &["example.com"][..]),
        (Some("example.com"), &[]),
        (Some("example.com"), &["example.com"]),
        (Some("EXAMPLE.com:443"), &["example.com"]),
    ] {
        let answers = answers(authority, hosts);
        assert!(answers.iter().all(Result::is_ok), "{authority:?} {hosts:?}");
    }
}

#[test]
fn a_host_header_that_differs_from_the_authority_of_the_target_is_refused() {
    for (authority, hosts) in [
        ("evil.com", &["example.com"][..]),
        ("example.com", &["evil.com"]),
        ("example.com", &["example.com:8443"]),
        ("example.com", &["example.com."]),
        ("example.com", &[""]),
        ("example.com", &["user@example.com"]),
        ("example.com", &["example.com, evil.com"]),
    ] {
        for answer in answers(Some(authority), hosts) {
            assert_eq!(answer, Err(ErrorKind::Host), "{authority} {hosts:?}");
        }
    }
}

#[test]
fn two_host_headers_are_refused_even_if_they_are_equal() {
    for hosts in [["example.com", "evil.com"], ["example.com", "example.com"]] {
        for authority in [None, Some("example.com")] {
            for answer in answers(authority, &hosts) {
                assert_eq!(answer, Err(ErrorKind::Host), "{hosts:?}");
            }
        }
    }
}

#[test]
fn a_refused_host_has_the_status_400_in_each_dialect() {
    let headers = [("host", "a.com"), ("host", "b.com")];
    let request = Request::from_wire("GET", "/", &headers).unwrap();
    for verifier in [Verifier::new(scope()), Verifier::s3("us-east-1").unwrap()] {
        let error = verifier.verify(&request, now(), |_| None).unwrap_err();
        assert_eq!(error.status(), 400);
        assert_eq!(error.to_string(), "the header host must appear only once");
    }
}

#[test]
fn a_server_behind_a_proxy_can_state_the_host_that_the_client_used() {
    let (signature, presigned) = signed("example.com");
    let mut headers = vec![("host", "10.0.0.7:8080"), ("x-forwarded-for", "192.0.2.1")];
    let received = Request::from_wire("GET", &presigned, &headers).unwrap();
    assert!(verify(&received).is_err());
    assert!(verify(&received.with_host("Example.com:443").unwrap()).is_ok());

    headers.extend(signature.iter().map(|(name, value)| (&**name, &**value)));
    let received = Request::from_wire("GET", TARGET, &headers).unwrap();
    assert!(verify(&received).is_err());
    assert!(verify(&received.clone().with_host("example.com").unwrap()).is_ok());
    assert!(verify(&received.clone().with_host("other.com").unwrap()).is_err());
    assert!(received.with_host("user@example.com").is_err());
}

#[test]
fn a_server_can_state_the_target_that_a_router_shortened() {
    let (signature, _) = signed("example.com");
    let mut headers = vec![("host", "example.com")];
    headers.extend(signature.iter().map(|(name, value)| (&**name, &**value)));
    let nested = Request::from_wire("GET", "/", &headers).unwrap();
    assert!(verify(&nested).is_err());
    assert!(verify(&nested.clone().with_target(TARGET).unwrap()).is_ok());
    for target in ["items", "/\r\n", "https://example.com/"] {
        assert!(nested.clone().with_target(target).is_err(), "{target}");
    }
}
