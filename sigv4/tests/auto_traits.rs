//! What may be shared between threads is part of the API.

use keyfob_sigv4::{
    BodyResigner, Credentials, Explanation, Payload, Presigned, Request, Resigner, Secret,
    Signature, Signer, SigningKey, verify::Verifier,
};

fn assert_send_sync<T: Send + Sync>() {}

#[test]
fn everything_is_send_and_sync() {
    assert_send_sync::<Signer>();
    assert_send_sync::<Verifier>();
    assert_send_sync::<Resigner>();
    assert_send_sync::<BodyResigner>();
    assert_send_sync::<Credentials>();
    assert_send_sync::<Secret>();
    assert_send_sync::<SigningKey>();
    assert_send_sync::<Request<'_>>();
    assert_send_sync::<Payload<'_>>();
    assert_send_sync::<Signature>();
    assert_send_sync::<Presigned>();
    assert_send_sync::<Explanation>();
    assert_send_sync::<keyfob_sigv4::Error>();
    assert_send_sync::<keyfob_sigv4::verify::Error>();
}
