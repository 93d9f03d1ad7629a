//! Lists in pages, beside version 1 of aws.

use std::sync::mpsc::Receiver;

use crate::{
    answers::{answer, start_server_with},
    keyfob::{Home, Run, assert_has},
};

/// A server with seven access keys on three pages, which a marker leads to.
fn start_keys() -> (String, Receiver<String>) {
    start_server_with(|body| {
        let marker = body
            .split('&')
            .find_map(|pair| pair.strip_prefix("Marker="));
        let (keys, next) = match marker {
            None => (
                &["a", "b", "c"][..],
                "<IsTruncated>true</IsTruncated><Marker>m1</Marker>",
            ),
            Some("m1") => (
                &["d", "e"][..],
                "<IsTruncated>true</IsTruncated><Marker>m2</Marker>",
            ),
            Some("m2") => (&["f", "g"][..], "<IsTruncated>false</IsTruncated>"),
            Some(_) => return answer("400 Bad Request", ""),
        };
        let keys: String = keys
            .iter()
            .map(|key| format!("<member><AccessKeyId>{key}</AccessKeyId></member>"))
            .collect();
        answer(
            "200 OK",
            &format!(
                "<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata>{keys}\
                 </AccessKeyMetadata>{next}</ListAccessKeysResult></ListAccessKeysResponse>"
            ),
        )
    })
}

fn home() -> Home {
    Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_DEFAULT_REGION", "eu-west-1")
}

const LIST: [&str; 2] = ["iam", "list-access-keys"];

#[test]
fn pages_are_merged_cut_and_continued_as_by_aws() {
    let home = home();
    let (url, bodies) = start_keys();
    std::fs::write(home.path().join("token"), "m2").unwrap();
    for words in [
        &[][..],
        &["--page-size", "2"],
        &["--max-items", "2"],
        &["--max-items", "3"],
        &["--max-items", "4", "--output", "text"],
        &["--max-items", "5", "--output", "table"],
        &[
            "--max-items",
            "6",
            "--query",
            "AccessKeyMetadata[].AccessKeyId",
        ],
        &[
            "--max-items",
            "4",
            "--output",
            "text",
            "--query",
            "AccessKeyMetadata[].AccessKeyId",
        ],
        &[
            "--output",
            "text",
            "--query",
            "AccessKeyMetadata[].AccessKeyId",
        ],
        &["--max-items", "0"],
        &["--no-paginate"],
        &["--no-paginate", "--max-items", "2"],
        &["--marker", "m2"],
        &["--starting-token", "m2"],
        &["--starting-token", "m1___1"],
        &["--starting-token", "None"],
        &["--starting-token", "file://token"],
        // Other than an option of that name, a parameter in JSON asks for all pages.
        &["--cli-input-json", r#"{"MaxItems": 5}"#],
        &["--cli-input-json", r#"{"MaxItems": 5}"#, "--page-size", "2"],
        &["--cli-input-json", r#"{"Marker": "m1"}"#],
        &[
            "--cli-input-json",
            r#"{"Marker": "m1"}"#,
            "--max-items",
            "3",
        ],
        &[
            "--cli-input-json",
            r#"{"Marker": "m1"}"#,
            "--starting-token",
            "m2",
        ],
        &["--cli-input-json", r#"{"Marker": "m1"}"#, "--no-paginate"],
    ] {
        let line = [&LIST[..], words, &["--endpoint-url", &url]].concat();
        let expected = home.aws(&line).ok();
        let sent: Vec<String> = bodies.try_iter().collect();
        assert_eq!(home.keyfob(&line).ok(), expected, "{words:?}");
        let fields = |bodies: &[String]| -> Vec<Vec<String>> {
            let sorted = |body: &String| {
                let mut pairs: Vec<String> = body.split('&').map(str::to_owned).collect();
                pairs.sort();
                pairs
            };
            bodies.iter().map(sorted).collect()
        };
        let ours: Vec<String> = bodies.try_iter().collect();
        assert_eq!(fields(&ours), fields(&sent), "{words:?}");
    }
}

#[test]
fn a_token_of_aws_works_here_and_one_of_ours_there() {
    let home = home();
    let (url, _bodies) = start_keys();
    let keys = |run: &dyn Fn(&[&str]) -> Run, other: &dyn Fn(&[&str]) -> Run| {
        let (mut keys, mut token) = (Vec::new(), None::<String>);
        let mut programs = [run, other].into_iter().cycle();
        loop {
            let mut line = [&LIST[..], &["--max-items", "2", "--endpoint-url", &url]].concat();
            if let Some(token) = &token {
                line.extend(["--starting-token", token.as_str()]);
            }
            let answer = programs.next().unwrap()(&line).json();
            for key in answer["AccessKeyMetadata"].as_array().unwrap() {
                keys.push(key["AccessKeyId"].as_str().unwrap().to_owned());
            }
            match answer["NextToken"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => return keys.concat(),
            }
        }
    };
    let ours = |line: &[&str]| home.keyfob(line);
    let theirs = |line: &[&str]| home.aws(line);
    assert_eq!(keys(&ours, &theirs), "abcdefg");
    assert_eq!(keys(&theirs, &ours), "abcdefg");
}

#[test]
fn options_of_paging_beside_no_paginate_and_tokens_of_other_lists_are_refused() {
    let home = home();
    let page = ["--no-paginate", "--page-size", "1", "--starting-token", "x"];
    let stderr = home.keyfob(LIST.iter().chain(&page)).fails(255);
    let text = "Cannot specify --no-paginate along with pagination arguments: --page-size, \
                --starting-token";
    assert_has(&stderr, &["(Pagination): ", text]);
    let by_hand = ["--next-token", "t", "--max-items", "1"];
    let services = ["service-quotas", "list-services"];
    let stderr = home.keyfob(services.iter().chain(&by_hand)).fails(255);
    let text = "--next-token is given, which asks for one page: leave out --max-items";
    assert_has(&stderr, &["(Pagination): ", text]);
    // {"NextToken": "a"}
    let other = ["--starting-token", "eyJOZXh0VG9rZW4iOiAiYSJ9"];
    let stderr = home.keyfob(LIST.iter().chain(&other)).fails(255);
    assert_has(
        &stderr,
        &["--starting-token: it is not a token of an earlier list"],
    );
}

#[test]
fn a_service_that_repeats_a_page_is_an_error_and_not_an_endless_list() {
    let (url, _bodies) =
        start_server_with(|_| answer("200 OK", r#"{"Quotas":[],"NextToken":"t"}"#));
    let words = [
        "service-quotas",
        "list-service-quotas",
        "--service-code",
        "ec2",
    ];
    let run = home().keyfob(words.iter().chain(&["--endpoint-url", &url]));
    assert_has(
        &run.fails(255),
        &[
            "when calling the ListServiceQuotas operation: the service returned the same page token \
             twice",
        ],
    );
}

/// The first page is printed before the second one is asked for.
#[test]
fn a_failure_on_a_later_page_ends_with_254_and_a_cut_document() {
    let (url, _bodies) = start_server_with(|body| {
        if body.contains("NextToken") {
            let error = r#"{"__type": "AccessDeniedException", "Message": "no"}"#;
            return answer("400 Bad Request", error);
        }
        answer(
            "200 OK",
            r#"{"Quotas": [{"Value": 1.0}], "NextToken": "t"}"#,
        )
    });
    let words = [
        "service-quotas",
        "list-service-quotas",
        "--service-code",
        "ec2",
    ];
    let words = [&words[..], &["--endpoint-url", &url]].concat();
    let run = home().keyfob(&words);
    assert_eq!(run.code, 254, "{run:?}");
    let cut = "{\n    \"Quotas\": [\n        {\n            \"Value\": 1.0\n        }";
    assert_eq!(run.stdout, cut);
    // What needs the whole answer prints nothing.
    for more in [
        &["--query", "Quotas"][..],
        &["--output", "table"],
        &["--output", "yaml"],
    ] {
        let words = [&words[..], more].concat();
        home().keyfob(words).fails(254);
    }
    let text = home().keyfob([&words[..], &["--output", "text"]].concat());
    assert_eq!((text.code, &*text.stdout), (254, "QUOTAS\t1.0\n"));
}

#[test]
fn a_rate_is_kept_by_the_requests_to_s3() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (url, bodies) = start_server_with(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let more = format!("<IsTruncated>{}</IsTruncated>", number < 2);
        let token = format!("<NextContinuationToken>t{number}</NextContinuationToken>");
        let page = format!("<ListBucketResult>{more}{token}</ListBucketResult>");
        answer("200 OK", &page)
    });
    let started = std::time::Instant::now();
    let line = ["s3", "rm", "s3://b/", "--recursive", "--rate", "4"];
    home()
        .keyfob(line.iter().chain(&["--endpoint-url", &url]))
        .ok();
    assert_eq!(bodies.try_iter().count(), 3);
    assert!(started.elapsed() >= std::time::Duration::from_millis(500));
}

#[test]
fn a_rate_is_kept_by_all_calls_of_a_command() {
    let (url, bodies) = start_keys();
    let run = |more: &[&str]| {
        let line = [&LIST[..], &["--debug", "--endpoint-url", &url], more].concat();
        home().keyfob(line)
    };
    let limited = run(&["--rate", "1000"]);
    assert_has(&limited.stderr, &["at most 1000 requests a second"]);
    limited.ok();
    assert_eq!(bodies.try_iter().count(), 3);
    let started = std::time::Instant::now();
    run(&["--rate", "4"]).ok();
    assert_eq!(bodies.try_iter().count(), 3);
    // The second and the third request wait for a quarter of a second each.
    assert!(started.elapsed() >= std::time::Duration::from_millis(500));
    let free = run(&[]);
    assert!(
        !free.stderr.contains("requests a second"),
        "{}",
        free.stderr
    );
    for rate in ["0", "-1", "1.5", "x"] {
        assert_has(&run(&["--rate", rate]).fails(252), &["--rate"]);
    }
}
