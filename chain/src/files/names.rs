//! The names of the cache files that the AWS CLI and the SDKs share.
//!
//! All are below `~/.aws`: tokens of SSO in `sso/cache`, those of `aws login` in `login/cache`, and
//! sessions of roles in `cli/cache`. Each name is a hash, because what it stands for may hold a
//! slash or a secret.

use std::{fmt::Write as _, io};

use serde::Serialize;
use serde_json::{Serializer, Value, ser::Formatter};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Returns the name of the file with the token of an SSO session, by the session's name, or by the
/// start URL in a profile without a session.
///
/// Source: SDKs and Tools Reference Guide, "IAM Identity Center authentication".
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::names;
///
/// assert_eq!(names::sso_token("dev-session"), "6a8732fe3624aef043e5f7811b597bd5e2a56b39.json");
/// ```
pub fn sso_token(session_or_start_url: &str) -> String {
    format!("{}.json", hex(&Sha1::digest(session_or_start_url)))
}

/// Returns the name of the file with the token of `aws login`, by `login_session` of the profile.
pub fn login_token(login_session: &str) -> String {
    format!("{}.json", hex(&Sha256::digest(login_session)))
}

/// Returns the name, without `.json`, of the file with the session of a role, by the parameters of
/// the call of AssumeRole. `RoleSessionName` is one of them only if the user chose it.
///
/// Source: botocore, `AssumeRoleCredentialFetcher`: the SHA-1 of the parameters as Python writes
/// JSON, sorted, in ASCII. `Policy` counts as the document that it holds.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidData`] if the parameters cannot be written as JSON.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
///
/// use keyfob_chain::files::names;
///
/// let parameters = [("RoleArn", "myrole"), ("RoleSessionName", "my_session_name")];
/// let parameters = BTreeMap::from(parameters);
/// assert_eq!(names::role_session(&parameters)?, "2964201f5648c8be5b9460a9cf842d73a266daf2");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn role_session(parameters: &impl Serialize) -> io::Result<String> {
    let mut parameters = serde_json::to_value(parameters)?;
    if let Some(policy) = parameters.get_mut("Policy")
        && let Some(document) = policy.as_str().map(serde_json::from_str).transpose()?
    {
        *policy = document;
    }
    python_hash(parameters, (", ", ": "))
}

/// Returns the name, without `.json`, of the file with the session of an SSO role. `session` is the
/// name of the SSO session, or `None` for a profile with a start URL only.
///
/// Source: botocore, `SSOCredentialFetcher`: as for a role, without spaces.
///
/// # Errors
///
/// As for [`role_session`].
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::names;
///
/// let name = names::sso_role_session(Some("dev"), "https://corp.awsapps.com/start", "r", "1")?;
/// assert_eq!(name, "b2354f50a08b9662e479b8835be35a1c5ac0b588");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn sso_role_session(
    session: Option<&str>,
    start_url: &str,
    role_name: &str,
    account_id: &str,
) -> io::Result<String> {
    let source = match session {
        Some(session) => ("sessionName", session),
        None => ("startUrl", start_url),
    };
    let mut members = serde_json::Map::new();
    for (name, value) in [source, ("roleName", role_name), ("accountId", account_id)] {
        members.insert(name.to_owned(), value.into());
    }
    python_hash(Value::Object(members), (",", ":"))
}

/// How the names of Keyfob's own sessions begin. Those of the AWS CLI have only hexadecimal digits.
pub(super) const OWN_PREFIX: &str = "keyfob-";

/// Returns the name, without `.json`, of the file with the credentials that the
/// `credential_process` of a profile has printed. The AWS CLI has no such file.
///
/// # Errors
///
/// As for [`role_session`].
///
/// # Examples
///
/// ```
/// use keyfob_chain::files::names;
///
/// let name = names::process_session("dev", "/opt/keys --dev")?;
/// assert_eq!(name, "keyfob-eabb8d4e728a0c8b38b1b344426f9dc2df4b8194");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn process_session(profile: &str, command: &str) -> io::Result<String> {
    let hash = python_hash(serde_json::json!([profile, command]), (",", ":"))?;
    Ok(format!("{OWN_PREFIX}{hash}"))
}

fn python_hash(mut value: Value, separators: (&'static str, &'static str)) -> io::Result<String> {
    value.sort_all_objects();
    let mut text = Vec::new();
    value.serialize(&mut Serializer::with_formatter(
        &mut text,
        Python(separators),
    ))?;
    Ok(hex(&Sha1::digest(&text)))
}

fn hex(hash: &[u8]) -> String {
    let mut text = String::new();
    for byte in hash {
        _ = write!(text, "{byte:02x}");
    }
    text
}

/// Writes JSON as Python does: with these separators of items and of names, in ASCII.
struct Python((&'static str, &'static str));

impl Python {
    fn separate<W: ?Sized + io::Write>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        let (item, _) = self.0;
        writer.write_all(if first { b"" } else { item.as_bytes() })
    }
}

impl Formatter for Python {
    fn begin_array_value<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.separate(writer, first)
    }

    fn begin_object_key<W>(&mut self, writer: &mut W, first: bool) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        self.separate(writer, first)
    }

    fn begin_object_value<W>(&mut self, writer: &mut W) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let (_, colon) = self.0;
        writer.write_all(colon.as_bytes())
    }

    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        for c in fragment.chars() {
            // The rest of ASCII is escaped by the serializer.
            if (' '..='~').contains(&c) {
                write!(writer, "{c}")?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value = json!({"b": ["\u{7f}\u{1f}\n\"\\", 1, true, null], "a": {}, "\u{1f600}": []});
        let mut text = Vec::new();
        let mut sorted = value.clone();
        sorted.sort_all_objects();
        let format = Python((", ", ": "));
        sorted
            .serialize(&mut Serializer::with_formatter(&mut text, format))
            .unwrap();
        // json.dumps(value, sort_keys=True) of Python 3.
        assert_eq!(
            String::from_utf8(text).unwrap(),
            r#"{"a": {}, "b": ["\u007f\u001f\n\"\\", 1, true, null], "\ud83d\ude00": []}"#
        );
    }
}
