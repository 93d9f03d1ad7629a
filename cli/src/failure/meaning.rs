//! What people mean by a word that is not a command: habits from `aws` and from tools like it.

use crate::{args::is_near, services::catalog};

/// The groups of `aws` of which Keyfob has only some commands.
const PARTIAL: [&str; 10] = [
    "codecommit",
    "dsql",
    "ec2",
    "ecr",
    "ecr-public",
    "eks",
    "iam",
    "rds",
    "service-quotas",
    "sso",
];

/// The commands of `aws` that have another name than the service, and that of the service.
const RENAMED: [(&str, &str); 4] = [
    ("configservice", "config"),
    ("ddb", "dynamodb"),
    ("deploy", "codedeploy"),
    ("s3api", "s3"),
];

/// The commands of `aws` that no service of today has the name of.
const ONLY_IN_AWS: [&str; 4] = ["finspace", "finspace-data", "history", "tnb"];

/// Operations that `aws` has in a group that Keyfob has too, and their group.
const OPERATIONS: [(&str, &str); 24] = [
    ("codecommit", "create-repository"),
    ("codecommit", "list-repositories"),
    ("configure", "add-model"),
    ("ec2", "create-tags"),
    ("ec2", "describe-key-pairs"),
    ("ec2", "describe-security-groups"),
    ("ec2", "describe-volumes"),
    ("ec2", "describe-subnets"),
    ("ec2", "describe-vpcs"),
    ("ec2", "create-vpc"),
    ("ecr", "create-repository"),
    ("ecr", "describe-repositories"),
    ("eks", "describe-cluster"),
    ("eks", "update-kubeconfig"),
    ("iam", "attach-role-policy"),
    ("iam", "create-user"),
    ("iam", "list-policies"),
    ("iam", "list-roles"),
    ("iam", "list-users"),
    ("rds", "describe-db-instances"),
    ("s3", "website"),
    ("sso", "get-role-credentials"),
    ("sso", "list-account-roles"),
    ("sso", "list-accounts"),
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
/// known. A hint may repeat the word, because it is one of those in this file or of all services.
/// `similar` is the command of the group that is the most like the word.
pub(super) fn hint_for_command(group: &str, word: &str, similar: Option<&str>) -> Option<String> {
    if let Some((group, operation)) = OPERATIONS.iter().find(|known| **known == (group, word)) {
        let text = format!("keyfob has no `{group} {operation}`: use `aws {group} {operation}`");
        return Some(with_api(text, group));
    }
    let mut synonyms = SYNONYMS.iter();
    if let Some((.., command)) = synonyms.find(|known| known.0 == group && known.1.contains(&word))
    {
        return Some(format!("did you mean `keyfob {command}`?"));
    }
    if PARTIAL.contains(&group) {
        // Most words are commands that `aws` has, and many of those are like one of these.
        let near = similar.filter(|similar| is_near(word, similar));
        return Some(match near {
            Some(near) => format!("did you mean `keyfob {group} {near}`?"),
            None => with_api(
                format!("keyfob has only some commands of {group}: use `aws {group}`"),
                group,
            ),
        });
    }
    if group.is_empty() && word == "version" {
        return Some("`keyfob version` stands alone".to_owned());
    }
    let renamed = RENAMED.iter().find(|(command, _)| *command == word);
    let service = renamed.map_or(word, |(_, service)| service);
    let is_of_aws = ONLY_IN_AWS.contains(&word)
        || catalog::row(service).is_some()
        || catalog::is_other(service);
    if !group.is_empty() || !is_of_aws {
        return None;
    }
    let text = format!("keyfob has no {word}: use `aws {word}`");
    Some(with_api(text, service))
}

/// Adds the command that makes any call of a service, if it can.
fn with_api(text: String, service: &str) -> String {
    match catalog::row(service) {
        Some(_) => format!("{text}, or `keyfob api {service} OPERATION`"),
        None => text,
    }
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

    fn hint(group: &str, word: &str, similar: Option<&str>) -> String {
        hint_for_command(group, word, similar).unwrap_or_default()
    }

    #[test]
    fn habits_have_hints_by_meaning() {
        for (group, word, expected) in [
            ("", "lambda", "keyfob has no lambda: use `aws lambda`"),
            ("", "history", "keyfob has no history: use `aws history`"),
            ("", "version", "`keyfob version` stands alone"),
            (
                "",
                "ssm",
                "keyfob has no ssm: use `aws ssm`, or `keyfob api ssm OPERATION`",
            ),
            (
                "",
                "deploy",
                "keyfob has no deploy: use `aws deploy`, or `keyfob api codedeploy OPERATION`",
            ),
            ("", "s3api", "keyfob has no s3api: use `aws s3api`"),
            (
                "s3",
                "website",
                "keyfob has no `s3 website`: use `aws s3 website`",
            ),
            (
                "ec2",
                "create-vpc",
                "keyfob has no `ec2 create-vpc`: use `aws ec2 create-vpc`, or `keyfob api ec2 \
                 OPERATION`",
            ),
            (
                "iam",
                "frobnicate",
                "keyfob has only some commands of iam: use `aws iam`, or `keyfob api iam OPERATION`",
            ),
            (
                "",
                "profiles",
                "did you mean `keyfob configure list-profiles`?",
            ),
        ] {
            assert_eq!(hint(group, word, None), expected);
        }
        for word in ["run", "eval"] {
            assert!(hint_for_command("", word, None).is_some(), "{word}");
        }
        assert_eq!(hint_for_command("sts", "sqs", None), None);
        assert_eq!(hint_for_command("", "nonsense", None), None);
    }

    #[test]
    fn a_command_of_aws_that_is_like_another_is_not_taken_for_it() {
        let similar = Some("describe-images");
        assert_eq!(
            hint("ec2", "describe-imges", similar),
            "did you mean `keyfob ec2 describe-images`?"
        );
        assert!(hint("ec2", "describe-vpn-gateways", similar).contains("`aws ec2`"));
    }
}
