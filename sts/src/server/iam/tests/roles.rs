use super::Lab;
use crate::server::Role;

const TRUST: &str = "%7B%22Statement%22:%7B%22Effect%22:%22Allow%22,%22Principal%22:%7B%22AWS%22:%22\
                     arn:aws:iam::123456789012:user/robot%22%7D,%22Action%22:%22sts:AssumeRole%22%7D%7D";
const DENY: &str = "%7B%22Statement%22:%7B%22Effect%22:%22Deny%22,%22Principal%22:%22*%22,%22Action\
                    %22:%22sts:AssumeRole%22%7D%7D";

#[test]
fn a_role_is_created_once_and_assumed_as_its_policy_says() {
    let lab = Lab::new();
    let create = format!(
        "Action=CreateRole&RoleName=deploy&Path=/ops/&MaxSessionDuration=7200&Description=d&\
         AssumeRolePolicyDocument={TRUST}"
    );
    let assume = "Action=AssumeRole&RoleSessionName=session&\
                  RoleArn=arn:aws:iam::123456789012:role/ops/deploy";
    assert_eq!(lab.call_of("sts", &lab.robot, assume).0, 403);
    let created = lab.ok(&lab.robot, &create);
    for part in [
        "<Arn>arn:aws:iam::123456789012:role/ops/deploy</Arn>",
        "<CreateDate>2026-11-22T03:00:00Z</CreateDate>",
        "<Description>d</Description><MaxSessionDuration>7200</MaxSessionDuration>",
        "<AssumeRolePolicyDocument>%7B%22Statement%22%3A%7B",
        "<RoleId>AROA",
    ] {
        assert!(created.contains(part), "{part}: {created}");
    }
    lab.refused(&lab.robot, &create, 409, "EntityAlreadyExists");
    assert_eq!(lab.call_of("sts", &lab.robot, assume).0, 200);
    let get = "Action=GetRole&RoleName=deploy";
    let role = |answer: &str| {
        let (_, rest) = answer.split_once("<Role>").unwrap();
        rest.split_once("</Role>").unwrap().0.to_owned()
    };
    assert_eq!(role(&lab.ok(&lab.robot, get)), role(&created));

    let update = format!("Action=UpdateAssumeRolePolicy&RoleName=deploy&PolicyDocument={DENY}");
    lab.ok(&lab.robot, &update);
    assert_eq!(lab.call_of("sts", &lab.robot, assume).0, 403);
    assert!(lab.ok(&lab.robot, get).contains("%22Deny%22"));

    // Without a policy, a role trusts its account.
    lab.account.add_role(Role::new("plain").unwrap());
    let plain = lab.ok(&lab.robot, "Action=GetRole&RoleName=plain");
    assert!(plain.contains("arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot%22"));
}

#[test]
fn a_role_that_is_wrong_is_refused() {
    let lab = Lab::new();
    let create = "Action=CreateRole&RoleName=deploy&AssumeRolePolicyDocument=";
    for (form, status, code) in [
        (format!("{create}x"), 400, "MalformedPolicyDocument"),
        (create.to_owned(), 400, "ValidationError"),
        (
            format!("{create}{TRUST}").replace("deploy", "a%2Fb"),
            400,
            "ValidationError",
        ),
        (format!("{create}{TRUST}&Path=ops"), 400, "ValidationError"),
        (
            format!("{create}{TRUST}&MaxSessionDuration=60"),
            400,
            "ValidationError",
        ),
        (
            format!("Action=UpdateAssumeRolePolicy&RoleName=none&PolicyDocument={TRUST}"),
            404,
            "NoSuchEntity",
        ),
    ] {
        lab.refused(&lab.robot, &form, status, code);
    }
}
