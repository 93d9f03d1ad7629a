use serde_json::Value;

use crate::keyfob::{Home, assert_has, assert_lacks};

/// The key of the published examples.
fn home() -> Home {
    Home::new().with_key("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
}

const AT: [&str; 2] = ["--at", "20150830T123600Z"];
const LIST_USERS: &str = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";

fn sign(words: &[&str]) -> String {
    home().keyfob(["sign"].iter().chain(&AT).chain(words)).ok()
}

/// Source: Signature Version 4 signing examples, `ListUsers`.
#[test]
fn the_published_example_comes_out() {
    let json: Value = serde_json::from_str(&sign(&[
        "-H",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
        "--print",
        "json",
        LIST_USERS,
    ]))
    .unwrap();
    assert_eq!(
        json["signature"],
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
    assert_eq!(json["signed_headers"], "content-type;host;x-amz-date");
    assert_eq!(json["headers"]["x-amz-date"], "20150830T123600Z");
    assert_eq!(json["url"], LIST_USERS);
    let hash = "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
    assert!(json["string_to_sign"].as_str().unwrap().ends_with(hash));
    assert!(
        json["canonical_request"]
            .as_str()
            .unwrap()
            .starts_with("GET\n/\nAction=ListUsers&Version=2010-05-08\n")
    );
}

#[test]
fn each_way_to_print_prints_its_part() {
    let headers = sign(&[LIST_USERS]);
    assert_has(
        &headers,
        &[
            "x-amz-date: 20150830T123600Z\n",
            "authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, ",
        ],
    );
    assert_eq!(sign(&["--print", "headers", LIST_USERS]), headers);
    assert_eq!(
        sign(&["--print", "url", LIST_USERS]),
        format!("{LIST_USERS}\n")
    );
    assert_has(
        &sign(&["--print", "canonical", LIST_USERS]),
        &["GET\n/\nAction=ListUsers"],
    );
    assert!(
        sign(&["--print", "sts", LIST_USERS]).starts_with("AWS4-HMAC-SHA256\n20150830T123600Z\n")
    );
    let curl = sign(&["--print", "curl", "-X", "DELETE", LIST_USERS]);
    assert!(
        curl.starts_with("curl --request DELETE --header 'x-amz-date: 2015"),
        "{curl}"
    );
    assert!(curl.ends_with(&format!(" '{LIST_USERS}'\n")), "{curl}");
}

#[test]
fn the_query_form_is_a_url_with_an_end() {
    let url = sign(&["--auth", "query", "--expires-in", "60", LIST_USERS]);
    assert_has(
        &url,
        &[
            &format!("{LIST_USERS}&X-Amz-Algorithm="),
            "X-Amz-Expires=60",
            "X-Amz-Signature=",
        ],
    );
    for seconds in ["0", "604801"] {
        let line = [
            "sign",
            "--auth",
            "query",
            "--expires-in",
            seconds,
            LIST_USERS,
        ];
        assert_has(&home().keyfob(line).fails(252), &["--expires-in", seconds]);
    }
}

#[test]
fn a_body_is_sent_and_signed_as_curl_sends_it() {
    let url = "https://sts.eu-west-1.amazonaws.com/";
    let with_body = sign(&[
        "-d",
        "Action=GetCallerIdentity&Version=2011-06-15",
        "--print",
        "canonical",
        url,
    ]);
    assert_has(
        &with_body,
        &[
            "POST\n/\n\n",
            "content-type:application/x-www-form-urlencoded\n",
        ],
    );
    let home = home();
    std::fs::write(
        home.path().join("body"),
        "Action=GetCallerIdentity&\nVersion=2011-06-15\n",
    )
    .unwrap();
    let line = ["sign", "-d", "@body", "--print", "canonical", url];
    assert_eq!(home.keyfob(line.iter().chain(&AT)).ok(), with_body);
    let from_stdin = ["sign", "-d", "@-", "--print", "canonical", url];
    let run = home.keyfob_with_input(
        from_stdin.iter().chain(&AT),
        "Action=GetCallerIdentity&Version=2011-06-15",
    );
    assert_eq!(run.ok(), with_body);
}

#[test]
fn a_raw_request_is_signed_as_it_is() {
    let home = home();
    std::fs::write(
        home.path().join("request"),
        "GET /?Param2=value2&Param1=value1 HTTP/1.1\nHost:example.amazonaws.com\nX-Amz-Date:20150830T123600Z\n\n",
    )
    .unwrap();
    let line = [
        "sign",
        "--request-file",
        "request",
        "--service",
        "service",
        "--region",
        "us-east-1",
        "--print",
        "json",
    ];
    let json = home.keyfob(line.iter().chain(&AT)).json();
    assert_eq!(
        json["signature"],
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
    std::fs::write(home.path().join("request"), "nonsense").unwrap();
    let stderr = home.keyfob(line.iter().chain(&AT)).fails(252);
    assert_has(&stderr, &["request: ", "METHOD TARGET"]);
}

#[test]
fn the_host_tells_service_and_region_unless_the_arguments_do() {
    let scope = |words: &[&str]| {
        let text = sign(&[words, &["--print", "sts"]].concat());
        text.lines().nth(2).unwrap().to_owned()
    };
    assert_eq!(
        scope(&["https://sts.eu-west-1.amazonaws.com/"]),
        "20150830/eu-west-1/sts/aws4_request"
    );
    assert_eq!(
        scope(&[
            "--region",
            "eu-west-2",
            "--service",
            "x",
            "https://sts.eu-west-1.amazonaws.com/"
        ]),
        "20150830/eu-west-2/x/aws4_request"
    );
    assert_eq!(
        scope(&["--service", "es", "http://localhost:9200/"]),
        "20150830/us-east-1/es/aws4_request"
    );
    let stderr = home().keyfob(["sign", "http://localhost/"]).fails(252);
    assert_has(&stderr, &["localhost", "--service"]);
}

#[test]
fn a_host_header_takes_the_place_of_the_host_in_the_url() {
    let tunnel = [
        "-H",
        "Host: iam.amazonaws.com",
        "http://localhost:8443/?Action=ListUsers&Version=2010-05-08",
    ];
    let canonical = |words: &[&str]| sign(&[words, &["--print", "canonical"]].concat());
    assert_eq!(canonical(&tunnel), canonical(&[LIST_USERS]));
}

#[test]
fn s3_signs_the_hash_of_the_body_and_does_not_normalise() {
    let url = "https://bucket.s3.eu-west-1.amazonaws.com/a//../b%20c";
    let canonical = sign(&["--print", "canonical", url]);
    assert!(canonical.starts_with("GET\n/a//../b%20c\n"), "{canonical}");
    assert_has(&sign(&[url]), &["x-amz-content-sha256: e3b0c442"]);
    assert_has(
        &sign(&["--unsigned-payload", url]),
        &["x-amz-content-sha256: UNSIGNED-PAYLOAD"],
    );
}

#[test]
fn the_session_token_goes_along() {
    let home = home().with("AWS_SESSION_TOKEN", "to/ken+");
    let headers = home.keyfob(["sign", LIST_USERS]).ok();
    assert_has(&headers, &["x-amz-security-token: to/ken+\n"]);
    let url = home.keyfob(["sign", "--auth", "query", LIST_USERS]).ok();
    assert_has(&url, &["X-Amz-Security-Token=to%2Fken%2B"]);
}

#[test]
fn bad_requests_are_named_without_their_header_values() {
    let refuse = |words: &[&str]| home().keyfob(["sign"].iter().chain(words)).fails(252);
    assert_has(&refuse(&["nonsense", "--service", "x"]), &["nonsense"]);
    assert_has(&refuse(&["-X", "G E T", LIST_USERS]), &["G E T"]);
    assert_has(
        &refuse(&["--at", "yesterday", LIST_USERS]),
        &["--at", "yesterday"],
    );
    assert_lacks(&refuse(&["-H", "canary", LIST_USERS]), &["canary"]);
    assert_has(
        &refuse(&["--request-file", "x", LIST_USERS]),
        &["cannot be used with"],
    );
    let missing = home()
        .keyfob(["sign", "--request-file", "missing"])
        .fails(255);
    assert_has(&missing, &["missing"]);
}

/// The answer of a server to the request that `sign` makes of `words`, with a change.
fn answer(words: &[&str], change: impl Fn(&str) -> String) -> String {
    let json: Value = serde_json::from_str(&sign(&[words, &["--print", "json"]].concat())).unwrap();
    let text = |name: &str| change(json[name].as_str().unwrap()).replace('&', "&amp;");
    format!(
        "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>{}</StringToSign><CanonicalRequest>{}</CanonicalRequest></Error>",
        text("string_to_sign"),
        text("canonical_request"),
    )
}

fn compare(words: &[&str], answer: &str) -> crate::keyfob::Run {
    home().keyfob_with_input(["sign", "compare", "-"].iter().chain(words), answer)
}

/// The moment of signing comes from the answer.
#[test]
fn compare_names_the_difference_and_its_cause() {
    let url = ["https://bucket.s3.eu-west-1.amazonaws.com/a%20b?list-type=2&a=b"];
    let twice = answer(&url, |text| text.replace("%20", "%2520"));
    let out = compare(&url, &twice).ok();
    assert!(
        out.starts_with("the path differs: signed \"/a%20b\", expected \"/a%2520b\"; "),
        "{out}"
    );
    let json = compare(&[&url[..], &["--output", "json"]].concat(), &twice).json();
    assert_eq!(json[0]["Theirs"], "/a%2520b");

    let same = answer(&url, str::to_owned);
    assert_has(&compare(&url, &same).ok(), &["secret"]);
    let elsewhere = [url[0], "--region", "us-east-1"];
    let out = compare(&elsewhere, &same).ok();
    assert!(
        out.starts_with("the region differs: signed \"us-east-1\", expected \"eu-west-1\"; "),
        "{out}"
    );
}

#[test]
fn compare_needs_something_to_compare() {
    let url = ["https://bucket.s3.eu-west-1.amazonaws.com/"];
    let stderr = compare(&url, "<Error><Code>AccessDenied</Code></Error>").fails(255);
    assert_has(
        &stderr,
        &[
            "AccessDenied",
            "neither a canonical request nor a string to sign",
        ],
    );
    compare(&url, "").fails(255);
    assert_has(&compare(&[], "").fails(252), &["URL"]);
    home()
        .keyfob(["sign", "compare", "missing", url[0]])
        .fails(255);
}

#[test]
fn v4a_signs_for_a_set_of_regions() {
    let url = "https://bucket.s3.eu-west-1.amazonaws.com/key";
    let json: Value = serde_json::from_str(&sign(&[
        "--algorithm",
        "v4a",
        "--region-set",
        "us-*,eu-west-1",
        "--print",
        "json",
        url,
    ]))
    .unwrap();
    assert_eq!(json["headers"]["x-amz-region-set"], "us-*,eu-west-1");
    let authorization = json["headers"]["authorization"].as_str().unwrap();
    assert_has(
        authorization,
        &["AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/s3/aws4_request, "],
    );
    let of_host = sign(&["--algorithm", "v4a", url]);
    assert_has(&of_host, &["x-amz-region-set: eu-west-1\n"]);
    let query = sign(&["--algorithm", "v4a", "--auth", "query", url]);
    assert_has(
        &query,
        &[
            "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256",
            "X-Amz-Region-Set=eu-west-1",
        ],
    );
    let refuse = |words: &[&str]| home().keyfob(["sign"].iter().chain(words)).fails(252);
    assert_has(&refuse(&["--region-set", "*", url]), &["--algorithm v4a"]);
    refuse(&["--algorithm", "v4a", "--region-set", "a b", url]);
}
