use std::{fmt, pin::Pin, sync::Arc};

use keyfob_sigv4::{Credentials, Timestamp};

use crate::{error::Error, origin::Origin};

/// A future on the heap, so that [`Provider`] can stand behind `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One source of credentials.
///
/// A provider answers one of three things: credentials; "not configured", and the chain goes on; or an error, and the
/// chain stops there, because a source that somebody configured and that fails must not be replaced by another
/// identity behind their back.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{BoxFuture, Error, Found, Outcome, Origin, Provider};
/// use keyfob_sigv4::{Credentials, Timestamp};
///
/// #[derive(Debug)]
/// struct Vault(Option<Credentials>);
///
/// impl Provider for Vault {
///     fn name(&self) -> &str {
///         "vault"
///     }
///
///     fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
///         Box::pin(async {
///             let Some(credentials) = &self.0 else {
///                 return Ok(Outcome::NotConfigured("no vault is mounted".to_owned()));
///             };
///             let origin = Origin::Other { description: "vault at /run/vault".to_owned() };
///             Ok(Outcome::Found(Found::new(credentials.clone(), origin)))
///         })
///     }
/// }
/// ```
pub trait Provider: Send + Sync {
    /// What people know it by: `environment variables`.
    fn name(&self) -> &str;

    /// Gets the credentials, whatever that takes. `now` is the time.
    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>>;

    /// Looks whether it would have credentials, for [`Chain::explain`](crate::Chain::explain), after another provider
    /// has won. This must be quick, must change nothing, and must never make a service issue credentials. The
    /// default does not look.
    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(async { Ok(Inspection::NotLooked) })
    }

    /// How to run a program without this provider, where that can be done with variables.
    fn bypass(&self) -> Option<Bypass> {
        None
    }

    /// What is wrong with its settings although it can answer, for [`Explanation::warnings`](crate::Explanation).
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The changes to the environment that make a provider stand aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bypass {
    /// Variables to remove.
    pub unset: Vec<String>,
    /// Variables to set, with their values.
    pub set: Vec<(String, String)>,
}

impl Bypass {
    /// Removing variables is enough.
    pub fn unset(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            unset: names.into_iter().map(Into::into).collect(),
            set: Vec::new(),
        }
    }

    /// Setting one variable is enough.
    pub fn set(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            unset: Vec::new(),
            set: vec![(name.into(), value.into())],
        }
    }

    /// Both changes.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.unset.extend(other.unset);
        self.set.extend(other.set);
        self
    }

    /// `env -u A B=c COMMAND`: what is removed comes first, as `env` demands.
    pub(crate) fn command(&self) -> String {
        let unset = self.unset.iter().map(|name| format!("-u {name} "));
        let set = self
            .set
            .iter()
            .map(|(name, value)| format!("{name}={value} "));
        format!("env {}COMMAND", unset.chain(set).collect::<String>())
    }
}

/// What a provider answers.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Here they are.
    Found(Found),
    /// Nobody set this provider up, and why it thinks so, in a few words: `AWS_ACCESS_KEY_ID is not set`.
    NotConfigured(String),
}

/// Credentials and where they came from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The credentials.
    pub credentials: Credentials,
    /// Where they came from.
    pub origin: Origin,
}

impl Found {
    /// Both.
    pub fn new(credentials: Credentials, origin: Origin) -> Self {
        Self {
            credentials,
            origin,
        }
    }
}

/// What a provider sees of itself without getting credentials.
#[derive(Clone, Debug)]
pub enum Inspection {
    /// It would have some.
    Available {
        /// Where they would come from.
        origin: Origin,
        /// The credentials, where seeing is having, as with a file.
        credentials: Option<Credentials>,
    },
    /// Nobody set it up, and why it thinks so.
    NotConfigured(String),
    /// It cannot tell without getting them.
    NotLooked,
}

/// For providers to whom looking is having.
impl From<Outcome> for Inspection {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Found(found) => Self::Available {
                origin: found.origin,
                credentials: Some(found.credentials),
            },
            Outcome::NotConfigured(why) => Self::NotConfigured(why),
        }
    }
}

/// A provider made of a function.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Chain, Found, Origin, Outcome, provider_fn};
/// use keyfob_sigv4::{Credentials, Timestamp};
///
/// let vault = provider_fn("vault", |_now| async {
///     let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").unwrap();
///     let origin = Origin::Other { description: "the vault".to_owned() };
///     Ok(Outcome::Found(Found::new(credentials, origin)))
/// });
/// let chain = Chain::new().then(vault);
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let credentials = chain.resolve(Timestamp::now()).await.credentials.unwrap();
/// assert_eq!(credentials.access_key_id(), "AKIDEXAMPLE");
/// # });
/// ```
pub fn provider_fn<F, R>(name: impl Into<String>, function: F) -> ProviderFn<F>
where
    F: Fn(Timestamp) -> R + Send + Sync,
    R: Future<Output = Result<Outcome, Error>> + Send + 'static,
{
    ProviderFn {
        name: name.into(),
        function,
    }
}

/// See [`provider_fn`].
#[derive(Clone)]
pub struct ProviderFn<F> {
    name: String,
    function: F,
}

impl<F, R> Provider for ProviderFn<F>
where
    F: Fn(Timestamp) -> R + Send + Sync,
    R: Future<Output = Result<Outcome, Error>> + Send + 'static,
{
    fn name(&self) -> &str {
        &self.name
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin((self.function)(now))
    }
}

impl<F> fmt::Debug for ProviderFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProviderFn").field(&self.name).finish()
    }
}

impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        (**self).provide(now)
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        (**self).inspect(now)
    }

    fn bypass(&self) -> Option<Bypass> {
        (**self).bypass()
    }

    fn warnings(&self) -> Vec<String> {
        (**self).warnings()
    }
}

/// A set of keys is a provider too.
impl Provider for Found {
    fn name(&self) -> &str {
        "given credentials"
    }

    fn provide(&self, _now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(std::future::ready(Ok(Outcome::Found(self.clone()))))
    }

    fn inspect(&self, _now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(std::future::ready(Ok(Outcome::Found(self.clone()).into())))
    }
}
