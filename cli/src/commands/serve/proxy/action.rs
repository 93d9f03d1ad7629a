//! The actions that requests name, and which of them only read.

use std::{collections::BTreeSet, fmt, sync::LazyLock};

use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};

use super::{
    giving::{self, Service},
    paths::{bare, climbs, decode},
};
use crate::services::catalog::{self, Row};

/// How the names of actions that only read begin.
const READING: [&str; 7] = [
    "BatchGet", "Describe", "Get", "Head", "List", "Query", "Scan",
];
const TARGET: &str = "x-amz-target";
/// How many actions a body may name: more would take long to check, while all other requests wait.
const MAX_ACTIONS: usize = 1_000;
/// A longer text is the name of no action.
const MAX_ACTION: usize = 256;
/// How many pairs of a body may look like actions before they are decoded.
const MAX_PAIRS: usize = 10_000;

/// What stands before the actions in `X-Amz-Target`, with the signing name of the service.
static TARGETS: LazyLock<BTreeSet<(&str, &str)>> = LazyLock::new(|| {
    let rows = Row::all().filter(|row| !row.target.is_empty());
    rows.map(|row| (row.target, row.scope_name)).collect()
});

/// Returns the actions that the head of a request names: in `X-Amz-Target` (JSON), in the path
/// (CBOR), in the query, and in a header that some servers for tests read like a query. There is
/// one at most, unless the request is made to deceive.
pub(super) fn in_head(head: &Parts, service: &str) -> Vec<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let targets = head.headers.get_all(TARGET).iter().map(text);
    let mut actions: Vec<_> = targets
        .map(|target| in_target(&target).to_owned())
        .collect();
    let path = decode(head.uri.path());
    let in_path = in_cbor_path(&path);
    if head.headers.contains_key("smithy-protocol") {
        actions.push(in_path.unwrap_or(&path).to_owned());
    } else if !giving::has_paths_of_customers(service) {
        actions.extend(in_path.map(str::to_owned));
    }
    // These names are those of customers, too.
    if !giving::is_of_customers(service) {
        let query = head.uri.query().unwrap_or_default();
        actions.extend(in_form(query.as_bytes()));
        actions.extend(head.headers.get_all("action").iter().map(text));
    }
    actions
}

/// Returns the action of `VERSION.ACTION`, and all of any other text, which names none. Only
/// versions that are known have dots.
fn in_target(target: &str) -> &str {
    let is_version = |text: &str| {
        let mut bytes = text.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            || TARGETS.iter().any(|(version, _)| *version == text)
    };
    match target.rsplit_once('.') {
        Some((version, action)) if is_version(version) => action,
        _ => target,
    }
}

/// Returns the service whose rows count for what a request names. A server for all services takes
/// it from `X-Amz-Target`, whatever the signature names.
fn asked<'a>(headers: &HeaderMap, service: Service<'a>) -> Service<'a> {
    let mut targets = headers.get_all(TARGET).iter();
    let is_own = |target: &HeaderValue| {
        let target = String::from_utf8_lossy(target.as_bytes());
        let version = target.rsplit_once('.').map(|(version, _)| version);
        version.is_some_and(|version| TARGETS.contains(&(version, service.name)))
    };
    if targets.all(is_own) {
        giving::judged_alone(service)
    } else {
        service
    }
}

/// Returns the action of `/service/NAME/operation/ACTION`, which is decoded.
fn in_cbor_path(path: &str) -> Option<&str> {
    let (name, action) = path.strip_prefix("/service/")?.split_once("/operation/")?;
    (!name.contains('/') && !action.contains('/')).then_some(action)
}

/// Returns the actions that a form names.
fn in_form(form: &[u8]) -> impl Iterator<Item = String> + '_ {
    pairs(form).filter_map(named)
}

/// Returns the actions that a body names, in whose place a server may read a form.
///
/// # Errors
///
/// The reason why they are too many.
pub(super) fn in_body(body: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut actions = Vec::new();
    for (count, pair) in pairs(body).enumerate() {
        actions.extend(named(pair).filter(|action| action.len() <= MAX_ACTION));
        if count >= MAX_PAIRS || actions.len() > MAX_ACTIONS {
            return Err("the body names too many actions");
        }
    }
    Ok(actions)
}

/// Returns the actions that a body names. A server that is not of AWS may take the members of JSON
/// for the parameters of a form.
fn in_body_for(service: Service<'_>, body: &[u8]) -> Result<Vec<String>, &'static str> {
    let mut actions = in_body(body)?;
    let mut text = body.iter().filter(|byte| !is_blank(**byte));
    if service.is_one_of_all && text.next() == Some(&b'{') {
        match serde_json::Deserializer::from_slice(body).deserialize_map(Members) {
            Ok(members) => actions.extend(members),
            Err(_) if may_have_members(body) => return Err(NO_JSON),
            Err(_) => {}
        }
    }
    Ok(actions)
}

/// Returns true for a text in which others may read a member `Action`: its name may be escaped, or
/// in UTF-16.
fn may_have_members(body: &[u8]) -> bool {
    let is_action = |part: &[u8]| part.eq_ignore_ascii_case(b"Action");
    body.contains(&0)
        || body.windows(2).any(|part| part == b"\\u")
        || body.windows("Action".len()).any(is_action)
}

/// Reads the members `Action` of an object, of which there may be more than one. Each is a text.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut actions = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if !bare(&name).eq_ignore_ascii_case("Action") {
                members.next_value::<IgnoredAny>()?;
                continue;
            }
            let action: String = members.next_value()?;
            if actions.len() == MAX_ACTIONS {
                return Err(A::Error::custom("too many"));
            }
            actions.extend((action.len() <= MAX_ACTION).then_some(action));
        }
        Ok(actions)
    }
}

/// Returns true for what servers leave out before a name, as text of a form.
fn is_blank(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b'+' | b'?') || !byte.is_ascii()
}

/// Returns the pairs of a form whose name may be `Action` when it is decoded, by all the rules that
/// servers have: some take `;` for `&`.
fn pairs(form: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_action = |part: &[u8]| part.eq_ignore_ascii_case(b"Action");
    let pairs = form.split(|byte| matches!(byte, b'&' | b';'));
    pairs.filter(move |pair| {
        let begin = pair.iter().position(|byte| !is_blank(*byte));
        let name = pair.get(begin.unwrap_or_default()..).unwrap_or_default();
        let name = &name[..name.len().min(MAX_ACTION)];
        let name = name.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.contains(&b'%') || name.windows("Action".len()).any(is_action)
    })
}

/// Returns the action of a pair. Some servers leave out spaces, the `?` of a query, and what
/// follows a null byte.
fn named(pair: &[u8]) -> Option<String> {
    let (name, action) = form_urlencoded::parse(pair).next()?;
    let name = bare(&name).trim_start_matches('?');
    bare(name)
        .eq_ignore_ascii_case("Action")
        .then(|| bare(&action).to_owned())
}

/// Returns true if the body of a request is a form, whose action stands in it.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    content_types(headers).any(|kind| kind.contains("form-urlencoded"))
}

fn content_types(headers: &HeaderMap) -> impl Iterator<Item = String> + '_ {
    let kinds = headers.get_all(header::CONTENT_TYPE).iter();
    kinds.map(|kind| String::from_utf8_lossy(kind.as_bytes()).to_ascii_lowercase())
}

/// Returns true for a body in which a server would read something else than the proxy: one that is
/// encoded, has chunks or parts, or is not in UTF-8.
fn is_unreadable(headers: &HeaderMap) -> bool {
    headers.contains_key(header::CONTENT_ENCODING)
        || headers.contains_key("x-amz-decoded-content-length")
        || content_types(headers).any(|kind| {
            let mut charsets = kind.split("charset").skip(1);
            let is_sign = |c: char| c.is_whitespace() || matches!(c, '*' | '=' | '"' | '\'');
            kind.contains("multipart/")
                || charsets.any(|charset| !charset.trim_start_matches(is_sign).starts_with("utf-8"))
        })
}

/// Checks that a request gets no credentials of AWS, as far as its head tells. What a body says is
/// left to [`check_body_for_credentials`]. `actions` are those of the head, and the body is read if
/// it may name one.
///
/// # Errors
///
/// The reason why it may get some.
pub(super) fn check_head_for_credentials(
    head: &Parts,
    service: Service<'_>,
    actions: &[String],
    reads_body: bool,
) -> Result<(), &'static str> {
    let query = head.uri.query().unwrap_or_default();
    let mut actions = actions.iter();
    if actions.any(|action| giving::is_credential_action(service, action))
        || giving::is_credential_path(service, &head.method, head.uri.path(), query)
        || giving::wants_keys_of_table(&head.headers)
    {
        return Err(GIVES_CREDENTIALS);
    }
    if reads_body && is_unreadable(&head.headers) {
        return Err(UNREADABLE);
    }
    Ok(())
}

/// Returns true for a request whose body may name an action. Servers of S3 that are not those of
/// AWS have STS at their root, and servers for all services read many a body as a form.
pub(super) fn may_be_in_body(head: &Parts, service: Service<'_>) -> bool {
    if is_named_by_target(&head.headers, service) {
        return false;
    }
    let is_at_root = || {
        let is_empty = |name| matches!(name, "" | ".");
        head.method == Method::POST && decode(head.uri.path()).split('/').all(is_empty)
    };
    let is_of_objects = giving::OBJECTS.contains(&service.name);
    let is_for_another = || {
        head.headers.contains_key(TARGET)
            || !giving::is_of_customers(service.name)
                && (is_form(&head.headers) && !is_of_objects || is_at_root())
    };
    giving::has_credential_actions(service.name)
        || service.is_one_of_all && is_for_another()
        || service.name == "s3" && is_at_root()
}

/// Returns true if a service takes the action from `X-Amz-Target`, and looks for none in the body.
fn is_named_by_target(headers: &HeaderMap, service: Service<'_>) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let target = headers.get(TARGET).and_then(|target| target.to_str().ok());
    target.is_some_and(|target| is_name(in_target(target)))
        && is_json(headers)
        && !service.is_one_of_all
        && !giving::reads_forms(service.name)
}

/// Returns true for a body in JSON, which no service takes for a form.
fn is_json(headers: &HeaderMap) -> bool {
    let is_such = |kind: String| {
        let mut parts = kind.split(';').map(str::trim);
        let is_utf_8 = |part| matches!(part, "charset=utf-8" | "charset=\"utf-8\"");
        matches!(
            parts.next(),
            Some("application/x-amz-json-1.0" | "application/x-amz-json-1.1")
        ) && parts.all(is_utf_8)
    };
    let mut kinds = content_types(headers);
    kinds.next().is_some_and(is_such) && kinds.next().is_none()
}

/// Checks that a body names no action that gets credentials of AWS.
///
/// # Errors
///
/// The reason why it may get some.
pub(super) fn check_body_for_credentials(
    service: Service<'_>,
    body: &[u8],
) -> Result<(), &'static str> {
    let mut actions = in_body_for(service, body)?.into_iter();
    if actions.any(|action| giving::is_credential_action(service, &action)) {
        return Err(GIVES_CREDENTIALS);
    }
    Ok(())
}

const GIVES_CREDENTIALS: &str =
    "the request asks for credentials of AWS, which only a proxy with --allow-credentials gives";
const UNREADABLE: &str = "the action may be in the body, which the proxy cannot read: send it as one \
                          part, in UTF-8, without Content-Encoding and not aws-chunked";
const NO_JSON: &str =
    "the body begins like JSON and may name an action, and is none that the proxy can read";

/// Checks that a request only reads, as far as its head tells. What a body says is left to
/// [`check_body`]. `actions` are those of the head.
///
/// # Errors
///
/// The reason why it may do more.
pub(super) fn check_head(
    head: &Parts,
    service: Service<'_>,
    actions: &[String],
    has_body: bool,
) -> Result<(), &'static str> {
    let query = head.uri.query().unwrap_or_default();
    check_all(service, &head.headers, actions)?;
    if giving::wants_keys_of_table(&head.headers) {
        return Err(GIVES_CREDENTIALS);
    }
    // Keys of objects may look so, and S3 takes them as they are.
    if !giving::OBJECTS.contains(&service.name) && climbs(&decode(head.uri.path())) {
        return Err("--read-only: the path may lead to another one");
    }
    if matches!(head.method, Method::GET | Method::HEAD) {
        if has_body {
            return Err("--read-only: a request that reads has no body");
        }
        if giving::is_giving_path(service, &head.method, head.uri.path(), query) {
            return Err("--read-only: the path may give out credentials, or change something");
        }
        return Ok(());
    }
    if is_unreadable(&head.headers) {
        return Err(UNREADABLE);
    }
    // A service of another protocol does not look at the name of the action: it may do anything.
    // Older clients of SQS name the queue in the path.
    let is_place = head.uri.path() == "/" || service.name == "sqs" && !service.is_one_of_all;
    let is_one_place = is_place && head.uri.query().is_none();
    let is_cbor = head.headers.contains_key("smithy-protocol")
        && in_cbor_path(&decode(head.uri.path())).is_some();
    let names_its_action = !actions.is_empty() || is_form(&head.headers);
    if head.method == Method::POST
        && (is_one_place || is_cbor)
        && names_its_action
        && catalog::names_actions(service.name)
    {
        return Ok(());
    }
    Err("--read-only: the method is not GET or HEAD, and the request names no action that reads")
}

/// Checks that a body names only actions that read, and that a form names one. A service may take
/// any body for a form.
///
/// # Errors
///
/// The reason why it may do more.
pub(super) fn check_body(
    headers: &HeaderMap,
    service: Service<'_>,
    body: &[u8],
) -> Result<(), &'static str> {
    if is_named_by_target(headers, service) {
        return Ok(());
    }
    let actions = in_body_for(service, body)?;
    if actions.is_empty() && is_form(headers) {
        return Err("--read-only: the form names no action");
    }
    check_all(service, headers, &actions)
}

fn check_all(
    service: Service<'_>,
    headers: &HeaderMap,
    actions: &[String],
) -> Result<(), &'static str> {
    let asked = asked(headers, service);
    for action in actions {
        if !reads(action) {
            return Err("--read-only: the action is not known to only read");
        }
        if giving::is_giving_action(asked, action) || giving::is_credential_action(service, action)
        {
            return Err("--read-only: the action may give out credentials, or change something");
        }
    }
    Ok(())
}

fn reads(action: &str) -> bool {
    action.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && READING.iter().any(|verb| {
            let rest = action.strip_prefix(verb);
            rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
        })
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// Returns whether a request passes; its body is a form if `form` is there.
    fn passes(start: &str, service: &str, headers: &[(&str, &str)], form: Option<&str>) -> bool {
        let (method, target) = start.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if form.is_some() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let head = request.body(()).unwrap().into_parts().0;
        let has_body = form.is_some() || method == "POST";
        let service = Service::new(service);
        check_head(&head, service, &in_head(&head, service.name), has_body).is_ok()
            && form.is_none_or(|form| check_body(&head.headers, service, form.as_bytes()).is_ok())
    }

    /// Returns whether a request passes whose body asks for credentials.
    fn passes_with_action(start: &str, service: Service<'_>, kind: &str) -> bool {
        let (method, target) = start.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(target);
        if kind.contains("json") {
            request = request.header("x-amz-target", "AmazonSSM.PutParameter");
        }
        for (name, value) in kind.split(' ').filter_map(|header| header.split_once('=')) {
            request = request.header(name, value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        let body = b"a&Action=AssumeRole&b";
        let reads_body = may_be_in_body(&head, service);
        let actions = in_head(&head, service.name);
        check_head_for_credentials(&head, service, &actions, reads_body).is_ok()
            && (!reads_body || check_body_for_credentials(service, body).is_ok())
    }

    #[test]
    fn a_body_in_which_a_server_may_see_an_action_is_looked_at() {
        let all = |name| Service {
            name,
            is_one_of_all: true,
        };
        for (start, service, kind, expected) in [
            ("POST /", all("dynamodb"), "content-type=text/plain", false),
            (
                "POST //./",
                all("dynamodb"),
                "content-type=text/plain",
                false,
            ),
            ("POST /", all("s3"), "content-encoding=gzip", false),
            (
                "POST /",
                all("s3"),
                "content-type=multipart/form-data",
                false,
            ),
            (
                "POST /b?uploads",
                all("s3"),
                "content-type=text/plain",
                true,
            ),
            ("PUT /b/k", all("s3"), "content-type=text/plain", true),
            (
                "POST /",
                Service::new("s3"),
                "content-type=text/plain",
                false,
            ),
            (
                "POST /?delete",
                Service::new("s3"),
                "content-type=text/xml",
                false,
            ),
            (
                "POST /?",
                Service::new("s3"),
                "content-type=text/plain",
                false,
            ),
            // Services with forms read them whatever else names an action.
            (
                "POST /",
                Service::new("sts"),
                "content-type=application/x-amz-json-1.1",
                false,
            ),
            ("POST /", Service::new("ssm"), "accept=json", false),
            ("PUT /", Service::new("s3"), "content-type=text/plain", true),
            (
                "POST /",
                Service::new("iam"),
                "content-type=text/plain",
                false,
            ),
            (
                "POST /",
                Service::new("ssm"),
                "content-type=application/x-amz-json-1.1",
                true,
            ),
            (
                "POST /",
                all("ssm"),
                "content-type=application/x-amz-json-1.1",
                false,
            ),
            (
                "POST /",
                Service::new("ssm"),
                "content-type=text/plain",
                false,
            ),
        ] {
            let passes = passes_with_action(start, service, kind);
            assert_eq!(passes, expected, "{start} {} {kind}", service.name);
        }
    }

    #[test]
    fn a_server_for_all_services_takes_the_one_of_the_target() {
        let all = |name| Service {
            name,
            is_one_of_all: true,
        };
        let target = "x-amz-target=AWSSecurityTokenServiceV20110615.GetCallerIdentity";
        let plain = format!("{target} content-type=text/plain");
        let form = format!("{target} content-type=application/x-www-form-urlencoded");
        for name in ["s3", "dynamodb", "lambda", "execute-api", "newservice"] {
            for kind in [&plain, &form] {
                assert!(!passes_with_action("POST /x", all(name), kind), "{name}");
                assert!(!passes_with_action("PUT /x", all(name), kind), "{name}");
            }
        }
        for name in ["newservice", "s3", "execute-api"] {
            let kind = "content-type=multipart/form-data";
            assert!(passes_with_action("POST /x", all(name), kind), "{name}");
        }
        let secret = "DescribeUserPoolClient";
        for (target, expected) in [
            ("DynamoDB_20120810.DescribeTable", Ok(())),
            ("DynamoDBStreams_20120810.ListStreams", Ok(())),
            // Timestream has an action of this name that can write.
            ("DynamoDB_20120810.Query", Ok(())),
            ("Timestream_20181101.Query", Err(())),
            (
                "AWSCognitoIdentityProviderService.DescribeUserPoolClient",
                Err(()),
            ),
            ("Unknown.DescribeUserPoolClient", Err(())),
            ("DynamoDB_20120810.DeleteTable.ListTables", Err(())),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(TARGET, target.parse().unwrap());
            let actions = [in_target(target).to_owned()];
            let checked = check_all(all("dynamodb"), &headers, &actions);
            assert_eq!(checked.map_err(drop), expected, "{target}");
            assert!(check_all(all("cognito-idp"), &headers, &[secret.to_owned()]).is_err());
        }
    }

    #[test]
    fn a_member_of_json_may_name_the_action_for_a_server_that_is_not_of_aws() {
        let mut headers = HeaderMap::new();
        let json = "application/x-amz-json-1.1".parse().unwrap();
        headers.insert(header::CONTENT_TYPE, json);
        headers.insert(TARGET, "IAM.ListUsers".parse().unwrap());
        let long = format!(r#"{{"a": {}"Action""#, "[".repeat(1000));
        let many = |count| format!("{{{}\"a\": 1}}", r#""Action": "GetUser","#.repeat(count));
        let far = format!(r#"{{"Action": "{}AssumeRole"}}"#, "a ".repeat(MAX_ACTION));
        for (body, writes, gives) in [
            (r#"{"UserName": "u", "Action": "DeleteUser"}"#, true, false),
            (r#" {"\u0041CTION": "AssumeRole"}"#, true, true),
            (
                r#"{"Action": "x", "action": "GetSessionToken"}"#,
                true,
                true,
            ),
            (r#"{"Action": ["AssumeRole"]}"#, true, true),
            (r#"{"a": NaN}"#, false, false),
            ("{{name}} hello", false, false),
            (r#"{"Action": "ListUsers"}"#, false, false),
            (
                r#"{"Rules": [{"Action": "DeleteUser"}], "a": null}"#,
                false,
                false,
            ),
            ("{}", false, false),
            (r#"["Action", "DeleteUser"]"#, false, false),
            // What cannot be read may be read by others.
            (r#"{"Action": "ListUsers", "a": NaN}"#, true, true),
            (&long, true, true),
            (&many(MAX_ACTIONS), false, false),
            (&many(MAX_ACTIONS + 1), true, true),
            (&far, false, false),
        ] {
            let all = Service {
                name: "iam",
                is_one_of_all: true,
            };
            let written = check_body(&headers, all, body.as_bytes()).is_err();
            let given = check_body_for_credentials(all, body.as_bytes()).is_err();
            assert_eq!((written, given), (writes, gives), "{body}");
            let iam = Service::new("iam");
            assert!(check_body(&headers, iam, body.as_bytes()).is_ok(), "{body}");
        }
        let utf_16: Vec<u8> = "{\"Action\": \"AssumeRole\"}"
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect();
        let all = Service {
            name: "iam",
            is_one_of_all: true,
        };
        assert!(check_body_for_credentials(all, &utf_16).is_err());
    }

    #[test]
    fn values_of_an_action_that_the_target_names_are_not_looked_at() {
        let value = br#"{"Key": {"url": {"S": "https://x/?a=1&action=edit&b=2"}}}"#;
        let mut headers = HeaderMap::new();
        headers.insert(TARGET, "DynamoDB_20120810.GetItem".parse().unwrap());
        let checked = |headers: &_| check_body(headers, Service::new("dynamodb"), value);
        assert!(checked(&headers).is_err());
        let json = "application/x-amz-json-1.0".parse().unwrap();
        headers.insert(header::CONTENT_TYPE, json);
        assert_eq!(checked(&headers), Ok(()));
        let many = "50%;".repeat(MAX_PAIRS + 1);
        let dynamodb = Service::new("dynamodb");
        assert!(check_body(&headers, dynamodb, many.as_bytes()).is_ok());
    }

    #[test]
    fn an_action_in_a_path_is_found_as_a_server_may_read_it() {
        let cbor = ("smithy-protocol", "rpc-v2-cbor");
        for (target, service, headers, expected) in [
            ("/service/E/operation/GetX", "ecr", &[cbor][..], "GetX"),
            ("/service/E/operation/Get%58", "ecr", &[cbor], "GetX"),
            ("/service/E/operation/GetX", "ecr", &[], "GetX"),
            ("/service/E/operation/GetX", "s3", &[], ""),
            ("/service/E/operation/GetX", "execute-api", &[], ""),
            (
                "/service/E%2foperation%2fPutX/operation/GetX",
                "ecr",
                &[cbor],
                "/service/E/operation/PutX/operation/GetX",
            ),
        ] {
            let mut request = Request::post(target);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let head = request.body(()).unwrap().into_parts().0;
            let found = in_head(&head, service).join(" ");
            assert_eq!(found, expected, "{target} {service}");
        }
    }

    #[test]
    fn a_body_with_more_than_a_request_has_is_refused() {
        let iam = Service::new("iam");
        let check = |body: &str| check_body_for_credentials(iam, body.as_bytes());
        let many = |count| "&%41ction=ListUsers".repeat(count);
        assert_eq!(check(&many(MAX_ACTIONS)), Ok(()));
        assert!(check(&many(MAX_ACTIONS + 1)).is_err());
        // No server takes it for the name of one.
        let long = format!("&Action=AssumeRole{}", "-a".repeat(MAX_ACTION));
        assert_eq!(check(&long), Ok(()));
        let spaces = format!("&Action=AssumeRole{}", "+".repeat(MAX_ACTION));
        assert!(check(&spaces).is_err());
        assert!(check("?Action=AssumeRole").is_err());
        assert!(check("\u{feff}Action=AssumeRole").is_err());
        assert!(check("a&\tAction =AssumeRole").is_err());
        let after_spaces = format!("a&{}Action=AssumeRole", "+\u{a0} ".repeat(1000));
        assert!(check(&after_spaces).is_err());
        for pair in ["%&", "xAction&", "%41=1;"] {
            assert_eq!(check(&pair.repeat(MAX_PAIRS)), Ok(()));
            assert!(check(&pair.repeat(MAX_PAIRS + 1)).is_err(), "{pair}");
        }
    }

    #[test]
    fn json_is_what_no_service_takes_for_a_form() {
        let json = "application/x-amz-json-1.0";
        for (kind, expected) in [
            ("", true),
            ("; charset=UTF-8", true),
            (";charset=\"utf-8\"", true),
            (";charset=utf-16", false),
            (", application/x-www-form-urlencoded", false),
            ("; application/x-www-form-urlencoded", false),
            ("x-www-form-urlencoded", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(
                header::CONTENT_TYPE,
                format!("{json}{kind}").parse().unwrap(),
            );
            assert_eq!(is_json(&headers), expected, "{kind}");
        }
    }

    #[test]
    fn a_body_is_in_utf_8_if_nothing_says_that_it_is_not() {
        for (kind, expected) in [
            ("text/plain; charset=utf-8", false),
            ("text/plain; charset = \"UTF-8\"", false),
            ("text/plain; charset*=utf-8''", false),
            ("text/plain; charset = utf-16", true),
            ("text/plain; charset*=utf-16''x", true),
            ("text/plain", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            assert_eq!(is_unreadable(&headers), expected, "{kind}");
        }
    }

    #[test]
    fn rest_reads_with_get_and_head_and_without_a_body() {
        for (start, expected) in [
            ("GET /bucket/key?versionId=1", true),
            ("HEAD /bucket", true),
            ("GET /2015-03-31/functions/", true),
            ("GET /?session", false),
            ("GET /bucket/token", true),
            ("HEAD /bucket/a/credentials/api-keys", true),
            ("GET /bucket/session?session", false),
            (
                "GET /v20180820/accessgrantsinstance/dataaccess?target=a",
                false,
            ),
            ("GET /v20180820/accessgrantsinstance/data%61ccess", false),
            ("GET //v20180820//accessgrantsinstance/dataaccess", false),
            ("GET /v20180820/./accessgrantsinstance/dataaccess", false),
            (
                "GET /v20180820/x/../accessgrantsinstance/dataaccess;",
                false,
            ),
            ("GET /v20180820/accessgrantsinstance%2F/dataaccess", false),
            ("GET /bucket/a/../b", true),
            ("GET /v20180820/accessgrantsinstance/grants", true),
            ("PUT /bucket/key", false),
            ("DELETE /bucket/key", false),
            ("PATCH /restapis/a", false),
            ("OPTIONS /", false),
            ("POST /bucket?delete", false),
            ("GET /?Action=ListUsers", true),
            ("GET /?Action=CreateUser", false),
            ("GET /?%41ction=CreateUser", false),
            ("GET /?Action=ListUsers&action=CreateUser", false),
        ] {
            assert_eq!(passes(start, "s3", &[], None), expected, "{start}");
        }
        for start in [
            "GET /federation/credentials",
            "GET /v1/authorization/access%2Dtoken",
            "GET /apikeys",
            "GET /apikeys;x=y",
            "GET /apikeys%00",
            "GET /a/%09apikeys%20/b",
            "GET /a/../b",
            "GET /a/%2e/b",
        ] {
            assert!(!passes(start, "lambda", &[], None), "{start}");
        }
        for (start, expected) in [
            ("GET /status", true),
            ("GET /loader", true),
            ("GET /gremlin/status?cancelQuery&queryId=x", false),
            ("GET /?gremlin=g.V().drop()", false),
            ("GET /openCypher?query=a", false),
            ("GET /?a;gremlin=g.V().drop()", false),
        ] {
            assert_eq!(passes(start, "neptune-db", &[], None), expected, "{start}");
        }
        assert!(!passes("GET /", "s3", &[], Some("Action=ListUsers")));
        // What customers call their parameters says nothing.
        assert!(passes("GET /x?action=delete", "execute-api", &[], None));
        let table = "GET /iceberg/v1/namespaces/n/tables/t";
        for (value, expected) in [("remote-signing", true), ("a, Vended-Credentials", false)] {
            let header = [("X-Iceberg-Access-Delegation", value)];
            assert_eq!(passes(table, "glue", &header, None), expected, "{value}");
        }
    }

    #[test]
    fn an_action_reads_by_its_name_if_the_service_looks_at_it() {
        let target = |name: &'static str| [("x-amz-target", name)];
        for (start, service, name, expected) in [
            ("POST /", "dynamodb", "DynamoDB_20120810.Query", true),
            ("POST /", "dynamodb", "DynamoDB_20120810.BatchGetItem", true),
            ("POST /", "dynamodb", "DynamoDB_20120810.PutItem", false),
            ("POST /", "dynamodb", "DynamoDB_20120810.Listen", false),
            ("POST /", "dynamodb", "DynamoDB_20120810.", false),
            ("POST /", "dynamodb", "DynamoDB_20120810.Get-", false),
            ("POST /", "sqs", "AmazonSQS.ListQueues", true),
            (
                "POST /",
                "sqs",
                "AmazonSQS.DeleteQueue#AmazonSQS.ListQueues",
                false,
            ),
            (
                "POST /",
                "sqs",
                "AmazonSQS.DeleteQueue,AmazonSQS.ListQueues",
                false,
            ),
            (
                "POST /",
                "cloudtrail",
                "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.ListTrails",
                true,
            ),
            (
                "POST /",
                "secretsmanager",
                "secretsmanager.ListSecrets",
                true,
            ),
            (
                "POST /",
                "secretsmanager",
                "secretsmanager.DescribeSecret",
                true,
            ),
            (
                "POST /",
                "secretsmanager",
                "secretsmanager.GetSecretValue",
                false,
            ),
            (
                "POST /",
                "secretsmanager",
                "secretsmanager.BatchGetSecretValue",
                false,
            ),
            ("POST /", "ssm", "AmazonSSM.GetParameter", false),
            (
                "POST /",
                "ecr",
                "AmazonEC2ContainerRegistry_V1.GetAuthorizationToken",
                false,
            ),
            ("POST /", "cognito-idp", "A.DescribeUserPoolClient", false),
            // These change something.
            ("POST /", "states", "A.GetActivityTask", false),
            ("POST /", "states", "A.DescribeExecution", true),
            ("POST /", "timestream", "A.Query", false),
            ("POST /", "timestream", "A.DescribeEndpoints", true),
            ("POST /", "cognito-identity", "A.GetId", false),
            ("POST /", "cognito-identity", "A.ListIdentities", true),
            // These do not look at the header.
            ("POST /", "execute-api", "A.ListThings", false),
            ("POST /", "lambda", "A.ListThings", false),
            ("POST /", "s3", "A.ListThings", false),
            ("POST /?delete", "dynamodb", "A.ListThings", false),
            ("POST /other", "dynamodb", "A.ListThings", false),
            ("PUT /", "dynamodb", "A.ListThings", false),
        ] {
            let passed = passes(start, service, &target(name), None);
            assert_eq!(passed, expected, "{start} {service} {name}");
        }
        let two = [
            ("x-amz-target", "A.ListTables"),
            ("x-amz-target", "A.DeleteTable"),
        ];
        assert!(!passes("POST /", "dynamodb", &two, None));
        assert!(!passes("POST /", "dynamodb", &[], None));
        let cbor = [("smithy-protocol", "rpc-v2-cbor")];
        let path = "POST /service/A/operation/";
        assert!(passes(
            &format!("{path}ListMetrics"),
            "monitoring",
            &cbor,
            None
        ));
        assert!(!passes(
            &format!("{path}PutMetricData"),
            "monitoring",
            &cbor,
            None
        ));
        for action in [
            "PutMetricData/ListMetrics",
            "PutMetricData//ListMetrics",
            "PutMetricData/../ListMetrics",
            "ListMetrics/",
        ] {
            let start = format!("{path}{action}");
            assert!(!passes(&start, "monitoring", &cbor, None), "{action}");
        }
        assert!(!passes(
            &format!("{path}ListMetrics"),
            "lambda",
            &cbor,
            None
        ));
    }

    #[test]
    fn a_form_has_its_action_in_the_body() {
        for (service, form, expected) in [
            ("sts", "Action=GetCallerIdentity&Version=2011-06-15", true),
            ("sts", "Action=GetSessionToken", false),
            ("sts", "Action=AssumeRole", false),
            ("ec2", "Action=DescribeInstances", true),
            ("ec2", "Action=GetPasswordData", false),
            ("iam", "Action=GetCredentialReport", true),
            ("iam", "Action=GetUser&Action=DeleteUser", false),
            ("iam", "%41ction=DeleteUser", false),
            ("iam", "a=1;Action=DeleteUser&Action=GetUser", false),
            ("iam", "Action%00=DeleteUser&Action=GetUser", false),
            ("iam", "+Action=DeleteUser&Action=GetUser", false),
            ("iam", "Action=GetUser&UserName=a;b", true),
            ("iam", "Version=2010-05-08", false),
            ("iam", "", false),
        ] {
            assert_eq!(
                passes("POST /", service, &[], Some(form)),
                expected,
                "{form}"
            );
        }
        assert!(!passes("GET /", "iam", &[("Action", "DeleteUser")], None));
        let queue = "POST /123456789012/queue";
        for (action, expected) in [("GetQueueAttributes", true), ("SendMessage", false)] {
            let form = format!("Action={action}");
            assert_eq!(passes(queue, "sqs", &[], Some(&form)), expected, "{action}");
            assert!(!passes(queue, "iam", &[], Some(&form)));
        }
        let chunked = [("x-amz-decoded-content-length", "69")];
        assert!(!passes("POST /", "iam", &chunked, Some("Action=ListUsers")));
        assert!(!passes(
            "POST /?Action=DeleteUser",
            "iam",
            &[],
            Some("Action=GetUser")
        ));
        for (kind, expected) in [
            ("application/x-www-form-urlencoded", true),
            ("application/x-www-form-urlencoded; charset=UTF-8", true),
            ("application/x-www-form-urlencoded; charset=\"utf-8\"", true),
            ("application/x-www-form-urlencoded; charset=utf-16", false),
            ("multipart/form-data; boundary=a", false),
        ] {
            let headers = [("content-type", kind), ("x-amz-target", "A.ListUsers")];
            assert_eq!(passes("POST /", "iam", &headers, None), expected, "{kind}");
        }
        // A service may not look at the header with the action, nor at the type of the body.
        let target = Request::new(()).into_parts().0.headers;
        assert!(check_body(&target, Service::new("iam"), b"{}").is_ok());
        assert!(check_body(&target, Service::new("iam"), b"Action=DeleteUser").is_err());
    }
}
