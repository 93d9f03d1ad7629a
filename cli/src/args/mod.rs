//! The words on the command line. Parsing is text only: nothing is read, looked up or resolved here.

mod abbreviate;
mod imds;
mod number;
mod s3;
mod serve;
mod sign;
mod sts;

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind};

pub(crate) use self::{
    imds::{ImdsCommand, WatchEvent},
    number::OUT_OF_RANGE,
    s3::{PresignArgs, S3Command},
    serve::{ServeCommand, ServeContainerArgs, ServeImdsArgs},
    sign::{Algorithm, Auth, CompareArgs, Data, Print, SignArgs, SignCommand, SigningArgs},
    sts::{AssumeRoleArgs, GetSessionTokenArgs, StsCommand},
};

/// The heading of the flags that `aws` does not have. An abbreviation means one of aws's own flags if it can.
pub(crate) const OWN: &str = "Keyfob's own options";
/// The heading of those that every command takes, so that a command's own stand apart.
const GLOBAL: &str = "Global options";

/// AWS credentials on the command line: which ones am I using, why, and what do they mask?
///
/// The commands that `aws` has too keep its names, flags, output and exit codes.
#[derive(Debug, Parser)]
#[command(name = "keyfob", version, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Parses the words after the program's name, with aws's abbreviations of long flags.
    pub(crate) fn parse_words(
        words: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        command.build();
        let words = abbreviate::expand(&command, words.into_iter().collect());
        let matches = Self::command().try_get_matches_from(words)?;
        let args = Self::from_arg_matches(&matches)?;
        args.check_sandbox(&mut command)?;
        Ok(args)
    }

    /// Somebody who throttles a sandbox wants one: without it the command would go to the real service.
    fn check_sandbox(&self, command: &mut clap::Command) -> Result<(), clap::Error> {
        let has_sandbox = self.globals.sandbox || matches!(self.command, Command::Sandbox { .. });
        if self.globals.sandbox_throttle.is_none() || has_sandbox {
            return Ok(());
        }
        Err(command.error(
            ErrorKind::ArgumentConflict,
            "--sandbox-throttle needs --sandbox",
        ))
    }
}

/// The flags that every command takes, anywhere on the line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Globals {
    /// Use this profile; it comes before keys in the environment
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Use this region
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The form of the output [default: json for aws's commands, prose for Keyfob's own]
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,
    /// Send requests to this URL instead of the service's own
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Tell on stderr what is done (never a secret)
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) debug: bool,
    /// Colour on a terminal
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Run against a small AWS inside this process: no account is needed
    #[arg(long, global = true, help_heading = OWN)]
    pub(crate) sandbox: bool,
    /// The sandbox's STS answers the first N calls with a throttling error
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = number::within(0..=1_000_000),
        allow_negative_numbers = true,
        help_heading = OWN
    )]
    pub(crate) sandbox_throttle: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    Json,
    Text,
    Table,
}

impl OutputFormat {
    /// The format of that name, as `AWS_DEFAULT_OUTPUT` and profiles write it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    /// Whether some version of `aws` knows a format of that name.
    pub(crate) fn is_of_aws(name: &str) -> bool {
        Self::named(name).is_some() || matches!(name, "yaml" | "yaml-stream" | "off")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    On,
    Off,
    Auto,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who AWS says I am, by which credentials, and for how long
    Whoami,
    /// The provider chain explained: what was used, what it masks, and the cure
    Why {
        /// The explanation as JSON (the same as `--output json`)
        #[arg(long, help_heading = OWN)]
        json: bool,
    },
    /// Security Token Service
    #[command(subcommand)]
    Sts(StsCommand),
    /// Ask for keys and defaults and write them to the configuration files
    Configure {
        #[command(subcommand)]
        command: Option<ConfigureCommand>,
    },
    /// Sign a request and print the result, without sending it
    Sign(Box<SignArgs>),
    /// S3: presigned URLs
    #[command(subcommand)]
    S3(S3Command),
    /// Read EC2 instance metadata (IMDSv2)
    #[command(subcommand)]
    Imds(ImdsCommand),
    /// Serve the credentials in use to other programs, as an instance or a container would
    #[command(subcommand)]
    Serve(ServeCommand),
    /// Run the sandbox in the foreground, for other programs
    Sandbox {
        /// The port of STS on 127.0.0.1 [default: any free one]
        #[arg(
            long,
            value_name = "PORT",
            default_value_t = 0,
            hide_default_value = true
        )]
        port: u16,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigureCommand {
    /// The profile, keys and region in use, and where each comes from
    List,
    /// The value of a setting: NAME, or PROFILE.NAME, or profile.PROFILE.NAME
    Get {
        /// The setting
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Write a setting; keys go to the credentials file, all else to the config file
    Set {
        /// The setting
        #[arg(value_name = "NAME")]
        name: String,
        /// Its value; without it, it is read from standard input and stays out of the process list
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: Option<String>,
    },
    /// The names of all profiles
    ListProfiles,
}
