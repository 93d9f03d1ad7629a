//! `Debug` of every public type shows nothing that may be a secret.

#![cfg(all(
    feature = "std",
    feature = "http",
    feature = "tokens",
    feature = "v4a",
    feature = "diagnose"
))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::{collections::BTreeSet, fmt::Debug, fs, path::Path};

use keyfob_sigv4::{
    Credentials, HostScope, Payload, Request, Rules, Scope, Secret, Signer, SigningKey, Timestamp,
    Ttl,
    chunked::{self, Checksum, ChunkDecoder, ChunkEncoder, ChunkSigner, ChunkVerifier, Chunked},
    diagnose::ServerView,
    event_stream::{EventSigner, EventVerifier, HeaderValue, Message},
    post_policy::PostPolicy,
    resign::Resigner,
    token, v4a,
    verify::Verifier,
};

const SECRET: &str = "canary-secret";
const TOKEN: &str = "canary-token";
const URL: &str = "https://b.s3.amazonaws.com/key?canary-query=1";

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", SECRET)
        .unwrap()
        .with_session_token(TOKEN)
        .unwrap()
}

fn now() -> Timestamp {
    "20260101T000000Z".parse().unwrap()
}

/// Checks each value, and returns the names of their types.
macro_rules! shown {
    ($($name:ident: $value:expr),+ $(,)?) => {{
        $(hides(stringify!($name), &$value);)+
        [$(stringify!($name)),+]
    }};
}

fn hides(name: &str, value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains("canary"), "{name}: {text}");
        // The bytes of a text, as a derived `Debug` of a list would show them.
        assert!(!text.contains("99, 97, 110"), "{name}: {text}");
    }
}

#[test]
fn no_public_type_shows_a_secret() {
    let (keys, scope) = (credentials(), Scope::new("us-east-1", "s3").unwrap());
    let (signer, verifier) = (
        Signer::s3("us-east-1").unwrap(),
        Verifier::s3("us-east-1").unwrap(),
    );
    let request = Request::new("PUT", URL)
        .unwrap()
        .header("cookie", "canary-cookie")
        .unwrap()
        .payload(Payload::Bytes(b"canary-body"));
    let signature = signer.sign(&request, &keys, now()).unwrap();
    let url = signer.presign(&request, &keys, now(), Ttl::MAX).unwrap();
    let explanation = signer.explain(&request, &keys, now()).unwrap();
    let plan = Chunked::signed(3).checksum(Checksum::Crc32);
    let chain = ChunkSigner::new(&signer, &keys, now(), &signature);
    let form = PostPolicy::new(now().plus_seconds(60))
        .bucket("b")
        .field("key", "canary-key")
        .sign(&signer, &keys, now())
        .unwrap();
    let fields: Vec<_> = form.fields().collect();
    let post_claim = verifier.claim_post("b", &fields).unwrap();
    let verified_post = post_claim.verify(&keys, now()).unwrap();

    let mut headers: Vec<_> = signature.headers().collect();
    headers.extend([("host", "b.s3.amazonaws.com"), ("cookie", "canary-cookie")]);
    let received = Request::from_wire("PUT", "/key?canary-query=1", &headers).unwrap();
    let received = received.payload(Payload::Bytes(b"canary-body"));
    let claim = verifier.claim(&received).unwrap();
    let verified = claim.verify(&keys, now()).unwrap();
    let other = Credentials::new("AKIDEXAMPLE", "other")
        .unwrap()
        .with_session_token(TOKEN)
        .unwrap();
    let refusal = claim.verify(&other, now()).unwrap_err();
    let resigner = Resigner::s3("us-east-1").unwrap();
    let (resigned, body) = resigner.resign(&received, &keys, &keys, now()).unwrap();
    let checked = resigner.verify(&received, &keys, now()).unwrap();
    let view = ServerView::parse(&refusal.body("id"));
    let message = Message::new(*b"canary-body")
        .unwrap()
        .header("a", HeaderValue::String("canary-value".into()))
        .unwrap();
    let regions: v4a::RegionSet = "us-*".parse().unwrap();
    let v4a_key = v4a::SigningKey::derive(&keys).unwrap();
    let event_scope = Scope::new("us-east-1", "transcribe").unwrap();
    let event_signer = EventSigner::new(
        event_scope.clone(),
        keys.secret_access_key(),
        signature.signature(),
    )
    .unwrap();
    let event_verifier =
        EventVerifier::new(event_scope, keys.secret_access_key(), signature.signature()).unwrap();
    let eks = token::eks("cluster", "us-east-1", &keys, now()).unwrap();
    let rds = token::rds("db.example.com:5432", "app", "us-east-1", &keys, now()).unwrap();
    let login = token::codecommit("h", "p", "us-east-1", &keys, now()).unwrap();
    let host = "id.appsync-api.eu-west-1.amazonaws.com";
    let appsync = token::AppSync::events(host, "eu-west-1").unwrap();
    let names = shown!(
        Credentials: keys,
        Secret: Secret::new(SECRET),
        SigningKey: SigningKey::derive(&keys, &scope, now()),
        Scope: scope,
        Rules: Rules::S3,
        Signer: signer,
        Request: request,
        Payload: Payload::Bytes(b"canary-body"),
        Signature: signature,
        Presigned: url,
        Explanation: explanation,
        Error: Credentials::new("AKIDEXAMPLE", "canary secret").unwrap_err(),
        Chunked: plan,
        ChunkSigner: chain,
        ChunkVerifier: ChunkVerifier::from(chain.clone()),
        ChunkEncoder: ChunkEncoder::new(&plan, chain.clone()).unwrap(),
        ChunkFrames: ChunkEncoder::new(&plan, chain.clone()).unwrap().frames([b"canary"]),
        ChunkReader: ChunkEncoder::new(&plan, chain.clone()).unwrap().reader(&b"canary"[..]),
        ChunkDecoder: ChunkDecoder::signed(chain.clone()),
        ChunkError: ChunkDecoder::unsigned().finish().unwrap_err(),
        Checksum: Checksum::Crc32,
        PostPolicy: PostPolicy::new(now()).field("x-amz-meta-a", "value"),
        PostForm: form,
        PostClaim: post_claim,
        VerifiedPost: verified_post,
        Verifier: verifier,
        Claim: claim,
        Verified: verified,
        Resigner: resigner,
        Checked: checked,
        Resigned: resigned,
        BodyResigner: body,
        ServerView: view,
        Message: message,
        HeaderValue: HeaderValue::Uuid([0; 16]),
        EventSigner: event_signer,
        EventVerifier: event_verifier,
        RegionSet: regions,
        VerifyingKey: v4a_key.verifying_key(),
        EksToken: eks,
        Token: rds,
        CodeCommitLogin: login,
        AppSync: appsync,
        AppSyncConnection: appsync.connect(&keys, now()).unwrap(),
        Difference: explanation.compare(&view),
        ChunkSignature: chain.clone().sign(b"canary"),
        Timestamp: now(),
        AmzDate: now().amz_date(),
        Ttl: Ttl::MAX,
        HostScope: HostScope::parse("examplebucket.s3.us-east-1.amazonaws.com").unwrap(),
    );
    hides("v4a::Signer", &v4a::Signer::s3("us-*".parse().unwrap()));
    hides("v4a::SigningKey", &v4a_key);
    hides("verify::Error", &refusal);
    hides("chunked::Streaming", &chunked::Streaming::Signed);
    let known: BTreeSet<_> = names.into_iter().collect();
    let missing: Vec<_> = public_structs()
        .into_iter()
        .filter(|name| !known.contains(&**name) && !WITHOUT_DATA.contains(&&**name))
        .collect();
    assert!(missing.is_empty(), "types without a check: {missing:?}");
}

/// Wraps a body of the caller's, and shows nothing at all.
const WITHOUT_DATA: [&str; 1] = ["ChunkBody"];

/// Returns the names of the public structs in the sources.
fn public_structs() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let declared = text
                .lines()
                .filter_map(|line| line.strip_prefix("pub struct "));
            let end = |c: char| !(c.is_alphanumeric() || c == '_');
            names.extend(declared.map(|line| line.split(end).next().unwrap().to_owned()));
        }
    }
    names
}
