//! What stands before the host of a service for some of its operations.

use std::{borrow::Cow, collections::BTreeSet, sync::LazyLock};

use http::{HeaderMap, StatusCode, request::Parts};
use keyfob_sigv4::HostScope;

use super::{
    action,
    paths::matches,
    rules::{Refusal, refusal},
};
use crate::services::catalog::{Row, is_host_of_service};

/// Written by `cli/models/generate.py`, which has the format.
const TABLE: &str = include_str!("../../../../models/prefixes");

/// Returns what stands before the host of a service, which has its name in botocore, for a request:
/// nothing for most of them.
///
/// # Errors
///
/// If it is a header of the request that cannot stand in a host.
pub(super) fn find(service: &str, head: &Parts) -> Result<Cow<'static, str>, Refusal> {
    let Some(words) = words(service) else {
        return Ok("".into());
    };
    let actions = action::in_head(head, service);
    let (mut prefix, mut found) = ("", "");
    for word in words.split(' ') {
        match word.strip_suffix('=') {
            Some(next) => prefix = next,
            None if is_for(word, head, &actions) => found = prefix,
            None => {}
        }
    }
    let named = found
        .strip_prefix('{')
        .and_then(|rest| rest.split_once('}'));
    match named {
        Some((name, rest)) => from_header(&head.headers, name, rest).map(Cow::Owned),
        None => Ok(found.into()),
    }
}

/// Returns the scope of a host that begins with what stands before that of a service.
pub(super) fn scope_of(host: &str) -> Option<HostScope> {
    /// What may stand there, with the scope names of the services. Every host is compared with it.
    static PREFIXES: LazyLock<BTreeSet<(&str, &str)>> = LazyLock::new(|| {
        let prefixes = |row: Row| {
            let words = words(row.name).unwrap_or_default().split(' ');
            let prefixes = words.filter_map(|word| word.strip_suffix('='));
            let prefixes = prefixes.filter(|prefix| !prefix.is_empty());
            prefixes.map(move |prefix| (prefix, row.scope_name))
        };
        Row::all().flat_map(prefixes).collect()
    });
    PREFIXES.iter().find_map(|(prefix, service)| {
        let inner = host.strip_prefix(prefix)?;
        let told = HostScope::parse(inner)?;
        (told.service() == *service && is_host_of_service(inner, &told)).then_some(told)
    })
}

fn words(service: &str) -> Option<&'static str> {
    TABLE.lines().find_map(|line| {
        let (known, words) = line.split_once(' ')?;
        (known == service).then_some(words)
    })
}

/// Returns true if a word of the table is the operation of a request: an action, or the method, if
/// it counts, and the path.
fn is_for(word: &str, head: &Parts, actions: &[String]) -> bool {
    let Some((method, _)) = word.split_once('/') else {
        return actions.iter().any(|action| action == word);
    };
    let path = head.uri.path();
    let is_above = |above| matches(above, path);
    (method.is_empty() || method == head.method)
        && (matches(word, path) || word.strip_suffix("/**").is_some_and(is_above))
}

/// Returns the value of a header with what follows it. It cannot end the host, or begin another
/// one.
fn from_header(headers: &HeaderMap, name: &str, rest: &str) -> Result<String, Refusal> {
    let Some(value) = headers.get(name) else {
        return Ok(String::new());
    };
    let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let value = value.to_str().ok().filter(|value| {
        (1..=63).contains(&value.len()) && value.bytes().all(is_label) && !value.starts_with('-')
    });
    let value = value.ok_or(refusal(
        StatusCode::BAD_REQUEST,
        "the header that stands before the host of the service is not a part of a host name",
    ))?;
    Ok(format!("{value}{rest}"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::scope_of;

    fn prefix(service: &str, start: &str, header: (&str, &str)) -> Option<String> {
        let (method, path) = start.split_once(' ').unwrap();
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header.0, header.1).body(()).unwrap();
        let found = super::find(service, &request.into_parts().0).ok()?;
        Some(found.into_owned())
    }

    #[test]
    fn a_host_with_a_prefix_is_one_of_its_service() {
        for (host, service) in [
            ("management.deadline.eu-west-1.amazonaws.com", "deadline"),
            ("data.iotsitewise.eu-west-1.amazonaws.com", "iotsitewise"),
            ("workflows-omics.eu-west-1.amazonaws.com", "omics"),
            (
                "data-lakeformation.eu-west-1.amazonaws.com",
                "lakeformation",
            ),
            ("sync-states.eu-west-1.amazonaws.com", "states"),
        ] {
            let scope = scope_of(host).unwrap();
            assert_eq!(
                (scope.service(), scope.region()),
                (service, Some("eu-west-1")),
                "{host}"
            );
        }
        for host in [
            "deadline.eu-west-1.amazonaws.com",
            "management.lambda.eu-west-1.amazonaws.com",
            "evil.deadline.eu-west-1.amazonaws.com",
            "management.deadline.eu-west-1.example.com",
            "management.",
        ] {
            assert!(scope_of(host).is_none(), "{host}");
        }
    }

    #[test]
    fn the_operation_tells_what_stands_before_the_host() {
        for (service, start, expected) in [
            ("deadline", "GET /2023-10-12/farms", "management."),
            (
                "deadline",
                "POST /2023-10-12/farms/f/fleets/g/workers",
                "scheduling.",
            ),
            (
                "deadline",
                "GET /2023-10-12/farms/f/fleets/g/workers",
                "management.",
            ),
            ("iotsitewise", "GET /jobs?a=b", "data."),
            ("signer", "GET /signing-jobs", ""),
            ("rum", "POST /appmonitors/a/", "dataplane."),
            ("lambda", "GET /2015-03-31/functions", ""),
            ("", "GET /", ""),
            ("#", "GET /", ""),
        ] {
            let found = prefix(service, start, ("accept", "*/*"));
            assert_eq!(found.as_deref(), Some(expected), "{service} {start}");
        }
        let target = |action| ("x-amz-target", action);
        let find = |action| prefix("stepfunctions", "POST /", target(action)).unwrap();
        assert_eq!(find("AWSStepFunctions.StartSyncExecution"), "sync-");
        assert_eq!(find("AWSStepFunctions.StartExecution"), "");
    }

    #[test]
    fn a_header_that_stands_before_the_host_is_one_part_of_it() {
        let find = |name, value| {
            let start = "GET /v20180820/jobs";
            prefix("s3control", start, (name, value))
        };
        let account = "x-amz-account-id";
        assert_eq!(
            find(account, "123456789012").as_deref(),
            Some("123456789012.")
        );
        assert_eq!(find("accept", "a").as_deref(), Some(""));
        for value in [
            "",
            "a.b",
            "a/b",
            "evil.example#",
            "-a",
            "a:1",
            "a@b",
            "a b",
            &"1".repeat(64),
        ] {
            assert_eq!(find(account, value), None, "{value}");
        }
    }
}
