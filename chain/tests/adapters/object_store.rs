use std::sync::Arc;

use keyfob_chain::{ErrorKind, Found, Origin};
use keyfob_sigv4::Timestamp;
use object_store::aws::AwsCredentialProvider;

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
