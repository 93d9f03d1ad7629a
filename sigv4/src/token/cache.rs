use alloc::format;

use super::{QUARTER_HOUR, Token, endpoint::authority, not_empty, schemeless};
use crate::{
    credentials::Credentials,
    error::{Error, ErrorKind},
    scope::Scope,
    sign::Ttl,
    timestamp::Timestamp,
    uri,
};

/// What a cache of ElastiCache runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheKind {
    /// Nodes of one's own: a replication group.
    Nodes,
    /// A serverless cache.
    Serverless,
}

/// The password of an IAM user of an ElastiCache cache: good for 15 minutes to connect; the service closes the
/// connection after 12 hours unless it authenticates again.
///
/// `name` is the name of the replication group or serverless cache, not its endpoint; it is lower-cased, as the service
/// does.
///
/// Source: Amazon ElastiCache, "Authenticating with IAM".
///
/// # Errors
///
/// [`ErrorKind::Host`] or [`ErrorKind::Region`] when they are malformed; [`ErrorKind::User`] without a user.
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

/// The password of an IAM user of a MemoryDB cluster, by its name: good for 15 minutes to connect; the service closes
/// the connection after 12 hours unless it authenticates again.
///
/// Source: Amazon MemoryDB, "Authenticating with IAM".
///
/// # Errors
///
/// [`ErrorKind::Host`] or [`ErrorKind::Region`] when they are malformed; [`ErrorKind::User`] without a user.
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
    schemeless(&url, scope, credentials, at, Ttl::new(QUARTER_HOUR))
}
