//! `rds generate-db-auth-token`, and the same for DSQL.

use std::net::Ipv6Addr;

use keyfob_sigv4::{
    Ttl,
    token::{self, DsqlUser},
};

use super::{Maker, named, warn_of_region};
use crate::{
    args::{DsqlCommand, RdsCommand, Text, in_range_as_aws},
    context::Context,
    failure::Failure,
    syntax::{expand, expand_number},
};

/// Prints the password of a database user.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(crate) async fn run_rds(context: &Context, command: &RdsCommand) -> Result<(), Failure> {
    let RdsCommand::GenerateDbAuthToken(args) = command;
    let port = expand_number(&args.port, in_range_as_aws(1..=65_535), context.variables())?;
    let host = host(context, &args.hostname)?;
    let user = expand(&args.username, context.variables())?;
    let maker = Maker::new(context).await?;
    warn_of_region(context, &host, &maker.region);
    let (endpoint, region) = (format!("{host}:{port}"), &maker.region);
    let token = token::rds(&endpoint, &user, region, &maker.credentials, maker.at);
    maker.print_line(token.map_err(named("--hostname")))
}

/// Prints the password of a role of a cluster.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(crate) async fn run_dsql(context: &Context, command: &DsqlCommand) -> Result<(), Failure> {
    let (user, args) = match command {
        DsqlCommand::GenerateDbConnectAuthToken(args) => (DsqlUser::Custom, args),
        DsqlCommand::GenerateDbConnectAdminAuthToken(args) => (DsqlUser::Admin, args),
    };
    let longest = Ttl::MAX.as_secs();
    let seconds = in_range_as_aws(1..=longest);
    let seconds = expand_number(&args.expires_in, seconds, context.variables())?;
    let host = expand(&args.hostname, context.variables())?;
    let host = bracketed(host.trim());
    let maker = Maker::new(context).await?;
    warn_of_region(context, &host, &maker.region);
    let (ttl, region) = (super::ttl(seconds)?, &maker.region);
    let token = token::dsql(&host, user, region, ttl, &maker.credentials, maker.at);
    maker.print_line(token.map_err(named("--hostname")))
}

/// Returns the host of a database, which has its port in another option.
fn host(context: &Context, text: &Text) -> Result<String, Failure> {
    let host = expand(text, context.variables())?;
    let host = bracketed(host.trim());
    let name = host.rsplit(']').next().unwrap_or_default();
    if name.contains([':', '/']) {
        return Err(Failure::usage(
            "--hostname: write the host alone, without a scheme, and its port after --port",
        ));
    }
    Ok(host)
}

/// Puts an IPv6 address in brackets, as URLs have it.
fn bracketed(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{host}]"),
        Err(_) => host.to_owned(),
    }
}
