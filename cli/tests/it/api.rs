//! `keyfob api`: calls without a model.

use std::{fs, sync::mpsc::Receiver};

use crate::{
    answers::{answer, start_server},
    keyfob::{Home, Run, assert_has, assert_lacks},
};

fn home() -> Home {
    Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
        .with("AWS_MAX_ATTEMPTS", "2")
}

fn api(body: &str, words: &[&str]) -> (Run, Receiver<String>) {
    let (url, bodies) = start_server(&answer("200 OK", body));
    let run = home().keyfob([&["api", "--endpoint-url", &url], words].concat());
    (run, bodies)
}

#[test]
fn a_service_of_json_gets_an_object_and_the_answer_is_printed_in_all_formats() {
    let body = r#"{"Parameter": {"Value": "u", "Version": 2, "Tags": ["a", "b"]}}"#;
    let words = [
        "ssm",
        "GetParameter",
        "--param",
        "Name=/app/url",
        "--param",
        "Count=7",
        "--param",
        "Text=\"7\"",
        "--param",
        "Tags=[{\"Key\": \"a.b\"}]",
        "--param",
        "On=true",
    ];
    let (run, bodies) = api(body, &words);
    assert_eq!(run.json()["Parameter"]["Version"], 2);
    assert_eq!(
        bodies.recv().unwrap(),
        r#"{"Name":"/app/url","Count":7,"Text":"7","Tags":[{"Key":"a.b"}],"On":true}"#
    );
    let query = ["--query", "Parameter.[Value,Version]", "--output", "text"];
    let (run, _) = api(body, &[&words[..2], &query].concat());
    assert_eq!(run.ok(), "u\t2\n");
    let (run, _) = api(body, &[&words[..2], &["--output", "yaml"]].concat());
    assert_has(&run.ok(), &["Parameter:\n  Tags:\n  - a\n  - b\n"]);
    // An empty answer prints nothing, and an empty request is an object.
    let (run, bodies) = api("", &words[..2]);
    assert_eq!(run.ok(), "");
    assert_eq!(bodies.recv().unwrap(), "{}");
}

#[test]
fn a_service_of_query_gets_a_form_and_its_xml_becomes_json() {
    let body = "<DescribeStacksResponse xmlns=\"urn:x\"><DescribeStacksResult><Stacks><member>\
                <StackName>app</StackName><Outputs/><Parameters><member><Key>a &amp; b</Key>\
                </member></Parameters><Labels><entry><key>k.1</key><value>v</value></entry>\
                </Labels><Twice><entry><key>k</key><value>1</value></entry><entry><key>k</key>\
                <value>2</value></entry></Twice><Part>1</Part><Part>2</Part></member></Stacks></DescribeStacksResult>\
                <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
                </DescribeStacksResponse>";
    let words = [
        "cloudformation",
        "DescribeStacks",
        "--param",
        "StackName=app",
        "--param",
        "Tags=[{\"Key\": \"k\", \"Values\": [1, true]}]",
        "--param",
        "Filter.member.1=x",
    ];
    let (run, bodies) = api(body, &words);
    let expected = r#"{"Stacks":[{"StackName":"app","Outputs":"","Parameters":[{"Key":"a & b"}],"Labels":{"k.1":"v"},"Twice":{"entry":[{"key":"k","value":"1"},{"key":"k","value":"2"}]},"Part":["1","2"]}]}"#;
    assert_eq!(run.json().to_string(), expected);
    assert_eq!(
        bodies.recv().unwrap(),
        "Action=DescribeStacks&Version=2010-05-15&StackName=app&Tags.member.1.Key=k&\
         Tags.member.1.Values.member.1=1&Tags.member.1.Values.member.2=true&Filter.member.1=x"
    );
    let (run, _) = api(
        "<DeleteStackResponse><ResponseMetadata/></DeleteStackResponse>",
        &["cloudformation", "DeleteStack"],
    );
    assert_eq!(run.ok(), "");
}

#[test]
fn ec2_has_lists_without_member_and_no_id_of_the_request() {
    let body = "<DescribeRegionsResponse><requestId>r</requestId><regionInfo><item><regionName>a\
                </regionName></item></regionInfo></DescribeRegionsResponse>";
    let (run, bodies) = api(
        body,
        &[
            "ec2",
            "DescribeRegions",
            "--param",
            "RegionName=[\"a\", \"b\"]",
            "--param",
            "X.1.Y=z",
        ],
    );
    assert_eq!(
        run.json().to_string(),
        r#"{"regionInfo":[{"regionName":"a"}]}"#
    );
    assert_eq!(
        bodies.recv().unwrap(),
        "Action=DescribeRegions&Version=2016-11-15&RegionName.1=a&RegionName.2=b&X.1.Y=z"
    );
}

#[test]
fn values_of_a_form_are_texts_as_they_are_and_lists_and_maps_have_brackets() {
    let policy = r#"{"Version": "2012-10-17", "Statement": []}"#;
    let encoded = "%7B%22Version%22%3A%20%222012-10-17%22%2C%20%22Statement%22%3A%20%5B%5D%7D";
    let text = home();
    fs::write(text.path().join("list"), "[a]").unwrap();
    let (url, bodies) = start_server(&answer("200 OK", "<DescribeThingsResponse/>"));
    for (value, sent) in [
        ("1e3", "P=1e3"),
        ("null", "P=null"),
        ("007", "P=007"),
        ("true", "P=true"),
        ("1.50", "P=1.50"),
        ("\"7\"", "P=%227%22"),
        ("", "P="),
        (policy, &format!("P={encoded}")),
        ("[a] b", "P=%5Ba%5D%20b"),
        ("file://list", "P=%5Ba%5D"),
        ("[a,\"b,c\"]", "P.1=a&P.2=b%2Cc"),
        ("[007, 1e3x]", "P.1=007&P.2=1e3x"),
        ("[1e3,null,x]", "P.1=1e3&P.2=null&P.3=x"),
        ("{A=b,C=[d,e],F={G=h}}", "P.A=b&P.C.1=d&P.C.2=e&P.F.G=h"),
        ("[{A=b},{A=c}]", "P.1.A=b&P.2.A=c"),
        (r#"[{"A": "b"}, {"A": 7}]"#, "P.1.A=b&P.2.A=7"),
    ] {
        let value = format!("P={value}");
        let words = [
            "api",
            "ec2",
            "DescribeThings",
            "--param",
            &value,
            "--endpoint-url",
            &url,
        ];
        text.keyfob(words).ok();
        let body = bodies.recv().unwrap();
        let expected = format!("Action=DescribeThings&Version=2016-11-15&{sent}");
        assert_eq!(body, expected, "{value}");
    }
    for pair in ["Action=DeleteAll", "Version=2000-01-01"] {
        for service in ["ec2", "sns"] {
            let line = ["api", service, "DescribeThings", "--param", pair];
            let stderr = home().keyfob(line).fails(252);
            assert_has(
                &stderr,
                &["is not a parameter of an operation: OPERATION and"],
            );
        }
    }
    // JSON has such members.
    let (run, bodies) = api("{}", &["kms", "DescribeKey", "--param", "Version=1"]);
    run.ok();
    assert_eq!(bodies.recv().unwrap(), r#"{"Version":1}"#);
}

#[test]
fn parameters_may_be_in_a_file_and_options_come_first() {
    let (url, bodies) = start_server(&answer("200 OK", "{}"));
    let home = home();
    fs::write(
        home.path().join("key.json"),
        r#"{"A": {"b": null}, "C": 1}"#,
    )
    .unwrap();
    fs::write(home.path().join("text"), "from a file").unwrap();
    let words = [
        "api",
        "dynamodb",
        "GetItem",
        "--cli-input-json",
        "file://key.json",
        "--param",
        "C=2",
        "--param",
        "D=file://text",
        "--endpoint-url",
        &url,
    ];
    home.keyfob(words).ok();
    assert_eq!(
        bodies.recv().unwrap(),
        r#"{"A":{"b":null},"C":2,"D":"from a file"}"#
    );
}

#[test]
fn a_service_that_no_table_has_is_described_by_options() {
    for (options, sent) in [
        (
            &["--protocol", "query", "--api-version", "2020-01-01"][..],
            "Action=GetThing&Version=2020-01-01&A.member.1=x",
        ),
        (
            &["--protocol", "ec2", "--api-version", "2020-01-01"],
            "Action=GetThing&Version=2020-01-01&A.1=x",
        ),
        (
            &["--protocol", "json", "--target-prefix", "New_2020"],
            r#"{"A":["x"]}"#,
        ),
    ] {
        let words = [&["new-one", "GetThing", "--param", "A=[\"x\"]"], options].concat();
        let body = if sent.starts_with('{') {
            "{}"
        } else {
            "<GetThingResponse><GetThingResult/></GetThingResponse>"
        };
        let (run, bodies) = api(body, &words);
        run.ok();
        assert_eq!(bodies.recv().unwrap(), sent);
    }
}

#[test]
fn what_does_more_than_read_is_not_sent_again_after_an_answer_that_is_none() {
    for (operation, expected) in [("DescribeKey", 2), ("CreateKey", 1), ("SendMessage", 1)] {
        let (url, bodies) = start_server(&answer("503 Service Unavailable", ""));
        let words = ["api", "kms", operation, "--endpoint-url", &url];
        home().keyfob(words).fails(254);
        assert_eq!(bodies.try_iter().count(), expected, "{operation}");
    }
}

#[test]
fn an_error_of_the_service_has_its_code_and_wrong_words_are_refused_without_sending() {
    let error = r#"{"__type": "com.amazonaws#NotFoundException", "message": "no key"}"#;
    let (url, _) = start_server(&answer("400 Bad Request", error));
    let words = ["api", "kms", "DescribeKey", "--endpoint-url", &url];
    let text = "An error occurred (NotFoundException) when calling the DescribeKey operation: \
                no key";
    assert_has(&home().keyfob(words).fails(254), &[text]);
    for (line, text) in [
        (
            "lambda Invoke",
            "`keyfob request URL` signs a request of any form",
        ),
        ("rpcv2-canary Get", "no service has this name"),
        (
            "canary/.. Get --protocol query --api-version 1",
            "SERVICE: write the name as `aws` has it",
        ),
        (
            "ec2. GetX --protocol query --api-version 1",
            "SERVICE: write the name as `aws` has it",
        ),
        ("KMS DescribeKey", "in small letters, such as kms"),
        (
            "kms describe-canary",
            "OPERATION: write its name as in the API reference",
        ),
        (
            "kms DescribeKey --param canary",
            "--param: write NAME=VALUE",
        ),
        (
            "kms DescribeKey --param A=1 --param canary",
            "--param (number 2): write NAME=VALUE",
        ),
        (
            "ec2 RunInstances --param A=1 --param A=canary",
            "--param (number 2): the parameter has a value already",
        ),
        (
            "kms DescribeKey --cli-input-json canary",
            "--cli-input-json: it is not a JSON object",
        ),
        (
            "kms DescribeKey --sandbox",
            "the sandbox has no kms: leave out --sandbox",
        ),
    ] {
        let words = format!("api --endpoint-url http://127.0.0.1:1 {line}");
        let stderr = home().keyfob(words.split(' ')).fails(252);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
    }
    let identity = home().keyfob(["--sandbox", "api", "sts", "GetCallerIdentity"]);
    // The key is not one of the sandbox.
    assert_has(
        &identity.fails(254),
        &["when calling the GetCallerIdentity operation"],
    );
}
