//! Signing as a layer for `tower` services.

use std::{
    error, mem,
    task::{Context, Poll},
};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use super::request_signer::{RequestSigner, payload};
use crate::{
    chain::Chain,
    provider::{BoxFuture, Provider},
};

type BoxError = Box<dyn error::Error + Send + Sync>;

/// The service that signs requests before it passes them on. [`RequestSigner`] is its layer.
///
/// The body is one whose bytes are known, such as `bytes::Bytes`, `String` or `Vec<u8>`, and they
/// are signed. If the request has the header `x-amz-content-sha256`, its value is signed in their
/// place. Convert the body to that of the client inside this layer. For a body that is a stream,
/// call [`RequestSigner::sign`] in `tower`'s `filter_async`.
///
/// An error is that of the service inside, or an [`Error`](crate::Error) if the request could not
/// be signed, and then nothing was sent. Retrying that one rarely helps.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use keyfob_chain::{Cached, Chain, Order, RequestSigner, Settings, Variables};
/// use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tower::BoxError> {
/// # let variables = Variables::from_iter([
/// #     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
/// #     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// # ]);
/// let settings = Settings::load(variables); // of Variables::from_process(), say
/// let chain = Cached::new(Chain::default_for(Order::Cli, &settings));
///
/// // A client of hyper, say, after `.map_request(|r: Request<Bytes>| r.map(Full::new))`.
/// let client = service_fn(async |request: Request<String>| {
///     assert!(request.headers().contains_key("authorization"));
///     Ok::<_, Infallible>(Response::new("alice"))
/// });
/// let mut service = ServiceBuilder::new()
///     // .retry(policy), outside
///     .layer(RequestSigner::new(chain))
///     .service(client);
///
/// let request = Request::post("https://sts.eu-west-1.amazonaws.com/")
///     .header("content-type", "application/x-www-form-urlencoded")
///     .body("Action=GetCallerIdentity&Version=2011-06-15".to_owned())?;
/// let response = service.ready().await?.call(request).await?;
/// assert_eq!(*response.body(), "alice");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct SigningService<S, P = Chain> {
    inner: S,
    signer: RequestSigner<P>,
}

/// With the feature `tower`, it signs every request of a service, as [`SigningService`].
impl<S, P> Layer<S> for RequestSigner<P> {
    type Service = SigningService<S, P>;

    fn layer(&self, inner: S) -> Self::Service {
        SigningService {
            inner,
            signer: self.clone(),
        }
    }
}

impl<S, P, B> Service<Request<B>> for SigningService<S, P>
where
    S: Service<Request<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    P: Provider + 'static,
    B: AsRef<[u8]> + Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that `poll_ready` has asked, not its clone, which may not be ready.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let signer = self.signer.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let mut head = Request::from_parts(parts, ());
            let payload = payload(head.headers(), Some(body.as_ref()))?;
            signer.sign(&mut head, payload).await?;
            inner.call(head.map(|()| body)).await.map_err(Into::into)
        })
    }
}
