//! `--dry-run` and `--dry-run-exit` of EC2, and how its instances are started.

use std::{fs, sync::Mutex};

use crate::{
    answers::{answer, start_server, start_server_with},
    keyfob::{Home, assert_has, assert_lacks},
};

const RUN: [&str; 4] = ["ec2", "run-instances", "--image-id", "ami-1"];

fn home() -> Home {
    Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_REGION", "eu-west-1")
}

fn refused(status: &str, code: &str, message: &str) -> String {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
         </Errors><RequestID>r</RequestID></Response>"
    );
    answer(status, &body)
}

fn permitted() -> String {
    let text = "Request would have succeeded, but DryRun flag is set.";
    refused("412 Precondition Failed", "DryRunOperation", text)
}

fn denied() -> String {
    let text = "You are not authorized to perform this operation. Encoded authorization failure \
                message: 4GIOHlTkIaWHQD0Q0mE9Y8hKZz0qHxxxxxxxxxxxxxx";
    refused("403 Forbidden", "UnauthorizedOperation", text)
}

#[test]
fn a_permitted_dry_run_fails_as_in_aws_or_exits_with_0_if_asked() {
    let (url, bodies) = start_server(&permitted());
    let run = |words: &[&str]| home().keyfob([words, &["--endpoint-url", &url]].concat());
    let stderr = run(&[&RUN[..], &["--dry-run"]].concat()).fails(254);
    let text = "An error occurred (DryRunOperation) when calling the RunInstances operation: \
                Request would have succeeded, but DryRun flag is set.";
    assert_has(&stderr, &[text]);
    assert_has(&bodies.recv().unwrap(), &["&DryRun=true"]);
    for words in [&RUN[..], &["ec2", "describe-instances"]] {
        let done = run(&[words, &["--dry-run-exit"]].concat());
        assert_eq!((done.code, &*done.stdout), (0, ""), "{done:?}");
        assert_has(&bodies.recv().unwrap(), &["&DryRun=true"]);
    }
    assert!(bodies.try_recv().is_err(), "a dry run is sent once");
}

/// Source: the requests of aws-cli 1.46.
#[test]
fn times_and_flags_are_sent_in_the_form_of_the_service() {
    let (url, bodies) = start_server(&permitted());
    let end = ["--dry-run-exit", "--endpoint-url", &url];
    let run = |words: &[&str]| home().keyfob([&RUN[..], words, &end].concat());
    for (words, expected) in [
        (
            [
                "--instance-market-options",
                "SpotOptions={ValidUntil=1790000000}",
            ],
            "ValidUntil=2026-09-21T14%3A13%3A20Z",
        ),
        (
            [
                "--instance-market-options",
                r#"{"SpotOptions":{"ValidUntil":1790000000}}"#,
            ],
            "ValidUntil=2026-09-21T14%3A13%3A20Z",
        ),
        (
            [
                "--instance-market-options",
                "SpotOptions={ValidUntil=2027-01-01T00:00:00+02:00}",
            ],
            "ValidUntil=2026-12-31T22%3A00%3A00Z",
        ),
        (["--monitoring", "Enabled=True"], "&Monitoring.Enabled=true"),
    ] {
        run(&words).ok();
        assert_has(&bodies.recv().unwrap(), &[expected]);
    }
    for (words, expected) in [
        (
            [
                "--instance-market-options",
                "SpotOptions={ValidUntil=tomorrow}",
            ],
            "InstanceMarketOptions.SpotOptions.ValidUntil, must be a time, such as",
        ),
        (
            ["--network-interfaces", "DeviceIndex=x"],
            "--network-interfaces: DeviceIndex must be a number",
        ),
        (
            ["--block-device-mappings", "DeviceName=x,NoDevice"],
            "--block-device-mappings: DeviceName is followed by a comma",
        ),
    ] {
        let stderr = run(&words).fails(252);
        assert_has(&stderr, &[expected]);
        assert_lacks(&stderr, &["tomorrow"]);
    }
    assert!(bodies.try_recv().is_err(), "nothing else is sent");
}

#[test]
fn a_denied_dry_run_exits_with_254_and_the_decoded_reason() {
    let decoded = "{&quot;allowed&quot;: false, &quot;explicitDeny&quot;: false, \
        &quot;matchedStatements&quot;: {&quot;items&quot;: []}, &quot;context&quot;: \
        {&quot;principal&quot;: {&quot;arn&quot;: &quot;arn:aws:iam::123456789012:user/ada&quot;}, \
        &quot;action&quot;: &quot;ec2:RunInstances&quot;, &quot;resource&quot;: &quot;*&quot;}}";
    let decoded = answer(
        "200 OK",
        &format!(
            "<DecodeAuthorizationMessageResponse><DecodeAuthorizationMessageResult>\
             <DecodedMessage>{decoded}</DecodedMessage></DecodeAuthorizationMessageResult>\
             </DecodeAuthorizationMessageResponse>"
        ),
    );
    let forbidden = refused("403 Forbidden", "AccessDenied", "no");
    for (reason, expected) in [
        (
            decoded,
            &[
                "decision    implicit deny",
                "principal   arn:aws:iam::123456789012:user/ada",
                "action      ec2:RunInstances",
            ][..],
        ),
        (
            forbidden,
            &["hint: the reason is encoded, and it could not be decoded: "],
        ),
    ] {
        let (url, bodies) = start_server_with(move |body| {
            if body.contains("DecodeAuthorizationMessage") {
                return reason.clone();
            }
            denied()
        });
        let words = [&RUN[..], &["--dry-run-exit", "--endpoint-url", &url]].concat();
        let stderr = home().keyfob(words).fails(254);
        assert_has(&stderr, &["An error occurred (UnauthorizedOperation) when"]);
        assert_has(&stderr, expected);
        bodies.recv().unwrap();
        let sent = "&EncodedMessage=4GIOHlTkIaWHQD0Q0mE9Y8hKZz0qHxxxxxxxxxxxxxx";
        assert_has(&bodies.recv().unwrap(), &[sent]);
    }
}

#[test]
fn the_sandbox_answers_dry_runs_by_the_policies_of_its_user() {
    let home = Home::new();
    let ec2 = |line: &str| {
        let line = format!("--sandbox --profile user ec2 {line}");
        home.keyfob(line.split(' '))
    };
    let start = "start-instances --instance-ids i-1";
    let stderr = ec2(&format!("{start} --dry-run")).fails(254);
    assert_has(
        &stderr,
        &["An error occurred (DryRunOperation) when calling"],
    );
    ec2(&format!("{start} --dry-run-exit")).ok();
    let stderr = ec2("stop-instances --instance-ids i-1 --dry-run-exit").fails(254);
    assert_has(
        &stderr,
        &[
            "An error occurred (UnauthorizedOperation) when calling the StopInstances operation",
            "decision    implicit deny",
            "action      ec2:StopInstances",
            "try         keyfob can ec2:StopInstances --as arn:aws:iam::123456789012:user/user",
        ],
    );
}

#[test]
fn a_dry_run_that_is_answered_as_a_call_is_not_a_permission() {
    for (answer, code, text) in [
        (
            answer("200 OK", "<RunInstancesResponse/>"),
            255,
            "the service knows no dry run",
        ),
        (
            refused("400 Bad Request", "InvalidParameterValue", "no"),
            254,
            "An error occurred (InvalidParameterValue)",
        ),
    ] {
        let (url, _) = start_server(&answer);
        let words = [&RUN[..], &["--dry-run-exit", "--endpoint-url", &url]].concat();
        let stderr = home().keyfob(words).fails(code);
        assert_has(&stderr, &[text]);
    }
}

/// Source: the requests of version 1 of aws.
#[test]
fn instances_are_started_with_a_count_and_data_in_base64_as_by_aws() {
    let home = home();
    fs::write(home.path().join("data"), "hello").unwrap();
    fs::write(home.path().join("bytes"), [0xff, 0xfe]).unwrap();
    for (words, sent) in [
        (&[][..], &["&MaxCount=1&MinCount=1&"][..]),
        (&["--count", "3"], &["&MaxCount=3&MinCount=3&"]),
        (&["--count", "2:5"], &["&MaxCount=5&MinCount=2&"]),
        (&["--user-data", "hello"], &["&UserData=aGVsbG8%3D"]),
        (&["--user-data", "file://data"], &["&UserData=aGVsbG8%3D"]),
        (&["--user-data", "fileb://bytes"], &["&UserData=%2F%2F4%3D"]),
        (
            &[
                "--cli-input-json",
                "{\"UserData\": \"hello\", \"MaxCount\": 4}",
            ],
            &["&UserData=aGVsbG8%3D", "&MaxCount=4&MinCount=1&"],
        ),
        (
            &["--enable-api-termination"],
            &["&DisableApiTermination=false"],
        ),
        (&["--client-token", "mine"], &["&ClientToken=mine"]),
        (
            &["--security-group-ids", "sg-1", "sg-2", "--key-name", "k"],
            &[
                "&SecurityGroupId.1=sg-1&SecurityGroupId.2=sg-2",
                "&KeyName=k",
            ],
        ),
        (
            &[
                "--tag-specifications",
                "ResourceType=instance,Tags=[{Key=a,Value=b}]",
            ],
            &[
                "&TagSpecification.1.ResourceType=instance",
                "&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b",
            ],
        ),
    ] {
        let (url, bodies) = start_server(&permitted());
        let words = [&RUN[..], words, &["--endpoint-url", &url]].concat();
        home.keyfob(words).fails(254);
        let body = bodies.recv().unwrap();
        assert_has(&format!("{body}&"), sent);
        assert_has(&body, &["&ClientToken="]);
    }
    for count in ["", "a", "1:", "1:2:3"] {
        let words = [&RUN[..], &["--count", count]].concat();
        let stderr = home.keyfob(words).fails(252);
        assert_has(
            &stderr,
            &["--count: it is not N or MIN:MAX, such as 1 or 1:10"],
        );
    }
}

/// Source: the requests of version 1 of aws, which has no secondary address beside a primary one.
#[test]
fn options_of_the_network_make_the_first_interface_as_by_aws() {
    for (words, sent) in [
        (
            "--associate-public-ip-address",
            "AssociatePublicIpAddress=true",
        ),
        (
            "--no-associate-public-ip-address --subnet-id subnet-1 --security-group-ids sg-1",
            "AssociatePublicIpAddress=false SecurityGroupId.1=sg-1 SubnetId=subnet-1",
        ),
        (
            "--secondary-private-ip-addresses 10.0.0.2 10.0.0.3",
            "PrivateIpAddresses.1.Primary=false PrivateIpAddresses.1.PrivateIpAddress=10.0.0.2 \
             PrivateIpAddresses.2.Primary=false PrivateIpAddresses.2.PrivateIpAddress=10.0.0.3",
        ),
        (
            "--secondary-private-ip-address-count 2 --private-ip-address 10.0.0.9",
            "PrivateIpAddresses.1.Primary=true PrivateIpAddresses.1.PrivateIpAddress=10.0.0.9 \
             SecondaryPrivateIpAddressCount=2",
        ),
        (
            "--secondary-private-ip-addresses 10.0.0.2 --private-ip-address 10.0.0.9",
            "PrivateIpAddresses.1.Primary=true PrivateIpAddresses.1.PrivateIpAddress=10.0.0.9 \
             PrivateIpAddresses.2.Primary=false PrivateIpAddresses.2.PrivateIpAddress=10.0.0.2",
        ),
        (
            "--associate-public-ip-address --ipv6-address-count 1 --enable-primary-ipv6",
            "AssociatePublicIpAddress=true Ipv6AddressCount=1 PrimaryIpv6=true",
        ),
        (
            "--network-interfaces DeviceIndex=0 --no-associate-public-ip-address",
            "AssociatePublicIpAddress=false",
        ),
        (
            "--subnet-id subnet-1 --network-interfaces DeviceIndex=0,Description=d",
            "Description=d",
        ),
    ] {
        let (url, bodies) = start_server(&permitted());
        let words: Vec<&str> = words.split(' ').collect();
        home()
            .keyfob([&RUN[..], &words, &["--endpoint-url", &url]].concat())
            .fails(254);
        let body = bodies.recv().unwrap();
        let prefix = "NetworkInterface.1.";
        let members = body.split('&').filter_map(|pair| pair.strip_prefix(prefix));
        let mut members: Vec<&str> = members.filter(|pair| *pair != "DeviceIndex=0").collect();
        members.sort_unstable();
        assert_eq!(members.join(" "), sent, "{words:?}");
        assert_has(&body, &["&NetworkInterface.1.DeviceIndex=0"]);
        let has_interface_alone = !words.contains(&"--network-interfaces");
        if has_interface_alone {
            assert_lacks(
                &body,
                &["&SubnetId=", "&SecurityGroup", "&PrivateIp", "&Ipv6"],
            );
        } else {
            let has_subnet = words.contains(&"--subnet-id");
            assert_eq!(body.contains("&SubnetId=subnet-1"), has_subnet, "{body}");
        }
    }
    let (url, bodies) = start_server(&permitted());
    let none = [
        "--secondary-private-ip-addresses",
        "--secondary-private-ip-address-count",
        "0",
    ];
    home()
        .keyfob([&RUN[..], &none, &["--endpoint-url", &url]].concat())
        .fails(254);
    assert_lacks(&bodies.recv().unwrap(), &["NetworkInterface"]);
    let both = [
        "--associate-public-ip-address",
        "--network-interfaces",
        "DeviceIndex=0",
    ];
    let stderr = home().keyfob([&RUN[..], &both].concat()).fails(252);
    let text = "--associate-public-ip-address and --network-interfaces do not go together";
    assert_has(&stderr, &[text]);
}

#[test]
fn a_call_that_creates_something_is_sent_again_only_if_the_service_knows_it_by_a_token() {
    let home = home().with("AWS_MAX_ATTEMPTS", "2");
    let quota = [
        "service-quotas",
        "request-service-quota-increase",
        "--service-code",
        "ec2",
        "--quota-code",
        "L-1216C47A",
        "--desired-value",
        "64",
    ];
    for (words, expected) in [
        (&RUN[..], 2),
        (&["iam", "create-access-key"], 1),
        (&quota, 1),
        (&["iam", "get-user"], 2),
    ] {
        let (url, bodies) = start_server(&answer("503 Service Unavailable", ""));
        home.keyfob([words, &["--endpoint-url", &url]].concat())
            .fails(254);
        let bodies: Vec<String> = bodies.try_iter().collect();
        assert_eq!(bodies.len(), expected, "{words:?}");
        // With the same token.
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    }
}

#[test]
fn instances_that_may_have_been_started_have_a_hint_that_starts_no_others() {
    // The connection breaks after the request.
    let (url, bodies) = start_server("");
    let words = [&RUN[..], &["--endpoint-url", &url]].concat();
    let stderr = home().keyfob(&words).fails(255);
    let first = bodies.recv().unwrap();
    let (_, option) = stderr.rsplit_once("the same command with ").unwrap();
    let again = words.iter().copied().chain(option.split_whitespace());
    home().keyfob(again).fails(255);
    assert_eq!(bodies.recv().unwrap(), first);

    let failed = answer("500 Internal Server Error", "");
    let slow = refused("503 Service Unavailable", "RequestLimitExceeded", "slow");
    let denied = refused("403 Forbidden", "UnauthorizedOperation", "no");
    let dry = ["--dry-run"];
    for (first, then, more, has_hint) in [
        (&denied, &denied, &[][..], false),
        // It is enough that one attempt may have done it.
        (&failed, &denied, &[], true),
        (&failed, &slow, &[], true),
        (&slow, &slow, &[], false),
        (&failed, &failed, &dry, false),
    ] {
        let (first, then) = (Mutex::new(Some(first.clone())), then.clone());
        let (url, _bodies) = start_server_with(move |_| {
            let first = first.lock().unwrap().take();
            first.unwrap_or_else(|| then.clone())
        });
        let words = [&RUN[..], more, &["--endpoint-url", &url]].concat();
        let stderr = home().keyfob(words).fails(254);
        let hint = "may have been received: to send it again so that it is done once";
        assert_eq!(stderr.contains(hint), has_hint, "{stderr}");
    }
}

#[test]
fn a_quota_without_a_value_of_its_own_is_the_default_one() {
    let quota = ["service-quotas", "get-service-quota"];
    let json = "{\"ServiceCode\": \"ec2\", \"QuotaCode\": \"L-1216C47A\", \"ContextId\": \"*\"}";
    let error = "{\"__type\": \"NoSuchResourceException\", \"Message\": \"no\"}";
    let refused = answer("400 Bad Request", error);
    let default = answer("200 OK", "{\"Quota\": {\"Value\": 5.0}}");
    for (second, code) in [(default, 0), (refused.clone(), 254)] {
        let refused = refused.clone();
        let (url, bodies) = start_server_with(move |body| {
            // The second call has no resource.
            let is_first = body.contains("ContextId");
            if is_first { &refused } else { &second }.clone()
        });
        let words = [
            &quota[..],
            &["--cli-input-json", json, "--endpoint-url", &url],
        ]
        .concat();
        let run = home().keyfob(words);
        assert_eq!(run.code, code, "{run:?}");
        assert_eq!(bodies.try_iter().count(), 2);
        let note = "the quota has no value of its own in this account: this is the default";
        if code == 0 {
            assert_has(&run.stderr, &[note]);
            assert_eq!(run.json()["Quota"]["Value"], 5.0);
        } else {
            assert_has(
                &run.stderr,
                &["(NoSuchResourceException) when calling the GetServiceQuota"],
            );
            assert_lacks(&run.stderr, &[note]);
        }
    }
}

#[test]
fn the_sandbox_has_quotas_and_takes_requests_for_higher_ones() {
    let home = Home::new();
    let quotas = |line: &str| {
        let line = format!("--sandbox service-quotas {line}");
        home.keyfob(line.split(' '))
    };
    let services = quotas("list-services --query Services[].ServiceCode --output text");
    assert_eq!(services.ok(), "ec2\tvpc\n");
    let list = quotas("list-service-quotas --service-code ec2").json();
    assert_eq!(list["Quotas"][0]["Value"], 32.0);
    let vpc = "--service-code vpc --quota-code L-F678F1CE";
    let run = quotas(&format!("get-service-quota {vpc}"));
    assert_has(&run.stderr, &["this is the default"]);
    assert_eq!(run.json()["Quota"]["Value"], 5.0);
    let run = quotas(&format!(
        "request-service-quota-increase {vpc} --desired-value 4"
    ));
    assert_has(&run.fails(254), &["(IllegalArgumentException)"]);
    let increase = format!("request-service-quota-increase {vpc} --desired-value 10");
    assert_eq!(
        quotas(&increase).json()["RequestedQuota"]["Status"],
        "PENDING"
    );
}

/// A failure that says nothing of the request may hide one that is open.
#[test]
fn an_increase_that_fails_has_a_hint_with_a_command_that_runs() {
    for (status, code) in [
        ("400 Bad Request", "ResourceAlreadyExistsException"),
        ("400 Bad Request", "QuotaExceededException"),
        ("500 Internal Server Error", "ServiceException"),
    ] {
        let (url, bodies) = start_server_with(move |body| {
            if body.contains("DesiredValue") {
                let error = format!("{{\"__type\": \"{code}\", \"Message\": \"no\"}}");
                return answer(status, &error);
            }
            answer("200 OK", "{\"RequestedQuotas\": [{\"Id\": \"r-1\"}]}")
        });
        let words = "service-quotas request-service-quota-increase --service-code ec2 \
                     --quota-code L-1216C47A --desired-value 64 --region eu-west-1";
        let words = words.split(' ').filter(|word| !word.is_empty());
        let words = words.chain(["--endpoint-url", &url]);
        let stderr = home().keyfob(words).fails(254);
        assert_has(&stderr, &[&format!("({code}) when calling"), "hint: "]);
        assert_eq!(bodies.try_iter().count(), 1, "{code}");
        let (_, command) = stderr.rsplit_once("keyfob service-quotas").unwrap();
        assert_has(command, &["--region eu-west-1", "--endpoint-url"]);
        let command = ["service-quotas"]
            .into_iter()
            .chain(command.split_whitespace());
        let requests = home().keyfob(command).json();
        assert_eq!(requests["RequestedQuotas"][0]["Id"], "r-1");
    }
}

#[test]
fn a_key_that_may_have_been_created_has_a_hint_with_a_command_that_lists_it() {
    let (url, bodies) = start_server_with(|body| {
        if body.contains("Action=CreateAccessKey") {
            return refused("500 Internal Server Error", "ServiceFailure", "no");
        }
        answer(
            "200 OK",
            "<ListAccessKeysResponse><ListAccessKeysResult><AccessKeyMetadata><member>\
             <AccessKeyId>AKIANEW</AccessKeyId></member></AccessKeyMetadata>\
             </ListAccessKeysResult></ListAccessKeysResponse>",
        )
    });
    let create = ["iam", "create-access-key", "--user-name", "robot"];
    let words = create.into_iter().chain(["--endpoint-url", &url]);
    let stderr = home().keyfob(words).fails(254);
    assert_eq!(bodies.try_iter().count(), 1);
    let (_, command) = stderr.rsplit_once("keyfob iam").unwrap();
    let command = ["iam"].into_iter().chain(command.split_whitespace());
    let keys = home().keyfob(command).json();
    assert_eq!(keys["AccessKeyMetadata"][0]["AccessKeyId"], "AKIANEW");
    assert_has(&bodies.recv().unwrap(), &["UserName=robot"]);
}

#[test]
fn throttling_between_pages_is_waited_for() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (url, bodies) = start_server_with(move |body| {
        let is_throttled = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2 == 1;
        if is_throttled {
            return refused(
                "503 Service Unavailable",
                "RequestLimitExceeded",
                "slow down",
            );
        }
        let page: usize = body
            .split("NextToken=")
            .nth(1)
            .map_or(0, |rest| rest.split('&').next().unwrap().parse().unwrap());
        let next = if page < 2 {
            (page + 1).to_string()
        } else {
            String::new()
        };
        answer(
            "200 OK",
            &format!(
                "<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>t{page}\
                 </instanceType></item></instanceTypeSet><nextToken>{next}</nextToken>\
                 </DescribeInstanceTypesResponse>"
            ),
        )
    });
    let words = ["ec2", "describe-instance-types", "--endpoint-url", &url];
    let types = home().keyfob(words).json();
    let names = types["InstanceTypes"].as_array().unwrap().iter();
    let names: Vec<_> = names
        .map(|one| one["InstanceType"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["t0", "t1", "t2"]);
    assert_eq!(bodies.try_iter().count(), 5);
}

/// Retries of earlier pages are none of the call that fails.
#[test]
fn the_retries_of_the_page_that_fails_are_counted() {
    let home = home().with("AWS_MAX_ATTEMPTS", "2");
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (url, _) = start_server_with(move |_| {
        if count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) != 1 {
            return refused("503 Service Unavailable", "RequestLimitExceeded", "no");
        }
        answer(
            "200 OK",
            "<DescribeInstanceTypesResponse><nextToken>t</nextToken></DescribeInstanceTypesResponse>",
        )
    });
    let words = ["ec2", "describe-instance-types", "--endpoint-url", &url];
    let stderr = home.keyfob(words).fails(254);
    assert_has(&stderr, &["(reached max retries: 1)"]);
}
