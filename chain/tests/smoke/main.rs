//! The checks of the fuzz targets on what looks more or less like configuration, or like the answer
//! of a process, on a fixed sequence short enough for each test run.

mod checks;

/// Random numbers (xorshift) that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.next(from.len())]
    }

    /// Changes, duplicates, cuts or inserts a few bytes.
    fn mutate(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for _ in 0..self.next(3) {
            let at = self.next(bytes.len().max(1)).min(bytes.len());
            match self.next(4) {
                0 => bytes.truncate(at),
                1 if !bytes.is_empty() => bytes[at] ^= 1 << self.next(8),
                2 => bytes.extend_from_within(at..),
                _ => bytes.insert(at, self.next(256) as u8),
            }
        }
        bytes
    }

    /// Returns a text that looks more or less like a configuration file.
    fn file(&mut self) -> Vec<u8> {
        const PIECES: [&str; 35] = [
            "[default]",
            "[profile dev]",
            "[profile 'a b']",
            "[dev]",
            "[ profile dev ]",
            "[profile default]",
            "[sso-session dev]",
            "[unclosed",
            "[]",
            "region = a",
            "Region=b # c",
            "region",
            "s3 =",
            "  k = v",
            "\tj=w",
            "  noequals",
            "# comment",
            "; comment",
            "",
            "",
            " ",
            "= v",
            "x = \u{e9}\u{2028}",
            "x = [y]",
            "aws_secret_access_key = abc/def==",
            "\u{feff}",
            "\0",
            "a b = c",
            "output =",
            " [profile dev]",
            "    region = d",
            "  output = e # c",
            "    # comment",
            "        deeper = f",
            " ;",
        ];
        let mut text = Vec::new();
        for _ in 0..self.next(14) {
            text.extend(self.pick(&PIECES).bytes());
            if self.next(40) == 0 {
                text.push(0xff);
            }
            text.extend(self.pick(&["\n", "\n", "\n", "\r\n", "\n\n"]).bytes());
        }
        if self.next(3) == 0 {
            text.pop();
        }
        text
    }
}

#[test]
fn any_bytes_are_read_without_a_panic_and_every_problem_has_a_line_of_the_file() {
    let mut numbers = Numbers(42);
    for _ in 0..5000 {
        let file = numbers.file();
        checks::files(&numbers.mutate(file));
    }
}

#[test]
fn every_profile_can_be_explained_without_a_panic_or_a_secret() {
    const PIECES: [&str; 24] = [
        "[default]",
        "[profile dev]",
        "[dev]",
        "aws_access_key_id = ASIAEXAMPLE",
        "aws_access_key_id =",
        "aws_secret_access_key = canary",
        "aws_session_token = canary",
        "aws_security_token = 'canary'",
        "role_arn = arn:aws:iam::123456789012:role/r",
        "source_profile = dev",
        "source_profile = default",
        "source_profile = none",
        "credential_source = Environment",
        "web_identity_token_file = /t",
        "sso_session = s",
        "login_session = l",
        "credential_process = canary",
        "x_security_token_expires = 2026-01-01T00:00:00+10:00",
        "x_security_token_expires = 2099-01-01T00:00:00",
        "expiration = 2026-01-01 00:00:00",
        "aws_expiration = +00",
        "aws_session_expiration = \u{e9}\u{e9}",
        "duration_seconds = 900",
        "region = eu-west-1",
    ];
    let mut numbers = Numbers(0xfeed);
    for _ in 0..5000 {
        let lines: Vec<_> = (0..numbers.next(16))
            .map(|_| numbers.pick(&PIECES))
            .collect();
        checks::findings(lines.join("\n").as_bytes());
    }
}

#[test]
fn any_command_is_split_and_any_answer_of_it_is_read_without_a_panic_or_a_secret() {
    const WORDS: [&str; 14] = [
        "/bin/keys",
        "a b",
        "'a b'",
        "\"a\\\"b\"",
        "\\ ",
        "\\",
        "'",
        "\"",
        " ",
        "\t",
        "\u{e9}",
        "''",
        "\"\\\\\"",
        "--x=",
    ];
    const MEMBERS: [&str; 15] = [
        r#""Version": 1"#,
        r#""Version": 1.0"#,
        r#""Version": "canary""#,
        r#""AccessKeyId": "AKIDEXAMPLE""#,
        r#""AccessKeyId": "AKID EXAMPLE""#,
        r#""AccessKeyId": """#,
        r#""SecretAccessKey": "canary""#,
        r#""SecretAccessKey": "canary\u0000""#,
        r#""SessionToken": "canary""#,
        r#""SessionToken": ["canary"]"#,
        r#""Expiration": "2099-01-01T00:00:00Z""#,
        r#""Expiration": "2001-01-01T00:00:00Z""#,
        r#""Expiration": "canary""#,
        r#""AccountId": "123456789012""#,
        r#""Other": {"canary": [1]}"#,
    ];
    const KEY: &str = r#""Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "canary""#;
    let mut numbers = Numbers(0xc0_ffee);
    for _ in 0..5000 {
        let words: String = (0..numbers.next(6)).map(|_| numbers.pick(&WORDS)).collect();
        let mut members: Vec<_> = (0..numbers.next(6))
            .map(|_| numbers.pick(&MEMBERS))
            .collect();
        members.extend((numbers.next(2) == 0).then_some(KEY));
        let document = format!("{{{}}}", members.join(", "));
        let mut input = format!("{words}\n").into_bytes();
        input.extend(numbers.mutate(document.into_bytes()));
        checks::process(&numbers.mutate(input));
    }
}

#[test]
fn any_file_in_the_cache_of_sessions_is_read_without_a_panic_or_a_secret() {
    const MEMBERS: [&str; 12] = [
        r#""ProviderType": "sso""#,
        r#""ProviderType": 1"#,
        r#""Profile": "a \"b\"""#,
        r#""AssumedRoleUser": {"AssumedRoleId": "AROA:me", "Arn": "arn:aws:sts::1:assumed-role/r/s"}"#,
        r#""AssumedRoleUser": {}"#,
        r#""AssumedRoleUser": []"#,
        r#""ResponseMetadata": {"canary": [1]}"#,
        r#""Credentials": null"#,
        r#""Credentials": {"AccessKeyId": "canary"}"#,
        r#""accessToken": "canary""#,
        r#""\u0050rofile": "c""#,
        "",
    ];
    const KEYS: [&str; 12] = [
        r#""AccessKeyId": "ASIAEXAMPLE""#,
        r#""AccessKeyId": "AKID EXAMPLE""#,
        r#""AccessKeyId": """#,
        r#""SecretAccessKey": "canary\/""#,
        r#""SecretAccessKey": "canary\u0000""#,
        r#""SessionToken": """#,
        r#""SessionToken": ["canary"]"#,
        r#""Expiration": "2020-01-01T00:00:00UTC""#,
        r#""Expiration": "2099-13-01T00:00:00Z""#,
        r#""Expiration": 4070908800"#,
        r#""AccountId": "1\u001b[31m""#,
        r#""AccountId": null"#,
    ];
    const KEY: &str = r#""AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "canary",
        "SessionToken": "canary", "Expiration": "2099-01-01T00:00:00Z""#;
    let folder = tempfile::tempdir().unwrap();
    let mut numbers = Numbers(0xcac4e);
    for _ in 0..100 {
        let mut members: Vec<_> = (0..numbers.next(3))
            .map(|_| numbers.pick(&MEMBERS).to_owned())
            .collect();
        let mut keys: Vec<_> = (0..numbers.next(3)).map(|_| numbers.pick(&KEYS)).collect();
        keys.extend((numbers.next(3) > 0).then_some(KEY));
        members.push(format!(r#""Credentials": {{{}}}"#, keys.join(", ")));
        let document = format!("{{{}}}", members.join(", "));
        checks::sessions(&numbers.mutate(document.into_bytes()), folder.path());
    }
}

#[test]
fn in_any_file_a_new_value_is_read_back_and_nothing_else_changes() {
    let mut numbers = Numbers(0x5eed_cafe_f00d_1234);
    for _ in 0..6000 {
        // The first byte chooses what is set.
        let mut input = vec![numbers.next(256) as u8];
        let file = numbers.file();
        input.extend(numbers.mutate(file));
        checks::editor(&input);
    }
}
