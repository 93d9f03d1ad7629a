use clap::{Args, ValueEnum};

use crate::args::{Text, TextParser};

#[derive(Debug, Args)]
pub(crate) struct ApiArgs {
    /// The service, by the name that `aws` has for it, or any with --protocol
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// The operation, as the API reference of the service writes it, such as DescribeKey
    #[arg(value_name = "OPERATION")]
    pub(crate) operation: String,
    /// A parameter; for json a value that is JSON is taken as that, so that "7" is a text and 7 a
    /// number; for query and ec2 `[a,b]` is a list, `{A=b}` a map, and all else the text as it is
    #[arg(long, value_name = "NAME=VALUE", value_parser = TextParser)]
    pub(crate) param: Vec<Text>,
    /// Read parameters from JSON or, with file://, from a file; --param comes first
    #[arg(long, value_name = "JSON", value_parser = TextParser)]
    pub(crate) cli_input_json: Option<Text>,
    /// The protocol [default: that of the service]
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<ApiProtocol>,
    /// The version of the API, which query and ec2 need [default: that of the service]
    #[arg(long, value_name = "VERSION")]
    pub(crate) api_version: Option<String>,
    /// What stands before the operation in X-Amz-Target, which json needs [default: that of the
    /// service]
    #[arg(long, value_name = "PREFIX")]
    pub(crate) target_prefix: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ApiProtocol {
    Query,
    Ec2,
    Json,
}
