use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::number::within;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SignArgs {
    #[command(subcommand)]
    pub(crate) command: Option<SignCommand>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignCommand {
    /// Why a server answered SignatureDoesNotMatch: its answer, and the request as it was signed
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The body of the server's answer; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) answer: PathBuf,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    /// The URL, as it is sent
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The method [default: GET, with a body POST]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header: may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    #[command(flatten)]
    pub(crate) body: BodyArgs,
    /// The request as raw HTTP/1.1 text, instead of a URL; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["url", "method", "headers", "data", "data_binary", "data_raw"]
    )]
    pub(crate) request_file: Option<PathBuf>,
    /// The signing name of the service [default: from the host]
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Sign at this moment: 20150830T123600Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Where the signature goes
    #[arg(long, value_name = "WHERE", default_value = "header")]
    pub(crate) auth: Auth,
    /// How long a signature in the query works: 1 to 604800 seconds [default: 900]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = within(1..=604_800),
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: Option<u32>,
    /// Leave the body out of the signature (S3)
    #[arg(long)]
    pub(crate) unsigned_payload: bool,
    /// The algorithm
    #[arg(long, value_name = "NAME", default_value = "v4")]
    pub(crate) algorithm: Algorithm,
    /// The regions that a v4a signature is for, with commas between them; `*` is any [default: the region]
    #[arg(long, value_name = "REGIONS")]
    pub(crate) region_set: Option<String>,
    /// What to print [default: headers, with `--auth query` url]
    #[arg(long, value_name = "WHAT")]
    pub(crate) print: Option<Print>,
}

/// The body, by one of curl's flags.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct BodyArgs {
    /// The body; `@FILE` reads a file without its line ends, `@-` standard input
    #[arg(
        short = 'd',
        long = "data",
        value_name = "DATA",
        allow_hyphen_values = true
    )]
    pub(crate) data: Option<String>,
    /// The body; `@FILE` reads a file as it is
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data_binary: Option<String>,
    /// The body, also if it begins with `@`
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data_raw: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    Header,
    Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// For one region, with a secret that both sides know
    V4,
    /// For a set of regions, with a key pair
    V4a,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Print {
    /// The headers to add
    Headers,
    /// A curl command
    Curl,
    /// The URL to call
    Url,
    /// The canonical request
    Canonical,
    /// The string to sign
    Sts,
    /// All of it
    Json,
}
