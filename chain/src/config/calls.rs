use keyfob_sts::{Client, call::Service};

use super::{
    region::Region,
    setting::{Argument, Setting},
    settings::Settings,
    table::{self, SettingKey},
};
use crate::{
    cure::{Skip, left_out},
    error::{Error, ErrorKind},
    finding::{Finding, FindingKind},
    origin::Origin,
    profiles::SectionName,
    shell,
};

impl Settings {
    /// Returns what is wrong with the settings of a call to STS: a problem for each error, where
    /// [`sts`](Self::sts) and building its client stop at the first one. `region` is what
    /// [`resolve_region`](Self::resolve_region) returned. Reads the CA bundle, and sends nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{FindingKind, Settings, Variables};
    ///
    /// let variables = Variables::from_iter([
    ///     ("AWS_REGION", "eu-west-1"),
    ///     ("AWS_MAX_ATTEMPTS", "many"),
    ///     ("AWS_ENDPOINT_URL", "no URL"),
    /// ]);
    /// let settings = Settings::load(variables);
    /// let region = settings.region(None)?.unwrap();
    /// let findings = settings.call_findings(Ok(&region), None);
    /// let kinds: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
    /// assert_eq!(kinds, [FindingKind::Setting, FindingKind::Endpoint]);
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn call_findings(
        &self,
        region: Result<&Region, &Error>,
        endpoint: Option<Argument<'_>>,
    ) -> Vec<Finding> {
        let mut findings: Vec<_> = region
            .err()
            .map(|error| self.region_error(error))
            .into_iter()
            .chain(self.attempt_errors())
            .collect();
        if let Err(error) = self.check_certificates() {
            findings.push(self.setting_error(FindingKind::CaBundle, &table::CA_BUNDLE, &error));
        }
        let fallback = Region::us_east_1();
        let region = region.unwrap_or(&fallback);
        let own = || Service::STS.endpoint().region(region.name());
        let used = self.endpoint(Service::STS.endpoint(), Service::STS.id(), region, endpoint);
        let used = used.and_then(|used| {
            // The error of the builder names the region, the URL, or what does not go together.
            used.clone().build().map_err(unsendable)?;
            Ok(used)
        });
        let used = match used {
            Ok(used) => Some(used),
            Err(error) => {
                findings.extend(self.endpoint_error(endpoint, &error, &findings));
                own().ok()
            }
        };
        let client = used.map(|used| Client::builder().with_endpoint(used).build());
        if let Some(Err(error)) = client {
            findings.push(proxy_error(error));
        }
        findings
    }

    fn check_certificates(&self) -> Result<(), Error> {
        // It has no proxy, whatever is set.
        let builder = Client::builder()
            .endpoint("https://localhost/")
            .map_err(unsendable)?;
        let builder = self.with_certificates(builder)?;
        builder.build().map(drop).map_err(unsendable)
    }

    fn region_error(&self, error: &Error) -> Finding {
        let (kind, cure) = match error.kind() {
            ErrorKind::Setting => (FindingKind::UnknownRegion, self.region_cure(error)),
            _ => {
                let cure = self.profile_cure(error);
                (FindingKind::Setting, cure)
            }
        };
        Finding::problem(kind, error.chain()).with_cure_if(cure)
    }

    /// Returns what ends the error of a region: without the variable, or with another value of it
    /// if it is the only setting of a region.
    fn region_cure(&self, error: &Error) -> Option<String> {
        let Some(Origin::Environment { variables }) = error.origin() else {
            return error.cure();
        };
        let name = variables.first()?;
        let mut others = self.rules().region_variables.iter();
        let has_other = others.any(|other| other != name && self.variables().text(other).is_some());
        let profile = self.profile().ok().flatten();
        let has_property = profile.is_some_and(|profile| profile.get("region").is_some());
        // Other tools need no region to find credentials.
        if has_other || has_property || self.is_exact() {
            return error.cure();
        }
        Some(format!("env {name}={} COMMAND", Region::us_east_1()))
    }

    /// Returns what ends the error of a profile.
    fn profile_cure(&self, error: &Error) -> Option<String> {
        let change = || {
            self.without_missing_profile()
                .map(|change| change.command())
        };
        error.cure().or_else(change)
    }

    /// Returns the change after which no profile counts that no file has: without the argument and
    /// the variables that name such a one, down to the first that names another.
    fn without_missing_profile(&self) -> Option<Skip> {
        let mut change = match self.profile_origin() {
            Origin::Argument { name } => Skip::without(shell::option(name, self.profile_name())),
            Origin::Environment { .. } => Skip::default(),
            _ => return None,
        };
        for name in self.rules().profile_variables {
            if self.variables().raw(name).is_none() {
                continue;
            }
            let profile = self.variables().text(name).map(SectionName::profile);
            let section = profile.map(|profile| self.files().find(&profile));
            if section.is_some_and(|section| section.is_ok_and(|section| section.is_some())) {
                break;
            }
            change = change.and(Skip::unset([*name]));
        }
        (change != Skip::default()).then_some(change)
    }

    /// Returns a problem for each setting of attempts, timeouts and the global endpoint that cannot
    /// be used.
    fn attempt_errors(&self) -> Vec<Finding> {
        let choices = [table::RETRY_MODE, table::STS_REGIONAL_ENDPOINTS];
        let used = if self.rules().sts_may_be_global { 2 } else { 1 };
        let choices = choices.into_iter().take(used);
        let mut errors: Vec<_> = choices
            .filter_map(|key| Some((self.choice(&key).err()?, key)))
            .collect();
        let attempts = self.number(&table::MAX_ATTEMPTS).err();
        errors.extend(attempts.map(|error| (error, table::MAX_ATTEMPTS)));
        let of_setting = |(error, key)| self.setting_error(FindingKind::Setting, &key, &error);
        let timeouts = ["cli_connect_timeout", "cli_read_timeout"];
        let timeouts = timeouts.iter().filter_map(|name| self.timeout(name).err());
        let of_argument = |error: Error| {
            Finding::problem(FindingKind::Setting, error.chain()).with_cure_if(error.cure())
        };
        let errors = errors.into_iter().map(of_setting);
        errors.chain(timeouts.map(of_argument)).collect()
    }

    fn setting_error(&self, kind: FindingKind, key: &SettingKey, error: &Error) -> Finding {
        let cure = self.find(key).and_then(|found| cure_of(&found));
        Finding::problem(kind, error.chain()).with_cure_if(cure)
    }

    /// Returns the problem of an endpoint, unless it is one of the profile, which stands in
    /// `known`.
    fn endpoint_error(
        &self,
        endpoint: Option<Argument<'_>>,
        error: &Error,
        known: &[Finding],
    ) -> Option<Finding> {
        let text = error.chain();
        if known.iter().any(|finding| finding.text == text) {
            return None;
        }
        let (kind, cure) = match (error.kind(), endpoint) {
            (ErrorKind::Setting, None) => {
                let ignore = Skip::set(table::IGNORE_CONFIGURED_ENDPOINT_URLS.name(), "true");
                let is_set = !matches!(self.endpoint_url(Service::STS.id()), Ok(None));
                (FindingKind::Endpoint, is_set.then(|| ignore.command()))
            }
            (ErrorKind::Setting, Some(_)) => (FindingKind::Endpoint, None),
            _ => (FindingKind::Setting, self.profile_cure(error)),
        };
        Some(Finding::problem(kind, text).with_cure_if(cure))
    }
}

fn unsendable(error: keyfob_sts::Error) -> Error {
    Error::with_source(ErrorKind::Setting, "no call can be sent", error)
}

fn cure_of(setting: &Setting<'_>) -> Option<String> {
    left_out(&setting.name, &setting.origin)
}

/// Returns the problem of a client that has nothing but an endpoint, which is one of the proxy if
/// the error names a variable. Both spellings of it are left out: one would take the other's place.
fn proxy_error(error: keyfob_sts::Error) -> Finding {
    let name = error.parameter().map(str::to_owned);
    let keys = [table::HTTPS_PROXY, table::HTTP_PROXY, table::ALL_PROXY];
    let key = keys.into_iter().find(|key| {
        key.variables
            .iter()
            .any(|known| name.as_deref() == Some(known))
    });
    let kind = match key {
        Some(_) => FindingKind::Proxy,
        None => FindingKind::Setting,
    };
    let cure = key.map(|key| Skip::unset(key.variables.iter().copied()).command());
    Finding::problem(kind, unsendable(error).chain()).with_cure_if(cure)
}
