//! The requests that read what can be used as a credential, or change something though their names
//! say that they read.

use std::{collections::BTreeSet, sync::LazyLock};

use http::{HeaderMap, Method};

use super::paths::{bare, climbs, decode, matches, name};
use crate::services::catalog::Row;

/// The service of a request, whose rows in the tables count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service<'a> {
    pub(super) name: &'a str,
    /// Whether its server answers for all services, and may take the request for one of another.
    pub(super) is_one_of_all: bool,
}

impl<'a> Service<'a> {
    /// Returns a service with a server of its own.
    pub(super) fn new(name: &'a str) -> Self {
        Self {
            name,
            is_one_of_all: false,
        }
    }
}

/// Parts of the names of actions that get what can be used as a credential.
const PARTS: [&str; 16] = [
    "AccessDetails",
    "AccessKeys",
    "ApiKey",
    "ComputeAccess",
    "Credential",
    "DataAccess",
    "EmbedUrl",
    "InstanceAccess",
    "JobDetails",
    "Parameter",
    "Password",
    "PresignedURL",
    "PrivateKey",
    "Secret",
    "SessionEndpoint",
    "Token",
];
/// Segments of paths with which REST services give out the same.
const SEGMENTS: [&str; 4] = ["accesstoken", "apikeys", "credentials", "token"];
/// The header with which a request in the protocol of Iceberg asks for keys of AWS.
pub(super) const TABLE_DELEGATION: &str = "x-iceberg-access-delegation";
/// The signing names of S3, whose paths are the keys of objects.
pub(super) const OBJECTS: [&str; 4] = ["s3", "s3-object-lambda", "s3-outposts", "s3express"];
/// Where S3 Control, which is signed as S3, gives out credentials (`GetDataAccess`).
/// Wherever they stand, because a server may leave others out.
const DATA_ACCESS: [&str; 3] = ["v20180820", "accessgrantsinstance", "dataaccess"];
/// With what a caller needs no proxy any more: the signing name of a service, then actions, and
/// paths with any method, that give out keys of AWS, or tokens and passwords that AWS takes in
/// place of keys. `*` is any segment, `**` are all that follow; a path may begin with its method.
/// Names that tell it are not here: see [`names_credentials`]. The last rows are for what instances
/// and containers ask, which is not signed, and which servers for tests have, too.
static CREDENTIALS: Table = LazyLock::new(|| {
    parse(
        "\
account-access /access/credentials
awsssoportal /federation/credentials
bedrock-agentcore /identities/getworkloadaccesstoken /identities/getworkloadaccesstokenforjwt \
/identities/getworkloadaccesstokenforuserid
cloudwatch GetSpaceCredentialsForOrganization GetSpaceDataAccess
codeartifact /v1/authorization-token
codepipeline GetJobDetails GetThirdPartyJobDetails PollForJobs
cognito-identity GetCredentialsForIdentity GetOpenIdToken GetOpenIdTokenForDeveloperIdentity
datazone GET/v2/domains/*/connections/* /v2/domains/*/environments/*/credentials
deadline /*/farms/*/fleets/*/read-roles /*/farms/*/fleets/*/workers/*/fleet-roles \
/*/farms/*/fleets/*/workers/*/queue-roles /*/farms/*/queues/*/read-roles \
/*/farms/*/queues/*/user-roles
ecr GetAuthorizationToken
ecr-public GetAuthorizationToken
eks-auth /clusters/*/assume-role-for-pod-identity
finspace-api /credentials/programmatic /datasets/*/dataviewsv2/*/external-access-details
gamelift CreateBuild GetComputeAccess GetComputeAuthToken RequestUploadCredentials
iam CreateAccessKey CreateLoginProfile CreateServiceSpecificCredential \
ResetServiceSpecificCredential UpdateLoginProfile UploadSSHPublicKey UploadSigningCertificate
iot /keys-and-certificate /provisioning-templates/*/provisioning-claim POST/cacertificate \
POST/certificate/register POST/certificate/register-no-ca POST/certificates POST/things
iotmanagedintegrations POST/provisioning-profiles
lakeformation /assumedecoratedrolewithsaml /gettemporarydatalocationcredentials \
/gettemporarygluefunctioncredentials \
/gettemporarygluepartitioncredentials /gettemporarygluetablecredentials
license-manager CreateToken GetAccessToken
lightsail CreateBucketAccessKey CreateContainerServiceRegistryLogin GetBucketAccessKeys
rolesanywhere /sessions PATCH/trustanchor/* POST/trustanchors
signin /v1/token
ssm CreateActivation GetAccessToken
sso-oauth /token
sts AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot GetDelegatedAccessToken \
GetFederationToken GetScopedCredentials GetSessionToken GetWebIdentityToken
workmail AssumeImpersonationRole
imds /latest/meta-data/iam/security-credentials/** \
/latest/meta-data/identity-credentials/ec2/security-credentials/**
containers /v1/credentials /v2/credentials/**
",
    )
});
/// All that STS has for callers that must not get credentials.
const HARMLESS_OF_STS: [&str; 3] = [
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetCallerIdentity",
];
/// Services in which customers choose the paths, by their signing names.
const OF_CUSTOMERS: [&str; 6] = [
    "aoss",
    "appsync",
    "es",
    "execute-api",
    "lambda",
    "vpc-lattice-svcs",
];
/// How the names of actions begin that give something out.
const GETTING: [&str; 12] = [
    "assume", "batchget", "create", "exchange", "fetch", "generate", "get", "issue", "refresh",
    "request", "retrieve", "vend",
];
/// How they end then, if it is what AWS takes for keys.
const GIVEN: [&str; 5] = [
    "accesskey",
    "accesskeys",
    "credentials",
    "federationtoken",
    "roletoken",
];
/// Actions that give out credentials of a database, a cluster or an authority, and none of AWS.
const OF_OTHERS: [(&str, &str); 5] = [
    ("acm", "GetAcmeExternalAccountBindingCredentials"),
    ("elasticmapreduce", "GetClusterSessionCredentials"),
    ("redshift", "GetClusterCredentials"),
    ("redshift", "GetClusterCredentialsWithIAM"),
    ("redshift-serverless", "GetCredentials"),
];
/// What the names do not tell, in the same form: actions, and paths with `GET`, whose answers have
/// a secret, or an address that lets others write, by the models of botocore; and those that
/// change something: `Query` can write what it finds to S3.
static OTHERS: Table = LazyLock::new(|| {
    parse(
        "\
amplify /apps /apps/* /apps/*/branches /apps/*/branches/*
amplifybackend /backend/*/challenge/*
apigateway /usageplans/*/keys /usageplans/*/keys/*
auditmanager /evidencefileuploadurl
aws-marketplace GetAgreementEntitlements
chime /accounts/*/bots /accounts/*/bots/* /meetings/*/attendees /meetings/*/attendees/*
codebuild BatchGetProjects
codepipeline ListWebhooks
cognito-identity GetId
cognito-idp DescribeIdentityProvider DescribeUserImportJob DescribeUserPoolClient \
ListUserImportJobs ListUserPoolClientSecrets
connect /user/federate/*
dataexchange /v1/data-sets/*/revisions/*/assets /v1/data-sets/*/revisions/*/assets/* /v1/jobs \
/v1/jobs/*
datasync DescribeLocationFsxOntap DescribeLocationFsxOpenZfs
datazone /v2/domains/*/connections
devicefarm GetRemoteAccessSession GetUpload ListRemoteAccessSessions ListUploads
directconnect DescribeVirtualInterfaces
ec2 DescribeVerifiedAccessTrustProviders DescribeVpnConnections \
GetVpnConnectionDeviceSampleConfiguration
eks /eks-anywhere-subscriptions /eks-anywhere-subscriptions/*
emr-serverless /applications/*/jobruns/*/dashboard /applications/*/sessions/*/endpoint
evs GetDepotUrl
firehose DescribeDeliveryStream
gamelift GetPlayerConnectionDetails
gameliftstreams /streamgroups/*/streamurls/* /streamurls
geo /metadata/v0/keys/*
glue BatchGetJobs GetConnection GetConnections GetDashboardUrl GetJob GetJobs
groundstation /agentresponseurl/*/*
health-agent /domain/*/patient-insights-job/*
interconnect GetConnection
invoicing GetProcurementPortalPreference
iot /confirmdestination/** /destinations /destinations/** /rules/*
iotmanagedintegrations /managed-things/*
iotwireless /wireless-devices/*
lex /bots/*/botversions/*/botlocales/*/botrecommendations/*
managedblockchain /accessors/*
mediapackage /channels /channels/*
mobiletargeting /v1/apps/*/channels/baidu /v1/apps/*/channels/gcm
mturk-requester GetFileUploadURL
neptune-db /gremlin /gremlin/** /opencypher /opencypher/** /sparql /sparql/**
pca-connector-scep /challengepasswords/*
profile /domains/*/upload-jobs/*/path
quicksight /accounts/*/asset-bundle-import-jobs/* /accounts/*/dashboards/*/embed-url \
/accounts/*/session-embed-url
route53globalresolver /tokens/*
ses GetAddressListImportJob ListAddressListImportJobs
sagemaker GetScalingConfigurationRecommendation
snowball GetJobUnlockCode
social-messaging /v1/whatsapp/flow/preview
states GetActivityTask
storagegateway DescribeChapCredentials
support GetAttachmentUploadLinks
thinclient /environments /environments/*
timestream Query
wafv2 ListAPIKeys
wickr /networks/*/oidc /networks/*/tdf
",
    )
});

/// Returns true for an action that only reads by its name, but may read a credential of something
/// else than AWS, or change something.
pub(super) fn is_giving_action(service: Service<'_>, action: &str) -> bool {
    // These describe credentials and do not have them.
    if matches!(
        action,
        "GetAccountPasswordPolicy" | "GetCredentialReport" | "GetRandomPassword"
    ) {
        return false;
    }
    let is_getting = action.starts_with("Get") || action.starts_with("BatchGet");
    is_getting && PARTS.iter().any(|part| action.contains(part))
        || rows(&OTHERS, service).any(|other| other == action)
}

/// Returns true for a path and a query that may read a credential, or change something, with `GET`.
pub(super) fn is_giving_path(
    service: Service<'_>,
    method: &Method,
    path: &str,
    query: &str,
) -> bool {
    if is_credential_path(service, method, path, query) {
        return true;
    }
    if OBJECTS.contains(&service.name) {
        return false;
    }
    let decoded = decode(path);
    let has_part = decoded.split('/').any(|segment| {
        let name = name(segment).replace(['-', '_'], "");
        SEGMENTS.contains(&name.as_str())
    });
    // Neptune takes what others have under `/gremlin` at its root.
    let is_query = service.name == "neptune-db" && parameters(query).any(|name| name == "gremlin");
    has_part || is_query || has_path(&OTHERS, judged_alone(service), method, path)
}

/// Returns true for an action that gives out credentials of AWS, and for a text in which a server
/// may see one.
pub(super) fn is_credential_action(service: Service<'_>, text: &str) -> bool {
    if service.name == "sts" && !service.is_one_of_all {
        let mut harmless = HARMLESS_OF_STS.iter();
        return !harmless.any(|action| text.eq_ignore_ascii_case(action));
    }
    let is_of_other = |word: &str| {
        let mut others = OF_OTHERS.iter();
        others.any(|(of, action)| *action == word && (service.is_one_of_all || *of == service.name))
    };
    // Some servers for tests take `assume_role`, too.
    let joined = text.replace('_', "");
    let words = |text| str::split(text, |c: char| !c.is_ascii_alphanumeric());
    words(text).chain(words(&joined)).any(|word| {
        rows(&CREDENTIALS, service).any(|known| word.eq_ignore_ascii_case(known))
            || names_credentials(word) && !is_of_other(word)
    })
}

/// Returns true for the name of an action that tells that it gives out credentials, also of a
/// service that is new.
fn names_credentials(action: &str) -> bool {
    let name = action.to_ascii_lowercase();
    // `GetCredentialsV2`.
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = name.strip_suffix('v').unwrap_or(name);
    let is_getting = GETTING.iter().any(|verb| name.starts_with(verb));
    let is_given = GIVEN.iter().any(|given| name.ends_with(given));
    is_getting && (is_given || name.contains("credentialsfor"))
        || name.starts_with("assume") && name.contains("role")
        || name.ends_with("sessiontoken")
}

/// Returns true for a path and a query that give out credentials of AWS, and for a path that a
/// server may take for such a one.
pub(super) fn is_credential_path(
    service: Service<'_>,
    method: &Method,
    path: &str,
    query: &str,
) -> bool {
    let decoded = decode(path);
    let segments = || decoded.split('/').map(name).filter(|name| !name.is_empty());
    if OBJECTS.contains(&service.name) {
        let has = |segment: &&str| segments().any(|name| name == *segment);
        return DATA_ACCESS.iter().all(has) || parameters(query).any(|name| name == "session");
    }
    // Other names may be those of customers.
    let is_version = |name: &String| {
        let mut bytes = name.trim_start_matches('v').bytes();
        bytes.all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
    };
    let first = segments().find(|name| !is_version(name));
    let is_named =
        !OF_CUSTOMERS.contains(&service.name) && first.is_some_and(|name| names_credentials(&name));
    let service = judged_by_paths(service);
    let has_paths = rows(&CREDENTIALS, service).any(is_path);
    is_named
        || is_of_table(segments())
        || has_paths && (climbs(&decoded) || has_path(&CREDENTIALS, service, method, path))
}

/// Returns true for the credentials of a table, in the protocol of Iceberg.
fn is_of_table(segments: impl Iterator<Item = String>) -> bool {
    let segments: Vec<_> = segments.collect();
    matches!(&segments[..], [.., tables, _, last] if tables == "tables" && last == "credentials")
}

/// Returns true for a request in the protocol of Iceberg whose answer would have keys of AWS.
pub(super) fn wants_keys_of_table(headers: &HeaderMap) -> bool {
    let wanted = headers.get_all(TABLE_DELEGATION).iter();
    wanted
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
        .any(|value| value.contains("vended"))
}

/// Returns true for a service with actions of its own that give out credentials of AWS, which a
/// body may name, and for one that reads the name of any action in a form. A server for all
/// services has objects, too, whose bodies name no action.
pub(super) fn has_credential_actions(service: &str) -> bool {
    reads_forms(service) || rows(&CREDENTIALS, Service::new(service)).any(|known| !is_path(known))
}

/// Returns true for a service that reads the name of the action in a form, whatever else names one.
pub(super) fn reads_forms(service: &str) -> bool {
    static READING_FORMS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
        let rows = Row::all().filter(|row| matches!(row.protocol, "query" | "ec2"));
        rows.map(|row| row.scope_name).collect()
    });
    READING_FORMS.contains(service)
}

/// Returns true for a service in whose paths customers choose the names.
pub(super) fn has_paths_of_customers(service: &str) -> bool {
    OBJECTS.contains(&service) || is_of_customers(service)
}

/// Returns true for a service behind which servers of customers are.
pub(super) fn is_of_customers(service: &str) -> bool {
    OF_CUSTOMERS.contains(&service)
}

fn is_path(known: &str) -> bool {
    known.contains('/')
}

/// The signing names of services, each with its actions and paths. Every request is looked up.
type Table = LazyLock<Vec<(&'static str, Vec<&'static str>)>>;

fn parse(rows: &'static str) -> Vec<(&'static str, Vec<&'static str>)> {
    let rows = rows.lines().filter_map(|line| line.split_once(' '));
    rows.map(|(name, row)| (name, row.split(' ').collect()))
        .collect()
}

/// Returns what a service has in a table.
fn rows(table: &'static Table, service: Service<'_>) -> impl Iterator<Item = &'static str> {
    let rows = table.iter();
    let rows = rows.filter(move |(name, _)| service.is_one_of_all || *name == service.name);
    rows.flat_map(|(_, row)| row.iter().copied())
}

/// Returns the service whose rows count for what only readers may not ask for: a service that is
/// known has its own actions and paths, whose names others may have for something else.
pub(super) fn judged_alone(service: Service<'_>) -> Service<'_> {
    Service {
        is_one_of_all: service.is_one_of_all && !is_known(service.name),
        ..service
    }
}

/// Returns true for the signing name of a service that has a row.
fn is_known(service: &str) -> bool {
    static KNOWN: LazyLock<BTreeSet<&str>> =
        LazyLock::new(|| Row::all().map(|row| row.scope_name).collect());
    KNOWN.contains(service)
}

/// Returns the service whose paths count: behind the paths of customers are no others.
fn judged_by_paths(service: Service<'_>) -> Service<'_> {
    Service {
        is_one_of_all: service.is_one_of_all && !is_of_customers(service.name),
        ..service
    }
}

/// Returns the names of the parameters of a query, as servers may split it.
pub(super) fn parameters(query: &str) -> impl Iterator<Item = String> + '_ {
    let pairs = query.split(['&', ';', '?']);
    let names = pairs.filter_map(|pair| form_urlencoded::parse(pair.as_bytes()).next());
    names.map(|(name, _)| bare(&name).to_ascii_lowercase())
}

/// Returns true if a service has a path in a table. It may split it before it decodes it, or after
/// that.
fn has_path(table: &'static Table, service: Service<'_>, method: &Method, path: &str) -> bool {
    let mut known = rows(table, service).filter(|known| is_path(known));
    let decoded = decode(path);
    let is_for =
        |known: &str| known.starts_with('/') || known.split('/').next() == Some(method.as_str());
    known.any(|known| is_for(known) && (matches(known, path) || matches(known, &decoded)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_asks_for_credentials_is_known_by_its_first_name() {
        for (service, path, expected) in [
            ("newrest", "/get-credentials", true),
            ("newrest", "/v1/GetTemporaryCredentials", true),
            ("newrest", "/2024-01-01/assume-role", true),
            ("newrest", "/names/get-credentials", false),
            ("execute-api", "/get-credentials", false),
            ("es", "/assumed-roles/_search", false),
        ] {
            let service = Service::new(service);
            let gives = is_credential_path(service, &Method::GET, path, "");
            assert_eq!(gives, expected, "{path}");
        }
    }

    #[test]
    fn credentials_of_aws_are_not_for_callers_of_a_proxy() {
        for (service, action, expected) in [
            ("sts", "AssumeRole", true),
            ("sts", "assumerole", true),
            ("sts", "A.GetCallerIdentity#A.GetSessionToken", true),
            ("sts", "GetCallerIdentity", false),
            ("iam", "CreateAccessKey", true),
            ("iam", "GetAccessKeyLastUsed", false),
            // By its name.
            ("iam", "AssumeRole", true),
            ("newservice", "IssueCredentialsForAgent", true),
            ("newservice", "A.GetX#A.getsessiontoken", true),
            ("newservice", "ListCredentials", false),
            ("newservice", "VendCredentialsV2", true),
            ("newservice", "GetVaultAccessKeys", true),
            ("ssm", "RequestManagedInstanceRoleToken", true),
            ("ssm", "GetDeployablePatchSnapshotForInstance", false),
            ("newservice", "DeleteAssumeRolePolicy", false),
            ("redshift", "GetClusterCredentials", false),
            ("sts", "GetNewThing", true),
            ("sts", "getcalleridentity", false),
            ("secretsmanager", "GetSecretValue", false),
            ("", "", false),
        ] {
            let gives = is_credential_action(Service::new(service), action);
            assert_eq!(gives, expected, "{service} {action}");
            let all = Service {
                name: service,
                is_one_of_all: true,
            };
            let is_of_sts_only = action == "GetNewThing";
            assert_eq!(
                is_credential_action(all, action),
                expected && !is_of_sts_only
            );
        }
        for (service, target, expected) in [
            ("eks-auth", "/clusters/c/assume-role-for-pod-identity", true),
            ("eks-auth", "/x/../clusters/c", true),
            ("codeartifact", "/v1/authorization%2Dtoken?domain=d", true),
            ("codeartifact", "/v1/repositories", false),
            ("lakeformation", "/GetTemporaryGlueTableCredentials", true),
            ("lambda", "/x/../token", false),
            ("lambda", "/functions/get-credentials", false),
            ("newservice", "/GetTemporaryCredentials/x", true),
            (
                "glue",
                "/iceberg/v1/catalogs/c/namespaces/n/tables/t/credentials",
                true,
            ),
            (
                "glue",
                "/iceberg/v1/catalogs/c/namespaces/n/tables/credentials",
                false,
            ),
            ("s3", "/bucket/tables/t/credentials", false),
            ("s3", "/bucket?session", true),
            ("s3", "/bucket?a&session%00=b", true),
            ("s3", "/bucket/token", false),
            ("s3", "/v20180820/accessgrantsinstance/dataaccess", true),
        ] {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let gives = is_credential_path(Service::new(service), &Method::POST, path, query);
            assert_eq!(gives, expected, "{service} {target}");
        }
    }

    /// A list has the same path.
    #[test]
    fn the_method_may_tell_what_gives_out_credentials() {
        for (service, path, method) in [
            ("iot", "/certificates", Method::POST),
            ("rolesanywhere", "/trustanchors", Method::POST),
            ("rolesanywhere", "/trustanchor/a", Method::PATCH),
            ("datazone", "/v2/domains/d/connections/c", Method::GET),
        ] {
            let gives = |method| is_credential_path(Service::new(service), method, path, "");
            assert!(gives(&method), "{path}");
            assert!(!gives(&Method::DELETE), "{path}");
        }
    }

    #[test]
    fn what_reads_the_name_of_an_action_in_a_form_is_read_first() {
        for (service, expected) in [
            ("ec2", true),
            ("rds", true),
            ("ssm", true),
            ("kinesis", false),
            ("s3", false),
            ("", false),
        ] {
            assert_eq!(has_credential_actions(service), expected, "{service}");
        }
    }

    #[test]
    fn metadata_of_a_server_for_tests_are_credentials() {
        let start = "/latest/meta-data/iam/security-credentials";
        let role = format!("{start}/role");
        for (path, expected) in [
            (&*role, true),
            ("/%6catest/meta-data/iam//security-credentials/role", true),
            ("/latest/meta-data/placement/region", false),
            ("/v2/credentials/x", true),
            ("/v2/names/x", false),
        ] {
            for name in ["newservice", "dynamodb"] {
                let all = Service {
                    name,
                    is_one_of_all: true,
                };
                let gives = is_credential_path(all, &Method::GET, path, "");
                assert_eq!(gives, expected, "{path}");
            }
            let rest = Service::new("apigateway");
            assert!(!is_credential_path(rest, &Method::GET, path, ""));
        }
    }

    #[test]
    fn a_server_for_all_services_may_take_a_request_for_one_of_another() {
        let path = "/confirmdestination/x";
        for is_one_of_all in [false, true] {
            let new = Service {
                name: "newservice",
                is_one_of_all,
            };
            assert_eq!(is_giving_path(new, &Method::GET, path, ""), is_one_of_all);
            assert_eq!(is_giving_action(new, "GetConnections"), is_one_of_all);
            // Paths of S3 are keys of objects.
            let s3 = Service {
                name: "s3",
                is_one_of_all,
            };
            assert!(!is_giving_path(s3, &Method::GET, path, ""));
        }
    }

    #[test]
    fn a_path_may_give_out_credentials_of_its_service() {
        for (service, target, expected) in [
            ("deadline", "/2023-10-12/farms/f/queues/q/user-roles", true),
            (
                "deadline",
                "/2023-10-12/farms/f/queues/q/user%2Droles/",
                true,
            ),
            ("deadline", "/2023-10-12/farms/f/queues/q", false),
            ("lambda", "/2023-10-12/farms/f/queues/q/user-roles", false),
            ("connect", "//User/federate/i", true),
            ("connect", "/user%2Ffederate/i", true),
            ("iot", "/confirmdestination/a/b", true),
            ("iot", "/confirmdestination;a=b/c", true),
            ("iot", "/%20/confirmdestination%0A/c", true),
            ("iot", "/confirmdestination", false),
            ("mobiletargeting", "/v1/apps?token=abc", false),
            ("lex", "/bot/b/alias/a/user/u/session", false),
            ("s3", "/bucket?Session", true),
            ("s3", "/bucket/user/federate/i", false),
        ] {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let gives = is_giving_path(Service::new(service), &Method::GET, path, query);
            assert_eq!(gives, expected, "{service} {target}");
        }
    }

    #[test]
    fn an_action_may_give_out_credentials_of_its_service() {
        for (service, action, expected) in [
            ("gamelift", "GetComputeAccess", true),
            ("codepipeline", "GetThirdPartyJobDetails", true),
            ("glue", "GetJob", true),
            ("devicefarm", "GetJob", false),
            ("iam", "ListAccessKeys", false),
            ("iam", "GetAccessKeyLastUsed", false),
            ("ec2", "DescribeVpnConnections", true),
        ] {
            let gives = is_giving_action(Service::new(service), action);
            assert_eq!(gives, expected, "{service} {action}");
        }
    }
}
