//! The requests that read what can be used as a credential, or change something though their names
//! say that they read.

use super::paths::decode;

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
/// The signing names of S3, whose paths are the keys of objects.
pub(super) const OBJECTS: [&str; 4] = ["s3", "s3-object-lambda", "s3-outposts", "s3express"];
/// Where S3 Control, which is signed as S3, gives out credentials (`GetDataAccess`).
/// Wherever they stand, because a server may leave others out.
const DATA_ACCESS: [&str; 3] = ["v20180820", "accessgrantsinstance", "dataaccess"];
/// What the names do not tell: the signing name of a service, then actions and paths whose answers
/// have a secret by the models of botocore, and those that change something: `Query` can write what
/// it finds to S3. `*` is any segment, `**` are all that follow.
const OTHERS: &str = "\
amplify /apps /apps/* /apps/*/branches /apps/*/branches/*
apigateway /usageplans/*/keys /usageplans/*/keys/*
chime /accounts/*/bots /accounts/*/bots/* /meetings/*/attendees /meetings/*/attendees/*
codebuild BatchGetProjects
cognito-identity GetId
cognito-idp DescribeIdentityProvider DescribeUserImportJob DescribeUserPoolClient \
ListUserImportJobs ListUserPoolClientSecrets
connect /user/federate/*
dataexchange /v1/data-sets/*/revisions/*/assets /v1/data-sets/*/revisions/*/assets/* /v1/jobs \
/v1/jobs/*
datasync DescribeLocationFsxOntap DescribeLocationFsxOpenZfs
datazone /v2/domains/*/connections /v2/domains/*/connections/*
deadline /*/farms/*/fleets/*/read-roles /*/farms/*/fleets/*/workers/*/fleet-roles \
/*/farms/*/fleets/*/workers/*/queue-roles /*/farms/*/queues/*/read-roles \
/*/farms/*/queues/*/user-roles
ec2 DescribeVerifiedAccessTrustProviders DescribeVpnConnections
emr-serverless /applications/*/sessions/*/endpoint
glue BatchGetJobs GetConnection GetConnections GetDashboardUrl GetJob GetJobs
health-agent /domain/*/patient-insights-job/*
interconnect GetConnection
invoicing GetProcurementPortalPreference
iot /confirmdestination/** /destinations /destinations/**
iotmanagedintegrations /managed-things/*
lex /bots/*/botversions/*/botlocales/*/botrecommendations/*
mediapackage /channels /channels/*
pca-connector-scep /challengepasswords/*
quicksight /accounts/*/asset-bundle-import-jobs/* /accounts/*/dashboards/*/embed-url \
/accounts/*/session-embed-url
route53globalresolver /tokens/*
ses GetAddressListImportJob ListAddressListImportJobs
states GetActivityTask
storagegateway DescribeChapCredentials
timestream Query
wickr /networks/*/oidc /networks/*/tdf
";

/// Returns true for an action that only reads by its name, but may read a credential, or change
/// something.
pub(super) fn is_giving_action(service: &str, action: &str) -> bool {
    // These describe credentials and do not have them.
    if matches!(
        action,
        "GetAccountPasswordPolicy" | "GetCredentialReport" | "GetRandomPassword"
    ) {
        return false;
    }
    let is_getting = action.starts_with("Get") || action.starts_with("BatchGet");
    is_getting && PARTS.iter().any(|part| action.contains(part))
        || others(service).any(|other| other == action)
}

/// Returns true for a path and a query that may read a credential, or change something, with `GET`.
pub(super) fn is_giving_path(service: &str, path: &str, query: &str) -> bool {
    let decoded = decode(path);
    let names: Vec<_> = decoded.split('/').map(name).collect();
    if OBJECTS.contains(&service) {
        let has = |segment: &&str| names.iter().any(|name| name == segment);
        let mut parameters = form_urlencoded::parse(query.as_bytes());
        return DATA_ACCESS.iter().all(has)
            || parameters.any(|(name, _)| name.eq_ignore_ascii_case("session"));
    }
    let has_part = names.iter().any(|name| {
        let name = name.replace(['-', '_'], "");
        SEGMENTS.contains(&name.as_str())
    });
    // A service may split the path before it decodes it, or after that.
    let mut others = others(service).filter(|other| other.starts_with('/'));
    has_part || others.any(|other| matches(other, path) || matches(other, &decoded))
}

/// Returns what a service has in the table.
fn others(service: &str) -> impl Iterator<Item = &'static str> {
    let mut lines = OTHERS.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(name, _)| *name == service);
    found.into_iter().flat_map(|(_, others)| others.split(' '))
}

/// Returns what a server may read in a segment: some leave parameters, spaces and the like out.
fn name(segment: &str) -> String {
    let decoded = decode(segment).to_lowercase();
    let name = decoded.split([';', '\0']).next().unwrap_or_default();
    let is_left_out = |letter: char| letter.is_whitespace() || letter.is_control();
    name.trim_matches(is_left_out).to_owned()
}

/// Returns true if a path has the segments of a pattern. Empty ones do not count.
fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/').map(name).filter(|name| !name.is_empty());
    for expected in pattern.split('/').skip(1) {
        let Some(segment) = segments.next() else {
            return false;
        };
        match expected {
            "**" => return true,
            "*" => {}
            _ if segment == expected => {}
            _ => return false,
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let gives = is_giving_path(service, path, query);
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
            let gives = is_giving_action(service, action);
            assert_eq!(gives, expected, "{service} {action}");
        }
    }
}
