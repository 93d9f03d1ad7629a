use super::{Caller, ConditionReport, Mismatch, Request, TrustPolicy, Verdict};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";

/// A request of alice, with the context keys that she has in all tests.
fn request() -> Request {
    Request::new(Caller::from_arn(ALICE), "sts:AssumeRole")
        .with("aws:username", ["alice"])
        .with("aws:userid", ["AIDAALICE"])
        .with("aws:PrincipalOrgID", ["o-1234567890"])
        .with("aws:PrincipalArn", [ALICE])
        .with("aws:MultiFactorAuthPresent", ["true"])
        .with("aws:MultiFactorAuthAge", ["59"])
        .with("aws:CurrentTime", ["2026-11-27T12:00:00Z"])
        .with("aws:EpochTime", ["1795780800"])
        .with("aws:SourceIp", ["192.0.2.10"])
        .with("aws:TagKeys", ["team", "project"])
        .with("aws:RequestTag/team", ["blue"])
        .with("sts:RoleSessionName", ["alice"])
        .with("sts:ExternalId", ["partner*42"])
}

fn policy(statements: &str) -> TrustPolicy {
    let document = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
    TrustPolicy::parse(&document).unwrap()
}

fn is_allowed(statement: &str, request: &Request) -> bool {
    policy(statement).decide(request).is_allowed()
}

#[test]
fn each_condition_operator_compares_as_in_iam() {
    for (condition, is_met) in [
        (
            r#"{"StringEquals": {"sts:externalid": "partner*42"}}"#,
            true,
        ),
        (r#"{"StringEquals": {"sts:ExternalId": "partner*"}}"#, false),
        (
            r#"{"StringEquals": {"sts:ExternalId": ["x", "partner*42"]}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"sts:ExternalId": "PARTNER*42"}}"#,
            false,
        ),
        (r#"{"StringEquals": {"aws:Missing": "x"}}"#, false),
        (r#"{"StringEqualsIfExists": {"aws:Missing": "x"}}"#, true),
        (
            r#"{"StringNotEquals": {"sts:RoleSessionName": "bob"}}"#,
            true,
        ),
        (
            r#"{"StringNotEquals": {"sts:RoleSessionName": ["bob", "alice"]}}"#,
            false,
        ),
        (r#"{"StringNotEquals": {"aws:Missing": "x"}}"#, true),
        (
            r#"{"StringEqualsIgnoreCase": {"sts:RoleSessionName": "ALICE"}}"#,
            true,
        ),
        (
            r#"{"StringNotEqualsIgnoreCase": {"sts:RoleSessionName": "ALICE"}}"#,
            false,
        ),
        (r#"{"StringLike": {"sts:ExternalId": "part*?2"}}"#, true),
        (
            r#"{"StringLike": {"sts:ExternalId": "partner${*}42"}}"#,
            true,
        ),
        (
            r#"{"StringLike": {"sts:RoleSessionName": "al${*}"}}"#,
            false,
        ),
        (r#"{"StringNotLike": {"sts:RoleSessionName": "b*"}}"#, true),
        (
            r#"{"StringLike": {"sts:RoleSessionName": "${aws:username}"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"sts:RoleSessionName": "${aws:Missing}"}}"#,
            false,
        ),
        (
            r#"{"StringEquals": {"sts:RoleSessionName": "${aws:Missing, 'alice'}"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"sts:RoleSessionName": "${aws:TagKeys}"}}"#,
            false,
        ),
        (r#"{"Bool": {"aws:MultiFactorAuthPresent": true}}"#, true),
        (
            r#"{"Bool": {"aws:MultiFactorAuthPresent": "false"}}"#,
            false,
        ),
        (r#"{"Bool": {"aws:ViaAWSService": "false"}}"#, false),
        (r#"{"BoolIfExists": {"aws:ViaAWSService": "false"}}"#, true),
        (
            r#"{"NumericLessThan": {"aws:MultiFactorAuthAge": 60}}"#,
            true,
        ),
        (
            r#"{"NumericLessThan": {"aws:MultiFactorAuthAge": "59"}}"#,
            false,
        ),
        (
            r#"{"NumericLessThanEquals": {"aws:MultiFactorAuthAge": "59.0"}}"#,
            true,
        ),
        (
            r#"{"NumericEquals": {"aws:MultiFactorAuthAge": "59.0"}}"#,
            true,
        ),
        (
            r#"{"NumericNotEquals": {"aws:MultiFactorAuthAge": "59"}}"#,
            false,
        ),
        (
            r#"{"NumericGreaterThan": {"aws:MultiFactorAuthAge": "58"}}"#,
            true,
        ),
        (
            r#"{"NumericGreaterThanEquals": {"aws:MultiFactorAuthAge": "60"}}"#,
            false,
        ),
        (r#"{"NumericEquals": {"aws:username": "59"}}"#, false),
        (r#"{"NumericNotEquals": {"aws:username": "59"}}"#, true),
        (
            r#"{"DateGreaterThan": {"aws:CurrentTime": "2026-11-27T11:59:59Z"}}"#,
            true,
        ),
        (
            r#"{"DateLessThan": {"aws:CurrentTime": "2026-11-28"}}"#,
            true,
        ),
        (
            r#"{"DateEquals": {"aws:EpochTime": "2026-11-27T12:00:00Z"}}"#,
            true,
        ),
        (
            r#"{"DateNotEquals": {"aws:CurrentTime": 1795780800}}"#,
            false,
        ),
        (
            r#"{"DateLessThanEquals": {"aws:CurrentTime": "2026-11-27T11:59:59Z"}}"#,
            false,
        ),
        (
            r#"{"DateGreaterThanEquals": {"aws:CurrentTime": "2026-11-27T12:00:00Z"}}"#,
            true,
        ),
        (r#"{"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}"#, true),
        (
            r#"{"IpAddress": {"aws:SourceIp": ["192.0.2.11", "10.0.0.0/8"]}}"#,
            false,
        ),
        (r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#, true),
        (r#"{"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}"#, false),
        (r#"{"NotIpAddress": {"aws:SourceIp": "192.0.2.10"}}"#, false),
        (
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}"#,
            true,
        ),
        (
            r#"{"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1111*:user/${aws:username}"}}"#,
            true,
        ),
        (
            r#"{"ArnLike": {"aws:PrincipalArn": "arn:*:user/alice"}}"#,
            false,
        ),
        (r#"{"ArnLike": {"aws:username": "*"}}"#, false),
        (
            r#"{"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}"#,
            true,
        ),
        (
            r#"{"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:user/*"}}"#,
            false,
        ),
        (r#"{"Null": {"aws:RequestTag/team": "false"}}"#, true),
        (r#"{"Null": {"aws:RequestTag/team": true}}"#, false),
        (r#"{"Null": {"aws:Missing": "true"}}"#, true),
        (
            r#"{"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "project", "cost"]}}"#,
            true,
        ),
        (
            r#"{"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}"#,
            false,
        ),
        (r#"{"ForAllValues:StringLike": {"aws:TagKeys": "*"}}"#, true),
        (
            r#"{"ForAllValues:StringEquals": {"aws:Missing": "x"}}"#,
            true,
        ),
        (
            r#"{"ForAllValues:StringNotEquals": {"aws:TagKeys": "secret"}}"#,
            true,
        ),
        (
            r#"{"ForAllValues:StringNotEquals": {"aws:TagKeys": "team"}}"#,
            false,
        ),
        (
            r#"{"ForAnyValue:StringEquals": {"aws:TagKeys": ["team", "x"]}}"#,
            true,
        ),
        (
            r#"{"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}"#,
            false,
        ),
        (
            r#"{"ForAnyValue:StringEquals": {"aws:Missing": "x"}}"#,
            false,
        ),
        (
            r#"{"ForAnyValue:StringEqualsIfExists": {"aws:Missing": "x"}}"#,
            true,
        ),
        (
            r#"{"ForAnyValue:StringNotEquals": {"aws:TagKeys": "team"}}"#,
            true,
        ),
        (
            r#"{"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["team", "project"]}}"#,
            false,
        ),
        (
            r#"{"ForAnyValue:StringNotEquals": {"aws:Missing": "x"}}"#,
            false,
        ),
        (
            r#"{"BinaryEquals": {"sts:RoleSessionName": "alice"}}"#,
            true,
        ),
        (
            r#"{"StringEquals": {"aws:PrincipalOrgID": "o-1234567890", "aws:RequestTag/team": "red"}}"#,
            false,
        ),
    ] {
        let statement = format!(
            r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Condition": {condition}}}"#
        );
        assert_eq!(is_allowed(&statement, &request()), is_met, "{condition}");
    }
}

#[test]
fn variables_are_plain_text_in_the_first_version_of_the_language() {
    let statement = r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*",
        "Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}}"#;
    let old = TrustPolicy::parse(&format!(r#"{{"Statement": {statement}}}"#)).unwrap();
    assert!(!old.decide(&request()).is_allowed());
    assert!(
        old.decide(&request().with("sts:RoleSessionName", ["${aws:username}"]))
            .is_allowed()
    );
}

#[test]
fn each_form_of_principal_covers_the_callers_it_names_and_no_others() {
    let role = "arn:aws:iam::111122223333:role/ops/deploy";
    let session = Caller::Session {
        role_arn: role.to_owned(),
        session: "ci".to_owned(),
    };
    let saml = "arn:aws:iam::111122223333:saml-provider/corp";
    for (principal, caller, is_covered) in [
        (r#""*""#, Caller::from_arn(ALICE), true),
        (r#"{"AWS": "*"}"#, Caller::Anonymous, true),
        (r#"{"AWS": "111122223333"}"#, Caller::from_arn(ALICE), true),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:root"}"#,
            session.clone(),
            true,
        ),
        (r#"{"AWS": "444455556666"}"#, Caller::from_arn(ALICE), false),
        (
            r#"{"AWS": "arn:aws-cn:iam::111122223333:root"}"#,
            Caller::from_arn(ALICE),
            false,
        ),
        (
            r#"{"AWS": ["444455556666", "arn:aws:iam::111122223333:user/alice"]}"#,
            Caller::from_arn(ALICE),
            true,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:user/Alice"}"#,
            Caller::from_arn(ALICE),
            false,
        ),
        (r#"{"AWS": "AIDAALICE"}"#, Caller::from_arn(ALICE), true),
        (r#"{"AWS": "AIDABOB"}"#, Caller::from_arn(ALICE), false),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:role/ops/deploy"}"#,
            session.clone(),
            true,
        ),
        (
            r#"{"AWS": "arn:aws:iam::111122223333:role/deploy"}"#,
            session.clone(),
            false,
        ),
        (
            r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/deploy/ci"}"#,
            session.clone(),
            true,
        ),
        (
            r#"{"AWS": "arn:aws:sts::111122223333:assumed-role/deploy/other"}"#,
            session,
            false,
        ),
        (
            r#"{"AWS": "arn:aws:sts::111122223333:federated-user/bob"}"#,
            Caller::from_arn("arn:aws:sts::111122223333:federated-user/bob"),
            true,
        ),
        (
            r#"{"AWS": "111122223333"}"#,
            Caller::from_arn("arn:aws:iam::111122223333:root"),
            true,
        ),
        (
            r#"{"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}"#,
            Caller::from_arn("lambda.amazonaws.com"),
            true,
        ),
        (
            r#"{"Service": "ec2.amazonaws.com"}"#,
            Caller::from_arn(ALICE),
            false,
        ),
        (
            r#"{"Federated": "arn:aws:iam::111122223333:saml-provider/corp"}"#,
            Caller::from_arn(saml),
            true,
        ),
        (r#"{"AWS": "111122223333"}"#, Caller::from_arn(saml), false),
        (
            r#"{"Federated": "cognito-identity.amazonaws.com"}"#,
            Caller::Federated {
                provider: "cognito-identity.amazonaws.com".to_owned(),
            },
            true,
        ),
    ] {
        let statement = format!(
            r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {principal}}}"#
        );
        let request = Request::new(caller, "sts:AssumeRole").with("aws:userid", ["AIDAALICE"]);
        assert_eq!(
            is_allowed(&statement, &request),
            is_covered,
            "{principal} {request:?}"
        );
    }
}

#[test]
fn not_principal_spares_a_caller_only_if_its_account_is_listed_too() {
    let both = r#"["111122223333", "arn:aws:iam::111122223333:user/alice"]"#;
    for (listed, verdict) in [
        (both, Verdict::Allowed),
        (r#""arn:aws:iam::111122223333:user/alice""#, Verdict::Denied),
        (r#""111122223333""#, Verdict::Denied),
        (r#""*""#, Verdict::Allowed),
    ] {
        let statements = format!(
            r#"[{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}},
                {{"Effect": "Deny", "Action": "sts:AssumeRole", "NotPrincipal": {{"AWS": {listed}}}}}]"#
        );
        assert_eq!(
            policy(&statements).decide(&request()).verdict(),
            verdict,
            "{listed}"
        );
    }
}

#[test]
fn actions_match_without_case_and_with_wildcards() {
    for (action, is_match) in [
        (r#""Action": "sts:AssumeRole""#, true),
        (r#""Action": "STS:assumerole""#, true),
        (r#""Action": ["sts:TagSession", "sts:Assume*"]"#, true),
        (r#""Action": "sts:AssumeRol?""#, true),
        (r#""Action": "sts:AssumeRoleWith*""#, false),
        (r#""Action": "*""#, true),
        (r#""NotAction": "sts:TagSession""#, true),
        (r#""NotAction": "sts:*""#, false),
    ] {
        let statement = format!(r#"{{"Effect": "Allow", {action}, "Principal": "*"}}"#);
        assert_eq!(is_allowed(&statement, &request()), is_match, "{action}");
    }
}

#[test]
fn a_deny_wins_and_is_the_statement_that_decided() {
    let policy = policy(
        r#"[{"Sid": "A", "Effect": "Allow", "Action": "sts:*", "Principal": "*"},
            {"Sid": "D", "Effect": "Deny", "Action": "sts:*", "Principal": "*",
             "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}]"#,
    );
    let decision = policy.decide(&request());
    assert_eq!(decision.statement().unwrap().sid(), Some("A"));
    assert_eq!(decision.to_string(), "allowed by statement 1 (\"A\")");
    let decision = policy.decide(&request().with("aws:MultiFactorAuthPresent", ["false"]));
    assert_eq!(decision.verdict(), Verdict::Denied);
    let report = decision.statement().unwrap();
    assert!(report.is_deny() && report.index() == 1);
    assert_eq!(
        decision.to_string(),
        "denied by statement 2 (\"D\"), which is about aws:MultiFactorAuthPresent with \
         BoolIfExists \"false\", and the request has \"false\""
    );
}

#[test]
fn the_reasons_of_a_refusal_name_each_statement_and_each_condition_that_failed() {
    let policy = policy(
        r#"[{"Effect": "Allow", "Action": "sts:TagSession", "Principal": "*"},
            {"Sid": "Bob", "Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"AWS": "arn:aws:iam::111122223333:user/bob"}},
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Condition": {
             "StringEquals": {"aws:RequestTag/team": ["red", "green"], "aws:username": "alice"},
             "Null": {"sts:SourceIdentity": "false"}}},
            {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "444455556666"}}]"#,
    );
    let decision = policy.decide(&request());
    assert_eq!(decision.verdict(), Verdict::NotAllowed);
    assert!(decision.statement().is_none());
    let condition =
        |operator: &str, key: &str, wanted: &[&str], actual: Option<&str>| ConditionReport {
            operator: operator.to_owned(),
            key: key.to_owned(),
            wanted: wanted.iter().map(|text| (*text).to_owned()).collect(),
            actual: actual.map(|text| vec![text.to_owned()]),
        };
    let mismatches: Vec<_> = decision
        .statements()
        .iter()
        .map(|report| report.mismatch().unwrap().clone())
        .collect();
    let conditions = vec![
        condition(
            "StringEquals",
            "aws:RequestTag/team",
            &["red", "green"],
            Some("blue"),
        ),
        condition("Null", "sts:SourceIdentity", &["false"], None),
    ];
    assert_eq!(
        mismatches,
        [
            Mismatch::Action,
            Mismatch::Principal,
            Mismatch::Conditions(conditions),
            Mismatch::Principal,
        ]
    );
    assert_eq!(
        decision.to_string(),
        "not allowed: statement 1 does not name the action; statement 2 (\"Bob\") does not name the \
         caller; statement 3 wants aws:RequestTag/team with StringEquals \"red\" or \"green\", and \
         the request has \"blue\", and sts:SourceIdentity with Null \"false\", and the request has none"
    );
}

#[test]
fn a_caller_who_is_named_needs_no_permission_of_its_own_and_one_of_a_named_account_does() {
    for (principal, needs) in [
        (r#"{"AWS": "111122223333"}"#, true),
        (
            r#"{"AWS": ["111122223333", "arn:aws:iam::111122223333:user/alice"]}"#,
            false,
        ),
        (r#""*""#, false),
    ] {
        let statement = format!(
            r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {principal}}}"#
        );
        let decision = policy(&statement).decide(&request());
        assert!(decision.is_allowed());
        assert_eq!(decision.needs_own_permission(), needs, "{principal}");
    }
}

#[test]
fn the_error_of_a_bad_policy_names_the_place() {
    let statement = |members: &str| format!(r#"{{"Statement": [{{{members}}}]}}"#);
    let full = r#""Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole""#;
    for (document, place) in [
        ("", "line 1 column 0"),
        ("{\"Statement\": [}", "line 1 column 16"),
        ("[]", ""),
        ("{}", ""),
        (r#"{"Statement": []}"#, "Statement"),
        (r#"{"Statement": [], "Extra": 1}"#, "Extra"),
        (r#"{"Version": "2012", "Statement": []}"#, "Version"),
        (r#"{"Statement": [], "Statement": []}"#, "Statement"),
        (r#"{"Statement": "x"}"#, "Statement"),
        (&statement(""), "Statement[0]"),
        (&statement(r#""Effect": "allow""#), "Statement[0].Effect"),
        (
            &statement(r#""Effect": "Allow", "Principal": "*""#),
            "Statement[0]",
        ),
        (
            &statement(r#""Effect": "Allow", "Principal": "alice""#),
            "Statement[0].Principal",
        ),
        (
            &statement(r#""Principal": {"AWS": []}"#),
            "Statement[0].Principal.AWS",
        ),
        (&statement(r#""Principal": {}"#), "Statement[0].Principal"),
        (
            &statement(
                r#""Principal": {"AWS": ["111122223333", "arn:aws:iam::111122223333:user/*"]}"#,
            ),
            "Statement[0].Principal.AWS[1]",
        ),
        (
            &statement(r#""Principal": {"CanonicalUser": "79a5"}"#),
            "Statement[0].Principal.CanonicalUser",
        ),
        (
            &statement(r#""Principal": {"Service": "*"}"#),
            "Statement[0].Principal.Service",
        ),
        (
            &statement(r#""Principal": "*", "NotPrincipal": "*""#),
            "Statement[0].NotPrincipal",
        ),
        (
            &statement(r#""Action": "s3:GetObject""#),
            "Statement[0].Action",
        ),
        (
            &statement(r#""Action": ["sts:AssumeRole", 1]"#),
            "Statement[0].Action[1]",
        ),
        (
            &statement(r#""Action": "sts:AssumeRole", "Resource": "*""#),
            "Statement[0].Resource",
        ),
        (
            &statement(&format!(r#"{full}, "Condition": {{"StringIs": {{}}}}"#)),
            "Statement[0].Condition.StringIs",
        ),
        (
            &statement(&format!(
                r#"{full}, "Condition": {{"NumericEquals": {{"a:b": ["1", "x"]}}}}"#
            )),
            "Statement[0].Condition.NumericEquals.a:b[1]",
        ),
        (
            &statement(&format!(
                r#"{full}, "Condition": {{"Null": {{"a:b": "maybe"}}}}"#
            )),
            "Statement[0].Condition.Null.a:b",
        ),
        (
            &statement(&format!(
                r#"{full}, "Condition": {{"IpAddress": {{"a:b": "10.0.0.0/33"}}}}"#
            )),
            "Statement[0].Condition.IpAddress.a:b",
        ),
        (
            &statement(&format!(r#"{full}, "Sid": {{}}"#)),
            "Statement[0].Sid",
        ),
    ] {
        let error = TrustPolicy::parse(document).unwrap_err();
        assert_eq!(error.place(), place, "{document}: {error}");
    }
}
