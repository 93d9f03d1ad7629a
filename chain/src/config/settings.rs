use std::{
    ffi::OsStr,
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use keyfob_sigv4::Timestamp;

#[cfg(feature = "imds")]
use super::instance::Instance;
use super::{
    pipes::Pipes,
    region::Region,
    setting::{Argument, Setting},
    system_properties::SystemProperty,
    table::{self, SettingKey, SettingKind},
    watch::Watch,
};
use crate::{
    cure::Skip,
    error::{Error, ErrorKind},
    finding::{Finding, FindingKind},
    order::{EmptyProfile, InstanceSwitch, Order, Rules},
    origin::Origin,
    profiles::{ConfigFiles, FileKind, Section, SectionName, is_quoted},
    sources::Sources,
    variables::Variables,
};

/// The environment, the configuration files, and the chosen profile: everything that a chain is
/// built from.
///
/// Cloning is cheap.
///
/// # Examples
///
/// ```
/// use keyfob_chain::{Settings, Variables};
///
/// // Without a home folder, no file is opened.
/// let settings = Settings::load(Variables::from_iter([("AWS_DEFAULT_PROFILE", "ci")]));
/// assert_eq!(settings.profile_name(), "ci");
/// assert_eq!(settings.with_profile("dev").profile_name(), "dev");
/// ```
#[derive(Clone, Debug)]
pub struct Settings(Arc<Inner>);

/// What clones of settings share until one of them is changed.
#[derive(Clone, Debug)]
struct Inner {
    variables: Arc<Variables>,
    /// Read when they are first needed. Clones share them.
    files: Arc<OnceLock<Arc<ConfigFiles>>>,
    /// The files that the variables name, unless texts were given.
    watch: Option<Arc<Watch>>,
    /// What the pipes among the files have given. All settings made from these share it.
    pipes: Arc<Pipes>,
    profile: String,
    profile_origin: Origin,
    /// Whether the profile may be missing although something chose it.
    may_be_new: bool,
    region: Option<Region>,
    /// Whether `us-east-1` takes the place of a region that nothing sets.
    has_default_region: bool,
    /// The property, the flag and the value of each argument that sets a property.
    arguments: Vec<[String; 3]>,
    order: Order,
    /// Whether the rules are exactly those of the tool.
    is_exact: bool,
    /// Read from the variables when they are first needed.
    system_properties: Arc<OnceLock<Vec<SystemProperty>>>,
    notify: Option<Notify>,
    sources: Arc<Sources>,
    #[cfg(feature = "imds")]
    instance: Arc<Instance>,
}

/// Returns the profile that a variable names, or `default`.
fn named_profile(variables: &Variables, rules: &Rules) -> (String, Origin) {
    for name in rules.profile_variables {
        let is_empty = variables.raw(name).is_some_and(OsStr::is_empty);
        match (rules.profile_in(variables, name), rules.empty_profile) {
            (Some(profile), _) => return (profile.to_owned(), Origin::environment(&[name])),
            (None, EmptyProfile::Error) if is_empty => {
                return (String::new(), Origin::environment(&[name]));
            }
            (None, EmptyProfile::NoProfile) if is_empty => {
                return (String::new(), Origin::Default);
            }
            (None, _) => {}
        }
    }
    ("default".to_owned(), Origin::Default)
}

#[derive(Clone)]
struct Notify(Arc<dyn Fn(&Finding) + Send + Sync>);

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notify")
    }
}

impl Settings {
    /// Creates settings from the environment and the files that it names.
    ///
    /// The files are read when they are first needed, and once for all clones. With an access key
    /// in the environment and no profile named, a chain never reads them. A file that cannot be
    /// read is not an error here: see [`ConfigFiles::problems`]. Providers follow the files when
    /// they change: see [`current`](Self::current).
    pub fn load(variables: Variables) -> Self {
        let settings = Self::with_files(variables, OnceLock::new());
        settings.with_watch()
    }

    /// Creates settings from the environment and files that are already read.
    ///
    /// The profile is `AWS_PROFILE`, then `AWS_DEFAULT_PROFILE`, then `default`, unless
    /// [`with_order`](Self::with_order) changes that. A variable that is only whitespace counts as
    /// not set. One that is empty names a profile `""`, which does not exist, as in the AWS CLI;
    /// [`Order`] has the rules of the others.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    ///
    /// let config = (FileKind::Config, "config", "[default]\nregion = eu-west-1\n".as_bytes());
    /// let settings = Settings::new(Variables::default(), ConfigFiles::parse([config]));
    /// assert_eq!(settings.region(None)?.unwrap().name(), "eu-west-1");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn new(variables: Variables, files: ConfigFiles) -> Self {
        Self::with_files(variables, OnceLock::from(Arc::new(files)))
    }

    fn with_files(variables: Variables, files: OnceLock<Arc<ConfigFiles>>) -> Self {
        let order = Order::default();
        let (profile, profile_origin) = named_profile(&variables, order.rules());
        Self(Arc::new(Inner {
            profile,
            profile_origin,
            may_be_new: false,
            region: None,
            has_default_region: true,
            arguments: Vec::new(),
            order,
            is_exact: false,
            watch: None,
            pipes: Arc::new(Pipes::new(None)),
            system_properties: Arc::default(),
            notify: None,
            sources: Arc::default(),
            #[cfg(feature = "imds")]
            instance: Arc::default(),
            variables: Arc::new(variables),
            files: Arc::new(files),
        }))
    }

    /// Sets that the files are those that the variables name, which nothing has read yet.
    fn with_watch(mut self) -> Self {
        let variables = Arc::clone(&self.0.variables);
        let pipes = Arc::clone(&self.0.pipes);
        let watch = Watch::new(self.file_order(), variables, pipes);
        let inner = self.change();
        inner.watch = Some(Arc::new(watch));
        inner.files = Arc::default();
        self
    }

    /// Limits how long a file may take that is a pipe, as the shell makes of `<(…)`. By default it
    /// is read until its writer closes it.
    ///
    /// One that takes longer is a file that cannot be read. The limit is for the configuration
    /// files and the CA bundle.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default()).with_patience(Duration::from_secs(2));
    /// assert!(settings.files().problems().is_empty());
    /// ```
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.change().pipes = Arc::new(Pipes::new(Some(patience)));
        match self.0.watch {
            Some(_) => self.with_watch(),
            None => self,
        }
    }

    /// Returns how long a pipe may take, if that is limited.
    #[cfg(feature = "sts")]
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.0.pipes.patience()
    }

    /// Returns what the pipes among the files have given.
    #[cfg(any(feature = "rustls-no-provider", feature = "native-tls"))]
    pub(super) fn pipes(&self) -> &Pipes {
        &self.0.pipes
    }

    /// Returns what to change. Clones of these settings stay as they are.
    fn change(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    fn set_profile(&mut self, name: String, origin: Origin) {
        let inner = self.change();
        inner.profile = name;
        inner.profile_origin = origin;
    }

    /// Sets the profile as a variable would that is read by all SDKs, for the answer after such a
    /// change.
    pub(crate) fn with_same_profile(mut self, other: &Self) -> Self {
        let origin = match other.profile_origin() {
            Origin::Default => Origin::Default,
            _ => Origin::environment(&["AWS_PROFILE"]),
        };
        self.set_profile(other.profile_name().to_owned(), origin);
        self.forget_instance()
    }

    /// Sets the profile that the program was told to use, as by `--profile`.
    ///
    /// It comes before the environment. By the rules of some [`Order`]s, such as [`Order::Cli`], it
    /// also switches off the keys in the environment.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{ErrorKind, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default()).with_profile("dev");
    /// assert_eq!(settings.profile_origin().to_string(), "--profile");
    /// assert_eq!(settings.profile().unwrap_err().kind(), ErrorKind::ProfileNotFound);
    /// ```
    #[must_use]
    pub fn with_profile(self, name: impl Into<String>) -> Self {
        self.with_profile_argument(Argument::new("--profile", &name.into()))
    }

    /// Sets the profile as [`with_profile`](Self::with_profile) does, for a program whose argument
    /// has another name.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Argument, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default());
    /// let settings = settings.with_profile_argument(Argument::new("--source-profile", "dev"));
    /// assert_eq!(settings.profile_origin().to_string(), "--source-profile");
    /// ```
    #[must_use]
    pub fn with_profile_argument(mut self, profile: Argument<'_>) -> Self {
        self.set_profile(profile.value.to_owned(), profile.origin());
        self.forget_instance()
    }

    /// Sets the rules to follow. The default is [`Order::Cli`].
    ///
    /// The name of the profile is read again by the rules, unless the program chose it, and so are
    /// the files that the variables name.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Order, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_DEFAULT_PROFILE", "ci")]));
    /// assert_eq!(settings.profile_name(), "ci");
    /// // The SDK for Rust reads AWS_PROFILE only.
    /// assert_eq!(settings.with_order(Order::Rust).profile_name(), "default");
    /// ```
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        if order == self.0.order {
            return self;
        }
        let inner = self.change();
        inner.order = order;
        #[cfg(feature = "imds")]
        {
            inner.instance = Arc::new(inner.instance.for_other_rules());
        }
        if self.0.watch.is_some() {
            self = self.with_watch();
        }
        self.with_named_profile()
    }

    /// Reads the name of the profile by the rules in use, unless the program chose it.
    fn with_named_profile(mut self) -> Self {
        if self.is_profile_explicit() {
            return self;
        }
        let (profile, origin) = named_profile(&self.0.variables, self.rules());
        let is_same = profile == self.0.profile;
        self.set_profile(profile, origin);
        // Only the profile can say another way to the instance.
        if is_same {
            self
        } else {
            self.forget_instance()
        }
    }

    /// Sets that the rules are exactly those of the tool, for an answer to what that tool would do.
    /// Only [`Order::Cli`] changes, which is otherwise stricter in some ways and more lenient in
    /// others.
    ///
    /// Then half a key or half a setting of SSO is passed over where the AWS CLI does so, although
    /// that may lead to another identity. Whitespace around the name in `AWS_PROFILE` is a part of
    /// it. The files are read as the AWS CLI reads them. One that it
    /// refuses as a whole is an error: [`check_profile`](Self::check_profile) and the chain fail.
    /// Such a file has a byte order mark, bytes that are not UTF-8, a section or a property twice,
    /// or a line that is not a property. Files that were given as texts are not looked at again.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let config = folder.path().join("config");
    /// std::fs::write(&config, "[default]\noutput = json\noutput = text\n")?;
    /// let settings = Settings::load(Variables::from_iter([("AWS_CONFIG_FILE", &config)]));
    /// assert!(settings.check_profile().is_ok());
    /// let error = settings.with_exact_rules().check_profile().unwrap_err();
    /// assert!(error.to_string().ends_with(
    ///     ":3: boto3 and the AWS CLI refuse the file: a second value for this property: remove \
    ///      one of the two",
    /// ));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn with_exact_rules(mut self) -> Self {
        let inner = self.change();
        inner.is_exact = true;
        #[cfg(feature = "imds")]
        {
            inner.instance = Arc::new(inner.instance.for_other_rules());
        }
        if self.0.watch.is_some() {
            self = self.with_watch();
        }
        self.with_named_profile()
    }

    /// Returns true if the rules are exactly those of the tool.
    pub(crate) fn is_exact(&self) -> bool {
        self.0.is_exact || self.0.order != Order::Cli
    }

    /// Returns true if a file that botocore refuses is an error.
    pub(crate) fn refuses_files(&self) -> bool {
        self.file_order() == Order::Boto3
    }

    /// Returns the order by whose rules files are read.
    fn file_order(&self) -> Order {
        match self.0.order {
            // Both read them with botocore.
            Order::Cli if self.0.is_exact => Order::Boto3,
            order => order,
        }
    }

    /// Returns the rules in use.
    pub fn order(&self) -> Order {
        self.0.order
    }

    pub(crate) fn rules(&self) -> &'static Rules {
        if self.0.is_exact {
            self.0.order.exact_rules()
        } else {
            self.0.order.rules()
        }
    }

    /// Sets system properties of Java, as pairs of names and values. They come before those in
    /// `JDK_JAVA_OPTIONS` and `JAVA_TOOL_OPTIONS`. Only the orders of Java read them.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Order, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default())
    ///     .with_order(Order::JavaV2)
    ///     .with_system_properties([("aws.region", "eu-west-1")]);
    /// assert_eq!(settings.region(None)?.unwrap().origin().to_string(), "aws.region");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    #[must_use]
    pub fn with_system_properties<'a>(
        mut self,
        properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut all: Vec<_> = properties
            .into_iter()
            .filter_map(|(name, value)| SystemProperty::new(name, value, None))
            .collect();
        all.extend(SystemProperty::in_variables(&self.0.variables));
        self.change().system_properties = Arc::new(OnceLock::from(all));
        self
    }

    /// Returns a system property that is set and not empty.
    pub(crate) fn system_property(&self, name: &str) -> Option<&SystemProperty> {
        let all = self
            .0
            .system_properties
            .get_or_init(|| SystemProperty::in_variables(&self.0.variables));
        all.iter().find(|property| property.has_name(name))
    }

    /// Sets a function that is told what comes up on the way to credentials, before a service is
    /// called: that the default region is used for a role, or that a role is in another partition.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default())
    ///     .with_notify(|finding| eprintln!("note: {}", finding.line(None)));
    /// ```
    #[must_use]
    pub fn with_notify(mut self, notify: impl Fn(&Finding) + Send + Sync + 'static) -> Self {
        self.change().notify = Some(Notify(Arc::new(notify)));
        self
    }

    /// Returns settings without a profile that anything chose, and without one of the files, or
    /// both.
    pub(crate) fn with_default_profile(&self, without: &[FileKind]) -> Self {
        let mut settings = self.clone();
        if !without.is_empty() {
            let all = self.files().clone();
            let files = without.iter().fold(all, |files, kind| files.without(*kind));
            settings.change().files = Arc::new(OnceLock::from(Arc::new(files)));
            settings.change().watch = None;
        }
        settings.set_profile("default".to_owned(), Origin::Default);
        settings.forget_instance()
    }

    /// Returns the settings after a change of variables.
    pub(crate) fn with_change(&self, change: &Skip) -> Self {
        let mut settings = self.clone();
        let inner = settings.change();
        let variables = Variables::clone(&inner.variables).without(&change.unset);
        let set = change.set.iter();
        let variables = set.fold(variables, |all, (name, value)| all.with(name, value));
        inner.variables = Arc::new(variables);
        inner.system_properties = Arc::default();
        if inner.watch.is_some() {
            settings = settings.with_watch();
        }
        settings.with_named_profile().forget_instance()
    }

    /// Sets what the program gives the providers: a prompt, a disk, clients and so on.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Sources, Variables};
    ///
    /// let sources = Sources::default().with_disk("/home/ada/.aws");
    /// let settings = Settings::load(Variables::default()).with_sources(sources);
    /// ```
    #[must_use]
    pub fn with_sources(mut self, sources: Sources) -> Self {
        self.change().sources = Arc::new(sources);
        self
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.0.sources
    }

    /// Returns the folder for sessions that other programs may use, unless the rules are exactly
    /// those of an SDK, which has none.
    pub(crate) fn session_disk(&self) -> Option<&Path> {
        let disk = self.sources().disk();
        disk.filter(|_| !self.0.is_exact || self.rules().keeps_sessions)
    }

    /// Another profile may have other settings for instance metadata.
    #[cfg_attr(
        not(feature = "imds"),
        allow(unused_mut, reason = "there is no instance")
    )]
    fn forget_instance(mut self) -> Self {
        #[cfg(feature = "imds")]
        {
            self.change().instance = Arc::default();
        }
        self
    }

    /// Tells the program about a finding.
    pub(crate) fn notify(&self, finding: &Finding) {
        if let Some(Notify(notify)) = &self.0.notify {
            notify(finding);
        }
    }

    /// Returns what clones of these settings know about the instance.
    #[cfg(feature = "imds")]
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.0.instance
    }

    /// Sets the region that the program was told to use, as by `--region`.
    ///
    /// It comes before the environment and the profile, also for requests to STS.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Origin, Region, Settings, Variables};
    ///
    /// let origin = Origin::Argument { name: "--region".to_owned() };
    /// let settings = Settings::load(Variables::from_iter([("AWS_REGION", "eu-west-1")]))
    ///     .with_region(Region::new("eu-north-1", origin)?);
    /// assert_eq!(settings.region(None)?.unwrap().name(), "eu-north-1");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    #[must_use]
    pub fn with_region(mut self, region: Region) -> Self {
        self.change().region = Some(region);
        self
    }

    /// Sets that a region must be set: by an argument, a variable, the profile or the instance.
    /// Without one, [`resolve_region`](Self::resolve_region) returns an error instead of the
    /// default.
    #[must_use]
    pub fn without_default_region(mut self) -> Self {
        self.change().has_default_region = false;
        self
    }

    pub(crate) fn has_default_region(&self) -> bool {
        self.0.has_default_region
    }

    /// Sets a property by an argument of the program. It comes before the variable and the property
    /// of the profile, wherever [`find`](Self::find) looks, so that clients and the roles of
    /// profiles follow it alike.
    ///
    /// Besides the properties of a profile these may be arguments: `cli_connect_timeout` and
    /// `cli_read_timeout`, a number of seconds for the clients of [`sts`](Self::sts), 0 for as long
    /// as it takes; `verify_ssl`, which is `false` for clients that trust every certificate;
    /// `role_endpoint_url`, the URL of the STS where roles are assumed; and `offline`, which is
    /// `true` if no request may be sent: clients of these settings open no socket, and what needs a
    /// request is an error that names the argument. The instance is then a provider that is not
    /// configured.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Argument, Settings, Variables, settings::MAX_ATTEMPTS};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_MAX_ATTEMPTS", "5")]))
    ///     .with_argument("max_attempts", Argument::new("--max-attempts", "2"));
    /// let attempts = settings.find(&MAX_ATTEMPTS).unwrap();
    /// assert_eq!((attempts.text, attempts.name.as_str()), ("2", "--max-attempts"));
    /// ```
    #[must_use]
    pub fn with_argument(mut self, property: &str, argument: Argument<'_>) -> Self {
        let argument = [property, argument.flag, argument.value].map(str::to_owned);
        self.change().arguments.push(argument);
        self
    }

    /// Returns a setting that only an argument can set.
    pub(super) fn argument(&self, property: &str) -> Option<Setting<'_>> {
        let mut arguments = self.0.arguments.iter();
        let [_, flag, value] = arguments.rfind(|[name, ..]| name == property)?;
        Some(Setting::from_argument(Argument::new(flag, value)))
    }

    /// Returns the argument with the URL of the STS where roles are assumed.
    #[cfg(feature = "sts")]
    pub(crate) fn role_endpoint(&self) -> Option<Argument<'_>> {
        let mut arguments = self.0.arguments.iter();
        let [_, flag, value] = arguments.rfind(|[name, ..]| name == "role_endpoint_url")?;
        Some(Argument::new(flag, value))
    }

    /// Returns whether a variable disables instance metadata, by the rules in use.
    pub(crate) fn is_imds_disabled(&self) -> bool {
        let key = &table::EC2_METADATA_DISABLED;
        let value = self.variables().untrimmed(key.name());
        let is_true = |value: &str| value.eq_ignore_ascii_case("true");
        match self.rules().instance_switch {
            // No AWS CLI or SDK for Rust reads a property for this, so a profile cannot disable it.
            InstanceSwitch::True => self.flag(key),
            InstanceSwitch::ExactlyTrue => value.is_some_and(is_true),
            InstanceSwitch::NotFalse => value.is_some_and(|value| value != "false"),
        }
    }

    /// Returns the name of the argument that forbids requests, if there is one.
    pub(crate) fn offline(&self) -> Option<String> {
        let setting = self.argument("offline")?;
        setting.is_true().then_some(setting.name)
    }

    /// Returns the environment.
    pub fn variables(&self) -> &Variables {
        &self.0.variables
    }

    /// Returns the configuration files. Reads them, unless a clone of these settings already has.
    pub fn files(&self) -> &ConfigFiles {
        let read = || match &self.0.watch {
            Some(watch) => watch.files(),
            None => Arc::default(),
        };
        self.0.files.get_or_init(read)
    }

    /// Returns true if the files are those that the variables name.
    pub(super) fn reads_files(&self) -> bool {
        self.0.watch.is_some()
    }

    /// Returns these settings with the configuration files as they are at `now`.
    ///
    /// The files are looked at once a second at most, and read again if the identity, the size or
    /// the time of one has changed. Files that nothing has needed yet stay closed. The profiles'
    /// providers do this whenever they are asked, so that a program that runs for long sees an
    /// edit. Settings themselves do not change, so that two questions get answers that fit
    /// together.
    ///
    /// A file that has become unreadable is an error of what needs it; the function of
    /// [`with_notify`](Self::with_notify) is told. A file that is gone counts as such if it is
    /// still missing at the next look, because editors move a file away before they write it. A
    /// pipe or a device is read once. The environment and given texts stay as they are, and so do
    /// the settings of the client for instance metadata.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    /// use keyfob_sigv4::Timestamp;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let config = folder.path().join("config");
    /// std::fs::write(&config, "[default]\nregion = eu-west-1\n")?;
    /// let settings = Settings::load(Variables::from_iter([("AWS_CONFIG_FILE", &config)]));
    /// let region = |settings: &Settings| settings.region(None).unwrap().unwrap().to_string();
    /// assert_eq!(region(&settings), "eu-west-1");
    ///
    /// std::fs::write(&config, "[default]\nregion = eu-central-1\n")?;
    /// assert_eq!(region(&settings.current(Timestamp::now())), "eu-central-1");
    /// assert_eq!(region(&settings), "eu-west-1");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn current(&self, now: Timestamp) -> Self {
        self.revision(now);
        self.latest()
    }

    /// Returns these settings with the configuration files as they were read last.
    pub(crate) fn latest(&self) -> Self {
        let mut settings = self.clone();
        if let Some(files) = self.0.watch.as_ref().and_then(|watch| watch.latest()) {
            let seen = self.0.files.get();
            if seen.is_some_and(|seen| !Arc::ptr_eq(seen, &files)) {
                settings.change().files = Arc::new(OnceLock::from(files));
            }
        }
        settings
    }

    /// Returns how often the configuration files have changed. Looks as
    /// [`current`](Self::current) does.
    pub(crate) fn revision(&self, now: Timestamp) -> u64 {
        let Some(watch) = &self.0.watch else { return 0 };
        let (revision, is_new) = watch.look(now);
        if is_new {
            for problem in watch.files().unreadable() {
                let finding = Finding::warning(FindingKind::File, problem.raw());
                self.notify(&finding.with_cure(problem.cure()));
            }
        }
        revision
    }

    /// Returns true if these settings have the same profile, from the same files, as those that
    /// they were made from.
    #[cfg(feature = "sts")]
    pub(crate) fn has_profile_of(&self, other: &Self) -> bool {
        self.0.profile == other.0.profile && Arc::ptr_eq(&self.0.files, &other.0.files)
    }

    /// Returns the name of the profile, whether or not it exists.
    pub fn profile_name(&self) -> &str {
        &self.0.profile
    }

    /// Lets the profile be one that does not exist yet, for a program that creates it. It sets
    /// nothing then.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::default()).with_profile("new");
    /// assert!(settings.profile().is_err());
    /// assert!(settings.with_new_profile().profile()?.is_none());
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    #[must_use]
    pub fn with_new_profile(mut self) -> Self {
        self.change().may_be_new = true;
        self
    }

    /// Returns what chose the profile.
    pub fn profile_origin(&self) -> &Origin {
        &self.0.profile_origin
    }

    /// Returns true if the program, not the environment, chose the profile.
    pub(crate) fn is_profile_explicit(&self) -> bool {
        matches!(self.0.profile_origin, Origin::Argument { .. })
    }

    /// Returns the profile. Returns `None` if no profile was chosen and `default` does not exist,
    /// or if a profile that may be [new](Self::with_new_profile) does not exist. By the rules of
    /// the SDKs for Java, Rust and JavaScript, any may be.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ProfileNotFound`](crate::ErrorKind::ProfileNotFound) if a profile was chosen
    ///   and no file has it.
    /// - [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) as for [`ConfigFiles::profile`].
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let config = (FileKind::Config, "config", &b"[profile dev]\noutput = json\n"[..]);
    /// let variables = Variables::from_iter([("AWS_PROFILE", "dev")]);
    /// let settings = Settings::new(variables, ConfigFiles::parse([config]));
    /// let output = settings.profile()?.unwrap().get("output").unwrap();
    /// assert_eq!(output.as_str(), "json");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn profile(&self) -> Result<Option<&Section>, Error> {
        let name = SectionName::profile(&self.0.profile);
        let may_be_new = self.0.may_be_new || !self.rules().refuses_missing_profile;
        if may_be_new || self.0.profile_origin == Origin::Default {
            return self.files().find(&name);
        }
        let section = self.files().section(&name).map(Some);
        section.map_err(|error| self.named_by(error))
    }

    /// Fails if a profile is named that no file has, and the rules make that an error whatever else
    /// has credentials. Without such a name the files stay closed.
    ///
    /// A damaged line is not a reason: it stops only the profile that it may belong to, where that
    /// is asked for credentials or settings. By the rules of [`Order::Boto3`], and with
    /// [`with_exact_rules`](Self::with_exact_rules), it is one if the file is refused for it.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::ConfigFile`](crate::ErrorKind::ConfigFile) for a file that is refused.
    /// - [`ErrorKind::ProfileNotFound`](crate::ErrorKind::ProfileNotFound) as for
    ///   [`profile`](Self::profile).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Order, Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_PROFILE", "dev")]));
    /// assert!(settings.check_profile().is_err());
    /// // The SDK for Rust asks the next source.
    /// assert!(settings.with_order(Order::Rust).check_profile().is_ok());
    /// ```
    pub fn check_profile(&self) -> Result<(), Error> {
        self.check_files()?;
        if !self.must_have_profile() {
            return Ok(());
        }
        match self.profile() {
            Err(error) if error.kind() == ErrorKind::ProfileNotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Fails if a file is refused as a whole.
    pub(crate) fn check_files(&self) -> Result<(), Error> {
        if self.refuses_files() {
            self.files().check_refusals()?;
        }
        Ok(())
    }

    /// Returns true if something names the profile, and the rules make it an error of every source
    /// that no file has it.
    pub(crate) fn must_have_profile(&self) -> bool {
        self.rules().refuses_missing_profile && *self.profile_origin() != Origin::Default
    }

    /// Returns the profile to read settings from, such as the region.
    ///
    /// As [`profile`](Self::profile), but a damaged profile that nothing named has no settings, so
    /// that a damaged line does not stop credentials that come from elsewhere. The program is told.
    pub(super) fn settings_profile(&self) -> Result<Option<&Section>, Error> {
        match self.profile() {
            Err(error)
                if error.kind() == ErrorKind::ConfigFile
                    && self.0.profile_origin == Origin::Default =>
            {
                let text = format!(
                    "{} (no setting of the profile \"default\" is used)",
                    error.message()
                );
                let finding = Finding::warning(FindingKind::File, text);
                self.notify(&finding.with_cure_if(error.cure()));
                Ok(None)
            }
            profile => profile,
        }
    }

    /// Says which variable names a profile that does not exist.
    fn named_by(&self, error: Error) -> Error {
        match &self.0.profile_origin {
            Origin::Environment { variables } if error.kind() == ErrorKind::ProfileNotFound => {
                let variable = variables.join("");
                let hint = if is_quoted(&self.0.profile) {
                    ", whose quotes are part of the name: remove them"
                } else if self.0.profile.is_empty() {
                    ", which is set and empty: unset it, or name a profile"
                } else if self.0.profile.trim().is_empty() {
                    ", which is only whitespace: unset it, or name a profile"
                } else {
                    ""
                };
                let message = format!("{} (named by {variable}{hint})", error.message());
                Error::new(ErrorKind::ProfileNotFound, message)
            }
            _ => error,
        }
    }

    /// Returns the region that the program, the environment or the profile sets. Sends nothing.
    ///
    /// `argument` comes first, or else the region of [`with_region`](Self::with_region). Then, by
    /// the rules of the AWS CLI, `AWS_REGION`, `AWS_DEFAULT_REGION`, and `region` in the profile;
    /// [`Order`] has the variables of the others. Without any of these,
    /// [`resolve_region`](Self::resolve_region) goes on to instance metadata and the default.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the first source that sets a region
    ///   sets an invalid one.
    /// - The errors of [`profile`](Self::profile), if no variable sets a region. A damaged profile
    ///   `default` that nothing named sets no region.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_REGION", "eu-west-1")]));
    /// let region = settings.region(None)?.unwrap();
    /// assert_eq!(region.name(), "eu-west-1");
    /// assert_eq!(region.origin().to_string(), "AWS_REGION");
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn region(&self, argument: Option<Argument<'_>>) -> Result<Option<Region>, Error> {
        if let Some(argument) = argument {
            return Region::new(argument.value, argument.origin()).map(Some);
        }
        if let Some(region) = &self.0.region {
            return Ok(Some(region.clone()));
        }
        if self.rules().region_property
            && let Some(property) = self.system_property("aws.region")
        {
            let origin = SystemProperty::origin(&[property]);
            return Region::new(&property.value, origin).map(Some);
        }
        for variable in self.rules().region_variables {
            if let Some(region) = self.variables().text(variable) {
                let origin = Origin::environment(&[variable]);
                let raw = self.variables().raw(variable).and_then(|raw| raw.to_str());
                if self.rules().refuses_empty_region && raw.is_some_and(|raw| raw != region) {
                    let tool = self.order().tool();
                    let message = format!(
                        "{variable} begins or ends with whitespace, which {tool} takes for a part \
                         of the region's name: remove it"
                    );
                    let error = Error::new(ErrorKind::Setting, message);
                    return Err(error.with_setting("region", &origin));
                }
                return Region::new(region, origin).map(Some);
            }
            if self.rules().refuses_empty_region && self.variables().raw(variable).is_some() {
                let tool = self.order().tool();
                let message = format!(
                    "{variable} is empty, which {tool} takes for the name of the region: set or \
                     unset it"
                );
                // Without the first one, the next would be the region.
                let is_empty = |name: &&&str| {
                    let variables = self.variables();
                    variables.raw(name).is_some() && variables.text(name).is_none()
                };
                let empty = self.rules().region_variables.iter().filter(is_empty);
                let empty: Vec<_> = empty.copied().collect();
                let error = Error::new(ErrorKind::Setting, message);
                return Err(error.with_setting("region", &Origin::environment(&empty)));
            }
        }
        let Some(profile) = self.settings_profile()? else {
            return Ok(None);
        };
        let Some(value) = profile.get("region") else {
            return Ok(None);
        };
        let origin = Origin::file(value.location(), profile.name().name());
        value
            .non_empty()
            .map(|region| Region::new(region, origin))
            .transpose()
    }

    /// Returns a setting from an argument, or else from a variable, or else from a property of the
    /// profile. [`settings`](crate::settings) has the settings that Keyfob reads.
    ///
    /// A value that is empty or only whitespace counts as not set. A profile that cannot be read
    /// sets nothing here; [`profile`](Self::profile) returns the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    /// use keyfob_chain::settings::{MAX_ATTEMPTS, S3_ADDRESSING_STYLE};
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let text = "[default]\ns3 =\n  addressing_style = path\n";
    /// let config = (FileKind::Config, "config", text.as_bytes());
    /// let variables = Variables::from_iter([("AWS_MAX_ATTEMPTS", "5")]);
    /// let settings = Settings::new(variables, ConfigFiles::parse([config]));
    /// let attempts = settings.find(&MAX_ATTEMPTS).unwrap();
    /// assert_eq!(attempts.text, "5");
    /// assert_eq!(attempts.origin.to_string(), "AWS_MAX_ATTEMPTS");
    /// let style = settings.find(&S3_ADDRESSING_STYLE).unwrap();
    /// assert_eq!((style.text, style.name.as_str()), ("path", "s3.addressing_style"));
    /// ```
    pub fn find(&self, key: &SettingKey) -> Option<Setting<'_>> {
        let (mut variables, mut properties) = (key.variables.iter(), key.properties.iter());
        let given = properties.clone().find_map(|name| self.argument(name));
        given
            .or_else(|| variables.find_map(|name| self.variable(name)))
            .or_else(|| {
                let profile = self.profile().ok()??;
                properties.find_map(|name| {
                    let value = match name.split_once('.') {
                        Some((outer, nested)) => profile.get(outer)?.nested(nested),
                        None => profile.get(name),
                    };
                    Setting::from_value(profile, name, value?)
                })
            })
    }

    /// Returns a setting that only a variable can set.
    pub(super) fn variable(&self, name: &str) -> Option<Setting<'_>> {
        let text = self.0.variables.text(name)?;
        Some(Setting::from_variable(name, text))
    }

    /// Returns true if a setting is `true`, in any case. Everything else, also `1` and `yes`, is
    /// false, as in the AWS SDKs.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::settings::{USE_DUALSTACK_ENDPOINT, USE_FIPS_ENDPOINT};
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let settings = Settings::load(Variables::from_iter([("AWS_USE_FIPS_ENDPOINT", "True")]));
    /// assert!(settings.flag(&USE_FIPS_ENDPOINT));
    /// assert!(!settings.flag(&USE_DUALSTACK_ENDPOINT));
    /// ```
    pub fn flag(&self, key: &SettingKey) -> bool {
        self.find(key).is_some_and(|setting| setting.is_true())
    }

    /// Returns a setting that is a whole number. A number above [`u64::MAX`] becomes that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the value is not a whole number, or is
    /// less than [`SettingKind::Number`] has. The message names the variable or property, and the
    /// value.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables, settings::MAX_ATTEMPTS};
    ///
    /// let number = |text| {
    ///     let settings = Settings::load(Variables::from_iter([("AWS_MAX_ATTEMPTS", text)]));
    ///     settings.number(&MAX_ATTEMPTS).map_err(|error| error.to_string())
    /// };
    /// assert_eq!(number("5"), Ok(Some(5)));
    /// assert!(number("many").unwrap_err().starts_with(
    ///     "AWS_MAX_ATTEMPTS is \"many\", which is not a number",
    /// ));
    /// assert_eq!(
    ///     number("0").unwrap_err(),
    ///     "AWS_MAX_ATTEMPTS is \"0\", which is not a whole number of 1 or more",
    /// );
    /// ```
    pub fn number(&self, key: &SettingKey) -> Result<Option<u64>, Error> {
        let Some(setting) = self.find(key) else {
            return Ok(None);
        };
        match (setting.number()?, key.kind) {
            (number, SettingKind::Number(least)) if number < least => {
                Err(setting.invalid(&key.kind.to_string()))
            }
            (number, _) => Ok(Some(number)),
        }
    }

    /// Returns a setting that is a whole number of seconds.
    ///
    /// # Errors
    ///
    /// As for [`number`](Self::number).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use keyfob_chain::{Settings, Variables, settings::METADATA_SERVICE_TIMEOUT};
    ///
    /// let variables = Variables::from_iter([("AWS_METADATA_SERVICE_TIMEOUT", "2")]);
    /// let settings = Settings::load(variables);
    /// let timeout = settings.seconds(&METADATA_SERVICE_TIMEOUT)?;
    /// assert_eq!(timeout, Some(Duration::from_secs(2)));
    /// # Ok::<(), keyfob_chain::Error>(())
    /// ```
    pub fn seconds(&self, key: &SettingKey) -> Result<Option<Duration>, Error> {
        self.find(key).map(|setting| setting.seconds()).transpose()
    }

    /// Returns a setting that is a number of bytes, with or without a unit. As in the AWS CLI,
    /// `KB`, `MB`, `GB` and `TB` are powers of 1024, as are `KiB` and so on, in any case.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if the value is something else, or 0. The
    /// message names the property and the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    /// use keyfob_chain::{Settings, Variables, settings::S3_MULTIPART_CHUNKSIZE};
    ///
    /// let bytes = |value| {
    ///     let text = format!("[default]\ns3 =\n  multipart_chunksize = {value}\n");
    ///     let config = (FileKind::Config, "config", text.as_bytes());
    ///     let settings = Settings::new(Variables::default(), ConfigFiles::parse([config]));
    ///     settings.bytes(&S3_MULTIPART_CHUNKSIZE).map_err(|error| error.to_string())
    /// };
    /// assert_eq!(bytes("16MB"), Ok(Some(16 << 20)));
    /// assert_eq!(bytes("6000000"), Ok(Some(6_000_000)));
    /// let error = bytes("big").unwrap_err();
    /// assert!(error.ends_with("is \"big\", which is not a number of bytes, such as 8MB"));
    /// ```
    pub fn bytes(&self, key: &SettingKey) -> Result<Option<u64>, Error> {
        self.find(key).map(|setting| setting.bytes()).transpose()
    }

    /// Returns a setting that is one of a few names, in any case: the name as
    /// [`SettingKind::Choice`] has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Setting`](crate::ErrorKind::Setting) if it is another. The message lists the
    /// names.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::{Settings, Variables, settings::RETRY_MODE};
    ///
    /// let mode = |text| {
    ///     let settings = Settings::load(Variables::from_iter([("AWS_RETRY_MODE", text)]));
    ///     settings.choice(&RETRY_MODE).map_err(|error| error.to_string())
    /// };
    /// assert_eq!(mode("Adaptive"), Ok(Some("adaptive")));
    /// assert_eq!(
    ///     mode("none").unwrap_err(),
    ///     "AWS_RETRY_MODE is \"none\", which is not standard, adaptive or legacy",
    /// );
    /// ```
    pub fn choice(&self, key: &SettingKey) -> Result<Option<&'static str>, Error> {
        let (Some(setting), SettingKind::Choice(names)) = (self.find(key), key.kind) else {
            return Ok(None);
        };
        let mut names = names.iter().copied();
        match names.find(|name| name.eq_ignore_ascii_case(setting.text)) {
            Some(name) => Ok(Some(name)),
            None => Err(setting.invalid(&key.kind.to_string())),
        }
    }
}
