//! The command line. Parsing only looks at the text: it reads no file, and no variable but those of
//! Keyfob's own options.

mod abbreviate;
mod api;
mod cache;
mod can;
mod color;
mod completion;
mod configure;
mod connection;
mod console;
mod duration;
mod env;
pub(crate) mod examples;
mod exec;
mod follow_up;
mod format;
mod help;
mod help_words;
mod http;
mod if_named;
mod imds;
mod keys;
mod login;
mod man;
mod number;
mod request;
mod role;
mod s3;
mod saml;
mod serve;
mod sign;
mod sso;
mod text;
mod token;
mod trust_policy;
mod variables;
mod why;

use std::{ffi::OsString, mem::ManuallyDrop, time::Duration};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use keyfob_chain::Settings;

pub(crate) use self::{
    abbreviate::{arguments, expand_word},
    api::{ApiArgs, ApiProtocol},
    cache::CacheCommand,
    can::CanArgs,
    color::Color,
    completion::{CompletionArgs, CompletionShell},
    configure::{ExportArgs, ExportFormat, ImportArgs, SectionArgs},
    connection::ConnectionArgs,
    console::ConsoleArgs,
    duration::Span,
    env::EnvArgs,
    exec::ExecArgs,
    format::{ErrorFormat, OutputFormat},
    help::command_groups,
    http::{Data, HttpArgs, SignatureArgs},
    if_named::IfNamed,
    imds::{ImdsCommand, WatchEvent},
    keys::{KeysCommand, RotateArgs, UserArgs},
    login::{LoginArgs, LogoutArgs},
    man::ManArgs,
    number::{NumberError, in_range_as_aws},
    request::{RequestArgs, RequestAuth},
    role::RoleArgs,
    s3::{
        CaseConflict, CopyProps, CpArgs, FormPrint, LsArgs, MbArgs, MetadataDirective, MvArgs,
        PresignArgs, RbArgs, ReportArgs, RmArgs, S3Command, SyncArgs, TransferArgs,
    },
    saml::{SamlCommand, SamlLoginArgs, SamlResponseArgs},
    serve::{
        ListenOn, LogFormat, MAX_BODY, ServeCommand, ServeContainerArgs, ServeImdsArgs,
        ServeProxyArgs,
    },
    sign::{Algorithm, Auth, CompareArgs, Print, SignArgs, SignCommand, SigningArgs},
    sso::{SsoBrowserArgs, SsoCommand, SsoLoginArgs},
    text::{Text, TextParser, ValuesParser},
    token::{
        ClusterArgs, CodecommitCommand, CredentialHelperCommand, DsqlCommand, EksCommand,
        RdsCommand, TokenCommand,
    },
    trust_policy::TrustPolicyArgs,
    variables::{EXEC_PROFILE, VARIABLE_PREFIX, is_near, unknown as unknown_variables},
    why::WhyArgs,
};
use self::{
    if_named::build_only,
    variables::{FromVariables, variable_name},
};

use crate::services::{self, Invocation};

/// The heading of the options that `aws` does not have. Abbreviations prefer the options of `aws`.
pub(crate) const KEYFOB_OPTIONS_HEADING: &str = "Keyfob's own options";
/// The heading of the options that every command takes, apart from those of the command.
const GLOBAL_OPTIONS_HEADING: &str = "Global options";

/// AWS credentials on the command line: which ones am I using, why, and what do they mask?
///
/// The commands that `aws` also has keep its names, options, output and exit codes.
#[derive(Debug, Parser)]
#[command(
    name = "keyfob",
    version,
    disable_help_subcommand = true,
    // As in `aws`, the last one counts.
    args_override_self = true
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Parses the command line, program name first. Long options may be abbreviated, as in `aws`.
    /// `variable` reads the variables that set Keyfob's own options.
    pub(crate) fn from_words(
        words: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        let words: Vec<OsString> = words.into_iter().collect();
        if help::is_wanted(&words) {
            let command = help::documented(Self::command_for(&words), &words);
            return Self::parse(command, words, variable);
        }
        let named = build_only(&words, || {
            services::expand_named(named(&Self::command(), &words), &words)
        });
        match Self::parse(named, words.clone(), &variable) {
            Ok(args) => Ok(args),
            // An error may suggest any command.
            Err(_) => Self::parse(Self::command_for(&words), words, variable),
        }
    }

    fn parse(
        command: clap::Command,
        words: Vec<OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, clap::Error> {
        // Never dropped: freeing its thousands of parts takes a quarter of a short command's time.
        let mut command = ManuallyDrop::new(command);
        let words = help_words::replace(&command, words);
        let expanded = abbreviate::expand(&command, words)?;
        let mut matches = command.try_get_matches_from_mut(&expanded)?;
        let set = FromVariables::read(&command, &matches, variable)?;
        if let (false, [program, rest @ ..]) = (set.words.is_empty(), &expanded[..]) {
            let words = [program].into_iter().chain(&set.words).chain(rest);
            let parsed = command.try_get_matches_from_mut(words);
            matches = parsed.map_err(|error| set.explain(&command, error))?;
        }
        let mut args = Self::from_arg_matches_mut(&mut matches)?;
        args.globals.variables = set.names;
        args.check_sandbox(&mut command)?;
        Ok(args)
    }

    /// Returns the parser for these words, with the options of a service's operation only if they
    /// name it.
    pub(crate) fn command_for(words: &[OsString]) -> clap::Command {
        services::expand(Self::command(), words)
    }

    /// Returns the parser for all words, with everything that the help says.
    pub(crate) fn documented_command() -> clap::Command {
        help::documented_whole(services::expand_all(Self::command()))
    }

    /// Refuses `--sandbox-throttle` without a sandbox: the call would go to the real service.
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

/// Returns a parser with only those commands that are among the words, as far as there are any.
///
/// clap copies the options of every command into each command that it knows, which was half the
/// time of a short command. What only errors and the help need is left out.
fn named(command: &clap::Command, words: &[OsString]) -> clap::Command {
    let is_root = command.get_name() == "keyfob";
    let subs = command.get_subcommands();
    let mut subs = subs
        .filter(|sub| words.iter().any(|word| word == sub.get_name()))
        .peekable();
    // Only the root has options beside commands here: `sign` keeps all it has.
    let has_options = command.get_arguments().next().is_some();
    if subs.peek().is_none() || has_options && !is_root {
        return command.clone();
    }
    clap::Command::new(command.get_name().to_owned())
        .args(command.get_arguments().cloned())
        .subcommands(subs.map(|sub| named(sub, words)))
        .subcommand_required(command.is_subcommand_required_set())
        // As the root says above.
        .disable_help_subcommand(is_root)
        .args_override_self(is_root)
}

/// The options that every command takes, anywhere on the line.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Globals {
    /// Use this profile, even if the environment has keys
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Use this region
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The output format [default: json for the commands of aws, text to read for the others]
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,
    /// Print only the part of the answer that this JMESPath expression selects
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "JMESPATH")]
    pub(crate) query: Option<String>,
    /// Send requests to this URL instead of the service's endpoint
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The format of errors on stderr [default: enhanced, with hints]
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "FORMAT")]
    pub(crate) cli_error_format: Option<ErrorFormat>,
    #[command(flatten)]
    pub(crate) connection: ConnectionArgs,
    /// The variables that set options.
    #[arg(skip)]
    variables: Vec<String>,
    /// Log what is done on stderr (never a secret)
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING)]
    pub(crate) debug: bool,
    /// Color the output
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS_HEADING, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
    /// Explain the provider chain on stderr before credentials are used, as `keyfob why` does
    #[arg(long, global = true, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) why: bool,
    /// Run against a small AWS inside this process, without an account
    #[arg(long, global = true, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) sandbox: bool,
    /// Let the sandbox answer the first N calls of STS with a throttling error
    #[arg(
        long,
        global = true,
        value_name = "N",
        value_parser = number::in_range(0..=1_000_000),
        allow_negative_numbers = true,
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) sandbox_throttle: Option<u32>,
}

impl Globals {
    /// Gives the settings the options that come before the variables of `aws` and before profiles.
    pub(crate) fn apply(&self, settings: Settings) -> Settings {
        self.connection.apply(settings, |option| self.name(option))
    }

    /// Returns the name of what sets an option such as `offline`: the option, or its variable.
    pub(crate) fn name(&self, option: &str) -> String {
        let variable = variable_name(option);
        if self.variables.contains(&variable) {
            return variable;
        }
        format!("--{option}")
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show who AWS says you are, with which credentials, and for how long
    #[command(after_help = examples::WHOAMI)]
    Whoami {
        /// Print JSON (the same as `--output json`)
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
    },
    /// Explain the provider chain: what is used, what it masks, and how to change that
    #[command(after_help = examples::WHY)]
    Why(IfNamed<WhyArgs>),
    /// Check files, clock, region, endpoints, instance, container, proxy and certificates
    #[command(after_help = examples::DOCTOR)]
    Doctor {
        /// Print JSON (the same as `--output json`)
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
    },
    #[command(flatten)]
    Service(Box<Invocation>),
    /// Write the trust policy of a role, or say why one refuses a caller
    #[command(after_help = examples::TRUST_POLICY)]
    TrustPolicy(IfNamed<TrustPolicyArgs>),
    /// Ask whether the policies of a user or a role allow actions, and which one does
    #[command(after_help = examples::CAN)]
    Can(IfNamed<CanArgs>),
    /// Call any operation of a service that speaks query or JSON, without a model of it
    #[command(after_help = examples::API)]
    Api(IfNamed<ApiArgs>),
    /// Get credentials of a role from an identity provider that speaks SAML
    #[command(subcommand, after_help = examples::SAML)]
    Saml(IfNamed<SamlCommand>),
    /// Get credentials by signing in to the AWS console in a browser, and set a profile to use them
    #[command(after_help = examples::LOGIN)]
    Login(IfNamed<LoginArgs>),
    /// Remove the cached credentials of a login
    Logout(LogoutArgs),
    /// Sign in to IAM Identity Center (SSO) for the profiles that use it, and out
    #[command(subcommand, after_help = examples::SSO)]
    Sso(IfNamed<SsoCommand>),
    /// Sign in to the AWS console in a browser, with the credentials in use
    #[command(after_help = examples::CONSOLE)]
    Console(IfNamed<ConsoleArgs>),
    /// Rotate, list and check the access keys of users
    #[command(subcommand, after_help = examples::KEYS)]
    Keys(IfNamed<KeysCommand>),
    /// List and delete the sessions that are cached in ~/.aws/cli/cache
    #[command(subcommand, after_help = examples::CACHE)]
    Cache(IfNamed<CacheCommand>),
    /// Print lines for a shell that set the credentials in use
    #[command(after_help = examples::ENV)]
    Env(IfNamed<EnvArgs>),
    /// Run a command with the credentials in use in its environment
    #[command(after_help = examples::EXEC)]
    Exec(IfNamed<ExecArgs>),
    /// Ask for keys and defaults and write them to the configuration files
    #[command(after_help = examples::CONFIGURE)]
    Configure {
        #[command(subcommand)]
        command: Option<IfNamed<ConfigureCommand>>,
    },
    /// Sign a request and print the result; nothing is sent
    #[command(after_help = examples::SIGN)]
    Sign(IfNamed<SignArgs>),
    /// Send a signed request, with the options of curl
    #[command(after_help = examples::REQUEST)]
    Request(IfNamed<RequestArgs>),
    /// Copy, list and delete objects of S3, make buckets and presigned URLs
    #[command(subcommand)]
    S3(IfNamed<S3Command>),
    /// Get tokens for the Kubernetes API of EKS
    #[command(subcommand)]
    Eks(IfNamed<EksCommand>),
    /// Make passwords for databases of RDS
    #[command(subcommand)]
    Rds(IfNamed<RdsCommand>),
    /// Make passwords for clusters of Aurora DSQL
    #[command(subcommand)]
    Dsql(IfNamed<DsqlCommand>),
    /// Let git log in to CodeCommit
    #[command(subcommand)]
    Codecommit(IfNamed<CodecommitCommand>),
    /// Make tokens and passwords of services for which aws has no command
    #[command(subcommand, after_help = examples::TOKEN)]
    Token(IfNamed<TokenCommand>),
    /// Read EC2 instance metadata (IMDSv2)
    #[command(subcommand, after_help = examples::IMDS)]
    Imds(IfNamed<ImdsCommand>),
    /// Serve the credentials in use to other programs, as an instance or a container does
    #[command(subcommand, after_help = examples::SERVE)]
    Serve(IfNamed<ServeCommand>),
    /// Run the sandbox in the foreground for other programs
    #[command(after_help = examples::SANDBOX)]
    Sandbox {
        /// The port of STS on 127.0.0.1 [default: any free one]
        #[arg(
            long,
            value_name = "PORT",
            default_value_t = 0,
            hide_default_value = true,
            value_parser = number::port,
            allow_negative_numbers = true
        )]
        port: u16,
    },
    /// Print the script with which a shell completes commands, options, profiles, roles and more
    #[command(after_help = examples::COMPLETION)]
    Completion(IfNamed<CompletionArgs>),
    /// Print the manual page of a command, or write those of all commands
    Man(IfNamed<ManArgs>),
}

impl Command {
    /// Returns true if the profile need not exist, because the command creates it.
    pub(crate) fn creates_profile(&self) -> bool {
        matches!(self, Self::Login(_) | Self::Logout(_) | Self::Saml(_))
    }

    /// Returns how long a pipe may take that is read as a file, for a command that tells what is
    /// wrong instead of waiting for it.
    pub(crate) fn patience(&self) -> Option<Duration> {
        let tells = match self {
            Self::Doctor { .. } | Self::Why(_) => true,
            Self::Configure { command } => matches!(
                command.as_deref(),
                Some(ConfigureCommand::List { .. } | ConfigureCommand::Dump)
            ),
            _ => false,
        };
        tells.then_some(Duration::from_secs(5))
    }

    /// Returns true if stderr is a log in JSON.
    pub(crate) fn logs_json(&self) -> bool {
        let Self::Serve(serve) = self else {
            return false;
        };
        matches!(&**serve, ServeCommand::Proxy(args) if args.log_format == LogFormat::Json)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigureCommand {
    /// List the profile, keys and region in use, and where each comes from
    List {
        /// Print JSON; `--output` does not count here, as in `aws`
        #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
        json: bool,
        #[command(flatten)]
        section: SectionArgs,
    },
    /// Print a setting: NAME, PROFILE.NAME or profile.PROFILE.NAME
    Get {
        /// The setting
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        section: SectionArgs,
    },
    /// Write a setting: keys to the credentials file, everything else to the config file
    Set {
        /// The setting
        #[arg(value_name = "NAME")]
        name: String,
        /// The value; without it, it is read from standard input, which keeps it out of the process
        /// list
        #[arg(value_name = "VALUE", allow_hyphen_values = true)]
        value: Option<String>,
        #[command(flatten)]
        section: SectionArgs,
    },
    /// Remove a setting from the files; 1 if no file has it
    Unset {
        /// The setting
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        section: SectionArgs,
    },
    /// List the names of all profiles
    ListProfiles,
    /// Write the keys of a CSV file of the AWS console to profiles with the names of its users
    Import(IfNamed<ImportArgs>),
    /// Print the credentials in use for other programs
    #[command(after_help = examples::EXPORT)]
    ExportCredentials(IfNamed<ExportArgs>),
    /// Show every value of the files and the variables, and where it is; secrets are masked
    Dump,
    /// Get temporary credentials with an MFA code, and store them under a profile
    #[command(after_help = examples::MFA_LOGIN)]
    MfaLogin(IfNamed<MfaLoginArgs>),
    /// Sign in to IAM Identity Center, and write a profile for a role that you choose
    Sso(IfNamed<SsoBrowserArgs>),
    /// Ask for an SSO session, which several profiles can use, and write it
    SsoSession,
}

#[derive(Debug, clap::Args)]
pub(crate) struct MfaLoginArgs {
    /// The profile to store them under [default: ACCOUNT-DEVICE, or session-SERIAL]
    #[arg(long, value_name = "NAME")]
    pub(crate) update_profile: Option<String>,
    /// The lifetime of the credentials: 900 to 129600 seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 43_200,
        value_parser = number::in_range_as_aws(0..=u32::MAX),
        allow_negative_numbers = true
    )]
    pub(crate) duration_seconds: u32,
    /// The serial number or ARN of the MFA device [default: mfa_serial of the profile]
    #[arg(long, value_name = "SERIAL")]
    pub(crate) serial_number: Option<String>,
    /// The six digits that the device shows; - asks for them, as without the option
    #[arg(long, value_name = "CODE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) token_code: Option<String>,
    /// Take the code from the output of this command, which no shell reads
    #[arg(
        long,
        value_name = "COMMAND",
        conflicts_with = "token_code",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) token_command: Option<String>,
}
