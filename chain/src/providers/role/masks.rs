//! What a profile says about credentials and never gets to use.

use keyfob_sigv4::Timestamp;

use super::plan::{ID, ROLE, TOKEN_FILE, property, property_in};
use crate::{
    config::{Settings, table},
    cure::unset,
    explain::{is_long_term, unneeded},
    finding::{Finding, FindingKind},
    order::{ProfileSource, Rules, SourceKey},
    origin::Origin,
    profiles::{FileKind, Part, Section, SectionName, Value},
    providers::key::id_fault,
};

/// The properties in which tools write when a session expires: saml2aws, aws-mfa and others,
/// several wrappers, aws-azure-login, and one more. No SDK reads them.
const EXPIRIES: &[&str] = table::KEY_EXPIRATION.properties;

/// The names of the session token, the one that counts first.
const TOKENS: [&str; 2] = {
    let names = table::SESSION_TOKEN.properties;
    [names[0], names[1]]
};

/// A source of credentials in a profile.
struct Source<'a> {
    name: &'static str,
    value: &'a Value,
}

/// Returns what is remarkable about the sources of credentials in a profile: those that another one
/// masks, a session token that is not in the file of its key, and when the session of the key
/// expires, as far as a tool wrote that down.
pub(in crate::providers) fn masks(
    rules: &Rules,
    section: &Section,
    now: Timestamp,
) -> Vec<Finding> {
    masks_among(rules, section, sources(rules, section), now)
}

/// Returns the same for the profiles that the roles of a profile are assumed with, one after the
/// other.
pub(in crate::providers) fn masks_of_sources(
    settings: &Settings,
    section: &Section,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut visited = vec![section.name().name()];
    let mut current = section;
    while property(current, "role_arn").is_some()
        && property(current, TOKEN_FILE).is_none()
        && let Some(source) = property(current, "source_profile").map(Value::as_str)
        && !visited.contains(&source)
        && let Ok(Some(next)) = settings.files().find(&SectionName::profile(source))
    {
        visited.push(source);
        findings.extend(unused_device(current, next));
        let mut sources = sources(settings.rules(), next);
        let key = sources.iter().position(|source| source.name == ID);
        // In a profile that another one names as its source, the key may come first, or keep it
        // from being a role.
        if let Some(key) = key {
            let role = sources.iter().position(|source| source.name == ROLE);
            match (settings.rules().source_key, role) {
                (SourceKey::First, _) => sources[..=key].rotate_right(1),
                (SourceKey::NoRole, Some(role)) => sources[role..].rotate_left(1),
                _ => {}
            }
        }
        findings.extend(masks_among(settings.rules(), next, sources, now));
        if key.is_some() {
            break;
        }
        current = next;
    }
    findings
}

/// Returns that a profile has an MFA device and no role, if the role that it is the source of has
/// none. Roles do not inherit it.
fn unused_device(role: &Section, source: &Section) -> Option<Finding> {
    let has = |section, name| property(section, name).is_some();
    let device = property(source, "mfa_serial").filter(|_| !has(source, "role_arn"))?;
    if has(role, "mfa_serial") {
        return None;
    }
    let text = format!(
        "mfa_serial is not used in a profile without a role: if the role of {} needs a code, add \
         it there",
        role.name()
    );
    let finding = at(source, device, FindingKind::UnusedSetting, text);
    Some(finding.with_cure(unset("mfa_serial", source.name().name())))
}

fn masks_among(
    rules: &Rules,
    section: &Section,
    sources: Vec<Source<'_>>,
    now: Timestamp,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sources = sources.into_iter();
    let Some(first) = sources.next() else {
        return findings;
    };
    for source in sources {
        let (name, by) = (source.name, first.name);
        let place = first.value.location();
        let text = format!("{name} is masked by {by} ({place}) of the same profile");
        let mut finding = at(section, source.value, FindingKind::MaskedProperty, text);
        // A key may have no copy.
        if name != ID {
            finding = finding.with_cure(unset(name, section.name().name()));
        }
        findings.push(finding);
    }
    if !rules.merges_files {
        findings.extend(split_key(section));
    }
    if first.name == ID {
        findings.extend(expiry(section, first.value, now));
        findings.extend(old_token(section, first.value));
        findings.extend(unneeded_token(rules, section, first.value));
        if let Some(text) = id_fault(ID, first.value.as_str()) {
            findings.push(at(section, first.value, FindingKind::KeyId, text));
        }
    }
    findings
}

/// Returns that the session token of the key has its old name, or a second one.
fn old_token(section: &Section, key: &Value) -> Option<Finding> {
    let [token, old] = TOKENS.map(|name| property_in(part_of(section, key)?, name));
    let [name, old_name] = TOKENS;
    let old = old?;
    let text = match token {
        None => format!("{old_name} is the old name of {name}: newer tools do not read it"),
        Some(token) if token.as_str() == old.as_str() => return None,
        Some(token) => format!("{old_name} is masked by {name} ({})", token.location()),
    };
    // What alone has the token is not removed.
    let cure = token.map(|_| unset(old_name, section.name().name()));
    Some(at(section, old, FindingKind::OldVariable, text).with_cure_if(cure))
}

/// Returns that a long-term key has a session token, which matters only if the key is in use. Each
/// name of the token that is there is removed: without one, the other counts.
fn unneeded_token(rules: &Rules, section: &Section, key: &Value) -> Option<Finding> {
    let part = part_of(section, key);
    let parts = [FileKind::Credentials, FileKind::Config].map(|kind| section.part(kind));
    let parts = if rules.merges_files {
        parts
    } else {
        [part, None]
    };
    let is_there = |name: &String| {
        let mut parts = parts.into_iter().flatten();
        parts.any(|part| property_in(part, name).is_some())
    };
    let names = rules.token.iter().map(|name| name.to_ascii_lowercase());
    let names: Vec<_> = names.filter(is_there).collect();
    if names.is_empty() || !is_long_term(key.as_str()) {
        return None;
    }
    let profile = section.name().name();
    let cures: Vec<_> = names.iter().map(|name| unset(name, profile)).collect();
    let finding = unneeded(key.as_str(), &format!("remove {}", names.join(" and ")));
    let finding = finding.with_origin(Origin::file(key.location(), profile));
    Some(finding.with_cure(cures.join(" && ")))
}

/// Returns the part that has the key.
fn part_of<'a>(section: &'a Section, key: &Value) -> Option<&'a Part> {
    [FileKind::Credentials, FileKind::Config]
        .into_iter()
        .filter_map(|kind| section.part(kind))
        .find(|part| property_in(part, ID).is_some_and(|id| id.location() == key.location()))
}

/// Returns the sources of a profile, the one in use first.
fn sources<'a>(rules: &Rules, section: &'a Section) -> Vec<Source<'a>> {
    let of_profile = |name| {
        let value = property(section, name)?;
        Some(Source { name, value })
    };
    let key_of = |kind| {
        let value = property_in(section.part(kind)?, ID)?;
        Some(Source { name: ID, value })
    };
    let keys = || {
        [FileKind::Credentials, FileKind::Config]
            .map(key_of)
            .into_iter()
            .flatten()
    };
    let web_identity = of_profile(TOKEN_FILE);
    // A role with a token file is one source, and so is a role by the key of its own profile.
    let role = || of_profile("role_arn").filter(|_| web_identity.is_none());
    let is_own_key = role().is_some()
        && property(section, "source_profile")
            .is_some_and(|source| source.as_str() == section.name().name());
    let mut all: Vec<Source<'_>> = Vec::new();
    for source in rules.in_profile {
        match source {
            ProfileSource::WebIdentity => {
                all.extend(of_profile(TOKEN_FILE));
                // The token takes the place of the role's other sources.
                if web_identity.is_some() {
                    let others = ["source_profile", "credential_source"];
                    all.extend(others.into_iter().filter_map(of_profile));
                }
            }
            ProfileSource::Role => all.extend(role()),
            ProfileSource::Sso => all.extend(rules.sso.iter().find_map(|name| of_profile(name))),
            ProfileSource::Login => all.extend(of_profile("login_session")),
            ProfileSource::Process => all.extend(of_profile("credential_process")),
            ProfileSource::CredentialsKey => all.extend(key_of(FileKind::Credentials)),
            ProfileSource::Key => {
                let is_new = |key: &Source<'_>| {
                    let place = key.value.location();
                    all.iter().all(|known| known.value.location() != place)
                };
                let new: Vec<_> = keys().filter(is_new).collect();
                all.extend(new);
            }
        }
    }
    if is_own_key && let Some(own) = all.iter().position(|source| source.name == ID) {
        all.remove(own);
    }
    all
}

/// The parts of a key come from one file: see [`ProfileProvider`](super::super::ProfileProvider).
fn split_key(section: &Section) -> Option<Finding> {
    let parts = [FileKind::Credentials, FileKind::Config].map(|kind| section.part(kind));
    let has_key = |part: &&Part| property_in(part, ID).is_some();
    let key = parts.into_iter().flatten().find(has_key)?;
    let token = |part: &Part| TOKENS.iter().any(|name| property_in(part, name).is_some());
    let other = parts
        .into_iter()
        .flatten()
        .find(|part| !has_key(part) && token(part))?;
    let named = |name| Some((name, property_in(other, name)?));
    let (name, value) = TOKENS.into_iter().find_map(named)?;
    let id = property_in(key, ID)?;
    let text = format!(
        "the session token is not used, because the key is in another file ({}): put both in one, \
         or remove the token",
        id.location()
    );
    let cure = unset(name, section.name().name());
    Some(at(section, value, FindingKind::SplitKey, text).with_cure(cure))
}

/// The number of digits of a time in seconds since 1970, from 2001 to 2286.
const SECONDS: usize = 10;

impl Settings {
    /// Returns when the session of a key ends, as a tool wrote it beside the key into the profile
    /// in use.
    ///
    /// No SDK reads it, and it may be older than the key: it is for warnings only. `None` for the
    /// key of something else than the profile itself, and for one without a session token.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_chain::profiles::{ConfigFiles, FileKind};
    /// use keyfob_chain::{Settings, Variables};
    ///
    /// let text = "[default]\naws_access_key_id = ASIAEXAMPLE\naws_session_token = token\n\
    ///             x_security_token_expires = 2026-01-01T12:00:00Z\n";
    /// let file = (FileKind::Credentials, "credentials", text.as_bytes());
    /// let variables = Variables::from_iter([("HOME", "/home/user")]);
    /// let settings = Settings::new(variables, ConfigFiles::parse([file]));
    /// let end = settings.written_expiry("ASIAEXAMPLE").unwrap();
    /// assert_eq!(end.to_string(), "2026-01-01T12:00:00Z");
    /// assert_eq!(settings.written_expiry("AKIAOTHEREXAMPLE"), None);
    /// ```
    pub fn written_expiry(&self, access_key_id: &str) -> Option<Timestamp> {
        let section = self.profile().ok()??;
        let key = property(section, ID).filter(|key| key.as_str() == access_key_id)?;
        let written = WrittenExpiry::from_key(section, key)?;
        (!written.is_long_term).then_some(written.time)
    }
}

/// When the session of a key ends, as another tool wrote it.
struct WrittenExpiry<'a> {
    name: &'static str,
    value: &'a Value,
    time: Timestamp,
    /// Whether the key has no session, so that it is about another one.
    is_long_term: bool,
}

impl<'a> WrittenExpiry<'a> {
    fn from_key(section: &'a Section, key: &Value) -> Option<Self> {
        let part = part_of(section, key)?;
        let (name, value) = EXPIRIES
            .iter()
            .find_map(|name| Some((*name, property_in(part, name)?)))?;
        Some(Self {
            name,
            value,
            time: read_time(value.as_str())?,
            is_long_term: key.as_str().starts_with("AKIA")
                && TOKENS.iter().all(|name| property_in(part, name).is_none()),
        })
    }
}

/// Returns what another tool wrote about the expiry of the key.
fn expiry(section: &Section, key: &Value, now: Timestamp) -> Option<Finding> {
    let WrittenExpiry {
        name,
        value,
        time: expiry,
        is_long_term,
    } = WrittenExpiry::from_key(section, key)?;
    let origin = Origin::file(value.location(), section.name().name());
    let finding = if is_long_term {
        let text = format!("{name} is about a session, and {ID} is a long-term key: remove it");
        Finding::note(FindingKind::Expiry, text).with_cure(unset(name, section.name().name()))
    } else if expiry <= now {
        let text = format!("the key expired at {expiry}, says {name}: get a new one");
        Finding::warning(FindingKind::Expiry, text)
    } else {
        let text = format!("the key expires at {expiry}, says {name}");
        Finding::note(FindingKind::Expiry, text)
    };
    Some(finding.with_origin(origin))
}

/// Reads a time as these tools write it: RFC 3339, an offset without its colon, Python's form
/// without any offset, which is UTC, or the seconds since 1970.
fn read_time(text: &str) -> Option<Timestamp> {
    if text.len() == SECONDS && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Timestamp::from_unix_seconds);
    }
    let parse = |text: &str| text.parse().ok();
    let with_colon = || {
        let (start, minutes) = text.split_at_checked(text.len().checked_sub(2)?)?;
        parse(&format!("{start}:{minutes}"))
    };
    parse(text)
        .or_else(with_colon)
        .or_else(|| parse(&format!("{text}Z")))
}

fn at(section: &Section, value: &Value, kind: FindingKind, text: String) -> Finding {
    let origin = Origin::file(value.location(), section.name().name());
    Finding::warning(kind, text).with_origin(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_saml2aws_aws_mfa_and_others_are_read() {
        let at = "2022-09-06T07:09:28Z".parse().ok();
        for text in [
            "2022-09-06T17:09:28+10:00",
            "2022-09-06T07:09:28+0000",
            "2022-09-06 07:09:28",
            "2022-09-06T07:09:28.000Z",
            "1662448168",
        ] {
            assert_eq!(read_time(text), at, "{text}");
        }
        for text in [
            "",
            "é",
            "soon",
            "12",
            "111122223333",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }
}
