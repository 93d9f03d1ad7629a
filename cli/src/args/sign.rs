use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum};

use crate::args::{examples, number::in_range};

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
    /// The URL of the request
    #[arg(value_name = "URL")]
    pub(crate) url: Option<String>,
    /// The HTTP method [default: GET, or POST with a body]
    #[arg(short = 'X', long = "request", value_name = "METHOD")]
    pub(crate) method: Option<String>,
    /// A header; `NAME;` sends an empty value, `NAME:` removes a default, `@FILE` has one on each
    /// line; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
    /// Append the data to the URL instead, and use GET
    #[arg(short = 'G', long)]
    pub(crate) get: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// A file with the request as raw HTTP/1.1 text, instead of a URL; `-` is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["url", "method", "headers", "get", "data", "data_binary", "data_raw", "data_urlencode"]
    )]
    pub(crate) request_file: Option<PathBuf>,
    /// The name of the service in the credential scope [default: from the host]
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// The time of signing: 20150830T123600Z [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Where the signature goes
    #[arg(long, value_name = "WHERE", default_value = "header")]
    pub(crate) auth: Auth,
    /// How long a signature in the query is valid: 1 to 604800 seconds [default: 900]
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = in_range(1..=604_800),
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: Option<u32>,
    /// Do not sign the body (S3)
    #[arg(long)]
    pub(crate) unsigned_payload: bool,
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

/// The values of curl's `--data…` options, in the order of the command line.
#[derive(Debug)]
pub(crate) struct DataArgs(pub(crate) Vec<Data>);

/// The value of one of curl's `--data…` options.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Plain(String),
    Binary(String),
    Raw(String),
    UrlEncode(String),
}

#[derive(Args)]
struct DataFlags {
    /// The body; `@FILE` reads a file without its line ends, `@-` standard input; several are
    /// joined with `&`
    #[arg(
        short = 'd',
        long = "data",
        value_name = "DATA",
        allow_hyphen_values = true
    )]
    data: Vec<String>,
    /// The body; `@FILE` reads a file unchanged
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    data_binary: Vec<String>,
    /// The body, even if it starts with `@`
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    data_raw: Vec<String>,
    /// The body, percent-encoded: `CONTENT`, `NAME=CONTENT`, `NAME@FILE` or `@FILE`
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    data_urlencode: Vec<String>,
}

impl Args for DataArgs {
    fn augment_args(command: Command) -> Command {
        DataFlags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        DataFlags::augment_args_for_update(command)
    }
}

impl FromArgMatches for DataArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flags = DataFlags::from_arg_matches(matches)?;
        // clap groups values by option; their indices restore the order of the command line.
        let mut data = Vec::new();
        let mut add = |id: &str, texts: Vec<String>, kind: fn(String) -> Data| {
            let places = matches.indices_of(id).into_iter().flatten();
            data.extend(places.zip(texts.into_iter().map(kind)));
        };
        add("data", flags.data, Data::Plain);
        add("data_binary", flags.data_binary, Data::Binary);
        add("data_raw", flags.data_raw, Data::Raw);
        add("data_urlencode", flags.data_urlencode, Data::UrlEncode);
        data.sort_by_key(|(place, _)| *place);
        Ok(Self(data.into_iter().map(|(_, data)| data).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
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
