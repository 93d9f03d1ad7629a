//! Credentials for the S3 store of `object_store`.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use keyfob_sigv4::{Secret, Timestamp};
use object_store::{CredentialProvider, Error as StoreError, aws::AwsCredential};

use crate::{cache::Cached, provider::Provider};

/// With the feature `object_store`, a cached chain provides the credentials of its S3 store, which
/// asks for each request.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use keyfob_chain::{Cached, Chain, Order, Settings, Variables};
/// use object_store::aws::{AmazonS3Builder, AwsCredentialProvider};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let variables = Variables::from_iter([
/// #     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
/// #     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// # ]);
/// let settings = Settings::load(variables); // of Variables::from_process(), say
/// let chain = Cached::new(Chain::default_for(Order::Cli, &settings));
///
/// let provider: AwsCredentialProvider = Arc::new(chain);
/// let store = AmazonS3Builder::new()
///     .with_bucket_name("examplebucket")
///     .with_credentials(provider.clone());
/// assert_eq!(provider.get_credential().await?.key_id, "AKIDEXAMPLE");
/// # Ok(()) }
/// ```
#[async_trait]
impl<P: Provider + fmt::Debug + 'static> CredentialProvider for Cached<P> {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        match self.credentials(Timestamp::now()).await {
            Ok(cached) => Ok(Arc::new(AwsCredential {
                key_id: cached.access_key_id().to_owned(),
                secret_key: cached.secret_access_key().expose().to_owned(),
                token: cached
                    .session_token()
                    .map(Secret::expose)
                    .map(str::to_owned),
            })),
            Err(error) => Err(StoreError::Generic {
                store: "S3",
                source: error.into(),
            }),
        }
    }
}
