use std::time::Duration;

use keyfob_chain::{Cached, Chain, ErrorKind, Found, Origin};
use keyfob_sigv4::Timestamp;
use reqsign_aws_core::Credential;
use reqsign_core::{
    Context, Error as ReqsignError, ErrorKind as ReqsignKind, ProvideCredential, SigningCredential,
};

use super::{causes, chain, chain_in_an_outage, failing, session, unconfigured};

async fn credential(chain: &Cached<Chain>) -> Result<Credential, ReqsignError> {
    let credential = chain.provide_credential(&Context::new()).await;
    credential.map(Option::unwrap)
}

#[tokio::test]
async fn the_signer_gets_every_part_of_the_credentials() {
    let expiry = Timestamp::now().plus_seconds(3600);
    let chain = chain(Found::new(session(expiry), Origin::Default));
    let credential = credential(&chain).await.unwrap();
    assert_eq!(credential.access_key_id, "ASIAEXAMPLE");
    assert_eq!(credential.secret_access_key, "canary-secret");
    assert_eq!(credential.session_token.as_deref(), Some("canary-token"));
    let expires_in = credential.expires_in.unwrap();
    assert_eq!(expires_in.as_second(), expiry.unix_seconds());
}

#[tokio::test]
async fn credentials_that_are_served_in_an_outage_are_usable_and_asked_for_again() {
    let (chain, _) = chain_in_an_outage();
    credential(&chain).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let credential = credential(&chain).await.unwrap();
    assert!(credential.is_valid_at(reqsign_core::time::Timestamp::now()));
    assert!(!credential.is_valid());
}

#[tokio::test]
async fn each_error_has_its_kind_of_reqsign_and_its_text() {
    for (chain, kind, text) in [
        (unconfigured(), ReqsignKind::CredentialInvalid, "VAULT_ADDR"),
        (
            failing(ErrorKind::Refused),
            ReqsignKind::PermissionDenied,
            "sealed",
        ),
        (
            failing(ErrorKind::Setting),
            ReqsignKind::ConfigInvalid,
            "sealed",
        ),
    ] {
        let error = credential(&chain).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, false));
        assert!(causes(&error).contains(text));
    }
    let error = credential(&failing(ErrorKind::Provider)).await.unwrap_err();
    assert!(error.is_retryable());
}
