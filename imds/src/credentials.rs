use keyfob_sigv4::{Credentials, Timestamp};

use crate::{error::Error, json::Members};

/// The credentials in the JSON document of an instance role or of a container.
///
/// `AccessKeyId`, `SecretAccessKey`, `Token` (or `SessionToken`) and `Expiration` (or `ExpiresAt`) are required: what
/// these endpoints hand out is always temporary (of the token an
/// empty string will do). `AccountId` is optional, `Code` may be missing, other members are
/// ignored, and the case of the names does not matter. Whether they have expired is not looked at.
///
/// Source: EC2 User Guide, "Retrieve security credentials from instance metadata"; container credential provider.
///
/// # Errors
///
/// [`ErrorKind::Refused`](crate::ErrorKind::Refused) when `Code` is there and not `Success`;
/// [`ErrorKind::Response`](crate::ErrorKind::Response) for anything else that is not such a document. No message
/// repeats the document.
///
/// # Examples
///
/// ```
/// let credentials = keyfob_imds::parse_credentials(
///     br#"{"Code": "Success", "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret", "Token": "token",
///          "Expiration": "2026-01-01T06:00:00Z", "AccountId": "123456789012"}"#,
/// )?;
/// assert_eq!(credentials.access_key_id(), "ASIAEXAMPLE");
/// assert_eq!(credentials.account_id(), Some("123456789012"));
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn parse_credentials(document: &[u8]) -> Result<Credentials, Error> {
    let mut members = Members::parse(document, "credential document")?;
    if let Some(code) = members.text("code")
        && !code.eq_ignore_ascii_case("success")
    {
        let message = members.text("message").unwrap_or_default();
        return Err(Error::refused(&code, &message));
    }
    let id = required(&mut members, "AccessKeyId", &["accesskeyid"])?;
    let secret = required(&mut members, "SecretAccessKey", &["secretaccesskey"])?;
    let token = token(&mut members)?;
    let expiry = required(&mut members, "Expiration", &["expiration", "expiresat"])?;
    let unusable = |member: &str, source| {
        Error::bad_response(format!("the credential document has an unusable {member}"))
            .with_source(source)
    };
    let expiry: Timestamp = expiry.parse().map_err(|e| unusable("Expiration", e))?;
    let credentials = Credentials::new(id, secret)
        .map_err(|e| unusable("access key", e))?
        .with_session_token(token)
        .map_err(|e| unusable("Token", e))?
        .with_expiry(expiry);
    Ok(match members.text("accountid") {
        Some(account) => credentials.with_account_id(account),
        None => credentials,
    })
}

/// An empty token is no token: that is how a local endpoint hands out a long-term key. Leaving it out is not.
fn token(members: &mut Members) -> Result<String, Error> {
    match members.is_empty_text("token") {
        true => Ok(String::new()),
        false => required(members, "Token", &["token", "sessiontoken"]),
    }
}

fn required(members: &mut Members, shown: &str, names: &[&str]) -> Result<String, Error> {
    names
        .iter()
        .find_map(|name| members.text(name))
        .ok_or_else(|| Error::bad_response(format!("the credential document has no {shown}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const GOOD: &str = r#"{"AccessKeyId":"AKID","SecretAccessKey":"canary1","Token":"canary2",
        "Expiration":"2026-01-01T00:00:00Z"}"#;

    #[test]
    fn a_missing_or_blank_member_is_named() {
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
    fn nothing_of_a_bad_document_is_repeated() {
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
