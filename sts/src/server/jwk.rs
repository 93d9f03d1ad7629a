//! Public keys on P-256 as JSON.
//!
//! Source: RFC 7517 and RFC 7518, section 6.2; RFC 7638, for thumbprints.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use p256::ecdsa::VerifyingKey;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Returns the key in a JWK, and its thumbprint.
pub(super) fn key(jwk: &Value) -> Option<(VerifyingKey, String)> {
    if jwk["kty"] != "EC" || jwk["crv"] != "P-256" || !jwk["d"].is_null() {
        return None;
    }
    let (x, y) = (jwk["x"].as_str()?, jwk["y"].as_str()?);
    let [left, right] = [x, y].map(|part| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    if left.len() != 32 || right.len() != 32 {
        return None;
    }
    // SEC 1, section 2.3.4: an uncompressed point.
    let point = [&[4], left.as_slice(), &right].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).ok()?;
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    let thumbprint = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(canonical));
    Some((key, thumbprint))
}
