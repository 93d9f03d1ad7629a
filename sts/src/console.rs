//! Links that sign people in to the AWS console with temporary credentials.
//!
//! [`GetSigninToken`] trades the credentials for a token, and [`SigninToken::login_url`] puts it
//! into a link. Whoever opens the link within 15 minutes is signed in, so it is a secret.
//!
//! ```
//! use keyfob_sigv4::Credentials;
//! use keyfob_sts::{Error, call::Service, console::GetSigninToken};
//!
//! # #[cfg(feature = "client")]
//! async fn link(credentials: &Credentials) -> Result<String, Error> {
//!     let builder = keyfob_sts::Client::builder().service(Service::SIGNIN);
//!     let client = builder.region("eu-west-1")?.build()?;
//!     let token = client.send_unsigned(&GetSigninToken::new(credentials)?).await?;
//!     let url = token.login_url(client.endpoint(), "https://console.aws.amazon.com/s3");
//!     Ok(url.expose().to_owned())
//! }
//! ```
//!
//! Source: IAM user guide, "Enable custom identity broker access to the AWS console".

use http::{Request, Uri};
use keyfob_sigv4::{Credentials, Secret, uri};
use serde_json::Value;

use crate::{
    call::{Authorization, Body, Call, Operation, Reply, Service},
    endpoint::{Endpoint, Partition},
    error::Error,
};

/// Trades temporary credentials for a token that signs a person in to the console.
///
/// The credentials are those of a role or of a federated user. STS does not take those of
/// `GetSessionToken` here, nor long-term keys.
///
/// The request is a form in the body, so that no log of URLs has the credentials.
#[derive(Clone, Debug)]
pub struct GetSigninToken(Operation);

impl GetSigninToken {
    /// Creates a request for these credentials.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if they have no session token.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sigv4::Credentials;
    /// use keyfob_sts::console::GetSigninToken;
    ///
    /// let key = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
    /// let error = GetSigninToken::new(&key).unwrap_err();
    /// assert!(error.to_string().contains("temporary credentials"));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn new(credentials: &Credentials) -> Result<Self, Error> {
        let Some(token) = credentials.session_token() else {
            return Err(Error::input(
                "Session",
                "the console needs temporary credentials, and these have no session token: assume \
                 a role first"
                    .to_owned(),
            ));
        };
        let secret = credentials.secret_access_key();
        let [id, secret, token] = [credentials.access_key_id(), secret.expose(), token.expose()]
            .map(|text| Secret::from(Value::from(text).to_string()));
        let session = format!(
            "{{\"sessionId\":{},\"sessionKey\":{},\"sessionToken\":{}}}",
            id.expose(),
            secret.expose(),
            token.expose()
        );
        Operation::new(&Service::SIGNIN, "getSigninToken")
            .with_authorization(Authorization::None)
            .secret("Session", session, 1..=usize::MAX)
            .map(Self)
    }

    /// Sets how long the person stays signed in: 900 to 43200 seconds. Default: as long as the
    /// credentials are valid, an hour at most.
    ///
    /// AWS refuses it for credentials of a federated user, and for those of a role that another
    /// role assumed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`](crate::ErrorKind::Input) if it is less than 900.
    pub fn session_duration(self, seconds: u32) -> Result<Self, Error> {
        self.0
            .number("SessionDuration", seconds, 900..=43_200)
            .map(Self)
    }
}

impl Call for GetSigninToken {
    type Output = SigninToken;

    fn operation(&self) -> &Operation {
        &self.0
    }

    /// Posts a form to the path `/federation`.
    fn request(&self, endpoint: &Endpoint) -> Result<Request<Body>, Error> {
        let mut request = self.0.form_without_version(endpoint);
        *request.uri_mut() = Uri::try_from(federation(endpoint))
            .map_err(|_| Error::setting("the endpoint of the sign-in is too long for a URL"))?;
        Ok(request)
    }

    fn output(&self, reply: &Reply<'_>) -> Result<SigninToken, Error> {
        Ok(SigninToken(reply.secret("SigninToken")?))
    }
}

/// A token that signs a person in to the console once, within 15 minutes. It is a secret.
#[derive(Clone, Debug)]
pub struct SigninToken(Secret);

impl SigninToken {
    /// Returns the token.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// Returns the link that signs the person in and leads to `destination`, a page of the console.
    /// `endpoint` is the one that the token comes from.
    ///
    /// The link is a secret. Open it, or give it to one person.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_sts::{Endpoint, call::{Call, Service}, console::GetSigninToken};
    ///
    /// # let keys = keyfob_sigv4::Credentials::new("ASIAIOSFODNN7EXAMPLE", "secret").unwrap();
    /// # let keys = keys.with_session_token("token").unwrap();
    /// let endpoint = Service::SIGNIN.endpoint().region("eu-west-1")?.build()?;
    /// let answer = http::Response::new(r#"{"SigninToken": "a/b"}"#);
    /// let token = GetSigninToken::new(&keys)?.parse(&answer)?;
    /// assert_eq!(
    ///     token.login_url(&endpoint, "https://console.aws.amazon.com/").expose(),
    ///     "https://eu-west-1.signin.aws.amazon.com/federation?Action=login&Issuer=\
    ///      &Destination=https%3A%2F%2Fconsole.aws.amazon.com%2F&SigninToken=a%2Fb",
    /// );
    /// # Ok::<(), keyfob_sts::Error>(())
    /// ```
    pub fn login_url(&self, endpoint: &Endpoint, destination: &str) -> Secret {
        let destination = uri::encode_component(destination);
        let token = Secret::from(uri::encode_component(self.0.expose()));
        let (federation, token) = (federation(endpoint), token.expose());
        let url = format!(
            "{federation}?Action=login&Issuer=&Destination={destination}&SigninToken={token}"
        );
        Secret::from(url)
    }
}

/// Returns the first page of the console in a partition. A page of one region is such as
/// `https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1`.
///
/// # Examples
///
/// ```
/// use keyfob_sts::{Partition, console::home_page};
///
/// let china = Partition::from_region("cn-north-1");
/// assert_eq!(home_page(china), "https://console.amazonaws.cn/");
/// ```
pub fn home_page(partition: Partition) -> &'static str {
    match partition.name() {
        "aws-cn" => "https://console.amazonaws.cn/",
        "aws-us-gov" => "https://console.amazonaws-us-gov.com/",
        "aws-eusc" => "https://console.amazonaws-eusc.eu/",
        "aws-iso" => "https://console.c2shome.ic.gov/",
        "aws-iso-b" => "https://console.sc2shome.sgov.gov/",
        "aws-iso-e" => "https://console.csphome.adc-e.uk/",
        "aws-iso-f" => "https://console.csphome.hci.ic.gov/",
        _ => "https://console.aws.amazon.com/",
    }
}

fn federation(endpoint: &Endpoint) -> String {
    endpoint.url().trim_end_matches('/').to_owned() + "/federation"
}
