//! Credentials for clients of the AWS SDK for Rust.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials as SdkCredentials,
    provider::{ProvideCredentials, error::CredentialsError, future},
};
use keyfob_sigv4::{Credentials, Secret, Timestamp};

use super::valid_until;
use crate::{
    cache::Cached,
    error::{Error, ErrorKind},
    provider::Provider,
};

/// With the feature `aws-credential-types`, a cached chain is a provider of credentials for the
/// clients of the AWS SDK for Rust: `aws_config::from_env().credentials_provider(chain)`.
///
/// The SDK asks again before the credentials expire, or after 15 minutes if they have no expiry.
/// To share the chain, put it into an [`Arc`](std::sync::Arc).
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
/// use keyfob_chain::{Cached, Chain, Order, Settings, Variables};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let variables = Variables::from_iter([
/// #     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
/// #     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// # ]);
/// let settings = Settings::load(variables); // of Variables::from_process(), say
/// let chain = Arc::new(Cached::new(Chain::default_for(Order::Cli, &settings)));
///
/// let shared: Arc<dyn ProvideCredentials> = chain.clone();
/// let provider = SharedCredentialsProvider::from(shared);
/// // aws_config::from_env().credentials_provider(provider).load().await
/// let credentials = provider.provide_credentials().await?;
/// assert_eq!(credentials.access_key_id(), "AKIDEXAMPLE");
/// # Ok(()) }
/// ```
impl<P: Provider + fmt::Debug + 'static> ProvideCredentials for Cached<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let now = Timestamp::now();
            let cached = self.credentials(now).await.map_err(to_sdk_error)?;
            Ok(to_sdk(&cached, now))
        })
    }
}

fn to_sdk(credentials: &Credentials, now: Timestamp) -> SdkCredentials {
    let mut sdk = SdkCredentials::builder()
        .access_key_id(credentials.access_key_id())
        .secret_access_key(credentials.secret_access_key().expose())
        .provider_name("keyfob");
    sdk.set_session_token(
        credentials
            .session_token()
            .map(Secret::expose)
            .map(str::to_owned),
    );
    sdk.set_expiry(valid_until(credentials, now).and_then(system_time));
    if let Some(account) = credentials.account_id() {
        sdk = sdk.account_id(account);
    }
    sdk.build()
}

fn system_time(at: Timestamp) -> Option<SystemTime> {
    let since = u64::try_from(at.unix_millis()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(since))
}

fn to_sdk_error(error: Error) -> CredentialsError {
    match error.kind() {
        _ if error.is_not_configured() => CredentialsError::not_loaded(error),
        ErrorKind::Provider | ErrorKind::Refused | ErrorKind::Expired | ErrorKind::SignIn => {
            CredentialsError::provider_error(error)
        }
        _ => CredentialsError::invalid_configuration(error),
    }
}
