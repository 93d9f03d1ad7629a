//! Signs `http` requests with the credentials of a chain.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use http::{HeaderMap, Request, Uri, header::HOST, request::Parts};
#[cfg(feature = "http-body")]
use keyfob_sigv4::chunked::{ChunkBody, Chunked};
use keyfob_sigv4::{
    HostScope, Payload, Presigned, Request as Unsigned, Scope, Signer, Timestamp, Ttl,
};

use crate::{
    cache::{Cached, CachedCredentials},
    chain::Chain,
    config::Region,
    error::{Error, ErrorKind, shown},
    provider::Provider,
};

/// How many scopes of hosts have a signer, with its cache of keys, at a time.
const SIGNERS: usize = 16;

/// Signs requests with the credentials of a chain, as they are at the time of each request.
///
/// The host tells the service and the region, as in `sts.eu-west-1.amazonaws.com`
/// ([`HostScope`]). For other hosts, set them: [`with_signer`](Self::with_signer).
///
/// It is a layer for `tower` services and a middleware for `reqwest-middleware` clients, with the
/// features of these names. Put it inside the layer that retries, so that every attempt has its own
/// signature. A client that follows redirects sends the signature of the first host to the second:
/// switch that off.
///
/// Clones share the chain and the derived keys.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Cached, Chain, Order, RequestSigner, Settings, Variables};
/// use keyfob_sigv4::Payload;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let variables = Variables::from_iter([
/// #     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
/// #     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// # ]);
/// let settings = Settings::load(variables); // of Variables::from_process(), say
/// let chain = Cached::new(Chain::default_for(Order::Cli, &settings));
/// let signer = RequestSigner::new(chain);
///
/// let url = "https://id.execute-api.eu-west-1.amazonaws.com/pets";
/// let mut request = http::Request::get(url).body(())?;
/// signer.sign(&mut request, Payload::Empty).await?;
/// let authorization = request.headers()["authorization"].to_str()?;
/// assert!(authorization.contains("/eu-west-1/execute-api/aws4_request"));
/// # Ok(()) }
/// ```
pub struct RequestSigner<P = Chain> {
    credentials: Arc<Cached<P>>,
    /// For every host, if the program chose one.
    signer: Option<Arc<Signer>>,
    region: Option<Region>,
    clock: Arc<Clock>,
    /// The signers of hosts, the newest last.
    signers: Arc<Mutex<Vec<Arc<Signer>>>>,
}

type Clock = dyn Fn() -> Timestamp + Send + Sync;

impl<P: Provider + 'static> RequestSigner<P> {
    /// Creates a signer that takes its credentials from this cache, which others may share.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use keyfob_chain::{Chain, RequestSigner};
    ///
    /// let chain = Arc::new(Chain::from_env());
    /// let signer = RequestSigner::new(Arc::clone(&chain));
    /// ```
    pub fn new(credentials: impl Into<Arc<Cached<P>>>) -> Self {
        Self {
            credentials: credentials.into(),
            signer: None,
            region: None,
            clock: Arc::new(Timestamp::now),
            signers: Arc::default(),
        }
    }

    /// Sets the service, the region and the rules for requests to every host.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, RequestSigner};
    /// use keyfob_sigv4::Signer;
    ///
    /// // A server of one's own that speaks the protocol of S3.
    /// let signer = RequestSigner::new(Chain::from_env()).with_signer(Signer::s3("us-east-1")?);
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    #[must_use]
    pub fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = Some(Arc::new(signer));
        self
    }

    /// Sets the region for hosts that tell only their service, such as `s3.amazonaws.com`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Cached, Chain, Order, RequestSigner, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// # let variables = Variables::from_iter([("AWS_REGION", "us-east-1")]);
    /// let settings = Settings::load(variables); // of Variables::from_process(), say
    /// let region = settings.resolve_region(None, Timestamp::now()).await?;
    /// let chain = Cached::new(Chain::default_for(Order::Cli, &settings));
    /// let signer = RequestSigner::new(chain).with_region(region);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.region = Some(region);
        self
    }

    /// Sets the clock, as to correct one that is wrong. The default is [`Timestamp::now`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, RequestSigner};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// // The clock of this machine is an hour slow.
    /// let signer = RequestSigner::new(Chain::from_env())
    ///     .with_clock(|| Timestamp::now().plus_seconds(3600));
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the cache that the credentials are taken from, as to
    /// [invalidate](Cached::invalidate) those that a service has refused.
    pub fn credentials(&self) -> &Cached<P> {
        &self.credentials
    }

    /// Signs a request in place, as [`Signer::sign_http`]. Waits for credentials, if the cached
    /// ones have to be refreshed.
    ///
    /// # Errors
    ///
    /// - The errors of [`Cached::credentials`].
    /// - [`ErrorKind::Request`] if the host does not tell the service or the region, or if the
    ///   request cannot be signed.
    pub async fn sign<B>(
        &self,
        request: &mut Request<B>,
        payload: Payload<'_>,
    ) -> Result<(), Error> {
        let signer = self.signer_for(request.uri(), request.headers())?;
        let (credentials, at) = self.credentials_and_time().await?;
        signer
            .sign_http(request, payload, &credentials, at)
            .map_err(unsignable)
    }

    /// Returns the URL of a request with a signature in its query, as [`Signer::presign`]. Send the
    /// request to that URL, with its headers.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Cached, Found, Origin, RequestSigner};
    /// use keyfob_sigv4::{Credentials, Payload, Ttl};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// # let origin = Origin::Other { description: "the test's setup".to_owned() };
    /// # let chain = Cached::new(Found::new(key, origin));
    /// let signer = RequestSigner::new(chain);
    /// let url = "https://bucket.s3.eu-west-1.amazonaws.com/key";
    /// let (head, ()) = http::Request::get(url).body(())?.into_parts();
    /// let presigned = signer.presign(&head, Payload::Empty, Ttl::from_secs(900)?).await?;
    /// assert!(presigned.as_str().contains("&X-Amz-Signature="));
    /// # Ok(()) }
    /// ```
    pub async fn presign(
        &self,
        head: &Parts,
        payload: Payload<'_>,
        ttl: Ttl,
    ) -> Result<Presigned, Error> {
        let signer = self.signer_for(&head.uri, &head.headers)?;
        let (credentials, at) = self.credentials_and_time().await?;
        let request = Unsigned::from_http(head).map_err(unsignable)?;
        signer
            .presign(&request.payload(payload), &credentials, at, ttl)
            .map_err(unsignable)
    }

    /// Signs a request for S3 whose body is signed chunk by chunk while it is sent, as
    /// [`Signer::sign_http_chunked`].
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    ///
    /// # Examples
    ///
    /// ```
    /// use http_body_util::Full;
    /// use keyfob_chain::{Cached, Found, Origin, RequestSigner};
    /// use keyfob_sigv4::{Credentials, chunked::Chunked};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let key = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
    /// # let origin = Origin::Other { description: "the test's setup".to_owned() };
    /// # let chain = Cached::new(Found::new(key, origin));
    /// let signer = RequestSigner::new(chain);
    /// let request = http::Request::put("https://bucket.s3.eu-west-1.amazonaws.com/key")
    ///     .body(Full::new(&b"hello world"[..]))?;
    /// let signed = signer.sign_chunked(request, &Chunked::signed(11)).await?;
    /// assert_eq!(signed.headers()["content-encoding"], "aws-chunked");
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "http-body")]
    pub async fn sign_chunked<B: http_body::Body + Unpin>(
        &self,
        request: Request<B>,
        plan: &Chunked,
    ) -> Result<Request<ChunkBody<B>>, Error> {
        let signer = self.signer_for(request.uri(), request.headers())?;
        let (credentials, at) = self.credentials_and_time().await?;
        signer
            .sign_http_chunked(request, plan, &credentials, at)
            .map_err(unsignable)
    }

    async fn credentials_and_time(&self) -> Result<(CachedCredentials, Timestamp), Error> {
        let credentials = self.credentials.credentials((self.clock)()).await?;
        // The clock again: the credentials may have taken long.
        Ok((credentials, (self.clock)()))
    }

    fn signer_for(&self, uri: &Uri, headers: &HeaderMap) -> Result<Arc<Signer>, Error> {
        match &self.signer {
            Some(signer) => Ok(Arc::clone(signer)),
            None => Ok(self.signer_of(self.scope(host(uri, headers))?)),
        }
    }

    fn scope(&self, host: &str) -> Result<Scope, Error> {
        let fails = |missing, cure| {
            let host = shown(host);
            let message = format!(
                "the host \"{host}\" does not tell {missing}: set it with RequestSigner::{cure}"
            );
            Error::new(ErrorKind::Request, message)
        };
        let told = HostScope::parse(host).ok_or_else(|| fails("a service", "with_signer"))?;
        let region = told.region().or(self.region.as_ref().map(Region::name));
        let region = region.ok_or_else(|| fails("its region", "with_region"))?;
        Scope::new(region, told.service()).map_err(unsignable)
    }

    /// Returns the signer of a scope, with the keys that it has derived before.
    fn signer_of(&self, scope: Scope) -> Arc<Signer> {
        // Nothing panics while the lock is held.
        let mut signers = self.signers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = signers.iter().find(|signer| *signer.scope() == scope) {
            return Arc::clone(signer);
        }
        if signers.len() == SIGNERS {
            signers.remove(0);
        }
        let signer = Arc::new(Signer::new(scope));
        signers.push(Arc::clone(&signer));
        signer
    }
}

fn host<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> &'r str {
    let header = || headers.get(HOST)?.to_str().ok();
    uri.host().or_else(header).unwrap_or_default()
}

fn unsignable(error: keyfob_sigv4::Error) -> Error {
    Error::with_source(ErrorKind::Request, "the request cannot be signed", error)
}

/// Returns what is signed of a body, which is `None` if its bytes are not known: what the header
/// `x-amz-content-sha256` says, or else the bytes.
#[cfg(any(feature = "tower", feature = "reqwest-middleware"))]
pub(super) fn payload<'b>(
    headers: &HeaderMap,
    body: Option<&'b [u8]>,
) -> Result<Payload<'b>, Error> {
    if headers.contains_key("x-amz-content-sha256") {
        return Ok(Payload::Declared);
    }
    body.map(Payload::Bytes).ok_or_else(|| {
        let message = "the body is a stream, which cannot be hashed before it is sent: \
            set the header x-amz-content-sha256 to its SHA-256, or for S3 to UNSIGNED-PAYLOAD";
        Error::new(ErrorKind::Request, message)
    })
}

impl<P> Clone for RequestSigner<P> {
    fn clone(&self) -> Self {
        Self {
            credentials: Arc::clone(&self.credentials),
            signer: self.signer.clone(),
            region: self.region.clone(),
            clock: Arc::clone(&self.clock),
            signers: Arc::clone(&self.signers),
        }
    }
}

impl<P: fmt::Debug> fmt::Debug for RequestSigner<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSigner")
            .field("credentials", &self.credentials)
            .field("signer", &self.signer)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
