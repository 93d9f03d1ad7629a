use std::ffi::OsStr;

use keyfob_chain::{
    Origin,
    profiles::{FileKind, Section, SectionName, Value},
    settings::{self, HOME, SettingKind},
};
use serde_json::{Value as Json, json};

use super::{answers, flat};
use crate::{
    context::Context,
    failure::Failure,
    terminal::{masked, printable},
};

/// Shows every value of the variables and of both files, and where it is. What may be a secret is
/// masked.
///
/// # Errors
///
/// If the output cannot be written.
pub(super) fn run(context: &Context) -> Result<(), Failure> {
    let variables = variables(context);
    let files = context.settings().files();
    let sections: Vec<_> = files
        .sections()
        .map(|section| (section, values(section)))
        .collect();
    let Some(format) = context.own_format(false) else {
        return context
            .console()
            .write_stdout(text(context, &variables, &sections));
    };
    let sections = sections.iter().map(|(section, values)| {
        let values: Vec<_> = values.iter().map(Entry::json).collect();
        let (kind, name) = (kind(section.name()), section.name().name());
        json!({"kind": kind, "name": name, "values": values})
    });
    let variables: Vec<_> = variables.iter().map(Entry::json).collect();
    let sections: Vec<_> = sections.collect();
    let data = json!({"variables": variables, "sections": sections});
    context.print_as(format, "Dump", &data)
}

/// A value, and where it is.
struct Entry {
    name: String,
    value: String,
    origin: Origin,
    /// Whether another value comes before it: the credentials file before the config file.
    is_masked: bool,
}

impl Entry {
    fn json(&self) -> Json {
        json!({
            "name": self.name,
            "value": self.value,
            "origin": self.origin,
            "masked": self.is_masked,
        })
    }
}

/// Returns the variables of the table of settings that are set.
fn variables(context: &Context) -> Vec<Entry> {
    let keys = settings::ALL.iter().filter(|key| **key != HOME);
    let all = keys.flat_map(|key| key.variables.iter().map(move |name| (key, *name)));
    let entry = |(key, name): (&settings::SettingKey, &str)| {
        let value = context.variables().raw(name).map(OsStr::to_string_lossy)?;
        // The URL of a proxy may have a password, and a secret may stand where the ID belongs.
        let is_secret = match key.kind {
            SettingKind::Secret => true,
            _ if key.properties.contains(&"aws_access_key_id") => true,
            SettingKind::Url => value.contains('@') || answers::may_have_password(&value),
            _ => false,
        };
        Some(Entry {
            name: name.to_owned(),
            value: if is_secret {
                masked(&value)
            } else {
                value.into_owned()
            },
            origin: Origin::Environment {
                variables: vec![name.to_owned()],
            },
            is_masked: false,
        })
    };
    all.filter_map(entry).collect()
}

/// Returns the values of both files.
fn values(section: &Section) -> Vec<Entry> {
    let parts = [FileKind::Config, FileKind::Credentials].map(|kind| section.part(kind));
    let all = parts.into_iter().flatten().flat_map(|part| {
        let values = part.iter();
        values.flat_map(|(name, value)| flat(name, value))
    });
    all.map(|(name, value)| entry(section, name, value))
        .collect()
}

fn entry(section: &Section, name: String, value: &Value) -> Entry {
    let top = name.split('.').next().unwrap_or_default();
    let counts = section.get(&name).or_else(|| {
        let nested = name.get(top.len() + 1..)?;
        section.get(top)?.nested(nested)
    });
    Entry {
        value: answers::shown(&name, value.as_str()),
        is_masked: counts.is_none_or(|counts| counts.location() != value.location()),
        origin: Origin::File {
            file: value.location().file().to_owned(),
            line: value.location().line(),
            section: section.name().name().to_owned(),
        },
        name,
    }
}

fn kind(name: &SectionName) -> &'static str {
    match name {
        SectionName::Profile(_) => "profile",
        SectionName::SsoSession(_) => "sso-session",
        SectionName::Services(_) => "services",
    }
}

fn text(context: &Context, variables: &[Entry], sections: &[(&Section, Vec<Entry>)]) -> String {
    let mut lines = Vec::new();
    for entry in variables {
        lines.push(format!("{}={}", entry.name, printable(&entry.value)));
    }
    for (section, entries) in sections {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let name = printable(section.name().name());
        lines.push(format!("[{} {name}]", kind(section.name())));
        for entry in entries {
            let Origin::File { file, line, .. } = &entry.origin else {
                continue;
            };
            let place = context.shown(&file.to_string_lossy());
            let masked = if entry.is_masked { ", masked" } else { "" };
            let (name, value) = (printable(&entry.name), printable(&entry.value));
            lines.push(format!("{name} = {value}  # {place}:{line}{masked}"));
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}
