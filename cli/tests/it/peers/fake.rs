//! The services that credentials come from. Each key ID tells how it came about.

use http::{Response, request::Parts};
use keyfob_sigv4::Timestamp;

/// Answers a request to any of the services.
pub(crate) fn answer(head: &Parts, body: &[u8]) -> Response<String> {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let query = head.uri.query().unwrap_or_default();
    let text = match (head.method.as_str(), head.uri.path()) {
        ("PUT", "/latest/api/token") => "token".to_owned(),
        ("GET", ROLES) => "app".to_owned(),
        ("GET", path) if path.strip_prefix(ROLES) == Some("app") => document("INSTANCE"),
        ("GET", "/container") => document("CONTAINER"),
        ("GET", "/federation/credentials") => portal(query),
        ("POST", "/") => sts(head, &String::from_utf8_lossy(body)),
        _ => return Response::builder().status(404).body(String::new()).unwrap(),
    };
    let answer = Response::builder().header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
    let status = if text.is_empty() { 400 } else { 200 };
    answer.status(status).body(text).unwrap()
}

fn expiry() -> Timestamp {
    Timestamp::now().plus_seconds(3600)
}

/// Returns the document of an instance, or of an agent of containers.
fn document(id: &str) -> String {
    let expiry = expiry();
    format!(
        r#"{{"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
"AccessKeyId": "{id}", "SecretAccessKey": "s", "Token": "t", "Expiration": "{expiry}"}}"#
    )
}

fn portal(query: &str) -> String {
    let (account, role) = (
        parameter(query, "account_id"),
        parameter(query, "role_name"),
    );
    if account.is_empty() || role.is_empty() {
        return String::new();
    }
    let expiry = expiry().unix_seconds() * 1000;
    format!(
        r#"{{"roleCredentials": {{"accessKeyId": "SSO{account}{role}", "secretAccessKey": "s",
"sessionToken": "t", "expiration": {expiry}}}}}"#
    )
}

/// Returns the session of a role, whose key ID has that of the caller in front.
fn sts(head: &Parts, body: &str) -> String {
    let action = parameter(body, "Action");
    let role = parameter(body, "RoleArn");
    let role = role.rsplit(['/', 'F']).next().unwrap_or_default();
    let authorization = head.headers.get("authorization");
    let authorization = authorization.and_then(|header| header.to_str().ok());
    let caller = authorization
        .and_then(|header| header.split_once("Credential=")?.1.split('/').next())
        .unwrap_or("WEB");
    if role.is_empty() {
        return String::new();
    }
    let expiry = expiry();
    format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <Credentials><AccessKeyId>{caller}_{role}</AccessKeyId>\
         <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>{expiry}</Expiration></Credentials><AssumedRoleUser>\
         <AssumedRoleId>AROA:s</AssumedRoleId>\
         <Arn>arn:aws:sts::123456789012:assumed-role/{role}/s</Arn></AssumedRoleUser>\
         </{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </{action}Response>"
    )
}

/// Returns a parameter as it is encoded.
fn parameter<'a>(text: &'a str, name: &str) -> &'a str {
    let mut pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(key, _)| *key == name)
        .map_or("", |(_, value)| value)
}
