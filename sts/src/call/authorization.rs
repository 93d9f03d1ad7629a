use std::{error::Error as StdError, fmt, sync::Arc};

use http::{HeaderName, HeaderValue, Method, Request, Uri};
use keyfob_sigv4::{Secret, Timestamp};

use crate::error::Error;

/// How a call proves who is calling.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Authorization {
    /// A signature of AWS, with the credentials that the call is sent with.
    SigV4,
    /// A secret in a header, such as the token for the portal of IAM Identity Center.
    Header(HeaderName, Secret),
    /// A header that is made for each attempt.
    Proof(Proof),
    /// Nothing, or something among the parameters.
    None,
}

/// A header that is made again for each attempt, because it holds for one request at one time, such
/// as DPoP (RFC 9449).
///
/// # Examples
///
/// ```
/// use http::{Request, HeaderName};
/// use keyfob_sigv4::Secret;
/// use keyfob_sts::call::{Authorization, Proof};
///
/// let proof = Proof::new(HeaderName::from_static("dpop"), |method, url, at| {
///     Ok(Secret::from(format!("{method} {url} {}", at.unix_seconds())))
/// });
/// let mut request = Request::post("https://signin.example.com/v1/token").body(())?;
/// Authorization::Proof(proof).apply(&mut request, "20260101T000000Z".parse()?)?;
/// assert_eq!(
///     request.headers()["dpop"],
///     "POST https://signin.example.com/v1/token 1767225600",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Proof {
    header: HeaderName,
    make: Arc<Make>,
}

type Make = dyn Fn(&Method, &Uri, Timestamp) -> Result<Secret, Box<dyn StdError + Send + Sync>>
    + Send
    + Sync;

impl Proof {
    /// Creates a proof from the name of its header and the function that makes the value, from the
    /// method and the URL of the request and the time of the service.
    pub fn new(
        header: HeaderName,
        make: impl Fn(&Method, &Uri, Timestamp) -> Result<Secret, Box<dyn StdError + Send + Sync>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            header,
            make: Arc::new(make),
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Authorization {
    /// Returns true if the request says when it was made.
    #[cfg(feature = "client")]
    pub(crate) fn has_time(&self) -> bool {
        matches!(self, Self::SigV4 | Self::Proof(_))
    }

    /// Sets the header, if there is one, and returns its value, which no error may show. `SigV4`
    /// sets nothing: a signature needs credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the secret cannot stand in a header or
    /// the proof cannot be made.
    pub fn apply<B>(
        &self,
        request: &mut Request<B>,
        at: Timestamp,
    ) -> Result<Option<Secret>, Error> {
        let (header, secret) = match self {
            Self::SigV4 | Self::None => return Ok(None),
            Self::Header(header, secret) => (header, secret.clone()),
            Self::Proof(proof) => {
                let made = (proof.make)(request.method(), request.uri(), at);
                let made = made.map_err(|error| {
                    let message = format!("the header {} cannot be made", proof.header);
                    Error::setting(message).with_boxed_source(error)
                })?;
                (&proof.header, made)
            }
        };
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| {
            Error::setting(format!(
                "the secret for the header {header} has a character that no header may have: \
                 check for line ends"
            ))
        })?;
        value.set_sensitive(true);
        request.headers_mut().insert(header, value);
        Ok(Some(secret))
    }
}
