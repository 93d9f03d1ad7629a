use alloc::format;

use super::{QUARTER_HOUR, Token, endpoint::authority, not_empty, presign_without_scheme};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
    uri,
};

/// How a cache of ElastiCache is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheKind {
    /// A replication group of nodes.
    Nodes,
    /// A serverless cache.
    Serverless,
}

/// Creates the password of an IAM user of an ElastiCache cache, valid for 15 minutes to connect.
///
/// The service closes a connection after 12 hours unless it authenticates again. `name` is the name
/// of the replication group or serverless cache, not its endpoint; it is lower-cased, as the
/// service does.
///
/// Source: Amazon ElastiCache, "Authenticating with IAM".
///
/// # Errors
///
/// [`ErrorKind::Host`] or [`ErrorKind::Region`] if name or region is malformed; [`ErrorKind::User`]
/// if the user is empty.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token::{self, CacheKind}};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let kind = CacheKind::Serverless;
/// let password = token::elasticache("my-cache", "app", kind, "us-east-1", &credentials, at)?;
/// assert!(password.expose().starts_with("my-cache/?Action=connect&User=app"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn elasticache(
    name: &str,
    user: &str,
    kind: CacheKind,
    region: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    let resource = match kind {
        CacheKind::Nodes => "",
        CacheKind::Serverless => "&ResourceType=ServerlessCache",
    };
    let scope = Scope::new(region, "elasticache")?;
    connect(name, user, resource, scope, credentials, at)
}

/// Creates the password of an IAM user of a MemoryDB cluster, valid for 15 minutes to connect.
///
/// The service closes a connection after 12 hours unless it authenticates again. `cluster` is the
/// name of the cluster, not its endpoint; it is lower-cased.
///
/// Source: Amazon MemoryDB, "Authenticating with IAM".
///
/// # Errors
///
/// [`ErrorKind::Host`] or [`ErrorKind::Region`] if name or region is malformed; [`ErrorKind::User`]
/// if the user is empty.
///
/// # Examples
///
/// ```
/// # use keyfob_sigv4::{Credentials, token};
/// # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
/// # let at = "2024-08-26T22:00:00Z".parse()?;
/// let password = token::memorydb("my-cluster", "app", "us-east-1", &credentials, at)?;
/// assert!(password.expose().starts_with("my-cluster/?Action=connect&User=app"));
/// # Ok::<(), keyfob_sigv4::Error>(())
/// ```
pub fn memorydb(
    cluster: &str,
    user: &str,
    region: &str,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    let scope = Scope::new(region, "memorydb")?;
    connect(cluster, user, "", scope, credentials, at)
}

fn connect(
    name: &str,
    user: &str,
    resource: &str,
    scope: Scope,
    credentials: &Credentials,
    at: Timestamp,
) -> Result<Token, Error> {
    let (name, user) = (
        authority(name)?.to_ascii_lowercase(),
        uri::encode_component(not_empty(user, ErrorKind::User)?),
    );
    let url = format!("http://{name}/?Action=connect&User={user}{resource}");
    presign_without_scheme(&url, scope, credentials, at, Ttl::new(QUARTER_HOUR))
}
