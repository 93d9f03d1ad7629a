//! `keyfob can`: the policy simulator in one line.

use std::sync::mpsc::Receiver;

use serde_json::json;

use crate::{
    answers::{answer, start_server_with},
    keyfob::{Home, Run, assert_has, assert_lacks},
};

const USER: &str = "arn:aws:iam::123456789012:user/ops/ada";
const ROLE: &str = "arn:aws:iam::123456789012:role/ops/app";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/app/run-7";

/// A service that knows one caller, and answers each simulation with these results, a page each.
struct Lab {
    home: Home,
    bodies: Receiver<String>,
}

impl Lab {
    /// `role` is the answer to `GetRole`.
    fn start(caller: &'static str, role: String, pages: Vec<String>) -> Self {
        let (url, bodies) = start_server_with(move |body| {
            if body.contains("Action=GetCallerIdentity") {
                return ok(
                    "GetCallerIdentity",
                    &format!(
                        "<Arn>{caller}</Arn>\
                    <UserId>U</UserId><Account>123456789012</Account>"
                    ),
                );
            }
            if body.contains("Action=GetRole") {
                return role.clone();
            }
            let marker = body.split("&Marker=").nth(1).unwrap_or("0");
            let page: usize = marker.split('&').next().unwrap().parse().unwrap();
            let is_last = page + 1 == pages.len();
            let results = &pages[page];
            ok(
                "SimulatePrincipalPolicy",
                &format!(
                    "<EvaluationResults>{results}</EvaluationResults>\
                 <IsTruncated>{}</IsTruncated><Marker>{}</Marker>",
                    !is_last,
                    page + 1,
                ),
            )
        });
        let home = Home::new()
            .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_ENDPOINT_URL", &url);
        Self { home, bodies }
    }

    /// A service whose caller is a user.
    fn with_user(pages: &[String]) -> Self {
        Self::start(USER, refused("NoSuchEntity", "no"), pages.to_vec())
    }

    fn can(&self, line: &str) -> Run {
        let words = line.split_whitespace();
        self.home.keyfob(["can"].into_iter().chain(words))
    }

    /// Returns the forms of the last simulation and what was sent before it.
    fn sent(&self) -> Vec<String> {
        self.bodies.try_iter().collect()
    }
}

fn ok(action: &str, result: &str) -> String {
    let result = format!("<{action}Result>{result}</{action}Result>");
    answer(
        "200 OK",
        &format!("<{action}Response>{result}</{action}Response>"),
    )
}

fn refused(code: &str, message: &str) -> String {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    let body = format!("<ErrorResponse><Error>{error}</Error></ErrorResponse>");
    answer("403 Forbidden", &body)
}

fn result(action: &str, resource: &str, decision: &str, more: &str) -> String {
    format!(
        "<member><EvalActionName>{action}</EvalActionName>\
         <EvalResourceName>{resource}</EvalResourceName>\
         <EvalDecision>{decision}</EvalDecision>{more}</member>"
    )
}

fn statement(policy: &str) -> String {
    format!(
        "<MatchedStatements><member><SourcePolicyId>{policy}</SourcePolicyId>\
         <SourcePolicyType>IAM Policy</SourcePolicyType>\
         <StartPosition><Line>3</Line><Column>17</Column></StartPosition>\
         <EndPosition><Line>8</Line><Column>6</Column></EndPosition></member></MatchedStatements>"
    )
}

#[test]
fn what_is_allowed_exits_with_0_and_names_the_policy_and_the_position() {
    let allowed = result(
        "s3:GetObject",
        "arn:aws:s3:::b/k",
        "allowed",
        &statement("readers"),
    );
    let lab = Lab::with_user(&[allowed]);
    let out = lab.can("s3:GetObject arn:aws:s3:::b/k").ok();
    assert_eq!(
        out,
        format!(
            "principal   {USER}\n\
             allowed     s3:GetObject on arn:aws:s3:::b/k\n\
             by          policy readers (IAM Policy), statement at 3:17 to 8:6\n\
             simulated   policies of resources and of sessions are not part of it\n"
        )
    );
    let sent = lab.sent();
    assert_eq!(sent.len(), 2, "{sent:?}");
    assert_has(
        &sent[1],
        &[
            "Action=SimulatePrincipalPolicy",
            "&PolicySourceArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Auser%2Fops%2Fada&",
            "&ActionNames.member.1=s3%3AGetObject",
            "&ResourceArns.member.1=arn%3Aaws%3As3%3A%3A%3Ab%2Fk",
        ],
    );
    assert_lacks(&sent[1], &["ContextEntries", "member.2"]);
    let answer = lab.can("s3:GetObject arn:aws:s3:::b/k --json").json();
    assert_eq!(answer["allowed"], true);
    let result = &answer["principals"][0]["results"][0];
    assert_eq!(result["decision"], "allowed");
    let statement = json!({
        "policy": "readers",
        "type": "IAM Policy",
        "start": {"line": 3, "column": 17},
        "end": {"line": 8, "column": 6},
    });
    assert_eq!(result["statements"], json!([statement]));
}

#[test]
fn what_is_denied_exits_with_1_and_says_that_no_statement_matched_or_which_one_denies() {
    let limits = "<PermissionsBoundaryDecisionDetail><AllowedByPermissionsBoundary>false\
                  </AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>\
                  <OrganizationsDecisionDetail><AllowedByOrganizations>false\
                  </AllowedByOrganizations></OrganizationsDecisionDetail>\
                  <MissingContextValues><member>aws:SourceIp</member></MissingContextValues>";
    let lab = Lab::with_user(&[
        result("s3:GetObject", "*", "allowed", &statement("readers")),
        result("s3:PutObject", "*", "implicitDeny", limits)
            + &result("s3:DeleteObject", "*", "explicitDeny", &statement("guard")),
    ]);
    let run = lab.can("s3:GetObject s3:PutObject s3:DeleteObject");
    assert_eq!((run.code, &*run.stderr), (1, ""), "{run:?}");
    assert_has(
        &run.stdout,
        &[
            "\nallowed     s3:GetObject on *\nby          policy readers",
            "\ndenied      s3:PutObject on *\n\
             by          no statement matched\n\
             limited     the permissions boundary does not allow it\n\
             limited     a policy of the organization does not allow it\n\
             not tried   conditions on aws:SourceIp, which is not given with --context\n",
            "\ndenied      s3:DeleteObject on *\nby          policy guard (IAM Policy), statement",
        ],
    );
    // Both pages were read, and all actions were in the first call.
    let sent = lab.sent();
    assert_has(&sent[1], &["&ActionNames.member.3=s3%3ADeleteObject"]);
    assert_lacks(&sent[1], &["ResourceArns", "Marker"]);
    assert_has(&sent[2], &["&Marker=1"]);
    let run = lab.can("s3:PutObject --output json");
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stdout,
        &[
            "\"implicit_deny\"",
            "\"explicit_deny\"",
            "\"not_evaluated\": [\n",
        ],
    );
}

#[test]
fn fewer_results_than_questions_are_an_error_and_no_decision() {
    let one = result("s3:GetObject", "arn:aws:s3:::a", "allowed", "");
    for (results, line, text) in [
        (
            String::new(),
            "s3:PutObject",
            "0 of 1 questions about s3:PutObject",
        ),
        (
            one.clone(),
            "s3:GetObject arn:aws:s3:::a arn:aws:s3:::b",
            "1 of 2 questions about s3:GetObject of arn:aws:iam",
        ),
        (
            // Two answers about one resource.
            [&*one, &*one].concat(),
            "s3:GetObject arn:aws:s3:::a arn:aws:s3:::b",
            "1 of 2 questions about s3:GetObject of arn:aws:iam",
        ),
        (
            one,
            "s3:getobject s3:PutObject arn:aws:s3:::a",
            "0 of 1 questions about s3:PutObject",
        ),
    ] {
        let stderr = Lab::with_user(&[results]).can(line).fails(255);
        assert_has(&stderr, &["IAM answered ", text]);
    }
    // What is given twice is one question.
    let one = result("s3:GetObject", "arn:aws:s3:::a", "allowed", "");
    let lab = Lab::with_user(&[one]);
    let twice = "s3:GetObject s3:getobject arn:aws:s3:::a arn:aws:s3:::a";
    let out = lab.can(twice).ok();
    assert_eq!(out.matches("allowed").count(), 1, "{out}");
}

#[test]
fn an_action_on_two_resources_has_a_decision_for_each_in_the_sandbox_too() {
    let can = ["--sandbox", "can", "s3:GetObject", "--profile", "user"];
    let resources = ["arn:aws:s3:::a/k", "arn:aws:s3:::secret/k"];
    let run = Home::new().keyfob([&can[..], &resources].concat());
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stdout,
        &[
            "allowed     s3:GetObject on arn:aws:s3:::a/k\n",
            "denied      s3:GetObject on arn:aws:s3:::secret/k\n",
        ],
    );
}

#[test]
fn a_session_is_asked_about_by_its_role_with_the_path_that_iam_gives() {
    let allowed = result("s3:GetObject", "*", "allowed", "");
    let role = ok("GetRole", &format!("<Role><Arn>{ROLE}</Arn></Role>"));
    let lab = Lab::start(SESSION, role.clone(), vec![allowed.clone()]);
    let out = lab.can("s3:GetObject").ok();
    assert_has(&out, &[&format!("principal   {ROLE}\n")]);
    let sent = lab.sent();
    assert_has(&sent[1], &["Action=GetRole&", "&RoleName=app"]);
    assert_has(&sent[2], &["role%2Fops%2Fapp"]);
    // As a user names one.
    let lab = Lab::start(USER, role, vec![allowed]);
    let out = lab.can(&format!("s3:GetObject --as {SESSION}")).ok();
    assert_has(&out, &[&format!("principal   {ROLE}\n")]);
    // IAM has no roles of another account, even if one has the same name there.
    let other = SESSION.replace("123456789012", "210987654321");
    let stderr = lab.can(&format!("s3:GetObject --as {other}")).fails(255);
    let cure = "the role is in another account: ask with credentials of account 210987654321";
    assert_has(&stderr, &[cure]);
}

#[test]
fn if_the_role_of_a_session_cannot_be_read_the_error_asks_for_as_and_the_cure_works() {
    let allowed = result("s3:GetObject", "*", "allowed", "");
    let lab = Lab::start(
        SESSION,
        refused("AccessDenied", "no iam:GetRole"),
        vec![allowed],
    );
    let stderr = lab.can("s3:GetObject").fails(254);
    assert_has(
        &stderr,
        &[
            "An error occurred (AccessDenied) when calling the GetRole operation: no iam:GetRole",
            "hint: the ARN of a session does not have the path of its role: name the role, with \
             its path if it has one: --as ",
        ],
    );
    let cure = stderr.trim().rsplit("--as ").next().unwrap();
    let out = lab.can(&format!("s3:GetObject --as {cure}")).ok();
    assert_has(&out, &["principal   arn:aws:iam::123456789012:role/app\n"]);
}

#[test]
fn root_and_federated_users_and_what_is_no_principal_have_a_sentence() {
    for (caller, code, text) in [
        (
            "arn:aws:iam::123456789012:root",
            255,
            "you are the root user, which no policy of its account limits: name a user or a role \
             with --as ARN",
        ),
        (
            "arn:aws:sts::123456789012:federated-user/bob",
            255,
            "you are a federated user, who may do what its session policy and the policies of a \
             user both allow: name that user with --as ARN",
        ),
        (
            "arn:aws:iam::123456789012:mfa/ada",
            252,
            "you are no user, role, group or session",
        ),
    ] {
        let allowed = result("s3:GetObject", "*", "allowed", "");
        let lab = Lab::start(caller, refused("NoSuchEntity", "no"), vec![allowed]);
        let stderr = lab.can("s3:GetObject").fails(code);
        assert_has(&stderr, &[text]);
        let stderr = lab.can(&format!("s3:GetObject --as {USER} --and-as {caller}"));
        assert_has(&stderr.fails(code), &["--and-as names "]);
        let group = "arn:aws:iam::123456789012:group/ops/admins";
        let out = lab.can(&format!("s3:GetObject --as {group}")).ok();
        assert_has(&out, &[&format!("principal   {group}\n")]);
    }
}

#[test]
fn values_of_the_context_are_sent_with_the_type_of_their_form() {
    let lab = Lab::with_user(&[result("s3:GetObject", "*", "allowed", "")]);
    lab.can(
        "s3:GetObject --context aws:SourceIp=192.0.2.1 --context aws:TagKeys=team \
         --context aws:tagkeys=cost=center --context aws:MultiFactorAuthPresent=true",
    )
    .ok();
    let sent = lab.sent().pop().unwrap();
    let entries: Vec<_> = sent
        .split('&')
        .filter_map(|pair| pair.strip_prefix("ContextEntries.member."))
        .collect();
    assert_eq!(
        entries,
        [
            "1.ContextKeyName=aws%3ASourceIp",
            "1.ContextKeyValues.member.1=192.0.2.1",
            "1.ContextKeyType=ip",
            "2.ContextKeyName=aws%3ATagKeys",
            "2.ContextKeyValues.member.1=team",
            "2.ContextKeyValues.member.2=cost%3Dcenter",
            "2.ContextKeyType=stringList",
            "3.ContextKeyName=aws%3AMultiFactorAuthPresent",
            "3.ContextKeyValues.member.1=true",
            "3.ContextKeyType=boolean",
        ]
    );
}

#[test]
fn two_principals_are_compared() {
    let (url, _) = start_server_with(|body| {
        let decision = if body.contains("ada") {
            "allowed"
        } else {
            "implicitDeny"
        };
        let results =
            result("s3:GetObject", "*", "allowed", "") + &result("s3:PutObject", "*", decision, "");
        ok(
            "SimulatePrincipalPolicy",
            &format!("<EvaluationResults>{results}</EvaluationResults>"),
        )
    });
    let home = Home::new()
        .with_key("AKIAIOSFODNN7EXAMPLE", "secret")
        .with("AWS_ENDPOINT_URL", &url)
        .with("AWS_REGION", "eu-west-1");
    let bob = "arn:aws:iam::123456789012:user/bob";
    let can = ["can", "s3:GetObject", "s3:PutObject", "--as"];
    let run = home.keyfob([&can[..], &[USER, "--and-as", bob]].concat());
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stdout,
        &[
            &format!("principal   {USER}\nallowed     s3:GetObject on *\n"),
            &format!("principal   {bob}\n"),
            &format!("compared    only {USER} may do s3:PutObject on *\n"),
        ],
    );
    assert_lacks(&run.stdout, &["may do s3:GetObject"]);
    let run = home.keyfob([&can[..], &[bob, "--and-as", USER, "--json"]].concat());
    assert_eq!(run.code, 1);
    assert_has(
        &run.stdout.replace(char::is_whitespace, ""),
        &["\"differences\":[{\"call\":\"s3:PutObjecton*\",\
           \"decisions\":[\"implicit_deny\",\"allowed\"]}]"],
    );
    let run = home.keyfob([&can[..], &[USER, "--and-as", USER]].concat());
    assert_has(&run.ok(), &["compared    both may do the same of this\n"]);
}

/// The simulator of the sandbox.
#[test]
fn in_the_sandbox_policies_of_its_user_and_its_role_can_be_asked_about() {
    let home = Home::new();
    let can = |line: &str| {
        let line = format!("--sandbox can {line}");
        home.keyfob(line.split(' '))
    };
    let out = can("s3:GetObject arn:aws:s3:::b/k --profile user").ok();
    assert_has(
        &out,
        &[
            "principal   arn:aws:iam::123456789012:user/user\n",
            "allowed     s3:GetObject on arn:aws:s3:::b/k\n\
             by          policy basics (user), statement at 4:9 to 4:79\n",
        ],
    );
    // The session of the instance's role, by the role that IAM names.
    let run = can("s3:PutObject s3:ListBucket arn:aws:s3:::app/k");
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stdout,
        &[
            "principal   arn:aws:iam::123456789012:role/app\nallowed     s3:PutObject on ",
            "by          policy objects (role), statement at 4:9 to ",
            "denied      s3:ListBucket on arn:aws:s3:::app/k\n\
             by          no statement matched\n",
        ],
    );
    let secret = can("s3:GetObject arn:aws:s3:::secret/k --profile user");
    assert_eq!(secret.code, 1, "{secret:?}");
    assert_has(
        &secret.stdout,
        &["by          policy basics (user), statement at 5:9"],
    );
    // Conditions are evaluated only if what they ask for is given.
    let run = can("ec2:TerminateInstances --profile user");
    assert_eq!(run.code, 1, "{run:?}");
    let text = "not tried   conditions on aws:MultiFactorAuthPresent, which is not given";
    assert_has(&run.stdout, &[text]);
    let mfa = "--context aws:MultiFactorAuthPresent=true";
    can(&format!("ec2:TerminateInstances --profile user {mfa}")).ok();
    let other = "--and-as arn:aws:iam::123456789012:role/app";
    let run = can(&format!(
        "s3:GetObject s3:PutObject arn:aws:s3:::app/k --profile user {other}"
    ));
    assert_eq!(run.code, 1, "{run:?}");
    assert_has(
        &run.stdout,
        &["compared    only arn:aws:iam::123456789012:role/app may do s3:PutObject on "],
    );
}

#[test]
fn wrong_words_are_refused_before_anything_is_sent() {
    let home = Home::new().with_key("AKIAIOSFODNN7EXAMPLE", "secret");
    for (line, text) in [
        (
            "can s3:GetObject bucket/canary",
            "word 2: it is neither an action, such as s3:GetObject",
        ),
        (
            "can s3:Get*",
            "word 1: IAM simulates no wildcards: name each action",
        ),
        (
            "can s3:GetObject --context canary=1",
            "--context: the key is none of conditions, such as aws:SourceIp",
        ),
        ("can arn:aws:s3:::canary", "no action is given: name one"),
        (
            "can s3:GetObject --context canary",
            "--context: write KEY=VALUE",
        ),
        (
            "can s3:GetObject --context my:key=1 --context canary",
            "--context (number 2): write KEY=VALUE",
        ),
        (
            "can s3:GetObject --as canary",
            "--as names no user, role, group or session",
        ),
        (
            "can",
            "the following arguments are required: <ACTION|ARN>...",
        ),
    ] {
        let words = format!("--endpoint-url http://127.0.0.1:1 {line}");
        let stderr = home.keyfob(words.split(' ')).fails(252);
        assert_has(&stderr, &[text]);
        assert_lacks(&stderr, &["canary"]);
    }
}
