use http::{header, request::Parts};
use keyfob_sigv4::{Payload, Request as Signed, Scope, verify::Verifier};

use crate::server::{account::Key, api::Request, refusal::Refusal};

/// Verifies the signature of a request to a service, notes the use of the key, and returns it.
///
/// The services hash the body that they receive. `x-amz-content-sha256` with a name, such as
/// `UNSIGNED-PAYLOAD`, is not known outside the family of S3 and a few more services.
///
/// They answer in every region, so the region is the one in the signature.
pub(in crate::server) fn caller(request: &Request<'_>, service: &str) -> Result<Key, Refusal> {
    let (account, head, now) = (request.account, request.head, request.now);
    let region = claimed(head, REGION).unwrap_or_else(|| "us-east-1".to_owned());
    // If the region is not a valid name, the verifier reports a wrong scope.
    let scope = Scope::new(&region, service)
        .or_else(|_| Scope::new("us-east-1", service))
        .map_err(|_| Refusal::internal())?;
    let signed = Signed::from_http(head)
        .map_err(|error| Refusal::invalid(error.to_string()))?
        .payload(Payload::Bytes(request.body));
    let key = |id: &str| account.key(id).filter(|key| key.is_accepted_at(now));
    let lookup = |id: &str| key(id).map(|key| key.credentials);
    let verified = Verifier::new(scope)
        .verify(&signed, request.now, lookup)
        .map_err(|error| Refusal::with_status(error.status(), error.code(), error.to_string()))?;
    if verified.content_sha256().is_none() {
        let message = "the signature must cover the body: this service has no other \
                       x-amz-content-sha256 than its hash";
        return Err(Refusal::with_status(403, "SignatureDoesNotMatch", message));
    }
    let id = verified.access_key_id();
    account.note_use(id, now, service, &region);
    key(id).ok_or_else(Refusal::internal)
}

/// Returns the service that a request is signed for, as far as it says.
pub(in crate::server) fn claimed_service(head: &Parts) -> Option<String> {
    claimed(head, SERVICE)
}

const REGION: usize = 2;
const SERVICE: usize = 3;

/// Returns a part of `Credential=ID/DATE/REGION/SERVICE/aws4_request`, in the header or in the
/// query.
fn claimed(head: &Parts, part: usize) -> Option<String> {
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
    credential.split('/').nth(part).map(str::to_owned)
}
