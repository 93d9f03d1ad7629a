use alloc::format;

use super::{
    QUARTER_HOUR, Token,
    endpoint::{authority, with_port},
    not_empty, schemeless,
};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
    uri,
};

/// The password of a database user of RDS or Aurora that logs in with IAM: good for 15 minutes to connect, while the
/// connection may stay open.
///
/// `endpoint` is `host:port`, exactly as the client connects to it: the token is bound to both. TLS is required.
///
/// Source: Amazon RDS, "Connecting to your DB instance using IAM authentication".
///
/// # Errors
///
/// [`ErrorKind::Port`] without a port; [`ErrorKind::Host`] or [`ErrorKind::Region`] when they are malformed;
/// [`ErrorKind::User`] without a user.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// let credentials = Credentials::new("akid", "secret")?;
/// let at = "2024-08-26T22:00:00Z".parse()?;
/// let endpoint = "prod-instance.us-east-1.rds.amazonaws.com:3306";
/// let password = token::rds(endpoint, "peccy", "us-east-1", &credentials, at)?;
/// assert!(password.expose().starts_with("prod-instance.us-east-1.rds.amazonaws.com:3306/?Action=connect"));
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
    schemeless(&url, scope, credentials, at, Ttl::new(QUARTER_HOUR))
}

/// Who logs in to a DSQL cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsqlUser {
    /// The role `admin`, by the permission `dsql:DbConnectAdmin`.
    Admin,
    /// A role of the database that was granted to the caller, by the permission `dsql:DbConnect`.
    Custom,
}

/// The password for a cluster of Aurora DSQL: good for `ttl` to connect, 15 minutes being usual and 7 days the most. With
/// credentials that end earlier, the token says their end.
///
/// Source: Aurora DSQL, "Generating an authentication token".
///
/// # Errors
///
/// [`ErrorKind::Host`] or [`ErrorKind::Region`] when they are malformed; [`ErrorKind::Ttl`] for [`Ttl::UNSTATED`].
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
    let ttl = no_longer_than(credentials, at, ttl);
    schemeless(&url, Scope::new(region, "dsql")?, credentials, at, ttl)
}

/// Of credentials that have ended already, nothing is made of use; a second is the least that can be said.
fn no_longer_than(credentials: &Credentials, at: Timestamp, ttl: Ttl) -> Ttl {
    let left = credentials.expiry().map(|end| end.seconds_since(at).max(1));
    let left = left.and_then(|left| u32::try_from(left).ok());
    left.map_or(ttl, |left| ttl.min(Ttl::new(left)))
}
