//! What people mean by a word that is not a command: habits from `aws` and from tools like it.

/// The commands of `aws` for services that Keyfob does not have, by how often they are used.
const SERVICES: [&str; 57] = [
    "acm",
    "amplify",
    "apigateway",
    "apigatewayv2",
    "appconfig",
    "athena",
    "autoscaling",
    "backup",
    "batch",
    "bedrock",
    "bedrock-runtime",
    "budgets",
    "ce",
    "cloudformation",
    "cloudfront",
    "cloudtrail",
    "cloudwatch",
    "codeartifact",
    "codebuild",
    "codedeploy",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "deploy",
    "dynamodb",
    "ecs",
    "efs",
    "elasticache",
    "elasticbeanstalk",
    "elb",
    "elbv2",
    "emr",
    "es",
    "events",
    "firehose",
    "glue",
    "guardduty",
    "identitystore",
    "kinesis",
    "kms",
    "lambda",
    "logs",
    "opensearch",
    "organizations",
    "redshift",
    "route53",
    "s3api",
    "s3control",
    "sagemaker",
    "secretsmanager",
    "securityhub",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "support",
    "wafv2",
];

/// Operations that `aws` has in a group that Keyfob has too, and their group.
const OPERATIONS: [(&str, &str); 22] = [
    ("configure", "add-model"),
    ("codecommit", "create-repository"),
    ("codecommit", "list-repositories"),
    ("ec2", "describe-security-groups"),
    ("ec2", "describe-subnets"),
    ("ec2", "describe-vpcs"),
    ("ec2", "create-vpc"),
    ("ecr", "create-repository"),
    ("ecr", "describe-repositories"),
    ("eks", "describe-cluster"),
    ("eks", "update-kubeconfig"),
    ("iam", "list-roles"),
    ("iam", "list-users"),
    ("rds", "describe-db-instances"),
    ("s3", "cp"),
    ("s3", "ls"),
    ("s3", "mb"),
    ("s3", "mv"),
    ("s3", "rb"),
    ("s3", "rm"),
    ("s3", "sync"),
    ("s3", "website"),
];

/// Words after `keyfob GROUP` for something that a command of Keyfob does, and that command. The
/// group may be empty.
const SYNONYMS: [(&str, &[&str], &str); 24] = [
    (
        "",
        &["id", "identity", "who", "me", "get-caller-identity"],
        "whoami",
    ),
    ("", &["explain", "chain"], "why"),
    ("", &["check", "status", "diagnose"], "doctor"),
    (
        "",
        &["export", "export-credentials", "eval"],
        "configure export-credentials",
    ),
    ("", &["unset", "delete", "remove", "rm"], "configure unset"),
    ("configure", &["delete", "remove", "rm"], "configure unset"),
    (
        "",
        &["list", "ls", "profiles", "list-profiles"],
        "configure list-profiles",
    ),
    ("", &["assume", "assume-role", "role"], "sts assume-role"),
    ("", &["run", "shell"], "exec"),
    (
        "",
        &["get-session-token", "mfa", "session"],
        "sts get-session-token",
    ),
    ("", &["presign", "url"], "s3 presign"),
    ("", &["simulate", "may", "permissions"], "can"),
    ("", &["compare", "verify", "diff"], "sign compare"),
    ("", &["metadata", "instance"], "imds tree"),
    ("", &["config", "setup", "add"], "configure"),
    ("", &["set"], "configure set"),
    ("", &["get"], "configure get"),
    ("sts", &["whoami", "identity", "who", "id"], "whoami"),
    ("sts", &["assume", "role"], "sts assume-role"),
    ("sts", &["mfa", "session"], "sts get-session-token"),
    ("configure", &["ls", "profiles"], "configure list-profiles"),
    ("s3", &["url", "sign"], "s3 presign"),
    ("imds", &["list"], "imds ls"),
    ("ecr", &["get-login", "login"], "ecr get-login-password"),
];

/// Returns a hint for a word after `keyfob GROUP`, where the group may be empty, if its meaning is
/// known. A hint may repeat the word, because it is one of those in this file.
pub(super) fn hint_for_command(group: &str, word: &str) -> Option<String> {
    if let Some((group, operation)) = OPERATIONS.iter().find(|known| **known == (group, word)) {
        return Some(format!(
            "keyfob has no `{group} {operation}`: use `aws {group} {operation}`"
        ));
    }
    let mut synonyms = SYNONYMS.iter();
    if let Some((.., command)) = synonyms.find(|known| known.0 == group && known.1.contains(&word))
    {
        return Some(format!("did you mean `keyfob {command}`?"));
    }
    if !group.is_empty() {
        return None;
    }
    if let Some(service) = SERVICES.iter().find(|service| **service == word) {
        return Some(format!("keyfob has no {service}: use `aws {service}`"));
    }
    None
}

/// Returns a hint for a word that a command does not take.
pub(super) fn hint_for_extra_word(command: &str) -> Option<&'static str> {
    match command {
        "keyfob why"
        | "keyfob whoami"
        | "keyfob configure list"
        | "keyfob sts get-caller-identity" => Some("did you mean --profile NAME?"),
        "keyfob configure set" => Some(
            "write `keyfob configure set NAME VALUE`, with quotes around a value of several words",
        ),
        "keyfob configure get" => Some("write one NAME; --profile NAME chooses the profile"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_have_hints_by_meaning() {
        for (group, word, hint) in [
            ("", "sqs", "keyfob has no sqs: use `aws sqs`"),
            ("s3", "ls", "keyfob has no `s3 ls`: use `aws s3 ls`"),
            (
                "",
                "profiles",
                "did you mean `keyfob configure list-profiles`?",
            ),
        ] {
            assert_eq!(hint_for_command(group, word).as_deref(), Some(hint));
        }
        for word in ["run", "eval"] {
            assert!(hint_for_command("", word).is_some(), "{word}");
        }
        assert_eq!(hint_for_command("sts", "sqs"), None);
        assert_eq!(hint_for_command("", "nonsense"), None);
    }
}
