use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use keyfob_sigv4::{Credentials, Timestamp, verify::Verifier};
use serde_json::{Value, json};

use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    python::tool,
};

fn home() -> Home {
    Home::new()
        .with_key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
        .with("AWS_REGION", "eu-west-1")
}

#[test]
fn a_url_is_valid_for_an_hour_by_default() {
    let url = home().keyfob(["s3", "presign", "s3://bucket/a b"]).ok();
    assert!(
        url.starts_with("https://bucket.s3.eu-west-1.amazonaws.com/a%20b?"),
        "{url}"
    );
    assert_has(&url, &["X-Amz-Expires=3600", "X-Amz-SignedHeaders=host&"]);
    let url = home()
        .keyfob(["s3", "presign", "s3://bucket/k", "--expires-in", "604800"])
        .ok();
    assert_has(&url, &["X-Amz-Expires=604800"]);
}

#[test]
fn a_method_in_lower_case_is_taken_for_that_of_http() {
    // The signature is that of one second.
    let found = (0..20).any(|_| {
        let [lower, upper] = ["put", "PUT"].map(|method| {
            let line = ["s3", "presign", "s3://bucket/k", "--method", method];
            home().keyfob(line).ok()
        });
        lower == upper
    });
    assert!(found);
}

#[test]
fn more_than_a_week_is_a_warning_and_signed_as_a_week() {
    for seconds in ["604801", "700000"] {
        let line = ["s3", "presign", "s3://bucket/k", "--expires-in", seconds];
        let run = home().keyfob(line);
        assert_has(
            &run.stderr,
            &[
                "warning: --expires-in: S3 accepts at most 604800 s",
                seconds,
            ],
        );
        assert_has(&run.ok(), &["X-Amz-Expires=604800"]);
        let strict = home().keyfob(line.iter().chain(&["--strict"]));
        assert_has(&strict.fails(252), &["--expires-in"]);
    }
    for seconds in ["0", "-1", "18446744073709551615"] {
        let stderr = home()
            .keyfob(["s3", "presign", "s3://bucket/k", "--expires-in", seconds])
            .fails(252);
        assert_has(&stderr, &["--expires-in"]);
    }
    home()
        .keyfob(["s3", "presign", "s3://bucket/k", "--expires-in", "week"])
        .fails(255);
}

#[test]
fn an_endpoint_with_a_name_has_the_bucket_in_the_path_unless_the_profile_says_virtual() {
    let presign = |home: &Home, words: &[&str]| {
        let line = ["s3", "presign", "s3://bkt/k"];
        home.keyfob(words.iter().chain(&line)).ok()
    };
    for url in [
        "http://localhost:9000",
        "http://minio.corp:9000",
        "https://s3.example.com/base",
        "https://s3.eu-west-1.amazonaws.com",
    ] {
        let expected = format!("{url}/bkt/k?");
        let from_argument = presign(&home(), &["--endpoint-url", url]);
        assert!(from_argument.starts_with(&expected), "{from_argument}");
        for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"] {
            let from_env = presign(&home().with(variable, url), &[]);
            assert!(from_env.starts_with(&expected), "{from_env}");
        }
    }
    let url = "https://s3-accelerate.dualstack.amazonaws.com";
    let accelerated = presign(&home(), &["--endpoint-url", url]);
    let expected = "https://bkt.s3-accelerate.dualstack.amazonaws.com/k?";
    assert!(accelerated.starts_with(expected), "{accelerated}");
    let config = "[default]\ns3 =\n  addressing_style = virtual\n";
    let in_host = home().with_file("config", config);
    let url = presign(&in_host, &["--endpoint-url", "http://minio.corp:9000/base"]);
    assert!(
        url.starts_with("http://bkt.minio.corp:9000/base/k?"),
        "{url}"
    );
}

#[test]
fn method_headers_and_parameters_are_signed() {
    let url = home()
        .keyfob([
            "s3",
            "presign",
            "s3://bucket/k",
            "--method",
            "PUT",
            "--content-type",
            "text/plain",
            "--header",
            "x-amz-meta-a: b",
            "--version-id",
            "v/1",
            "--response-content-disposition",
            "attachment; filename=\"x\"",
        ])
        .ok();
    assert_has(
        &url,
        &[
            "versionId=v%2F1",
            "response-content-disposition=attachment%3B%20filename%3D%22x%22",
            "X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-meta-a",
        ],
    );
}

#[test]
fn credentials_that_expire_before_the_url_cause_a_warning() {
    let line = [
        "--sandbox",
        "s3",
        "presign",
        "s3://bucket/k",
        "--expires-in",
        "7200",
    ];
    let run = Home::new().keyfob(line);
    assert_has(&run.stderr, &["warning: the URL stops working at "]);
    run.ok();
    let stderr = Home::new()
        .keyfob(line.iter().chain(&["--strict"]))
        .fails(253);
    assert_has(&stderr, &["the URL stops working at "]);
}

#[test]
fn a_uri_without_bucket_or_key_is_refused() {
    for uri in ["s3://bucket", "s3://bucket/", "bucket", "s3://b@d/k"] {
        assert_has(
            &home().keyfob(["s3", "presign", uri]).fails(252),
            &["S3URI", "s3://BUCKET/KEY"],
        );
    }
}

#[test]
fn a_key_with_dot_segments_causes_a_warning() {
    let run = home().keyfob(["s3", "presign", "s3://bucket/../x"]);
    assert_has(&run.stderr, &["warning: ", "--path-as-is"]);
    assert_has(&run.ok(), &["amazonaws.com/../x?"]);
}

/// Presigns with settings of one row of `presign_hosts.py`, and returns what that prints.
fn presigned(settings: &Value) -> Value {
    let flag = |index: usize| settings[index].as_bool().unwrap().to_string();
    let config = format!(
        "[default]\nuse_fips_endpoint = {}\nuse_dualstack_endpoint = {}\ns3 =\n  \
         use_accelerate_endpoint = {}\n",
        flag(1),
        flag(2),
        flag(3)
    );
    let object = format!("s3://{}/k", settings[4].as_str().unwrap());
    let home = home()
        .with("AWS_REGION", settings[0].as_str().unwrap())
        .with_file("config", &config);
    let run = home.keyfob(["s3", "presign", &object]);
    if run.code == 253 {
        return Value::Null;
    }
    let url = run.ok();
    let (place, query) = url.split_once('?').unwrap();
    let scope = query.split_once("X-Amz-Credential=").unwrap().1;
    json!([place, scope.split("%2F").nth(2).unwrap()])
}

#[test]
fn hosts_follow_region_fips_dual_stack_acceleration_and_bucket_as_in_botocore() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/presign_hosts.py");
    let output = Command::new(tool("python3")).arg(script).output().unwrap();
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.len(), 128);
    assert!(rows.iter().any(|row| row["url"].is_null()));
    for row in rows {
        assert_eq!(presigned(&row["settings"]), row["url"], "{row}");
    }
}

#[test]
fn variables_and_the_block_s3_choose_the_same_hosts_as_the_profile() {
    let block = |text: &str| home().with_file("config", &format!("[default]\ns3 =\n  {text}\n"));
    for (home, place) in [
        (
            home().with("AWS_USE_FIPS_ENDPOINT", "TRUE"),
            "https://bkt.s3-fips.eu-west-1.amazonaws.com/k?",
        ),
        (
            home().with("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/k?",
        ),
        (
            block("use_dualstack_endpoint = True"),
            "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/k?",
        ),
        (
            block("use_dualstack_endpoint = false").with("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/k?",
        ),
        (
            block("addressing_style = path"),
            "https://s3.eu-west-1.amazonaws.com/bkt/k?",
        ),
        (
            block("addressing_style = path\n  use_accelerate_endpoint = true"),
            "https://bkt.s3-accelerate.amazonaws.com/k?",
        ),
    ] {
        let url = home.keyfob(["s3", "presign", "s3://bkt/k"]).ok();
        assert!(url.starts_with(place), "{url}");
    }
}

#[test]
fn a_misspelt_setting_of_the_block_s3_is_named() {
    for text in [
        "use_accelerate_endpoint = yes",
        "use_dualstack_endpoint = 1",
        "addressing_style = Path",
    ] {
        let config = format!("[default]\ns3 =\n  {text}\n");
        let home = home().with_file("config", &config);
        let run = home.keyfob(["s3", "presign", "s3://bkt/k"]);
        let name = text.split(' ').next().unwrap();
        let place = format!("config:3: s3.{name} ");
        assert_has(&run.stderr, &["warning: ", &place]);
        assert_has(&run.ok(), &["https://bkt.s3.eu-west-1.amazonaws.com/k?"]);
        assert_has(&home.keyfob(["why"]).ok(), &[&place]);
        assert_has(&home.keyfob(["configure", "list"]).stderr, &[&place]);
    }
}

#[test]
fn settings_that_s3_has_no_host_for_are_refused_with_their_cure() {
    let accelerated = || {
        let config = "[default]\ns3 =\n  use_accelerate_endpoint = true\n";
        home().with_file("config", config)
    };
    let url = "http://localhost:9000";
    for (home, bucket, pieces) in [
        (
            home()
                .with("AWS_REGION", "cn-north-1")
                .with("AWS_USE_FIPS_ENDPOINT", "true"),
            "bkt",
            &["no FIPS endpoint in cn-north-1", "drop FIPS"],
        ),
        (
            home()
                .with("AWS_ENDPOINT_URL_S3", url)
                .with("AWS_USE_FIPS_ENDPOINT", "true"),
            "bkt",
            &[
                "AWS_USE_FIPS_ENDPOINT does not work with a custom endpoint",
                "(AWS_ENDPOINT_URL_S3)",
            ],
        ),
        (
            accelerated().with("AWS_REGION", "cn-north-1"),
            "bkt",
            &["transfer acceleration", "set another region"],
        ),
        (
            accelerated().with("AWS_USE_FIPS_ENDPOINT", "true"),
            "bkt",
            &["transfer acceleration", "drop FIPS"],
        ),
        (
            accelerated(),
            "my.bkt",
            &["s3.use_accelerate_endpoint", "to false"],
        ),
        (
            accelerated().with("AWS_ENDPOINT_URL", url),
            "bkt",
            &["s3.use_accelerate_endpoint", "AWS_ENDPOINT_URL"],
        ),
    ] {
        let object = format!("s3://{bucket}/k");
        let stderr = home.keyfob(["s3", "presign", &object]).fails(253);
        assert_has(&stderr, &["(Configuration)"]);
        assert_has(&stderr, pieces);
    }
}

#[test]
fn the_global_host_of_us_east_1_is_used_only_where_it_is_chosen() {
    let variable = "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT";
    let block = |value| format!("[default]\ns3 =\n  us_east_1_regional_endpoint = {value}\n");
    let host = |home: &Home, region: &str, more: &[&str]| {
        let line = ["s3", "presign", "s3://bkt/k", "--region", region];
        let url = home.keyfob(line.iter().chain(more)).ok();
        url["https://".len()..]
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let legacy = home().with(variable, "Legacy");
    assert_eq!(host(&legacy, "us-east-1", &[]), "bkt.s3.amazonaws.com");
    assert_eq!(
        host(&legacy, "eu-west-1", &[]),
        "bkt.s3.eu-west-1.amazonaws.com"
    );
    let dual_stack = legacy.with("AWS_USE_DUALSTACK_ENDPOINT", "true");
    assert_eq!(
        host(&dual_stack, "us-east-1", &[]),
        "bkt.s3.dualstack.us-east-1.amazonaws.com"
    );
    let profile = home().with_file("config", &block("legacy"));
    assert_eq!(host(&profile, "us-east-1", &[]), "bkt.s3.amazonaws.com");
    for home in [home(), profile.with(variable, "regional")] {
        assert_eq!(
            host(&home, "us-east-1", &[]),
            "bkt.s3.us-east-1.amazonaws.com"
        );
    }
    let wrong = home().with_file("config", &block("global"));
    let line = ["s3", "presign", "s3://bkt/k", "--region", "us-east-1"];
    let stderr = wrong.keyfob(line).fails(253);
    assert_has(
        &stderr,
        &["s3.us_east_1_regional_endpoint is \"global\", which is not regional or legacy"],
    );
}

/// Presigns a form for a key, and returns what is printed.
fn form(home: &Home, key: &str, more: &[&str]) -> String {
    let uri = format!("s3://bkt/{key}");
    let line = ["s3", "presign", &uri, "--post"];
    home.keyfob(line.iter().chain(more)).ok()
}

#[test]
fn a_form_is_accepted_by_a_verifier_for_what_its_options_allow_only() {
    let session = home().with("AWS_SESSION_TOKEN", "to+ken/=");
    let more = [
        "--content-type",
        "image/*",
        "--field",
        "acl=private",
        "--field",
        "x-amz-meta-note=a=\"b\" ü",
        "--starts-with",
        "x-amz-meta-by=team-",
        "--min-size",
        "1",
        "--max-size",
        "1000",
        "--expires-in",
        "600",
    ];
    let printed: Value = serde_json::from_str(&form(&session, "in/${filename}", &more)).unwrap();
    assert_eq!(printed["url"], "https://bkt.s3.eu-west-1.amazonaws.com/");
    let keys = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let keys = keys.unwrap().with_session_token("to+ken/=").unwrap();
    let now = Timestamp::now();
    let verify = |changes: &[(&str, &str)], length: u64, now: Timestamp| {
        let members = printed["fields"].as_object().unwrap().iter();
        let mut fields: Vec<(&str, &str)> = members
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        for (name, value) in changes {
            match fields.iter_mut().find(|field| field.0 == *name) {
                Some(field) => field.1 = value,
                None => fields.push((name, value)),
            }
        }
        let verifier = Verifier::s3("eu-west-1").unwrap();
        let claim = verifier.claim_post("bkt", &fields).unwrap();
        claim.verify(&keys, now)?.check_length(length)
    };
    for (changes, length, is_allowed) in [
        (&[][..], 1, true),
        (&[], 1000, true),
        (&[], 0, false),
        (&[], 1001, false),
        (
            &[("key", "in/cat.png"), ("Content-Type", "image/png")],
            9,
            true,
        ),
        (&[("x-amz-meta-by", "team-a")], 9, true),
        (&[("x-amz-meta-by", "else")], 9, false),
        (&[("key", "out/cat.png")], 9, false),
        (&[("Content-Type", "text/html")], 9, false),
        (&[("acl", "public-read")], 9, false),
        (&[("x-amz-meta-new", "x")], 9, false),
    ] {
        let verified = verify(changes, length, now);
        assert_eq!(
            verified.is_ok(),
            is_allowed,
            "{changes:?} {length}: {verified:?}"
        );
    }
    assert!(verify(&[], 9, now.plus_seconds(500)).is_ok());
    assert!(verify(&[], 9, now.plus_seconds(700)).is_err());
}

#[test]
fn a_form_has_the_url_and_the_fields_of_boto3() {
    let script = r#"
import base64, boto3, datetime, json, sys
import botocore.auth, botocore.signers
from botocore.config import Config
time = json.loads(sys.argv[1])
now = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ")
for module in (botocore.auth, botocore.signers):
    module.get_current_datetime = lambda remove_tzinfo=True: now
for url in (None, "http://localhost:9000"):
    config = Config(signature_version="s3v4", s3={"addressing_style": "path" if url else "virtual"})
    client = boto3.client("s3", region_name="eu-west-1", endpoint_url=url, config=config)
    fields = {"acl": "private", "Content-Type": "text/plain"}
    conditions = [{name: value} for name, value in fields.items()]
    conditions.append(["content-length-range", 0, 1000])
    form = client.generate_presigned_post(
        "bkt", "in/${filename}", fields, conditions, ExpiresIn=600)
    form["fields"]["policy"] = json.loads(base64.b64decode(form["fields"]["policy"]))
    form["fields"].pop("x-amz-signature")
    print(json.dumps(form))
"#;
    let more = [
        "--field",
        "acl=private",
        "--content-type",
        "text/plain",
        "--max-size",
        "1000",
    ];
    let more = [&more[..], &["--expires-in", "600"]].concat();
    let ours = |more: &[&str]| -> Value {
        serde_json::from_str(&form(&home(), "in/${filename}", more)).unwrap()
    };
    let forms = [
        ours(&more),
        ours(&[&more[..], &["--endpoint-url", "http://localhost:9000"]].concat()),
    ];
    for (index, mut form) in forms.into_iter().enumerate() {
        let time = form["fields"]["x-amz-date"].to_string();
        let home = home();
        let mut python = home.program(tool("python"));
        let output = Run::new(python.args(["-c", script, &time]).output().unwrap()).ok();
        let line = output.lines().nth(index).unwrap();
        let mut expected: Value = serde_json::from_str(line).unwrap();
        let fields = form["fields"].as_object_mut().unwrap();
        let policy = fields["policy"].as_str().unwrap();
        let policy = BASE64_STANDARD.decode(policy).unwrap();
        fields["policy"] = serde_json::from_slice(&policy).unwrap();
        fields.remove("x-amz-signature").unwrap();
        // Neither the order of the conditions counts, nor a slash after the bucket.
        for form in [&mut form, &mut expected] {
            let conditions = &mut form["fields"]["policy"]["conditions"];
            let conditions = conditions.as_array_mut().unwrap();
            conditions.sort_by_key(ToString::to_string);
            let url = form["url"].as_str().unwrap().trim_end_matches('/');
            form["url"] = url.into();
        }
        assert_eq!(form, expected);
    }
}

#[test]
fn a_form_can_be_a_page_whose_open_fields_are_shown() {
    let more = [
        "--print",
        "html",
        "--content-type",
        "image/*",
        "--field",
        "x-amz-meta-a=\"<script>&",
    ];
    let page = form(&home(), "${filename}", &more);
    assert_has(
        &page,
        &[
            "<form action=\"https://bkt.s3.eu-west-1.amazonaws.com/\" method=\"post\" \
             enctype=\"multipart/form-data\">",
            "<input type=\"hidden\" name=\"key\" value=\"${filename}\">",
            "<input type=\"hidden\" name=\"x-amz-meta-a\" value=\"&quot;&lt;script&gt;&amp;\">",
            "<label>Content-Type <input name=\"Content-Type\" value=\"image/\"></label>",
        ],
    );
    // S3 ignores what comes after the file.
    let (_, end) = page.split_once("name=\"file\"").unwrap();
    assert!(!end.contains("<input"), "{end}");
}

#[test]
fn a_form_that_s3_could_not_accept_is_refused_with_its_option() {
    let line = ["s3", "presign", "s3://bkt/k"];
    for (more, text) in [
        (
            &["--post", "--field", "canary"][..],
            "--field: write NAME=VALUE",
        ),
        (
            &["--post", "--starts-with", "=canary"],
            "--starts-with: write NAME=VALUE",
        ),
        (
            &["--post", "--field", "key=canary"],
            "a field is named twice",
        ),
        (&["--post", "--field", "policy=canary"], "S3 adds it itself"),
        (
            &["--post", "--field", "a=1", "--starts-with", "A="],
            "a field is named twice",
        ),
        (
            &["--post", "--min-size", "2", "--max-size", "1"],
            "--min-size is larger",
        ),
        (
            &["--post", "--max-size", "-1"],
            "--max-size: it is not a whole number",
        ),
        (
            &["--post", "--max-size", "1MB"],
            "--max-size: it is not a whole number",
        ),
        (
            &["--post", "--print", "xml"],
            "--print: the value is none of json, html, curl",
        ),
        (
            &["--post", "--method", "PUT"],
            "'--post' cannot be used with '--method",
        ),
        (
            &["--post", "--header", "a: canary"],
            "'--post' cannot be used with '--header",
        ),
        (
            &["--post", "--version-id", "canary"],
            "cannot be used with '--version-id",
        ),
        (&["--post", "--no-sign-request"], "--no-sign-request: "),
        (&["--max-size", "1"], "required: --post"),
        (&["--print", "html"], "required: --post"),
    ] {
        let stderr = home().keyfob(line.iter().chain(more)).fails(252);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
    }
    let query = form(&home(), "k", &["--query", "fields.key", "--output", "text"]);
    assert_eq!(query, "k\n");
}

#[test]
fn a_form_that_ends_with_the_credentials_or_after_a_week_is_warned_about() {
    let line = ["s3", "presign", "s3://bkt/k", "--post", "--expires-in"];
    let sandbox = |more: &[&str]| {
        let line = ["--sandbox"].iter().chain(&line).chain(more);
        Home::new().keyfob(line)
    };
    let run = sandbox(&["7200"]);
    assert_has(&run.stderr, &["warning: the form stops working at "]);
    run.ok();
    let stderr = sandbox(&["7200", "--strict"]).fails(253);
    assert_has(&stderr, &["the form stops working at ", "--expires-in"]);
    let week = home().keyfob(line.iter().chain(&["604801"]));
    assert_has(
        &week.stderr,
        &["warning: --expires-in: S3 accepts at most 604800 s"],
    );
    home()
        .keyfob(line.iter().chain(&["604801", "--strict"]))
        .fails(252);
}
