use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum ServeCommand {
    /// Serve instance metadata (IMDSv2), as on an EC2 instance
    Imds(ServeImdsArgs),
    /// Serve the credentials endpoint of an ECS or EKS container
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
    /// Also answer requests without a session token (IMDSv1)
    #[arg(long)]
    pub(crate) v1: bool,
    /// A JSON file with more metadata: folders are objects
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// Announce a spot interruption after this many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) spot_after: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeContainerArgs {
    /// The loopback address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9912")]
    pub(crate) listen: SocketAddr,
    /// A file with the token that requests must send [default: a random token, which is printed]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}
