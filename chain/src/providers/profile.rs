use std::{collections::BTreeMap, mem::discriminant, path::PathBuf, sync::OnceLock};

use keyfob_sigv4::{Credentials, Timestamp};

use super::{
    container::ContainerProvider,
    environment::EnvironmentProvider,
    misspelt::misspelt,
    role::{Base, CredentialSource, MISSING, Plan, Role, Sessions, masks, masks_of_sources},
    session::SessionFile,
    without_profile::{profile_name, without_profile},
};
use crate::{
    config::{Settings, mode_finding, own_copy_if_possible},
    cure::{Selection, Skip},
    error::{Error, ErrorKind},
    files::exposed,
    finding::{Finding, FindingKind},
    order::{NamedProfile, PassedOver},
    origin::Origin,
    profiles::{ConfigFiles, FileKind, Problem, ProblemKind, SectionName},
    provider::{BoxFuture, Found, Inspection, Outcome, Provider},
    shell,
};

/// A profile of the configuration files: its role, its web identity, or its access key, in the
/// order that [`Order`](crate::Order) sets.
///
/// `role_arn` is assumed with the credentials of `source_profile`, which may have a role itself, or
/// of `credential_source`. `role_session_name`, `external_id` and `duration_seconds` are sent to
/// STS. Up to 16 roles are assumed one after the other.
///
/// The access key comes from the credentials file, or else from the config file. Id, secret, token
/// and account come from one file, so that an old token in one file never ends up beside a new key
/// in the other.
///
/// A role with `mfa_serial` asks for a code with the prompt of [`Sources`](crate::Sources). The
/// sessions of roles are cached there, each for all profiles that share it.
///
/// The program of `credential_process` is run without a shell (but [`Order`](crate::Order) says for
/// which SDKs one runs it), again when its credentials expire. If it fails, that is an error. What
/// it prints is kept out of files, unless the profile has `keyfob_cache_process = true` and the
/// [`Sources`](crate::Sources) have a disk: then programs on this machine share it, in a file with
/// mode 0600 beside the sessions of roles. Credentials without a session token or without an expiry
/// are never written.
///
/// A role of IAM Identity Center (SSO) is that of `sso_account_id` and `sso_role_name`, with an
/// `sso_session` or with `sso_start_url` and `sso_region`. The user signs in with
/// `keyfob sso login`, and the token in `~/.aws/sso/cache` is read from there. A token that is
/// about to expire is refreshed only with a disk in [`Sources`](crate::Sources): that uses up its
/// refresh token, and the new one must be where other programs find it. Without a disk, a token is
/// used until it expires, or until another program has refreshed it.
///
/// The credentials of `login_session` are those of the user, who signs in with `aws login`. Its
/// token is read and refreshed in the same way, in `~/.aws/login/cache` or the folder of
/// `AWS_LOGIN_CACHE_DIRECTORY`, and in the region of the login.
#[derive(Clone, Debug)]
pub struct ProfileProvider {
    settings: Settings,
    /// Made when it is first asked for, which the first credentials need not wait for.
    name: OnceLock<String>,
    sessions: Sessions,
}

impl ProfileProvider {
    /// Creates the provider for the profile of the settings.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Chain, ProfileProvider, Settings, Variables};
    ///
    /// // One profile, whatever else is configured.
    /// let settings = Settings::load(Variables::from_process()).with_profile("dev");
    /// let chain = Chain::new().then(ProfileProvider::new(settings));
    /// ```
    pub fn new(settings: Settings) -> Self {
        Self {
            name: OnceLock::new(),
            sessions: Sessions::new(settings.clone()),
            settings,
        }
    }

    /// Returns the provider with other settings.
    fn with(&self, settings: Settings) -> Self {
        Self {
            sessions: self.sessions.with(&settings),
            name: self.name.clone(),
            settings,
        }
    }

    /// Returns the files with the sessions of the profile, and of the profiles that it gets
    /// credentials from, on the disk of the [`Sources`](crate::Sources). They need not exist, and
    /// other profiles may share them.
    ///
    /// # Errors
    ///
    /// The error of the profile, if it is not complete.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{ProfileProvider, Settings, Sources, Variables};
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let config = b"[profile dev]\nrole_arn = arn:aws:iam::123456789012:role/demo\n\
    ///     credential_source = Environment\n";
    /// let files = ConfigFiles::parse([(FileKind::Config, "config", &config[..])]);
    /// let settings = Settings::new(Variables::default(), files)
    ///     .with_profile("dev")
    ///     .with_sources(Sources::default().with_disk("/home/ada/.aws"));
    /// # #[cfg(feature = "sts")]
    /// assert_eq!(
    ///     ProfileProvider::new(settings).session_files()?,
    ///     ["/home/ada/.aws/cli/cache/5f52c9c583acfd120a607977e4f21fe86b7fa42d.json"]
    ///         .map(std::path::PathBuf::from),
    /// );
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn session_files(&self) -> Result<Vec<PathBuf>, Error> {
        let Some(plan) = Plan::from_settings(&self.settings)? else {
            return Ok(Vec::new());
        };
        let roles = plan.roles.iter();
        let mut files: Vec<_> = roles
            .flat_map(|role| self.sessions.paths(role, None))
            .collect();
        let file = match &plan.base {
            Base::WebIdentity {
                role, token_file, ..
            } => {
                files.extend(self.sessions.paths(role, Some(token_file)));
                None
            }
            Base::Process(process) => process.file(&self.settings, None),
            #[cfg(feature = "sso")]
            Base::Sso(role) => role.file(&self.settings, None),
            _ => None,
        };
        files.extend(file.into_iter().flat_map(SessionFile::into_paths));
        Ok(files)
    }

    /// Returns true if programs take an argument `--profile` that switches off the variables, as
    /// the AWS CLI does. Programs with an SDK alone choose the profile in their code.
    fn has_option(&self) -> bool {
        let rules = self.settings.rules();
        rules.has_profile_option && rules.named_profile == NamedProfile::EnvironmentByProgram
    }

    async fn find(&self, now: Timestamp) -> Result<Outcome, Error> {
        let Some(plan) = Plan::from_settings(&self.settings)? else {
            return self.missing_reason().map(Outcome::NotConfigured);
        };
        match self.session(&plan, &plan.roles, now).await {
            Err(error)
                if self.settings.rules().passes_over_profiles == PassedOver::WithoutCredentials
                    && plan.base.is_passed_over(&error)
                    && plan.roles.is_empty() =>
            {
                Ok(Outcome::NotConfigured(error.chain()))
            }
            session => session.map(Outcome::Found),
        }
    }

    /// Returns true if the next source is asked after this error.
    fn passes_over(&self, error: &Error) -> bool {
        let kinds: &[_] = match self.settings.rules().passes_over_profiles {
            PassedOver::None => &[],
            PassedOver::Missing => &[MISSING],
            PassedOver::WithoutCredentials => &[
                ErrorKind::SourceProfile,
                ErrorKind::PartialCredentials,
                ErrorKind::NoCredentials,
            ],
        };
        kinds.contains(&error.kind())
    }

    /// Returns the session of the last of these roles of the plan, or the first credentials if
    /// there is none. A role is assumed only if no session of it is cached.
    fn session<'a>(
        &'a self,
        plan: &'a Plan,
        roles: &'a [Role],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Found, Error>> {
        Box::pin(async move {
            let Some((role, earlier)) = roles.split_last() else {
                return Box::pin(self.base(plan, now)).await;
            };
            let source = || self.session(plan, earlier, now);
            let base = plan.base.key(&self.settings);
            self.sessions
                .assume(role, earlier, &base, source, now)
                .await
        })
    }

    /// Returns the first credentials.
    async fn base(&self, plan: &Plan, now: Timestamp) -> Result<Found, Error> {
        let source = match &plan.base {
            Base::Key(found) => return Ok(found.clone()),
            Base::WebIdentity {
                role, token_file, ..
            } => return self.sessions.assume_with_token(role, token_file, now).await,
            Base::Process(process) => return process.credentials(&self.settings, now).await,
            #[cfg(feature = "sso")]
            Base::Sso(role) => return role.credentials(&self.settings, now).await,
            #[cfg(feature = "login")]
            Base::Login(login) => return login.credentials(&self.settings, now).await,
            Base::Source(source) => *source,
        };
        match self.source(source)?.provide(now).await? {
            Outcome::Found(found) => Ok(found),
            Outcome::NotConfigured(reason) => {
                Err(without_source(source, plan.roles.first(), &reason))
            }
        }
    }

    /// Returns the provider that `credential_source` names.
    fn source(&self, source: CredentialSource) -> Result<Box<dyn Provider>, Error> {
        let settings = self.settings.clone();
        match source {
            CredentialSource::Environment => Ok(Box::new(EnvironmentProvider::as_source(settings))),
            CredentialSource::Container => Ok(Box::new(ContainerProvider::new(settings))),
            #[cfg(feature = "imds")]
            CredentialSource::InstanceMetadata => Ok(Box::new(
                super::instance::InstanceMetadataProvider::as_source(&settings),
            )),
            #[cfg(not(feature = "imds"))]
            CredentialSource::InstanceMetadata => Err(Error::new(
                ErrorKind::Unsupported,
                "credential_source Ec2InstanceMetadata needs the feature imds of this build",
            )),
        }
    }

    /// Looks without making a service issue credentials.
    async fn look(&self, now: Timestamp) -> Result<Inspection, Error> {
        let Some(plan) = Plan::from_settings(&self.settings)? else {
            return self.missing_reason().map(Inspection::NotConfigured);
        };
        let origin = plan.origin();
        let credentials = match plan.base {
            Base::Key(found) if plan.roles.is_empty() => Some(found.credentials),
            #[cfg(feature = "login")]
            Base::Login(login) if plan.roles.is_empty() => login.look(&self.settings, now),
            Base::Source(source) => {
                let inspection = self.source(source)?.inspect(now).await?;
                if let Inspection::NotConfigured(reason) = inspection {
                    return Err(without_source(source, plan.roles.first(), &reason));
                }
                None
            }
            _ => None,
        };
        Ok(Inspection::Available {
            origin,
            credentials,
        })
    }

    /// Returns true if the profile says nothing about credentials.
    fn is_silent(&self) -> bool {
        self.settings.check_files().is_ok()
            && matches!(Plan::from_settings(&self.settings), Ok(None))
            && self.missing_reason().is_ok()
    }

    /// Returns a warning if `default`, which nothing names, is in no file, and another section was
    /// certainly meant to be it. Of a profile that is named, this is an error.
    fn slip_finding(&self, name: &SectionName) -> Option<Finding> {
        let files = self.settings.files();
        if *self.settings.profile_origin() != Origin::Default || files.find(name).ok()?.is_some() {
            return None;
        }
        let slip = files.slip(name)?;
        let text = format!("{} is in no file: {slip}", profile_name(&self.settings));
        Some(Finding::warning(FindingKind::ProfileName, text))
    }

    fn role_findings(&self) -> Vec<Finding> {
        let Ok(Some(plan)) = Plan::from_settings(&self.settings) else {
            return Vec::new();
        };
        let mut findings: Vec<_> = plan.roles.iter().filter_map(Role::finding).collect();
        if let Base::WebIdentity { role, .. } = &plan.base {
            findings.extend(role.finding());
        }
        findings
    }

    /// Returns when the token that the credentials come from expires.
    #[cfg(any(feature = "sso", feature = "login"))]
    fn token_finding(&self, now: Timestamp) -> Option<Finding> {
        match Plan::from_settings(&self.settings).ok()??.base {
            #[cfg(feature = "sso")]
            Base::Sso(role) => role.finding(&self.settings, now),
            #[cfg(feature = "login")]
            Base::Login(login) => login.finding(&self.settings, now),
            _ => None,
        }
    }

    /// Returns why the profile has no credentials. That is an error if an unreadable file or
    /// section might define the profile.
    fn missing_reason(&self) -> Result<String, Error> {
        if let Some(problem) = self.settings.files().hides_sections() {
            return Err(Error::from_problem(problem));
        }
        let reason = match self.settings.profile()? {
            Some(_) => "it says nothing about credentials".to_owned(),
            None => {
                let name = SectionName::profile(self.settings.profile_name());
                let slip = self.settings.files().slip(&name);
                slip.map_or_else(
                    || "no file has it".to_owned(),
                    |slip| format!("no file has it: {slip}"),
                )
            }
        };
        Ok(reason)
    }
}

impl Provider for ProfileProvider {
    fn name(&self) -> &str {
        self.name.get_or_init(|| profile_name(&self.settings))
    }

    fn provide(&self, now: Timestamp) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(async move {
            let this = self.with(self.settings.current(now));
            match this.find(now).await {
                Err(error) if this.passes_over(&error) => Ok(Outcome::NotConfigured(error.chain())),
                outcome => outcome,
            }
        })
    }

    fn inspect(&self, now: Timestamp) -> BoxFuture<'_, Result<Inspection, Error>> {
        Box::pin(async move {
            let this = self.with(self.settings.current(now));
            match this.look(now).await {
                Err(error) if this.passes_over(&error) => {
                    Ok(Inspection::NotConfigured(error.chain()))
                }
                inspection => inspection,
            }
        })
    }

    fn revision(&self, now: Timestamp) -> u64 {
        self.settings.revision(now)
    }

    fn invalidate(&self, refused: &Credentials) {
        self.settings.sources().invalidate(refused);
    }

    fn skip(&self) -> Option<Skip> {
        let is_silent = |settings: &Settings| self.with(settings.clone()).is_silent();
        without_profile(&self.settings.latest(), is_silent).map(|(change, _)| change)
    }

    fn selection(&self) -> Selection {
        let by_argument =
            || Selection::ByArgument(shell::option("--profile", self.settings.profile_name()));
        let named_by = self.settings.profile_origin();
        match Plan::from_settings(&self.settings.latest())
            .ok()
            .flatten()
            .map(|plan| plan.base)
        {
            // The program's argument would switch off the role.
            Some(Base::WebIdentity { is_split: true, .. }) => Selection::BySkipping,
            // The role needs the variables that mask it.
            Some(Base::Source(CredentialSource::Environment)) if self.has_option() => by_argument(),
            Some(Base::Source(CredentialSource::Environment)) => Selection::Impossible,
            _ if self.has_option() && matches!(named_by, Origin::Environment { .. }) => {
                by_argument()
            }
            _ => Selection::BySkipping,
        }
    }

    fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let this = self.with(self.settings.current(now));
        let name = SectionName::profile(this.settings.profile_name());
        let files = this.settings.files();
        let problems = files.problems().iter();
        let problems = problems.filter(|problem| problem.concerns(&name));
        let mut findings = problem_findings(problems);
        if let Some(finding) = this.slip_finding(&name) {
            findings.push(finding);
        }
        if let Ok(Some(section)) = files.find(&name) {
            findings.extend(masks(this.settings.rules(), section, now));
            findings.extend(masks_of_sources(&this.settings, section, now));
            findings.extend(misspelt(section));
        }
        findings.extend(this.role_findings());
        #[cfg(any(feature = "sso", feature = "login"))]
        findings.extend(this.token_finding(now));
        findings.extend(open_files(files));
        findings
    }
}

/// Returns the problems of configuration files as findings. Of many lines of a file with the same
/// fault, the first ones are told.
fn problem_findings<'a>(problems: impl Iterator<Item = &'a Problem>) -> Vec<Finding> {
    const TOLD: usize = 5;
    let mut findings = Vec::new();
    let mut counts: Vec<(&Problem, usize)> = Vec::new();
    for problem in problems {
        let same = counts.iter_mut().find(|(other, _)| {
            other.file == problem.file && discriminant(&other.kind) == discriminant(&problem.kind)
        });
        if same.as_ref().is_none_or(|(_, count)| *count < TOLD) {
            findings.push(problem_finding(problem));
        }
        match same {
            Some((_, count)) => *count += 1,
            None => counts.push((problem, 1)),
        }
    }
    counts.retain(|(_, count)| *count > TOLD);
    findings.extend(counts.into_iter().map(|(problem, count)| {
        let (file, count) = (problem.file.display(), count - TOLD);
        let text = format!(
            "{file}: the same in {count} more lines: {}",
            problem.kind.raw()
        );
        Finding::warning(FindingKind::File, text)
    }));
    findings
}

/// Returns a problem of a configuration file as a finding.
fn problem_finding(problem: &Problem) -> Finding {
    let Some(line) = problem.line else {
        return Finding::warning(FindingKind::File, problem.raw()).with_cure(problem.cure());
    };
    let kind = match problem.kind {
        ProblemKind::QuotedValue => FindingKind::Quotes,
        _ => FindingKind::File,
    };
    Finding::warning(kind, problem.kind.raw()).with_origin(Origin::File {
        file: problem.file.clone(),
        line,
        section: problem.section_name().to_owned(),
    })
}

/// Returns a warning for each file with secrets that other users can read or change.
fn open_files(files: &ConfigFiles) -> Vec<Finding> {
    const SECRETS: [&str; 3] = [
        "aws_secret_access_key",
        "aws_session_token",
        "aws_security_token",
    ];
    // One for each file, at its first secret.
    let mut first_secrets = BTreeMap::new();
    for section in files.sections() {
        let parts = [FileKind::Config, FileKind::Credentials].map(|kind| section.part(kind));
        for part in parts.into_iter().flatten() {
            if let Some(secret) = SECRETS.iter().find_map(|name| part.get(name)) {
                let location = secret.location();
                let origin = Origin::file(location, section.name().name());
                first_secrets.entry(location.file()).or_insert(origin);
            }
        }
    }
    let findings = first_secrets.into_iter().filter_map(|(file, origin)| {
        let (what, mode) = exposed(file)?;
        let text = format!("other users can {what} this file with secrets (mode {mode:04o})");
        let finding = mode_finding(file, text, own_copy_if_possible(file));
        Some(finding.with_origin(origin))
    });
    findings.collect()
}

/// Creates the error for a role whose `credential_source` has nothing.
fn without_source(source: CredentialSource, role: Option<&Role>, reason: &str) -> Error {
    let role = role.map(|role| format!("no session of role {}: ", role.origin().raw()));
    let (role, name) = (role.unwrap_or_default(), source.name());
    let message = format!("{role}credential_source {name} has no credentials: {reason}");
    Error::new(ErrorKind::NoCredentials, message)
}
