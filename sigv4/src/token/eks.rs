use alloc::{
    format,
    string::{String, ToString},
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::{Token, end_of, endpoint::dns_suffix, not_empty, presign};
use crate::{
    codec::json,
    credentials::Credentials,
    error::{Error, ErrorKind},
    request::Request,
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
};

/// The server takes a token for 15 minutes; a minute is left for clocks and the way, as the AWS CLI does.
const LIFETIME: u32 = 14 * 60;

/// The bearer token of a Kubernetes API server on EKS: the server takes it for 15 minutes.
///
/// It is a `GetCallerIdentity` at the region's STS, presigned for 60 seconds with the cluster's name as a signed
/// header; the server sends it to learn who the caller is.
///
/// Source: the AWS IAM authenticator for Kubernetes, "API authorization from outside a cluster".
///
/// # Errors
///
/// [`ErrorKind::Region`] or [`ErrorKind::HeaderValue`] when the region or the name is malformed;
/// [`ErrorKind::Cluster`] without a name.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")?;
/// let at = "2024-08-26T22:00:00Z".parse()?;
/// let token = token::eks("my-cluster", "us-east-1", &credentials, at)?;
/// assert!(token.expose().starts_with("k8s-aws-v1."));
/// assert_eq!(token.expiry(), "2024-08-26T22:14:00Z".parse()?);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn eks(
    cluster: &str,
    region: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<EksToken, Error> {
    let scope = Scope::new(region, "sts")?;
    let host = format!("sts.{region}.{}", dns_suffix(region));
    let url = format!("https://{host}/?Action=GetCallerIdentity&Version=2011-06-15");
    let request = Request::new("GET", &url)?
        .header("x-k8s-aws-id", not_empty(cluster, ErrorKind::Cluster)?)?;
    let presigned = presign(&request, scope, credentials, at, Ttl::new(60));
    let text = format!(
        "k8s-aws-v1.{}",
        BASE64_URL_SAFE_NO_PAD.encode(presigned.as_str().as_bytes())
    );
    Ok(EksToken(Token::new(
        text,
        end_of(at, LIFETIME, credentials),
    )))
}

/// A [`Token`] that can also be said as `kubectl` wants it.
#[derive(Clone, Debug)]
pub struct EksToken(Token);

impl EksToken {
    /// The bearer token.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// When to have a new one: 14 minutes after signing, or the end of the credentials if that is earlier.
    pub fn expiry(&self) -> Timestamp {
        self.0.expiry()
    }

    /// The token as any other.
    pub fn into_token(self) -> Token {
        self.0
    }

    /// The JSON that a credential plugin of `kubectl` prints: an `ExecCredential` of
    /// `client.authentication.k8s.io/v1beta1`. It holds the token.
    pub fn exec_credential(&self) -> String {
        let mut text = String::from(
            "{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1beta1\",\"spec\":{},\"status\":",
        );
        let second = Timestamp::from_unix_seconds(self.expiry().unix_seconds());
        let expiry = second.to_string();
        let members = [("expirationTimestamp", &*expiry), ("token", self.expose())];
        json::put_object(&mut text, members);
        text.push('}');
        text
    }
}
