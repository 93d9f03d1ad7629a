//! Forms for browser uploads.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::{
    Credentials, ErrorKind, Rules, Scope, Signer, SigningKey, Timestamp, TokenRule,
    post_policy::PostPolicy, verify::Verifier,
};

fn keys() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn each_field_except_the_signature_has_a_condition() {
    let session = keys().with_session_token("canary").unwrap();
    let now = at("2024-08-26T22:00:00Z");
    let form = PostPolicy::new(now.plus_seconds(600))
        .bucket("b")
        .starts_with("key", "u/", "u/${filename}")
        .field("acl", "private \"quoted\"")
        .content_length(1..=1024)
        .require_prefix("content-type", "image/")
        .ignored_field("x-ignore-note", "1")
        .sign(&Signer::s3("eu-west-1").unwrap(), &session, now)
        .unwrap();
    let policy = base64_json(form.get("policy").unwrap());
    assert_eq!(policy["expiration"], "2024-08-26T22:10:00Z");
    let conditions = policy["conditions"].as_array().unwrap();
    for (name, value) in form.fields() {
        let named = conditions
            .iter()
            .any(|condition| condition[name] == value || condition[1] == format!("${name}"));
        assert_eq!(
            named,
            !matches!(name, "policy" | "x-amz-signature" | "x-ignore-note"),
            "{name}"
        );
    }
    assert!(conditions.contains(&serde_json::json!({"bucket": "b"})));
    assert!(conditions.contains(&serde_json::json!(["content-length-range", 1, 1024])));
    assert_eq!(
        form.get("x-amz-credential"),
        Some("AKIDEXAMPLE/20240826/eu-west-1/s3/aws4_request")
    );
    let scope = Scope::new("eu-west-1", "s3").unwrap();
    let key = SigningKey::derive(&session, &scope, now);
    let signature = key.sign(form.get("policy").unwrap().as_bytes());
    assert_eq!(form.get("x-amz-signature"), Some(&*signature));
    assert!(!format!("{form:?}").contains("canary"));
}

#[test]
fn a_form_expires_with_its_policy_its_signature_or_its_credentials() {
    let (now, signer) = (at("2024-08-26T22:00:00Z"), Signer::s3("eu-west-1").unwrap());
    let end = |policy_end: i64, credentials: &Credentials| {
        let policy = PostPolicy::new(now.plus_seconds(policy_end));
        let policy = policy.bucket("b").field("key", "k");
        policy
            .sign(&signer, credentials, now)
            .unwrap()
            .expiration()
            .seconds_since(now)
    };
    assert_eq!(end(60, &keys()), 60);
    assert_eq!(end(8 * 86_400, &keys()), 7 * 86_400);
    assert_eq!(end(60, &keys().with_expiry(now.plus_seconds(30))), 30);
}

#[test]
fn s3_express_names_the_token_differently() {
    let rules = Rules::S3.session_token(TokenRule::S3Express);
    let signer = Signer::with_rules(Scope::new("us-west-2", "s3express").unwrap(), rules);
    let session = keys().with_session_token("token").unwrap();
    let now = at("2024-08-26T22:00:00Z");
    let policy = PostPolicy::new(now.plus_seconds(60));
    let policy = policy.bucket("b").field("key", "k");
    let form = policy.sign(&signer, &session, now).unwrap();
    assert_eq!(form.get("x-amz-s3session-token"), Some("token"));
    assert_eq!(form.get("x-amz-security-token"), None);
}

fn base64_json(text: &str) -> serde_json::Value {
    serde_json::from_slice(&BASE64_STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn a_policy_that_s3_could_never_accept_is_not_signed() {
    let now = at("2024-08-26T22:00:00Z");
    let kind = |policy: PostPolicy, signer: &Signer| {
        policy
            .sign(signer, &keys(), now)
            .map(drop)
            .map_err(|error| error.kind())
    };
    let s3 = Signer::s3("eu-west-1").unwrap();
    let until = |seconds| PostPolicy::new(now.plus_seconds(seconds));
    let right = || until(60).bucket("b").field("key", "k");
    assert_eq!(kind(right().content_length(10..=10), &s3), Ok(()));
    let any_bucket = until(60).require_prefix("bucket", "b").field("key", "k");
    assert_eq!(kind(any_bucket, &s3), Ok(()));

    let no_bucket = until(60).field("key", "k");
    assert_eq!(kind(no_bucket, &s3), Err(ErrorKind::PolicyBucket));
    let empty = until(60).bucket("");
    assert_eq!(kind(empty, &s3), Err(ErrorKind::PolicyBucket));
    let (ten, five) = (10, 5);
    let range = right().content_length(ten..=five);
    assert_eq!(kind(range, &s3), Err(ErrorKind::PolicyLength));
    let apart = right().content_length(1..=5).content_length(6..=9);
    assert_eq!(kind(apart, &s3), Err(ErrorKind::PolicyLength));
    for seconds in [-1, 0] {
        let expired = until(seconds).bucket("b");
        assert_eq!(kind(expired, &s3), Err(ErrorKind::PolicyExpiration));
    }
    let other = Signer::new(Scope::new("us-east-1", "execute-api").unwrap());
    assert_eq!(kind(right(), &other), Err(ErrorKind::PolicyService));
}

#[test]
fn a_form_with_a_field_that_s3_could_never_accept_is_not_signed() {
    let now = at("2024-08-26T22:00:00Z");
    let signer = Signer::s3("eu-west-1").unwrap();
    let refused = |policy: PostPolicy| {
        let form = policy.sign(&signer, &keys(), now);
        form.map(drop).map_err(|error| error.kind())
    };
    let of_bucket = || PostPolicy::new(now.plus_seconds(60)).bucket("b");
    let right = || of_bucket().starts_with("key", "u/", "u/a");
    for accepted in [
        right(),
        of_bucket().require_prefix("Key", ""),
        of_bucket().require("key", "k").ignored_field("KEY", "k"),
        right().ignored_field("x-ignore-note", "1"),
        right().starts_with("Content-Type", "image/", "image/png, image/gif"),
        right().bucket("b").require_prefix("bucket", "b"),
    ] {
        assert_eq!(refused(accepted), Ok(()));
    }
    for impossible in [
        of_bucket(),
        of_bucket().field("acl", "private"),
        of_bucket().ignored_field("key", "k"),
        right().bucket("c"),
        right().require_prefix("bucket", "c"),
        right().field("key", "u/a"),
        right().field("Key", "u/a"),
        right().require("key", "u/b"),
        of_bucket().starts_with("key", "u/", "v/a"),
        right().starts_with("content-type", "image/", "image/png, text/html"),
        right().ignored_field("acl", "private"),
        right().field("policy", "x"),
        right().field("x-amz-signature", "x"),
        right().field("X-Amz-Date", "20240826T220000Z"),
    ] {
        assert_eq!(refused(impossible), Err(ErrorKind::PolicyField));
    }
}

#[test]
fn debug_of_a_policy_shows_no_value() {
    let policy = PostPolicy::new(at("2024-08-26T22:00:00Z"))
        .field("x-amz-server-side-encryption-customer-key", "canary")
        .ignored_field("x-amz-security-token", "canary")
        .require("acl", "canary")
        .require_prefix("key", "canary");
    let shown = format!("{policy:?}");
    assert!(
        shown.contains("customer-key") && !shown.contains("canary"),
        "{shown}"
    );
}

/// Returns the answer to a signed form for `mine` with further fields before or after its own.
fn answer_with(bucket: &str, before: &[(&str, &str)], after: &[(&str, &str)]) -> Result<(), u16> {
    let now = at("2024-08-26T22:00:00Z");
    let form = PostPolicy::new(now.plus_seconds(60))
        .bucket("mine")
        .starts_with("key", "u/", "u/a")
        .sign(&Signer::s3("eu-west-1").unwrap(), &keys(), now)
        .unwrap();
    let own: Vec<_> = form.fields().collect();
    let fields = [before, &own, after].concat();
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let verified = verifier
        .claim_post(bucket, &fields)
        .and_then(|claim| claim.verify(&keys(), now));
    verified.map(drop).map_err(|error| error.status())
}

#[test]
fn a_form_is_accepted_at_the_bucket_of_its_policy_only_whatever_its_fields_say() {
    assert_eq!(answer_with("mine", &[], &[]), Ok(()));
    assert_eq!(answer_with("victim", &[], &[]), Err(403));
    for name in ["bucket", "Bucket"] {
        for (field, bucket, answer) in [
            ("mine", "victim", Err(403)),
            ("victim", "victim", Err(403)),
            ("victim", "mine", Err(403)),
            ("mine", "mine", Ok(())),
        ] {
            let added = [(name, field)];
            assert_eq!(
                answer_with(bucket, &added, &[]),
                answer,
                "{field} at {bucket}"
            );
            assert_eq!(
                answer_with(bucket, &[], &added),
                answer,
                "{field} at {bucket}"
            );
        }
    }
}

#[test]
fn a_form_without_a_key_is_refused() {
    let answer = answer("bucket", "key", None, 0).unwrap_err();
    let text = "400 InvalidArgument: Bucket POST must contain a field named 'key'.";
    assert_eq!(answer, text);
}

#[test]
fn a_form_that_repeats_a_field_is_refused() {
    for name in ["key", "Key", "x-amz-date", "policy", "X-Amz-Signature"] {
        let added = [(name, "u/a")];
        assert_eq!(answer_with("mine", &added, &[]), Err(400), "{name}");
        assert_eq!(answer_with("mine", &[], &added), Err(400), "{name}");
    }
    let twice = [("x-ignore-a", "1"), ("X-Ignore-A", "2")];
    assert_eq!(answer_with("mine", &[], &twice), Err(400));
}

/// The fields that boto3 made, and two that the browser adds.
const BOTO3: [(&str, &str); 9] = [
    ("acl", "private"),
    ("key", "user/${filename}"),
    ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
    (
        "x-amz-credential",
        "AKIDEXAMPLE/20261127/eu-west-1/s3/aws4_request",
    ),
    ("x-amz-date", "20261127T073706Z"),
    (
        "policy",
        "eyJleHBpcmF0aW9uIjogIjIwMjYtMTEtMjdUMDg6Mzc6MDZaIiwgImNvbmRpdGlvbnMiOiBbeyJhY2wiOiAicHJpdmF0ZSJ9LCBbImNvbnRlbnQtbGVuZ3RoLXJhbmdlIiwgMSwgMTAyNF0sIFsic3RhcnRzLXdpdGgiLCAiJENvbnRlbnQtVHlwZSIsICJpbWFnZS8iXSwgeyJidWNrZXQiOiAiYnVja2V0In0sIFsic3RhcnRzLXdpdGgiLCAiJGtleSIsICJ1c2VyLyJdLCB7IngtYW16LWFsZ29yaXRobSI6ICJBV1M0LUhNQUMtU0hBMjU2In0sIHsieC1hbXotY3JlZGVudGlhbCI6ICJBS0lERVhBTVBMRS8yMDI2MTEyNy9ldS13ZXN0LTEvczMvYXdzNF9yZXF1ZXN0In0sIHsieC1hbXotZGF0ZSI6ICIyMDI2MTEyN1QwNzM3MDZaIn1dfQ==",
    ),
    (
        "x-amz-signature",
        "060703547b1cce8cbd01bf7e32ef09ef7e531b70f5b56946b429628ad0b608e8",
    ),
    ("Content-Type", "image/png, image/gif"),
    ("x-ignore-note", "anything"),
];

/// Returns the answer to the form of boto3 with one field replaced, removed or added.
fn answer(bucket: &str, name: &str, value: Option<&str>, later: i64) -> Result<(), String> {
    let mut fields: Vec<_> = BOTO3.to_vec();
    fields.retain(|(other, _)| *other != name);
    fields.extend(value.map(|value| (name, value)));
    let now = at("2026-11-27T07:37:06Z").plus_seconds(later);
    let verifier = Verifier::s3("eu-west-1").unwrap();
    verifier
        .claim_post(bucket, &fields)
        .and_then(|claim| {
            let known = (claim.access_key_id() == "AKIDEXAMPLE").then(keys);
            claim.verify(known.as_ref(), now)
        })
        .map(|verified| assert_eq!(verified.max_length(), 1024))
        .map_err(|error| format!("{} {}: {error}", error.status(), error.code()))
}

#[test]
fn a_form_of_boto3_is_verified() {
    assert_eq!(answer("bucket", "x-ignore-other", Some("1"), 0), Ok(()));
    assert_eq!(answer("bucket", "x-ignore-note", None, 3599), Ok(()));
    assert_eq!(answer("bucket", "Key", None, -900), Ok(()));
}

#[test]
fn a_form_that_breaks_its_policy_is_refused_as_s3_words_it() {
    let policy = |text: &str| {
        Err(format!(
            "403 AccessDenied: Invalid according to Policy: {text}"
        ))
    };
    let failed = |condition: &str| policy(&format!("Policy Condition failed: {condition}"));
    for (bucket, name, value, later, expected) in [
        (
            "other",
            "a",
            None,
            0,
            failed("[\"eq\", \"$bucket\", \"bucket\"]"),
        ),
        (
            "bucket",
            "acl",
            Some("public-read"),
            0,
            failed("[\"eq\", \"$acl\", \"private\"]"),
        ),
        (
            "bucket",
            "acl",
            None,
            0,
            failed("[\"eq\", \"$acl\", \"private\"]"),
        ),
        (
            "bucket",
            "key",
            Some("other/k"),
            0,
            failed("[\"starts-with\", \"$key\", \"user/\"]"),
        ),
        (
            "bucket",
            "Content-Type",
            Some("image/png,text/html"),
            0,
            failed("[\"starts-with\", \"$Content-Type\", \"image/\"]"),
        ),
        (
            "bucket",
            "x-amz-meta-a",
            Some("1"),
            0,
            policy("Extra input fields: x-amz-meta-a"),
        ),
        ("bucket", "a", None, 3600, policy("Policy expired.")),
        ("bucket", "a", None, 8 * 86_400, policy("Policy expired.")),
    ] {
        assert_eq!(answer(bucket, name, value, later), expected);
    }
}

#[test]
fn a_form_whose_signature_is_not_the_signers_is_refused() {
    let digits = "0".repeat(64);
    let credential = "AKIDEXAMPLE/20261127/us-east-1/s3/aws4_request";
    let other = "AKIDOTHER/20261127/eu-west-1/s3/aws4_request";
    for (name, value, code) in [
        ("policy", None, "403 AccessDenied"),
        ("policy", Some("e30="), "403 SignatureDoesNotMatch"),
        (
            "x-amz-signature",
            Some(&*digits),
            "403 SignatureDoesNotMatch",
        ),
        ("x-amz-signature", None, "400 InvalidArgument"),
        ("X-Amz-Signature", Some(&digits), "400 InvalidArgument"),
        (
            "x-amz-credential",
            Some(credential),
            "400 AuthorizationHeaderMalformed",
        ),
        ("x-amz-credential", Some(other), "403 InvalidAccessKeyId"),
        ("x-amz-security-token", Some("token"), "400 InvalidToken"),
        (
            "x-amz-algorithm",
            Some("AWS4-HMAC-SHA1"),
            "400 InvalidRequest",
        ),
    ] {
        let answer = answer("bucket", name, value, 0).unwrap_err();
        assert!(answer.starts_with(code), "{name} {value:?}: {answer}");
    }
    let early = answer("bucket", "a", None, -901).unwrap_err();
    assert!(early.starts_with("403 RequestTimeTooSkewed"), "{early}");
}

#[test]
fn a_signed_policy_that_cannot_be_read_is_refused() {
    let now = at("2024-08-26T22:00:00Z");
    let scope = Scope::new("eu-west-1", "s3").unwrap();
    let key = SigningKey::derive(&keys(), &scope, now);
    for policy in [
        "",
        "{}",
        "[]",
        "{\"expiration\":\"2030-01-01T00:00:00Z\"}",
        "{\"expiration\":\"soon\",\"conditions\":[]}",
        "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[[\"eq\",\"key\",\"k\"]]}",
        "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[[\"in\",\"$key\",\"k\"]]}",
        "{\"expiration\":\"2030-01-01T00:00:00Z\",\"conditions\":[],\"more\":1}",
    ] {
        let encoded = BASE64_STANDARD.encode(policy);
        let signature = key.sign(encoded.as_bytes());
        let fields = [
            ("key", "k"),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            (
                "x-amz-credential",
                "AKIDEXAMPLE/20240826/eu-west-1/s3/aws4_request",
            ),
            ("x-amz-date", "20240826T220000Z"),
            ("policy", &*encoded),
            ("x-amz-signature", &*signature),
        ];
        let verifier = Verifier::s3("eu-west-1").unwrap();
        let claim = verifier.claim_post("b", &fields).unwrap();
        let error = claim.verify(&keys(), now).unwrap_err();
        assert_eq!(
            (error.status(), error.code()),
            (400, "InvalidPolicyDocument"),
            "{policy}"
        );
    }
}

#[test]
fn the_length_of_the_file_is_checked_once_it_is_known() {
    let now = at("2024-08-26T22:00:00Z");
    let form = PostPolicy::new(now.plus_seconds(60))
        .bucket("b")
        .field("key", "k")
        .content_length(10..=1000)
        .content_length(5..=20)
        .sign(&Signer::s3("eu-west-1").unwrap(), &keys(), now)
        .unwrap();
    let fields: Vec<_> = form.fields().collect();
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let verified = verifier.claim_post("b", &fields).unwrap();
    let verified = verified.verify(&keys(), now).unwrap();
    assert_eq!(
        (verified.access_key_id(), verified.max_length()),
        ("AKIDEXAMPLE", 20)
    );
    let code = |bytes| verified.check_length(bytes).map_err(|error| error.code());
    assert_eq!((code(10), code(20)), (Ok(()), Ok(())));
    assert_eq!(
        (code(9), code(21)),
        (Err("EntityTooSmall"), Err("EntityTooLarge"))
    );
    let body = verified.check_length(21).unwrap_err().body("ID");
    let sizes = "<ProposedSize>21</ProposedSize><MaxSizeAllowed>20</MaxSizeAllowed>";
    assert!(body.contains(sizes), "{body}");
}

#[test]
fn a_form_is_refused_a_week_after_it_was_signed() {
    let (now, signer) = (at("2024-08-26T22:00:00Z"), Signer::s3("eu-west-1").unwrap());
    let week = 7 * 86_400;
    let policy = PostPolicy::new(now.plus_seconds(2 * week));
    let form = policy.bucket("b").field("key", "k");
    let form = form.sign(&signer, &keys(), now).unwrap();
    let fields: Vec<_> = form.fields().collect();
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let verified = |later: i64| {
        let claim = verifier.claim_post("b", &fields).unwrap();
        claim.verify(&keys(), now.plus_seconds(later)).map(drop)
    };
    assert!(verified(week).is_ok());
    assert_eq!(verified(week + 1).unwrap_err().code(), "AccessDenied");
}
