use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::{
    ProvideCredentials, SharedCredentialsProvider, error::CredentialsError,
};
use keyfob_chain::{ErrorKind, Found, Origin};
use keyfob_sigv4::Timestamp;

use super::{causes, chain, chain_in_an_outage, failing, session, unconfigured};

#[tokio::test]
async fn the_sdk_gets_every_part_of_the_credentials() {
    let expiry = "2030-01-01T00:00:00Z".parse::<Timestamp>().unwrap();
    let chain = chain(Found::new(session(expiry), Origin::Default));
    let provider = SharedCredentialsProvider::new(chain);
    let credentials = provider.provide_credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
    assert_eq!(credentials.secret_access_key(), "canary-secret");
    assert_eq!(credentials.session_token(), Some("canary-token"));
    assert_eq!(credentials.account_id().unwrap().as_str(), "123456789012");
    let seconds = u64::try_from(expiry.unix_seconds()).unwrap();
    let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(credentials.expiry(), Some(expected));
    assert!(!format!("{credentials:?} {provider:?}").contains("canary"));
}

#[tokio::test]
async fn credentials_that_are_served_in_an_outage_have_another_minute() {
    let (chain, _) = chain_in_an_outage();
    chain.provide_credentials().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let credentials = chain.provide_credentials().await.unwrap();
    let left = credentials
        .expiry()
        .unwrap()
        .duration_since(SystemTime::now());
    assert!((55..=60).contains(&left.unwrap().as_secs()));
}

#[tokio::test]
async fn each_error_has_its_kind_of_the_sdk_and_its_text() {
    let error = |chain| async move {
        let provider = Arc::new(chain) as Arc<dyn ProvideCredentials>;
        provider.provide_credentials().await.unwrap_err()
    };
    let missing = error(unconfigured()).await;
    assert!(matches!(missing, CredentialsError::CredentialsNotLoaded(_)));
    assert!(causes(&missing).contains("VAULT_ADDR is not set"));
    let refused = error(failing(ErrorKind::Refused)).await;
    assert!(matches!(refused, CredentialsError::ProviderError(_)));
    assert!(causes(&refused).contains("the vault is sealed"));
    let setting = error(failing(ErrorKind::Setting)).await;
    assert!(matches!(setting, CredentialsError::InvalidConfiguration(_)));
}
