//! SigV4a. Signatures differ each time, so each is verified instead of compared.

use keyfob_sigv4::{
    Credentials, ErrorKind, Explanation, Payload, Request, Scope, Timestamp,
    chunked::{ChunkDecoder, ChunkEncoder, ChunkSigner, ChunkVerifier},
    v4a::{RegionSet, Signer, SigningKey, VerifyingKey},
};
use serde_json::Value;

use crate::{
    Check, Outcome, credentials, equal, headers, hex, payload, precomputed, rules, streaming,
    string,
};

pub(crate) fn case(case: &Value) -> Check {
    let kind = string(&case["kind"]);
    match kind {
        "v4a-key" => return key(case),
        kind if kind.starts_with("v4a-chunked") => return chunked(case),
        _ => {}
    }
    let expected = &case["expected"];
    let forms = [("header", false), ("query", true)];
    let by_form = forms.iter().filter(|(form, _)| expected[form].is_object());
    let mut signed = false;
    for (form, by_query) in by_form {
        signed = true;
        request(case, *by_query, &expected[form])?;
        if let Some(raw) = expected[form]["signed_request"].as_str() {
            crate::verify(case, raw)?;
        }
    }
    if !signed {
        request(case, kind.contains("query"), expected)?;
    }
    Ok(Outcome::Passed)
}

/// The longest key id that [`Credentials`] takes, as the IAM API has it.
const MAX_ACCESS_KEY_ID: usize = 128;

fn key(case: &Value) -> Check {
    let (id, secret) = (&case["access_key_id"], &case["secret_access_key"]);
    if string(id).len() > MAX_ACCESS_KEY_ID {
        // `v4a-key/AKISORANDOMAASORANDOMFFF-long`
        let refused = Credentials::new(string(id), string(secret)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AccessKeyId);
        return Ok(Outcome::Skipped(
            "the key id is longer than 128 characters, which no AWS key id is",
        ));
    }
    let credentials = Credentials::new(string(id), string(secret)).unwrap();
    let key = SigningKey::derive(&credentials).unwrap();
    let (expected, public) = (&case["expected"], key.verifying_key());
    equal(
        "scalar",
        &hex(&key.expose()),
        &expected["private_scalar_hex"],
    )?;
    equal("x", &hex(&public.x()), &expected["public_x"])?;
    equal("y", &hex(&public.y()), &expected["public_y"])?;
    Ok(Outcome::Passed)
}

fn request(case: &Value, by_query: bool, expected: &Value) -> Result<(), String> {
    let context = &case["context"];
    let (signer, credentials) = (signer(context), credentials(context));
    let at: Timestamp = string(&context["timestamp"]).parse().unwrap();
    let headers = headers(case);
    let request = streaming::request(case, &headers).payload(payload(&case["request"]));
    let (explanation, signature) = if by_query {
        let ttl = crate::ttl(context);
        let url = signer.presign(&request, &credentials, at, ttl).unwrap();
        let explanation = signer
            .explain_presign(&request, &credentials, at, ttl)
            .unwrap();
        (explanation, url.signature().to_owned())
    } else {
        let signature = signer.sign(&request, &credentials, at).unwrap();
        let explanation = signer.explain(&request, &credentials, at).unwrap();
        (explanation, signature.signature().to_owned())
    };
    compare(&explanation, expected)?;
    let text = explanation.string_to_sign().as_bytes();
    let public = public_key(case);
    for (whose, signature) in [
        ("our", Some(&*signature)),
        ("explained", Some(explanation.signature())),
        ("their", expected["example_signature"].as_str()),
    ] {
        if signature.is_some_and(|signature| !public.verify(text, signature)) {
            return Err(format!("{whose} signature does not verify"));
        }
    }
    Ok(())
}

fn compare(explanation: &Explanation, expected: &Value) -> Result<(), String> {
    for (what, got) in [
        ("canonical_request", explanation.canonical_request()),
        ("string_to_sign", explanation.string_to_sign()),
        ("signed_headers", explanation.signed_headers()),
    ] {
        equal(what, got, &expected[what])?;
    }
    Ok(())
}

/// Checks the request, each step of the chain, and the body.
fn chunked(case: &Value) -> Check {
    let (context, expected) = (&case["context"], &case["expected"]);
    let service = string(&context["service"]);
    let rules = rules(context).content_sha256_header(true);
    let signer = Signer::with_rules(regions(context), service, rules).unwrap();
    let credentials = credentials(context);
    let at: Timestamp = string(&context["timestamp"]).parse().unwrap();
    let headers = headers(case);
    let hash: Payload<'_> = precomputed(string(&case["request"]["payload_hash"]));
    let request: Request<'_> = streaming::request(case, &headers).payload(hash);
    compare(
        &signer.explain(&request, &credentials, at).unwrap(),
        expected,
    )?;
    let seed = signer.sign(&request, &credentials, at).unwrap();
    let chain = ChunkSigner::v4a(&signer, &credentials, at, &seed).unwrap();
    steps(case, seed.signature(), chain.clone())?;
    let plan = streaming::plan(case);
    let encoder = ChunkEncoder::new(&plan, chain).unwrap();
    let scope = Scope::new("any", service).unwrap();
    let verifier = ChunkVerifier::v4a(public_key(case), &scope, at, seed.signature()).unwrap();
    streaming::body(case, &plan, encoder, ChunkDecoder::signed(verifier))
}

/// Checks each step of the chain. The expected strings to sign have a placeholder for the previous
/// signature.
fn steps(case: &Value, seed: &str, mut chain: ChunkSigner) -> Result<(), String> {
    let (expected, public) = (&case["expected"], public_key(case));
    let mut previous = seed.to_owned();
    let mut check = |text: String, template: &Value, signature: String| {
        let expected = template
            .as_str()
            .map(|template| filled(template, &previous));
        equal("string to sign", &text, &expected.into())?;
        previous.clone_from(&signature);
        if !public.verify(text.as_bytes(), &signature) {
            return Err("the signature does not verify".to_owned());
        }
        Ok(())
    };
    for (index, chunk) in streaming::chunks(case).iter().enumerate() {
        let text = chain.string_to_sign(chunk);
        let template = &expected["chunk_string_to_sign_templates"][index];
        check(text, template, chain.sign(chunk).to_string())?;
    }
    let trailers = streaming::trailers(case);
    if !trailers.is_empty() {
        let text = chain.trailer_string_to_sign(&trailers);
        let template = &expected["trailer_string_to_sign_template"];
        check(text, template, chain.sign_trailer(&trailers).to_string())?;
    }
    Ok(())
}

fn filled(template: &str, previous: &str) -> String {
    match (template.find('{'), template.find('}')) {
        (Some(start), Some(end)) => {
            format!("{}{previous}{}", &template[..start], &template[end + 1..])
        }
        _ => template.to_owned(),
    }
}

fn signer(context: &Value) -> Signer {
    Signer::with_rules(
        regions(context),
        string(&context["service"]),
        rules(context),
    )
    .unwrap()
}

fn regions(context: &Value) -> RegionSet {
    string(&context["region_set"]).parse().unwrap()
}

fn public_key(case: &Value) -> VerifyingKey {
    let coordinate = |name| {
        let text = string(&case["public_key"][name]);
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    };
    VerifyingKey::from_coordinates(&coordinate("x"), &coordinate("y")).unwrap()
}
