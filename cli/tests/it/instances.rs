//! The instances of the sandbox, beside `aws`.

use serde_json::{Value, json};

use crate::{
    keyfob::{Home, Run, assert_has},
    running::Running,
};

const KEYS: [&str; 2] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
const STATES: &str = "Reservations[].Instances[].[InstanceId,State.Name,Tags[0].Value]";

/// Runs `ec2` with the words of a line.
fn ec2(home: &Home, line: &str) -> Run {
    home.keyfob(["ec2"].into_iter().chain(line.split_whitespace()))
}

fn aws(home: &Home, line: &str) -> Value {
    let words: Vec<_> = ["ec2"].into_iter().chain(line.split_whitespace()).collect();
    home.aws(&words).json()
}

#[test]
fn the_sandbox_has_instances_that_every_command_of_ec2_can_be_tried_with() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    // The role of the instance may do anything.
    let home = sandbox.home(&KEYS);
    let states = format!("describe-instances --query {STATES}");
    let first = ec2(&home, &states).json();
    let expected = json!([
        ["i-0123456789abcdef0", "running", "app"],
        ["i-1234567890abcdef0", "stopped", "batch"],
    ]);
    assert_eq!(first, expected);

    let ids = "--instance-ids i-1234567890abcdef0";
    let started = ec2(&home, &format!("start-instances {ids}")).json();
    let change = &started["StartingInstances"][0];
    assert_eq!(change["PreviousState"]["Name"], "stopped");
    assert_eq!(
        change["CurrentState"],
        json!({"Code": 0, "Name": "pending"})
    );
    ec2(&home, &format!("reboot-instances {ids}")).ok();
    ec2(&home, &format!("stop-instances {ids}")).ok();
    let stderr = ec2(&home, &format!("reboot-instances {ids}")).fails(254);
    assert_has(&stderr, &["(IncorrectState)"]);
    ec2(&home, &format!("terminate-instances {ids}")).ok();
    let stderr = ec2(&home, &format!("start-instances {ids}")).fails(254);
    assert_has(
        &stderr,
        &["(IncorrectInstanceState)", "i-1234567890abcdef0"],
    );
    let stderr = ec2(&home, "stop-instances --instance-ids i-1").fails(254);
    assert_has(&stderr, &["(InvalidInstanceID.NotFound)", "'i-1'"]);

    // A request with the same token is the same request.
    let image = "--image-id ami-0123456789abcdef0 --instance-type t3.small";
    let tags = "--tag-specifications ResourceType=instance,Tags=[{Key=Name,Value=web}]";
    let run = format!("run-instances {image} {tags} --count 2 --client-token once");
    let new = ec2(&home, &run).json();
    assert_eq!(new["Instances"].as_array().unwrap().len(), 2);
    let again = ec2(&home, &run).json();
    assert_eq!(again["ReservationId"], new["ReservationId"]);
    for (part, other) in [
        ("t3.small", "m5.large"),
        ("=web", "=db"),
        (" --count 2", ""),
    ] {
        let stderr = ec2(&home, &run.replace(part, other)).fails(254);
        assert_has(&stderr, &["(IdempotentParameterMismatch)"]);
    }
    let id = "i-0123456789abcdef0";
    let twice = ec2(&home, &format!("stop-instances --instance-ids {id} {id}")).json();
    assert_eq!(twice["StoppingInstances"].as_array().unwrap().len(), 1);
    let both = "describe-instances --query length(Reservations[2].Instances)";
    assert_eq!(ec2(&home, both).json(), 2);
    let stderr = ec2(&home, "run-instances --image-id ami-1").fails(254);
    assert_has(&stderr, &["(InvalidAMIID.NotFound)"]);

    for line in [
        "describe-instances",
        "describe-instances --filters Name=tag:Name,Values=w?b Name=instance-state-name,Values=run*",
        "describe-instances --filters Name=tag-key,Values=Owner",
        "describe-instances --filters Name=client-token,Values=once",
        "describe-instances --filters Name=vpc-id,Values=vpc-1",
        "describe-instances --page-size 5 --max-items 3",
        "describe-instance-types --page-size 5",
        "describe-instance-types --instance-types t3.micro m5.large",
        "describe-regions",
        "describe-regions --all-regions --filters Name=opt-in-status,Values=not-opted-in",
        "describe-images --owners amazon",
        "describe-images --owners self",
    ] {
        // Version 1 of `aws` writes times in another form.
        let plain = |answer: Value| {
            answer
                .to_string()
                .replace("+00:00", "Z")
                .replace(".000Z", "Z")
        };
        let (ours, theirs) = (ec2(&home, line).json(), aws(&home, line));
        assert_eq!(plain(ours), plain(theirs), "{line}");
    }
    for (line, code) in [
        (
            "describe-instances --filters Name=canary,Values=x",
            "InvalidParameterValue",
        ),
        (
            "describe-instances --starting-token eyJOZXh0VG9rZW4iOiAieCJ9",
            "InvalidPaginationToken",
        ),
        (
            "describe-instances --filters Name=tag:,Values=x",
            "InvalidParameterValue",
        ),
        (
            "describe-instances --page-size 5 --instance-ids i-0123456789abcdef0",
            "InvalidParameterCombination",
        ),
        (
            "describe-regions --region-names eu-north-9",
            "InvalidParameterValue",
        ),
        (
            "describe-instance-types --instance-types t9.huge",
            "InvalidInstanceType",
        ),
    ] {
        assert_has(&ec2(&home, line).fails(254), &[code]);
    }
}

/// What a dry run says is what the call does.
#[test]
fn the_user_of_the_sandbox_may_not_stop_instances() {
    let its_home = Home::new();
    let sandbox = Running::start(&its_home, &["sandbox"]);
    let home = sandbox.home(&[]);
    let stop = "stop-instances --instance-ids i-0123456789abcdef0";
    for line in [stop.to_owned(), format!("{stop} --dry-run")] {
        let stderr = ec2(&home, &line).fails(254);
        assert_has(&stderr, &["(UnauthorizedOperation)", "ec2:StopInstances"]);
    }
}
