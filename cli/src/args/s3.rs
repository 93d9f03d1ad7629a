use clap::{Args, Subcommand};

use crate::args::{KEYFOB_OPTIONS_HEADING, Text, examples};

#[derive(Debug, Subcommand)]
pub(crate) enum S3Command {
    /// Print a URL that carries its own signature and works until it expires
    #[command(after_help = examples::PRESIGN)]
    Presign(PresignArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PresignArgs {
    /// The object: s3://BUCKET/KEY
    #[arg(value_name = "S3URI")]
    pub(crate) uri: String,
    /// How long the URL works: 1 to 604800 seconds; more is a warning, and signed as 604800, the
    /// most that S3 accepts
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: Text,
    /// The HTTP method that the URL is for
    #[arg(long, value_name = "METHOD", default_value = "GET", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) method: String,
    /// A header that the request must have, as it is signed; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) headers: Vec<String>,
    /// The content type that the request must have
    #[arg(long, value_name = "TYPE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) content_type: Option<String>,
    /// The version of the object
    #[arg(long, value_name = "ID", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) version_id: Option<String>,
    /// The `Content-Disposition` of the response
    #[arg(long, value_name = "TEXT", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) response_content_disposition: Option<String>,
    /// The `Content-Type` of the response
    #[arg(long, value_name = "TYPE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) response_content_type: Option<String>,
    /// Fail, instead of warning, if the URL cannot work for as long as asked
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) strict: bool,
}
