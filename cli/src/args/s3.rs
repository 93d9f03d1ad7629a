use clap::{Args, Subcommand};

use super::{OWN, number::within};

#[derive(Debug, Subcommand)]
pub(crate) enum S3Command {
    /// A URL that carries its own signature and works for a while
    Presign(PresignArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PresignArgs {
    /// The object: s3://BUCKET/KEY
    #[arg(value_name = "S3URI")]
    pub(crate) uri: String,
    /// How long the URL works: 1 to 604800 seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3600,
        value_parser = within(1..=604_800),
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: u32,
    /// The method the URL is for
    #[arg(long, value_name = "METHOD", default_value = "GET", help_heading = OWN)]
    pub(crate) method: String,
    /// A header that the request must carry, signed: may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", help_heading = OWN)]
    pub(crate) headers: Vec<String>,
    /// The content type that the request must carry
    #[arg(long, value_name = "TYPE", help_heading = OWN)]
    pub(crate) content_type: Option<String>,
    /// A version of the object
    #[arg(long, value_name = "ID", help_heading = OWN)]
    pub(crate) version_id: Option<String>,
    /// The `Content-Disposition` that S3 answers with
    #[arg(long, value_name = "TEXT", help_heading = OWN)]
    pub(crate) response_content_disposition: Option<String>,
    /// The `Content-Type` that S3 answers with
    #[arg(long, value_name = "TYPE", help_heading = OWN)]
    pub(crate) response_content_type: Option<String>,
    /// Fail instead of warning when the credentials end before the URL
    #[arg(long, help_heading = OWN)]
    pub(crate) strict: bool,
}
