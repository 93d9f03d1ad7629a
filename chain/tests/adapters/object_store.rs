use std::sync::Arc;

use http::{Response, request::Parts};
use keyfob_chain::{ErrorKind, Found, Origin};
use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Payload, Request, Timestamp, verify::Verifier};
use object_store::{
    ObjectStoreExt,
    aws::{AmazonS3Builder, AwsCredentialProvider},
    path::Path,
};

use super::{causes, chain, failing, session};

#[tokio::test]
async fn the_store_gets_every_part_of_the_credentials() {
    let expiry = Timestamp::now().plus_seconds(3600);
    let chain = chain(Found::new(session(expiry), Origin::Default));
    let provider: AwsCredentialProvider = Arc::new(chain);
    let credential = provider.get_credential().await.unwrap();
    assert_eq!(credential.key_id, "ASIAEXAMPLE");
    assert_eq!(credential.secret_key, "canary-secret");
    assert_eq!(credential.token.as_deref(), Some("canary-token"));
    assert!(!format!("{credential:?} {provider:?}").contains("canary"));
}

#[tokio::test]
async fn the_error_of_the_store_says_what_is_wrong() {
    let provider: AwsCredentialProvider = Arc::new(failing(ErrorKind::Setting));
    let error = provider.get_credential().await.unwrap_err();
    assert!(causes(&error).contains("the vault is sealed"));
}

/// Answers 403, as S3 does, unless the session of the chain has signed the request for the object.
#[tokio::test]
async fn a_store_reads_an_object_that_only_the_session_of_the_chain_may_read() {
    let expiry = Timestamp::now().plus_seconds(3600);
    let key = session(expiry);
    let verifier = key.clone();
    let listener = Listener::builder().start(move |request| {
        let (head, _) = request.into_parts();
        let is_allowed = is_signed(&head, &verifier);
        let answer = Response::builder()
            .status(if is_allowed { 200 } else { 403 })
            .header("last-modified", "Sat, 28 Nov 2026 00:00:00 GMT")
            .header("etag", "\"1\"");
        std::future::ready(answer.body("the object".into()).unwrap())
    });
    let listener = listener.await.unwrap();
    super::client();
    let store = |key| {
        AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_region("eu-west-1")
            .with_endpoint(listener.url())
            .with_allow_http(true)
            .with_credentials(Arc::new(chain(Found::new(key, Origin::Default))))
            .build()
            .unwrap()
    };
    let path = Path::from("a folder/key=1");
    let answer = store(key).get(&path).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), "the object");
    let other = Credentials::new("ASIAEXAMPLE", "other").unwrap();
    let error = store(other).get(&path).await.unwrap_err();
    assert!(
        matches!(error, object_store::Error::PermissionDenied { .. }),
        "{error:?}"
    );
}

/// Returns true if these credentials have signed the request.
fn is_signed(head: &Parts, credentials: &Credentials) -> bool {
    let request = Request::from_http(head).unwrap().payload(Payload::Empty);
    let verifier = Verifier::s3("eu-west-1").unwrap();
    let verified = verifier.verify(&request, Timestamp::now(), |_| Some(credentials.clone()));
    verified.is_ok()
}
