use clap::Args;

use crate::args::{KEYFOB_OPTIONS_HEADING, Text, TextParser};

#[derive(Debug, Args)]
pub(crate) struct CanArgs {
    /// Actions, such as s3:GetObject, and ARNs of resources [default: any resource]
    #[arg(value_name = "ACTION|ARN", required = true)]
    pub(crate) words: Vec<String>,
    /// Ask about this user, role, group or session [default: the one in use]
    #[arg(long = "as", value_name = "ARN")]
    pub(crate) principal: Option<String>,
    /// Ask about this one too, and say where the two differ
    #[arg(long = "and-as", value_name = "ARN")]
    pub(crate) other: Option<String>,
    /// What conditions ask for, such as aws:SourceIp=192.0.2.1; a key given twice has two values;
    /// ContextKeyName=K,ContextKeyValues=V,ContextKeyType=T names the type, as in aws
    #[arg(long, value_name = "KEY=VALUE", value_parser = TextParser)]
    pub(crate) context: Vec<Text>,
    /// Print JSON (the same as `--output json`)
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json: bool,
}
