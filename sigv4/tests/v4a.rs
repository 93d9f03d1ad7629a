//! SigV4a, from the signer to the verifier.
#![cfg(feature = "v4a")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeSet;

use keyfob_sigv4::{
    Credentials, ErrorKind, Payload, Request, Rules, Scope, Timestamp, Ttl,
    chunked::{Checksum, ChunkEncoder, ChunkSigner, Chunked},
    v4a::{RegionSet, Signer},
    verify::{self, Verifier},
};

const HOST: &str = "alias.accesspoint.s3-global.amazonaws.com";

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn at() -> Timestamp {
    "20150830T123600Z".parse().unwrap()
}

fn signer(regions: &str) -> Signer {
    Signer::s3(regions.parse().unwrap())
}

fn verifier(region: &str) -> Verifier {
    Verifier::s3(region).unwrap().accept_v4a()
}

/// A request with its headers, as a server receives it.
struct Sent {
    target: String,
    headers: Vec<(String, String)>,
}

impl Sent {
    fn new(target: &str, headers: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Self {
            target: target.into(),
            headers: [("host", HOST)].iter().chain(headers).map(own).collect(),
        }
    }

    fn check<T>(&self, payload: Payload<'_>, check: impl FnOnce(&Request<'_>) -> T) -> T {
        let headers: Vec<_> = self.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let request = Request::from_wire("PUT", &self.target, &headers).unwrap();
        check(&request.payload(payload))
    }

    fn sign(mut self, signer: &Signer, payload: Payload<'_>) -> (Self, keyfob_sigv4::Signature) {
        let signature = self.check(payload, |request| {
            signer.sign(request, &keys(), at()).unwrap()
        });
        for (name, value) in signature.headers() {
            self.headers.push((name.into(), value.into()));
        }
        (self, signature)
    }

    fn verify(&self, verifier: &Verifier) -> Result<verify::Verified, verify::Error> {
        self.check(Payload::Declared, |request| {
            verifier.verify(request, at(), |id| (id == "AKIDEXAMPLE").then(keys))
        })
    }
}

#[test]
fn a_header_signature_is_valid_only_in_the_regions_of_its_set() {
    let (sent, _) = Sent::new("/key", &[]).sign(&signer("us-*,eu-west-1"), Payload::Unsigned);
    for region in ["us-east-1", "us-west-2", "eu-west-1"] {
        let verified = sent.verify(&verifier(region)).unwrap();
        assert_eq!(verified.access_key_id(), "AKIDEXAMPLE");
    }
    let error = sent.verify(&verifier("ap-south-1")).unwrap_err();
    assert_eq!(error.kind(), verify::ErrorKind::Scope);
}

#[test]
fn a_verifier_refuses_sigv4a_by_default() {
    let (sent, _) = Sent::new("/key", &[]).sign(&signer("*"), Payload::Unsigned);
    let error = sent
        .verify(&Verifier::s3("us-east-1").unwrap())
        .unwrap_err();
    assert_eq!(error.kind(), verify::ErrorKind::Mechanism);
}

#[test]
fn a_changed_request_is_refused() {
    let (sent, signature) =
        Sent::new("/key?a=1", &[("x-amz-meta-a", "1")]).sign(&signer("*"), Payload::Bytes(b"body"));
    assert!(sent.verify(&verifier("us-east-1")).is_ok());
    let changes: [&dyn Fn(&mut Sent); 5] = [
        &|sent| sent.target = "/keys?a=1".into(),
        &|sent| sent.target = "/key?a=2".into(),
        &|sent| sent.headers[1].1 = "2".into(),
        &|sent| sent.headers.push(("x-amz-meta-b".into(), "1".into())),
        &|sent| {
            let set = sent
                .headers
                .iter_mut()
                .find(|(name, _)| name == "x-amz-region-set");
            set.unwrap().1 = "us-east-1".into();
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut other = Sent {
            target: sent.target.clone(),
            headers: sent.headers.clone(),
        };
        change(&mut other);
        assert!(
            other.verify(&verifier("us-east-1")).is_err(),
            "change {number}"
        );
    }
    let unknown = sent.check(Payload::Declared, |request| {
        verifier("us-east-1").verify(request, at(), |_| None)
    });
    assert_eq!(unknown.unwrap_err().kind(), verify::ErrorKind::UnknownKey);
    let signed = |name| signature.authorization().contains(name);
    assert!(signed("Credential=AKIDEXAMPLE/20150830/s3/aws4_request, "));
    assert!(signed(";x-amz-region-set"));
}

#[test]
fn a_presigned_url_carries_its_regions() {
    let request = Request::new("GET", "https://example.com/key?a=1").unwrap();
    let signer = Signer::new("eu-*".parse().unwrap(), "service").unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let url = signer.presign(&request, &keys(), at(), ttl).unwrap();
    assert!(
        url.as_str().contains("&X-Amz-Region-Set=eu-%2A&"),
        "{}",
        url.as_str()
    );
    let target = url.as_str().strip_prefix("https://example.com").unwrap();
    let headers = [("host", "example.com")];
    let received = Request::from_wire("GET", target, &headers).unwrap();
    for (region, is_good) in [("eu-west-1", true), ("us-east-1", false)] {
        let scope = Scope::new(region, "service").unwrap();
        let verified = Verifier::new(scope)
            .accept_v4a()
            .verify(&received, at(), |_| Some(keys()));
        assert_eq!(verified.is_ok(), is_good, "{region}");
    }
    // Signing a signed request replaces the old signature.
    let signed = Request::new("GET", url.as_str()).unwrap();
    let again = signer.presign(&signed, &keys(), at(), ttl).unwrap();
    assert_eq!(again.as_str(), url.as_str());
}

#[test]
fn chunks_are_padded_and_verify_with_the_public_key() {
    let plan = Chunked::signed_v4a(100_000).checksum(Checksum::Crc64Nvme);
    let planned = plan.headers();
    let headers: Vec<_> = planned
        .iter()
        .map(|(name, value)| (*name, &**value))
        .collect();
    let signer = signer("*");
    let payload = Payload::Streaming(plan.streaming());
    let (sent, seed) = Sent::new("/key", &headers).sign(&signer, payload);
    let chain = ChunkSigner::v4a(&signer, &keys(), at(), &seed).unwrap();
    let frames = ChunkEncoder::new(&plan, chain.clone())
        .unwrap()
        .frames([vec![1; 100_000]]);
    let body = frames.map(Result::unwrap).collect::<Vec<_>>().concat();
    assert_eq!(body.len() as u64, plan.content_length());

    let verifier = verifier("us-east-1");
    let verified = sent.verify(&verifier).unwrap();
    let decode = |body: &[u8]| {
        let decoder = sent.check(Payload::Declared, |request| {
            verifier.chunk_decoder(&verified, request).unwrap().unwrap()
        });
        let (mut decoder, mut out) = (decoder, Vec::new());
        decoder.feed(body, &mut out)?;
        decoder.finish().map(|_| out)
    };
    assert_eq!(decode(&body).unwrap(), vec![1; 100_000]);
    for at in [90, 70_000, body.len() - 10] {
        let mut changed = body.clone();
        changed[at] ^= 1;
        assert!(decode(&changed).is_err(), "byte {at}");
    }
    let other = ChunkEncoder::new(&Chunked::signed(1), chain).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::ChunkAlgorithm);
}

#[test]
fn a_key_is_derived_once_and_its_signatures_are_deterministic() {
    let signer = Signer::with_rules(RegionSet::ALL, "service", Rules::GENERAL).unwrap();
    let request = Request::new("GET", "https://example.com/").unwrap();
    let signatures: BTreeSet<_> = (0..3)
        .map(|_| {
            signer
                .sign(&request, &keys(), at())
                .unwrap()
                .signature()
                .to_owned()
        })
        .collect();
    assert_eq!(signatures.len(), 1);
    let other = Credentials::new("AKIDOTHER", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
    let (key, other) = (signer.signing_key(&keys()), signer.signing_key(&other));
    assert_ne!(key.unwrap().expose(), other.unwrap().expose());
    let error = Signer::new(RegionSet::ALL, "a b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Service);
    fn is_send_sync<T: Send + Sync>(_: &T) {}
    is_send_sync(&signer);
}
