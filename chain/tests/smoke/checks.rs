use std::{
    fs,
    future::ready,
    path::Path,
    pin::pin,
    process::ExitStatus,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use keyfob_chain::{
    Order, Outcome, Platform, ProcessCommand, ProcessOutput, ProfileProvider, Provider as _,
    Settings, Sources, Variables,
    files::sessions::SessionCache,
    profiles::{ConfigFiles, Editor, FileKind, Problem, SectionName},
};
use keyfob_sigv4::Timestamp;

/// Reads a file as each kind, by each family of rules.
pub(crate) fn files(input: &[u8]) {
    let lines = input.split(|byte| *byte == b'\n').count();
    for kind in [FileKind::Config, FileKind::Credentials] {
        for order in [Order::Cli, Order::Rust] {
            let files = ConfigFiles::parse_for(order, [(kind, "file", input)]);
            for problem in files.problems() {
                assert!(
                    problem
                        .line
                        .is_none_or(|line| (1..=lines).contains(&(line as usize)))
                );
                let text = problem.to_string();
                assert!(
                    text.starts_with("file:") && !text.contains(char::is_control),
                    "{text:?}"
                );
            }
            for section in files.sections() {
                // Usable, or an error that says why not.
                if let Err(error) = files.section(section.name()) {
                    assert!(files.problems().iter().any(Problem::is_error), "{error}");
                }
                for (name, value) in section.iter() {
                    assert!(!name.contains(char::is_whitespace));
                    assert!((1..=lines).contains(&(value.location().line() as usize)));
                    assert_eq!(value.as_str().trim(), value.as_str());
                }
            }
            assert!(files.profile("\u{1}").is_err());
        }
    }
}

/// Explains each profile of a file: what masks what, and when its key expires.
pub(crate) fn findings(input: &[u8]) {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let files = ConfigFiles::parse([
        (FileKind::Config, "config", input),
        (FileKind::Credentials, "credentials", input),
    ]);
    for name in files.names() {
        let settings = Settings::new(Variables::default(), files.clone()).with_profile(name);
        for finding in ProfileProvider::new(settings).findings(now) {
            let line = finding.line(None);
            assert!(!line.contains(char::is_control), "{line:?}");
            assert!(!line.contains("canary"), "{line:?}");
        }
    }
}

/// Splits the first line as a command and quotes its words again; reads the rest as what the
/// process of `credential_process` writes.
pub(crate) fn process(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (command, document) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(command) = ProcessCommand::parse(command, Platform::Unix) {
        let words = std::iter::once(command.program());
        let words = words.chain(command.arguments().iter().map(String::as_str));
        let quoted: Vec<_> = words
            .map(|word| format!("'{}'", word.replace('\'', r"'\''")))
            .collect();
        let again = ProcessCommand::parse(&quoted.join(" "), Platform::Unix);
        assert!(again.is_ok_and(|again| {
            again.program() == command.program() && again.arguments() == command.arguments()
        }));
    }
    if let Ok(command) = ProcessCommand::parse(command, Platform::Windows) {
        assert!(!command.program().is_empty());
    }

    let document = document.to_owned();
    let run = move |_| {
        let output = ProcessOutput::new(ExitStatus::default(), document.clone(), "");
        ready(Ok(output))
    };
    let config = (
        FileKind::Config,
        "config",
        &b"[default]\ncredential_process = p\n"[..],
    );
    let settings = Settings::new(Variables::default(), ConfigFiles::parse([config]))
        .with_sources(Sources::default().with_processes(run));
    let provider = ProfileProvider::new(settings);
    let mut found = pin!(provider.provide(Timestamp::from_unix_seconds(1_800_000_000)));
    // Nothing is waited for.
    let answer = found.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        matches!(answer, Poll::Ready(Ok(Outcome::Found(_)) | Err(_))),
        "{answer:?}"
    );
    match answer {
        Poll::Ready(Ok(Outcome::Found(found))) => {
            let credentials = found.credentials;
            assert!(!credentials.access_key_id().is_empty());
            assert!(!credentials.secret_access_key().is_empty());
        }
        Poll::Ready(Err(error)) => {
            let text = error.to_string();
            assert!(text.starts_with("config:2: credential_process"), "{text}");
            assert!(!text.contains(char::is_control), "{text}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
        _ => {}
    }
}

/// Reads a file with any content as a session in the cache of the AWS CLI. It is one or is counted,
/// and stays as it is.
#[allow(clippy::unwrap_used, reason = "the folder is the test's own")]
pub(crate) fn sessions(input: &[u8], folder: &Path) {
    let file = folder.join("5f52c9c583acfd120a607977e4f21fe86b7fa42d.json");
    fs::write(&file, input).unwrap();
    // A file that was just written is waited for.
    let past = SystemTime::now() - Duration::from_secs(60);
    let written = fs::File::options().write(true).open(&file).unwrap();
    written.set_modified(past).unwrap();
    let cache = SessionCache::read(folder).unwrap();
    let shown = format!("{cache:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(cache.sessions.len() + cache.others, 1, "{shown}");
    assert!(cache.sessions.iter().all(|session| session.path == file));
    assert_eq!(fs::read(&file).unwrap(), input);
    // Some file systems write to the disk when a file is truncated and written again.
    fs::remove_file(&file).unwrap();
}

/// Sets a property in a file, reads it back, and removes it. The first byte chooses the section,
/// the property and the value.
pub(crate) fn editor(input: &[u8]) {
    let Some((&choice, text)) = input.split_first() else {
        return;
    };
    let choice = usize::from(choice);
    let section = [
        SectionName::profile("default"),
        SectionName::profile("dev"),
        SectionName::profile("a b"),
        SectionName::SsoSession("dev".to_owned()),
    ][choice % 4]
        .clone();
    let name = ["region", "x", "output", "new"][choice / 4 % 4];
    let value = ["v", "", "a#b", "a = b", "[c]", "\u{e9}"][choice / 16 % 6];
    let shown = String::from_utf8_lossy(text);
    let edited = edit(text, |editor| drop(editor.set(&section, name, value)));
    let Some(edited) = edited else { return };
    let (before, after) = (read(text), read(&edited));
    assert_eq!(
        get(&after, &section, name).as_deref(),
        Some(value),
        "{shown:?}"
    );
    let others = all_but(&before, &section, name);
    assert_eq!(others, all_but(&after, &section, name), "{shown:?}");
    let again = edit(&edited, |editor| drop(editor.set(&section, name, value)));
    assert_eq!(again.as_deref(), Some(&edited[..]), "{shown:?}");
    // After the removal, every line of other properties is still there, in order.
    let removed = edit(&edited, |editor| drop(editor.remove(&section, name)));
    assert!(removed.is_some(), "{shown:?}");
    let removed = removed.unwrap_or_default();
    let gone = read(&removed);
    assert_eq!(get(&gone, &section, name), None, "{shown:?}");
    assert_eq!(others, all_but(&gone, &section, name), "{shown:?}");
    let mut edited = edited.split_inclusive(|byte| *byte == b'\n');
    for line in removed.split_inclusive(|byte| *byte == b'\n') {
        assert!(edited.any(|kept| kept == line), "{shown:?}");
    }
}

/// Returns `None` for UTF-16, which is not edited.
fn edit(text: &[u8], change: impl Fn(&mut Editor)) -> Option<Vec<u8>> {
    let mut editor = Editor::new(FileKind::Config, "config");
    change(&mut editor);
    editor.apply(text).ok()
}

fn read(text: &[u8]) -> ConfigFiles {
    ConfigFiles::parse([(FileKind::Config, "config", text)])
}

fn get(files: &ConfigFiles, section: &SectionName, name: &str) -> Option<String> {
    let found = files.sections().find(|found| found.name() == section)?;
    Some(found.get(name)?.as_str().to_owned())
}

/// Returns what the parser reads from a text, without one property.
fn all_but(files: &ConfigFiles, section: &SectionName, property: &str) -> Vec<String> {
    let mut all = Vec::new();
    for found in files.sections() {
        for (name, value) in found
            .iter()
            .filter(|(name, _)| found.name() != section || *name != property)
        {
            let nested: Vec<_> = value.entries().map(|(n, v)| (n, v.as_str())).collect();
            all.push(format!(
                "{} {name} {:?} {nested:?}",
                found.name(),
                value.as_str()
            ));
        }
    }
    all.sort();
    all
}
