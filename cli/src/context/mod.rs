//! What the words on the command line refer to: settings, region, credentials, endpoints.

use std::{path::Path, sync::OnceLock};

use keyfob_chain::{Chain, Env, Explanation, Order, Origin, Region, Resolution, Settings};
use keyfob_sigv4::{Credentials, Timestamp};
use tokio::sync::OnceCell;
use tracing::debug;

use crate::{
    args::{Globals, OutputFormat},
    failure::Failure,
    output,
    sandbox::Sandbox,
    terminal::{Console, start_debugging},
};

/// Everything a command works with.
#[derive(Debug)]
pub(crate) struct Context {
    globals: Globals,
    console: Console,
    settings: Settings,
    region: OnceCell<Region>,
    output_format: OnceLock<Option<OutputFormat>>,
    /// Runs as long as the command does.
    _sandbox: Option<Sandbox>,
}

impl Context {
    /// Reads the environment and the files, and starts the sandbox if it is asked for.
    ///
    /// # Errors
    ///
    /// When the sandbox cannot start.
    pub(crate) async fn prepare(globals: Globals) -> Result<Self, Failure> {
        let mut env = Env::from_process();
        let no_color = env.raw("NO_COLOR").is_some_and(|value| !value.is_empty());
        let console = Console::new(globals.color, no_color);
        if globals.debug {
            start_debugging(console.has_colour());
        }
        let mut sandbox = None;
        if globals.sandbox {
            let started = Sandbox::start(0, globals.sandbox_throttle.unwrap_or(0)).await?;
            env = started.environment().apply(env);
            sandbox = Some(started);
        }
        let mut settings = Settings::load(env);
        if let Some(profile) = &globals.profile {
            settings = settings.with_profile(profile);
        }
        Ok(Self {
            globals,
            console,
            settings,
            region: OnceCell::new(),
            output_format: OnceLock::new(),
            _sandbox: sandbox,
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

    pub(crate) fn env(&self) -> &Env {
        self.settings.env()
    }

    /// The region, which is us-east-1 where nobody names one; that is said once, on stderr.
    ///
    /// # Errors
    ///
    /// When the first that names a region names none that can be.
    pub(crate) async fn region(&self) -> Result<&Region, Failure> {
        self.region.get_or_try_init(|| self.find_region()).await
    }

    async fn find_region(&self) -> Result<Region, Failure> {
        let argument = self.globals.region.as_deref();
        let argument = argument.map(|region| ("--region", region));
        let region = Region::resolve(&self.settings, argument).await;
        let region = region.map_err(|error| match argument {
            Some(_) => Failure::usage(error.to_string()),
            None => Failure::from(&error),
        })?;
        if *region.origin() == Origin::Default {
            self.console.note(&format!(
                "no region is set: {region} is used (--region, AWS_REGION or a profile's region sets one)"
            ));
        }
        Ok(region)
    }

    /// The chain of credential providers, in the order of the AWS CLI.
    pub(crate) fn chain(&self) -> Chain {
        Chain::default_for(Order::Cli, &self.settings)
    }

    /// The credentials, without a look at what they mask.
    ///
    /// # Errors
    ///
    /// When there are none, or when their source fails.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Failure> {
        self.check_profile()?;
        let Resolution {
            credentials,
            explanation,
        } = self.chain().resolve(Timestamp::now()).await;
        self.judge(credentials, &explanation)
    }

    /// The credentials, and what they mask.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub(crate) async fn explained(&self) -> Result<(Credentials, Explanation), Failure> {
        self.check_profile()?;
        let resolution = self.chain().explain(Timestamp::now()).await;
        let explanation = resolution.explanation;
        let credentials = self.judge(resolution.credentials, &explanation)?;
        Ok((credentials, explanation))
    }

    /// A profile that somebody named and that is nowhere is an error, whoever else has credentials.
    pub(crate) fn check_profile(&self) -> Result<(), Failure> {
        self.settings.profile()?;
        Ok(())
    }

    fn judge(
        &self,
        credentials: Result<Credentials, keyfob_chain::Error>,
        explanation: &Explanation,
    ) -> Result<Credentials, Failure> {
        for row in &explanation.rows {
            debug!(provider = row.provider, verdict = ?row.verdict, reason = row.reason.as_deref(), "asked");
        }
        credentials.map_err(|error| match error.kind() {
            keyfob_chain::ErrorKind::NoCredentials => nothing_found(explanation),
            _ => Failure::from(&error),
        })
    }

    /// The URL to call instead of a service's own, if anybody gives one, and who does: the argument comes first, then
    /// the settings.
    ///
    /// # Errors
    ///
    /// When the profile's section for it cannot be read.
    pub(crate) fn endpoint_url(&self, service: &str) -> Result<Option<(&str, String)>, Failure> {
        if let Some(url) = &self.globals.endpoint_url {
            return Ok(Some((url, "--endpoint-url".to_owned())));
        }
        let setting = self.settings.endpoint_url(service)?;
        Ok(setting.map(|setting| (setting.text, self.origin(&setting.origin))))
    }

    /// A setting that a variable or the profile gives, in this order.
    pub(crate) fn setting(&self, variable: &str, property: &str) -> Option<&str> {
        let setting = self.settings.find(variable, property)?;
        Some(setting.text)
    }

    /// The same for a number.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(crate) fn number(&self, variable: &str, property: &str) -> Result<Option<u32>, Failure> {
        let Some(setting) = self.settings.find(variable, property) else {
            return Ok(None);
        };
        setting.text.parse().map(Some).map_err(|_| {
            let origin = self.origin(&setting.origin);
            Failure::configuration(format!("{:?} from {origin} is no number", setting.text))
        })
    }

    /// Where something came from, with `~` for the home folder.
    pub(crate) fn origin(&self, origin: &Origin) -> String {
        let mut origin = origin.clone();
        if let (Origin::File { file, .. }, Some(home)) = (&mut origin, self.env().home())
            && let Ok(rest) = file.strip_prefix(home)
        {
            *file = Path::new("~").join(rest);
        }
        origin.to_string()
    }

    /// The form of the output that somebody asked for, wherever. Where a setting names one that only `aws` has, it is
    /// JSON, and that is said once, on stderr.
    ///
    /// # Errors
    ///
    /// When a setting names a form that there is not.
    pub(crate) fn output_format(&self) -> Result<Option<OutputFormat>, Failure> {
        if self.globals.output.is_some() {
            return Ok(self.globals.output);
        }
        if let Some(format) = self.output_format.get() {
            return Ok(*format);
        }
        let format = self.configured_format()?;
        Ok(*self.output_format.get_or_init(|| format))
    }

    fn configured_format(&self) -> Result<Option<OutputFormat>, Failure> {
        let Some(setting) = self.settings.find("AWS_DEFAULT_OUTPUT", "output") else {
            return Ok(None);
        };
        let (name, origin) = (setting.text, self.origin(&setting.origin));
        if let Some(format) = OutputFormat::named(name) {
            return Ok(Some(format));
        }
        if OutputFormat::is_of_aws(name) {
            self.console
                .note(&format!("json is printed instead of {name} ({origin})"));
            return Ok(Some(OutputFormat::Json));
        }
        let message = format!("the output format {name:?} from {origin} is not known");
        Err(Failure::configuration(message).with_hint(
            "json, text and table are; --output, AWS_DEFAULT_OUTPUT and a profile's output choose",
        ))
    }

    /// Prints the answer of one of aws's operations.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or the form is not known.
    pub(crate) fn print(&self, operation: &str, answer: &serde_json::Value) -> Result<(), Failure> {
        let format = self.output_format()?.unwrap_or(OutputFormat::Json);
        let text = output::render(format, operation, answer, self.console.width());
        self.console.data(&text)
    }
}

/// Nobody has credentials: who was asked, why each has none, and the cure.
fn nothing_found(explanation: &Explanation) -> Failure {
    let mut failure =
        Failure::no_credentials("unable to locate credentials; these were looked at:");
    let width = explanation.rows.iter().map(|row| row.provider.len()).max();
    let width = width.unwrap_or_default();
    for row in &explanation.rows {
        let reason = row.reason.as_deref().unwrap_or("not asked");
        failure = failure.with_detail(format!("  {:width$}  {reason}", row.provider));
    }
    failure.with_hint(
        "run `keyfob configure`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `keyfob --sandbox whoami` needs neither",
    )
}
