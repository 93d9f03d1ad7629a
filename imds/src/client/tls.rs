use std::{error::Error as StdError, io, iter, sync::OnceLock, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{Request, Response};

use crate::error::{Error, Service};

/// The client for `https` endpoints, which exist for containers only.
///
/// It is built by the first request, because building it reads the system's root certificates.
#[derive(Default)]
pub(crate) struct Tls(OnceLock<reqwest::Client>);

impl Tls {
    pub(crate) async fn send(
        &self,
        request: Request<()>,
        service: Service,
        name: &str,
        max_body: usize,
        time: Duration,
    ) -> Result<Response<Bytes>, Error> {
        let client = self.client()?;
        let request = reqwest::Request::try_from(request.map(|()| "")).map_err(|source| {
            Error::setting(format!("{name} is not a usable URL")).with_source(source)
        })?;
        let exchange = async {
            let response = client.execute(request).await?;
            collect(response, max_body).await
        };
        match tokio::time::timeout(time, exchange).await {
            Err(_) => Err(Error::answer_timeout(name, time)),
            Ok(Ok(Some(response))) => Ok(response),
            Ok(Ok(None)) => Err(Error::too_long(name, max_body)),
            Ok(Err(source)) if source.is_connect() => {
                Err(Error::connect(service, name, without_connection(source)))
            }
            // The source's own URL is left out: the message already names the endpoint.
            Ok(Err(source)) => Err(Error::transport(name, source.without_url())),
        }
    }

    fn client(&self) -> Result<&reqwest::Client, Error> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        #[cfg(feature = "rustls-no-provider")]
        let builder = builder.tls_backend_preconfigured(rustls_config()?);
        let built = builder.build().map_err(cannot_set_up)?;
        Ok(self.0.get_or_init(|| built))
    }
}

fn cannot_set_up(source: impl StdError + Send + Sync + 'static) -> Error {
    Error::setting("could not set up TLS").with_source(source)
}

/// Returns a configuration that trusts what the system trusts.
///
/// It is made here because `reqwest` panics when it makes one and the program has no provider of
/// cryptography for the whole process.
#[cfg(feature = "rustls-no-provider")]
fn rustls_config() -> Result<rustls::ClientConfig, Error> {
    use rustls_platform_verifier::BuilderVerifierExt;

    let config = rustls::ClientConfig::builder_with_provider(crate::provider::provider()?)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(cannot_set_up)?;
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Returns why there is no connection. The words of rustls are names of its own types, so others
/// take their place.
fn without_connection(source: reqwest::Error) -> io::Error {
    let first: &(dyn StdError + 'static) = &source;
    // The `source` of an error of I/O passes over the error that it was made of.
    let mut causes = iter::successors(Some(first), |&error| {
        let inner = error.downcast_ref().and_then(io::Error::get_ref);
        inner.map_or_else(|| error.source(), |inner| Some(inner as _))
    });
    let is_tls = |error: &io::Error| error.kind() == io::ErrorKind::InvalidData;
    if causes.any(|error| error.downcast_ref().is_some_and(is_tls)) {
        return io::Error::new(
            io::ErrorKind::InvalidData,
            "the TLS handshake failed: the agent must speak TLS, with a valid certificate for this \
             name from an authority that the system trusts",
        );
    }
    io::Error::other(source.without_url())
}

/// Reads the response, or returns `None` if its body is longer than `max_body` bytes.
async fn collect(
    mut response: reqwest::Response,
    max_body: usize,
) -> reqwest::Result<Option<Response<Bytes>>> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_body {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    let mut complete = Response::new(body.freeze());
    *complete.status_mut() = response.status();
    *complete.headers_mut() = std::mem::take(response.headers_mut());
    Ok(Some(complete))
}
