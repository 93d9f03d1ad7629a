//! Operations whose host has something before that of their service, behind a proxy.

use std::sync::mpsc;

use crate::{
    answers::start_echo,
    keyfob::{Home, Run},
    python,
    resigning::{home, python_behind_proxy},
};

/// A home whose connections to AWS go to a server that tells where to, and refuses each.
fn recorded() -> (Home, mpsc::Receiver<String>) {
    let (url, requests) = start_echo();
    let home = home()
        .with("AWS_REGION", "us-west-2")
        .with("HTTPS_PROXY", &url);
    (home, requests)
}

fn hosts(requests: &mpsc::Receiver<String>) -> Vec<String> {
    let hosts = requests.try_iter().map(|request| {
        let target = request.strip_prefix("CONNECT ").unwrap_or(&request);
        target.split(':').next().unwrap_or_default().to_owned()
    });
    hosts.collect()
}

/// Sends a request for an operation of the models to the proxy. Returns its host, and the answer.
const SEND: &str = r#"
import http.client, os, re, urllib.parse
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.endpoint_provider import EndpointProvider

session = botocore.session.get_session()
REGION = "us-west-2"
keys = session.get_credentials()
loader = session.get_component("data_loader")
partitions = loader.load_data("partitions")

def models():
    for service in session.get_available_services():
        model = session.get_service_model(service)
        for name in model.operation_names:
            yield service, model, model.operation_model(name)

def send(service, model, operation):
    rules = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
    given = {one.name: one.value for one in operation.static_context_parameters}
    # The rules would put the account there, too.
    given.pop("RequiresAccountId", None)
    if service == "s3" and "UseObjectLambdaEndpoint" not in given:
        given = {"Bucket": "x", **given}
    found = rules.resolve_endpoint(Region=REGION, UseFIPS=False, UseDualStack=False, **given)
    host = urllib.parse.urlsplit(found.url).hostname
    scope = found.properties.get("authSchemes", [{}])[0].get("signingName", model.signing_name)
    prefix = (operation.endpoint or {}).get("hostPrefix", "")
    method, path = operation.http["method"], re.sub("{.*?}", "x", operation.http["requestUri"])
    headers, body = {}, "" if method == "GET" else "{}"
    for label in re.findall("{(.*?)}", prefix):
        prefix = prefix.replace("{%s}" % label, "a1")
        headers[operation.input_shape.members[label].serialization["name"]] = "a1"
    protocol, target = model.metadata["protocol"], model.metadata.get("targetPrefix")
    if protocol == "query":
        body = f"Action={operation.name}&Version=1"
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif target:
        headers["X-Amz-Target"] = f"{target}.{operation.name}"
    elif protocol == "smithy-rpc-v2-cbor":
        headers["Smithy-Protocol"] = "rpc-v2-cbor"
        path = f"/service/x/operation/{operation.name}"
    identifier = str(model.service_id).replace(" ", "_").replace("-", "_").upper()
    base = os.environ.get(f"AWS_ENDPOINT_URL_{identifier}", os.environ["AWS_ENDPOINT_URL"])
    request = AWSRequest(method, base + path, headers, body.encode())
    SigV4Auth(keys, scope, REGION).add_auth(request)
    url = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection(url.hostname, url.port)
    whole = url.path + ("?" + url.query if url.query else "")
    connection.request(method, whole, request.data, dict(request.headers))
    return prefix + host, connection.getresponse().read().decode()
"#;

/// Does so for each operation with more before its host, and prints that. The hosts of the data of
/// Neptune have another form.
const ALL: &str = r#"
for service, model, operation in models():
    if (operation.endpoint or {}).get("hostPrefix") and service != "neptune-graph":
        host, text = send(service, model, operation)
        assert "did not answer" in text, (service, operation.name, text)
        print(host)
"#;

/// Does so for each operation whose answer has secret keys of AWS, and prints those that pass.
const KEYS: &str = r#"
def has_keys(shape, seen):
    if shape is None or shape.name in seen:
        return False
    seen.add(shape.name)
    if shape.type_name == "structure":
        names = {name.lower().replace("_", "") for name in shape.members}
        if "secretaccesskey" in names:
            return True
        return any(has_keys(inner, seen) for inner in shape.members.values())
    inner = {"list": ["member"], "map": ["key", "value"]}.get(shape.type_name, [])
    return any(has_keys(getattr(shape, name), seen) for name in inner)

count = 0
for service, model, operation in models():
    if has_keys(operation.output_shape, set()):
        count += 1
        host, text = send(service, model, operation)
        if "--allow-credentials" not in text:
            print(service, operation.name, "did not answer" in text)
assert count > 30, count
"#;

#[test]
fn no_operation_of_the_models_gives_out_keys_of_aws() {
    let (home, requests) = recorded();
    let python = python::with_botocore();
    let passed = python_behind_proxy(&home, &python, &format!("{SEND}{KEYS}")).ok();
    assert_eq!(passed, "");
    assert_eq!(hosts(&requests).len(), 0);
}

#[test]
fn the_hosts_of_all_operations_with_more_before_them_are_those_of_botocore() {
    let (home, requests) = recorded();
    let python = python::with_botocore();
    let python = python.to_str().unwrap();
    let program = format!("{SEND}{ALL}");
    let words = [
        "exec",
        "--via-proxy",
        "--allow-credentials",
        "--",
        python,
        "-c",
        &program,
    ];
    let expected = home.keyfob(words).ok();
    let expected: Vec<_> = expected.lines().collect();
    assert!(expected.len() > 700, "{}", expected.len());
    let found = hosts(&requests);
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let wrong: Vec<_> = pairs
        .filter(|(found, expected)| *found != expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn boto3_and_aws_leave_what_stands_before_the_host_to_the_proxy() {
    let (home, requests) = recorded();
    let python = python::tool("python");
    let program = "
import boto3
from botocore.config import Config
once = Config(retries={'total_max_attempts': 1})
def call(service, name, **parameters):
    try:
        getattr(boto3.client(service, config=once), name)(**parameters)
    except Exception as error:
        print(error.response['ResponseMetadata']['HTTPStatusCode'])
call('stepfunctions', 'start_sync_execution', stateMachineArn='arn:x')
call('stepfunctions', 'list_state_machines')
call('logs', 'start_live_tail', logGroupIdentifiers=['a'])
call('omics', 'list_runs')
call('deadline', 'list_farms')
";
    let answered = python_behind_proxy(&home, &python, program).ok();
    assert_eq!(answered, "502\n".repeat(5));
    let of = |front: &str| format!("{front}.us-west-2.amazonaws.com");
    let expected = [
        of("sync-states"),
        of("states"),
        of("stream-logs"),
        of("workflows-omics"),
        of("management.deadline"),
    ];
    assert_eq!(hosts(&requests), expected);
    let aws = python::tool("aws");
    let home = home.with("AWS_MAX_ATTEMPTS", "1");
    let words = ["exec", "--via-proxy", "--", aws.to_str().unwrap()];
    let more = ["iotsitewise", "list-portals"];
    let run: Run = home.keyfob([&words[..], &more].concat());
    assert_ne!(run.code, 0, "{run:?}");
    assert_eq!(hosts(&requests), [of("monitor.iotsitewise")]);
}
