//! Clients of the TLS server.

use keyfob_backoff::Policy;
use keyfob_sigv4::Credentials;
use keyfob_sts::{Client, ClientBuilder, Error, actions::GetCallerIdentity};

use crate::server::Server;

/// Returns a builder of a client of a server. Only without the feature `rustls` it needs a provider
/// of cryptography for the whole process, which is installed then.
pub(crate) fn client(server: &Server) -> ClientBuilder {
    #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = Client::builder().region("eu-west-1").unwrap();
    let policy = Policy::aws().attempts(1);
    builder.endpoint(&server.url).unwrap().retry(policy)
}

pub(crate) async fn whoami(client: ClientBuilder) -> Result<String, Error> {
    let keys = Credentials::new("AKIAIOSFODNN7EXAMPLE", "canary-secret").unwrap();
    let client = client.build()?;
    let identity = client.send(&GetCallerIdentity::new(), &keys).await?;
    Ok(identity.user_id)
}
