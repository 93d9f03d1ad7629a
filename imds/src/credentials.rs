#[cfg(feature = "client")]
use bytes::Bytes;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
#[cfg(feature = "client")]
use zeroize::Zeroize;

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
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not such a document. Only the code
/// and the message of a refusal are repeated, and no secret in them.
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
    parse_hiding(document, None)
}

/// Parses a document whose refusal may repeat `sent`, a secret of the request.
pub(crate) fn parse_hiding(document: &[u8], sent: Option<&Secret>) -> Result<Credentials, Error> {
    let mut members = Members::parse(document, "credential document")?;
    if let Some(code) = members.text("Code")
        && !code.eq_ignore_ascii_case("success")
    {
        let message = members.text("Message").unwrap_or_default();
        let own = ["SecretAccessKey", "Token", "SessionToken"]
            .map(|name| Secret::from(members.text(name).unwrap_or_default()));
        let secrets: Vec<&Secret> = own.iter().chain(sent).collect();
        let shown = |text: &str| Secret::redact(text, &secrets);
        return Err(Error::refused(&shown(&code), &shown(&message)));
    }
    let id = members.required("AccessKeyId")?;
    let secret = members.required("SecretAccessKey")?;
    let token = token(&mut members)?;
    let expiry: Timestamp = members
        .text("Expiration")
        .or_else(|| members.text("ExpiresAt"))
        .ok_or_else(|| members.lacks("Expiration"))?
        .parse()
        // The error of sigv4 repeats the value, which may be a token in the wrong member.
        .map_err(|_| members.lacks("Expiration"))?;
    let credentials = Credentials::new(id, secret)
        .map_err(|_| members.lacks("access key"))?
        .with_session_token(token)
        .map_err(|_| members.lacks("Token"))?
        .with_expiry(expiry);
    Ok(match members.text("AccountId") {
        Some(account) => credentials.with_account_id(account),
        None => credentials,
    })
}

/// Zeroes the bytes of an answer with secrets, unless something else still uses them.
#[cfg(feature = "client")]
pub(crate) fn zero(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
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
            &GOOD.replace("AKID", "canary\\nkey"),
            &GOOD.replace("2026-01-01T00:00:00Z", "canary"),
        ] {
            let error = parse_credentials(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Response, "{bad}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
            assert!(std::error::Error::source(&error).is_none(), "{error:?}");
        }
    }

    #[test]
    fn a_refusal_that_repeats_a_secret_is_shown_without_it() {
        let document = br#"{"Code":"Failed-canary-secret-0","Message":"no canary-secret-1234 or sent-canary-1",
            "SecretAccessKey":"canary-secret-1234"}"#;
        let error = parse_hiding(document, Some(&"sent-canary-1".into())).unwrap_err();
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        assert!(
            error.to_string().contains("no (redacted) or (redacted)"),
            "{error}"
        );
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
