use clap::{ArgMatches, Args, Command, FromArgMatches};
use keyfob_sigv4::Ttl;

use crate::{args::number::in_range, failure::Failure};

/// The default lifetime of a signature in the query, in seconds.
const DEFAULT_TTL: u32 = 900;

/// A request as curl takes it.
#[derive(Debug, Args)]
pub(crate) struct HttpArgs {
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
}

/// How a request is signed.
#[derive(Debug, Args)]
pub(crate) struct SignatureArgs {
    /// The name of the service in the credential scope [default: from the host]
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
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
}

impl SignatureArgs {
    /// Returns the lifetime of a signature in the query.
    ///
    /// # Errors
    ///
    /// If it is given for a signature elsewhere.
    pub(crate) fn ttl(&self, is_in_query: bool) -> Result<Ttl, Failure> {
        if self.expires_in.is_some() && !is_in_query {
            return Err(Failure::usage("--expires-in needs --auth query"));
        }
        Ttl::from_secs(self.expires_in.unwrap_or(DEFAULT_TTL).into())
            .map_err(|error| Failure::usage(format!("--expires-in: {}", error.message())))
    }
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
