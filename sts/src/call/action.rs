use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE};

use crate::{
    call::{form::Form, parameters::Parameters, reply::Reply},
    endpoint::Endpoint,
    error::Error,
};

/// The version of the API, which every request names.
const VERSION: &str = "2011-06-15";

/// One operation of the service: writes its request and reads its answer, without any I/O.
///
/// Every request type of this crate implements it; implement it yourself to call an operation that
/// is missing here. An action is also either a [`SignedAction`] or an [`UnsignedAction`], which
/// decides how a client sends it.
///
/// # Examples
///
/// A request to sign and send without the client of this crate:
///
/// ```
/// use keyfob_sts::{Endpoint, actions::GetCallerIdentity, call::Action};
///
/// let endpoint = Endpoint::builder().region("eu-west-1")?.build()?;
/// let request = GetCallerIdentity::new().request(&endpoint);
/// assert_eq!(request.uri(), "https://sts.eu-west-1.amazonaws.com/");
/// assert_eq!(request.body().expose(), "Action=GetCallerIdentity&Version=2011-06-15");
/// # Ok::<(), keyfob_sts::Error>(())
/// ```
///
/// An action of your own:
///
/// ```
/// use keyfob_sts::{Error, call::{Action, Parameters, Reply, SignedAction}};
///
/// struct OwnerOf(Parameters);
///
/// impl OwnerOf {
///     fn new(access_key_id: &str) -> Result<Self, Error> {
///         Parameters::new().text("AccessKeyId", access_key_id, 16..=128).map(Self)
///     }
/// }
///
/// impl Action for OwnerOf {
///     type Output = String;
///     const NAME: &'static str = "GetAccessKeyInfo";
///
///     fn parameters(&self) -> &Parameters {
///         &self.0
///     }
///
///     fn output(reply: &Reply) -> Result<String, Error> {
///         reply.required("Account")
///     }
/// }
///
/// impl SignedAction for OwnerOf {}
///
/// let answer = http::Response::new(
///     "<GetAccessKeyInfoResponse><GetAccessKeyInfoResult><Account>123456789012</Account>
///      </GetAccessKeyInfoResult></GetAccessKeyInfoResponse>",
/// );
/// assert_eq!(OwnerOf::new("AKIAIOSFODNN7EXAMPLE")?.parse(&answer)?, "123456789012");
/// # Ok::<(), Error>(())
/// ```
pub trait Action {
    /// The result of a successful call.
    type Output;

    /// The name on the wire.
    const NAME: &'static str;

    /// Returns the parameters, which were checked when they were set.
    fn parameters(&self) -> &Parameters;

    /// Reads the result of a successful call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if a member is missing or malformed.
    fn output(reply: &Reply) -> Result<Self::Output, Error>;

    /// Writes the request, not yet signed: a form to be posted to the endpoint.
    ///
    /// Source: AWS Query protocol.
    fn request(&self, endpoint: &Endpoint) -> Request<Form> {
        let mut request = Request::new(self.parameters().form(Self::NAME, VERSION));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.uri().clone();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, form);
        request
    }

    /// Reads the whole answer: the output, or the error that the service reports.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`](crate::ErrorKind::Service) if the service refused or failed; secret
    /// parameters of this action that it repeats are redacted. Otherwise as
    /// [`output`](Self::output).
    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Self::Output, Error> {
        Reply::read(Self::NAME, response)
            .and_then(|reply| Self::output(&reply))
            .map_err(|error| in_action(self, error))
    }
}

/// An action that must be signed, and so needs credentials.
pub trait SignedAction: Action {}

/// An action that must not be signed: one of its parameters proves who is calling.
pub trait UnsignedAction: Action {}

/// Adds the action to an error, and redacts the action's secrets.
pub(crate) fn in_action<A: Action + ?Sized>(action: &A, error: Error) -> Error {
    let parameters = action.parameters();
    let secrets: Vec<_> = parameters.secrets().collect();
    error
        .with_action(A::NAME, parameters.is_one_time())
        .redact(&secrets)
}
