//! The same inputs by the rules of each tool and SDK.
#![cfg(all(feature = "imds", feature = "sts"))]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use keyfob_chain::{
    Chain, Error, ErrorKind, Explanation, Found, Order, Origin, Settings, Variables, Verdict,
    profiles::{ConfigFiles, FileKind},
};
use keyfob_sigv4::{Credentials, Timestamp};

fn now() -> Timestamp {
    "2026-11-27T00:00:00Z".parse().unwrap()
}

const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIAENV");
const SECRET: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "secret");
const JAVA: (&str, &str) = (
    "JAVA_TOOL_OPTIONS",
    "-Daws.accessKeyId=AKIAPROPERTY -Daws.secretAccessKey=s -Daws.secretKey=s -Daws.region=eu-west-3",
);

fn settings(variables: &[(&str, &str)], config: &str) -> Settings {
    let variables: Variables = variables.iter().copied().collect();
    let variables = variables.with("AWS_EC2_METADATA_DISABLED", "true");
    let files = ConfigFiles::parse([(FileKind::Config, "config", config.as_bytes())]);
    Settings::new(variables, files)
}

/// Returns the access key ID that an order leads to.
async fn key(order: Order, settings: &Settings) -> Result<String, Error> {
    let resolution = Chain::default_for(order, settings).resolve(now()).await;
    Ok(resolution.credentials?.access_key_id().to_owned())
}

/// Returns the orders that lead to this key ID.
async fn with_key(settings: &Settings, id: &str) -> Vec<Order> {
    let mut orders = Vec::new();
    for &order in Order::ALL {
        if key(order, settings).await.is_ok_and(|found| found == id) {
            orders.push(order);
        }
    }
    orders
}

const PROFILES: &str = "[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = secret
[profile dev]
aws_access_key_id = AKIADEV
aws_secret_access_key = secret
";

#[tokio::test]
async fn system_properties_are_first_in_java_2_and_second_in_java_1() {
    let only = settings(&[JAVA], PROFILES);
    let java = [Order::JavaV1, Order::JavaV2];
    assert_eq!(with_key(&only, "AKIAPROPERTY").await, java);
    let both = settings(&[JAVA, ID, SECRET], PROFILES);
    assert_eq!(with_key(&both, "AKIAPROPERTY").await, [Order::JavaV2]);
    // Each version has its own name for the secret.
    for (secret, order) in [
        ("aws.secretKey", Order::JavaV1),
        ("aws.secretAccessKey", Order::JavaV2),
    ] {
        let given = [("aws.accessKeyId", "AKIAGIVEN"), (secret, "s")];
        let given = settings(&[JAVA], "").with_system_properties(given);
        assert_eq!(key(order, &given).await.unwrap(), "AKIAGIVEN");
    }
    let half = settings(
        &[("JDK_JAVA_OPTIONS", "-Daws.accessKeyId=AKIAHALF")],
        PROFILES,
    );
    assert_eq!(with_key(&half, "AKIADEFAULT").await, Order::ALL);
}

#[tokio::test]
async fn a_named_profile_switches_off_the_variables_as_in_each_sdk() {
    let by_variable = settings(&[ID, SECRET, ("AWS_PROFILE", "dev")], PROFILES);
    assert_eq!(with_key(&by_variable, "AKIADEV").await, [Order::JavaScript]);
    let by_program = settings(&[ID, SECRET], PROFILES).with_profile("dev");
    assert_eq!(
        with_key(&by_program, "AKIADEV").await,
        [Order::Cli, Order::Boto3, Order::Go, Order::JavaScript]
    );
    let reason = Chain::default_for(Order::JavaScript, &by_variable)
        .explain(now())
        .await;
    assert_eq!(
        reason.explanation.attempts[0].reason.as_deref(),
        Some("AWS_ACCESS_KEY_ID is set, and does not count beside AWS_PROFILE")
    );
}

#[tokio::test]
async fn only_javascript_puts_a_key_together_from_both_files() {
    let process = "credential_process = /bin/keys\n";
    let half = "[default]\naws_access_key_id = AKIACREDENTIALS\n";
    for config in [
        "[default]\naws_secret_access_key = secret\n".to_owned(),
        format!("[default]\naws_secret_access_key = secret\n{process}"),
        format!("[default]\naws_access_key_id = AKIACONFIG\naws_secret_access_key = s\n{process}"),
    ] {
        let files = ConfigFiles::parse([
            (FileKind::Config, "config", config.as_bytes()),
            (FileKind::Credentials, "credentials", half.as_bytes()),
        ]);
        let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
        let settings = Settings::new(variables, files);
        assert_eq!(
            with_key(&settings, "AKIACREDENTIALS").await,
            [Order::JavaScript],
            "{config}"
        );
    }
    // The token too, from the file that has one.
    let config = "[default]\naws_access_key_id = ASIACONFIG\naws_secret_access_key = old\n\
                  aws_session_token = token\n";
    let key = "[default]\naws_access_key_id = ASIACREDENTIALS\naws_secret_access_key = new\n";
    let files = ConfigFiles::parse([
        (FileKind::Config, "config", config.as_bytes()),
        (FileKind::Credentials, "credentials", key.as_bytes()),
    ]);
    let variables = Variables::from_iter([("AWS_EC2_METADATA_DISABLED", "true")]);
    let settings = Settings::new(variables, files);
    let chain = Chain::default_for(Order::JavaScript, &settings);
    let credentials = chain.resolve(now()).await.credentials.unwrap();
    assert_eq!(credentials.access_key_id(), "ASIACREDENTIALS");
    assert_eq!(credentials.secret_access_key().expose(), "new");
    assert_eq!(credentials.session_token().unwrap().expose(), "token");
}

#[tokio::test]
async fn half_a_key_is_an_error_or_skipped_as_in_each_sdk() {
    let refused = async |variable| {
        let half = settings(&[variable], PROFILES);
        let mut orders = Vec::new();
        for &order in Order::ALL {
            match key(order, &half).await {
                Ok(id) => assert_eq!(id, "AKIADEFAULT"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::PartialCredentials);
                    orders.push(order);
                }
            }
        }
        orders
    };
    assert_eq!(refused(ID).await, [Order::Cli, Order::Boto3]);
    assert_eq!(refused(SECRET).await, [Order::Cli]);
}

#[tokio::test]
async fn the_exact_rules_of_the_aws_cli_pass_over_a_secret_alone() {
    let settings = settings(&[SECRET], PROFILES);
    let refused = key(Order::Cli, &settings).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PartialCredentials);
    let exact = settings.clone().with_exact_rules();
    assert_eq!(key(Order::Cli, &exact).await.unwrap(), "AKIADEFAULT");
    // So the AWS CLI is among those that would use another identity.
    let chain = Chain::default_for(Order::Cli, &settings);
    let explanation = chain.explain(now()).await.explanation;
    let explanation = explanation.with_other_sdks(&settings, now()).await;
    let mut findings = explanation.findings.iter();
    assert!(findings.any(|finding| {
        let text = finding.text.as_str();
        text.starts_with("the AWS CLI, boto3, ") && text.contains("would use profile \"default\"")
    }));
}

#[tokio::test]
async fn a_blank_key_is_a_value_where_the_tool_does_not_remove_whitespace() {
    let blank = ("AWS_ACCESS_KEY_ID", "  ");
    let whole = settings(&[blank, SECRET], PROFILES).with_exact_rules();
    let half = settings(&[blank, ("AWS_SECRET_ACCESS_KEY", "")], PROFILES).with_exact_rules();
    let token = settings(&[ID, SECRET, ("AWS_SESSION_TOKEN", " ")], PROFILES).with_exact_rules();
    for &order in Order::ALL {
        let is_value = matches!(
            order,
            Order::Cli | Order::Boto3 | Order::Go | Order::JavaScript
        );
        let found = key(order, &whole).await;
        if is_value {
            let tool = order.tool();
            let wanted =
                format!("AWS_ACCESS_KEY_ID is only whitespace, which {tool} uses as it is");
            assert!(found.unwrap_err().to_string().starts_with(&wanted));
        } else {
            assert_eq!(found.unwrap(), "AKIADEFAULT");
        }
        assert_eq!(key(order, &token).await.is_err(), is_value, "{order:?}");
        let is_partial = matches!(order, Order::Cli | Order::Boto3);
        assert_eq!(key(order, &half).await.is_err(), is_partial, "{order:?}");
    }
    // Our own rules take it for not set, and stop at the half that is left.
    let own = key(Order::Cli, &settings(&[blank, SECRET], PROFILES)).await;
    assert_eq!(own.unwrap_err().kind(), ErrorKind::PartialCredentials);
}

#[tokio::test]
async fn files_are_read_as_python_reads_them_where_the_tool_is_written_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let read = async |order, text: &str| {
        std::fs::write(&file, text).unwrap();
        let variables = Variables::default()
            .with("AWS_SHARED_CREDENTIALS_FILE", &file)
            .with("AWS_EC2_METADATA_DISABLED", "true");
        let settings = Settings::load(variables)
            .with_order(order)
            .with_exact_rules();
        key(order, &settings).await.ok()
    };
    let spaced = "[ default ]\naws_access_key_id = AKIA\naws_secret_access_key = s\n";
    let colon = "[default]\naws_access_key_id: AKIA\naws_secret_access_key : s=:\n";
    let returns = "[default]\raws_access_key_id = AKIA\raws_secret_access_key = s\r";
    for order in [Order::Cli, Order::Boto3] {
        assert_eq!(read(order, spaced).await, None);
        assert_eq!(read(order, colon).await.unwrap(), "AKIA");
        assert_eq!(read(order, returns).await.unwrap(), "AKIA");
    }
    assert_eq!(read(Order::Rust, spaced).await.unwrap(), "AKIA");
    assert_eq!(read(Order::Rust, colon).await, None);
}

#[test]
fn the_sdk_for_javascript_reads_each_line_for_itself() {
    let text = "[default]\nregion = eu-west-1\n  output = json\n  [profile a] # mine\n\tregion = a\n\
                s3 =\n  addressing_style = path\n";
    let text = (FileKind::Config, "config", text.as_bytes());
    let files = ConfigFiles::parse_for(Order::JavaScript, [text]);
    let value = |profile, name| {
        let value = files.profile(profile).unwrap().get(name);
        value.map(|value| value.as_str().to_owned())
    };
    assert_eq!(value("default", "region").as_deref(), Some("eu-west-1"));
    assert_eq!(value("default", "output").as_deref(), Some("json"));
    assert_eq!(value("a", "region").as_deref(), Some("a"));
    let s3 = files.profile("a").unwrap().get("s3").unwrap();
    assert_eq!(s3.nested("addressing_style").unwrap().as_str(), "path");
    // For the parser that the other SDKs share, it continues the value above.
    let files = ConfigFiles::parse_for(Order::Rust, [text]);
    assert!(files.profile("a").is_err());
}

#[tokio::test]
async fn the_sdk_for_javascript_skips_lines_that_are_not_properties() {
    const GOOD: &str = "aws_access_key_id = AKIA\naws_secret_access_key = s\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    for (text, has_key) in [
        (format!("[default]\n{GOOD}no value\n"), true),
        (format!("[default]\n{GOOD}  more\n"), true),
        (format!("[default]\n= x\n{GOOD}"), true),
        (
            format!("[default]\naws_access_key_id: AKIAOTHER\n{GOOD}"),
            true,
        ),
        (format!("before\na = b\n[default]\n{GOOD}"), true),
        (format!("[default]\n{GOOD}[other\n(x)\n"), true),
        (format!("[default]\n{}", GOOD.replace(" =", ":")), false),
        (format!("[default]\n{}", GOOD.to_uppercase()), false),
    ] {
        std::fs::write(&file, &text).unwrap();
        let variables = Variables::default()
            .with("AWS_SHARED_CREDENTIALS_FILE", &file)
            .with("AWS_EC2_METADATA_DISABLED", "true");
        let settings = Settings::load(variables)
            .with_order(Order::JavaScript)
            .with_exact_rules();
        let key = key(Order::JavaScript, &settings).await;
        assert_eq!(key.is_ok(), has_key, "{text}");
    }
}

#[tokio::test]
async fn a_role_of_boto3_needs_a_region_that_is_set_for_a_url() {
    let config = "[default]\nrole_arn = arn:aws:iam::123456789012:role/a\n\
                  source_profile = base\n[profile base]\naws_access_key_id = AKIA\n\
                  aws_secret_access_key = s\n";
    let url = ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1");
    for (order, name) in [
        (Order::Boto3, "AWS_DEFAULT_REGION"),
        (Order::Cli, "AWS_REGION"),
    ] {
        let fails = async |variables: &[(&str, &str)]| {
            let settings = settings(variables, config).with_exact_rules();
            let settings = settings.with_order(order);
            let error = key(order, &settings).await.unwrap_err();
            error.kind() == ErrorKind::Setting && error.to_string().contains(name)
        };
        assert!(fails(&[url]).await, "{order:?}");
        assert!(!fails(&[url, (name, "eu-west-1")]).await, "{order:?}");
    }
}

#[tokio::test]
async fn an_empty_variable_of_the_region_is_an_error_of_boto3_and_the_aws_cli() {
    let variables = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "")];
    let settings = settings(&variables, PROFILES);
    let boto3 = settings.clone().with_order(Order::Boto3);
    assert_eq!(
        boto3.region(None).unwrap_err().to_string(),
        "AWS_DEFAULT_REGION is empty, which boto3 takes for the name of the region: set or unset it",
    );
    let cure_of = |settings: &Settings| {
        let error = settings.region(None).unwrap_err();
        let findings = settings.call_findings(Err(&error), None);
        findings[0].cure.clone().unwrap()
    };
    // It stands above the region of the profile, which is right.
    assert_eq!(cure_of(&boto3), "env -u AWS_DEFAULT_REGION COMMAND");
    let both = Variables::from_iter([("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "")]);
    let aws = Settings::load(both).with_exact_rules();
    assert_eq!(
        cure_of(&aws),
        "env -u AWS_REGION -u AWS_DEFAULT_REGION COMMAND"
    );
    let chain = Chain::default_for(Order::Cli, &settings);
    let explanation = chain.explain(now()).await.explanation;
    let explanation = explanation.with_other_sdks(&settings, now()).await;
    let mut findings = explanation.findings.iter();
    let starts = "boto3 would have no region (AWS_DEFAULT_REGION is empty, ";
    let finding = findings.find(|finding| finding.text.starts_with(starts));
    assert_eq!(
        finding.unwrap().cure.as_deref(),
        Some("env AWS_DEFAULT_REGION=eu-west-1 AWS_REGION=eu-west-1 COMMAND"),
    );
    // By our own rules it is not set.
    let own = ("AWS_REGION", "");
    let own = self::settings(&[own, ("AWS_DEFAULT_REGION", "eu-west-2")], PROFILES);
    assert_eq!(own.region(None).unwrap().unwrap().name(), "eu-west-2");
    assert!(own.with_exact_rules().region(None).is_err());
}

#[test]
fn whitespace_around_a_region_is_told_and_is_an_error_of_boto3_and_the_aws_cli() {
    for value in ["eu-west-1\n", " eu-west-1", "eu-west-1\r"] {
        let settings = settings(&[("AWS_DEFAULT_REGION", value)], "");
        let region = settings.region(None).unwrap().unwrap();
        assert_eq!(region.name(), "eu-west-1");
        let findings = settings.findings(Some(&region));
        assert_eq!(
            findings[0].text,
            "AWS_DEFAULT_REGION begins or ends with whitespace, which is removed here: aws and \
             boto3 use it as it is",
        );
        let cure = findings[0].cure.as_deref();
        assert_eq!(cure, Some("env AWS_DEFAULT_REGION=eu-west-1 COMMAND"));
        for settings in [
            settings.clone().with_order(Order::Boto3),
            settings.clone().with_exact_rules(),
        ] {
            let error = settings.region(None).unwrap_err();
            let text = format!(
                "AWS_DEFAULT_REGION begins or ends with whitespace, which {} takes for a part of \
                 the region's name: remove it",
                settings.order().tool()
            );
            assert_eq!(error.to_string(), text);
            let cure = error.cure();
            assert_eq!(cure.as_deref(), Some("env -u AWS_DEFAULT_REGION COMMAND"));
        }
    }
    let plain = settings(&[("AWS_DEFAULT_REGION", "eu-west-1")], "");
    let region = plain.region(None).unwrap();
    assert!(plain.findings(region.as_ref()).is_empty());
}

#[tokio::test]
async fn a_note_about_another_sdk_has_no_cure_after_which_it_is_still_true() {
    let empty = "[default]\n[profile none]\noutput = json\n";
    for (name, has_cure) in [("none", false), ("dev", true)] {
        let settings = settings(
            &[("AWS_DEFAULT_PROFILE", name)],
            if has_cure { PROFILES } else { empty },
        );
        let chain = Chain::default_for(Order::Cli, &settings);
        let explanation = chain.explain(now()).await.explanation;
        let explanation = explanation.with_other_sdks(&settings, now()).await;
        let notes = explanation.findings.iter();
        let notes = notes.filter(|finding| finding.text.contains("SDK for Java 1"));
        let cures: Vec<_> = notes.filter_map(|note| note.cure.as_deref()).collect();
        let cure = "env -u AWS_DEFAULT_PROFILE AWS_PROFILE=dev COMMAND";
        let wanted: &[_] = if has_cure { &[cure] } else { &[] };
        assert_eq!(cures, wanted, "{name}");
    }
}

#[tokio::test]
async fn older_names_count_where_the_sdk_reads_them() {
    let old = [("AWS_ACCESS_KEY", "AKIAOLD"), ("AWS_SECRET_KEY", "s")];
    let old = settings(&old, PROFILES);
    assert_eq!(with_key(&old, "AKIAOLD").await, [Order::JavaV1, Order::Go]);
    let rust = settings(&[ID, ("SECRET_ACCESS_KEY", "s")], "");
    assert_eq!(with_key(&rust, "AKIAENV").await, [Order::Rust]);
}

#[test]
fn the_profile_and_the_region_come_from_the_variables_of_each_sdk() {
    let variables = [
        ("AWS_PROFILE", "one"),
        ("AWS_DEFAULT_PROFILE", "two"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-2"),
        JAVA,
    ];
    for (order, profile, region) in [
        (Order::Cli, "one", "eu-west-1"),
        (Order::Boto3, "two", "eu-west-2"),
        (Order::JavaV1, "one", "eu-west-1"),
        (Order::JavaV2, "one", "eu-west-3"),
        (Order::Rust, "one", "eu-west-1"),
        (Order::Go, "one", "eu-west-1"),
        (Order::JavaScript, "one", "eu-west-1"),
    ] {
        let settings = settings(&variables, "").with_order(order);
        assert_eq!(settings.profile_name(), profile, "{order:?}");
        let found = settings.region(None).unwrap().unwrap();
        assert_eq!(found.name(), region, "{order:?}");
    }
    let second = settings(&[("AWS_DEFAULT_PROFILE", "two")], "");
    let named: Vec<_> = Order::ALL
        .iter()
        .copied()
        .filter(|order| second.clone().with_order(*order).profile_name() == "two")
        .collect();
    assert_eq!(named, [Order::Cli, Order::Boto3, Order::Go]);
}

#[tokio::test]
async fn the_sources_of_one_profile_count_in_the_order_of_each_sdk() {
    let beside = |source: &str| settings(&[], &format!("{PROFILES}{source}")).with_profile("dev");
    // It fails, so it is an error where it counts.
    let process = beside("credential_process = /no/such/program\n");
    assert_eq!(
        with_key(&process, "AKIADEV").await,
        [Order::Go, Order::JavaScript]
    );
    let sso = beside("sso_session = corp\nsso_account_id = 1\n");
    assert_eq!(
        with_key(&sso, "AKIADEV").await,
        [Order::JavaV1, Order::Go, Order::JavaScript]
    );
    // For botocore, a session without a role is about tokens, not credentials.
    let session = beside("sso_session = corp\n");
    assert_eq!(
        with_key(&session, "AKIADEV").await,
        [
            Order::Cli,
            Order::Boto3,
            Order::JavaV1,
            Order::Go,
            Order::JavaScript
        ]
    );
}

#[tokio::test]
async fn the_full_address_of_a_container_comes_first_in_go_only() {
    const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
    let both = [
        ID,
        SECRET,
        (RELATIVE, "/role"),
        (FULL, "http://localhost:1/role"),
    ];
    for &order in Order::ALL {
        let chain = Chain::default_for(order, &settings(&both, ""));
        let explanation = chain.explain(now()).await.explanation;
        let masked = explanation.masked().next().unwrap();
        let variable = if order == Order::Go { FULL } else { RELATIVE };
        let origin = masked.origin.as_ref().unwrap().to_string();
        assert_eq!(origin, format!("agent of {variable}"), "{order:?}");
    }
}

#[tokio::test]
async fn an_empty_name_of_a_profile_is_what_each_sdk_takes_it_for() {
    let empty = settings(&[("AWS_PROFILE", "")], PROFILES);
    let mut refused = Vec::new();
    for &order in Order::ALL {
        match key(order, &empty).await {
            Ok(id) => assert_eq!(id, "AKIADEFAULT"),
            Err(error) => refused.push((order, error.kind())),
        }
    }
    assert_eq!(
        refused,
        [
            (Order::Cli, ErrorKind::ProfileNotFound),
            (Order::Boto3, ErrorKind::ProfileNotFound),
            // The next sources are asked.
            (Order::Rust, ErrorKind::NoCredentials),
        ]
    );
    let error = empty.profile().unwrap_err().to_string();
    assert!(
        error.ends_with(
            "(named by AWS_PROFILE, which is set and empty: unset it, or name a profile)"
        ),
        "{error}"
    );
    // boto3 reads the other variable first.
    let other = [("AWS_DEFAULT_PROFILE", ""), ("AWS_PROFILE", "dev")];
    let other = settings(&other, PROFILES);
    assert_eq!(key(Order::Cli, &other).await.unwrap(), "AKIADEV");
    assert!(key(Order::Boto3, &other).await.is_err());
}

#[tokio::test]
async fn a_key_of_boto_2_is_a_row_of_those_who_read_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    let boto = home.path().join(".boto");
    let reasons = async |order, variables: &[(&str, &str)]| {
        let explanation = Chain::default_for(order, &settings(variables, ""))
            .explain(now())
            .await
            .explanation;
        let rows = explanation.attempts.into_iter();
        rows.filter(|row| row.provider == "boto 2")
            .filter_map(|row| row.reason)
            .collect::<Vec<_>>()
    };
    for &order in Order::ALL {
        let found = reasons(order, &[("BOTO_CONFIG", "/srv/boto")]).await;
        let wanted = match order {
            Order::Cli => {
                vec!["BOTO_CONFIG: /srv/boto is not read by keyfob, but by aws and boto3"]
            }
            Order::Boto3 => vec!["BOTO_CONFIG names no file with a key"],
            _ => vec![],
        };
        assert_eq!(found, wanted);
    }
    // Other programs have settings in this file.
    std::fs::write(&boto, "[GSUtil]\nparallel = 1\n").unwrap();
    assert!(reasons(Order::Cli, &[("HOME", path)]).await.is_empty());
    std::fs::write(&boto, "[Credentials]\naws_access_key_id = AKIABOTO\n").unwrap();
    let found = reasons(Order::Cli, &[("HOME", path)]).await;
    assert!(
        found[0].contains("/.boto is not read by keyfob"),
        "{found:?}"
    );
    // By the rules of those who read it, half a key stops the chain.
    let found = reasons(Order::Boto3, &[("HOME", path)]).await;
    let wanted = format!(
        "aws_secret_access_key is not set beside aws_access_key_id in [Credentials] in {}:2",
        boto.display()
    );
    assert_eq!(found, [wanted]);
}

#[tokio::test]
async fn keys_of_boto_2_count_by_the_rules_of_those_who_read_them() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().to_str().unwrap();
    let write = |name: &str, text: &str| {
        let file = home.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    write(
        ".boto",
        "[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = s\n",
    );
    let first = write("ec2", "#\nAWSSecretKey = s\rAWSAccessKeyId = AKIAFIRST\n");
    let half = write("half", "AWSAccessKeyId=AKIAHALF\n");
    let empty = write("empty", "AWSSecretKey=s\n");
    let usual = [("HOME", path)];
    let named = |name, value| [("HOME", path), (name, value)];
    for (variables, found) in [
        (&usual[..], Ok("AKIABOTO")),
        (&named("AWS_CREDENTIAL_FILE", "~/ec2"), Ok("AKIAFIRST")),
        (&named("AWS_CREDENTIAL_FILE", &first), Ok("AKIAFIRST")),
        (&named("AWS_CREDENTIAL_FILE", &empty), Ok("AKIABOTO")),
        (&named("AWS_CREDENTIAL_FILE", "/dev/null"), Ok("AKIABOTO")),
        (
            &named("AWS_CREDENTIAL_FILE", &half),
            Err(ErrorKind::PartialCredentials),
        ),
        (
            &named("AWS_CREDENTIAL_FILE", "/nowhere/ec2"),
            Err(ErrorKind::ConfigFile),
        ),
        (
            &named("AWS_CREDENTIAL_FILE", ""),
            Err(ErrorKind::ConfigFile),
        ),
        (&named("BOTO_CONFIG", "$HOME/.boto"), Ok("AKIABOTO")),
        (
            &named("BOTO_CONFIG", "/nowhere/boto"),
            Err(ErrorKind::NoCredentials),
        ),
        (&named("BOTO_CONFIG", ""), Err(ErrorKind::NoCredentials)),
        (&named("BOTO_CONFIG", &first), Err(ErrorKind::ConfigFile)),
    ] {
        let variables = [variables, &[("AWS_EC2_METADATA_DISABLED", "true")]].concat();
        let mut settings = settings(&variables, "");
        let error = key(Order::Cli, &settings).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoCredentials);
        for order in [Order::Boto3, Order::Cli] {
            settings = settings.with_exact_rules();
            let key = key(order, &settings).await;
            let key = key.as_deref().map_err(Error::kind);
            assert_eq!(key, found, "{order:?} {variables:?}");
        }
    }
}

#[tokio::test]
async fn a_key_of_boto_2_that_others_use_is_told_with_a_cure() {
    let home = tempfile::tempdir().unwrap();
    let boto = "[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = s\n";
    std::fs::write(home.path().join(".boto"), boto).unwrap();
    let home = ("HOME", home.path().to_str().unwrap());
    let notes = async |variables: &[(&str, &str)]| {
        let settings = settings(variables, "");
        let explanation = Chain::default_for(Order::Cli, &settings)
            .explain(now())
            .await;
        let explanation = explanation
            .explanation
            .with_other_sdks(&settings, now())
            .await;
        let notes = explanation.findings.into_iter();
        let notes = notes.filter(|note| note.text.contains("boto 2"));
        notes.map(|note| (note.text, note.cure)).collect::<Vec<_>>()
    };
    let found = notes(&[home]).await;
    let text = format!(
        "the AWS CLI and boto3 would use boto 2 ([Credentials] in {0}/.boto:2): here, {0}/.boto \
         is not read by keyfob, but by aws and boto3",
        home.1
    );
    let cure = "env BOTO_CONFIG=/dev/null COMMAND".to_owned();
    assert_eq!(found, [(text, Some(cure))]);
    assert_eq!(notes(&[home, ("BOTO_CONFIG", "/dev/null")]).await, []);
}

#[tokio::test]
async fn a_container_that_boto_2_masks_has_a_cure() {
    let home = tempfile::tempdir().unwrap();
    let boto = "[Credentials]\naws_access_key_id = AKIABOTO\naws_secret_access_key = s\n";
    std::fs::write(home.path().join(".boto"), boto).unwrap();
    let variables = [
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_CREDENTIAL_FILE", "/dev/null"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/key"),
    ];
    let chain = Chain::default_for(Order::Boto3, &settings(&variables, ""));
    let explanation = chain.look(now()).await;
    let masked = explanation.masked().next().unwrap();
    assert_eq!(masked.provider, "container");
    assert_eq!(
        explanation.cure(masked.number),
        Some("env -u AWS_CREDENTIAL_FILE BOTO_CONFIG=/dev/null COMMAND")
    );
}

#[tokio::test]
async fn files_of_boto_2_are_looked_for_by_an_explanation_each_time_and_by_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let boto = home.path().join(".boto");
    let key = Found::new(
        Credentials::new("AKIDEXAMPLE", "secret").unwrap(),
        Origin::Default,
    );
    let variables = [("HOME", home.path().to_str().unwrap())];
    let chain = Chain::default_for(Order::Cli, &settings(&variables, "")).then(key);
    let rows = |explanation: Explanation| {
        let rows = explanation.attempts.into_iter();
        rows.map(|row| row.provider).collect::<Vec<_>>()
    };
    let without = rows(chain.resolve(now()).await.explanation);
    assert_eq!(rows(chain.explain(now()).await.explanation), without);
    std::fs::write(&boto, "[Credentials]\naws_access_key_id = AKIABOTO\n").unwrap();
    assert_eq!(rows(chain.resolve(now()).await.explanation), without);
    let mut with = without;
    with.insert(3, "boto 2".to_owned());
    assert_eq!(rows(chain.explain(now()).await.explanation), with);
}

#[tokio::test]
async fn only_the_sdks_for_java_go_on_after_a_source_that_fails() {
    let settings = settings(
        &[
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere/token"),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/pod"),
            ("AWS_PROFILE", "p"),
        ],
        "[profile p]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n",
    );
    let orders = with_key(&settings, "AKIAPROFILE").await;
    // For the last two, the profile comes first.
    assert_eq!(
        orders,
        [Order::JavaV1, Order::JavaV2, Order::Rust, Order::JavaScript]
    );
    let java = Chain::default_for(Order::JavaV1, &settings)
        .explain(now())
        .await;
    let text = java.explanation.text(now(), None);
    assert!(text.contains("web identity           failed"), "{text}");
    assert!(text.contains("> 4 profile \"p\"            used"), "{text}");
}

#[tokio::test]
async fn a_named_profile_that_does_not_exist_stops_the_cli_boto3_and_go() {
    let settings = settings(&[("AWS_PROFILE", "nope")], PROFILES);
    for &order in Order::ALL {
        let error = key(order, &settings).await.unwrap_err();
        let expected = match order {
            Order::Cli | Order::Boto3 | Order::Go => ErrorKind::ProfileNotFound,
            _ => ErrorKind::NoCredentials,
        };
        assert_eq!(error.kind(), expected, "{order:?}: {error}");
    }
}

#[tokio::test]
async fn the_picture_is_the_golden_one() {
    let variables = [
        ID,
        SECRET,
        ("AWS_PROFILE", "<p>"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/a&b"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"),
    ];
    let settings = settings(
        &variables,
        "[profile <p>]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = s\n",
    );
    let chain = Chain::default_for(Order::Cli, &settings);
    let explanation = chain.explain(now()).await.explanation;
    let picture = explanation
        .with_profile(settings.profile_name(), settings.profile_origin())
        .with_region(keyfob_chain::Region::us_east_1())
        .with_endpoint("http://user:canary@localhost:4566/?a", Origin::Default)
        .svg(now(), None);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chain.svg");
    if std::env::var_os("KEYFOB_WRITE_DOCS").is_some() {
        std::fs::write(file, &picture).unwrap();
    }
    assert_eq!(picture, std::fs::read_to_string(file).unwrap());
    assert!(!picture.contains("canary"));
}

#[tokio::test]
async fn a_profile_that_is_named_and_missing_stops_a_chain_before_the_variables() {
    for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        let settings = settings(&[ID, SECRET, (variable, "gone")], PROFILES);
        for &order in Order::ALL {
            let wanted = match order {
                Order::Cli | Order::Boto3 | Order::Go => Err(ErrorKind::ProfileNotFound),
                // A named profile switches off the key in the variables.
                Order::JavaScript if variable == "AWS_PROFILE" => Err(ErrorKind::NoCredentials),
                _ => Ok("AKIAENV".to_owned()),
            };
            let found = key(order, &settings).await.map_err(|error| error.kind());
            assert_eq!(found, wanted, "{order:?} {variable}");
        }
    }
}

#[tokio::test]
async fn a_missing_profile_masks_every_source_and_the_cure_of_one_before_it_unsets_the_name() {
    let missing = settings(&[ID, SECRET, ("AWS_DEFAULT_PROFILE", "gone")], PROFILES);
    let chain = Chain::default_for(Order::Boto3, &missing);
    let explanation = chain.explain(now()).await.explanation;
    assert!(explanation.winner().is_none());
    let profile = explanation.attempts.iter();
    let profile = profile
        .clone()
        .find(|attempt| attempt.verdict == Verdict::Failed);
    let profile = profile.unwrap();
    assert_eq!(profile.provider, "profile \"gone\"");
    assert_eq!(explanation.error, profile.reason);
    let first = &explanation.attempts[0];
    assert_eq!(first.verdict, Verdict::Masked);
    assert_eq!(first.masked_by, Some(profile.number));
    let cure = "env -u AWS_DEFAULT_PROFILE COMMAND";
    assert_eq!(explanation.cure(1), Some(cure));
    // What the cure leaves.
    let cured = settings(&[ID, SECRET], PROFILES);
    assert_eq!(key(Order::Boto3, &cured).await.unwrap(), "AKIAENV");
    // A chain that only resolves asks none of them.
    let asked = chain.resolve(now()).await.explanation.attempts;
    let not_asked = asked.iter().filter(|one| one.verdict == Verdict::NotAsked);
    assert_eq!(not_asked.count(), asked.len() - 1);
}

#[tokio::test]
async fn the_token_of_a_profile_has_the_names_of_the_variables_in_the_same_order() {
    let both = "[default]\naws_access_key_id = ASIA\naws_secret_access_key = s\n\
                aws_security_token = OLD\naws_session_token = NEW\n";
    let old = both.replace("aws_session_token = NEW\n", "");
    let token = async |order, config: &str| {
        let settings = settings(&[], config);
        let found = Chain::default_for(order, &settings).resolve(now()).await;
        let token = found.credentials.unwrap();
        token.session_token().map(|token| token.expose().to_owned())
    };
    for &order in Order::ALL {
        let (first, alone) = match order {
            Order::Boto3 => ("OLD", Some("OLD".to_owned())),
            Order::Cli => ("NEW", Some("OLD".to_owned())),
            _ => ("NEW", None),
        };
        assert_eq!(
            token(order, both).await.as_deref(),
            Some(first),
            "{order:?}"
        );
        assert_eq!(token(order, &old).await, alone, "{order:?}");
    }
}

#[tokio::test]
async fn an_empty_id_in_the_credentials_file_is_an_error_of_botocore_and_nothing_to_the_sdks() {
    let config = "[default]\naws_access_key_id = AKIACONFIG\naws_secret_access_key = s\n";
    for (secret, fault) in [
        ("", "aws_access_key_id is empty: set it, or remove the line"),
        (
            "aws_secret_access_key = s\n",
            "aws_access_key_id is empty beside aws_secret_access_key: the file needs both",
        ),
    ] {
        let credentials = format!("[default]\naws_access_key_id =\n{secret}");
        let files = ConfigFiles::parse([
            (FileKind::Config, "config", config.as_bytes()),
            (FileKind::Credentials, "credentials", credentials.as_bytes()),
        ]);
        let settings = Settings::new(Variables::default(), files);
        for &order in Order::ALL {
            let found = key(order, &settings).await;
            if matches!(order, Order::Cli | Order::Boto3) {
                let error = found.unwrap_err().to_string();
                assert_eq!(error, format!("credentials:2: {fault}"));
            } else {
                assert_eq!(found.unwrap(), "AKIACONFIG", "{order:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_secret_alone_in_a_profile_is_skipped_by_boto3_and_javascript() {
    let settings = settings(&[], "[default]\naws_secret_access_key = s\n");
    for &order in Order::ALL {
        let kind = key(order, &settings).await.unwrap_err().kind();
        let wanted = match order {
            // For the SDKs for Java it is a source that fails.
            Order::Boto3 | Order::JavaV1 | Order::JavaV2 | Order::JavaScript => {
                ErrorKind::NoCredentials
            }
            _ => ErrorKind::PartialCredentials,
        };
        assert_eq!(kind, wanted, "{order:?}");
    }
}

#[tokio::test]
async fn empty_and_incomplete_properties_of_a_profile_lead_where_botocore_goes() {
    let role = "role_arn = arn:aws:iam::123456789012:role/r\n";
    let own_key = format!(
        "[default]\n{role}web_identity_token_file =\naws_access_key_id = AKIAOWN\n\
         aws_secret_access_key = secret\n"
    );
    let half_source = format!(
        "[default]\n{role}source_profile = half\n[profile half]\naws_secret_access_key = secret\n\
         {role}source_profile = whole\n[profile whole]\naws_access_key_id = AKIAWHOLE\n\
         aws_secret_access_key = secret\n"
    );
    for (config, expected) in [
        // The next source is asked; there is none.
        (
            "[default]\nsso_session = corp\n",
            Err(ErrorKind::NoCredentials),
        ),
        (
            "[default]\nsso_start_url = https://a.awsapps.com/start\nsso_region = eu-west-1\n",
            Err(ErrorKind::NoCredentials),
        ),
        (&own_key, Ok("AKIAOWN".to_owned())),
        // An ID without a secret is half a key, even if it is empty.
        ("[default]\naws_access_key_id =\n", Err(ErrorKind::Setting)),
    ] {
        let settings = settings(&[], config);
        let found = key(Order::Boto3, &settings).await;
        assert_eq!(found.map_err(|error| error.kind()), expected, "{config}");
        // By our own rules, none of it leads to another identity without a word.
        let cli = key(Order::Cli, &settings).await.unwrap_err();
        assert_ne!(cli.kind(), ErrorKind::NoCredentials, "{config}");
    }
    // Half a key keeps a source from being a role.
    let found = key(Order::Boto3, &settings(&[], &half_source)).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::SourceProfile);
}

#[tokio::test]
async fn the_key_of_a_source_profile_comes_after_its_process_or_first_as_in_each_sdk() {
    let key_of_source = "aws_access_key_id = AKIASOURCE\naws_secret_access_key = secret\n";
    let role = "role_arn = arn:aws:iam::123456789012:role/r\n";
    let process = "credential_process = /no/such/program\n";
    let of_other =
        format!("[default]\n{role}source_profile = b\n[profile b]\n{process}{key_of_source}");
    // The key keeps the source from being a role, or comes before it.
    let of_role = format!("{of_other}{role}");
    let of_own = format!("[default]\n{role}source_profile = default\n{process}{key_of_source}");
    let in_order = [Order::Cli, Order::Boto3, Order::JavaV2];
    // To the SDK for Rust, a profile that is its own source is as any without a role.
    let of_rust = [Order::Cli, Order::Boto3, Order::Rust];
    for (config, wanted) in [
        (of_other, &in_order[..]),
        (of_role, &in_order),
        (of_own, &of_rust),
    ] {
        let settings = settings(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:1")], &config);
        let mut orders = Vec::new();
        for &order in Order::ALL {
            let resolution = Chain::default_for(order, &settings).resolve(now()).await;
            let attempts = resolution.explanation.attempts.iter();
            let mut failed = attempts.filter(|attempt| attempt.verdict == Verdict::Failed);
            let reason = failed.next().unwrap().reason.clone().unwrap();
            if reason.contains("credential_process") {
                orders.push(order);
            } else if reason.contains("leads in a circle: default → default") {
                assert_eq!(order, Order::JavaV2);
            } else {
                assert!(reason.contains("http://127.0.0.1:1"), "{order:?}: {reason}");
            }
        }
        assert_eq!(orders, wanted, "{config}");
    }
}

#[tokio::test]
async fn the_sdk_for_java_2_takes_what_its_source_says() {
    let role = "role_arn = arn:aws:iam::123456789012:role/r\n";
    let key = "aws_access_key_id = AKIAOWN\naws_secret_access_key = secret\n";
    for (properties, failure) in [
        (format!("sso_region = eu-west-1\n{key}"), "sso_region"),
        (
            format!("{role}source_profile = b\ncredential_source = Environment\n{key}"),
            "exclude each other",
        ),
        (
            format!("{role}source_profile = default\n{key}"),
            "in a circle",
        ),
    ] {
        let settings = settings(&[], &format!("[default]\n{properties}"));
        let chain = Chain::default_for(Order::JavaV2, &settings);
        let resolution = chain.resolve(now()).await;
        // The next source is asked, and there is none.
        assert!(resolution.credentials.is_err(), "{properties}");
        let mut attempts = resolution.explanation.attempts.iter();
        let failed = attempts.find(|attempt| attempt.verdict == Verdict::Failed);
        let reason = failed.unwrap().reason.as_deref().unwrap();
        assert!(reason.contains(failure), "{properties}: {reason}");
    }
    // A role without a source is none.
    let settings = settings(&[], &format!("[default]\n{role}{key}"));
    let found = self::key(Order::JavaV2, &settings).await;
    assert_eq!(found.unwrap(), "AKIAOWN");
}

#[tokio::test]
async fn in_the_sdk_for_go_a_role_alone_is_assumed_with_whatever_its_profile_or_place_has() {
    let role = "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\n";
    let process = "credential_process = /no/such/program\n";
    let sso = "sso_account_id = 123456789012\nsso_role_name = Dev\n";
    let key = "aws_access_key_id = AKIAOWN\naws_secret_access_key = secret\n";
    let container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/c");
    let once = [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1"),
    ];
    for (properties, variables, failure) in [
        ([key, process].concat(), &[container][..], "127.0.0.1:1"),
        ([sso, process].concat(), &[container], "sso_account_id"),
        (process.to_owned(), &[container], "(exit status: 127)"),
        (String::new(), &[container], "10.0.0.1"),
        (String::new(), &[], "AWS_EC2_METADATA_DISABLED is true"),
    ] {
        let variables = [variables, &once].concat();
        let settings = settings(&variables, &format!("{role}{properties}"));
        let chain = Chain::default_for(Order::Go, &settings);
        let explanation = chain.resolve(now()).await.explanation;
        let mut attempts = explanation.attempts.iter();
        let failed = attempts.find(|attempt| attempt.verdict == Verdict::Failed);
        let failed = failed.unwrap();
        let reason = failed.reason.as_deref().unwrap();
        assert!(failed.provider.starts_with("profile"), "{failed:?}");
        assert!(reason.contains(failure), "{properties}: {reason}");
    }
}

#[tokio::test]
async fn only_the_rules_of_this_library_stop_at_a_file_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let text = "[default]\naws_access_key_id = AKIAFILE\naws_secret_access_key = secret\n";
    std::fs::write(&file, text).unwrap();
    let variables = Variables::from_iter([
        ("AWS_CONFIG_FILE", folder.path().to_str().unwrap()),
        ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    let settings = Settings::load(variables);
    let error = key(Order::Cli, &settings).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigFile, "{error}");
    for &order in Order::ALL {
        let exact = settings.clone().with_order(order).with_exact_rules();
        assert_eq!(key(order, &exact).await.unwrap(), "AKIAFILE", "{order:?}");
        let explanation = Chain::default_for(order, &exact).look(now()).await;
        let mut warnings = explanation.warnings();
        let told = warnings.find(|finding| finding.text.contains("cannot be read"));
        let cure = told.and_then(|told| told.cure.as_deref());
        assert_eq!(cure, Some("env -u AWS_CONFIG_FILE COMMAND"), "{order:?}");
    }
}

#[tokio::test]
async fn the_expiry_in_variables_counts_where_it_is_read() {
    let past = ("AWS_CREDENTIAL_EXPIRATION", "2001-01-01T00:00:00Z");
    let others = [
        Order::JavaV1,
        Order::JavaV2,
        Order::Rust,
        Order::Go,
        Order::JavaScript,
    ];
    assert_eq!(
        with_key(&settings(&[ID, SECRET, past], ""), "AKIAENV").await,
        others
    );
    let next = ("AWS_CREDENTIAL_EXPIRATION", "2099-01-01T00:00:00Z");
    for &order in Order::ALL {
        let settings = settings(&[ID, SECRET, next], "");
        let resolution = Chain::default_for(order, &settings).resolve(now()).await;
        let is_told = [Order::Cli, Order::Boto3, Order::JavaScript].contains(&order);
        assert_eq!(
            resolution.credentials.unwrap().expiry().is_some(),
            is_told,
            "{order:?}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_shell_runs_a_process_only_where_that_of_the_sdk_does() {
    let config = r#"[default]
credential_process = echo '{"Version": 1, "AccessKeyId": "AKIAX", "SecretAccessKey": "s"}' | cat
"#;
    for order in Order::ALL {
        let chain = Chain::default_for(*order, &settings(&[], config));
        let found = chain.resolve(now()).await.credentials;
        let has_no_shell = matches!(order, Order::Cli | Order::Boto3);
        assert_eq!(found.is_err(), has_no_shell, "{order:?}: {found:?}");
    }
}
