use http::{StatusCode, header, request::Parts};
use keyfob_sigv4::{Payload, Request, Scope, Timestamp, verify::Verifier};

use super::fault::Fault;
use crate::sandbox::account::{Account, Key};

/// Who signed a request. STS answers in every region, so the region is the one that the signature names.
pub(super) fn caller(
    account: &Account,
    head: &Parts,
    body: &[u8],
    now: Timestamp,
) -> Result<Key, Fault> {
    let region = claimed_region(head).unwrap_or("us-east-1");
    let scope = Scope::new(region, "sts").or_else(|_| Scope::new("us-east-1", "sts"));
    let scope = scope.map_err(|_| Fault::internal())?;
    let request = Request::from_http(head).map_err(|error| Fault::invalid(error.to_string()))?;
    let request = request.payload(Payload::Bytes(body));
    let lookup = |id: &str| account.key(id).map(|key| key.credentials);
    let verified = Verifier::new(scope)
        .verify(&request, now, lookup)
        .map_err(|error| {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::FORBIDDEN);
            Fault::new(status, error.code(), error.to_string())
        })?;
    account
        .key(verified.access_key_id())
        .ok_or_else(Fault::internal)
}

/// The region in `Credential=ID/DATE/REGION/SERVICE/aws4_request`, in the header or in the query.
fn claimed_region(head: &Parts) -> Option<&str> {
    let header = head.headers.get(header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok());
    if let Some(header) = header {
        let (_, credential) = header.split_once("Credential=")?;
        return credential.split('/').nth(2);
    }
    let (_, credential) = head.uri.query()?.split_once("X-Amz-Credential=")?;
    let mut parts = credential.split("%2F").flat_map(|part| part.split('/'));
    parts.nth(2)
}
