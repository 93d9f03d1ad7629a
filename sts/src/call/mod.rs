//! Calls of services: requests and their answers as pure functions.
//!
//! You need this module to send a request without the client, or to write a [`Call`] of your own:
//! of STS or of another service, in one of the [protocols](Protocol) that AWS has.

mod answer;
mod authorization;
mod body;
mod json;
mod operation;
mod pages;
mod query;
mod rest_json;
mod service;
mod value;
mod with_output;

use http::{Request, Response};

use self::answer::Document;
pub use self::{
    answer::Reply,
    authorization::{Authorization, Proof},
    body::Body,
    operation::Operation,
    pages::Pages,
    service::{Protocol, Service},
    with_output::WithOutput,
};
pub use crate::replay::Replay;
use crate::{endpoint::Endpoint, error::Error};

/// One call of a service: writes its request and reads its answer, without any I/O.
///
/// Every request type of this crate implements it. For an operation that is missing here, of any
/// service, implement it yourself, or use [`Operation::with_output`].
///
/// # Examples
///
/// A request to sign and send without the client of this crate:
///
/// ```
/// use keyfob_sts::{Endpoint, actions::GetCallerIdentity, call::Call};
///
/// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
/// let request = GetCallerIdentity::new().request(&endpoint)?;
/// assert_eq!(request.uri(), "https://sts.eu-west-1.amazonaws.com/");
/// assert_eq!(request.body().expose(), "Action=GetCallerIdentity&Version=2011-06-15");
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
///
/// A call of your own, to another service:
///
/// ```
/// use keyfob_sts::{Error, call::{Call, Operation, Protocol, Reply, Service}};
///
/// static IAM: Service = Service::new("iam", Protocol::Query, "2010-05-08");
///
/// struct KeysOf(Operation);
///
/// impl KeysOf {
///     fn new(user: &str) -> Result<Self, Error> {
///         Operation::new(&IAM, "ListAccessKeys").text("UserName", user, 1..=128).map(Self)
///     }
/// }
///
/// impl Call for KeysOf {
///     type Output = Vec<String>;
///
///     fn operation(&self) -> &Operation {
///         &self.0
///     }
///
///     fn output(&self, reply: &Reply<'_>) -> Result<Vec<String>, Error> {
///         reply.items("AccessKeyMetadata").map(|key| key.required("AccessKeyId")).collect()
///     }
/// }
///
/// let answer = http::Response::new(
///     "<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata>
///        <member><AccessKeyId>AKIAIOSFODNN7EXAMPLE</AccessKeyId></member>
///      </AccessKeyMetadata></ListAccessKeysResult></ListAccessKeysResponse>",
/// );
/// assert_eq!(KeysOf::new("alice")?.parse(&answer)?, ["AKIAIOSFODNN7EXAMPLE"]);
/// # Ok::<(), Error>(())
/// ```
pub trait Call {
    /// The result of a successful call.
    type Output: Send;

    /// Returns the operation, with its parameters.
    fn operation(&self) -> &Operation;

    /// Reads the result of a successful call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if a member is missing or malformed.
    fn output(&self, reply: &Reply<'_>) -> Result<Self::Output, Error>;

    /// Checks the parameters against each other, before a request is written. By default there is
    /// nothing to check: single parameters are checked when they are set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input), with the name of a parameter that does not
    /// fit the others.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Writes the request, without signature or other authorization.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if parameters do not fit each other, or would
    /// make the URL too long.
    fn request(&self, endpoint: &Endpoint) -> Result<Request<Body>, Error> {
        self.check()?;
        self.operation().request(endpoint)
    }

    /// Reads the whole answer: the output, or the error that the service reports.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`](crate::ErrorKind::Service) if the service refused or failed; secret
    /// parameters of this call that it repeats are redacted. Otherwise as [`output`](Self::output).
    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Self::Output, Error> {
        let operation = self.operation();
        Document::read(operation, response)
            .and_then(|document| self.output(&document.reply(response.body().as_ref())))
            .map_err(|error| operation.explain(error))
    }
}
