use std::net::TcpListener;

use serde_json::Value;

use crate::{
    keyfob::{Home, Run, assert_has},
    python,
    servers::Server,
};

/// moto verifies signatures with botocore's own code.
#[test]
fn signatures_satisfy_botocore() {
    let server = Server::moto();
    let identity = server.home().keyfob(["sts", "get-caller-identity"]).json();
    assert_has(identity["Arn"].as_str().unwrap(), &["robot"]);
    let assume = [
        "sts",
        "assume-role",
        "--role-session-name",
        "me",
        "--role-arn",
        &server.role_arn,
    ];
    server
        .home()
        .keyfob(
            assume
                .iter()
                .chain(&["--policy", "{\"Version\":\"2012-10-17\"}"]),
        )
        .ok();
    let wrong = server.home_without_key().with_key(&server.key_id, "wrong");
    let stderr = wrong.keyfob(["sts", "get-caller-identity"]).fails(254);
    assert_has(&stderr, &["(SignatureDoesNotMatch)", "hint: "]);
}

/// `aws` and `keyfob` print the same answer, byte for byte.
#[test]
fn the_output_is_that_of_aws() {
    let server = Server::moto();
    let home = server.home().with("AWS_DEFAULT_REGION", "us-east-1");
    let aws = |words: &[&str]| home.aws(words);
    for format in ["json", "text", "table"] {
        let words = ["--output", format, "sts", "get-caller-identity"];
        assert_eq!(home.keyfob(words).ok(), aws(&words).ok(), "{format}");
    }
    let words = ["--output", "table", "sts", "get-session-token"];
    let shape = |out: String| -> Vec<usize> { out.lines().map(str::len).collect() };
    // The expiry differs in each answer, and version 1 of aws shows the fraction of a second in it.
    let ours = shape(home.keyfob(words).ok());
    assert_eq!(ours.len(), shape(aws(&words).ok()).len());
}

/// The same for services with other protocols, with signatures that moto verifies.
#[test]
fn other_services_answer_as_to_aws() {
    let server = Server::moto();
    let home = server.home().with("AWS_DEFAULT_REGION", "us-east-1");
    let home = home.with_file("config", "[default]\ncli_timestamp_format = wire\n");
    for words in [
        &["iam", "list-access-keys", "--user-name", "robot"][..],
        &["iam", "get-user", "--output", "text"],
        &[
            "iam",
            "list-mfa-devices",
            "--user-name",
            "robot",
            "--max-items",
            "5",
        ],
        &[
            "ec2",
            "describe-regions",
            "--region-names",
            "eu-west-1",
            "us-west-2",
        ],
        &[
            "ec2",
            "describe-regions",
            "--filters",
            "Name=region-name,Values=eu-west-1,eu-west-2",
        ],
        &["ec2", "describe-instances", "--output", "table"],
        &[
            "service-quotas",
            "get-service-quota",
            "--service-code",
            "vpc",
            "--quota-code",
            "L-A4707A72",
        ],
    ] {
        let expected = home.aws(words).ok();
        assert_eq!(home.keyfob(words).ok(), expected, "{words:?}");
    }
    let stderr = home
        .keyfob(["iam", "get-user", "--user-name", "nobody"])
        .fails(254);
    let text = "An error occurred (NoSuchEntity) when calling the GetUser operation: ";
    assert_has(&stderr, &[text]);
    let quota = [
        "service-quotas",
        "get-service-quota",
        "--service-code",
        "vpc",
    ];
    let stderr = home
        .keyfob(quota.iter().chain(&["--quota-code", "L-0"]))
        .fails(254);
    assert_has(
        &stderr,
        &["An error occurred (NoSuchResourceException) when calling the GetServiceQuota"],
    );
    let refused = [
        "ec2",
        "describe-instances",
        "--instance-ids",
        "i-00000000000000000",
    ];
    let stderr = home.keyfob(refused).fails(254);
    assert_has(
        &stderr,
        &["(InvalidInstanceID.NotFound) when calling the DescribeInstances operation: "],
    );
}

#[test]
fn aws_and_boto3_read_the_files_of_configure_set() {
    let home = Home::new();
    for (name, value) in [
        ("profile.robot.aws_access_key_id", "AKIAROBOTEXAMPLE0000"),
        ("profile.robot.aws_secret_access_key", "se/cr+et"),
        ("profile.robot.region", "eu-west-1"),
        ("profile.robot.s3.addressing_style", "path"),
    ] {
        home.keyfob(["configure", "set", name, value]).ok();
    }
    let run = home.aws(&["configure", "get", "profile.robot.s3.addressing_style"]);
    assert_eq!(run.ok(), "path\n");
    let program = "
import boto3
session = boto3.Session(profile_name='robot')
key = session.get_credentials()
print(key.method, key.access_key, key.secret_key, session.region_name)
";
    let mut python = home.program(python::tool("python"));
    let run = Run::new(python.args(["-c", program]).output().unwrap());
    assert_eq!(
        run.ok(),
        "shared-credentials-file AKIAROBOTEXAMPLE0000 se/cr+et eu-west-1\n"
    );
}

#[test]
fn instances_start_stop_and_end_and_a_dry_run_starts_none() {
    let server = Server::moto();
    let home = server.home().with("AWS_DEFAULT_REGION", "us-east-1");
    let home = home.with_file("config", "[default]\ncli_timestamp_format = wire\n");
    // Moto reads its images when it is first asked for some.
    let patient = ["--max-items", "1", "--cli-read-timeout", "120"];
    let images = ["ec2", "describe-images", "--owners", "amazon"];
    let images = home.keyfob(images.iter().chain(&patient)).json();
    let image = images["Images"][0]["ImageId"].as_str().unwrap();
    let start = ["ec2", "run-instances", "--image-id", image];
    let options = [
        "--count",
        "2",
        "--instance-type",
        "t3.micro",
        "--tag-specifications",
        "ResourceType=instance,Tags=[{Key=team,Value=ci}]",
    ];
    let start = [&start[..], &options].concat();
    let tagged = ["--filters", "Name=tag:team,Values=ci"];
    let describe = [&["ec2", "describe-instances"][..], &tagged].concat();

    let stderr = home
        .keyfob([&start[..], &["--dry-run"]].concat())
        .fails(254);
    assert_has(
        &stderr,
        &["An error occurred (DryRunOperation) when calling the RunInstances operation: "],
    );
    home.keyfob([&start[..], &["--dry-run-exit"]].concat()).ok();
    assert_eq!(
        home.keyfob(&describe).json()["Reservations"],
        serde_json::json!([])
    );

    let started = home.keyfob(&start).json();
    let instances = started["Instances"].as_array().unwrap().iter();
    let ids: Vec<&str> = instances
        .map(|instance| instance["InstanceId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    for (command, list, state) in [
        ("stop-instances", "StoppingInstances", "stopping"),
        ("start-instances", "StartingInstances", "pending"),
        ("reboot-instances", "", ""),
        (
            "terminate-instances",
            "TerminatingInstances",
            "shutting-down",
        ),
    ] {
        let words = ["ec2", command, "--instance-ids"];
        let run = home.keyfob(words.iter().chain(&ids));
        if list.is_empty() {
            assert_eq!(run.ok(), "");
        } else {
            let answer = run.json();
            assert_eq!(answer[list][1]["InstanceId"], ids[1]);
            assert_eq!(answer[list][1]["CurrentState"]["Name"], state);
        }
        let words = [&describe[..], &["--output", "table"]].concat();
        let expected = home.aws(&words).ok();
        assert_eq!(home.keyfob(&words).ok(), expected, "{command}");
    }
}

#[test]
fn keys_and_roles_are_created_changed_and_deleted() {
    let server = Server::moto();
    let home = server.home().with("AWS_DEFAULT_REGION", "us-east-1");
    let home = home.with_file("config", "[default]\ncli_timestamp_format = wire\n");
    let iam = |words: &[&str]| home.keyfob([&["iam"], words].concat());
    let user = ["--user-name", "robot"];
    let created = iam(&[&["create-access-key"], &user[..]].concat()).json();
    let id = created["AccessKey"]["AccessKeyId"].as_str().unwrap();
    let stderr = iam(&[&["create-access-key"], &user[..]].concat()).fails(254);
    assert_has(
        &stderr,
        &["An error occurred (LimitExceeded) when calling the CreateAccessKey operation: "],
    );
    let key = [&["--access-key-id", id], &user[..]].concat();
    let inactive = [&["update-access-key", "--status", "Inactive"], &key[..]].concat();
    assert_eq!(iam(&inactive).ok(), "");
    let used = iam(&["get-access-key-last-used", "--access-key-id", id]).json();
    assert_eq!(used["UserName"], "robot");
    let keys = iam(&[&["list-access-keys"], &user[..]].concat()).json();
    assert_has(&keys.to_string(), &["Inactive"]);
    assert_eq!(iam(&[&["delete-access-key"], &key[..]].concat()).ok(), "");
    let keys = iam(&[&["list-access-keys"], &user[..]].concat()).json();
    assert_eq!(keys["AccessKeyMetadata"].as_array().unwrap().len(), 1);

    let role = ["--role-name", "deploy"];
    // Without spaces, which moto writes in another way before it checks the signature.
    let policy = |service: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\
             \"Action\":\"sts:AssumeRole\",\"Principal\":{{\"Service\":\"{service}\"}}}}]}}"
        )
    };
    for (command, option, service) in [
        (
            "create-role",
            "--assume-role-policy-document",
            "ec2.amazonaws.com",
        ),
        (
            "update-assume-role-policy",
            "--policy-document",
            "ecs.amazonaws.com",
        ),
    ] {
        iam(&[&[command, option, &policy(service)], &role[..]].concat()).ok();
        let get = [&["get-role"], &role[..]].concat();
        let answer = iam(&get).json();
        let statement = &answer["Role"]["AssumeRolePolicyDocument"]["Statement"][0];
        assert_eq!(statement["Principal"]["Service"], service);
        let words = [&["iam"], &get[..], &["--output", "text"]].concat();
        let expected = home.aws(&words).ok();
        assert_eq!(home.keyfob(&words).ok(), expected, "{command}");
    }
}

/// moto allows two keys a user, as IAM does.
#[test]
fn a_key_is_rotated_by_moto_unless_there_are_two() {
    let server = Server::moto();
    let home = server.home_with_profile();
    let second = home.keyfob(["iam", "create-access-key"]).json();
    let second = second["AccessKey"]["AccessKeyId"].as_str().unwrap();
    let stderr = home.keyfob(["iam", "create-access-key"]).fails(254);
    assert_has(&stderr, &["(LimitExceeded)"]);
    let stderr = home.keyfob(["keys", "rotate"]).fails(255);
    let line = format!("{second}  Active, never used, in no profile");
    assert_has(&stderr, &["has two access keys", &line]);
    home.keyfob(["iam", "delete-access-key", "--access-key-id", second])
        .ok();
    let answer = home.keyfob(["keys", "rotate", "--json"]).json();
    assert_eq!(answer["status"], "pending");
    assert_eq!(answer["old_access_key_id"], server.key_id.as_str());
    let keys = home.keyfob(["keys", "list", "--json"]).json();
    let status = |index: usize| keys["keys"][index]["status"].as_str().unwrap();
    assert_eq!([status(0), status(1)], ["Inactive", "Active"]);
    home.keyfob(["keys", "check"]).ok();
}

/// The hop limit that keeps a container from the metadata of its instance.
#[test]
#[cfg(unix)]
fn the_cure_of_metadata_that_does_not_answer_raises_the_hop_limit() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let server = Server::moto();
    let home = server.home().with("AWS_DEFAULT_REGION", "us-east-1");
    let on_instance = server
        .home()
        .with("AWS_EC2_METADATA_DISABLED", "false")
        .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
    let checks = on_instance.keyfob(["doctor", "--json"]);
    let checks: Value = serde_json::from_str(&checks.stdout).unwrap();
    let mut checks = checks["checks"].as_array().unwrap().iter();
    let line = checks.find(|line| line["check"] == "instance").unwrap();
    let text = line["text"].as_str().unwrap();
    let (_, rest) = text.split_once("raise it with `").unwrap();
    let (cure, _) = rest.split_once('`').unwrap();

    let aws = python::tool("aws");
    let sh = |line: &str| {
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", aws.parent().unwrap().display());
        let mut shell = home.program("sh");
        let shell = shell
            .args(["-c", line])
            .env("PATH", path)
            .env("AWS_PAGER", "");
        Run::new(shell.output().unwrap()).ok()
    };
    let instance = sh(
        "aws ec2 run-instances --image-id ami-12c6146b --query 'Instances[0].InstanceId' \
         --output text",
    );
    let answer = sh(&cure.replace(
        "--instance-id ID",
        &format!("--instance-id {}", instance.trim()),
    ));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let options = &answer["InstanceMetadataOptions"];
    assert_eq!(options["HttpPutResponseHopLimit"], 2, "{answer}");
}
