use std::sync::atomic::Ordering;

use keyfob_chain::{
    Argument, AssumeRoleProvider, Attempt, Chain, Error, ErrorKind, Explanation, Finding,
    FindingKind, Found, Order, Origin, Provider, Settings, Verdict,
};
use keyfob_sigv4::{Credentials, Timestamp};
use tracing::debug;

use crate::{
    args::RoleArgs,
    context::{Context, explanation::Explained},
    failure::{Failure, Refused, with_reasons},
    terminal::{Waiting, waiting_for},
};

impl Context {
    /// Returns the chain of credential providers, in the order of the AWS CLI.
    pub(crate) fn chain(&self) -> Chain {
        Chain::default_for(Order::Cli, &self.settings)
    }

    /// Returns the chain of the role that these arguments name, or else the one in use. The role is
    /// assumed at the URL of `endpoint`, if there is one.
    pub(crate) fn chain_for(&self, args: &RoleArgs, endpoint: Option<Argument<'_>>) -> Chain {
        let Some(arn) = &args.role_arn else {
            return self.chain();
        };
        let source = Chain::default_for(Order::Cli, &self.source_settings(args));
        Chain::new().then(self.role_with(source, arn, args, endpoint))
    }

    /// Returns the role of these arguments, which is assumed with the credentials of a source.
    fn role_with(
        &self,
        source: impl Provider + 'static,
        arn: &str,
        args: &RoleArgs,
        endpoint: Option<Argument<'_>>,
    ) -> AssumeRoleProvider {
        let mut settings = self.source_settings(args);
        if let Some(endpoint) = endpoint {
            settings = settings.with_argument("role_endpoint_url", endpoint);
        }
        let mut role = AssumeRoleProvider::new(settings, source, arn).named_by("--role-arn");
        if let Some(profile) = args
            .source_profile
            .as_ref()
            .or(self.globals.profile.as_ref())
        {
            role = role.source_profile(profile);
        }
        if let Some(name) = &args.role_session_name {
            role = role.session_name(name);
        }
        if let Some(id) = &args.external_id {
            role = role.external_id(id);
        }
        if let Some(seconds) = args.duration_seconds {
            role = role.duration_seconds(seconds);
        }
        if let Some(serial) = &args.serial_number {
            role = role.mfa_serial(serial);
        }
        role
    }

    /// Returns the settings for the credentials that a role is assumed with.
    fn source_settings(&self, args: &RoleArgs) -> Settings {
        let settings = self.settings.clone();
        match &args.source_profile {
            Some(profile) => {
                settings.with_profile_argument(Argument::new("--source-profile", profile))
            }
            None => settings,
        }
    }

    /// Returns the credentials of the role that these arguments name, or else those in use. The
    /// role is assumed at the URL of `endpoint`, if there is one.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub(crate) async fn credentials_for(
        &self,
        args: &RoleArgs,
        endpoint: Option<Argument<'_>>,
    ) -> Result<Credentials, Failure> {
        Ok(self.credentials_and_origin_for(args, endpoint).await?.0)
    }

    /// Returns the same credentials, and where they are from, as far as that is known.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub(crate) async fn credentials_and_origin_for(
        &self,
        args: &RoleArgs,
        endpoint: Option<Argument<'_>>,
    ) -> Result<(Credentials, Option<Origin>), Failure> {
        let (credentials, explanation) = self.used_for(args, endpoint).await?;
        Ok((credentials, origin_of(&explanation)))
    }

    /// Returns the same credentials for another program, with the expiry that their source told.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials), and if they have expired: programs that read such
    /// ones refuse them. Those of an instance have the time until which they are used on, as in
    /// botocore.
    pub(crate) async fn credentials_to_export(
        &self,
        args: &RoleArgs,
        endpoint: Option<Argument<'_>>,
    ) -> Result<Credentials, Failure> {
        let (credentials, explanation) = self.used_for(args, endpoint).await?;
        let winner = explanation.winner();
        let Some((winner, end)) = winner.and_then(|winner| Some((winner, winner.expiry?))) else {
            self.warn_if_expired(&credentials);
            return Ok(credentials);
        };
        if end > Timestamp::now() {
            return Ok(credentials.with_expiry(end));
        }
        if matches!(winner.origin, Some(Origin::InstanceMetadata { .. })) {
            return Ok(credentials);
        }
        let message = format!(
            "{} gives a key that expired at {end}, which other programs refuse",
            winner.provider
        );
        Err(Failure::other(message)
            .with_code("ExpiredCredentials")
            .with_hint("`keyfob doctor` compares the clock of this machine with that of AWS"))
    }

    /// Returns the credentials of these arguments and the providers that were asked.
    async fn used_for(
        &self,
        args: &RoleArgs,
        endpoint: Option<Argument<'_>>,
    ) -> Result<(Credentials, Explanation), Failure> {
        let Some(arn) = &args.role_arn else {
            if endpoint.is_some() {
                self.console().note(
                    "--endpoint-url is not used: it is for the role of --role-arn; the role of a \
                     profile is assumed at the URL of AWS_ENDPOINT_URL_STS",
                );
            }
            return self.used().await;
        };
        self.check_signs()?;
        let mut chain = self.chain_for(args, endpoint);
        if self.globals().why {
            let settings = self.source_settings(args);
            let explained = self.explain_with(&settings, None, false).await;
            self.print_explained(&explained);
            explained.profile?;
            // The source is asked once: its process may ask a person.
            match explained.credentials {
                Ok(credentials) => {
                    let source = found_again(credentials, &explained.asked);
                    chain = Chain::new().then(self.role_with(source, arn, args, endpoint));
                }
                // Then the error is about the role.
                Err(error) if error.kind() == ErrorKind::NoCredentials => {}
                Err(error) => return Err(Failure::from_provider(&error, &self.settings)),
            }
        }
        self.check_profile()?;
        let _waiting = waiting_for("credentials of the role of --role-arn");
        let resolution = chain.resolve(Timestamp::now()).await;
        let credentials = self.found(resolution.credentials, &resolution.explanation)?;
        Ok((credentials, resolution.explanation))
    }

    /// Adds where the key comes from, and what it masks.
    pub(crate) async fn with_key_origin(&self, failure: Failure, refused: Refused<'_>) -> Failure {
        let resolution = self.chain().explain(Timestamp::now()).await;
        let home = self.variables().home();
        let explanation = &resolution.explanation;
        let failure = failure.with_key_origin(explanation, home.as_deref());
        match origin_of(explanation) {
            Some(origin) => failure.with_renewal(refused, &origin, &self.settings),
            None => failure,
        }
    }

    /// Adds what a refusal of a request with the credentials in use most likely means, and where
    /// they come from.
    pub(crate) async fn explain_refusal(
        &self,
        failure: Failure,
        refused: Refused<'_>,
        service: &str,
    ) -> Failure {
        let profile = self.globals().profile.as_deref();
        let failure = failure
            .with_refusal_hint(refused, service, None)
            .with_denied_hints(refused, self.source_in_use(), profile);
        if refused.is_of_key() {
            return self.with_key_origin(failure, refused).await;
        }
        failure
    }

    /// Returns when credentials end, as far as it is known: a session that was written to a file
    /// may have its end beside it, which no SDK reads.
    pub(crate) fn end_of(&self, credentials: &Credentials) -> Option<Timestamp> {
        let written = || self.settings().written_expiry(credentials.access_key_id());
        credentials.expiry().or_else(written)
    }

    /// Warns of credentials that have expired, as the tool that wrote them wrote beside them. The
    /// file may have an end that is older than its key, so that they are used.
    pub(crate) fn warn_if_expired(&self, credentials: &Credentials) -> bool {
        let end = self.end_of(credentials);
        let Some(end) = end.filter(|end| *end <= Timestamp::now()) else {
            return false;
        };
        self.console().warn(&format!(
            "these credentials expired at {end}, says their profile: get new ones with the tool \
             that wrote them"
        ));
        true
    }

    /// Returns the credentials with that end.
    pub(crate) fn with_end(&self, credentials: Credentials) -> Credentials {
        match self.end_of(&credentials) {
            Some(end) => credentials.with_expiry(end),
            None => credentials,
        }
    }

    /// Returns the credentials to sign a request with, or none for `--no-sign-request`, which asks
    /// no provider.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub(crate) async fn credentials_to_sign(&self) -> Result<Option<Credentials>, Failure> {
        if self.globals().connection.no_sign_request {
            self.check_profile()?;
            return Ok(None);
        }
        self.credentials().await.map(Some)
    }

    /// Fails for `--no-sign-request`, for a command that is of no use without credentials.
    ///
    /// # Errors
    ///
    /// If the option is given.
    pub(crate) fn check_signs(&self) -> Result<(), Failure> {
        if !self.globals().connection.no_sign_request {
            return Ok(());
        }
        Err(Failure::usage(
            "--no-sign-request: this command needs credentials, so leave out the option",
        ))
    }

    /// Returns the credentials in use, without asking the providers after the one that has them.
    ///
    /// # Errors
    ///
    /// If no provider has credentials, if a provider that is configured fails, or for
    /// `--no-sign-request`.
    pub(crate) async fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(self.credentials_and_origin().await?.0)
    }

    /// Returns the credentials in use, and where they are from, as far as that is known.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub(crate) async fn credentials_and_origin(
        &self,
    ) -> Result<(Credentials, Option<Origin>), Failure> {
        let (credentials, explanation) = self.used().await?;
        Ok((credentials, origin_of(&explanation)))
    }

    /// Returns the credentials in use and the providers that were asked. Warns of credentials that
    /// have expired and are used on.
    async fn used(&self) -> Result<(Credentials, Explanation), Failure> {
        self.check_signs()?;
        if self.globals().why {
            return self.told_credentials().await;
        }
        self.check_profile()?;
        let _waiting = self.waiting_for_credentials();
        let resolution = self.chain().resolve(Timestamp::now()).await;
        let explanation = resolution.explanation;
        let credentials = self.found(resolution.credentials, &explanation)?;
        let number = explanation.winner().map(|winner| winner.number);
        let is_expired = |finding: &&Finding| {
            finding.kind == FindingKind::Expiry && number.is_some() && finding.number == number
        };
        if let Some(finding) = explanation.warnings().find(is_expired) {
            self.print_finding(finding);
        }
        Ok((credentials, explanation))
    }

    /// Returns the credentials in use, and an explanation that names those they mask.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub(crate) async fn explained_credentials(
        &self,
    ) -> Result<(Credentials, Explanation), Failure> {
        self.check_signs()?;
        if self.globals().why {
            return self.told_credentials().await;
        }
        self.check_profile()?;
        let _waiting = self.waiting_for_credentials();
        let resolution = self.chain().explain(Timestamp::now()).await;
        let credentials = self.found(resolution.credentials, &resolution.explanation)?;
        Ok((credentials, resolution.explanation))
    }

    /// Returns the credentials in use after their explanation is printed on stderr, for `--why`.
    async fn told_credentials(&self) -> Result<(Credentials, Explanation), Failure> {
        let explained = self.explain(None, false).await;
        self.print_explained(&explained);
        explained.profile?;
        let credentials = self.found(explained.credentials, &explained.explanation)?;
        Ok((credentials, explained.asked))
    }

    /// Prints an explanation on stderr.
    fn print_explained(&self, explained: &Explained) {
        let plain = |_, line: &str| line.to_owned();
        let text = explained.text(self, self.console().stderr_width(), &plain);
        self.console().write_stderr(&text);
    }

    /// Says that the credentials in use are waited for.
    pub(super) fn waiting_for_credentials(&self) -> Waiting {
        let profile = self.settings.profile_name();
        waiting_for(match self.settings.profile_origin() {
            Origin::Default => "credentials".to_owned(),
            _ => format!("credentials of profile \"{profile}\""),
        })
    }

    /// Fails if a profile was named that does not exist, even if no provider is asked.
    pub(crate) fn check_profile(&self) -> Result<(), Error> {
        self.settings.check_profile()
    }

    /// Returns where the credentials in use come from, once a command has asked for them.
    pub(crate) fn source_in_use(&self) -> Option<&str> {
        self.source_in_use.get().map(String::as_str)
    }

    /// Returns true if the credentials in use are the session of a role that was assumed for them.
    pub(crate) fn has_session_of_role(&self) -> bool {
        self.has_session_of_role.load(Ordering::Relaxed)
    }

    /// Logs what each provider answered, and lists the answers if none has credentials.
    fn found(
        &self,
        credentials: Result<Credentials, Error>,
        explanation: &Explanation,
    ) -> Result<Credentials, Failure> {
        for attempt in &explanation.attempts {
            debug!(
                provider = attempt.provider,
                verdict = ?attempt.verdict,
                elapsed = ?attempt.elapsed,
                reason = attempt.reason,
                "asked",
            );
        }
        if let Some(winner) = explanation.winner() {
            let home = self.variables().home();
            let origin = winner.origin.as_ref();
            let origin = origin.map(|origin| format!(" ({})", origin.text(home.as_deref())));
            let source = format!("{}{}", winner.provider, origin.unwrap_or_default());
            debug!(
                source,
                profile = self.settings.profile_name(),
                profile_from = self.origin(self.settings.profile_origin()),
                "credentials"
            );
            // The first are those in use.
            let _ = self.source_in_use.set(source);
        }
        let origin = explanation.winner().and_then(|row| row.origin.as_ref());
        if matches!(origin, Some(Origin::Role { .. })) {
            self.has_session_of_role.store(true, Ordering::Relaxed);
        }
        credentials.map_err(|error| {
            let text = "unable to locate credentials; these were looked at:";
            match self.no_credentials(&error, explanation, text) {
                Some(failure) => with_reasons(failure, explanation),
                None => Failure::from_provider(&error, &self.settings),
            }
        })
    }

    /// Returns the failure for an error that means that no provider is configured. A provider that
    /// is configured and failed has a reason of its own.
    pub(crate) fn no_credentials(
        &self,
        error: &Error,
        explanation: &Explanation,
        text: &str,
    ) -> Option<Failure> {
        if error.kind() != ErrorKind::NoCredentials || has_failed(explanation) {
            return None;
        }
        let failure = Failure::no_credentials(text);
        Some(failure.with_ways_to_credentials(&self.settings, explanation))
    }
}

/// Returns where the credentials in use are from.
fn origin_of(explanation: &Explanation) -> Option<Origin> {
    explanation.winner().and_then(|row| row.origin.clone())
}

/// Returns the credentials of an explanation as those of a provider.
fn found_again(credentials: Credentials, explanation: &Explanation) -> Found {
    let expiry = explanation.winner().and_then(|winner| winner.expiry);
    let expired = expiry.filter(|expiry| *expiry <= Timestamp::now());
    let origin = origin_of(explanation).unwrap_or(Origin::Default);
    Found::new(credentials, origin).with_expired(expired)
}

/// Returns true if a provider is configured and failed.
pub(crate) fn has_failed(explanation: &Explanation) -> bool {
    let is_failed = |attempt: &Attempt| attempt.verdict == Verdict::Failed;
    explanation.attempts.iter().any(is_failed)
}
