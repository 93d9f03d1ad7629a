use std::{fmt, sync::Arc};

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    error::{Error, ErrorKind},
    explanation::{Explanation, Row, Verdict},
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
    providers::{Container, Environment, Profile, WebIdentity},
    settings::Settings,
};

/// Providers in an order. The first that has credentials wins; the first that is configured and fails stops it.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, Env, Order, Settings};
/// use keyfob_sigv4::Timestamp;
///
/// let env = Env::from_iter([
///     ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
///     ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
/// ]);
/// let chain = Chain::default_for(Order::Cli, &Settings::load(env));
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
}

/// Whose order the providers of a chain are in.
///
/// In all of them the environment comes first and instance metadata last. They differ in two things: whether a
/// profile that the program was told to use switches the environment's keys off, and whether a web identity of the
/// environment comes before or after the profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The AWS CLI and boto3: `--profile` switches the environment's keys off; web identity before the profile.
    #[default]
    Cli,
    /// The AWS SDK for Java 1: the environment's keys always count; web identity before the profile.
    JavaV1,
    /// The AWS SDK for Java 2: as 1.
    JavaV2,
    /// The AWS SDK for Rust: the environment's keys always count; the profile before web identity.
    Rust,
}

/// The credentials, if there are any, and how they came about.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// What the chain says.
    pub credentials: Result<Credentials, Error>,
    /// What every provider said.
    pub explanation: Explanation,
}

impl Chain {
    /// A chain without providers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The usual providers: environment, web identity, profile, container, and with the feature `imds` instance
    /// metadata.
    ///
    /// This version does not get credentials by SSO, a login or a process that a profile names. Where one of these is
    /// configured the chain stops with [`ErrorKind::Unsupported`] instead of using another identity; and so it does for
    /// roles and web identities without the feature `sts`, and for containers without `imds`.
    pub fn default_for(order: Order, settings: &Settings) -> Self {
        let environment = Environment::new(settings.clone());
        let web_identity = WebIdentity::new(settings.clone());
        let (environment, web_identity) = match order {
            Order::Cli => (
                environment.yielding_to_profile(),
                web_identity.yielding_to_profile(),
            ),
            Order::JavaV1 | Order::JavaV2 | Order::Rust => (environment, web_identity),
        };
        let profile = Profile::new(settings.clone());
        let chain = Self::new().then(environment);
        let chain = match order {
            Order::Rust => chain.then(profile).then(web_identity),
            Order::Cli | Order::JavaV1 | Order::JavaV2 => chain.then(web_identity).then(profile),
        };
        let chain = chain.then(Container::new(settings.clone()));
        #[cfg(feature = "imds")]
        let chain = chain.then(crate::providers::InstanceMetadata::new(settings));
        chain
    }

    /// With one more provider at the end.
    #[must_use]
    pub fn then(mut self, provider: impl Provider + 'static) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Asks the providers in order until one answers.
    ///
    /// The credentials are an error of kind [`ErrorKind::NoCredentials`] when none is configured, and the failing
    /// provider's own otherwise.
    pub async fn resolve(&self, now: Timestamp) -> Resolution {
        let (outcome, rows) = self.ask(now).await;
        let rest = self.providers[rows.len()..].iter();
        let rows = rows
            .into_iter()
            .chain(rest.map(|provider| Row::of(provider.name(), Verdict::NotAsked)))
            .collect();
        self.conclude(outcome, rows)
    }

    /// The same, and looks at the providers behind the one that answered: what does it mask? They are
    /// [inspected](Provider::inspect), not made to issue anything.
    pub async fn explain(&self, now: Timestamp) -> Resolution {
        let (outcome, mut rows) = self.ask(now).await;
        let answered = rows.len();
        for provider in &self.providers[answered..] {
            let mut row = match provider.inspect(now).await {
                Ok(inspection) => Row::inspected(provider.name(), &inspection),
                Err(error) => Row::failed(provider.name(), &error),
            };
            if row.verdict == Verdict::Masked {
                row.masked_by = Some(answered);
            }
            rows.push(row);
        }
        self.conclude(outcome, rows)
    }

    /// The rows of those that were asked; the last is the one that answered, if one did.
    async fn ask(&self, now: Timestamp) -> (Result<Option<Found>, Error>, Vec<Row>) {
        let mut rows = Vec::with_capacity(self.providers.len());
        for provider in &self.providers {
            match provider.provide(now).await {
                Ok(Outcome::Found(found)) => {
                    rows.push(Row::found(provider.name(), &found));
                    return (Ok(Some(found)), rows);
                }
                Ok(Outcome::NotConfigured(why)) => {
                    rows.push(Row::not_configured(provider.name(), why));
                }
                Err(error) => {
                    rows.push(Row::failed(provider.name(), &error));
                    return (Err(error), rows);
                }
            }
        }
        (Ok(None), rows)
    }

    fn conclude(&self, outcome: Result<Option<Found>, Error>, rows: Vec<Row>) -> Resolution {
        let bypass = |row: usize| self.providers.get(row)?.bypass();
        let explanation = Explanation::new(rows, bypass, self.warnings());
        let credentials = match outcome {
            Ok(Some(found)) => Ok(found.credentials),
            Ok(None) => Err(Error::new(
                ErrorKind::NoCredentials,
                nobody(&explanation.rows),
            )),
            Err(error) => Err(error),
        };
        Resolution {
            credentials,
            explanation,
        }
    }
}

/// A chain is a provider, so that chains nest and [`Cached`](crate::Cached) takes one.
impl Provider for Chain {
    fn name(&self) -> &str {
        "chain"
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            let (outcome, rows) = self.ask(now).await;
            Ok(match outcome? {
                Some(found) => Outcome::Found(found),
                None => Outcome::NotConfigured(nobody(&rows)),
            })
        })
    }

    /// As the first of its providers that does not say "not configured".
    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(async move {
            for provider in &self.providers {
                match provider.inspect(now).await? {
                    Inspection::NotConfigured(_) => {}
                    other => return Ok(other),
                }
            }
            Ok(Inspection::NotConfigured(
                "none of its providers is".to_owned(),
            ))
        })
    }

    fn warnings(&self) -> Vec<String> {
        let providers = self.providers.iter();
        providers.flat_map(Provider::warnings).collect()
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.providers.iter().map(Provider::name);
        f.debug_list().entries(names).finish()
    }
}

/// `no credentials found: environment variables (AWS_ACCESS_KEY_ID is not set), …`.
fn nobody(rows: &[Row]) -> String {
    let looked_at = rows.iter().map(|row| match &row.reason {
        Some(reason) => format!("{} ({reason})", row.provider),
        None => row.provider.clone(),
    });
    let looked_at: Vec<_> = looked_at.collect();
    match looked_at.is_empty() {
        true => "no credentials found: the chain has no provider".to_owned(),
        false => format!("no credentials found: {}", looked_at.join(", ")),
    }
}
