//! How the configuration files are read: what the AWS CLI reads is read, and what is read
//! differently by others is said.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use keyfob_chain::{
    Chain, ErrorKind, Order, Settings, Variables,
    profiles::{ConfigFiles, FileKind, ProblemKind, SectionName},
};

fn config(text: &str) -> ConfigFiles {
    ConfigFiles::parse([(FileKind::Config, "config", text.as_bytes())])
}

fn credentials(text: &str) -> ConfigFiles {
    ConfigFiles::parse([(FileKind::Credentials, "credentials", text.as_bytes())])
}

#[track_caller]
fn value(files: &ConfigFiles, profile: &str, name: &str) -> String {
    let section = files.profile(profile).unwrap();
    section.get(name).unwrap().as_str().to_owned()
}

fn problems(files: &ConfigFiles) -> Vec<String> {
    files.problems().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn absence(files: &ConfigFiles, profile: &str) -> String {
    let error = files.profile(profile).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProfileNotFound, "{error}");
    let text = error.to_string();
    let start = format!("profile \"{profile}\" not found: ");
    text.strip_prefix(&start).unwrap().to_owned()
}

#[test]
fn a_byte_order_mark_is_read_and_other_tools_refuse_the_file() {
    let text = "\u{feff}[default]\r\nregion = eu-west-1\r\n";
    let files = ConfigFiles::parse([(FileKind::Config, "config", text.as_bytes())]);
    let region = files.profile("default").unwrap().get("region").unwrap();
    assert_eq!(region.as_str(), "eu-west-1");
    let problems: Vec<_> = files.problems().iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "config:1: the file begins with a byte order mark, with which the AWS CLI refuses it: \
             save it as UTF-8 without one"
        ]
    );
}

#[test]
fn indented_properties_below_their_header_are_properties() {
    let files = config(
        "[default]\n    region = eu-west-1 # home\n    # note\n    s3 =\n        k = v\n\toutput = json\n\n[profile b]\nregion = x\n",
    );
    assert_eq!(value(&files, "default", "region"), "eu-west-1");
    assert_eq!(value(&files, "default", "output"), "json");
    let section = files.profile("default").unwrap();
    assert_eq!(
        section.get("s3").unwrap().nested("k").unwrap().as_str(),
        "v"
    );
    let kinds: Vec<_> = files.problems().iter().map(|p| (p.line, &p.kind)).collect();
    let wanted = [
        (Some(2), &ProblemKind::IndentedProperty),
        (Some(2), &ProblemKind::InlineComment),
        (Some(3), &ProblemKind::SkippedComment),
    ];
    assert_eq!(kinds, wanted);
    assert!(files.problems().iter().all(|problem| !problem.is_error()));
}

#[test]
fn an_indented_line_that_is_not_a_property_still_stops_its_profile() {
    for text in [
        "[default]\n  -x\n[profile b]\nregion = x\n",
        "[default]\n  in valid = q\n[profile b]\nregion = x\n",
        "[default]\n    a = 1\n  profile c]\n[profile b]\nregion = x\n",
    ] {
        let files = config(text);
        let error = files.profile("default").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigFile, "{text}");
        assert_eq!(value(&files, "b", "region"), "x");
    }
}

#[test]
fn a_property_that_is_indented_by_accident_is_part_of_a_value_and_said_to_be() {
    let files = config("[default]\noutput = json\n    region = eu-west-1\n");
    assert_eq!(
        value(&files, "default", "output"),
        "json\nregion = eu-west-1"
    );
    assert_eq!(
        problems(&files),
        [
            "config:3: the line looks like a property, but its whitespace makes it part of the \
             value of line 2: remove the whitespace at its start"
        ]
    );
}

#[test]
fn one_bad_section_leaves_all_other_sections_usable() {
    let files = ConfigFiles::parse([
        (
            FileKind::Config,
            "config",
            &b"[profile bad]\nregion\n[profile good]\nregion = x\n[services s]\ns3 =\n  junk\n"[..],
        ),
        (FileKind::Credentials, "credentials", b"[key]\na = 1\n"),
    ]);
    assert_eq!(value(&files, "good", "region"), "x");
    assert_eq!(value(&files, "key", "a"), "1");
    let bad = files.profile("bad").unwrap_err();
    assert_eq!(
        bad.to_string(),
        "config:2: a line without \"=\": write NAME = VALUE"
    );
}

#[test]
fn an_indented_header_is_read_as_aws_reads_it() {
    let files = config("  [default]\n  region = a\n  [profile dev]\n  region = b\n");
    assert_eq!(value(&files, "default", "region"), "a");
    assert_eq!(value(&files, "dev", "region"), "b");
    assert!(problems(&files)[0].starts_with("config:1: an indented header: it is read here"));
    // Below a property that is indented less, it is part of its value, and what comes after it is
    // not certain to belong to the section above.
    let files = config("[default]\nregion = a\n  [profile dev]\nregion = b\n");
    for name in ["default", "dev"] {
        let error = files.profile(name).unwrap_err().to_string();
        assert!(
            error.starts_with("config:3: the line looks like a header, but"),
            "{error}"
        );
    }
}

#[test]
fn a_header_that_lost_a_bracket_is_not_replaced_by_another_identity() {
    for lost in [
        "default]",
        "{default]",
        "(default)",
        "- [default]",
        "=[default]",
        "\u{ff3b}default]",
        "default",
        "\u{feff}[default]",
        " [default]",
    ] {
        let text = format!("[prod]\naws_access_key_id = P\n{lost}\naws_access_key_id = D\n");
        let files = [(FileKind::Credentials, "credentials", text.as_bytes())];
        let files = ConfigFiles::parse(files);
        // It may be the header of `default`, or a bad line of `prod`.
        for name in ["default", "prod"] {
            let error = files.profile(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigFile, "{lost} {name}");
        }
    }
    // Lines that end with a carriage return alone are one line here.
    let text = b"[default]\raws_access_key_id = A\raws_secret_access_key = B\r";
    let files = ConfigFiles::parse([(FileKind::Credentials, "credentials", &text[..])]);
    assert_eq!(
        files.profile("default").unwrap_err().kind(),
        ErrorKind::ConfigFile
    );
    // A second header that names a profile changes what it is.
    let files = [(
        FileKind::Credentials,
        "credentials",
        &b"[default]\naws_access_key_id = C\n[default\naws_access_key_id = D\n"[..],
    )];
    let error = ConfigFiles::parse(files).profile("default").unwrap_err();
    assert!(error.to_string().starts_with("credentials:3: "), "{error}");
}

#[test]
fn a_colon_in_place_of_an_equals_sign_is_named() {
    let error = config("[default]\nregion: eu-west-1\n")
        .profile("default")
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("which only the AWS CLI reads: write NAME = VALUE")
    );
}

#[test]
fn a_damaged_header_stops_the_profiles_that_it_may_be_the_header_of() {
    let files = ConfigFiles::parse([
        (
            FileKind::Config,
            "config",
            &b"[profile dev\nrole_arn = r\n[profile a]\n"[..],
        ),
        (
            FileKind::Credentials,
            "credentials",
            b"[dev]\na = 1\n[a]\na = 2\n",
        ),
    ]);
    assert_eq!(value(&files, "a", "a"), "2");
    let error = files.profile("dev").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile);
}

#[test]
fn names_that_the_aws_cli_writes_exist_in_both_files() {
    let files = ConfigFiles::parse([
        (
            FileKind::Config,
            "config",
            "[profile 'my team']\nregion = a\n[profile grün]\nregion = b\n".as_bytes(),
        ),
        (
            FileKind::Credentials,
            "credentials",
            "[my team]\nk = 1\n[grün]\nk = 2\n".as_bytes(),
        ),
    ]);
    assert!(files.problems().is_empty(), "{:?}", problems(&files));
    assert!(files.names().eq(["my team", "grün"]));
    assert_eq!(value(&files, "my team", "region"), "a");
    assert_eq!(value(&files, "my team", "k"), "1");
    assert_eq!(value(&files, "grün", "region"), "b");
    assert_eq!(value(&files, "grün", "k"), "2");
    let sdk = ConfigFiles::parse_for(
        Order::JavaV2,
        [(FileKind::Credentials, "credentials", &b"[my team]\n"[..])],
    );
    assert!(sdk.sections().next().is_none());
    assert_eq!(
        problems(&sdk),
        ["credentials:1: [my team] is ignored: use letters, digits and _-/.%@:+ in its name"]
    );
}

#[test]
fn an_ignored_section_is_named_with_the_header_to_write() {
    for (header, wanted) in [
        (
            "[dev]",
            "[dev] is ignored: in this file a profile is written [profile dev]",
        ),
        (
            "[profiledev]",
            "[profiledev] is ignored: in this file a profile is written [profile dev]",
        ),
        (
            "[Default]",
            "[Default] is ignored: the default profile is written [default], in lower case",
        ),
        (
            "[Profile dev]",
            "[Profile dev] is ignored: did you mean [profile dev]?",
        ),
        (
            "[sso-sesion s]",
            "[sso-sesion s] is ignored: did you mean [sso-session s]?",
        ),
        (
            "[profile a b]",
            "[profile a b] is ignored: write [profile 'a b']",
        ),
        (
            "[profile]",
            "[profile] is ignored: use letters, digits and _-/.%@:+ in its name",
        ),
    ] {
        let files = config(&format!("{header}\nregion = a\n"));
        assert_eq!(problems(&files), [format!("config:1: {wanted}")]);
    }
    assert_eq!(
        problems(&credentials("[profile r]\n")),
        ["credentials:1: [profile r] is ignored: this file has no prefixes: write [r]"]
    );
    for header in ["[sso-session s]", "[services x]"] {
        assert_eq!(
            problems(&credentials(&format!("{header}\n"))),
            [format!(
                "credentials:1: {header} is ignored: this file has only profiles: move the section \
                 to the config file"
            )]
        );
    }
}

#[test]
fn a_session_that_is_in_the_other_file_is_moved() {
    let files = credentials("[sso-session s]\n[services x]\n");
    for (name, header) in [
        (
            SectionName::SsoSession("s".into()),
            "[sso-session s] at credentials:1",
        ),
        (
            SectionName::Services("x".into()),
            "[services x] at credentials:2",
        ),
    ] {
        let error = files.section(&name).unwrap_err();
        let expected = format!(
            "{header} is ignored because of its header: this file has only profiles: move the \
             section to the config file"
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}

#[test]
fn a_profile_that_is_not_found_is_said_with_what_was_probably_meant() {
    assert_eq!(
        absence(&config("[dev]\n[default]\n"), "dev"),
        "[dev] at config:1 is ignored because of its header: write [profile dev]"
    );
    assert_eq!(
        absence(&credentials("[profile r]\n"), "r"),
        "[profile r] at credentials:1 is ignored because of its header: write [r]"
    );
    assert_eq!(
        absence(&credentials("[Default]\n"), "default"),
        "[Default] at credentials:1 differs in case"
    );
    assert_eq!(
        absence(&config("[Default]\n"), "default"),
        "[Default] at config:1 is ignored because of its header: write [default]"
    );
    assert_eq!(
        absence(&config("[profile prod]\n"), "\"prod\""),
        "[profile prod] at config:1 has no quotes: remove them"
    );
    assert_eq!(
        absence(&config("[profile prod]\n"), "prod "),
        "[profile prod] at config:1 has no spaces around its name: remove them"
    );
    assert_eq!(
        absence(&config("[profile dev]\n"), "profile dev"),
        "[profile dev] at config:1 has the name dev: leave out \"profile\""
    );
    assert_eq!(
        absence(&credentials("[profile r]\n"), "profile r"),
        "[profile r] at credentials:1 is ignored because of its header: write [r], and leave out \
         \"profile\" in the name"
    );
    let many: String = (0..120)
        .map(|n| format!("[profile acct-{n}.Admin]\n"))
        .collect();
    let text = absence(&config(&many), "acct-7.Admn");
    assert!(text.starts_with("did you mean acct-7.Admin, "), "{text}");
    assert_eq!(text.matches("acct-").count(), 5, "{text}");
    let text = absence(&config(&many), "acct-7");
    assert!(text.starts_with("did you mean acct-7.Admin, "), "{text}");
    let text = absence(&config(&many), "other");
    assert!(text.ends_with(" and 115 more"), "{text}");
    assert_eq!(
        absence(&config("[profile a]\n[profile b]\n"), "other"),
        "there are a, b"
    );
}

#[test]
fn a_profile_that_is_not_found_tells_which_file_of_a_variable_does_not_exist() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nope");
    let missing = missing.to_str().unwrap();
    let load = |variables: &[(&str, &str)]| {
        let home = [("HOME", folder.path().to_str().unwrap())];
        let variables = home.iter().chain(variables).copied();
        ConfigFiles::load(&variables.collect::<Variables>())
    };
    assert_eq!(
        absence(&load(&[("AWS_CONFIG_FILE", missing)]), "dev"),
        format!(
            "no configuration file has a profile; AWS_CONFIG_FILE names {missing}, which does not \
             exist"
        )
    );
    // That a file of the home folder does not exist is usual.
    assert_eq!(
        absence(&load(&[]), "dev"),
        "no configuration file has a profile"
    );
}

#[tokio::test]
async fn default_in_another_case_is_named_where_no_profile_is_found() {
    use keyfob_chain::{Outcome, ProfileProvider, Provider as _};

    let settings = Settings::new(Variables::default(), credentials("[Default]\n"));
    let provider = ProfileProvider::new(settings);
    let now = keyfob_sigv4::Timestamp::from_unix_seconds(0);
    let Outcome::NotConfigured(reason) = provider.provide(now).await.unwrap() else {
        panic!("it has credentials");
    };
    assert_eq!(
        reason,
        "no file has it: [Default] at credentials:1 differs in case"
    );
}

#[test]
fn values_that_others_read_otherwise_are_said_with_their_line() {
    let files = config(
        "[default]\nregion = \"eu-west-1\"\ncredential_process = \"/a b/c\" --x \"y\"\nx = a\rb\ns3 =\n  k = 'v'\n  # a = b\ny = 1\n  # c\n",
    );
    assert_eq!(value(&files, "default", "region"), "\"eu-west-1\"");
    let kinds: Vec<_> = files
        .problems()
        .iter()
        .map(|p| (p.line.unwrap(), p.kind.clone()))
        .collect();
    let wanted = [
        (2, ProblemKind::QuotedValue),
        (4, ProblemKind::CarriageReturn),
        (6, ProblemKind::QuotedValue),
        (7, ProblemKind::SkippedComment),
        (9, ProblemKind::SkippedComment),
    ];
    assert_eq!(kinds, wanted);
}

#[test]
fn a_comment_in_a_services_block_says_where_to_put_it() {
    let files = config("[services s]\ns3 =\n  # mine\n  endpoint_url = http://x\n");
    let text = problems(&files).join("\n");
    assert!(text.ends_with("put # in the first column"), "{text}");
}

#[test]
fn no_problem_repeats_a_secret() {
    let files = config(
        "[default]\n  aws_secret_access_key = \"canary\"\n\taws_session_token = a\rcanary\n canary\nx = 1\n canary = 2\n # canary\ns3 =\n canary\n # canary\n",
    );
    let text = problems(&files).join("\n");
    assert!(!text.contains("canary"), "{text}");
}

/// Two profiles with keys. What belongs to the first has `P` in it, to the second `D`.
const KEYS: &str = "[prod]\naws_access_key_id = AKIAPPPP\naws_secret_access_key = PPPP\n\
                    [default]\naws_access_key_id = AKIADDDD\naws_secret_access_key = DDDD\n";
const ROLES: &str = "[profile prod]\nregion = p\nrole_arn = PPPP\nsource_profile = PP\n\n\
                     [default]\nrole_arn = DDDD\nsource_profile = DD\noutput = d\n";

/// Asserts that no profile of a damaged text has a value of the other, and that one that is not
/// found was given another name, or commented out.
fn check_damage(kind: FileKind, text: &str) {
    let files = ConfigFiles::parse([(kind, "file", text.as_bytes())]);
    let is_renamed = |line: &str| {
        let is_original = ["[prod]", "[profile prod]", "[default]"].contains(&line);
        !is_original && line.starts_with('[') && line.contains(']')
    };
    let is_comment = |line: &str| line.starts_with(['#', ';']) && line.contains(['[', ']']);
    for (profile, other) in [("prod", 'D'), ("default", 'P')] {
        match files.profile(profile) {
            Ok(section) => {
                for (name, value) in section.iter() {
                    let value = value.as_str();
                    assert!(
                        !value.contains(other),
                        "{name} of {profile}: {value} in:\n{text}"
                    );
                }
            }
            Err(error) if error.kind() == ErrorKind::ProfileNotFound => {
                let is_told = |line: &str| is_renamed(line) || is_comment(line);
                assert!(
                    text.lines().map(str::trim).any(is_told),
                    "{error} in:\n{text}"
                );
            }
            Err(_) => {}
        }
    }
}

#[test]
fn a_damaged_character_never_gives_a_profile_what_belongs_to_another() {
    const CHARACTERS: &str =
        "\n\r\t #;[](){}<>=:\"'-,.x\0\u{85}\u{200b}\u{2028}\u{feff}\u{ff3b}\u{ff3d}\u{3010}";
    for (kind, text) in [(FileKind::Credentials, KEYS), (FileKind::Config, ROLES)] {
        for (at, old) in text.char_indices() {
            let (before, after) = (&text[..at], &text[at + old.len_utf8()..]);
            check_damage(kind, &[before, after].concat());
            for new in CHARACTERS.chars() {
                check_damage(kind, &format!("{before}{new}{after}"));
                check_damage(kind, &format!("{before}{new}{old}{after}"));
                // A line that is indented as well, as text that was pasted.
                check_damage(kind, &format!("{before}{new}{after}").replace("\n", "\n "));
            }
        }
    }
}

#[test]
fn a_header_in_another_dress_stops_the_profile_that_it_names() {
    let rest = "aws_access_key_id = AKIADDDD\naws_secret_access_key = DDDD\n";
    for line in [
        "\u{ff3b}default\u{ff3d}",
        "\u{3010}default\u{3011}",
        "\u{3014}default\u{3015}",
        "\"default\"",
        "\u{201c}default\u{201d}",
        "'default'",
        "-- default --",
        "*default*",
        "/default/",
        "| default",
        "default,",
        "default:",
        "@default",
        "Default",
        "\u{ff44}\u{ff45}\u{ff46}\u{ff41}\u{ff55}\u{ff4c}\u{ff54}",
        "aws default",
        " default]",
        " (default)",
        "[default}",
        "[default)",
        "[default;",
        "[default\\",
        "[default\u{ff3d}",
        "[def",
        "__default__",
    ] {
        // Above it another section, the same one, or a damaged one.
        for above in [
            "[x]\nregion = e\n",
            "[default]\naws_access_key_id = AKIAPPPP\naws_secret_access_key = PPPP\n",
            "[default]\naws_access_key_id = AKIAPPPP\naws_secret_access_key = PPPP\n[x\n",
        ] {
            let files = credentials(&format!("{above}{line}\n{rest}"));
            let error = files.profile("default").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigFile, "{above}{line}");
            assert!(
                files
                    .profile("default")
                    .unwrap_err()
                    .to_string()
                    .starts_with("credentials:")
            );
        }
    }
}

#[test]
fn a_damaged_line_stops_neither_another_profile_nor_one_that_it_does_not_mention() {
    let files = credentials("[prod]\nregion eu-west-1\n[default]\nregion = a\n");
    assert_eq!(value(&files, "default", "region"), "a");
    assert!(files.profile("prod").is_err());
    assert_eq!(
        files.profile("reg").unwrap_err().kind(),
        ErrorKind::ProfileNotFound
    );
}

#[test]
fn two_different_keys_in_one_section_are_those_of_two_identities() {
    let text = "[prod]\naws_access_key_id = A\n# [default]\naws_access_key_id = B\n";
    let error = credentials(text).profile("prod").unwrap_err();
    assert_eq!(
        error.to_string(),
        "credentials:4: a second, different value for this property: remove one of the two, or \
         put back the header that is missing above it"
    );
    for text in [
        "[a]\naws_access_key_id = A\naws_access_key_id = A\n",
        "[a]\nregion = A\nregion = B\n",
    ] {
        assert!(credentials(text).profile("a").is_ok(), "{text}");
    }
    // The parser that the SDKs share takes the last one.
    let file = (FileKind::Credentials, "credentials", text.as_bytes());
    assert!(
        ConfigFiles::parse_for(Order::Rust, [file])
            .profile("prod")
            .is_ok()
    );
}

#[test]
fn whitespace_inside_the_brackets_of_a_header_is_told() {
    for header in [
        "[ default ]",
        "[default\t]",
        "[\u{a0}default]",
        "[default\u{2003}]",
    ] {
        let files = credentials(&format!("{header}\nregion = a\n"));
        assert_eq!(value(&files, "default", "region"), "a");
        assert_eq!(
            files.problems()[0].kind,
            ProblemKind::SpacedHeader,
            "{header}"
        );
    }
    for (header, is_told) in [
        ("[ profile p]", true),
        ("[profile p\u{2003}]", true),
        ("[profile p ]", false),
        ("[profile  p]", false),
        ("[profile p]", false),
    ] {
        let files = config(&format!("{header}\nregion = a\n"));
        assert_eq!(value(&files, "p", "region"), "a");
        assert_eq!(!files.problems().is_empty(), is_told, "{header}");
    }
}

#[test]
fn the_last_section_of_the_default_profile_counts_for_botocore() {
    let texts = [
        "[default]\nregion = a\noutput = json\n[profile default]\nregion = b\n",
        "[profile default]\nregion = b\n[default]\nregion = a\noutput = json\n",
    ];
    for (text, last) in texts.into_iter().zip(["b", "a"]) {
        for order in Order::ALL {
            let text = (FileKind::Config, "config", text.as_bytes());
            let files = ConfigFiles::parse_for(*order, [text]);
            let region = if *order == Order::Boto3 { last } else { "b" };
            assert_eq!(value(&files, "default", "region"), region, "{order:?}");
            // Nothing of the other one is left.
            let section = files.profile("default").unwrap();
            assert_eq!(section.get("output").is_some(), region == "a", "{order:?}");
            assert_eq!(files.problems().len(), 1, "{order:?}");
        }
    }
    let text = (FileKind::Config, "config", texts[1].as_bytes());
    let files = ConfigFiles::parse_for(Order::Boto3, [text]);
    assert_eq!(
        problems(&files),
        ["config:1: the section is ignored, because a later one is the same profile"]
    );
}

#[test]
fn whitespace_inside_the_brackets_hides_a_section_from_the_sdk_for_javascript() {
    for (header, is_found) in [
        ("[default]", true),
        ("[profile default]", true),
        ("[profile\tdefault]", true),
        ("[default]  # mine", true),
        ("[ default ]", false),
        ("[default ]", false),
        ("[ profile default]", false),
        ("[profile default ]", false),
        ("[profile  default]", false),
    ] {
        let text = format!("{header}\nregion = a\n");
        let text = (FileKind::Config, "config", text.as_bytes());
        let files = ConfigFiles::parse_for(Order::JavaScript, [text]);
        assert_eq!(files.profile("default").is_ok(), is_found, "{header}");
    }
    let text = (FileKind::Credentials, "credentials", &b"[ default ]\n"[..]);
    let files = ConfigFiles::parse_for(Order::JavaScript, [text]);
    let error = files.profile("default").unwrap_err().to_string();
    assert!(
        error.ends_with("is ignored because of its header: write [default]"),
        "{error}"
    );
}

#[test]
fn a_zero_byte_at_the_start_is_not_utf_16() {
    let text = b"\0[default]\nregion = a\n";
    let files = ConfigFiles::parse([(FileKind::Config, "config", &text[..])]);
    assert_eq!(
        problems(&files),
        ["config:1: a line before the first section: put a header such as [default] above it"]
    );
    for text in [&b"[\0d\0"[..], b"\0[\0d"] {
        let files = ConfigFiles::parse([(FileKind::Config, "config", text)]);
        assert_eq!(files.problems()[0].kind, ProblemKind::Utf16);
    }
}

#[test]
fn brackets_in_commands_and_notes_are_no_headers() {
    let keys = "aws_access_key_id = AKIAPPPP\naws_secret_access_key = PPPP\n";
    for text in [
        "note = my keys [old]\n",
        "note = a[0]\n",
        "note = mine\n  (see the wiki) and [this]\n  a[0]\n",
        "note = {\n  \"a\": [\n  \"b\"\n  ],\n  \"c\": [\"d\"]\n  }\n",
        "credential_process = sh -c\n  'echo (x)' a[0]\n  --query a[0]\n",
        "endpoint_url = http://[::1]\n",
        "endpoint_url = http://[::1]:4566\n",
        "s3 =\n  endpoint_url = http://[::1]\n",
        "# -- default --\n; [default]\n#[default]\n",
    ] {
        for text in [
            format!("[prod]\n{text}{keys}"),
            format!("[prod]\n{keys}{text}"),
        ] {
            let files = credentials(&text);
            assert_eq!(
                value(&files, "prod", "aws_access_key_id"),
                "AKIAPPPP",
                "{text}"
            );
            assert_eq!(absence(&files, "default"), "there are prod", "{text}");
        }
    }
}

#[test]
fn an_indented_comment_below_a_property_is_skipped_as_the_aws_cli_skips_it() {
    let text = "[default]\ns3 =\n  a = 1\n  # b\n  ; c = 2\n  d = 3\nregion = e\n  # f\n\t; g\n";
    let files = config(text);
    assert_eq!(value(&files, "default", "region"), "e");
    let s3 = files.profile("default").unwrap().get("s3").unwrap();
    let names: Vec<_> = s3.entries().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "d"]);
    let kinds: Vec<_> = files.problems().iter().map(|p| (p.line, &p.kind)).collect();
    let skipped = &ProblemKind::SkippedComment;
    assert_eq!(kinds, [4, 5, 8, 9].map(|line| (Some(line), skipped)));
    let file = (FileKind::Config, "config", text.as_bytes());
    let sdk = ConfigFiles::parse_for(Order::Rust, [file]);
    assert!(sdk.profile("default").is_err());
}

/// Returns the warnings of `why` about these files, and the key in use.
async fn explained(files: ConfigFiles) -> (Vec<String>, Option<String>) {
    let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    let chain = Chain::default_for(Order::Cli, &Settings::new(variables, files));
    let now = keyfob_sigv4::Timestamp::from_unix_seconds(0);
    let resolution = chain.explain(now).await;
    let findings = resolution.explanation.findings.into_iter();
    let key = resolution.credentials.ok();
    (
        findings.map(|finding| finding.text).collect(),
        key.map(|key| key.access_key_id().to_owned()),
    )
}

#[tokio::test]
async fn a_section_that_was_meant_to_be_default_is_told_and_counts_when_its_header_is_written_again()
 {
    const KEY: &str = "aws_access_key_id = AKIAMEANT\naws_secret_access_key = s\n";
    for header in [
        "[Default]",
        "[DEFAULT]",
        "[\u{200b}default]",
        "[default\u{feff}]",
    ] {
        for files in [credentials as fn(&str) -> ConfigFiles, config] {
            let text = format!("{header}\n{KEY}");
            let (findings, key) = explained(files(&text)).await;
            assert_eq!(key, None, "{header}");
            let told = findings
                .iter()
                .find(|text| text.contains("is in no file: ["));
            let told = told.unwrap_or_else(|| panic!("{header}: {findings:?}"));
            let is_case = told.contains("differs in case");
            let is_invisible = told.contains("invisible character: write the header again");
            assert!(
                is_case || is_invisible || told.ends_with("write [default]"),
                "{told}"
            );
            let (findings, key) = explained(files(&text.replace(header, "[default]"))).await;
            assert_eq!((findings, key.as_deref()), (vec![], Some("AKIAMEANT")));
        }
    }
}

#[tokio::test]
async fn a_property_that_is_nearly_another_is_told_and_counts_under_that_name() {
    const KEY: &str = "aws_access_key_id = AKIAMEANT\naws_secret_access_key = s\n";
    for (wrong, right) in [
        ("aws_acess_key_id", "aws_access_key_id"),
        ("aws-secret-access-key", "aws_secret_access_key"),
        ("aws_secret_acces_key", "aws_secret_access_key"),
    ] {
        let text = format!("[default]\n{}", KEY.replace(right, wrong));
        let (findings, key) = explained(credentials(&text)).await;
        assert_eq!(key, None);
        let told = format!("{wrong} is not known to any tool: did you mean ");
        let told = findings.iter().find_map(|text| text.strip_prefix(&told));
        let meant = told.unwrap().trim_end_matches('?');
        let cured = explained(credentials(&text.replace(wrong, meant))).await;
        assert_eq!(cured, (vec![], Some("AKIAMEANT".to_owned())));
    }
    // What other tools read is no slip, and neither is a name of one's own.
    let text = format!("[default]\nsso_region = eu-west-1\ncli_pager =\nteam = blue\n{KEY}");
    assert_eq!(explained(config(&text)).await.0, [""; 0]);
    let role = "[default]\nrole-arn = arn:aws:iam::123456789012:role/app\n";
    assert_eq!(
        explained(config(role)).await.0,
        ["role-arn is not known to any tool: did you mean role_arn?"]
    );
}
