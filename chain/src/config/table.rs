//! All settings that Keyfob reads from variables and from the shared configuration files: the
//! libraries, and the command `keyfob`.
//!
//! [`Settings`](crate::Settings) looks one up, as [`find`](crate::Settings::find) and
//! [`number`](crate::Settings::number) do: an argument of the program comes first, then the
//! variables, then the properties of the profile, each in the order given here. Some
//! [`Order`](crate::Order)s read fewer variables, or in another order. Whitespace around a value is
//! removed, and a value that is empty then counts as not set.
//!
#![doc = include_str!("../../docs/settings.md")]

use std::fmt;

/// One setting: where it is read from, and what it means.
///
/// # Examples
///
/// ```
/// use keyfob_chain::settings::{ALL, MAX_ATTEMPTS, SettingKey, SettingKind};
///
/// assert_eq!(MAX_ATTEMPTS.variables, ["AWS_MAX_ATTEMPTS"]);
/// assert!(ALL.iter().any(|key| key.properties == ["max_attempts"]));
/// // A setting of your own is looked up in the same way.
/// let color = SettingKey::new(&["TEAM_COLOR"], &["team_color"], SettingKind::Text);
/// assert_eq!(color.name(), "TEAM_COLOR");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingKey {
    /// The variables, the one that counts first at the start.
    pub variables: &'static [&'static str],
    /// The properties in a profile, in the same order. The name of an indented one has the name of
    /// the property above it, as in `s3.addressing_style`.
    pub properties: &'static [&'static str],
    /// What a value looks like.
    pub kind: SettingKind,
    /// What counts if it is not set. Empty if nothing does.
    pub default: &'static str,
    /// The crate that reads it, with the feature that it needs.
    pub reader: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingKind {
    /// Any text.
    Text,
    /// A text that nothing may show.
    Secret,
    /// `true` in any case; everything else is false.
    Flag,
    /// A whole number of at least this much.
    Number(u64),
    /// A whole number of seconds.
    Seconds,
    /// A whole number of bytes, with or without a unit.
    Bytes,
    /// A time as RFC 3339 has it.
    Time,
    /// A URL.
    Url,
    /// The path of a file or folder.
    Path,
    /// Texts separated by commas.
    List,
    /// One of these, in any case.
    Choice(&'static [&'static str]),
}

impl SettingKey {
    /// Creates the key of a setting that only the caller knows.
    pub const fn new(
        variables: &'static [&'static str],
        properties: &'static [&'static str],
        kind: SettingKind,
    ) -> Self {
        Self {
            variables,
            properties,
            kind,
            default: "",
            reader: "",
            meaning: "",
        }
    }

    /// Returns the name that counts first: a variable, or else a property.
    pub const fn name(&self) -> &'static str {
        match (self.variables, self.properties) {
            ([name, ..], _) | ([], [name, ..]) => name,
            ([], []) => "",
        }
    }

    /// Returns the first property, for the names in code.
    pub(crate) const fn property(&self) -> &'static str {
        match self.properties {
            [name, ..] => name,
            [] => "",
        }
    }
}

/// As documentation and errors write it: `standard, adaptive or legacy`.
impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text"),
            Self::Secret => f.write_str("secret"),
            Self::Flag => f.write_str("true or false"),
            Self::Number(least) => write!(f, "a whole number of {least} or more"),
            Self::Seconds => f.write_str("a whole number of seconds"),
            Self::Bytes => f.write_str("a number of bytes, such as 8MB"),
            Self::Time => f.write_str("a time, such as 2026-11-27T10:00:00Z"),
            Self::Url => f.write_str("URL"),
            Self::Path => f.write_str("path"),
            Self::List => f.write_str("texts separated by commas"),
            Self::Choice([names @ .., last]) if !names.is_empty() => {
                write!(f, "{} or {last}", names.join(", "))
            }
            Self::Choice(names) => f.write_str(&names.join(", ")),
        }
    }
}

macro_rules! table {
    ($(
        $name:ident: [$($variable:literal),*] [$($property:literal),*] $kind:expr, $default:literal,
        $reader:ident, $meaning:literal;
    )*) => {
        $(
            #[doc = $meaning]
            pub const $name: SettingKey = SettingKey {
                variables: &[$($variable),*],
                properties: &[$($property),*],
                kind: $kind,
                default: $default,
                reader: $reader,
                meaning: $meaning,
            };
        )*

        /// All of them, in the order of the documentation.
        pub const ALL: &[SettingKey] = &[$($name),*];
    };
}

use SettingKind::{Bytes, Choice, Flag, List, Number, Path, Seconds, Secret, Text, Time, Url};

const CHAIN: &str = "chain";
const CHAIN_IMDS: &str = "chain, feature imds";
const CHAIN_STS: &str = "chain, feature sts";
const CHAIN_LOGIN: &str = "chain, feature login";
const CHAIN_SSO: &str = "chain, feature sso";
const CHAIN_TLS: &str = "chain, features sts and rustls or native-tls";
const STS: &str = "sts, feature client";
const CLI: &str = "keyfob";

table! {
    HOME: ["HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH"] []
        Path, "the system's entry of the user",
        CHAIN,
        "The home folder. The others count on Windows: USERPROFILE, or HOMEDRIVE followed by \
         HOMEPATH.";
    CONFIG_FILE: ["AWS_CONFIG_FILE"] [] Path, "~/.aws/config",
        CHAIN, "The config file. If it is empty, none is read. $NAME and a first ~ are expanded.";
    SHARED_CREDENTIALS_FILE: ["AWS_SHARED_CREDENTIALS_FILE"] [] Path, "~/.aws/credentials",
        CHAIN,
        "The credentials file. If it is empty, none is read. $NAME and a first ~ are expanded.";
    PROFILE: ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] [] Text, "default",
        CHAIN, "The profile.";
    REGION: ["AWS_REGION", "AWS_DEFAULT_REGION"] ["region"]
        Text, "the instance's, or else us-east-1 with a note",
        CHAIN, "The region.";

    ACCESS_KEY_ID: ["AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY"] ["aws_access_key_id"] Text, "",
        CHAIN,
        "The ID of the access key. Only the rules of Java 1 and Go read the second variable.";
    SECRET_ACCESS_KEY: ["AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "SECRET_ACCESS_KEY"]
        ["aws_secret_access_key"]
        Secret, "",
        CHAIN,
        "The secret access key. Only the rules of Java 1, Go and Rust read the other variables.";
    SESSION_TOKEN: ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]
        ["aws_session_token", "aws_security_token"]
        Secret, "",
        CHAIN, "The session token of temporary credentials.";
    CREDENTIAL_EXPIRATION: ["AWS_CREDENTIAL_EXPIRATION"] [] Time, "",
        CHAIN, "When the key in the variables expires.";
    KEY_EXPIRATION: []
        ["x_security_token_expires", "expiration", "aws_session_expiration", "aws_expiration",
            "aws_credential_expiration"]
        Time, "",
        CHAIN, "When the key of the profile expires, as tools write it. It is only shown.";
    PRINCIPAL_ARN: [] ["x_principal_arn"] Text, "",
        CLI, "The role of the session in the profile, as `keyfob saml login` writes it.";
    ACCOUNT_ID: ["AWS_ACCOUNT_ID"] ["aws_account_id"] Text, "",
        CHAIN, "The account of the access key.";

    CREDENTIAL_FILE: ["AWS_CREDENTIAL_FILE"] [] Path, "",
        CHAIN, "A file of the first tools for EC2. Only the rules of boto3 and the exact ones of the AWS CLI read it.";
    BOTO_CONFIG: ["BOTO_CONFIG"] [] Path, "/etc/boto.cfg, or else ~/.boto",
        CHAIN, "The file of boto 2. Only the rules of boto3 and the exact ones of the AWS CLI read it.";

    ROLE_ARN: ["AWS_ROLE_ARN"] ["role_arn"] Text, "",
        CHAIN, "The role to assume. The variable is for web identity only.";
    SOURCE_PROFILE: [] ["source_profile"] Text, "",
        CHAIN, "The profile whose credentials assume the role.";
    CREDENTIAL_SOURCE: [] ["credential_source"]
        Choice(&["Environment", "EcsContainer", "Ec2InstanceMetadata"]), "",
        CHAIN, "The source whose credentials assume the role.";
    WEB_IDENTITY_TOKEN_FILE: ["AWS_WEB_IDENTITY_TOKEN_FILE"] ["web_identity_token_file"] Path, "",
        CHAIN, "The file of the token that assumes the role. ~ is not expanded.";
    ROLE_SESSION_NAME: ["AWS_ROLE_SESSION_NAME"] ["role_session_name"] Text, "keyfob- and the time",
        CHAIN, "The name of the session.";
    EXTERNAL_ID: [] ["external_id"] Text, "",
        CHAIN, "The external ID that the role's trust policy demands.";
    DURATION_SECONDS: [] ["duration_seconds"] Seconds, "that of STS: 3600",
        CHAIN, "How long the session lasts.";
    MFA_SERIAL: [] ["mfa_serial"] Text, "",
        CHAIN, "The MFA device whose code assumes the role. The program asks for the code.";
    SSO_SESSION: [] ["sso_session"] Text, "",
        CHAIN_SSO, "The section of the SSO session that has the start URL and the region.";
    SSO_START_URL: [] ["sso_start_url"] Url, "",
        CHAIN_SSO, "The start page of SSO, in the section of a session, or in a profile without.";
    SSO_REGION: [] ["sso_region"] Text, "",
        CHAIN_SSO, "The region of IAM Identity Center, in the same place.";
    SSO_ACCOUNT_ID: [] ["sso_account_id"] Text, "",
        CHAIN_SSO, "The account of an SSO role.";
    SSO_ROLE_NAME: [] ["sso_role_name"] Text, "",
        CHAIN_SSO, "The name of an SSO role, which is that of a permission set.";
    SSO_REGISTRATION_SCOPES: [] ["sso_registration_scopes"] List, "",
        CHAIN_SSO, "The scopes of the token of an SSO session, separated by commas.";
    LOGIN_SESSION: [] ["login_session"] Text, "",
        CHAIN_LOGIN, "The ARN of the user of `aws login`.";
    LOGIN_CACHE_DIRECTORY: ["AWS_LOGIN_CACHE_DIRECTORY"] [] Path, "~/.aws/login/cache",
        CHAIN_LOGIN, "The folder of the tokens of `aws login`. $NAME and a first ~ are expanded.";
    CREDENTIAL_PROCESS: [] ["credential_process"] Text, "",
        CHAIN, "A command that prints credentials.";
    CACHE_PROCESS: [] ["keyfob_cache_process"] Flag, "false",
        CHAIN, "Whether temporary credentials of `credential_process` are cached on disk.";
    PROFILE_CHAIN: ["_AWS_CLI_PROFILE_CHAIN"] [] List, "",
        CHAIN, "The profiles whose `credential_process` waits for this program, set for each.";

    CONTAINER_CREDENTIALS_RELATIVE_URI: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] [] Text, "",
        CHAIN, "The path of the container's credentials at the agent of ECS.";
    CONTAINER_CREDENTIALS_FULL_URI: ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] [] Url, "",
        CHAIN, "The URL of the container's credentials.";
    CONTAINER_AUTHORIZATION_TOKEN_FILE: ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] [] Path, "",
        CHAIN_IMDS, "The file of the token for the agent, read for each request.";
    CONTAINER_AUTHORIZATION_TOKEN: ["AWS_CONTAINER_AUTHORIZATION_TOKEN"] [] Secret, "",
        CHAIN_IMDS, "The token for the agent, if there is no file.";

    EC2_METADATA_DISABLED: ["AWS_EC2_METADATA_DISABLED"] [] Flag, "false",
        CHAIN_IMDS, "Whether instance metadata is never asked.";
    EC2_METADATA_SERVICE_ENDPOINT: ["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
        ["ec2_metadata_service_endpoint"]
        Url, "http://169.254.169.254",
        CHAIN_IMDS, "The URL of instance metadata.";
    EC2_METADATA_SERVICE_ENDPOINT_MODE: ["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]
        ["ec2_metadata_service_endpoint_mode"]
        Choice(&["IPv4", "IPv6"]), "IPv4",
        CHAIN_IMDS, "The address of instance metadata, if no URL is set.";
    EC2_INSTANCE_PROFILE_NAME: ["AWS_EC2_INSTANCE_PROFILE_NAME"] ["ec2_instance_profile_name"]
        Text, "",
        CHAIN_IMDS, "The instance profile, instead of looking it up.";
    METADATA_SERVICE_TIMEOUT: ["AWS_METADATA_SERVICE_TIMEOUT"] ["metadata_service_timeout"]
        Seconds, "1",
        CHAIN_IMDS, "How long one request to instance metadata may take.";
    METADATA_SERVICE_NUM_ATTEMPTS: ["AWS_METADATA_SERVICE_NUM_ATTEMPTS"]
        ["metadata_service_num_attempts"]
        Number(0), "3",
        CHAIN_IMDS, "How often a request to instance metadata is sent at most.";

    ENDPOINT_URL: ["AWS_ENDPOINT_URL"] ["endpoint_url"] Url, "",
        CHAIN, "The URL of all services. It comes before the section of services.";
    SERVICE_ENDPOINT_URL: ["AWS_ENDPOINT_URL_<SERVICE>"] [] Url, "",
        CHAIN, "The URL of one service, such as AWS_ENDPOINT_URL_STS. It comes first.";
    SERVICES: [] ["services"] Text, "",
        CHAIN, "The section [services NAME] that has endpoint_url below the name of a service.";
    IGNORE_CONFIGURED_ENDPOINT_URLS: ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]
        ["ignore_configured_endpoint_urls"]
        Flag, "false",
        CHAIN, "Whether the URLs of variables and files are ignored.";
    USE_FIPS_ENDPOINT: ["AWS_USE_FIPS_ENDPOINT"] ["use_fips_endpoint"] Flag, "false",
        CHAIN_STS, "Whether services are called at their endpoints for FIPS.";
    USE_DUALSTACK_ENDPOINT: ["AWS_USE_DUALSTACK_ENDPOINT"] ["use_dualstack_endpoint"] Flag, "false",
        CHAIN_STS,
        "Whether services are called at their endpoints that have IPv6 addresses as well.";
    STS_REGIONAL_ENDPOINTS: ["AWS_STS_REGIONAL_ENDPOINTS"] ["sts_regional_endpoints"]
        Choice(&["regional", "legacy"]), "regional",
        CHAIN_STS,
        "Whether STS is called at its global endpoint in older regions. Only the rules of boto3 \
         and Java read it.";

    CA_BUNDLE: ["AWS_CA_BUNDLE"] ["ca_bundle"] Path, "the system's",
        CHAIN_TLS, "The file of the certificate authorities to trust, in PEM.";
    MAX_ATTEMPTS: ["AWS_MAX_ATTEMPTS"] ["max_attempts"] Number(1), "3",
        CHAIN_STS, "How often a call is sent at most.";
    RETRY_MODE: ["AWS_RETRY_MODE"] ["retry_mode"]
        Choice(&["standard", "adaptive", "legacy"]), "standard",
        CHAIN_STS,
        "The mode of retries: adaptive is the same as standard here, legacy has 5 attempts.";
    HTTPS_PROXY: ["https_proxy", "HTTPS_PROXY"] [] Url, "",
        STS, "The proxy for https. It is read from the process.";
    HTTP_PROXY: ["http_proxy", "HTTP_PROXY"] [] Url, "",
        STS, "The proxy for http. In a CGI program, the second one is not read.";
    ALL_PROXY: ["all_proxy", "ALL_PROXY"] [] Url, "",
        STS, "The proxy for both.";
    NO_PROXY: ["no_proxy", "NO_PROXY"] [] List, "",
        STS, "The hosts that no proxy is used for.";
    REQUEST_METHOD: ["REQUEST_METHOD"] [] Text, "",
        STS, "Set in a CGI program, where HTTP_PROXY comes from the client.";

    JAVA_OPTIONS: ["JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"] [] Text, "",
        CHAIN, "System properties -DNAME=VALUE, for the rules of Java.";

    S3_ADDRESSING_STYLE: [] ["s3.addressing_style"] Choice(&["auto", "path", "virtual"]), "auto",
        CLI, "Whether URLs of S3 have the bucket in the path or in the host.";
    S3_USE_ACCELERATE_ENDPOINT: [] ["s3.use_accelerate_endpoint"] Flag, "false",
        CLI, "Whether S3 is called by its transfer acceleration.";
    S3_USE_DUALSTACK_ENDPOINT: [] ["s3.use_dualstack_endpoint"] Flag, "false",
        CLI, "Whether S3 is called at endpoints that have IPv6 addresses as well.";
    S3_MAX_CONCURRENT_REQUESTS: [] ["s3.max_concurrent_requests"] Number(1), "64",
        CLI, "How many requests to S3 are on their way at a time, at most.";
    S3_MULTIPART_THRESHOLD: [] ["s3.multipart_threshold"] Bytes, "8MB",
        CLI, "The size above which files are copied to S3 and back in parts.";
    S3_MULTIPART_CHUNKSIZE: [] ["s3.multipart_chunksize"] Bytes, "8MB",
        CLI, "The size of the parts. S3 takes parts of 5MB to 5GB, and the nearest of these counts.";
    S3_PAYLOAD_SIGNING_ENABLED: [] ["s3.payload_signing_enabled"] Flag, "false",
        CLI, "Whether the hash of what is uploaded is signed also with TLS and on this machine.";
    S3_US_EAST_1_REGIONAL_ENDPOINT: ["AWS_S3_US_EAST_1_REGIONAL_ENDPOINT"]
        ["s3.us_east_1_regional_endpoint"]
        Choice(&["regional", "legacy"]), "regional",
        CLI, "Whether S3 is called at its global host if the region is us-east-1.";
    REQUEST_CHECKSUM_CALCULATION: ["AWS_REQUEST_CHECKSUM_CALCULATION"]
        ["request_checksum_calculation"]
        Choice(&["when_supported", "when_required"]), "when_supported",
        CLI, "Whether uploads to S3 have a checksum if none is asked for.";
    RESPONSE_CHECKSUM_VALIDATION: ["AWS_RESPONSE_CHECKSUM_VALIDATION"]
        ["response_checksum_validation"]
        Choice(&["when_supported", "when_required"]), "when_supported",
        CLI, "Whether downloads from S3 are compared with their checksums if that is not asked for.";
    OUTPUT: ["AWS_DEFAULT_OUTPUT"] ["output"]
        Choice(&["json", "text", "table", "yaml", "yaml-stream", "off"]), "json",
        CLI, "The format of answers.";
    GITHUB_ENV: ["GITHUB_ENV"] [] Path, "",
        CLI,
        "The file to which `configure export-credentials --format github` adds variables for the \
         next steps of a job.";
    CLI_ERROR_FORMAT: ["AWS_CLI_ERROR_FORMAT"] ["cli_error_format"]
        Choice(&["legacy", "enhanced", "json", "text", "table", "yaml"]), "enhanced",
        CLI, "The format of errors.";
    CLI_TIMESTAMP_FORMAT: [] ["cli_timestamp_format"]
        Choice(&["iso8601", "wire"]), "iso8601",
        CLI, "The format of times in answers; with wire, the one of the service.";
    KUBERNETES_EXEC_INFO: ["KUBERNETES_EXEC_INFO"] [] Text, "",
        CLI, "Set by kubectl for `eks get-token`: JSON with the apiVersion of the answer.";
    OPTION: ["KEYFOB_<OPTION>"] [] Text, "",
        CLI, "An option of the command, such as KEYFOB_MAX_ATTEMPTS for --max-attempts.";
    EXEC_PROFILE: ["KEYFOB_PROFILE"] [] Text, "",
        CLI, "Set by keyfob exec for its command, to the name of the profile that gave the keys, if one did.";
    PROXY_URL: ["KEYFOB_PROXY_URL"] [] Text, "",
        CLI, "Set by a line that keyfob serve proxy prints: where it listens.";
    PROXY_SOCKET: ["KEYFOB_PROXY_SOCKET"] [] Path, "",
        CLI, "Set by a line that keyfob serve proxy prints: the socket that it listens on.";
    PROXY_TOKEN: ["KEYFOB_PROXY_TOKEN"] [] Secret, "",
        CLI, "Set by a line that keyfob serve proxy prints: what its callers send.";
    SHELL: ["SHELL"] [] Text, "",
        CLI, "The program that keyfob exec runs without a command, and that keyfob env writes for.";
    PS_MODULE_PATH: ["PSModulePath"] [] Text, "",
        CLI, "On Windows, keyfob env writes for PowerShell if it is set.";
    NO_COLOR: ["NO_COLOR"] [] Text, "",
        CLI, "No colors, whatever it is set to.";
    CLICOLOR_FORCE: ["CLICOLOR_FORCE"] [] Text, "",
        CLI, "Colors also if stdout is not a terminal, unless it is 0 or NO_COLOR is set.";
    CLICOLOR: ["CLICOLOR"] [] Text, "",
        CLI, "No colors if it is 0, and CLICOLOR_FORCE is not set.";
    TERM: ["TERM"] [] Text, "",
        CLI, "No colors if it is dumb.";
}

/// Properties that other tools read and Keyfob does not.
///
/// Source: botocore (`configprovider`), the AWS CLI and the SDKs and Tools Reference Guide.
pub(crate) const OTHER_PROPERTIES: &[&str] = &[
    "account_id_endpoint_mode",
    "api_versions",
    "auth_scheme_preference",
    "aws_credential_scope",
    "cli_auto_prompt",
    "cli_binary_format",
    "cli_follow_urlparam",
    "cli_help_output",
    "cli_hide_output",
    "cli_history",
    "cli_pager",
    "defaults_mode",
    "disable_ec2_metadata",
    "disable_request_compression",
    "ec2_metadata_v1_disabled",
    "endpoint_discovery_enabled",
    "imds_use_ipv6",
    "parameter_validation",
    "plugins",
    "proxy_ca_bundle",
    "proxy_client_cert",
    "proxy_use_forwarding_for_https",
    "request_min_compression_size_bytes",
    "s3",
    "sdk_ua_app_id",
    "sigv4a_signing_region_set",
    "tcp_keepalive",
    "user_agent_appid",
];
