use crate::Variables;

/// The tool or SDK whose rules apply: in which order the sources of credentials count, what a named
/// profile switches off, and which variables count.
///
/// [`Settings::with_order`](crate::Settings::with_order) sets it, or
/// [`Chain::default_for`](crate::Chain::default_for). The same inputs can be explained by the rules
/// of several SDKs.
///
/// | | order of the sources | a named profile switches off | profile | region | half a key |
/// |---|---|---|---|---|---|
/// | [`Cli`](Self::Cli) | variables, web identity, profile | the variables, if the program names it | `AWS_PROFILE`, `AWS_DEFAULT_PROFILE` | `AWS_REGION`, `AWS_DEFAULT_REGION`, profile, instance | an error |
/// | [`Boto3`](Self::Boto3) | the same | the same | `AWS_DEFAULT_PROFILE`, `AWS_PROFILE` | `AWS_DEFAULT_REGION`, profile | an ID alone is an error |
/// | [`JavaV1`](Self::JavaV1) | variables, system properties, web identity, profile | nothing | `AWS_PROFILE` | `AWS_REGION`, profile, instance | skipped |
/// | [`JavaV2`](Self::JavaV2) | system properties, variables, web identity, profile | nothing | `AWS_PROFILE` | `aws.region`, `AWS_REGION`, `AWS_DEFAULT_REGION`, profile, instance | skipped |
/// | [`Rust`](Self::Rust) | variables, profile, web identity | nothing | `AWS_PROFILE` | `AWS_REGION`, `AWS_DEFAULT_REGION`, profile, instance | skipped |
/// | [`Go`](Self::Go) | variables, web identity, profile | the variables, if the program names it | `AWS_PROFILE`, `AWS_DEFAULT_PROFILE` | `AWS_REGION`, `AWS_DEFAULT_REGION`, profile | skipped |
/// | [`JavaScript`](Self::JavaScript) | variables, profile, web identity | the key in the variables | `AWS_PROFILE` | `AWS_REGION`, profile | skipped |
///
/// A variable of the profile that is set and empty is an error by the rules of [`Cli`](Self::Cli)
/// and [`Boto3`](Self::Boto3), no profile at all in [`Rust`](Self::Rust), and not set in the
/// others.
///
/// The container and the instance come last in all of them. "Variables" are the access key in the
/// environment. The SDKs for Java go on to the next source after one that fails, and so do chains
/// of their orders; the SDK for JavaScript does so after a profile that does not lead to
/// credentials. A named profile that no file has is an error by the rules of
/// [`Cli`](Self::Cli), [`Boto3`](Self::Boto3) and [`Go`](Self::Go); in the others, the next source
/// is asked.
///
/// By the rules of all but [`Cli`](Self::Cli) and [`Boto3`](Self::Boto3), a shell runs the line of
/// `credential_process`, as these SDKs do.
///
/// Sources: botocore 1.44, aws-config 1.13, and the published sources of the other SDKs in 2026.
/// The tests compare boto3, version 1 of the AWS CLI and the SDKs for JavaScript and Rust with
/// these rules in random environments, and list what differs on purpose. The rows of the SDK for
/// Java 1, and the region of JavaScript, are from their documentation only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// The AWS CLI, version 2. Where it would pass over half a key, and may so use another identity
    /// than the one that was meant, that is an error here, unless the rules are
    /// [exact](crate::Settings::with_exact_rules).
    #[default]
    Cli,
    /// boto3, the AWS SDK for Python, and version 1 of the AWS CLI.
    Boto3,
    /// The AWS SDK for Java 1.
    JavaV1,
    /// The AWS SDK for Java 2.
    JavaV2,
    /// The AWS SDK for Rust.
    Rust,
    /// The AWS SDK for Go 2.
    Go,
    /// The AWS SDK for JavaScript 3.
    JavaScript,
}

/// The rules of one tool or SDK.
#[derive(Debug)]
pub(crate) struct Rules {
    /// The sources, in the order in which they are asked.
    pub(crate) sources: &'static [Source],
    /// The variables that name the profile, the first one first.
    pub(crate) profile_variables: &'static [&'static str],
    /// Whether whitespace around the name in such a variable is removed, and one that is only
    /// whitespace counts as not set.
    pub(crate) trims_profile: bool,
    /// What such a variable means if it is set and empty.
    pub(crate) empty_profile: EmptyProfile,
    pub(crate) named_profile: NamedProfile,
    /// Whether every program takes an argument `--profile`.
    pub(crate) has_profile_option: bool,
    /// The variables of the access key, the first one first.
    pub(crate) id: &'static [&'static str],
    pub(crate) secret: &'static [&'static str],
    /// The variables of the session token. In a profile it has the same names in lower case.
    pub(crate) token: &'static [&'static str],
    /// Whether a profile that is named and in no file is an error. Otherwise the next source is
    /// asked.
    pub(crate) refuses_missing_profile: bool,
    /// Whether the next source is asked after one that failed.
    pub(crate) passes_over_failures: bool,
    /// Whether an ID without a secret is an error. Otherwise the next source is asked.
    pub(crate) refuses_id_alone: bool,
    /// Whether a secret without an ID is an error.
    pub(crate) refuses_secret_alone: bool,
    /// The same in a profile.
    pub(crate) refuses_secret_alone_in_profile: bool,
    /// Whether half a key in a profile is an error. Otherwise the profile has no key.
    pub(crate) refuses_half_key_in_profile: bool,
    /// Whether the parts of a key may come from both files, each from the credentials file first.
    pub(crate) merges_files: bool,
    /// Whether a token file in the environment without a role is an error. Otherwise the next
    /// source is asked.
    pub(crate) refuses_half_web_identity: bool,
    /// After which errors of a profile the next source is asked.
    pub(crate) passes_over_profiles: PassedOver,
    /// Whether a property that names a source of credentials and is empty is an error. Otherwise it
    /// counts as not there.
    pub(crate) refuses_empty_properties: bool,
    /// Whether an ID in a file that is there and empty is an error, as the key that a service
    /// would refuse. Otherwise it counts as not there.
    pub(crate) refuses_empty_id: bool,
    /// Whether a variable of the key that is only whitespace is a value, which no service accepts.
    /// Otherwise it counts as not set.
    pub(crate) blank_is_value: bool,
    /// What `AWS_CREDENTIAL_EXPIRATION` is beside a key in variables.
    pub(crate) expiry_variable: ExpiryVariable,
    /// Whether a file that cannot be read counts as empty, so that other sources may answer.
    /// Otherwise every profile that it may define is an error.
    pub(crate) passes_over_unreadable_files: bool,
    /// The variables that set the region, the first one first.
    pub(crate) region_variables: &'static [&'static str],
    /// Whether such a variable that is set and empty, or has whitespace around its value, is an
    /// error, as the name of a region that no service has. Otherwise an empty one counts as not
    /// set, and whitespace is removed.
    pub(crate) refuses_empty_region: bool,
    /// Whether the system property `aws.region` sets the region, before all variables.
    pub(crate) region_property: bool,
    /// Whether the region of the instance counts if nothing else sets one.
    pub(crate) region_of_instance: bool,
    /// Whether STS is called in the region beside a role's `role_arn`, if that profile has one.
    #[cfg_attr(
        not(feature = "sts"),
        expect(dead_code, reason = "there is no STS then")
    )]
    pub(crate) region_beside_role: bool,
    /// Whether no role can be assumed at a URL that is set if no region is, because the call is
    /// signed for one. A token of web identity is sent unsigned.
    #[cfg_attr(
        not(feature = "sts"),
        expect(dead_code, reason = "there is no STS then")
    )]
    pub(crate) refuses_role_without_region: bool,
    /// Whether `AWS_STS_REGIONAL_ENDPOINTS` can choose the global endpoint of STS.
    pub(crate) sts_may_be_global: bool,
    /// What `role_arn` with no other property that names its source is.
    pub(crate) role_alone: RoleAlone,
    /// Whether `role_arn` beside a token file is a role with another source, if it has one.
    pub(crate) role_beside_token_file: bool,
    /// Whether `credential_source` may be in any case.
    pub(crate) credential_source_in_any_case: bool,
    /// Whether `AWS_CONTAINER_CREDENTIALS_FULL_URI` comes before the relative one.
    pub(crate) full_uri_first: bool,
    /// The sources in one profile, the first one first.
    pub(crate) in_profile: &'static [ProfileSource],
    /// The properties of SSO of which one is enough to make SSO a source of a profile.
    pub(crate) sso: &'static [&'static str],
    /// Whether properties of SSO that do not name a role are an error if the profile has nothing
    /// else. Otherwise the next source is asked.
    pub(crate) refuses_sso_alone: bool,
    /// Whether a profile must not repeat what its SSO session has, even if it is the same.
    #[cfg_attr(
        not(feature = "sso"),
        expect(dead_code, reason = "there is no SSO then")
    )]
    pub(crate) refuses_repeated_sso: bool,
    /// Whether `credential_source` comes before all else in a profile that is no role with another
    /// source.
    pub(crate) named_source_first: bool,
    /// Whether a source of credentials in a profile that has no value, and a session token without
    /// a key, stop the profile.
    pub(crate) refuses_empty_sources: bool,
    /// What a profile is whose role names the profile itself as its source.
    pub(crate) own_source: OwnSource,
    /// Whether a role with both `source_profile` and `credential_source` is an error. Otherwise the
    /// profile has no role.
    pub(crate) refuses_two_sources: bool,
    /// Whether `web_identity_token_file` that is there and empty keeps `role_arn` from being a role
    /// with another source.
    pub(crate) counts_empty_token_file: bool,
    /// What a key is in a profile that is the source of a role.
    pub(crate) source_key: SourceKey,
    /// Whether web identity in the environment and in the profile complete each other, and a role
    /// of the profile comes before both.
    pub(crate) shares_web_identity: bool,
    /// Whether the files of boto 2 and of the first tools for EC2 are read. Otherwise, an
    /// explanation only tells that others read them.
    pub(crate) reads_old_files: bool,
    /// Which names a section may have.
    pub(crate) names: Names,
    /// Whether files are read exactly as Python's `configparser` reads them: a colon ends the name
    /// of a property, too, nothing after a value is a comment, and of two sections of one profile
    /// the last one counts. Names are those that botocore finds in the headers.
    pub(crate) reads_like_python: bool,
    /// Whether whitespace inside the brackets of a header is a part of its name, so that no profile
    /// has it.
    pub(crate) keeps_header_spaces: bool,
    /// Whether `NAME = VALUE` that is indented right below a header is a property. The parser that
    /// the SDKs share refuses it.
    pub(crate) allows_indented_properties: bool,
    /// Whether each line is read for itself, however it is indented, except below a property
    /// without a value. A line that is not a property is skipped, and capitals in a name make
    /// another name.
    pub(crate) reads_like_javascript: bool,
    /// Whether a second, different value for a property that decides whose credentials a profile
    /// gives is an error. For the parser that the SDKs share, the last one counts.
    pub(crate) refuses_conflicts: bool,
    /// What becomes of a path in a variable that names a configuration file.
    pub(crate) paths: Paths,
    /// Whether such a variable that is set and empty counts as not set. Otherwise there is no such
    /// file.
    pub(crate) passes_over_empty_paths: bool,
    /// Whether `credential_process` is a line for a shell. Otherwise nothing in it is replaced.
    pub(crate) runs_shell: bool,
    /// What the output of such a process may be.
    pub(crate) documents: Documents,
    /// Which values of `AWS_EC2_METADATA_DISABLED` disable instance metadata.
    pub(crate) instance_switch: InstanceSwitch,
    /// Whether that variable counts for the source of a role, too.
    #[cfg_attr(
        not(feature = "imds"),
        expect(dead_code, reason = "there is no instance metadata then")
    )]
    pub(crate) switches_off_source: bool,
    /// By which rules instance metadata is asked through a proxy that the environment names.
    #[cfg_attr(
        not(feature = "imds"),
        expect(dead_code, reason = "there is no instance then")
    )]
    pub(crate) instance_proxy: InstanceProxy,
    /// What the number of attempts and the timeout of instance metadata are.
    #[cfg_attr(
        not(feature = "imds"),
        expect(dead_code, reason = "there is no instance metadata then")
    )]
    pub(crate) instance_limits: InstanceLimits,
    /// How the URL and the token of the container's agent are read.
    pub(crate) agent: Agent,
    /// Whether a profile with an SSO session must not have another start URL or region than that.
    #[cfg_attr(
        not(feature = "sso"),
        expect(dead_code, reason = "there is no SSO then")
    )]
    pub(crate) compares_sso: bool,
    /// Whether an SSO token without a session is refreshed. Otherwise the user must sign in again.
    #[cfg_attr(
        not(feature = "sso"),
        expect(dead_code, reason = "there is no SSO then")
    )]
    pub(crate) refreshes_old_sso: bool,
    /// Whether an expiry that ends in `UTC` can be read in the token of an SSO session.
    #[cfg_attr(
        not(feature = "sso"),
        expect(dead_code, reason = "there is no SSO then")
    )]
    pub(crate) reads_utc: bool,
    /// Whether sessions are kept on the disk for other programs.
    pub(crate) keeps_sessions: bool,
}

impl Rules {
    /// Returns the name of a profile in a variable.
    pub(crate) fn profile_in<'a>(&self, variables: &'a Variables, name: &str) -> Option<&'a str> {
        if self.trims_profile {
            variables.text(name)
        } else {
            variables.untrimmed(name)
        }
    }
}

/// A source of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    SystemProperties,
    Environment,
    WebIdentity,
    Profile,
    /// The files of boto 2 and of the first tools for EC2.
    OldFiles,
    Container,
    Instance,
}

/// What a variable that is to name a profile means if it is set and empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmptyProfile {
    /// It counts as not set.
    NotSet,
    /// It names the profile `""`, which is an error.
    Error,
    /// It names that profile too, and the next source is asked.
    NoProfile,
}

/// The errors of a profile after which the next source is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PassedOver {
    /// None.
    None,
    /// That a source profile is in no file, or that SSO lacks a property.
    Missing,
    /// That the profile does not lead to credentials, and that a process fails, but not that a
    /// service refuses.
    WithoutCredentials,
}

/// What becomes of a path in a variable that names a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paths {
    /// Variables in it are replaced, and then a first component `~`.
    Expanded,
    /// Only a first component `~` is replaced.
    Home,
    /// It is used as it is.
    Verbatim,
}

/// What the output of `credential_process` may be, besides the documented form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documents {
    /// Its account ID may be a number.
    Strict,
    /// Nothing else.
    Text,
    /// The names of its members may be in any case.
    AnyCase,
    /// The same, and a member that is not text does not count.
    AnyCaseOrType,
    /// A token and an account ID need not be text, and `true` is version 1.
    Python,
    /// A token and an account ID need not be text, and an expiration need not be a time.
    JavaScript,
}

/// How the URL and the token of the container's agent are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// The URL has no user. Whitespace around the token in a file is removed, and it is not empty.
    Checked,
    /// The user in the URL is not sent, and an empty token neither. An empty URL, and a token with
    /// a line end, are errors.
    Python,
    /// The user in the URL is not sent, and an empty token neither.
    JavaScript,
}

/// Which values of `AWS_EC2_METADATA_DISABLED` disable instance metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstanceSwitch {
    /// `true` in any case, with or without whitespace around it.
    True,
    /// `true` in any case.
    ExactlyTrue,
    /// All but the empty one and `false` in lower case.
    NotFalse,
}

/// The rules of the proxy between a tool and the instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstanceProxy {
    /// There is none.
    None,
    /// Those of Python, in which the names in small letters count first.
    Python,
    /// Those of Go, in which the others do. This machine needs no proxy.
    Go,
}

/// What the number of attempts and the timeout of instance metadata are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstanceLimits {
    /// Settings. At least one request is sent.
    Read,
    /// Settings. No attempt is no request.
    MayBeZero,
    /// Not settings.
    NotRead,
}

/// What `AWS_CREDENTIAL_EXPIRATION` is beside a key in variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExpiryVariable {
    /// The end of the key. A past one, and what is not a time, is an error.
    Checked,
    /// The end of the key. One that is past, or is not a time, does not count.
    Unchecked,
    /// Not read.
    NotRead,
}

/// What a key is in a profile that is the source of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKey {
    /// If complete, it comes before all else.
    First,
    /// It comes in its order, as in any profile.
    InOrder,
    /// The same, and it, or half of it, keeps the source from being a role itself.
    NoRole,
}

/// What counts in a profile whose role names the profile itself as its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnSource {
    /// Its key only.
    Key,
    /// All that it has besides the role.
    All,
    /// The same, if it has a key or half of one.
    AllIfKey,
    /// Nothing: it is a circle.
    Circle,
}

/// The names of sections that are not ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Any. One with spaces is in quotes in the config file.
    Any,
    /// Those of letters, digits and `_-/.%@:+`, without quotes.
    Plain,
    /// The same in the config file, also in quotes. In the credentials file, any without spaces.
    PlainInConfig,
    /// Any, without quotes.
    Unquoted,
}

/// What a role without a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RoleAlone {
    Error,
    /// The profile has no role. The same is true of a token file without a role.
    NoRole,
    /// It is assumed with the key, SSO or process of its own profile, or else with the credentials
    /// of the container or the instance.
    OwnBase,
}

/// What naming a profile switches off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedProfile {
    Nothing,
    /// The access key and web identity in the environment, if the program names the profile.
    EnvironmentByProgram,
    /// The access key in the environment, whether the program or a variable names the profile.
    Key,
}

/// A source of credentials in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProfileSource {
    /// `role_arn` with a token file.
    WebIdentity,
    /// `role_arn` with another source.
    Role,
    Sso,
    Login,
    Process,
    /// The access key in the credentials file.
    CredentialsKey,
    /// The access key in either file, the credentials file first.
    Key,
}

/// The properties of SSO that the SDKs for Java 2, JavaScript and Rust look for.
pub(crate) const SSO_AND_REGION: &[&str] = &[
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
    "sso_region",
];

/// The properties of SSO that are about nothing else.
pub(crate) const SSO: &[&str] = &[
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "sso_role_name",
];

const CLI: Rules = Rules {
    sources: &[
        Source::Environment,
        Source::WebIdentity,
        Source::Profile,
        Source::OldFiles,
        Source::Container,
        Source::Instance,
    ],
    profile_variables: &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"],
    // On Windows, `set AWS_PROFILE=dev && …` sets a name with a space at its end.
    trims_profile: true,
    // Without its variable, `AWS_PROFILE="$TEAM"` must not lead to another identity.
    empty_profile: EmptyProfile::Error,
    named_profile: NamedProfile::EnvironmentByProgram,
    has_profile_option: true,
    id: &["AWS_ACCESS_KEY_ID"],
    secret: &["AWS_SECRET_ACCESS_KEY"],
    // The second one is the name before 2015. The AWS CLI reads it first; here it counts only if
    // the new one is not set, so that a left-over does not break a new key.
    token: &["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"],
    refuses_missing_profile: true,
    passes_over_failures: false,
    refuses_id_alone: true,
    // The AWS CLI skips it, and may so use another identity than the one that was meant.
    refuses_secret_alone: true,
    refuses_secret_alone_in_profile: true,
    refuses_half_key_in_profile: true,
    merges_files: false,
    refuses_half_web_identity: true,
    passes_over_profiles: PassedOver::None,
    refuses_empty_properties: true,
    refuses_empty_id: true,
    blank_is_value: false,
    expiry_variable: ExpiryVariable::Checked,
    // Any of the SDKs goes on, and may so use another identity than the one that was meant.
    passes_over_unreadable_files: false,
    region_variables: &["AWS_REGION", "AWS_DEFAULT_REGION"],
    refuses_empty_region: false,
    region_property: false,
    region_of_instance: true,
    region_beside_role: false,
    refuses_role_without_region: false,
    sts_may_be_global: false,
    role_alone: RoleAlone::Error,
    role_beside_token_file: false,
    // No two names differ only in case.
    credential_source_in_any_case: true,
    full_uri_first: false,
    in_profile: &[
        ProfileSource::WebIdentity,
        ProfileSource::Role,
        ProfileSource::Sso,
        ProfileSource::CredentialsKey,
        ProfileSource::Login,
        ProfileSource::Process,
        ProfileSource::Key,
    ],
    // A session alone is for services that take its token.
    sso: &["sso_account_id", "sso_role_name"],
    refuses_sso_alone: true,
    refuses_repeated_sso: false,
    named_source_first: false,
    refuses_empty_sources: false,
    own_source: OwnSource::AllIfKey,
    refuses_two_sources: true,
    counts_empty_token_file: false,
    source_key: SourceKey::NoRole,
    shares_web_identity: true,
    // Who had boto 2 has other keys by now.
    reads_old_files: false,
    names: Names::Any,
    reads_like_python: false,
    keeps_header_spaces: false,
    allows_indented_properties: true,
    reads_like_javascript: false,
    refuses_conflicts: true,
    paths: Paths::Expanded,
    passes_over_empty_paths: false,
    runs_shell: false,
    documents: Documents::Strict,
    instance_switch: InstanceSwitch::True,
    switches_off_source: true,
    instance_proxy: InstanceProxy::None,
    instance_limits: InstanceLimits::Read,
    agent: Agent::Checked,
    compares_sso: true,
    refreshes_old_sso: true,
    reads_utc: true,
    keeps_sessions: true,
};

const BOTO3: Rules = Rules {
    profile_variables: &["AWS_DEFAULT_PROFILE", "AWS_PROFILE"],
    has_profile_option: false,
    token: &["AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"],
    refuses_secret_alone: false,
    refuses_secret_alone_in_profile: false,
    blank_is_value: true,
    reads_old_files: true,
    passes_over_unreadable_files: true,
    reads_like_python: true,
    trims_profile: false,
    refuses_empty_region: true,
    region_variables: &["AWS_DEFAULT_REGION"],
    region_of_instance: false,
    refuses_role_without_region: true,
    sts_may_be_global: true,
    refuses_sso_alone: false,
    counts_empty_token_file: true,
    credential_source_in_any_case: false,
    documents: Documents::Python,
    instance_switch: InstanceSwitch::ExactlyTrue,
    instance_limits: InstanceLimits::MayBeZero,
    instance_proxy: InstanceProxy::Python,
    agent: Agent::Python,
    refreshes_old_sso: false,
    keeps_sessions: false,
    ..CLI
};

/// The AWS CLI exactly. [`CLI`] is stricter where it may use another identity than the one that was
/// meant.
const EXACT_CLI: Rules = Rules {
    keeps_sessions: CLI.keeps_sessions,
    profile_variables: CLI.profile_variables,
    has_profile_option: CLI.has_profile_option,
    region_variables: CLI.region_variables,
    region_of_instance: CLI.region_of_instance,
    sts_may_be_global: CLI.sts_may_be_global,
    ..BOTO3
};

/// What the SDKs share that have the common parser.
const SDK: Rules = Rules {
    sources: &[
        Source::Environment,
        Source::WebIdentity,
        Source::Profile,
        Source::Container,
        Source::Instance,
    ],
    profile_variables: &["AWS_PROFILE"],
    // Of Java and JavaScript this is not confirmed by a run.
    empty_profile: EmptyProfile::NotSet,
    named_profile: NamedProfile::Nothing,
    has_profile_option: false,
    token: &["AWS_SESSION_TOKEN"],
    refuses_missing_profile: false,
    refuses_id_alone: false,
    refuses_secret_alone: false,
    refuses_empty_id: false,
    expiry_variable: ExpiryVariable::NotRead,
    passes_over_unreadable_files: true,
    sso: SSO,
    refuses_sso_alone: false,
    own_source: OwnSource::Key,
    source_key: SourceKey::First,
    shares_web_identity: false,
    names: Names::Plain,
    allows_indented_properties: false,
    refuses_conflicts: false,
    paths: Paths::Home,
    runs_shell: true,
    documents: Documents::Text,
    instance_switch: InstanceSwitch::ExactlyTrue,
    refreshes_old_sso: false,
    keeps_sessions: false,
    ..CLI
};

const JAVA_V2: Rules = Rules {
    sso: SSO_AND_REGION,
    own_source: OwnSource::Circle,
    source_key: SourceKey::InOrder,
    sources: &[
        Source::SystemProperties,
        Source::Environment,
        Source::WebIdentity,
        Source::Profile,
        Source::Container,
        Source::Instance,
    ],
    passes_over_failures: true,
    role_alone: RoleAlone::NoRole,
    // The second one only since its rewrite on Smithy.
    region_variables: &["AWS_REGION", "AWS_DEFAULT_REGION"],
    region_property: true,
    region_beside_role: true,
    sts_may_be_global: true,
    in_profile: &[
        ProfileSource::WebIdentity,
        ProfileSource::Sso,
        ProfileSource::Role,
        ProfileSource::Process,
        ProfileSource::Key,
    ],
    ..SDK
};

const JAVA_V1: Rules = Rules {
    // Of Java 1, none of these three is confirmed by its source.
    sso: SSO,
    own_source: OwnSource::Key,
    source_key: SourceKey::First,
    sources: &[
        Source::Environment,
        Source::SystemProperties,
        Source::WebIdentity,
        Source::Profile,
        Source::Container,
        Source::Instance,
    ],
    id: &["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"],
    secret: &["AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"],
    region_variables: &["AWS_REGION"],
    region_property: false,
    in_profile: &[
        ProfileSource::WebIdentity,
        ProfileSource::Role,
        ProfileSource::Process,
        ProfileSource::Key,
    ],
    ..JAVA_V2
};

/// The profile before web identity in the environment.
const PROFILE_FIRST: &[Source] = &[
    Source::Environment,
    Source::Profile,
    Source::WebIdentity,
    Source::Container,
    Source::Instance,
];

const RUST: Rules = Rules {
    documents: Documents::AnyCaseOrType,
    instance_limits: InstanceLimits::NotRead,
    trims_profile: false,
    sources: PROFILE_FIRST,
    refuses_half_web_identity: false,
    passes_over_profiles: PassedOver::Missing,
    sso: SSO_AND_REGION,
    refuses_repeated_sso: true,
    named_source_first: true,
    refuses_empty_sources: true,
    own_source: OwnSource::All,
    empty_profile: EmptyProfile::NoProfile,
    secret: &["AWS_SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY"],
    in_profile: &[
        ProfileSource::WebIdentity,
        ProfileSource::Role,
        ProfileSource::Sso,
        ProfileSource::Login,
        ProfileSource::Process,
        ProfileSource::Key,
    ],
    ..SDK
};

const GO: Rules = Rules {
    // None of these five is confirmed by a run.
    instance_proxy: InstanceProxy::Go,
    paths: Paths::Verbatim,
    passes_over_empty_paths: true,
    documents: Documents::AnyCase,
    instance_limits: InstanceLimits::NotRead,
    trims_profile: false,
    blank_is_value: true,
    names: Names::Unquoted,
    profile_variables: &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"],
    named_profile: NamedProfile::EnvironmentByProgram,
    refuses_missing_profile: true,
    id: &["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"],
    secret: &["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"],
    region_of_instance: false,
    role_alone: RoleAlone::OwnBase,
    full_uri_first: true,
    in_profile: &[
        ProfileSource::WebIdentity,
        ProfileSource::Role,
        ProfileSource::Key,
        ProfileSource::Sso,
        ProfileSource::Process,
    ],
    ..SDK
};

const JAVASCRIPT: Rules = Rules {
    passes_over_empty_paths: true,
    documents: Documents::JavaScript,
    instance_switch: InstanceSwitch::NotFalse,
    switches_off_source: false,
    agent: Agent::JavaScript,
    compares_sso: false,
    reads_utc: false,
    instance_limits: InstanceLimits::NotRead,
    trims_profile: false,
    keeps_header_spaces: true,
    reads_like_javascript: true,
    blank_is_value: true,
    expiry_variable: ExpiryVariable::Unchecked,
    refuses_two_sources: false,
    names: Names::PlainInConfig,
    sources: PROFILE_FIRST,
    named_profile: NamedProfile::Key,
    refuses_half_key_in_profile: false,
    merges_files: true,
    refuses_half_web_identity: false,
    passes_over_profiles: PassedOver::WithoutCredentials,
    // Its parser takes them for the start of a block.
    refuses_empty_properties: false,
    role_alone: RoleAlone::NoRole,
    role_beside_token_file: true,
    credential_source_in_any_case: false,
    sso: SSO_AND_REGION,
    region_variables: &["AWS_REGION"],
    region_of_instance: false,
    in_profile: &[
        ProfileSource::Role,
        ProfileSource::Key,
        ProfileSource::WebIdentity,
        ProfileSource::Process,
        ProfileSource::Sso,
        ProfileSource::Login,
    ],
    ..SDK
};

impl Order {
    /// All of them, the one of the AWS CLI first.
    pub const ALL: &[Self] = &[
        Self::Cli,
        Self::Boto3,
        Self::JavaV1,
        Self::JavaV2,
        Self::Rust,
        Self::Go,
        Self::JavaScript,
    ];

    /// Returns the short name, such as `java-v2`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Order;
    ///
    /// let names: Vec<_> = Order::ALL.iter().map(|order| order.name()).collect();
    /// assert_eq!(names, ["aws-cli", "boto3", "java-v1", "java-v2", "rust", "go", "js"]);
    /// ```
    pub fn name(self) -> &'static str {
        match self {
            Self::Cli => "aws-cli",
            Self::Boto3 => "boto3",
            Self::JavaV1 => "java-v1",
            Self::JavaV2 => "java-v2",
            Self::Rust => "rust",
            Self::Go => "go",
            Self::JavaScript => "js",
        }
    }

    /// Returns the name of the tool in a sentence, such as `the SDK for Java 2`.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::Order;
    ///
    /// assert_eq!(Order::Rust.tool(), "the SDK for Rust");
    /// ```
    pub fn tool(self) -> &'static str {
        match self {
            Self::Cli => "the AWS CLI",
            Self::Boto3 => "boto3",
            Self::JavaV1 => "the SDK for Java 1",
            Self::JavaV2 => "the SDK for Java 2",
            Self::Rust => "the SDK for Rust",
            Self::Go => "the SDK for Go",
            Self::JavaScript => "the SDK for JavaScript",
        }
    }

    /// Returns the rules, which are exactly those of the tool.
    pub(crate) fn exact_rules(self) -> &'static Rules {
        match self {
            Self::Cli => &EXACT_CLI,
            _ => self.rules(),
        }
    }

    pub(crate) fn rules(self) -> &'static Rules {
        match self {
            Self::Cli => &CLI,
            Self::Boto3 => &BOTO3,
            Self::JavaV1 => &JAVA_V1,
            Self::JavaV2 => &JAVA_V2,
            Self::Rust => &RUST,
            Self::Go => &GO,
            Self::JavaScript => &JAVASCRIPT,
        }
    }
}
