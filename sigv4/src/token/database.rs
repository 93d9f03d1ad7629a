use alloc::format;

use super::{
    QUARTER_HOUR, Token,
    endpoint::{authority, with_port},
    not_empty, presign_without_scheme,
};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
    uri,
};

/// Creates the password of an IAM database user of RDS or Aurora, valid for 15 minutes to connect.
///
/// Open connections are not affected when it expires. `endpoint` is `host:port`, exactly as the
/// client connects to it: the token is bound to both. TLS is required.
///
/// Source: Amazon RDS, "Connecting to your DB instance using IAM authentication".
///
/// # Errors
///
/// [`ErrorKind::Port`] if the endpoint has no port; [`ErrorKind::Host`] or [`ErrorKind::Region`] if
/// host or region is malformed; [`ErrorKind::User`] if the user is empty.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// let credentials = Credentials::new("akid", "secret")?;
/// let at = "2024-08-26T22:00:00Z".parse()?;
/// let endpoint = "prod-instance.us-east-1.rds.amazonaws.com:3306";
/// let password = token::rds(endpoint, "peccy", "us-east-1", &credentials, at)?;
/// assert!(password.expose().starts_with(endpoint));
/// assert_eq!(password.expiry(), "2024-08-26T22:15:00Z".parse()?);
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn rds(
    endpoint: &str,
    user: &str,
    region: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    let (endpoint, user) = (
        with_port(endpoint)?,
        uri::encode_component(not_empty(user, ErrorKind::User)?),
    );
    let url = format!("https://{endpoint}/?Action=connect&DBUser={user}");
    let scope = Scope::new(region, "rds-db")?;
    presign_without_scheme(&url, scope, credentials, at, Ttl::new(QUARTER_HOUR))
}

/// The kind of role that logs in to a DSQL cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsqlUser {
    /// The role `admin`, with the permission `dsql:DbConnectAdmin`.
    Admin,
    /// A database role granted to the caller, with the permission `dsql:DbConnect`.
    Custom,
}

/// Creates the password for an Aurora DSQL cluster, valid for `ttl` to connect.
///
/// 15 minutes are usual, 7 days the maximum. If the credentials expire earlier, so does the token.
///
/// Source: Aurora DSQL, "Generating an authentication token".
///
/// # Errors
///
/// [`ErrorKind::Host`] or [`ErrorKind::Region`] if host or region is malformed; [`ErrorKind::Ttl`]
/// for [`Ttl::UNSTATED`].
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, Ttl, token::{self, DsqlUser}};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let (host, ttl) = ("abc.dsql.us-east-1.on.aws", Ttl::from_secs(900)?);
/// let password = token::dsql(host, DsqlUser::Admin, "us-east-1", ttl, &credentials, at)?;
/// assert!(password.expose().starts_with("abc.dsql.us-east-1.on.aws/?Action=DbConnectAdmin"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn dsql(
    endpoint: &str,
    user: DsqlUser,
    region: &str,
    ttl: Ttl,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    if ttl == Ttl::UNSTATED {
        return Err(Error::number(ErrorKind::Ttl, 0));
    }
    let action = match user {
        DsqlUser::Admin => "DbConnectAdmin",
        DsqlUser::Custom => "DbConnect",
    };
    let url = format!("https://{}/?Action={action}", authority(endpoint)?);
    let ttl = limit_to_credentials(ttl, credentials, at);
    presign_without_scheme(&url, Scope::new(region, "dsql")?, credentials, at, ttl)
}

/// Returns the lifetime, shortened to that of the credentials.
fn limit_to_credentials(ttl: Ttl, credentials: &Credentials, at: Timestamp) -> Ttl {
    credentials
        .expiry()
        // For expired credentials the shortest lifetime: the token is useless anyway.
        .map(|end| end.seconds_since(at).max(1))
        .and_then(|seconds| u32::try_from(seconds).ok())
        .map_or(ttl, |seconds| ttl.min(Ttl::new(seconds)))
}
