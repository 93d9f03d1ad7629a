use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    cache::Cached,
    config::Settings,
    error::{Error, ErrorKind},
    explain::{Attempt, Explanation, Verdict},
    finding::Finding,
    order::{Order, Source},
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
    providers::{
        ContainerProvider, EnvironmentProvider, OldFiles, ProfileProvider,
        SystemPropertiesProvider, UnreadOldFiles, WebIdentityProvider,
    },
    variables::Variables,
};

/// Providers in an order.
///
/// The first provider that has credentials wins. A provider that is configured but fails stops the
/// chain, except by the rules of the SDKs for Java. A profile that is named and that no file has
/// stops it before any provider is asked, by the rules that make that an error. So does a file that
/// boto3 refuses as a whole, by its rules.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, Order, Settings, Variables};
/// use keyfob_sigv4::Timestamp;
///
/// let variables = Variables::from_iter([
///     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
///     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// ]);
/// let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let resolution = chain.resolve(Timestamp::now()).await;
/// assert_eq!(resolution.credentials?.access_key_id(), "AKIDEXAMPLE");
/// assert_eq!(resolution.explanation.winner().unwrap().provider, "environment variables");
/// # Ok::<(), keyfob_chain::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Chain {
    providers: Vec<Arc<dyn Provider>>,
    /// The place among the providers of what only an explanation looks for.
    old_files: Option<(usize, Settings)>,
    /// Whether the next provider is asked after one that failed, as in the SDKs for Java.
    passes_over_failures: bool,
    /// The place among the providers of a profile that must exist, or whose files may be refused.
    profile: Option<(usize, Settings)>,
}

/// The credentials, or why there are none, with the explanation.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// The credentials of the first provider that has some.
    pub credentials: Result<Credentials, Error>,
    /// What every provider answered.
    pub explanation: Explanation,
}

impl Chain {
    /// Creates the chain of this process, in the order of the AWS CLI, with a cache.
    ///
    /// Reads the environment now, and the configuration files when a provider needs them. Keep the
    /// value for the life of the program: it refreshes the credentials before they expire.
    ///
    /// This is short for:
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// use keyfob_chain::{Cached, Chain, Order, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// let variables = Variables::from_process();
    /// let settings = Settings::load(variables);
    /// let chain = Chain::default_for(Order::Cli, &settings);
    /// let cached = Cached::new(chain);
    /// // The last step is the caller's, as often as credentials are needed.
    /// let credentials = cached.credentials(Timestamp::now()).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use keyfob_chain::Chain;
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_chain::Error> {
    /// let credentials = Chain::from_env().credentials(Timestamp::now()).await?;
    /// # Ok(()) }
    /// ```
    pub fn from_env() -> Cached<Self> {
        let settings = Settings::load(Variables::from_process());
        Cached::new(Self::default_for(Order::Cli, &settings))
    }

    /// Creates a chain without providers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates a chain of the usual providers: environment, web identity, profile, container, and
    /// (with the feature `imds`) instance metadata; for Java, system properties as well. The
    /// settings are read by the rules of `order`.
    ///
    /// A source that is configured but not supported stops the chain with
    /// [`ErrorKind::Unsupported`], so that no other identity is used in its place. That is a role
    /// or web identity without the feature `sts`; SSO without the feature `sso`; a login without
    /// the feature `login`; a container without the feature `imds`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Order, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default());
    /// let chain = Chain::default_for(Order::Rust, &settings);
    /// // The SDK for Rust asks the profile before web identity.
    /// assert!(format!("{chain:?}").starts_with(
    ///     r#"["environment variables", "profile \"default\"", "web identity", "container""#
    /// ));
    /// ```
    pub fn default_for(order: Order, settings: &Settings) -> Self {
        Self::with_sources(order, settings, |_| true)
    }

    /// Creates the usual chain without the instance, which comes last by the rules of all SDKs.
    pub(crate) fn without_instance(order: Order, settings: &Settings) -> Self {
        Self::with_sources(order, settings, |source| source != Source::Instance)
    }

    fn with_sources(order: Order, settings: &Settings, has: impl Fn(Source) -> bool) -> Self {
        let settings = &settings.clone().with_order(order);
        let mut chain = Self::new();
        chain.passes_over_failures = order.rules().passes_over_failures;
        let sources = order.rules().sources.iter().copied();
        for source in sources.filter(|source| has(*source)) {
            let settings = settings.clone();
            chain = match source {
                Source::SystemProperties => chain.then(SystemPropertiesProvider::new(settings)),
                Source::Environment => chain.then(EnvironmentProvider::new(settings)),
                Source::WebIdentity => chain.then(WebIdentityProvider::new(settings)),
                Source::Profile => {
                    if settings.must_have_profile() || settings.refuses_files() {
                        chain.profile = Some((chain.providers.len(), settings.clone()));
                    }
                    chain.then(ProfileProvider::new(settings))
                }
                Source::OldFiles if settings.rules().reads_old_files => {
                    chain.then(OldFiles::new(settings))
                }
                Source::OldFiles => {
                    chain.old_files = Some((chain.providers.len(), settings));
                    chain
                }
                Source::Container => chain.then(ContainerProvider::new(settings)),
                // Last, because outside EC2 it takes up to 1 s to find out that there is none.
                #[cfg(feature = "imds")]
                Source::Instance => {
                    chain.then(crate::providers::InstanceMetadataProvider::new(&settings))
                }
                #[cfg(not(feature = "imds"))]
                Source::Instance => chain,
            };
        }
        chain
    }

    /// Adds a provider at the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Order, Settings, Variables, provider_fn, Outcome};
    ///
    /// let vault = provider_fn("vault", |_now| async {
    ///     Ok(Outcome::NotConfigured("VAULT_ADDR is not set".to_owned()))
    /// });
    /// let settings = Settings::load(Variables::default());
    /// let chain = Chain::default_for(Order::Cli, &settings).then(vault);
    /// ```
    #[must_use]
    pub fn then(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Asks the providers in order until one answers.
    ///
    /// Nothing is read for the others: the findings are those of the providers that were asked. The
    /// credentials are an error of kind [`ErrorKind::NoCredentials`] if no provider is
    /// configured, and otherwise the error of the provider that failed.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, ErrorKind, Order, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// // Half an access key.
    /// let variables = Variables::from_iter([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")]);
    /// let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let error = chain.resolve(Timestamp::now()).await.credentials.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::PartialCredentials);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not set: set both or neither",
    /// );
    /// # });
    /// ```
    pub async fn resolve(&self, now: Timestamp) -> Resolution {
        let (outcome, mut attempts) = self.ask_and_note(now).await;
        let (asked, rest) = self.providers.split_at(attempts.len());
        attempts.extend(
            rest.iter()
                .map(|provider| Attempt::new(provider.name(), Verdict::NotAsked)),
        );
        if matches!(outcome, Ok(None)) {
            attempts = self.with_ways(attempts, now);
        }
        self.finish(outcome, attempts, findings(asked, now), now)
    }

    /// Does the same as [`resolve`](Self::resolve), then looks at the providers after the one that
    /// answered, to find those that it masks.
    ///
    /// Those are only [inspected](Provider::inspect): no service issues credentials for this. Files
    /// of boto 2 with a key have a row here and not in `resolve`, except by rules that read them.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Order, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
    ///     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    ///     ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/app"),
    ///     ("AWS_EC2_METADATA_DISABLED", "true"),
    /// ]);
    /// let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let explanation = chain.explain(Timestamp::now()).await.explanation;
    /// assert_eq!(explanation.masked().next().unwrap().provider, "container");
    /// assert_eq!(
    ///     explanation.cure(4),
    ///     Some("env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN COMMAND"),
    /// );
    /// # });
    /// ```
    pub async fn explain(&self, now: Timestamp) -> Resolution {
        self.with_old_files().explain_all(now).await
    }

    /// Returns the chain with a row for a file that the rules do not read, if there is one.
    fn with_old_files(&self) -> Self {
        let mut chain = self.clone();
        if let Some((place, settings)) = chain.old_files.take()
            && let Some(files) = UnreadOldFiles::configured(settings.variables())
        {
            chain.providers.insert(place, Arc::new(files));
        }
        chain
    }

    async fn explain_all(&self, now: Timestamp) -> Resolution {
        let (outcome, attempts) = self.ask_and_note(now).await;
        let answered = Some(attempts.len());
        let attempts = self.inspect_rest(attempts, answered, now).await;
        self.finish(outcome, attempts, self.findings(now), now)
    }

    /// Explains which provider would answer. All are only [inspected](Provider::inspect), so that
    /// no service issues credentials, and whether a source works is not tried.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, Order, Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/app"),
    ///     ("AWS_EC2_METADATA_DISABLED", "true"),
    /// ]);
    /// let chain = Chain::default_for(Order::Cli, &Settings::load(variables));
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let explanation = chain.look(Timestamp::now()).await;
    /// assert_eq!(explanation.winner().unwrap().provider, "container");
    /// # });
    /// ```
    pub async fn look(&self, now: Timestamp) -> Explanation {
        self.with_old_files().look_at_all(now).await
    }

    async fn look_at_all(&self, now: Timestamp) -> Explanation {
        let (error, attempts) = self.stopped(now).unzip();
        let attempts = attempts.unwrap_or_default();
        let answered = error.as_ref().map(|_| attempts.len());
        let attempts = self.inspect_rest(attempts, answered, now).await;
        let explanation = Explanation::new(attempts, self.findings(now), now);
        match error {
            Some(error) => explanation.with_error(&error),
            None => explanation,
        }
    }

    /// Inspects the providers after those of the attempts. `answered` is the number of the one that
    /// answered. If none did, the first one that could does.
    async fn inspect_rest(
        &self,
        mut attempts: Vec<Attempt>,
        mut answered: Option<usize>,
        now: Timestamp,
    ) -> Vec<Attempt> {
        for (index, provider) in self.providers.iter().enumerate() {
            // Those before a profile that does not exist have not been asked either.
            let is_asked = |attempt: &Attempt| attempt.verdict != Verdict::NotAsked;
            if attempts.get(index).is_some_and(is_asked) {
                continue;
            }
            let started = Instant::now();
            let mut attempt = match provider.inspect(now).await {
                Ok(inspection) => Attempt::inspected(provider.name(), &inspection),
                Err(error) => Attempt::failed(provider.name(), &error),
            };
            attempt = attempt.after(started.elapsed());
            match attempt.verdict {
                Verdict::Masked if answered.is_some() => attempt.masked_by = answered,
                Verdict::Masked => {
                    attempt.verdict = Verdict::Used;
                    answered = Some(index + 1);
                }
                Verdict::Failed if !self.passes_over_failures => {
                    answered = answered.or(Some(index + 1));
                }
                _ => {}
            }
            match attempts.get_mut(index) {
                Some(not_asked) => *not_asked = attempt,
                None => attempts.push(attempt),
            }
        }
        self.with_ways(attempts, now)
    }

    fn with_ways(&self, attempts: Vec<Attempt>, now: Timestamp) -> Vec<Attempt> {
        attempts
            .into_iter()
            .zip(&self.providers)
            .map(|(attempt, provider)| attempt.with_way(provider, now))
            .collect()
    }

    /// Asks the providers in order. Returns the attempts so far; the last one is the provider that
    /// answered, if one did.
    async fn ask_and_note(&self, now: Timestamp) -> (Result<Option<Found>, Error>, Vec<Attempt>) {
        let (outcome, mut attempts) = self.ask(now).await;
        let outcome = outcome.map(|answer| {
            let (found, elapsed) = answer?;
            let winner = self.providers.get(attempts.len());
            attempts
                .extend(winner.map(|winner| Attempt::found(winner.name(), &found).after(elapsed)));
            Some(found)
        });
        (outcome, attempts)
    }

    /// Asks the providers in order. Returns what was found and how long that took, and the attempts
    /// of the providers that have nothing.
    async fn ask(
        &self,
        now: Timestamp,
    ) -> (Result<Option<(Found, Duration)>, Error>, Vec<Attempt>) {
        if let Some((error, attempts)) = self.stopped(now) {
            return (Err(error), attempts);
        }
        let mut attempts = Vec::new();
        for provider in &self.providers {
            let started = Instant::now();
            let answer = provider.provide(now).await;
            let elapsed = started.elapsed();
            match answer {
                Ok(Outcome::Found(found)) => return (Ok(Some((found, elapsed))), attempts),
                Ok(Outcome::NotConfigured(reason)) => {
                    let attempt = Attempt::not_configured(provider.name(), reason);
                    attempts.push(attempt.after(elapsed));
                }
                // Going on may use another identity than the one that is configured.
                Err(error) => {
                    attempts.push(Attempt::failed(provider.name(), &error).after(elapsed));
                    if !self.passes_over_failures {
                        return (Err(error), attempts);
                    }
                }
            }
        }
        (Ok(None), attempts)
    }

    /// Returns the error of a profile that must exist and does not, or of a file that is refused,
    /// and the attempts up to it.
    fn stopped(&self, now: Timestamp) -> Option<(Error, Vec<Attempt>)> {
        let (place, settings) = self.profile.as_ref()?;
        let error = settings.current(now).check_profile().err()?;
        let (earlier, rest) = self.providers.split_at(*place);
        let earlier = earlier.iter();
        let mut attempts: Vec<_> = earlier
            .map(|provider| Attempt::new(provider.name(), Verdict::NotAsked))
            .collect();
        let profile = rest.first();
        attempts.extend(profile.map(|profile| Attempt::failed(profile.name(), &error)));
        Some((error, attempts))
    }

    fn finish(
        &self,
        outcome: Result<Option<Found>, Error>,
        attempts: Vec<Attempt>,
        findings: Vec<Finding>,
        now: Timestamp,
    ) -> Resolution {
        let mut explanation = Explanation::new(attempts, findings, now);
        let credentials = match outcome {
            Ok(Some(found)) => Ok(found.credentials),
            Ok(None) => {
                let message = none_found(&explanation.attempts);
                Err(Error::new(ErrorKind::NoCredentials, message))
            }
            Err(error) => {
                explanation = explanation.with_error(&error);
                Err(error)
            }
        };
        explanation.error = credentials.as_ref().err().map(Error::chain);
        Resolution {
            credentials,
            explanation,
        }
    }
}

/// A chain is a provider, so that chains nest and [`Cached`] takes one.
impl Provider for Chain {
    fn name(&self) -> &str {
        "chain"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            let (outcome, attempts) = self.ask(now).await;
            Ok(match outcome? {
                Some((found, _)) => Outcome::Found(found),
                None => Outcome::NotConfigured(none_found(&attempts)),
            })
        })
    }

    /// Answers as its first provider that is configured.
    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(async move {
            if let Some((error, _)) = self.stopped(now) {
                return Err(error);
            }
            for provider in &self.providers {
                match provider.inspect(now).await? {
                    Inspection::NotConfigured(_) => {}
                    other => return Ok(other),
                }
            }
            let reason = "none of its providers is configured";
            Ok(Inspection::NotConfigured(reason.to_owned()))
        })
    }

    fn revision(&self, now: Timestamp) -> u64 {
        let providers = self.providers.iter();
        providers.map(|provider| provider.revision(now)).sum()
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        findings(&self.providers, now)
    }

    fn invalidate(&self, refused: &Credentials) {
        for provider in &self.providers {
            provider.invalidate(refused);
        }
    }
}

fn findings(providers: &[Arc<dyn Provider>], now: Timestamp) -> Vec<Finding> {
    providers
        .iter()
        .flat_map(|provider| provider.findings(now))
        .collect()
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.providers.iter().map(Provider::name);
        f.debug_list().entries(names).finish()
    }
}

/// Returns `no credentials found: environment variables (AWS_ACCESS_KEY_ID is not set), …`.
fn none_found(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "no credentials found: the chain has no provider".to_owned();
    }
    let attempts: Vec<_> = attempts
        .iter()
        .map(|attempt| match &attempt.reason {
            Some(reason) => format!("{} ({reason})", attempt.provider),
            None => attempt.provider.clone(),
        })
        .collect();
    format!("no credentials found: {}", attempts.join(", "))
}
