use keyfob_sigv4::{Credentials, Timestamp};

use crate::{error::Error, json::Members};

/// Parses the credential document of an instance role or a container.
///
/// `AccessKeyId`, `SecretAccessKey`, `Token` (or `SessionToken`) and `Expiration` (or `ExpiresAt`)
/// are required: these endpoints only issue temporary credentials. The token may be an empty
/// string, though. `AccountId` is optional, `Code` may be missing, other members are ignored, and
/// the case of the names does not matter. Credentials that have expired are returned, too.
///
/// Source: EC2 User Guide, "Retrieve security credentials from instance metadata"; AWS SDKs and
/// Tools Reference Guide, "Container credential provider".
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if there is a `Code` other than `Success`;
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not such a document. No message
/// repeats any of it.
///
/// # Examples
///
/// ```
/// let credentials = keyfob_imds::parse_credentials(
///     br#"{"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret",
///          "Token": "token", "Expiration": "2026-01-01T06:00:00Z", "AccountId": "123456789012"}"#,
/// )?;
/// assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
/// assert_eq!(credentials.account_id(), Some("123456789012"));
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn parse_credentials(document: &[u8]) -> Result<Credentials, Error> {
    let mut members = Members::parse(document, "credential document")?;
    if let Some(code) = members.text("Code")
        && !code.eq_ignore_ascii_case("success")
    {
        let message = members.text("Message").unwrap_or_default();
        return Err(Error::refused(&code, &message));
    }
    let id = members.required("AccessKeyId")?;
    let secret = members.required("SecretAccessKey")?;
    let token = token(&mut members)?;
    let expiry: Timestamp = members
        .text("Expiration")
        .or_else(|| members.text("ExpiresAt"))
        .ok_or_else(|| members.lacks("Expiration"))?
        .parse()
        .map_err(|error| members.lacks("Expiration").with_source(error))?;
    let credentials = Credentials::new(id, secret)
        .map_err(|error| members.lacks("access key").with_source(error))?
        .with_session_token(token)
        .map_err(|error| members.lacks("Token").with_source(error))?
        .with_expiry(expiry);
    Ok(match members.text("AccountId") {
        Some(account) => credentials.with_account_id(account),
        None => credentials,
    })
}

/// An empty token means no token: this is how a local endpoint serves a long-term key. A missing
/// one is an error.
fn token(members: &mut Members) -> Result<String, Error> {
    if members.is_empty_text("Token") {
        return Ok(String::new());
    }
    members
        .text("Token")
        .or_else(|| members.text("SessionToken"))
        .ok_or_else(|| members.lacks("Token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const GOOD: &str = r#"{"AccessKeyId":"AKID","SecretAccessKey":"canary1","Token":"canary2",
        "Expiration":"2026-01-01T00:00:00Z"}"#;

    #[test]
    fn a_missing_member_is_named() {
        for member in ["AccessKeyId", "SecretAccessKey", "Token", "Expiration"] {
            for replaced in [
                GOOD.replace(member, "Other"),
                GOOD.replace(
                    &format!("\"{member}\":\""),
                    &format!("\"{member}\":1, \"x\":\""),
                ),
            ] {
                let error = parse_credentials(replaced.as_bytes()).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Response);
                assert!(error.to_string().contains(member), "{error}");
                assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            }
        }
    }

    #[test]
    fn a_bad_document_is_not_repeated() {
        for bad in [
            "canary",
            "",
            "[\"canary\"]",
            "\"canary\"",
            "{\"canary\":",
            "\u{feff}{}",
            &GOOD.replace("canary1", "canary\\n"),
            &GOOD.replace("canary2", "canary\\u0000"),
        ] {
            let error = parse_credentials(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{bad}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_refusal_has_its_code_and_message_on_one_line() {
        let error = parse_credentials(
            br#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot\nassume"}"#,
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert_eq!(error.code(), Some("AssumeRoleUnauthorizedAccess"));
        assert!(
            error.to_string().ends_with("EC2 cannot\\nassume"),
            "{error}"
        );
    }
}
