use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// The metadata service of an EC2 instance (IMDSv2)
    Imds(ServeImdsArgs),
    /// The credentials endpoint of an ECS or EKS container
    Container(ServeContainerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ServeImdsArgs {
    /// The loopback address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9911")]
    pub(crate) listen: SocketAddr,
    /// The name of the role
    #[arg(long, value_name = "NAME", default_value = "keyfob")]
    pub(crate) role_name: String,
    /// Answer requests without a session token too (IMDSv1)
    #[arg(long)]
    pub(crate) v1: bool,
    /// Further metadata, as JSON: folders are objects
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Announce a spot interruption after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) spot_after: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeContainerArgs {
    /// The loopback address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9912")]
    pub(crate) listen: SocketAddr,
    /// The file that holds the token which requests must have [default: a random token, printed]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}
