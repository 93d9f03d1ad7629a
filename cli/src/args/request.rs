use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyfob_sigv4::Ttl;

use crate::{
    args::{HttpArgs, SignatureArgs},
    failure::Failure,
};

#[derive(Debug, Args)]
pub(crate) struct RequestArgs {
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    /// The body, as JSON, with the headers `Content-Type` and `Accept` for it; `@FILE` reads a
    /// file; several are joined
    #[arg(
        id = "json_data",
        long = "json",
        value_name = "DATA",
        allow_hyphen_values = true
    )]
    pub(crate) json: Vec<String>,
    /// Ask for the head of the answer alone, with HEAD, and print it
    #[arg(short = 'I', long, conflicts_with_all = ["get", "data", "data_binary", "data_raw", "data_urlencode", "json_data"])]
    pub(crate) head: bool,
    /// Print the head of the answer before its body
    #[arg(short = 'i', long)]
    pub(crate) include: bool,
    /// Write the answer to this file, which is replaced only by a complete one; `-` is standard
    /// output
    #[arg(short = 'o', value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,
    /// Follow redirects to the same host, or to another one of the same service and partition
    #[arg(short = 'L', long)]
    pub(crate) location: bool,
    /// Trust every certificate for this request: others on the way can read and change it
    #[arg(short = 'k', long)]
    pub(crate) insecure: bool,
    /// Exit with 22 for a status of 400 or more, and print no body
    #[arg(short = 'f', long, conflicts_with = "fail_with_body")]
    pub(crate) fail: bool,
    /// Exit with 22 for a status of 400 or more, and print the body
    #[arg(long)]
    pub(crate) fail_with_body: bool,
    /// Show the heads of requests and answers on stderr, without their secrets
    #[arg(short = 'v', long)]
    pub(crate) verbose: bool,
    /// Show no progress
    #[arg(short = 's', long)]
    pub(crate) silent: bool,
    /// Does nothing: errors are shown with `-s`, too, as by curl with `-sS`
    #[arg(short = 'S', long, hide = true)]
    pub(crate) show_error: bool,
    /// Ask for a compressed answer, and print it decompressed
    #[arg(long)]
    pub(crate) compressed: bool,
    /// Where the signature goes
    #[arg(long, value_name = "WHERE", default_value = "header")]
    pub(crate) auth: RequestAuth,
    #[command(flatten)]
    pub(crate) signature: SignatureArgs,
}

impl RequestArgs {
    /// Returns the lifetime of a signature in the query.
    ///
    /// # Errors
    ///
    /// If it is given for a signature elsewhere.
    pub(crate) fn ttl(&self) -> Result<Ttl, Failure> {
        self.signature.ttl(self.auth == RequestAuth::Query)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequestAuth {
    /// In the header `Authorization`
    Header,
    /// In the query of the URL
    Query,
    /// Nowhere: the request is sent without a signature
    None,
}
