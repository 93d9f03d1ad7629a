//! Credentials for the signers of `reqsign`.

use std::fmt;

use keyfob_sigv4::{Secret, Timestamp};
use reqsign_aws_core::Credential;
use reqsign_core::{
    Context, Error as ReqsignError, ErrorKind as ReqsignKind, ProvideCredential,
    time::Timestamp as ReqsignTimestamp,
};

use super::valid_until;
use crate::{
    cache::Cached,
    error::{Error, ErrorKind},
    provider::Provider,
};

/// With the feature `reqsign`, a cached chain provides the credentials of its signers for AWS. The
/// context is not used: the chain has its own settings and clients.
///
/// A signer keeps credentials until two minutes before they expire, and those without an expiry for
/// its life.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Cached, Chain, Order, Settings, Variables};
/// use reqsign_core::{Context, ProvideCredential};
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
/// let credential = chain.provide_credential(&Context::new()).await?;
/// assert_eq!(credential.unwrap().access_key_id, "AKIDEXAMPLE");
/// // let builder = reqsign_aws_v4::RequestSigner::new("s3", "us-east-1");
/// // let signer = reqsign_core::Signer::new(Context::new(), chain, builder);
/// # Ok(()) }
/// ```
impl<P: Provider + fmt::Debug + Unpin + 'static> ProvideCredential for Cached<P> {
    type Credential = Credential;

    async fn provide_credential(
        &self,
        _context: &Context,
    ) -> reqsign_core::Result<Option<Credential>> {
        let now = Timestamp::now();
        let cached = self.credentials(now).await.map_err(to_reqsign_error)?;
        let expires_in = valid_until(&cached, now)
            .map(|at| ReqsignTimestamp::from_second(at.unix_seconds()))
            .transpose()?;
        Ok(Some(Credential {
            access_key_id: cached.access_key_id().to_owned(),
            secret_access_key: cached.secret_access_key().expose().to_owned(),
            session_token: cached
                .session_token()
                .map(Secret::expose)
                .map(str::to_owned),
            expires_in,
        }))
    }
}

/// An error also if nothing is configured, and not `None`: it says what is missing.
fn to_reqsign_error(error: Error) -> ReqsignError {
    let kind = match error.kind() {
        ErrorKind::Refused => ReqsignKind::PermissionDenied,
        ErrorKind::Provider => ReqsignKind::Unexpected,
        ErrorKind::NoCredentials | ErrorKind::Expired | ErrorKind::SignIn | ErrorKind::MfaCode => {
            ReqsignKind::CredentialInvalid
        }
        _ => ReqsignKind::ConfigInvalid,
    };
    ReqsignError::new(kind, "the chain has no credentials")
        .set_retryable(error.is_transient())
        .with_source(error)
}
