use super::*;

const CONDITION: &str = r#"{"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::data/*"},
    {"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::data/secret/*"},
    {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*",
     "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
]}"#;

fn lab() -> Lab {
    let lab = Lab::new();
    lab.account
        .put_user_policy("robot", "storage", CONDITION)
        .unwrap();
    let role = Role::new("deploy").unwrap().path("/ops/").unwrap();
    lab.account
        .add_role(role.policy("storage", CONDITION).unwrap());
    lab
}

fn simulate(lab: &Lab, more: &str) -> String {
    let arn = "arn%3Aaws%3Aiam%3A%3A123456789012%3Auser%2Frobot";
    let form = format!("Action=SimulatePrincipalPolicy&PolicySourceArn={arn}&{more}");
    lab.ok(&lab.robot, &form)
}

#[test]
fn the_simulator_evaluates_actions_resources_and_explicit_denies() {
    let lab = lab();
    let body = simulate(
        &lab,
        "ActionNames.member.1=s3:GetObject&ActionNames.member.2=s3:PutObject&\
         ResourceArns.member.1=arn:aws:s3:::data/k&ResourceArns.member.2=arn:aws:s3:::data/secret/k",
    );
    let texts = |name: &str| -> Vec<String> {
        let tag = format!("<{name}>");
        let rests = body.split(&tag).skip(1);
        rests
            .map(|rest| rest.split('<').next().unwrap().to_owned())
            .collect()
    };
    // An action has one result: the strictest decision, and one for each resource.
    assert_eq!(texts("EvalActionName"), ["s3:GetObject", "s3:PutObject"]);
    assert_eq!(texts("EvalDecision"), ["explicitDeny", "explicitDeny"]);
    assert_eq!(
        texts("EvalResourceDecision"),
        ["allowed", "explicitDeny", "implicitDeny", "explicitDeny"]
    );
    let (data, secret) = ("arn:aws:s3:::data/k", "arn:aws:s3:::data/secret/k");
    assert_eq!(
        texts("EvalResourceName"),
        ["*", data, secret, "*", data, secret]
    );
    let statement = "<member><SourcePolicyId>storage</SourcePolicyId>\
                     <SourcePolicyType>user</SourcePolicyType>\
                     <StartPosition><Line>2</Line><Column>5</Column></StartPosition>\
                     <EndPosition><Line>2</Line><Column>79</Column></EndPosition></member>";
    assert!(body.contains(statement), "{body}");
}

#[test]
fn the_result_of_an_action_without_a_resource_is_for_any_and_with_one_for_that() {
    let lab = lab();
    let action = "ActionNames.member.1=s3:GetObject";
    let body = simulate(&lab, action);
    assert!(body.contains("<EvalResourceName>*<"), "{body}");
    assert!(!body.contains("ResourceSpecificResults"), "{body}");
    let resource = "ResourceArns.member.1=arn:aws:s3:::data/k";
    let body = simulate(&lab, &format!("{action}&{resource}"));
    assert_eq!(
        body.matches("<EvalResourceName>arn:aws:s3:::data/k<")
            .count(),
        2
    );
    assert!(body.contains("<EvalDecision>allowed<"), "{body}");
    assert!(body.contains("<EvalResourceDecision>allowed<"), "{body}");
}

#[test]
fn a_type_of_values_that_iam_does_not_have_is_refused() {
    let lab = lab();
    let entry = "ContextEntries.member.1.ContextKeyName=aws:SourceIp&\
                 ContextEntries.member.1.ContextKeyValues.member.1=192.0.2.7&\
                 ContextEntries.member.1.ContextKeyType=";
    let of = |kind| format!("{}&{entry}{kind}", simulated_action("s3:GetObject"));
    lab.ok(&lab.robot, &of("ipList"));
    lab.refused(&lab.robot, &of("address"), 400, "InvalidInput");
}

#[test]
fn a_condition_counts_if_its_keys_are_given_and_else_they_are_missing() {
    let lab = lab();
    let action = "ActionNames.member.1=ec2:RunInstances";
    let body = simulate(&lab, action);
    assert!(body.contains("<EvalDecision>implicitDeny<"), "{body}");
    let missing = "<MissingContextValues><member>aws:SourceIp</member></MissingContextValues>";
    assert!(body.contains(missing), "{body}");
    for (address, decision) in [("192.0.2.7", "allowed"), ("198.51.100.7", "implicitDeny")] {
        let entry = "ContextEntries.member.1.ContextKeyName=aws:SourceIp&\
                     ContextEntries.member.1.ContextKeyValues.member.1=";
        let body = simulate(&lab, &format!("{action}&{entry}{address}"));
        assert!(
            body.contains(&format!("<EvalDecision>{decision}<")),
            "{body}"
        );
        assert!(body.contains("<MissingContextValues></MissingContextValues>"));
    }
    let keys = lab.ok(
        &lab.robot,
        "Action=GetContextKeysForPrincipalPolicy&\
         PolicySourceArn=arn:aws:iam::123456789012:role/ops/deploy",
    );
    assert!(keys.contains("<ContextKeyNames><member>aws:SourceIp</member></ContextKeyNames>"));
}

#[test]
fn a_policy_may_be_given_and_a_principal_must_exist() {
    let lab = lab();
    let policy = "%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22*%22%2C%22Resource%22%3A%22*%22%7D%7D";
    let custom =
        "Action=SimulateCustomPolicy&ActionNames.member.1=iam:GetUser&PolicyInputList.member.1=";
    let body = lab.ok(&lab.robot, &format!("{custom}{policy}"));
    assert!(body.contains("<EvalDecision>allowed<") && body.contains("PolicyInputList.1"));
    lab.refused(&lab.robot, &format!("{custom}x"), 400, "InvalidInput");
    let of = |arn: &str| {
        format!(
            "Action=SimulatePrincipalPolicy&ActionNames.member.1=s3:GetObject&PolicySourceArn={arn}"
        )
    };
    for (arn, status, code) in [
        ("arn:aws:iam::123456789012:user/eve", 404, "NoSuchEntity"),
        ("arn:aws:iam::123456789012:role/deploy", 404, "NoSuchEntity"),
        ("arn:aws:iam::123456789012:group/all", 404, "NoSuchEntity"),
        (
            "arn:aws:sts::123456789012:assumed-role/deploy/s",
            400,
            "InvalidInput",
        ),
        ("arn:aws:iam::210987654321:user/robot", 400, "InvalidInput"),
    ] {
        lab.refused(&lab.robot, &of(arn), status, code);
    }
    let wild = simulated_action("s3:Get*");
    lab.refused(&lab.robot, &wild, 400, "InvalidInput");
    let role = lab.ok(&lab.robot, "Action=GetRole&RoleName=deploy");
    assert!(
        role.contains("<Arn>arn:aws:iam::123456789012:role/ops/deploy</Arn>"),
        "{role}"
    );
    lab.refused(
        &lab.robot,
        "Action=GetRole&RoleName=none",
        404,
        "NoSuchEntity",
    );
}

fn simulated_action(action: &str) -> String {
    format!(
        "Action=SimulatePrincipalPolicy&PolicySourceArn=arn:aws:iam::123456789012:user/robot&\
         ActionNames.member.1={action}"
    )
}

#[test]
fn a_dry_run_of_ec2_is_decided_by_the_policies_of_the_caller() {
    let lab = lab();
    let all = r#"{"Statement": [{"Effect": "Allow", "Action": "ec2:Start*", "Resource": "*"},
                                {"Effect": "Deny", "Action": "ec2:Stop*", "Resource": "*"}]}"#;
    lab.account
        .put_user_policy("robot", "instances", all)
        .unwrap();
    for (action, status, code) in [
        ("StartInstances", 412, "DryRunOperation"),
        ("StopInstances", 403, "UnauthorizedOperation"),
        ("RunInstances", 403, "UnauthorizedOperation"),
    ] {
        let form = format!("Action={action}&DryRun=true");
        let (actual, body) = lab.call_of("ec2", &lab.robot, &form);
        assert_eq!(actual, status, "{body}");
        let error = format!("<Response><Errors><Error><Code>{code}</Code>");
        assert!(body.starts_with(&error), "{body}");
        let has_message = body.contains("Encoded authorization failure message: ");
        assert_eq!(has_message, status == 403);
        // A permitted call lacks the instance.
        let wrong = if status == 403 { 403 } else { 400 };
        let (actual, body) = lab.call_of("ec2", &lab.robot, &format!("Action={action}"));
        assert_eq!(actual, wrong, "{body}");
    }
    let session = Identity::session("deploy", "s");
    let session = lab.account.issue(session, Timestamp::MAX).unwrap();
    let (status, _) = lab.call_of("ec2", &session, "Action=StartInstances&DryRun=true");
    assert_eq!(status, 403);
}

#[test]
fn a_quota_has_one_open_request_at_most() {
    let lab = lab();
    let call = |operation: &str, body: &str| {
        let mut request = Request::post("https://localhost/").body(()).unwrap();
        let target = format!("ServiceQuotasV20190624.{operation}")
            .parse()
            .unwrap();
        request.headers_mut().insert("x-amz-target", target);
        let signer = Signer::new(Scope::new("us-east-1", "servicequotas").unwrap());
        let payload = Payload::Bytes(body.as_bytes());
        signer
            .sign_http(&mut request, payload, &lab.robot, lab.now)
            .unwrap();
        let (head, ()) = request.into_parts();
        let answer = lab.services.answer(&head, body.as_bytes(), lab.now);
        String::from_utf8(answer.body().to_vec()).unwrap()
    };
    let quota = r#""ServiceCode": "vpc", "QuotaCode": "L-F678F1CE""#;
    let increase = format!("{{{quota}, \"DesiredValue\": 10}}");
    let answer = call("RequestServiceQuotaIncrease", &increase);
    assert!(answer.contains("PENDING"), "{answer}");
    let again = call("RequestServiceQuotaIncrease", &increase);
    assert!(again.contains("ResourceAlreadyExistsException"), "{again}");
    let history = "ListRequestedServiceQuotaChangeHistory";
    for (operation, body, expected) in [
        (history, "{}".to_owned(), 1),
        (history, r#"{"Status": "DENIED"}"#.to_owned(), 0),
        (
            "ListRequestedServiceQuotaChangeHistoryByQuota",
            format!("{{{quota}}}"),
            1,
        ),
    ] {
        let list = call(operation, &body);
        assert_eq!(list.matches("\"Id\"").count(), expected, "{list}");
    }
    let none = call("GetServiceQuota", &format!("{{{quota}}}"));
    assert!(none.contains("NoSuchResourceException"), "{none}");
    assert!(call("GetNone", "{}").contains("UnknownOperationException"));
}
