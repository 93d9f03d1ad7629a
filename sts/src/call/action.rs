use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE};

use crate::{
    call::{form::Form, parameters::Parameters, reply::Reply},
    endpoint::Endpoint,
    error::Error,
};

/// The version of the API that every request names.
const VERSION: &str = "2011-06-15";

/// One operation of the service: how its request is written and how its answer is read, both pure functions.
///
/// Implemented by every request type of this crate; implement it to call an operation that is not here. Each
/// is also a [`SignedAction`] or an [`UnsignedAction`], which decides how it is sent.
///
/// # Examples
///
/// A request without any client, to be signed and sent by other means:
///
/// ```
/// # use keyfob_sts::{Endpoint, actions::GetCallerIdentity, call::Action};
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
/// # use keyfob_sts::{Error, call::{Action, Parameters, Reply, SignedAction}};
/// struct OwnerOf(Parameters);
///
/// impl OwnerOf {
///     fn new(access_key_id: &str) -> Result<Self, Error> {
///         let parameters = Parameters::new();
///         parameters.text("AccessKeyId", access_key_id, 16..=128).map(Self)
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
/// ```
pub trait Action {
    /// What a successful call returns.
    type Output;

    /// The name on the wire.
    const NAME: &'static str;

    /// The parameters, checked when they were set.
    fn parameters(&self) -> &Parameters;

    /// Reads the result.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when something is missing or of the wrong form.
    fn output(reply: &Reply) -> Result<Self::Output, Error>;

    /// The request, not yet signed.
    ///
    /// Source: AWS Query protocol: a form, posted.
    fn request(&self, endpoint: &Endpoint) -> Request<Form> {
        let mut request = Request::new(self.parameters().form(Self::NAME, VERSION));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = endpoint.uri().clone();
        let form = HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8");
        request.headers_mut().insert(CONTENT_TYPE, form);
        request
    }

    /// Reads an answer: the output, or the error in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`](crate::ErrorKind::Service) when the service refused or failed, otherwise as
    /// [`output`](Self::output). Secret parameters that the service repeats are cut out of the message.
    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Self::Output, Error> {
        Reply::read(Self::NAME, response)
            .and_then(|reply| Self::output(&reply))
            .map_err(|error| in_action(self, error))
    }
}

/// An action that must be signed: it needs credentials.
pub trait SignedAction: Action {}

/// An action that must not be signed: its proof is among its parameters.
pub trait UnsignedAction: Action {}

/// Adds to an error what is known of its action, and takes the action's secrets out of the message.
pub(crate) fn in_action<A: Action + ?Sized>(action: &A, error: Error) -> Error {
    let parameters = action.parameters();
    error
        .in_action(A::NAME, parameters.is_one_time())
        .without(parameters.secrets())
}
