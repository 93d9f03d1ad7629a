use std::{path::PathBuf, time::Duration};

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Client, Error as StsError, ErrorKind as StsErrorKind,
    call::{Call, Service},
};
use tokio::{runtime::Handle, task::JoinError};

use crate::{
    config::{Region, Settings},
    error::{Error, ErrorKind},
    files::{Lock, read_secret_file},
    finding::{Finding, FindingKind},
    origin::Origin,
    providers::session::MANDATORY,
    token_folder::is_missing,
};

/// A token in a file that all tools share, with what refreshes it.
pub(super) trait Token: Sized + Send + 'static {
    /// The service that refreshes it.
    const SERVICE: Service;
    /// The call that refreshes it.
    type Refresh: Call<Output: Send> + Send + Sync + 'static;

    fn parse(text: &str) -> Result<Self, StsError>;
    fn expiry(&self) -> Timestamp;
    fn needs_refresh(&self, now: Timestamp) -> bool;
    /// Fails if the user must sign in again.
    fn refresh(&self, now: Timestamp) -> Result<Self::Refresh, StsError>;
    fn with_answer(
        self,
        answer: &<Self::Refresh as Call>::Output,
        now: Timestamp,
    ) -> Result<Self, StsError>;
    fn to_text(&self) -> Secret;

    /// Returns the region in which it is refreshed, if the file has it.
    fn region(&self) -> Option<&str> {
        None
    }

    /// Returns true if these credentials are part of the token.
    fn has(&self, _credentials: &Credentials) -> bool {
        false
    }
}

/// The file of a token, and how a user is told about it.
pub(super) struct SharedToken<'a> {
    pub(super) settings: &'a Settings,
    pub(super) path: PathBuf,
    /// The region in which it is refreshed if the file has none. Otherwise that of the settings.
    pub(super) region: Option<Region>,
    /// Whether it is refreshed at all.
    pub(super) is_refreshed: bool,
    /// What it is, such as `token of the SSO session "corp"`.
    pub(super) what: String,
    /// Where it is configured.
    pub(super) origin: &'a Origin,
    /// The file and the line of that.
    pub(super) place: String,
    /// The command that gets a new one.
    pub(super) cure: String,
}

impl SharedToken<'_> {
    /// Returns the token of the file. If it is about to expire, or if its credentials are those
    /// that a service has refused, refreshes it with the file locked, unless another process was
    /// faster.
    ///
    /// A refresh uses up the token that refreshes. So it is only made if the new one can be
    /// written, and a caller that goes away meanwhile does not stop it, if there is a runtime of
    /// Tokio to go on with it.
    pub(super) async fn get<T: Token>(
        &self,
        refused: Option<&Credentials>,
        now: Timestamp,
    ) -> Result<T, Error> {
        let watch = self.settings.sources().watch(now);
        let is_refused = |token: &T| refused.is_some_and(|refused| token.has(refused));
        let is_good = |token: &T, now| !token.needs_refresh(now) && !is_refused(token);
        let (_, token) = self.read::<T>()?;
        if is_good(&token, now) {
            return Ok(token);
        }
        let renew = async || -> Result<T, Error> {
            if !self.is_refreshed {
                return Err(self.sign_in(&self.expires(&token, now), None));
            }
            if self.settings.sources().disk().is_none() {
                let text = format!(
                    "{}, and there is no disk to save a refreshed one",
                    self.expires(&token, now)
                );
                return Err(self.sign_in(&text, None));
            }
            // No other program is waited for while there is a token that is good enough.
            let is_usable = !is_refused(&token) && token.expiry().seconds_since(now) > MANDATORY;
            let patience = if is_usable {
                Duration::ZERO
            } else {
                Lock::PATIENCE
            };
            let lock = Lock::acquire_async(&self.path, patience).await;
            let lock = lock.map_err(|error| {
                let expires = self.expires(&token, now);
                let message = format!("{}: {expires} and is not refreshed", self.place);
                Error::with_source(ErrorKind::Provider, message, error)
            })?;
            let now = watch.now();
            let (text, token) = self.read::<T>()?;
            if is_good(&token, now) {
                return Ok(token);
            }
            self.rotate(lock, text, token, now).await
        };
        match renew().await {
            // Until it expires it is good enough. Or another program, which takes no lock, has
            // written a new one.
            Err(error) => match self.read::<T>() {
                Ok((_, token)) if token.expiry() > watch.now() && !is_refused(&token) => Ok(token),
                _ => Err(error),
            },
            renewed => renewed,
        }
    }

    /// Returns the token of the file, if there is one.
    #[cfg(feature = "login")]
    pub(super) fn peek<T: Token>(&self) -> Option<T> {
        Some(self.read().ok()?.1)
    }

    /// Returns when the token expires, or that the user must sign in.
    pub(super) fn finding<T: Token>(&self, now: Timestamp) -> Finding {
        let must_sign_in = |text: &str| {
            let finding = Finding::warning(FindingKind::Expiry, text);
            finding.with_cure(self.cure.clone())
        };
        let finding = match self.read::<T>() {
            Err(error) => {
                let text = error.message();
                let text = text.strip_prefix(&format!("{}: ", self.place));
                let text = text.unwrap_or_default();
                match text.strip_suffix(&self.run()) {
                    Some(text) => must_sign_in(text),
                    None => Finding::warning(FindingKind::File, text),
                }
            }
            Ok((_, token)) => {
                let text = self.expires(&token, now);
                let is_refreshed = self.is_refreshed && token.refresh(now).is_ok();
                match (token.expiry() > now, is_refreshed) {
                    (_, true) if self.settings.sources().disk().is_some() => {
                        let text = format!("{text}, and can be refreshed");
                        Finding::note(FindingKind::Expiry, text)
                    }
                    (true, _) => Finding::note(FindingKind::Expiry, text),
                    (false, _) => must_sign_in(&text),
                }
            }
        };
        finding.with_origin(self.origin.clone())
    }

    /// Returns the text of the file.
    pub(super) fn text(&self) -> Result<Secret, Error> {
        read_secret_file(&self.path).map_err(|error| {
            let (what, path) = (&self.what, self.path.display());
            if is_missing(&error) {
                let text = format!("there is no {what} ({path} does not exist)");
                return self.sign_in(&text, None);
            }
            let message = format!("{}: cannot read {path}, the {what}", self.place);
            Error::with_source(ErrorKind::ConfigFile, message, error)
        })
    }

    fn read<T: Token>(&self) -> Result<(Secret, T), Error> {
        let text = self.text()?;
        let token = T::parse(text.expose()).map_err(|error| {
            let text = format!("the {} cannot be used", self.what);
            self.sign_in(&text, Some(error))
        })?;
        Ok((text, token))
    }

    /// Refreshes the token, whose text is that of the locked file, and writes the new one.
    async fn rotate<T: Token>(
        &self,
        lock: Lock,
        text: Secret,
        token: T,
        now: Timestamp,
    ) -> Result<T, Error> {
        let expires = self.expires(&token, now);
        let call = token
            .refresh(now)
            .map_err(|error| self.sign_in(&expires, Some(error)))?;
        let client = self.client(&token, now).await?;
        let path = self.path.clone();
        let guard = self.settings.sources().hold_refresh();
        let rotation = async move {
            let _until_it_is_saved = guard;
            // Locals are dropped in reverse order: the lock is released before the guard.
            let lock = lock;
            let answer = client.send_unsigned(&call).await?;
            let token = token.with_answer(&answer, now)?;
            // What another program wrote meanwhile is newer.
            let is_same = read_secret_file(&path).is_ok_and(|now| now.expose() == text.expose());
            let saved = if is_same {
                lock.replace(token.to_text().expose().as_bytes())
            } else {
                Ok(())
            };
            Ok((token, saved))
        };
        let rotated = in_own_task(rotation).await.map_err(|stopped| {
            let message = format!("{}: {expires} and its refresh was stopped", self.place);
            Error::with_source(ErrorKind::Provider, message, stopped)
        })?;
        let (token, saved) = rotated.map_err(|error| self.not_refreshed(&expires, error))?;
        if let Err(error) = saved {
            let text = format!(
                "the {} is refreshed and cannot be saved, so that the next program has to sign in \
                 again: {}",
                self.what,
                error.chain()
            );
            let finding = Finding::warning(FindingKind::Cache, text);
            self.settings
                .notify(&finding.with_origin(self.origin.clone()));
        }
        Ok(token)
    }

    async fn client<T: Token>(&self, token: &T, now: Timestamp) -> Result<Client, Error> {
        let region = match (token.region(), &self.region) {
            (Some(region), _) => {
                let description = self.path.display().to_string();
                Region::new(region, Origin::Other { description })?
            }
            (None, Some(region)) => region.clone(),
            (None, None) => self.settings.resolve_region(None, now).await?,
        };
        client(self.settings, T::SERVICE, &region)
    }

    /// Returns `the token of … expired at …`.
    fn expires(&self, token: &impl Token, now: Timestamp) -> String {
        let expiry = token.expiry();
        let verb = if expiry > now { "expires" } else { "expired" };
        format!("the {} {verb} at {expiry}", self.what)
    }

    fn not_refreshed(&self, expires: &str, error: StsError) -> Error {
        let text = format!("{expires} and is not refreshed");
        let kind = match error.kind() {
            StsErrorKind::Setting | StsErrorKind::Input => ErrorKind::Setting,
            StsErrorKind::Service if error.member("error") == Some("INSUFFICIENT_PERMISSIONS") => {
                let text = format!("{text}: ask for the permission signin:CreateOAuth2Token");
                let message = format!("{}: {text}", self.place);
                return Error::with_source(ErrorKind::Refused, message, error);
            }
            _ if is_refusal(&error) => return self.sign_in(&text, Some(error)),
            _ => ErrorKind::Provider,
        };
        Error::with_source(kind, format!("{}: {text}", self.place), error)
    }

    fn run(&self) -> String {
        format!(": run `{}`", self.cure)
    }

    /// Creates the error for a user who must sign in.
    pub(super) fn sign_in(&self, text: &str, source: Option<StsError>) -> Error {
        let message = format!("{}: {text}{}", self.place, self.run());
        match source {
            Some(source) => Error::with_source(ErrorKind::SignIn, message, source),
            None => Error::new(ErrorKind::SignIn, message),
        }
    }
}

/// Returns a function that says in an error where the token is configured.
pub(super) fn at(place: &str) -> impl Fn(Error) -> Error {
    move |error| Error::new(error.kind(), format!("{place}: {}", error.message()))
}

/// Creates a client for a service in a region, by the settings.
pub(super) fn client(
    settings: &Settings,
    service: Service,
    region: &Region,
) -> Result<Client, Error> {
    settings
        .client(service, region, None)?
        .build()
        .map_err(|error| {
            let service = service.id().to_ascii_uppercase();
            let message = format!("{service} cannot be used with these settings");
            Error::with_source(ErrorKind::Setting, message, error)
        })
}

/// Returns true if a service answered that it will not do this, rather than that it cannot now.
pub(super) fn is_refusal(error: &StsError) -> bool {
    let is_fault_of_the_call = error.status().is_some_and(|status| status < 500);
    error.kind() == StsErrorKind::Service && is_fault_of_the_call && !error.is_throttling()
}

/// Runs a future to its end, even if the caller goes away.
async fn in_own_task<T: Send + 'static>(
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    match Handle::try_current() {
        Ok(runtime) => runtime.spawn(future).await,
        Err(_) => Ok(future.await),
    }
}
