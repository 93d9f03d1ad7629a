use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use keyfob_sigv4::Ttl;

use crate::{
    args::{HttpArgs, SignatureArgs, examples},
    failure::Failure,
};

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
    /// Explain a SignatureDoesNotMatch: compare the server's answer with the request as signed
    #[command(after_help = examples::COMPARE)]
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The body of the server's answer; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) answer: PathBuf,
    /// Print JSON (the same as `--output json`)
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    /// A file with the request as raw HTTP/1.1 text, instead of a URL; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["url", "method", "headers", "get", "data", "data_binary", "data_raw", "data_urlencode"]
    )]
    pub(crate) request_file: Option<PathBuf>,
    /// The time of signing: 20150830T123600Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Where the signature goes
    #[arg(long, value_name = "WHERE", default_value = "header")]
    pub(crate) auth: Auth,
    #[command(flatten)]
    pub(crate) signature: SignatureArgs,
    /// The signing algorithm
    #[arg(long, value_name = "NAME", default_value = "v4")]
    pub(crate) algorithm: Algorithm,
    /// The regions of a v4a signature, separated by commas; `*` is a wildcard [default: the region]
    #[arg(long, value_name = "REGIONS")]
    pub(crate) region_set: Option<String>,
    /// What to print [default: headers, or url with `--auth query`]
    #[arg(long, value_name = "WHAT")]
    pub(crate) print: Option<Print>,
}

impl SigningArgs {
    /// Returns the lifetime of a signature in the query.
    ///
    /// # Errors
    ///
    /// If it is given for a signature in the header.
    pub(crate) fn ttl(&self) -> Result<Ttl, Failure> {
        self.signature.ttl(self.auth == Auth::Query)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Auth {
    Header,
    Query,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Algorithm {
    /// One region, with a secret that both sides know
    V4,
    /// A set of regions, with a key pair
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
    /// All of these
    Json,
}
