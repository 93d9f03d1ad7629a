//! What can be seen of a source of credentials that is not asked: whether its file or its program
//! is there.

use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use keyfob_chain::{
    Explanation, Finding, FindingKind, Origin, Platform, ProcessCommand, Settings,
    profiles::{Section, SectionName, Value},
    settings::{CACHE_PROCESS, WEB_IDENTITY_TOKEN_FILE},
};

/// How many profiles may be the source of one another.
const MAX_SOURCES: usize = 20;

/// Returns a problem if the source of the credentials in use needs a file or a program that is not
/// there. Runs nothing.
pub(super) fn finding(settings: &Settings, explanation: &Explanation) -> Option<Finding> {
    let winner = explanation.winner()?;
    let is_unasked = matches!(
        winner.origin,
        Some(Origin::Role { .. } | Origin::Process { .. })
    );
    if !is_unasked {
        return None;
    }
    let variable = WEB_IDENTITY_TOKEN_FILE.name();
    if winner.provider == "web identity" {
        let file = settings.variables().text(variable)?;
        let error = unreadable(Path::new(file))?;
        let text =
            format!("web identity fails: {variable} names no file that can be read: {error}");
        let finding = Finding::problem(FindingKind::Other, text);
        return Some(match explanation.way_around(winner.number) {
            Some(cure) => finding.with_cure(cure),
            None => finding,
        });
    }
    let mut section = settings.profile().ok()??;
    if winner.provider != format!("profile \"{}\"", section.name().name()) {
        return None;
    }
    for _ in 0..MAX_SOURCES {
        let get = |name| {
            section
                .get(name)
                .filter(|value| value.non_empty().is_some())
        };
        if let Some(file) = get(WEB_IDENTITY_TOKEN_FILE.properties[0]) {
            let error = unreadable(Path::new(file.as_str()))?;
            let text = format!("web_identity_token_file names no file that can be read: {error}");
            return Some(at(section, file, text));
        }
        let source =
            get("source_profile").filter(|source| source.as_str() != section.name().name());
        if let Some(source) = source.filter(|_| get("role_arn").is_some()) {
            let name = SectionName::profile(source.as_str());
            section = settings.files().find(&name).ok()??;
            continue;
        }
        let process = get("credential_process")?;
        // A key comes first, and a file may have what it printed.
        if ["aws_access_key_id", CACHE_PROCESS.properties[0]]
            .into_iter()
            .any(|name| get(name).is_some())
        {
            return None;
        }
        let reason = missing_program(settings, process.as_str())?;
        return Some(at(
            section,
            process,
            format!("credential_process cannot be run: {reason}"),
        ));
    }
    None
}

fn at(section: &Section, value: &Value, text: String) -> Finding {
    let location = value.location();
    let origin = Origin::File {
        file: location.file().to_owned(),
        line: location.line(),
        section: section.name().name().to_owned(),
    };
    Finding::problem(FindingKind::Other, text).with_origin(origin)
}

/// Returns why a file cannot be read. A pipe would be waited for.
fn unreadable(file: &Path) -> Option<io::Error> {
    match fs::metadata(file) {
        Err(error) => Some(error),
        Ok(metadata) if metadata.is_dir() => Some(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if metadata.is_file() => File::open(file).err(),
        Ok(_) => None,
    }
}

/// Returns why a command line cannot be run, unless its program can be.
fn missing_program(settings: &Settings, line: &str) -> Option<&'static str> {
    let platform = settings.variables().platform();
    let command = match ProcessCommand::parse(line, platform) {
        Ok(command) => command,
        Err(reason) => return Some(reason),
    };
    // Windows adds endings to names, and looks in more folders.
    if platform == Platform::Windows {
        return None;
    }
    let program = command.program();
    let mut places = if program.contains('/') {
        vec![PathBuf::from(program)]
    } else {
        let folders = env::split_paths(settings.variables().raw("PATH")?);
        folders.map(|folder| folder.join(program)).collect()
    };
    places.retain(|place| place.exists());
    match places.first() {
        None => Some("its program is not there"),
        Some(_)
            if places
                .iter()
                .any(|place| place.is_file() && is_runnable(place)) =>
        {
            None
        }
        Some(place) if place.is_dir() => Some("its program is a folder"),
        Some(_) => Some("this user has no right to run its program"),
    }
}

#[cfg(unix)]
fn is_runnable(program: &Path) -> bool {
    rustix::fs::access(program, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_runnable(_program: &Path) -> bool {
    true
}
