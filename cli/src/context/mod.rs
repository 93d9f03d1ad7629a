//! Everything that the arguments refer to: settings, region, credentials, endpoints, output format.

mod credentials;
mod edit;
mod explanation;
mod notes;
mod origin;
mod output;
mod region;
mod said;
mod settings;
mod sources;

use std::{
    env,
    path::PathBuf,
    sync::{OnceLock, atomic::AtomicBool},
};

use keyfob_chain::{Argument, Region, Settings, Variables, settings::CA_BUNDLE};
use tokio::sync::OnceCell;

use self::notes::Notes;
pub(crate) use self::{
    credentials::has_failed, edit::ProfileCredentials, explanation::Explained,
    sources::run as run_process,
};
use crate::{
    args::{Command, ErrorFormat, Globals, OutputFormat, unknown_variables},
    failure::Failure,
    output::Query,
    s3::FirstRefusal,
    sandbox::{Environment, Sandbox},
    services::{Pace, SharedPace},
    signals,
    terminal::{Console, start_debugging},
};

/// The resolved environment of one command.
///
/// Only `prepare` reads variables and files; what needs the network is looked up when a command
/// asks for it.
#[derive(Debug)]
pub(crate) struct Context {
    globals: Globals,
    console: Console,
    notes: Notes,
    settings: Settings,
    /// The value of `--region`.
    region_argument: Option<Region>,
    /// The region in use, once a command has asked for it.
    region: OnceCell<Region>,
    /// Whether the credentials in use are the session of a role, once a command has asked for them.
    has_session_of_role: AtomicBool,
    /// Where the credentials in use come from, once a command has asked for them.
    source_in_use: OnceLock<String>,
    output_format: OnceLock<Option<OutputFormat>>,
    /// The value of `--query`.
    query: Option<Query>,
    /// How fast requests may follow each other, for `--rate`.
    pace: Option<SharedPace>,
    /// What S3 said when it refused a request with the credentials in use.
    refused_by_s3: FirstRefusal,
    /// Kept alive for as long as the command runs.
    sandbox: Option<Sandbox>,
}

impl Context {
    /// Reads the environment and the configuration files, and starts the sandbox for `--sandbox`.
    /// The command says whether its profile has to exist, and how its notes are written.
    ///
    /// # Errors
    ///
    /// If `--region` is not a valid region name, if `--endpoint-url` is not a URL, if `--query` is
    /// not JMESPath, if there is no file for `--ca-bundle`, or if the sandbox cannot start.
    pub(crate) async fn prepare(
        mut globals: Globals,
        format: ErrorFormat,
        command: &Command,
    ) -> Result<Self, Failure> {
        // First, so that a wrong argument is an error before anything is read or started.
        let region_argument = region::from_argument(globals.region.as_deref())?;
        // As in `aws`, a space in the URL is sent as one.
        globals.endpoint_url = globals.endpoint_url.map(|url| url.replace(' ', "%20"));
        settings::check_endpoint_argument(globals.endpoint_url.as_deref())?;
        settings::check_ca_bundle_argument(globals.connection.ca_bundle.as_deref())?;
        let query = output::query(globals.query.as_deref())?;
        let mut variables = Variables::from_process();
        let color = globals.color.or_variables(|name| variables.raw(name));
        // Notes stand beside no errors for programs. To look into the profile for the format would
        // open files that a command may not need.
        let console = Console::new(color)
            .with_input(!globals.connection.no_input)
            .with_notes(!format.is_data())
            .with_json(command.logs_json())
            .with_waits(!globals.debug);
        if globals.debug {
            start_debugging(console.has_color());
        }
        let mut sandbox = None;
        let replaces_files = globals.sandbox && !Environment::has_own_files(&variables);
        if globals.sandbox {
            let started = Sandbox::start(0, globals.sandbox_throttle.unwrap_or(0)).await?;
            // The settings below are loaded from the changed environment.
            variables = started.environment().apply(variables);
            sandbox = Some(started);
        }
        let mut settings = load(variables, &globals, region_argument.as_ref(), command);
        if command.creates_profile() {
            settings = settings.with_new_profile();
        }
        let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let names: Vec<String> = names.collect();
        for warning in unknown_variables(names.iter().map(String::as_str)) {
            console.warn(&warning);
        }
        if replaces_files {
            console.note("the sandbox uses files of its own, not those in ~/.aws");
        }
        if globals.connection.no_verify_ssl {
            console.warn(
                "certificates are not checked (--no-verify-ssl): others on the way can read and \
                 change what is sent",
            );
        }
        let notes = Notes::new(console, settings.variables().home());
        let told = notes.clone();
        let home = || Some(settings.variables().home()?.join(".aws"));
        let disk = match &sandbox {
            // Its tokens and sessions are of no use to anything else.
            Some(sandbox) => Some(sandbox.folder().to_owned()),
            None if globals.connection.no_cache => None,
            None => home(),
        };
        let sources = sources::sources(console, disk);
        let settings = settings
            .with_sources(sources)
            .with_notify(move |finding| told.print(finding));
        let rate = globals.connection.rate;
        let pace = rate.map(Pace::with_rate);
        Ok(Self {
            globals,
            console,
            notes,
            settings,
            region_argument,
            region: OnceCell::new(),
            has_session_of_role: AtomicBool::new(false),
            source_in_use: OnceLock::new(),
            refused_by_s3: FirstRefusal::default(),
            output_format: OnceLock::new(),
            query,
            pace,
            sandbox,
        })
    }

    pub(crate) fn globals(&self) -> &Globals {
        &self.globals
    }

    pub(crate) fn console(&self) -> Console {
        self.console
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn variables(&self) -> &Variables {
        self.settings.variables()
    }

    /// Returns the pace of all calls of this command, if `--rate` sets one.
    pub(crate) fn pace(&self) -> Option<SharedPace> {
        self.pace.clone()
    }

    /// Returns the place for the first refusal of credentials by S3.
    pub(crate) fn refused_by_s3(&self) -> &FirstRefusal {
        &self.refused_by_s3
    }

    /// Returns the variables that point another program at the sandbox of this command. Those
    /// without a value are to be taken away.
    pub(crate) fn sandbox_variables(&self) -> Vec<(&'static str, Option<String>)> {
        let environment = self.sandbox.as_ref().map(Sandbox::environment);
        let changes = environment.iter().flat_map(|environment| {
            let changes = environment.changes_for_others(&Variables::from_process());
            changes
                .into_iter()
                .map(|(name, value)| (name, value.map(str::to_owned)))
        });
        changes.collect()
    }
}

/// The variable of the HTTP client of other tools that names certificate authorities.
const REQUESTS_CA_BUNDLE: &str = "REQUESTS_CA_BUNDLE";

/// Reads the configuration files.
fn load(
    variables: Variables,
    globals: &Globals,
    region: Option<&Region>,
    command: &Command,
) -> Settings {
    let files = [
        ("AWS_CONFIG_FILE", variables.config_file()),
        ("AWS_SHARED_CREDENTIALS_FILE", variables.credentials_file()),
    ];
    // A pipe, as shells make of `<(…)`, may never come to its end.
    let is_pipe = |(name, file): &(&str, Option<PathBuf>)| {
        let file = file.as_deref().filter(|_| variables.text(name).is_some());
        file.is_some_and(|file| file.exists() && !file.is_file())
    };
    if files.iter().any(is_pipe) {
        signals::watch();
    }
    let mut settings = Settings::load(variables);
    if let Some(patience) = command.patience() {
        settings = settings.with_patience(patience);
    }
    settings = globals.apply(settings);
    if let Some(profile) = &globals.profile {
        settings = settings.with_profile(profile);
    }
    // As in botocore, which leaves it to the HTTP client if nothing else names a file.
    let bundle = settings.variables().text(REQUESTS_CA_BUNDLE);
    if let Some(file) = bundle.filter(|_| settings.find(&CA_BUNDLE).is_none()) {
        let bundle = Argument::new(REQUESTS_CA_BUNDLE, file);
        settings = settings.clone().with_argument("ca_bundle", bundle);
    }
    match region {
        Some(region) => settings.with_region(region.clone()),
        None => settings,
    }
}
