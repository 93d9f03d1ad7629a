//! Signing as a middleware for `reqwest-middleware` clients.

use std::mem;

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Body, Request, Response, Url};
use reqwest_middleware::{Error as MiddlewareError, Middleware, Next, Result};

use super::request_signer::{RequestSigner, payload};
use crate::{
    error::{Error, ErrorKind},
    provider::Provider,
};

/// With the feature `reqwest-middleware`, it signs every request of a client.
///
/// Add it after the middleware that retries. The bytes of the body are signed, or the value of the
/// header `x-amz-content-sha256` in their place, if the request has it. A body that is a stream
/// needs that header.
///
/// # Examples
///
/// ```no_run
/// use keyfob_chain::{Chain, RequestSigner};
/// use reqwest::redirect;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let client = reqwest::Client::builder().redirect(redirect::Policy::none()).build()?;
/// let client = reqwest_middleware::ClientBuilder::new(client)
///     // .with(RetryMiddleware::new(Policy::aws())) of keyfob-backoff, say
///     .with(RequestSigner::new(Chain::from_env()))
///     .build();
/// let url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
/// let response = client.get(url).send().await?;
/// # Ok(()) }
/// ```
#[async_trait]
impl<P: Provider + 'static> Middleware for RequestSigner<P> {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        self.sign_reqwest(&mut request)
            .await
            .map_err(MiddlewareError::middleware)?;
        next.run(request, extensions).await
    }
}

impl<P: Provider + 'static> RequestSigner<P> {
    async fn sign_reqwest(&self, request: &mut Request) -> std::result::Result<(), Error> {
        let mut head = http::Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.url().as_str().parse().map_err(invalid_url)?;
        let target = head.uri().clone();
        *head.headers_mut() = mem::take(request.headers_mut());
        let body = request.body().map_or(Some(&[][..]), Body::as_bytes);
        let payload = payload(head.headers(), body)?;
        self.sign(&mut head, payload).await?;
        // The form that is signed is the one to send.
        if *head.uri() != target {
            *request.url_mut() = Url::parse(&head.uri().to_string()).map_err(invalid_url)?;
        }
        *request.headers_mut() = mem::take(head.headers_mut());
        Ok(())
    }
}

/// The URL, which may have a secret, is not shown.
fn invalid_url(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::with_source(
        ErrorKind::Request,
        "the URL of the request cannot be signed",
        error,
    )
}
