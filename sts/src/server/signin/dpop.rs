//! The proof that a request comes from the owner of a key.
//!
//! Source: RFC 9449, section 4.3.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use p256::ecdsa::{Signature, signature::Verifier as _};
use serde_json::Value;

use crate::server::{api::Request, jwk};

/// The seconds by which a proof may be older or newer than the request.
const WINDOW: u64 = 300;

/// Verifies the proof in the header `DPoP`, and returns the thumbprint of its key. A proof works
/// once.
pub(super) fn verify(request: &Request<'_>) -> Result<String, &'static str> {
    let mut headers = request.head.headers.get_all("dpop").iter();
    let (Some(proof), None) = (headers.next(), headers.next()) else {
        return Err("The request must have one DPoP header");
    };
    let proof = proof.to_str().unwrap_or_default();
    let (signed, signature) = proof.rsplit_once('.').ok_or("The proof is not a JWS")?;
    let (header, claims) = signed.split_once('.').ok_or("The proof is not a JWS")?;
    let [header, claims] = [header, claims].map(object);
    let text = |object: &Value, name: &str| object[name].as_str().unwrap_or_default().to_owned();
    if text(&header, "typ") != "dpop+jwt" || text(&header, "alg") != "ES256" {
        return Err("The proof must be a dpop+jwt with ES256");
    }
    let (key, thumbprint) = jwk::key(&header["jwk"]).ok_or("The proof has no key on P-256")?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let signature = Signature::from_slice(&signature).map_err(|_| "The signature is malformed")?;
    if key.verify(signed.as_bytes(), &signature).is_err() {
        return Err("The signature is wrong");
    }
    if text(&claims, "htm") != request.head.method.as_str() {
        return Err("htm is not the method of the request");
    }
    let url = request.url(request.head.uri.path());
    // A proxy may have ended TLS.
    if text(&claims, "htu").replacen("https://", "http://", 1) != url {
        return Err("htu is not the URL of the request");
    }
    let iat = claims["iat"].as_i64().unwrap_or_default();
    if iat.abs_diff(request.now.unix_seconds()) > WINDOW {
        return Err("iat is not close to the time of the request");
    }
    let jti = text(&claims, "jti");
    if jti.is_empty() || !request.account.state().proofs.insert(jti) {
        return Err("The proof was used before");
    }
    Ok(thumbprint)
}

fn object(part: &str) -> Value {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}
