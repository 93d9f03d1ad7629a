use std::ops::Range;

use keyfob_sigv4::Secret;
use serde_json::Value;

/// How much of the end of what a process says is told, in characters.
const TOLD: usize = 2000;
/// The length in bytes of words that are told whatever they consist of. The shortest secrets,
/// passwords aside, are access keys of 40 characters.
const SHORT: usize = 16;
/// How a key in PEM begins.
const PEM: &str = "-----BEGIN";
/// Parts of words that name a secret.
const SECRETS: [&str; 12] = [
    "bearer",
    "contraseña",
    "jwt",
    "kennwort",
    "passcode",
    "passphrase",
    "passw",
    "schlüssel",
    "secret",
    "token",
    "пароль",
    "パスワード",
];
/// The ends of words that name a secret. `KeyError` and `mapping` name none.
const SECRET_ENDS: [&str; 9] = [
    "cookie", "key", "otp", "pass", "passe", "pin", "pw", "pwd", "seed",
];
/// Options whose value is often a secret.
const SECRET_OPTIONS: [&str; 6] = ["--pat", "--user", "-a", "-p", "-u", "-w"];
/// What the tokens of well-known services begin with.
const TOKENS: [&str; 5] = ["ghp_", "github_pat_", "glpat-", "hvs.", "xoxb-"];
/// Words that are mostly told about, and name a secret only where a value follows as with a header.
const HEADERS: [&str; 7] = [
    "auth",
    "authentication",
    "authorization",
    "cred",
    "credential",
    "credentials",
    "creds",
];
/// The words that are told after the name of a secret. Passwords that people like, such as
/// `secret`, are not among them.
const STATES: &[&str] = &[
    "a",
    "access",
    "allowed",
    "and",
    "are",
    "auth",
    "authentication",
    "be",
    "been",
    "but",
    "by",
    "cannot",
    "client",
    "code",
    "could",
    "credentials",
    "denied",
    "detected",
    "directory",
    "does",
    "empty",
    "error",
    "exist",
    "expired",
    "failed",
    "file",
    "for",
    "found",
    "from",
    "has",
    "have",
    "id",
    "in",
    "included",
    "incorrect",
    "invalid",
    "is",
    "it",
    "key",
    "longer",
    "malformed",
    "missing",
    "must",
    "no",
    "not",
    "of",
    "or",
    "permission",
    "provided",
    "refresh",
    "refused",
    "rejected",
    "request",
    "required",
    "session",
    "set",
    "sso",
    "such",
    "the",
    "to",
    "token",
    "unavailable",
    "valid",
    "verification",
    "was",
    "were",
    "with",
    "wrong",
    "your",
];
/// The names whose values are told, as loggers write them.
const LOGGED: [&str; 8] = [
    "code", "err", "error", "level", "message", "msg", "status", "time",
];

/// Returns what a process says, without parts of its output and of its arguments that may be
/// secrets, without what follows the name of a secret, and without words that may be one by their
/// form. It rather hides a reason than tells a secret.
pub(super) fn without_secrets(said: &str, output: &str, arguments: &[String]) -> String {
    let is_separator = |char: char| char.is_whitespace() || "\"',:{}".contains(char);
    let is_any_separator = |char| is_separator(char) || "=;<>()[]&".contains(char);
    // A script for a shell has the words of its messages.
    let arguments = arguments.iter();
    let arguments = arguments.flat_map(|argument| argument.split(is_separator));
    let arguments = arguments.filter(|word| !is_plain(word));
    // A value of JSON may be escaped in the output.
    let values = serde_json::from_str(output).unwrap_or(Value::Null);
    let words = output.split(is_separator);
    let words = words.chain(output.split(is_any_separator));
    let secrets = words.chain(arguments).chain(texts(&values));
    let secrets: Vec<Secret> = secrets.map(Secret::from).collect();
    let mut below = Below::default();
    let mut lines = String::new();
    for line in said.split_inclusive('\n') {
        let text = line.trim_end();
        let is_hidden = below.hides(text);
        let ends = [end_of_told(text), end_of_trace(text), text.find(PEM)];
        let end = ends.into_iter().flatten().min();
        let end = if is_hidden { Some(0) } else { end };
        match end {
            Some(end) => lines.push_str(&format!("{}…{}", &text[..end], &line[text.len()..])),
            None => lines.push_str(line),
        }
        if !is_hidden && !text.is_empty() {
            below = Below::new(text, end);
        }
    }
    let lines = Secret::redact(&lines, &secrets.iter().collect::<Vec<_>>());
    let told = lines.split_inclusive(char::is_whitespace).map(told_word);
    let told: String = told.collect();
    match told.char_indices().rev().nth(TOLD - 1) {
        Some((start, _)) => told[start..].to_owned(),
        None => told,
    }
}

/// Returns the texts in a value of JSON, at any depth.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Finds the lines that are hidden whole: those below the name of a secret that may have its value,
/// or parts of it.
#[derive(Default)]
struct Below<'a> {
    /// The last line that was told, wholly or in part.
    line: &'a str,
    /// Whether a secret is known to be in that line or below it.
    has_secret: bool,
    /// The brackets that are open since the name of the secret.
    open: isize,
    /// Whether a line below has had a value.
    has_value: bool,
}

impl<'a> Below<'a> {
    /// Begins below a line that is told up to `end`.
    fn new(line: &'a str, end: Option<usize>) -> Self {
        Self {
            line,
            has_secret: end.is_some(),
            open: end.map_or(0, |end| opened(&line[end..])),
            has_value: false,
        }
    }

    /// Returns true if the next line is hidden.
    fn hides(&mut self, line: &str) -> bool {
        if line.is_empty() {
            return false;
        }
        let is_hidden =
            self.has_secret && self.is_inside(line) || !self.has_value && self.is_value(line);
        if is_hidden {
            self.has_secret = true;
            self.open += opened(line);
            self.has_value |= line.contains(char::is_alphanumeric);
        }
        is_hidden
    }

    /// Returns true for a line in brackets, of a list, or indented below the name.
    fn is_inside(&self, line: &str) -> bool {
        let indent = |line: &str| line.len() - line.trim_start().len();
        self.open > 0
            || indent(line) > indent(self.line)
            || line.trim_start().starts_with("- ")
            || !line.contains(char::is_alphanumeric)
    }

    /// Returns true for a line that has the value of the secret that the line before it ends with.
    fn is_value(&self, line: &str) -> bool {
        let Some(end) = end_of_told(&format!("{} {}", self.line, line.trim_start())) else {
            return false;
        };
        match self.line.get(end..) {
            Some(rest) => !rest.contains(char::is_alphanumeric),
            None => {
                let is_next = end == self.line.len() + 1;
                is_next && (line.split_whitespace().count() == 1 || self.is_inside(line))
            }
        }
    }
}

/// Returns how many brackets a text opens and does not close. The first line of a key in PEM is
/// one, which the last line closes.
fn opened(text: &str) -> isize {
    let keys = text.matches(PEM).count() as isize - text.matches("-----END").count() as isize;
    let brackets = text.chars().map(|char| match char {
        '[' | '{' => 1,
        ']' | '}' => -1,
        _ => 0,
    });
    keys + brackets.sum::<isize>()
}

/// Returns where the arguments of a command begin, in the line that `set -x` prints of it.
fn end_of_trace(line: &str) -> Option<usize> {
    let command = line.trim_start_matches('+').strip_prefix(' ')?;
    let is_trace = line.starts_with('+');
    let length = command.find(' ').filter(|_| is_trace)?;
    Some(line.len() - command.len() + length + 1)
}

/// Returns where the line stops being told. After the name of a secret, whose value may follow it
/// in any form, only a few words about its state are told, up to a colon.
fn end_of_told(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let is_end = |word: &str| word.ends_with([':', '=']);
    let mut is_after_name = false;
    let mut before = ["", ""];
    let mut start = 0;
    for piece in lower.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        let bare = word.trim_matches(|char: char| char.is_ascii_punctuation());
        let end = start + word.len();
        if is_after_name && !word.is_empty() {
            if !STATES.contains(&bare) {
                return Some(start);
            }
            if is_end(word) {
                return (!is_reason(&lower[end..])).then_some(end);
            }
        }
        if let Some(value) = open_value(word) {
            return Some(start + value);
        }
        let is_url = word.contains("://");
        let is_path = word.contains('/') && word.starts_with(['/', '~', '.']);
        if is_error_code(before, &line[start..end]) {
            // Its parts are names of something else.
        } else if is_url || is_path {
            // So are its folders, but a value may follow.
            if let Some(value) = value_after_path(word) {
                if value < word.len() && is_path {
                    return Some(start + value);
                }
                is_after_name |= value == word.len();
            }
        } else if let Some(name) = name_in(word, is_secret_name) {
            if name < word.len() {
                return Some(start + name);
            }
            if is_end(word) {
                return (!is_reason(&lower[end..])).then_some(end);
            }
            is_after_name = before[1] != "public";
        } else if let Some(name) = name_in(word, |part| HEADERS.contains(&part)) {
            let is_header = word[..name].ends_with([':', '=']);
            if is_header && (name < word.len() || is_short(&lower[end..])) {
                return Some(start + name);
            }
        }
        is_after_name |= SECRET_OPTIONS.contains(&word);
        before = [before[1], word];
        start += piece.len();
    }
    None
}

/// Returns true for the rest of a line that looks like a value and not like a reason.
fn is_short(rest: &str) -> bool {
    matches!(rest.split_whitespace().count(), 1..=2)
}

/// Returns true for the rest of a line that is a whole sentence about the state of a secret.
fn is_reason(rest: &str) -> bool {
    let is_punctuation = |char: char| char.is_ascii_punctuation();
    let is_told =
        |word: &str| word.contains("://") || STATES.contains(&word.trim_matches(is_punctuation));
    rest.split_whitespace().count() >= 4 && rest.split_whitespace().all(is_told)
}

/// Returns where the value begins that follows a path whose last part is the name of a secret, as
/// in `./password:VALUE`, or the end of the word if a colon is the last character.
fn value_after_path(word: &str) -> Option<usize> {
    let end = word.rfind([':', '='])?;
    let at = word
        .find([':', '='])
        .filter(|at| !word[*at..].starts_with("://"));
    let at = at.unwrap_or(end);
    let file = word[..at].rsplit('/').next()?;
    let is_name = name_in(file, is_secret_name) == Some(file.len());
    is_name.then_some(at + 1)
}

/// Returns true for a part of a word in small letters that names a secret, or may look like a name.
fn is_secret_name(part: &str) -> bool {
    let part = &part.to_lowercase();
    let is_greek_or_cyrillic = |char| matches!(char, '\u{370}'..='\u{52f}');
    // Letters of mathematics, and those as wide as Chinese ones.
    let is_latin_twin = |char| matches!(char, '\u{ff21}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}');
    let is_mixed = part.contains(is_greek_or_cyrillic)
        && part.contains(|char: char| char.is_ascii_alphabetic());
    if is_mixed || part.contains(is_latin_twin) {
        return true;
    }
    let end = part.trim_end_matches(|char: char| char.is_ascii_digit());
    let end = end
        .strip_suffix('s')
        .filter(|_| !end.ends_with("ss"))
        .unwrap_or(end);
    let is_type = part.ends_with("exception") || part.ends_with("error");
    part == "basic"
        || SECRET_ENDS.iter().any(|name| end.ends_with(name))
        || !is_type && SECRETS.iter().any(|name| part.contains(name))
}

/// Returns where the value of a name begins that is in a word, or the end of the word if that has
/// the name only.
fn name_in(word: &str, is_name: impl Fn(&str) -> bool) -> Option<usize> {
    let is_separator = |char: char| !char.is_alphanumeric();
    let mut has_name = false;
    let mut start = 0;
    for piece in word.split_inclusive(is_separator) {
        let part = piece.trim_end_matches(is_separator);
        // The parts of `AWS_SECRET_ACCESS_KEY` and `--token-code` are those of one name.
        let is_joined = word[..start].ends_with(['_', '-']);
        if has_name && !is_joined && !part.is_empty() {
            return Some(start);
        }
        has_name |= is_name(part);
        start += piece.len();
    }
    has_name.then_some(word.len())
}

/// Returns true for the code of an error of AWS and for the name of an operation, as its CLI and
/// its SDKs for Python and Go write them.
fn is_error_code(before: [&str; 2], word: &str) -> bool {
    let code = word.trim_matches(['(', ')', ':', ',']);
    let is_capital = |char: char| char.is_ascii_uppercase();
    let is_camel_case = code.starts_with(is_capital)
        && code.matches(is_capital).count() > 1
        && code.contains(|char: char| char.is_ascii_lowercase())
        && code.chars().all(|char| char.is_ascii_alphabetic());
    // `InvalidToken` is a code, `SessionToken` is a name.
    let is_state = ["Expired", "Invalid", "Missing"];
    let is_state = is_state.iter().any(|state| code.starts_with(state));
    let is_code = is_camel_case && (is_state || !is_secret_name(&code.to_ascii_lowercase()));
    let is_error = before == ["api", "error"] || before == ["error", "occurred"];
    // That of an operation is no name of a secret, even if the operation gives one.
    let is_operation =
        before == ["calling", "the"] || before[0] == "error" && before[1].ends_with(':');
    is_error && is_code || is_operation && is_camel_case
}

/// Returns where the value of a variable begins whose quotes end in another word.
fn open_value(word: &str) -> Option<usize> {
    let value = &word[assigned(word)?..];
    let quote = value.chars().next().filter(|char| "\"'".contains(*char))?;
    let is_open = !value[1..].contains(quote);
    is_open.then_some(word.len() - value.len())
}

/// Returns where the value begins in `NAME=VALUE`, unless loggers write that name.
fn assigned(word: &str) -> Option<usize> {
    let (name, value) = word.split_once('=')?;
    let name = name.trim_start_matches(|char: char| char.is_ascii_punctuation());
    let is_logged = LOGGED.contains(&name.to_ascii_lowercase().as_str());
    let is_value = value.contains(char::is_alphanumeric);
    (!name.is_empty() && is_value && !is_logged).then_some(word.len() - value.len())
}

/// Returns the word, with a mark in the place of what may be a secret by its form: a long word, a
/// code of MFA, or a value in an option, a URL or the text of a variable.
fn told_word(word: &str) -> String {
    let bare = word.trim_end();
    let Some(hidden) = hidden_in(bare) else {
        return word.to_owned();
    };
    format!("{}…{}", &word[..hidden.start], &word[hidden.end..])
}

fn hidden_in(word: &str) -> Option<Range<usize>> {
    let digits = word.trim_matches(|char: char| char.is_ascii_punctuation());
    let is_code = matches!(digits.len(), 6..=8) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_told = word.len() <= SHORT
        || is_plain(word.trim_end_matches('…'))
        || is_host(word)
        || word.starts_with("arn:");
    if is_code || !is_told || TOKENS.iter().any(|token| digits.starts_with(token)) {
        return Some(0..word.len());
    }
    if word.len() > 2 && (word.starts_with("-p") || word.starts_with("-u")) {
        return Some(2..word.len());
    }
    let after_user = |at: usize| {
        let host = word.find("//").map_or(0, |slashes| slashes + 2);
        Some(host + word.get(host..at)?.find(':')? + 1..at)
    };
    let password = word.rfind('@').and_then(after_user);
    password.or_else(|| Some(assigned(word)?..word.len()))
}

/// Returns true for the name of a host with its domain, such as `id-2.prod.example.com:`.
fn is_host(word: &str) -> bool {
    let name = word.trim_end_matches(':');
    let is_part = |part: &str| (1..=SHORT).contains(&part.len());
    let is_in_host = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
    let (parts, domain) = name.rsplit_once('.').unwrap_or_default();
    parts.contains('.')
        && domain.chars().all(|char| char.is_ascii_lowercase())
        && name.split(['.', '-']).all(is_part)
        && name
            .chars()
            .all(|char| is_in_host(char) || ".-".contains(char))
}

/// Returns true if a text looks like one of a language or of a program: each part has letters of
/// one case, or capitals that begin words, such as `AccessDeniedException`.
fn is_plain(text: &str) -> bool {
    text.split(|char: char| char.is_ascii_punctuation())
        .all(|part| {
            let letters: Vec<char> = part.chars().collect();
            let ends_in_capitals = letters.windows(2).any(|two| {
            matches!(two, [first, second] if first.is_uppercase() && second.is_uppercase())
        });
            letters.iter().all(|char| char.is_alphabetic())
                && (part.len() <= SHORT
                    || !ends_in_capitals
                    || !part.chars().any(char::is_lowercase))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_told_that_may_be_a_secret() {
        let output =
            r#"{"SecretAccessKey": "canary/pass+word", "SessionToken": "s\u0065\/cretcanary7"}"#;
        let arguments = ["login", "hunter2x", "corp-admin"].map(str::to_owned);
        for (said, expected) in [
            (
                "no session for corp-admin: UnrecognizedClientException\n(login)",
                "no session for corp-admin: UnrecognizedClientException\n(login)",
            ),
            ("got canary/pass+word", "got (redacted)…"),
            ("usage: tool hunter2x", "usage: tool (redacted)"),
            ("+ login -u me --password x7 host", "+ login …"),
            ("++ MYDB=x7 psql", "++ MYDB=… …"),
            (
                "export AWS_SECRET_ACCESS_KEY=short\nthen",
                "export AWS_SECRET_ACCESS_KEY=…\nthen",
            ),
            ("export MYDB=hunter7 x", "export MYDB=… x"),
            ("MYDB='hunter 7' psql", "MYDB=…"),
            ("PGPW=hunter7 psql", "PGPW=…"),
            ("login --otp=123", "login --otp=…"),
            ("mysql -phunter7 -h host", "mysql -p… -h host"),
            ("mysql -p hunter7", "mysql -p …"),
            ("curl -u bob:hunter7 host", "curl -u …"),
            ("at https://bob:hunter@host/x", "at https://bob:…@host/x"),
            (r#"{"SecretAccessKey":"x","a":"b"}"#, r#"{"(redacted)":"…"#),
            ("Authorization: Bearer a.b.c", "Authorization:…"),
            ("Authorization: Basic Zm9vYmFy", "Authorization:…"),
            (
                "-H 'Authorization: Basic Zm9v' x",
                "-H 'Authorization: Basic …",
            ),
            ("with bearer a.b.c", "with bearer …"),
            ("got CANARYwJalrXUtnFEMI", "got …"),
            ("got se/cretcanary7", "got (redacted)"),
            ("password is: CANARY12", "password is:…"),
            ("my pin 123456CANARY", "my pin …"),
            ("the passphrase is correct horse", "the passphrase is …"),
            ("u?a=b&password=x7 more", "u?a=…"),
            ("api_key = x7", "api_key …"),
            (
                "login with password hunter7: connection refused",
                "login with password …",
            ),
            ("MFA token 123456: rejected", "MFA token …"),
            ("code 123456 rejected", "code … rejected"),
            ("the key Zm9vYmFyYmF6= is bad", "the key …"),
            ("password:\nhunter7 x\nthen", "password:…\n…\nthen"),
            (
                "password\n\n  hunter7\nthen it failed",
                "password\n\n…\nthen it failed",
            ),
            ("no token\nrun login", "no token\nrun login"),
            ("password,hunter7", "password,…"),
            ("pin(1234)", "pin(…"),
            ("<pin>1234</pin>", "<pin>…"),
            ("password secret7", "password …"),
            ("credentials=x7", "credentials=…"),
            ("credentials: bob hunter7", "credentials:…"),
            (
                "An error occurred (X): password=hunter7",
                "An error occurred (X): password=…",
            ),
            (
                "keyfob: [ERROR]: An error occurred (InvalidToken): token=CANARY77",
                "keyfob: [ERROR]: An error occurred (InvalidToken): token=…",
            ),
            (
                "key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\nbad",
                "key …\nbad",
            ),
            (
                "Enter token code for arn:aws:iam::1:mfa/x: 123456",
                "Enter token code for …",
            ),
        ] {
            assert_eq!(without_secrets(said, output, &arguments), expected);
        }
    }

    #[test]
    fn all_lines_of_a_secret_are_hidden() {
        for (said, expected) in [
            (
                "private_key: |\n  hunter7 a\n  hunter7 b\nthen",
                "private_key:…\n…\n…\nthen",
            ),
            (
                "a:\n  SessionToken: >\n    x7\n\n    x8\n  b: c",
                "a:\n  SessionToken:…\n…\n\n…\n  b: c",
            ),
            (
                "passwords:\n- hunter7\n- x 8\nthen",
                "passwords:…\n…\n…\nthen",
            ),
            ("the tokens\n- hunter7\n- x 8", "the tokens\n…\n…"),
            ("password:\n---\nhunter7\nthen", "password:…\n…\n…\nthen"),
            (
                "\"tokens\": [\n\"x7\",\n\"x8\"\n]\nthen",
                "\"tokens\":…\n…\n…\n…\nthen",
            ),
            (
                "\"tokens\": [\"x7\",\n\"x8\"],\nthen",
                "\"tokens\":…\n…\nthen",
            ),
            (
                "bad\n-----BEGIN RSA KEY-----\nx7==\nx8\n-----END RSA KEY-----\nthen",
                "bad\n…\n…\n…\n…\nthen",
            ),
            (
                "<Password>\n  x 7\n  x 8\n</Password>",
                "<Password>\n…\n…\n</Password>",
            ),
        ] {
            assert_eq!(without_secrets(said, "", &[]), expected);
        }
    }

    #[test]
    fn paths_and_codes_hide_no_value() {
        for (said, expected) in [
            ("./secret:hunter7", "./secret:…"),
            ("../password: hunter7", "../password: …"),
            (".password hunter7", ".password …"),
            ("/etc/key: hunter7", "/etc/key: …"),
            ("https://x/token: hunter7", "https://x/token: …"),
            ("api error password: hunter7", "api error password:…"),
            ("error occurred Secret hunter7", "error occurred Secret …"),
            ("api error SessionToken: x7", "api error SessionToken:…"),
        ] {
            assert_eq!(without_secrets(said, "", &[]), expected);
        }
    }

    #[test]
    fn values_of_the_output_are_hidden_in_each_of_its_forms() {
        for output in [
            "AWS_SECRET_ACCESS_KEY=canary7",
            "export SECRET=canary7;",
            "a=1&secret=canary7&x=1",
            "<s>canary7</s>",
            "(canary7)",
            "[canary7]",
            r#"{"a": [{"SecretAccessKey": "can\u0061ry7"}]}"#,
        ] {
            assert_eq!(
                without_secrets("bad canary7", output, &[]),
                "bad (redacted)"
            );
        }
    }

    #[test]
    fn names_of_other_languages_and_names_that_look_alike_hide_what_follows() {
        for name in [
            // The first three have letters that are not those of ASCII.
            "раssword",
            "ѕecret",
            "ＰＡＳＳＷＯＲＤ",
            "Passwort",
            "Kennwort",
            "Contraseña",
            "mot de passe",
            "Пароль",
            "Schlüssel",
            "パスワード",
            "jwt",
            "seed",
            "Set-Cookie",
        ] {
            for end in ["", ":"] {
                let said = format!("{name}{end} hunter7 x");
                let told = without_secrets(&said, "", &[]);
                assert!(
                    !told.contains("hunter7") && told.starts_with(name),
                    "{told}"
                );
            }
        }
        assert_eq!(without_secrets("--pat hunter7", "", &[]), "--pat …");
        assert_eq!(without_secrets("creds: hunter7", "", &[]), "creds:…");
        assert_eq!(without_secrets("bad ghp_x7 (hvs.x7)", "", &[]), "bad … …");
        let said = "Le jeton a expiré à midi";
        assert_eq!(without_secrets(said, "", &[]), said);
    }

    #[test]
    fn the_reasons_of_other_tools_are_told() {
        for said in [
            "Error loading SSO Token: Token for https://x.awsapps.com/start does not exist",
            "gpg: public key decryption failed: Inappropriate ioctl for device",
            "No YubiKey detected!",
            "dial tcp: lookup host-2.eu-west-1.example.com: no such host",
            "open /home/me/.vault-token: no such file or directory",
            "the token has expired",
            "AWS_ACCESS_KEY_ID is not set",
            "keyfob: x7 was not found",
            "no arn:aws:iam::1:role/a-long-name",
            "keyfob: [ERROR]: An error occurred (CredentialRetrieval): the key of a is missing",
            "An error occurred (ExpiredToken) when calling it: The security token is expired",
            "botocore.exceptions.ClientError: An error occurred (InvalidClientTokenId) when \
             calling the GetCallerIdentity operation: The security token included in the request \
             is invalid",
            "An error occurred (AccessDenied) when calling the GetSessionToken operation: no",
            "operation error STS: GetSessionToken, api error AccessDenied: no",
            "Error when retrieving token from sso: Token has expired and refresh failed",
            "Host key verification failed.",
            "Unable to locate credentials. You can configure credentials by running \
             \"aws configure\".",
            "KeyError: 'NAME'",
            "not authorized to perform: sts:AssumeRole",
            // aws-vault
            "aws-vault: error: exec: Failed to get credentials for prod: AccessDenied",
            "Failed to get credentials for prod: operation error STS: AssumeRole, api error \
             ExpiredTokenException: The security token included in the request is expired",
            // saml2aws
            "Error authenticating to IdP: dial tcp: lookup okta.example.com: no such host",
            "time=now level=error msg=\"unable to reach the IdP: timeout\"",
            // granted
            "[x] profile prod: error getting credentials: the SSO session has expired",
            // gimme-aws-creds
            "Multi-factor authentication failed",
            // op
            "[ERROR] you are not currently signed in. Please run `op signin --help`",
            // chamber
            "Error: Failed to list store contents: exit status 1",
            // vault
            "URL: PUT https://vault/auth/x\nCode: 403. Errors:\n\n* permission denied",
            "* missing client token",
        ] {
            assert_eq!(without_secrets(said, "", &[]), said);
        }
    }

    #[test]
    fn the_end_of_a_long_text_is_told() {
        let long = without_secrets(&"é ".repeat(5000), "", &[]);
        assert_eq!(long.chars().count(), TOLD);
        // Where the text is cut, no part of a secret is told.
        let url = "https://bob:hunter7@host/ ";
        for length in 0..url.len() {
            let said = format!("{url}{}", "é ".repeat((TOLD - length) / 2));
            assert!(!without_secrets(&said, "", &[]).contains("hunter7"));
        }
    }
}
