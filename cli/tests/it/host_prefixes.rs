//! Operations whose host has something before that of their service, behind a proxy.

use std::sync::mpsc;

use crate::{
    answers::start_echo,
    keyfob::{Home, Run},
    python,
    resigning::home,
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

/// Sends a request for each such operation of the models, and prints its host.
const ALL: &str = r#"
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
for service in session.get_available_services():
    model = session.get_service_model(service)
    for name in model.operation_names:
        operation = model.operation_model(name)
        prefix = (operation.endpoint or {}).get("hostPrefix")
        # The hosts of the data of Neptune have another form.
        if not prefix or service == "neptune-graph":
            continue
        rules = EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions)
        given = {one.name: one.value for one in operation.static_context_parameters}
        # The rules would put the account there, too.
        given.pop("RequiresAccountId", None)
        found = rules.resolve_endpoint(Region=REGION, UseFIPS=False, UseDualStack=False, **given)
        host = urllib.parse.urlsplit(found.url).hostname
        scope = found.properties.get("authSchemes", [{}])[0].get("signingName", model.signing_name)
        headers = {}
        for label in re.findall("{(.*?)}", prefix):
            prefix = prefix.replace("{%s}" % label, "a1")
            headers[operation.input_shape.members[label].serialization["name"]] = "a1"
        if not model.metadata["protocol"].startswith("rest"):
            headers["X-Amz-Target"] = f"{model.metadata['targetPrefix']}.{name}"
        identifier = str(model.service_id).replace(" ", "_").replace("-", "_").upper()
        base = os.environ.get(f"AWS_ENDPOINT_URL_{identifier}", os.environ["AWS_ENDPOINT_URL"])
        path = re.sub("{.*?}", "x", operation.http["requestUri"])
        method = operation.http["method"]
        request = AWSRequest(method, base + path, headers, b"{}" if method != "GET" else b"")
        SigV4Auth(keys, scope, REGION).add_auth(request)
        url = urllib.parse.urlsplit(request.url)
        connection = http.client.HTTPConnection(url.hostname, url.port)
        target = url.path + ("?" + url.query if url.query else "")
        connection.request(method, target, request.data, dict(request.headers))
        answer = connection.getresponse()
        text = answer.read().decode()
        assert answer.status == 502 and "did not answer" in text, (service, name, text)
        print(prefix + host)
"#;

#[test]
fn the_hosts_of_all_operations_with_more_before_them_are_those_of_botocore() {
    let (home, requests) = recorded();
    let python = python::with_botocore();
    let python = python.to_str().unwrap();
    let words = [
        "exec",
        "--via-proxy",
        "--allow-credentials",
        "--",
        python,
        "-c",
        ALL,
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
    let words = [
        "exec",
        "--via-proxy",
        "--",
        python.to_str().unwrap(),
        "-c",
        program,
    ];
    assert_eq!(home.keyfob(words).ok(), "502\n".repeat(5));
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
