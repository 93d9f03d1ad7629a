//! The commands that make tokens and passwords. Those of `aws` stand in the groups that it has.

use clap::{Args, Subcommand};

use crate::args::{RoleArgs, Text, examples, number};

#[derive(Debug, Subcommand)]
pub(crate) enum EksCommand {
    /// Print a token for the Kubernetes API of a cluster, as kubectl reads it
    #[command(after_help = examples::EKS)]
    GetToken(Box<EksTokenArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct EksTokenArgs {
    #[command(flatten)]
    pub(crate) cluster: ClusterArgs,
    #[command(flatten)]
    pub(crate) role: RoleArgs,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct ClusterArgs {
    /// The name of the cluster
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster_name: Option<Text>,
    /// The id of a local cluster on Outposts
    #[arg(long, value_name = "ID")]
    pub(crate) cluster_id: Option<Text>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RdsCommand {
    /// Print the password of a database user who logs in with IAM, to connect within 15 minutes
    #[command(after_help = examples::RDS)]
    GenerateDbAuthToken(RdsTokenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RdsTokenArgs {
    /// The host of the database, as the client connects to it
    #[arg(long, value_name = "HOST")]
    pub(crate) hostname: Text,
    /// The port of the database, such as 3306 or 5432
    #[arg(long, value_name = "PORT", allow_negative_numbers = true)]
    pub(crate) port: Text,
    /// The database user to log in as
    #[arg(long, value_name = "USER")]
    pub(crate) username: Text,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DsqlCommand {
    /// Print the password of a database role that you may use
    #[command(after_help = examples::DSQL)]
    GenerateDbConnectAuthToken(DsqlTokenArgs),
    /// Print the password of the database role admin
    #[command(after_help = examples::DSQL_ADMIN)]
    GenerateDbConnectAdminAuthToken(DsqlTokenArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DsqlTokenArgs {
    /// The host of the cluster
    #[arg(long, value_name = "HOST")]
    pub(crate) hostname: Text,
    /// How long it works to connect: 1 to 604800 seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "900",
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: Text,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CodecommitCommand {
    /// Give git the user name and the password of a repository over HTTPS
    #[command(subcommand, after_help = examples::CODECOMMIT)]
    CredentialHelper(CredentialHelperCommand),
}

/// What git asks a credential helper to do.
#[derive(Debug, Subcommand)]
pub(crate) enum CredentialHelperCommand {
    /// Read protocol, host and path, and print username and password, for 15 minutes
    Get {
        /// Also for a host that is not one of AWS
        #[arg(long)]
        ignore_host_check: bool,
    },
    /// Do nothing: there is a new password each time
    Store,
    /// Do nothing: there is a new password each time
    Erase,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Print an API key of Bedrock
    #[command(after_help = examples::TOKEN_BEDROCK)]
    Bedrock {
        /// How long it works: 1 to 43200 seconds
        #[arg(
            long,
            value_name = "SECONDS",
            default_value_t = 43_200,
            value_parser = number::in_range(1..=43_200),
            allow_negative_numbers = true
        )]
        expires_in: u32,
    },
    /// Print the password of a user of an ElastiCache cache, to connect within 15 minutes
    Elasticache {
        /// The name of the replication group or of the serverless cache, which is not its host
        #[arg(long, value_name = "NAME")]
        cache_name: String,
        /// The user to log in as
        #[arg(long, value_name = "USER")]
        username: String,
        /// The cache is serverless
        #[arg(long)]
        serverless: bool,
    },
    /// Print the password of a user of a MemoryDB cluster, to connect within 15 minutes
    Memorydb {
        /// The name of the cluster, which is not its host
        #[arg(long, value_name = "NAME")]
        cluster_name: String,
        /// The user to log in as
        #[arg(long, value_name = "USER")]
        username: String,
    },
    /// Print the token of a Kafka client of MSK (SASL/OAUTHBEARER), to connect within 15 minutes
    Msk {
        /// What names the client in the broker's log
        #[arg(long, value_name = "TEXT", default_value = USER_AGENT)]
        user_agent: String,
    },
    /// Print the URL of MQTT over a websocket to IoT Core
    Iot {
        /// The data endpoint of the account: ID-ats.iot.REGION.amazonaws.com
        #[arg(long, value_name = "HOST")]
        hostname: String,
        /// How long it works to connect: 1 to 86400 seconds
        #[arg(
            long,
            value_name = "SECONDS",
            default_value_t = 86_400,
            value_parser = number::in_range(1..=86_400),
            allow_negative_numbers = true
        )]
        expires_in: u32,
    },
    /// Print the URL of a websocket that transcribes speech
    #[command(after_help = examples::TOKEN_TRANSCRIBE)]
    Transcribe {
        /// A parameter of the stream, such as language-code=en-US; may be repeated
        #[arg(long, value_name = "NAME=VALUE", required = true)]
        param: Vec<String>,
        /// How long it works to connect: 1 to 300 seconds
        #[arg(
            long,
            value_name = "SECONDS",
            default_value_t = 300,
            value_parser = number::in_range(1..=300),
            allow_negative_numbers = true
        )]
        expires_in: u32,
    },
    /// Print the URL of a websocket to AppSync, or the authorization of a subscription
    #[command(after_help = examples::TOKEN_APPSYNC)]
    Appsync {
        /// The host of the API over HTTP: ID.appsync-api.REGION.amazonaws.com, or your own
        #[arg(long, value_name = "HOST")]
        hostname: String,
        /// It is an Event API, and not GraphQL
        #[arg(long)]
        events: bool,
        /// Print the authorization of this subscription or publication instead: its JSON, exactly
        /// as it is sent, or file://PATH, or - for standard input
        #[arg(long, value_name = "JSON")]
        data: Option<Text>,
    },
    /// Print the SMTP password of SES that belongs to the access key in use
    #[command(after_help = examples::TOKEN_SES)]
    SesSmtp,
}

/// What names `token msk` in the log of a broker.
const USER_AGENT: &str = concat!("keyfob/", env!("CARGO_PKG_VERSION"));
