use http::{header, request::Parts};
use keyfob_sigv4::{Payload, Request as Signed, Scope, verify::Verifier};

use crate::server::{account::Key, api::Request, refusal::Refusal};

/// Verifies the signature of a request and returns the caller's key.
///
/// STS hashes the body that it receives. `x-amz-content-sha256` with a name, such as
/// `UNSIGNED-PAYLOAD`, is not known outside the family of S3 and a few more services.
///
/// STS answers in every region, so the region is the one in the signature.
pub(super) fn caller(request: &Request<'_>) -> Result<Key, Refusal> {
    let (account, head) = (request.account, request.head);
    let region = claimed_region(head).unwrap_or_else(|| "us-east-1".to_owned());
    // If the region is not a valid name, the verifier reports a wrong scope.
    let scope = Scope::new(&region, "sts")
        .or_else(|_| Scope::new("us-east-1", "sts"))
        .map_err(|_| Refusal::internal())?;
    let signed = Signed::from_http(head)
        .map_err(|error| Refusal::invalid(error.to_string()))?
        .payload(Payload::Bytes(request.body));
    let lookup = |id: &str| account.key(id).map(|key| key.credentials);
    let verified = Verifier::new(scope)
        .verify(&signed, request.now, lookup)
        .map_err(|error| Refusal::with_status(error.status(), error.code(), error.to_string()))?;
    if verified.content_sha256().is_none() {
        let message = "the signature must cover the body: STS has no other x-amz-content-sha256 than \
                       its hash";
        return Err(Refusal::with_status(403, "SignatureDoesNotMatch", message));
    }
    account
        .key(verified.access_key_id())
        .ok_or_else(Refusal::internal)
}

/// Returns the region in `Credential=ID/DATE/REGION/SERVICE/aws4_request`, in the header or in the
/// query.
fn claimed_region(head: &Parts) -> Option<String> {
    let credential = match head.headers.get(header::AUTHORIZATION) {
        Some(header) => {
            let (_, credential) = header.to_str().ok()?.split_once("Credential=")?;
            credential.to_owned()
        }
        None => {
            let mut query = form_urlencoded::parse(head.uri.query()?.as_bytes());
            let (_, credential) = query.find(|(name, _)| name == "X-Amz-Credential")?;
            credential.into_owned()
        }
    };
    credential.split('/').nth(2).map(str::to_owned)
}
