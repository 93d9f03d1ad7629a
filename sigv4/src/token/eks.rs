use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::{Token, endpoint::dns_suffix, expiry_after, not_empty, presign};
use crate::{
    codec::json,
    credentials::Credentials,
    error::{Error, ErrorKind},
    request::Request,
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
};

/// The server accepts a token for 15 minutes. As in the AWS CLI, one minute is left for clocks and
/// transfer.
const LIFETIME: u32 = 14 * 60;

/// Creates the bearer token for the Kubernetes API server of an EKS cluster, valid for 15 minutes.
///
/// The token is a `GetCallerIdentity` request to the region's STS, presigned for 60 seconds with
/// the cluster's name as a signed header. The server sends it to STS to learn who the caller is.
///
/// Source: the AWS IAM authenticator for Kubernetes, "API authorization from outside a cluster".
///
/// # Errors
///
/// [`ErrorKind::Region`] or [`ErrorKind::HeaderValue`] if the region or the name is malformed;
/// [`ErrorKind::Cluster`] if the name is empty.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
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
    let endpoint = format!("https://sts.{region}.{}", dns_suffix(region));
    eks_at(&endpoint, cluster, region, credentials, at)
}

/// Creates the token of [`eks`] for another endpoint of STS, such as the one for FIPS.
///
/// `endpoint` is its URL. The API server of a cluster sends the token to the endpoints of AWS only.
///
/// # Errors
///
/// As [`eks`], or [`ErrorKind::Url`] or [`ErrorKind::Host`] if the endpoint is malformed.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let endpoint = "https://sts-fips.us-east-1.amazonaws.com";
/// let token = token::eks_at(endpoint, "my-cluster", "us-east-1", &credentials, at)?;
/// assert!(token.expose().starts_with("k8s-aws-v1."));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn eks_at(
    endpoint: &str,
    cluster: &str,
    region: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<EksToken, Error> {
    let scope = Scope::new(region, "sts")?;
    let endpoint = endpoint.trim_end_matches('/');
    let url = format!("{endpoint}/?Action=GetCallerIdentity&Version=2011-06-15");
    let request = Request::new("GET", &url)?
        .header("x-k8s-aws-id", not_empty(cluster, ErrorKind::Cluster)?)?;
    let presigned = presign(&request, scope, credentials, at, Ttl::new(60))?;
    let text = format!(
        "k8s-aws-v1.{}",
        BASE64_URL_SAFE_NO_PAD.encode(presigned.as_str().as_bytes())
    );
    Ok(EksToken(Token::new(
        text,
        expiry_after(at, LIFETIME, credentials),
    )))
}

/// A [`Token`] that can also be written as the JSON that `kubectl` reads.
#[derive(Clone, Debug)]
pub struct EksToken(Token);

impl EksToken {
    /// Returns the bearer token.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Returns when to create a new one: 14 minutes after signing, or the end of the credentials if
    /// that is earlier.
    pub fn expiry(&self) -> Timestamp {
        self.0.expiry()
    }

    /// Returns the token without the methods for `kubectl`.
    pub fn into_token(self) -> Token {
        self.0
    }

    /// Returns the JSON that a credential plugin of `kubectl` prints. It contains the token.
    ///
    /// It is an `ExecCredential` of this version, which must be the one that the kubeconfig names.
    /// [`ExecApi::default`] is the one that `aws eks update-kubeconfig` writes.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_sigv4::{Credentials, token::{self, ExecApi}};
    /// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
    /// # let at = "2024-08-26T22:00:00Z".parse()?;
    /// let token = token::eks("my-cluster", "us-east-1", &credentials, at)?;
    /// let json = token.exec_credential(ExecApi::V1);
    /// assert!(json.contains(r#""apiVersion":"client.authentication.k8s.io/v1""#));
    /// assert!(json.contains(r#""expirationTimestamp":"2024-08-26T22:14:00Z""#));
    /// # Ok::<(), keyfob_sigv4::Error>(())
    /// ```
    pub fn exec_credential(&self, api: ExecApi) -> String {
        let mut text = format!(
            "{{\"kind\":\"ExecCredential\",\"apiVersion\":\"{api}\",\"spec\":{{}},\"status\":"
        );
        let second = Timestamp::from_unix_seconds(self.expiry().unix_seconds());
        let expiry = second.to_string();
        let members = [("expirationTimestamp", &*expiry), ("token", self.expose())];
        json::put_object(&mut text, members);
        text.push('}');
        text
    }
}

/// The version of the API between `kubectl` and its credential plugins.
///
/// `kubectl` passes the one of the kubeconfig to the plugin, in the variable
/// `KUBERNETES_EXEC_INFO`.
///
/// Source: Kubernetes, "client-go credential plugins".
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::token::ExecApi;
/// let api = ExecApi::from_name("client.authentication.k8s.io/v1");
/// assert_eq!(api, Some(ExecApi::V1));
/// assert_eq!(ExecApi::default().to_string(), "client.authentication.k8s.io/v1beta1");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecApi {
    /// `client.authentication.k8s.io/v1`, since Kubernetes 1.22.
    V1,
    /// `client.authentication.k8s.io/v1beta1`.
    #[default]
    V1Beta1,
    /// `client.authentication.k8s.io/v1alpha1`, which Kubernetes 1.24 removed.
    V1Alpha1,
}

impl ExecApi {
    const ALL: [Self; 3] = [Self::V1, Self::V1Beta1, Self::V1Alpha1];

    /// Returns the version with this name, as `apiVersion` has it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|api| api.name() == name)
    }

    /// Returns its name, as `apiVersion` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "client.authentication.k8s.io/v1",
            Self::V1Beta1 => "client.authentication.k8s.io/v1beta1",
            Self::V1Alpha1 => "client.authentication.k8s.io/v1alpha1",
        }
    }
}

impl fmt::Display for ExecApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
