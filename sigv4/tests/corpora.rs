//! The published test suites, and generated cases on which two other implementations agree.
//!
//! Each corpus is a file `cases.json` in a folder of `$KEYFOB_CORPORA`, or of `../shared/corpora`
//! beside the repository. That folder is not part of the repository; without it these tests print a
//! line and pass.

#![allow(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that cannot go on says where"
)]

#[path = "corpora/streaming.rs"]
mod streaming;
#[cfg(feature = "tokens")]
#[path = "corpora/tokens.rs"]
mod tokens;
#[cfg(feature = "v4a")]
#[path = "corpora/v4a.rs"]
mod v4a;

use std::{cell::Cell, env, fs, panic, path::PathBuf};

use keyfob_sigv4::{
    Credentials, Explanation, Payload, Request, Rules, Scope, Signer, SigningKey, Timestamp,
    TokenRule, Ttl, chunked::Streaming, verify::Verifier,
};
use serde_json::Value;

#[test]
fn the_published_test_suites_are_reproduced() {
    run("sigv4-suite", suite_case);
}

#[test]
fn documented_facts_hold() {
    run("sigv4-facts", facts_case);
}

#[test]
fn generated_requests_are_signed_as_other_implementations_sign_them() {
    run("sigv4-fuzz", request_case);
}

#[test]
fn bodies_and_messages_are_streamed_as_other_implementations_stream_them() {
    run("sigv4-streaming", streaming::case);
}

#[test]
#[cfg(feature = "tokens")]
fn tokens_are_made_as_other_implementations_make_them() {
    run("auth-tokens", tokens::case);
}

/// The result of a case that did not fail.
enum Outcome {
    Passed,
    /// With the reason.
    Skipped(&'static str),
}

type Check = Result<Outcome, String>;

fn run(corpus: &str, check: fn(&Value) -> Check) {
    let Some(folder) = folder() else {
        return println!("corpus {corpus}: not here; set KEYFOB_CORPORA to run it");
    };
    let path = folder.join(corpus).join("cases.json");
    let text =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let count = cases.len();
    let (mut passed, mut skipped, mut failed) = (0, 0, Vec::new());
    for case in cases.into_iter().map(in_one_form) {
        let id = string(&case["id"]);
        match checked(&case, check) {
            Ok(Outcome::Passed) => passed += 1,
            Ok(Outcome::Skipped(reason)) => {
                println!("skipped {id}: {reason}");
                skipped += 1;
            }
            Err(difference) => failed.push(format!("{id}: {difference}")),
        }
    }
    println!("corpus {corpus}: {count} cases, {passed} passed, {skipped} skipped");
    assert!(
        failed.is_empty(),
        "{} failed\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// Rewrites what JSON can say in more than one way: a whole number written `200.0` becomes `200`,
/// and a member that is null is dropped. A case may be written in either form.
fn in_one_form(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, in_one_form(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(in_one_form).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 => (float as i64).into(),
            _ => Value::Number(number),
        },
        value => value,
    }
}

/// Runs one case. A case that panics, or that compares nothing with its expectations, fails alone.
fn checked(case: &Value, check: fn(&Value) -> Check) -> Check {
    COMPARISONS.set(0);
    name_unknown_fields("", case);
    let outcome = panic::catch_unwind(|| check(case)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })?;
    match outcome {
        Outcome::Passed if COMPARISONS.get() == 0 => Err("nothing was compared".into()),
        outcome => Ok(outcome),
    }
}

thread_local! {
    /// Comparisons made for the case that this thread checks.
    static COMPARISONS: Cell<usize> = const { Cell::new(0) };
}

/// Counts a comparison made without [`equal`].
fn compared() {
    COMPARISONS.set(COMPARISONS.get() + 1);
}

/// The members that the checks read, by the name of the object that holds them; `""` is the case.
const FIELDS: [(&str, &str); 11] = [
    (
        "",
        "id kind algorithm context request input public_key chunk chunks trailers messages expected access_key_id \
         secret_access_key date region service timestamp previous_signature prior_signature expected_key_hex",
    ),
    (
        "context",
        "credentials region region_set service timestamp normalize_path double_encode_path add_content_sha256_header \
         add_content_sha256_header_when_signing_headers expires_in_seconds omit_session_token_from_signature",
    ),
    (
        "credentials",
        "access_key_id secret_access_key session_token expires_in expiration",
    ),
    (
        "request",
        "raw method target headers body payload payload_hash",
    ),
    ("payload", "bytes_utf8 precomputed"),
    (
        "input",
        "credentials region timestamp hostname port username endpoint user action expires_in credentials_expire_in \
         cluster_name cluster cache cache_name serverless resource_type host path service method policy_base64 \
         secret_access_key date policy fields",
    ),
    ("chunk", "repeat_byte length utf8 repeat_utf8 times"),
    ("chunks", "repeat_byte length utf8 repeat_utf8 times"),
    (
        "messages",
        "timestamp inner_payload_hex non_signature_headers_hex expected_string_to_sign expected_signature \
         expected_frame_hex_date_first expected_frame_hex_signature_first",
    ),
    (
        "expected",
        "header query canonical_request string_to_sign signed_headers signature authorization signed_request \
         example_signature private_scalar_hex public_x public_y seed_signature chunk_strings_to_sign \
         chunk_signatures chunk_string_to_sign_templates trailer_block trailer_string_to_sign trailer_signature \
         trailer_string_to_sign_template wire_body_length wire_body_sha256 wire_body_utf8 host path scheme_prefix \
         token_starts_with query_contains error aws_cli_token exec_credential session_token fields \
         policy_conditions",
    ),
    (
        "header",
        "canonical_request string_to_sign signed_headers signature authorization signed_request example_signature",
    ),
];

/// Members that explain a case to its reader.
const REMARKS: [&str; 5] = [
    "source",
    "oracle",
    "note",
    "crt_behaviour",
    "kdf_counter_used",
];

/// Prints the members that no check reads, so that a new expectation cannot be overlooked.
fn name_unknown_fields(name: &str, value: &Value) {
    for item in value.as_array().into_iter().flatten() {
        name_unknown_fields(name, item);
    }
    let known = FIELDS.iter().find(|(object, _)| *object == name);
    let (Some((_, known)), Some(object)) = (known, value.as_object()) else {
        return;
    };
    for (field, value) in object {
        let mut known = known.split_whitespace().chain(REMARKS);
        if known.any(|known| known == field) {
            name_unknown_fields(field, value);
        } else {
            println!("no check reads {field} in {name:?}");
        }
    }
}

fn folder() -> Option<PathBuf> {
    if let Some(folder) = env::var_os("KEYFOB_CORPORA") {
        return Some(folder.into());
    }
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    Some(workspace.join("shared/corpora")).filter(|folder| folder.is_dir())
}

fn suite_case(case: &Value) -> Check {
    if case["algorithm"] == "v4a" {
        return v4a_case(case);
    }
    for form in ["header", "query"] {
        let expected = &case["expected"][form];
        if expected.is_object() {
            name_unknown_fields("header", expected);
            compare(case, form == "query", expected)?;
            if let Some(raw) = expected["signed_request"].as_str() {
                verify(case, raw)?;
            }
        }
    }
    Ok(Outcome::Passed)
}

/// Checks that the verifier accepts the request as another implementation signed it.
fn verify(case: &Value, raw: &str) -> Result<(), String> {
    let context = &case["context"];
    let (head, body) = raw.split_once("\n\n").unwrap_or((raw, ""));
    let (line, folded) = head.split_once('\n').unwrap_or((head, ""));
    let (method, rest) = line.split_once(' ').unwrap();
    let target = rest.strip_suffix(" HTTP/1.1").unwrap_or(rest);
    // A line that starts with a space continues the value before it.
    let unfolded = folded.trim_end().replace("\n ", "\r ");
    let fields: Vec<_> = unfolded
        .lines()
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name, value.replace("\r ", "\n ")))
        .collect();
    let headers: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let request = Request::from_wire(method, target, &headers)
        .map_err(|error| error.to_string())?
        .payload(Payload::Bytes(body.as_bytes()));
    let verifier = verifier(context);
    let at = string(&context["timestamp"]).parse().unwrap();
    let answer = verifier.verify(&request, at, |_| Some(credentials(context)));
    compared();
    answer.map_err(|error| format!("the verifier: {error}"))?;
    Ok(())
}

#[cfg(feature = "v4a")]
fn verifier(context: &Value) -> Verifier {
    Verifier::with_rules(scope(context), rules(context)).accept_v4a()
}

#[cfg(not(feature = "v4a"))]
fn verifier(context: &Value) -> Verifier {
    Verifier::with_rules(scope(context), rules(context))
}

/// Returns the scope of a server. With SigV4a, its region is one of the set.
fn scope(context: &Value) -> Scope {
    let region = context["region"]
        .as_str()
        .or(context["region_set"].as_str());
    Scope::new(region.unwrap(), string(&context["service"])).unwrap()
}

fn facts_case(case: &Value) -> Check {
    match string(&case["kind"]) {
        "v4-signing-key" => signing_key_case(case),
        "v4a-key" => v4a_case(case),
        "reject-or-replace" => replaced_case(case),
        kind if kind.ends_with("header") || kind.ends_with("presign") => request_case(case),
        kind => Err(format!("unknown kind {kind}")),
    }
}

fn request_case(case: &Value) -> Check {
    if case["algorithm"] == "v4a" {
        return v4a_case(case);
    }
    let kind = string(&case["kind"]);
    let by_query = kind.contains("query") || kind.ends_with("presign");
    if !by_query && !kind.contains("header") {
        return Err(format!("unknown kind {kind}"));
    }
    compare(case, by_query, &case["expected"])?;
    Ok(Outcome::Passed)
}

#[cfg(feature = "v4a")]
fn v4a_case(case: &Value) -> Check {
    v4a::case(case)
}

#[cfg(not(feature = "v4a"))]
fn v4a_case(_case: &Value) -> Check {
    Ok(Outcome::Skipped("needs the feature v4a"))
}

fn signing_key_case(case: &Value) -> Check {
    let credentials = Credentials::new("AKID", string(&case["secret_access_key"])).unwrap();
    let scope = Scope::new(string(&case["region"]), string(&case["service"])).unwrap();
    let at = format!("{}T000000Z", string(&case["date"]))
        .parse()
        .unwrap();
    let key = SigningKey::derive(&credentials, &scope, at);
    equal("key", &hex(key.expose()), &case["expected_key_hex"])?;
    Ok(Outcome::Passed)
}

/// Checks that headers and parameters which signing sets appear once, with the new value.
fn replaced_case(case: &Value) -> Check {
    let credentials =
        Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
    let at: Timestamp = "20260101T000000Z".parse().unwrap();
    let signer = Signer::new(Scope::new("us-east-1", "service").unwrap());
    let headers = headers(case);
    let request = Request::from_wire("GET", string(&case["request"]["target"]), &headers)
        .unwrap()
        .without_older_signature();
    let ttl = Ttl::from_secs(60).unwrap();
    let signature = signer.sign(&request, &credentials, at).unwrap();
    let presigned = signer.presign(&request, &credentials, at, ttl).unwrap();
    let explanations = [
        signer.explain(&request, &credentials, at).unwrap(),
        signer
            .explain_presign(&request, &credentials, at, ttl)
            .unwrap(),
    ];
    for (name, stale) in headers
        .iter()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
    {
        compared();
        let line = format!("\n{}:", name.to_ascii_lowercase());
        for explanation in &explanations {
            let canonical = explanation.canonical_request();
            if canonical.matches(&line).count() > 1
                || canonical.contains(&format!("{line}{stale}\n"))
            {
                return Err(format!("{name} is stale or appears twice: {canonical}"));
            }
        }
        if signature
            .headers()
            .any(|(other, value)| other.eq_ignore_ascii_case(name) && value == *stale)
        {
            return Err(format!("{name} is not replaced"));
        }
    }
    for parameter in request
        .query()
        .split('&')
        .filter(|parameter| !parameter.is_empty())
    {
        compared();
        let name = parameter.split('=').next().unwrap_or_default();
        let url = presigned.as_str();
        if url.matches(&format!("{name}=")).count() > 1 || url.contains(parameter) {
            return Err(format!("{name} is stale or appears twice: {url}"));
        }
    }
    Ok(Outcome::Passed)
}

/// Signs the request of a case and compares every step with the expected one.
fn compare(case: &Value, by_query: bool, expected: &Value) -> Result<(), String> {
    let context = &case["context"];
    let (signer, credentials) = (signer(context), credentials(context));
    let at: Timestamp = string(&context["timestamp"]).parse().unwrap();
    let headers = headers(case);
    let request = &case["request"];
    let request = Request::from_wire(
        string(&request["method"]),
        string(&request["target"]),
        &headers,
    )
    .map_err(|error| error.to_string())?
    .payload(payload(request));
    let (explanation, signature, authorization): (Explanation, _, _) = if by_query {
        let ttl = ttl(context);
        let url = signer.presign(&request, &credentials, at, ttl).unwrap();
        let explanation = signer
            .explain_presign(&request, &credentials, at, ttl)
            .unwrap();
        (explanation, url.signature().to_owned(), String::new())
    } else {
        let signature = signer.sign(&request, &credentials, at).unwrap();
        let explanation = signer.explain(&request, &credentials, at).unwrap();
        (
            explanation,
            signature.signature().to_owned(),
            signature.authorization().to_owned(),
        )
    };
    equal(
        "canonical request",
        explanation.canonical_request(),
        &expected["canonical_request"],
    )?;
    equal(
        "string to sign",
        explanation.string_to_sign(),
        &expected["string_to_sign"],
    )?;
    equal(
        "signed headers",
        explanation.signed_headers(),
        &expected["signed_headers"],
    )?;
    equal(
        "explained signature",
        explanation.signature(),
        &expected["signature"],
    )?;
    equal("signature", &signature, &expected["signature"])?;
    equal("authorization", &authorization, &expected["authorization"])
}

fn ttl(context: &Value) -> Ttl {
    context["expires_in_seconds"]
        .as_u64()
        .map_or(Ttl::UNSTATED, |seconds| Ttl::from_secs(seconds).unwrap())
}

fn signer(context: &Value) -> Signer {
    Signer::with_rules(scope(context), rules(context))
}

fn rules(context: &Value) -> Rules {
    let adds_hash = [
        "add_content_sha256_header",
        "add_content_sha256_header_when_signing_headers",
    ]
    .iter()
    .any(|name| flag(context, name));
    let omits_token = flag(context, "omit_session_token_from_signature");
    Rules::for_service(string(&context["service"]))
        .normalize_path(flag(context, "normalize_path"))
        .encode_path_twice(flag(context, "double_encode_path"))
        .content_sha256_header(adds_hash)
        .every_header()
        .session_token(if omits_token {
            TokenRule::Unsigned
        } else {
            TokenRule::Signed
        })
}

/// Returns the value of a flag; false if it is absent.
fn flag(context: &Value, name: &str) -> bool {
    match &context[name] {
        Value::Null => false,
        value => value
            .as_bool()
            .unwrap_or_else(|| panic!("{name}: expected a boolean, got {value}")),
    }
}

fn credentials(context: &Value) -> Credentials {
    let keys = &context["credentials"];
    Credentials::new(
        string(&keys["access_key_id"]),
        string(&keys["secret_access_key"]),
    )
    .unwrap()
    .with_session_token(keys["session_token"].as_str().unwrap_or_default())
    .unwrap()
}

fn headers(case: &Value) -> Vec<(&str, &str)> {
    pairs(&case["request"]["headers"])
}

/// Returns a list of names and values; empty if it is absent.
fn pairs(list: &Value) -> Vec<(&str, &str)> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|pair| (string(&pair[0]), string(&pair[1])))
        .collect()
}

fn payload(request: &Value) -> Payload<'_> {
    let stated = &request["payload"];
    if let Some(text) = stated["precomputed"].as_str() {
        return precomputed(text);
    }
    let body = request["body"].as_str().or(stated["bytes_utf8"].as_str());
    Payload::Bytes(body.unwrap_or_default().as_bytes())
}

fn precomputed(text: &str) -> Payload<'_> {
    if text == "UNSIGNED-PAYLOAD" {
        return Payload::Unsigned;
    }
    let streaming = [
        Streaming::Signed,
        Streaming::SignedTrailer,
        Streaming::SignedV4a,
        Streaming::SignedTrailerV4a,
        Streaming::UnsignedTrailer,
        Streaming::Events,
    ];
    if let Some(streaming) = streaming
        .into_iter()
        .find(|streaming| streaming.as_str() == text)
    {
        return Payload::Streaming(streaming);
    }
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).unwrap();
    }
    Payload::Sha256(hash)
}

/// Compares with an expectation. One that the case does not have is met.
fn equal(what: &str, got: &str, expected: &Value) -> Result<(), String> {
    match expected {
        Value::Null => return Ok(()),
        Value::String(expected) if expected == got => {}
        Value::String(expected) => {
            return Err(format!(
                "{what}\n--- expected\n{expected}\n--- got\n{got}\n"
            ));
        }
        other => return Err(format!("{what}: expected a string, got {other}")),
    }
    compared();
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn string(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("expected a string, got {value}"))
}
