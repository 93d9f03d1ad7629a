use std::fs;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::Value;

use crate::{
    keyfob::{Home, Run, assert_has, assert_lacks},
    servers::{Server, fetch},
};

/// One test for all checks, because each test would start a server of its own.
#[test]
fn every_signed_call_satisfies_ministack() {
    let server = Server::ministack();
    callers_are_known(&server);
    sessions_work(&server);
    a_trust_policy_refuses(&server);
    a_wrong_secret_is_refused(&server);
    presigned_urls_work(&server);
    forms_upload(&server);
    both_algorithms_are_accepted(&server);
    a_refusal_is_explained(&server);
    policies_are_simulated(&server);
    calls_need_no_model(&server);
    tokens_are_accepted(&server);
    standard_input_is_stored(&server);
    a_key_is_rotated(&server);
}

/// The token of EKS is a request to STS, which knows the cluster by a signed header.
fn tokens_are_accepted(server: &Server) {
    let home = server.home();
    let words = ["eks", "get-token", "--cluster-name", "c"];
    let words = [&words[..], &["--query", "status.token", "--output", "text"]].concat();
    let token = home.keyfob(words).ok();
    let token = token.trim().strip_prefix("k8s-aws-v1.").unwrap();
    let url = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).unwrap()).unwrap();
    let who = fetch("GET", &url, &[("x-k8s-aws-id", "c")], "");
    assert_has(&who, &["HTTP/1.1 200", ":user/robot"]);
    let other = fetch("GET", &url, &[("x-k8s-aws-id", "d")], "");
    assert_has(&other, &["HTTP/1.1 403"]);
    let password = home.keyfob(["ecr", "get-login-password"]).ok();
    assert!(!password.trim().is_empty());
    let wrong = server.home_without_key().with_key(&server.key_id, "wrong");
    wrong.keyfob(["ecr", "get-login-password"]).fails(254);
}

/// Returns the command that puts standard input, with more words, the last of which is the URL.
fn put<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let put = "request -f -X PUT --service s3 --data-binary @-";
    put.split(' ').chain(more.iter().copied()).collect()
}

fn standard_input_is_stored(server: &Server) {
    put_from_standard_input(server, "bucket");
    let url = format!("{}/bucket/short", server.url);
    let head = server
        .home()
        .keyfob(["request", "-I", "--service", "s3", &url])
        .ok();
    assert_has(&head, &["200 OK", "content-length: 7"]);
    assert_lacks(&head, &["content-encoding"]);
    // Each chunk is signed, the first with the seed of the head.
    let wrong = server.home_without_key().with_key(&server.key_id, "wrong");
    let url = format!("{}/bucket/wrong", server.url);
    let stderr = wrong.keyfob_with_input(put(&[&url]), "content").fails(22);
    assert_has(&stderr, &["(SignatureDoesNotMatch)"]);
}

/// Puts objects of one chunk and of several with `keyfob request`, in signed chunks, and reads them
/// back.
pub(crate) fn put_from_standard_input(server: &Server, bucket: &str) {
    let home = server.home();
    for (key, length) in [("short", 7), ("a b+%C3%BC/long", 200_001)] {
        let input: String = ('a'..='z').cycle().take(length).collect();
        let url = format!("{}/{bucket}/{key}", server.url);
        let run = home.keyfob_with_input(put(&["-v", &url]), &input);
        assert_has(&run.stderr, &["STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]);
        run.ok();
        for auth in ["header", "query"] {
            let get = ["request", "-f", "--service", "s3", "--auth", auth, &url];
            let back = home.keyfob(get).ok();
            assert!(back == input, "{key} {auth}: {} bytes", back.len());
        }
    }
}

/// One service of each protocol.
fn calls_need_no_model(server: &Server) {
    let call = |words: &[&str]| server.home().keyfob([&["api"], words].concat()).json();
    let parameter = [
        "--param",
        "Name=/app/url",
        "--param",
        "Value=u",
        "--param",
        "Type=String",
    ];
    call(&[&["ssm", "PutParameter"], &parameter[..]].concat());
    let read = call(&["ssm", "GetParameter", "--param", "Name=/app/url"]);
    assert_eq!(read["Parameter"]["Value"], "u");
    let queue = call(&["sqs", "CreateQueue", "--param", "QueueName=q"]);
    assert_has(queue["QueueUrl"].as_str().unwrap(), &["/q"]);
    let topic = call(&["sns", "CreateTopic", "--param", "Name=t"]);
    let topics = call(&["sns", "ListTopics"]);
    assert_eq!(topics["Topics"][0]["TopicArn"], topic["TopicArn"]);
    let regions = call(&[
        "ec2",
        "DescribeRegions",
        "--param",
        "RegionName=[\"us-east-1\"]",
    ]);
    assert_eq!(regions["regionInfo"][0]["regionName"], "us-east-1");
}

/// The user may do anything, and a new role nothing.
fn policies_are_simulated(server: &Server) {
    let home = server.home();
    let trust = r#"{"Version": "2012-10-17", "Statement": []}"#;
    let role = server.role("idle", trust);
    let out = home
        .keyfob(["can", "s3:GetObject", "arn:aws:s3:::b/k"])
        .ok();
    assert_has(
        &out,
        &[":user/robot\nallowed     s3:GetObject on arn:aws:s3:::b/k\n"],
    );
    let run = home.keyfob(["can", "s3:GetObject", "--and-as", &role]);
    assert_eq!(run.code, 1, "{run:?}");
    let compared = "user/robot may do s3:GetObject on *\nsimulated ";
    assert_has(&run.stdout, &["denied      s3:GetObject on *\n", compared]);
    // The role of a session is found by its name.
    let assume = [
        "sts",
        "assume-role",
        "--role-session-name",
        "ada",
        "--role-arn",
    ];
    let session = home
        .keyfob(assume.iter().chain(&[server.role_arn.as_str()]))
        .json();
    let arn = session["AssumedRoleUser"]["Arn"].as_str().unwrap();
    let run = home.keyfob(["can", "s3:GetObject", "--as", arn]);
    assert_has(
        &run.stdout,
        &[&format!("principal   {}\n", server.role_arn)],
    );
}

fn callers_are_known(server: &Server) {
    let identity = server.home().keyfob(["sts", "get-caller-identity"]).json();
    assert_has(identity["Arn"].as_str().unwrap(), &[":user/robot"]);
    let out = server.home().keyfob(["whoami"]).ok();
    assert_has(&out, &[":user/robot", "environment variables", &server.url]);
}

fn sessions_work(server: &Server) {
    let assume = [
        "sts",
        "assume-role",
        "--role-session-name",
        "s@x",
        "--role-arn",
        &server.role_arn,
    ];
    let role = server.home().keyfob(assume).json();
    let arn = arn_of_session(server, &role);
    assert_has(&arn, &["assumed-role/app/s@x"]);
    let session = server
        .home()
        .keyfob(["sts", "get-session-token", "--duration-seconds", "900"])
        .json();
    arn_of_session(server, &session);
}

/// The user may do anything, but the role trusts another one.
fn a_trust_policy_refuses(server: &Server) {
    let account = server.account();
    let trust = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {{"AWS": "arn:aws:iam::{account}:user/other"}}}}]}}"#
    );
    let role = server.role("closed", &trust);
    let words = [
        "sts",
        "assume-role",
        "--role-session-name",
        "ada",
        "--role-arn",
    ];
    let home = server.home();
    let stderr = home.keyfob(words.iter().chain(&[role.as_str()])).fails(254);
    let text = "An error occurred (AccessDenied) when calling the AssumeRole operation: ";
    assert_has(&stderr, &[text]);
}

/// Last, because the key of the other checks is gone then.
fn a_key_is_rotated(server: &Server) {
    let home = server.home_with_profile();
    let out = home.keyfob(["keys", "rotate", "--grace", "0"]).ok();
    let deleted = format!("deleted   {}\n", server.key_id);
    assert_has(&out, &["in [robot] of ~/.aws/credentials", &deleted]);
    let keys = home.keyfob(["keys", "list", "--json"]).json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "{keys}");
    assert_eq!(keys["keys"][0]["profiles"][0], "robot");
    let old = server.home().keyfob(["sts", "get-caller-identity"]);
    assert_has(&old.fails(254), &["(InvalidClientTokenId)"]);
}

/// Returns the ARN that the credentials in an answer belong to.
fn arn_of_session(server: &Server, answer: &Value) -> String {
    let key = |name: &str| answer["Credentials"][name].as_str().unwrap();
    let home = server
        .home_without_key()
        .with_key(key("AccessKeyId"), key("SecretAccessKey"))
        .with("AWS_SESSION_TOKEN", key("SessionToken"));
    let identity = home.keyfob(["sts", "get-caller-identity"]).json();
    identity["Arn"].as_str().unwrap().to_owned()
}

fn a_wrong_secret_is_refused(server: &Server) {
    let home = server
        .home_without_key()
        .with_key(&server.key_id, "canary/wrong/secret");
    let stderr = home.keyfob(["sts", "get-caller-identity"]).fails(254);
    assert_has(
        &stderr,
        &[
            "An error occurred (SignatureDoesNotMatch) when calling the GetCallerIdentity operation: ",
            "hint: the secret access key does not belong to this access key id",
        ],
    );
    assert_lacks(&stderr, &["canary"]);
}

fn presigned_urls_work(server: &Server) {
    let home = server.home();
    for key in ["plain.txt", "a b/+ü=&;%41.txt"] {
        let uri = format!("s3://bucket/{key}");
        let presign = |home: &Home, more: &[&str]| {
            let line = ["s3", "presign", &uri, "--expires-in", "60"];
            home.keyfob(line.iter().chain(more)).ok().trim().to_owned()
        };
        let put = presign(&home, &["--method", "PUT", "--content-type", "text/x-test"]);
        let answer = fetch("PUT", &put, &[("Content-Type", "text/x-test")], "content");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let get = presign(&home, &[]);
        let answer = fetch("GET", &get, &[], "");
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.ends_with("content"),
            "{answer}"
        );
        let delete = fetch("DELETE", &get, &[], "");
        assert!(
            delete.starts_with("HTTP/1.1 403"),
            "the method is signed: {delete}"
        );
    }
    let wrong = server.home_without_key().with_key(&server.key_id, "wrong");
    let url = wrong
        .keyfob(["s3", "presign", "s3://bucket/plain.txt"])
        .ok();
    let answer = fetch("GET", url.trim(), &[], "");
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_has(&answer, &["SignatureDoesNotMatch"]);
}

/// A real client posts what is printed, and the file is there with its name, its type and its
/// metadata.
fn forms_upload(server: &Server) {
    let home = server.home();
    let upload = |file: &str, more: &[&str]| {
        fs::write(home.path().join(file), format!("content of {file}")).unwrap();
        let line = ["s3", "presign", "s3://bucket/in/${filename}", "--post"];
        let curl = home.keyfob(line.iter().chain(more)).ok();
        let mut shell = home.program("sh");
        shell.args(["-c", &curl.replace("@FILE", &format!("'@{file}'"))]);
        Run::new(shell.output().unwrap())
    };
    let curl = ["--print", "curl", "--content-type", "text/x-test"];
    let more = [&curl[..], &["--field", "x-amz-meta-note=@a 'b'"]].concat();
    let run = upload("a b.txt", &more);
    assert_eq!(run.code, 0, "{run:?}");
    let get = ["s3", "presign", "s3://bucket/in/a b.txt"];
    let url = home.keyfob(get).ok();
    let answer = fetch("GET", url.trim(), &[], "");
    assert_has(
        &answer.to_lowercase(),
        &["http/1.1 200", "text/x-test", "x-amz-meta-note: @a 'b'"],
    );
    assert!(answer.ends_with("content of a b.txt"), "{answer}");
    let large = [&curl[..], &["--max-size", "5"]].concat();
    assert_ne!(upload("large.txt", &large).code, 0);
}

/// Signs a request with `keyfob sign`, sends it, and returns the response.
fn send(server: &Server, home: &Home, words: &[&str]) -> String {
    let url = format!("{}/bucket/plain.txt", server.url);
    let line = [&["sign", "--service", "s3", "--print", "json", &url], words].concat();
    let signed = home.keyfob(line).json();
    let headers = signed["headers"].as_object().unwrap();
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    fetch("GET", signed["url"].as_str().unwrap(), &headers, "")
}

fn both_algorithms_are_accepted(server: &Server) {
    for algorithm in ["v4", "v4a"] {
        for auth in ["header", "query"] {
            let words = ["--algorithm", algorithm, "--auth", auth];
            let answer = send(server, &server.home(), &words);
            assert!(
                answer.starts_with("HTTP/1.1 200"),
                "{algorithm} {auth}: {answer}"
            );
            let wrong = server.home_without_key().with_key(&server.key_id, "wrong");
            let answer = send(server, &wrong, &words);
            assert!(
                answer.starts_with("HTTP/1.1 403"),
                "{algorithm} {auth}: {answer}"
            );
        }
    }
}

fn a_refusal_is_explained(server: &Server) {
    let wrong = server.home_without_key().with_key(&server.key_id, "wrong");
    let answer = send(server, &wrong, &[]);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let url = format!("{}/bucket/plain.txt", server.url);
    let compare = |url: &str| {
        let line = ["sign", "compare", "-", "--service", "s3", url];
        wrong.keyfob_with_input(line, body).ok()
    };
    assert_has(&compare(&url), &["secret"]);
    assert!(compare(&format!("{url}2")).starts_with("the path differs: "));
}
