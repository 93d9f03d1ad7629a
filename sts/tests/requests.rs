//! The request of each action, and the parameters that are refused.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use http::{Method, Response, header::CONTENT_TYPE};
use keyfob_sts::{
    Endpoint, Error, ErrorKind,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot,
        DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity, GetDelegatedAccessToken,
        GetFederationToken, GetScopedCredentials, GetSessionToken, GetWebIdentityToken,
    },
    call::Call,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/x";
const MFA: &str = "arn:aws:iam::123456789012:mfa/alice";

fn body<C: Call>(action: &C) -> String {
    let endpoint = Endpoint::builder().region("eu-west-1").unwrap();
    let request = action.request(&endpoint.build().unwrap()).unwrap();
    request.body().expose().to_owned()
}

#[test]
fn a_request_is_a_form_posted_to_the_endpoint() {
    let endpoint = Endpoint::builder()
        .url("http://localhost:4566/aws/sts")
        .unwrap();
    let endpoint = endpoint.build().unwrap();
    let request = GetCallerIdentity::new().request(&endpoint).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "http://localhost:4566/aws/sts");
    assert_eq!(
        request.headers()[CONTENT_TYPE],
        "application/x-www-form-urlencoded; charset=utf-8"
    );
    assert_eq!(request.headers().len(), 1);
}

#[test]
fn assume_role_with_every_parameter_is_written_as_aws_writes_it() {
    let provider = "arn:aws:iam::aws:contextProvider/IdentityCenter";
    let action = AssumeRole::new(ROLE, "s@x")
        .and_then(|action| action.policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess"))
        .and_then(|action| action.policy_arn("arn:aws:iam::aws:policy/IAMReadOnlyAccess"))
        .and_then(|action| action.policy("{\"Version\": \"2012-10-17\"}"))
        .and_then(|action| action.duration_seconds(900))
        .and_then(|action| action.tag("a", "c+d~e*é"))
        .and_then(|action| action.tag("b", ""))
        .and_then(|action| action.transitive_tag_key("a"))
        .and_then(|action| action.transitive_tag_key("b"))
        .and_then(|action| action.external_id("partner/42"))
        .and_then(|action| action.mfa(MFA, "123456"))
        .and_then(|action| action.source_identity("alice"))
        .and_then(|action| action.provided_context(provider, "assertion"))
        .unwrap();
    let expected = [
        "Action=AssumeRole",
        "Version=2011-06-15",
        "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx",
        "RoleSessionName=s%40x",
        "PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess",
        "PolicyArns.member.2.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FIAMReadOnlyAccess",
        "Policy=%7B%22Version%22%3A%20%222012-10-17%22%7D",
        "DurationSeconds=900",
        "Tags.member.1.Key=a",
        "Tags.member.1.Value=c%2Bd~e%2A%C3%A9",
        "Tags.member.2.Key=b",
        "Tags.member.2.Value=",
        "TransitiveTagKeys.member.1=a",
        "TransitiveTagKeys.member.2=b",
        "ExternalId=partner%2F42",
        "SerialNumber=arn%3Aaws%3Aiam%3A%3A123456789012%3Amfa%2Falice",
        "TokenCode=123456",
        "SourceIdentity=alice",
        "ProvidedContexts.member.1.ProviderArn=arn%3Aaws%3Aiam%3A%3Aaws%3AcontextProvider%2FIdentityCenter",
        "ProvidedContexts.member.1.ContextAssertion=assertion",
    ];
    assert_eq!(body(&action), expected.join("&"));
}

#[test]
fn get_session_token_sends_what_was_set_and_nothing_else() {
    assert_eq!(
        body(&GetSessionToken::new()),
        "Action=GetSessionToken&Version=2011-06-15"
    );
    let action = GetSessionToken::new().duration_seconds(129_600).unwrap();
    let action = action.mfa("GAHT12345678", "000000").unwrap();
    assert_eq!(
        body(&action),
        "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=129600&SerialNumber=GAHT12345678&TokenCode=000000"
    );
}

#[test]
fn the_actions_that_federate_send_their_token_and_what_was_set() {
    let web = AssumeRoleWithWebIdentity::new("role-arn-of-20-chars", "ci", "e.y.j")
        .and_then(|action| action.provider_id("www.amazon.com"))
        .and_then(|action| action.policy("{}"))
        .and_then(|action| action.policy_arn("policy-arn-of-20-char"))
        .and_then(|action| action.duration_seconds(43_200))
        .unwrap();
    assert_eq!(
        body(&web),
        "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=role-arn-of-20-chars&RoleSessionName=ci\
         &WebIdentityToken=e.y.j&ProviderId=www.amazon.com&Policy=%7B%7D\
         &PolicyArns.member.1.arn=policy-arn-of-20-char&DurationSeconds=43200"
    );
    let saml = AssumeRoleWithSaml::new(
        "role-arn-of-20-chars",
        "provider-arn-of-20-chars",
        "PHM+/w==",
    )
    .and_then(|action| action.policy("{}"))
    .and_then(|action| action.policy_arn("policy-arn-of-20-char"))
    .and_then(|action| action.duration_seconds(900))
    .unwrap();
    assert_eq!(
        body(&saml),
        "Action=AssumeRoleWithSAML&Version=2011-06-15&RoleArn=role-arn-of-20-chars\
         &PrincipalArn=provider-arn-of-20-chars&SAMLAssertion=PHM%2B%2Fw%3D%3D&Policy=%7B%7D\
         &PolicyArns.member.1.arn=policy-arn-of-20-char&DurationSeconds=900"
    );
    let federation = GetFederationToken::new("bob")
        .and_then(|action| action.policy("{}"))
        .and_then(|action| action.policy_arn("policy-arn-of-20-char"))
        .and_then(|action| action.tag("k", "v"))
        .and_then(|action| action.duration_seconds(129_600))
        .unwrap();
    assert_eq!(
        body(&federation),
        "Action=GetFederationToken&Version=2011-06-15&Name=bob&Policy=%7B%7D\
         &PolicyArns.member.1.arn=policy-arn-of-20-char&Tags.member.1.Key=k&Tags.member.1.Value=v&DurationSeconds=129600"
    );
}

#[test]
fn the_other_actions_send_what_was_set() {
    let root = AssumeRoot::new("123456789012", "task-policy-of-20-chars").unwrap();
    assert_eq!(
        body(&root.duration_seconds(0).unwrap()),
        "Action=AssumeRoot&Version=2011-06-15&TargetPrincipal=123456789012\
         &TaskPolicyArn.arn=task-policy-of-20-chars&DurationSeconds=0"
    );
    assert_eq!(
        body(&GetAccessKeyInfo::new("AKIAIOSFODNN7EXAMPLE").unwrap()),
        "Action=GetAccessKeyInfo&Version=2011-06-15&AccessKeyId=AKIAIOSFODNN7EXAMPLE"
    );
    let whole = "You are not authorized to perform this operation. Encoded authorization failure message: a-B_c";
    for message in [whole, "  a-B_c\n"] {
        assert_eq!(
            body(&DecodeAuthorizationMessage::new(message).unwrap()),
            "Action=DecodeAuthorizationMessage&Version=2011-06-15&EncodedMessage=a-B_c"
        );
    }
    assert_eq!(
        body(&GetDelegatedAccessToken::new("token").unwrap()),
        "Action=GetDelegatedAccessToken&Version=2011-06-15&TradeInToken=token"
    );
    let token = GetWebIdentityToken::new("a", "ES384")
        .and_then(|action| action.audience("b"))
        .and_then(|action| action.duration_seconds(60))
        .and_then(|action| action.scope("a b"))
        .and_then(|action| action.subject_mode("OriginIdentity"))
        .and_then(|action| action.tag("k", ""))
        .unwrap();
    assert_eq!(
        body(&token),
        "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&SigningAlgorithm=ES384\
         &Audience.member.2=b&DurationSeconds=60&Scope=a%20b&SubjectMode=OriginIdentity&Tags.member.1.Key=k&Tags.member.1.Value="
    );
}

#[test]
fn a_parameter_below_the_minimum_of_the_service_is_refused_by_name() {
    let role = || AssumeRole::new(ROLE, "session").unwrap();
    let session = GetSessionToken::new;
    let refused: [(&str, Option<Error>); 30] = [
        ("RoleArn", AssumeRole::new("role", "session").err()),
        ("RoleSessionName", AssumeRole::new(ROLE, "").err()),
        ("RoleSessionName", AssumeRole::new(ROLE, "x").err()),
        ("DurationSeconds", role().duration_seconds(899).err()),
        ("ExternalId", role().external_id("x").err()),
        ("SourceIdentity", role().source_identity("x").err()),
        ("Policy", role().policy("").err()),
        ("PolicyArns.member.1.arn", role().policy_arn("x").err()),
        ("Tags.member.1.Key", role().tag("", "v").err()),
        (
            "TransitiveTagKeys.member.1",
            role().transitive_tag_key("").err(),
        ),
        (
            "ProvidedContexts.member.1.ContextAssertion",
            role().provided_context(ROLE, "x").err(),
        ),
        ("SerialNumber", role().mfa("12345678", "123456").err()),
        ("TokenCode", session().mfa(MFA, "12345").err()),
        ("TokenCode", session().mfa(MFA, "12345x").err()),
        ("TokenCode", session().mfa(MFA, "12345\u{660}").err()),
        ("DurationSeconds", session().duration_seconds(899).err()),
        ("Name", GetFederationToken::new("b").err()),
        (
            "DurationSeconds",
            GetScopedCredentials::new().duration_seconds(0).err(),
        ),
        (
            "ScopedSessionDescription",
            GetScopedCredentials::new().description("x").err(),
        ),
        (
            "WebIdentityToken",
            AssumeRoleWithWebIdentity::new(ROLE, "session", "x").err(),
        ),
        (
            "SAMLAssertion",
            AssumeRoleWithSaml::new(ROLE, ROLE, "x").err(),
        ),
        ("TokenCode", session().mfa(MFA, "1234567").err()),
        (
            "PrincipalArn",
            AssumeRoleWithSaml::new(ROLE, "x", "assertion").err(),
        ),
        ("AccessKeyId", GetAccessKeyInfo::new("AKIA").err()),
        (
            "EncodedMessage",
            DecodeAuthorizationMessage::new(" \n").err(),
        ),
        ("TradeInToken", GetDelegatedAccessToken::new("").err()),
        (
            "SigningAlgorithm",
            GetWebIdentityToken::new("a", "none").err(),
        ),
        (
            "Audience.member.1",
            GetWebIdentityToken::new("", "ES384").err(),
        ),
        ("TargetPrincipal", AssumeRoot::new("1", ROLE).err()),
        (
            "TaskPolicyArn.arn",
            AssumeRoot::new("123456789012", "x").err(),
        ),
    ];
    for (name, error) in refused {
        let error = error.unwrap_or_else(|| panic!("{name} was accepted"));
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(error.parameter(), Some(name));
        assert!(error.status().is_none() && error.action().is_none());
    }
}

#[test]
fn a_session_name_that_the_service_would_refuse_is_refused_with_the_character() {
    for error in [
        AssumeRole::new(ROLE, "ci run").err(),
        AssumeRoleWithWebIdentity::new(ROLE, "ci run", "token").err(),
    ] {
        let error = error.unwrap();
        assert_eq!(
            error.to_string(),
            "RoleSessionName may have letters, digits and _+=,.@- only, but character 3 is ' '"
        );
        assert_eq!(
            (error.kind(), error.parameter()),
            (ErrorKind::Input, Some("RoleSessionName"))
        );
    }
    let role = AssumeRole::new(ROLE, "a_B9+=,.@-").unwrap();
    let error = role.source_identity("ädam").unwrap_err();
    assert_eq!(error.parameter(), Some("SourceIdentity"));
    let error = GetFederationToken::new("a/b").unwrap_err();
    assert_eq!(error.parameter(), Some("Name"));
}

#[test]
fn other_patterns_are_left_to_the_service() {
    assert!(AssumeRole::new("not an arn, but 20 long", "session").is_ok());
    let role = AssumeRole::new(ROLE, "session").unwrap();
    assert!(role.policy("x".repeat(10_000)).is_ok());
    assert!(GetSessionToken::new().mfa("any text", "123456").is_err());
    assert!(GetSessionToken::new().mfa("any texts", "123456").is_ok());
}

/// Returns the hint of the error for a refusal with that status.
fn hint<C: Call>(action: &C, status: u16) -> Option<String> {
    let body = "<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>";
    let refusal = Response::builder().status(status).body(body).unwrap();
    let error = action.parse(&refusal).err().unwrap();
    error.hint().map(str::to_owned)
}

#[test]
fn what_exceeds_an_upper_limit_is_sent_and_named_when_the_service_refuses_it() {
    let long = |length: usize| "x".repeat(length);
    let role = AssumeRole::new(ROLE, long(65))
        .and_then(|role| role.duration_seconds(43_201))
        .and_then(|role| role.external_id(long(1225)))
        .and_then(|role| role.tag("k", long(257)))
        .unwrap();
    assert!(body(&role).contains("DurationSeconds=43201"));
    let expected = "RoleSessionName has 65 characters, and the limit was 64; \
                    DurationSeconds is 43201, and the limit was 43200; \
                    ExternalId has 1225 characters, and the limit was 1224; \
                    Tags.member.1.Value has 257 characters, and the limit was 256";
    assert_eq!(hint(&role, 400).as_deref(), Some(expected));
    assert_eq!(hint(&role, 403), None);
    assert_eq!(hint(&role, 503), None);

    let role = AssumeRole::new(ROLE, long(64)).unwrap();
    assert_eq!(hint(&role, 400), None);
    let sized = role.minimum_session_token_size(4097);
    let expected = "MinimumSessionTokenSize is 4097, and the limit was 4096";
    assert_eq!(hint(&sized, 400).as_deref(), Some(expected));
    // A secret is counted, not shown.
    let web = AssumeRoleWithWebIdentity::new(ROLE, "session", long(20_001)).unwrap();
    let expected = "WebIdentityToken has 20001 characters, and the limit was 20000";
    assert_eq!(hint(&web, 400).as_deref(), Some(expected));
}

#[test]
fn a_list_that_is_longer_than_the_limit_is_sent_and_named_when_the_service_refuses_it() {
    let mut role = AssumeRole::new(ROLE, "session").unwrap();
    for _ in 0..12 {
        role = role.policy_arn(ROLE).unwrap();
    }
    for number in 0..51 {
        role = role.tag(format!("key{number}"), "").unwrap();
    }
    assert!(body(&role).contains("&PolicyArns.member.12.arn="));
    assert_eq!(
        hint(&role, 400).as_deref(),
        Some(
            "PolicyArns has 12 members, and the limit was 10; \
             Tags has 51 members, and the limit was 50"
        )
    );
}

#[test]
fn the_same_tag_twice_is_refused_whatever_its_case() {
    let role = AssumeRole::new(ROLE, "session").unwrap();
    let role = role.tag("Team", "blue").unwrap();
    for key in ["Team", "team", "TEAM"] {
        let error = role.clone().tag(key, "red").unwrap_err();
        assert_eq!(error.parameter(), Some("Tags.member.2.Key"));
    }
    let token = GetWebIdentityToken::new("a", "ES384").unwrap();
    assert!(token.tag("É", "").unwrap().tag("é", "").is_err());
}

#[test]
fn a_transitive_key_must_be_that_of_a_tag_in_whatever_order_they_are_set() {
    let endpoint = Endpoint::builder().region("eu-west-1").unwrap();
    let endpoint = endpoint.build().unwrap();
    let role = AssumeRole::new(ROLE, "session").unwrap();
    let role = role.transitive_tag_key("team").unwrap();
    let error = role.request(&endpoint).unwrap_err();
    assert_eq!(
        (error.kind(), error.parameter()),
        (ErrorKind::Input, Some("TransitiveTagKeys.member.1"))
    );
    assert!(!error.to_string().contains("team"), "{error}");
    let role = role.tag("Team", "blue").unwrap();
    assert!(role.request(&endpoint).is_ok());
}

#[test]
fn a_role_assumed_by_a_role_lasts_one_hour_at_most() {
    let role = |seconds| {
        let role = AssumeRole::new(ROLE, "session").unwrap();
        role.duration_seconds(seconds).unwrap()
    };
    assert!(role(3601).check().is_ok());
    assert!(role(3600).chained().check().is_ok());
    assert!(
        AssumeRole::new(ROLE, "session")
            .unwrap()
            .chained()
            .check()
            .is_ok()
    );
    let error = role(3601).chained().check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "DurationSeconds must be at most 3600 if a role assumes the role, but is 3601"
    );
}

#[test]
fn scoped_credentials_need_a_policy_or_a_duration() {
    let error = GetScopedCredentials::new().check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    let action = GetScopedCredentials::new()
        .policy("{}")
        .and_then(|action| action.duration_seconds(1))
        .and_then(|action| action.description("ci run"))
        .unwrap();
    assert_eq!(
        body(&action.minimum_session_token_size(2000)),
        "Action=GetScopedCredentials&Version=2011-06-15&Policy=%7B%7D&DurationSeconds=1\
         &ScopedSessionDescription=ci%20run&MinimumSessionTokenSize=2000"
    );
}

#[test]
fn each_action_that_returns_a_session_can_ask_for_a_longer_token() {
    let arn = "role-arn-of-20-chars";
    let bodies = [
        body(
            &AssumeRole::new(arn, "s1")
                .unwrap()
                .minimum_session_token_size(9),
        ),
        body(
            &AssumeRoleWithSaml::new(arn, arn, "PHM+")
                .unwrap()
                .minimum_session_token_size(9),
        ),
        body(
            &AssumeRoleWithWebIdentity::new(arn, "s1", "jwt.")
                .unwrap()
                .minimum_session_token_size(9),
        ),
        body(
            &AssumeRoot::new("123456789012", arn)
                .unwrap()
                .minimum_session_token_size(9),
        ),
        body(
            &GetFederationToken::new("bob")
                .unwrap()
                .minimum_session_token_size(9),
        ),
        body(&GetSessionToken::new().minimum_session_token_size(9)),
    ];
    for body in bodies {
        assert!(body.ends_with("&MinimumSessionTokenSize=9"), "{body}");
    }
}

#[test]
fn no_debug_output_of_a_request_holds_a_secret() {
    let role = AssumeRole::new(ROLE, "session").unwrap();
    let role = role.mfa(MFA, "909090").unwrap();
    let role = role.provided_context(ROLE, "canary-assertion").unwrap();
    let web = AssumeRoleWithWebIdentity::new(ROLE, "session", "canary-token").unwrap();
    let saml = AssumeRoleWithSaml::new(ROLE, ROLE, "canary-assertion").unwrap();
    let delegated = GetDelegatedAccessToken::new("canary-token").unwrap();
    let endpoint = Endpoint::builder().region("eu-west-1").unwrap();
    let endpoint = endpoint.build().unwrap();
    let requests = [
        role.request(&endpoint).unwrap(),
        web.request(&endpoint).unwrap(),
        saml.request(&endpoint).unwrap(),
        delegated.request(&endpoint).unwrap(),
    ];
    let shown = format!("{role:?} {role:#?} {web:?} {saml:?} {delegated:?} {requests:?}");
    for name in [
        "TokenCode",
        "ContextAssertion",
        "WebIdentityToken",
        "SAMLAssertion",
        "TradeInToken",
    ] {
        assert!(shown.contains(name), "{name}");
    }
    assert!(
        !shown.contains("909090") && !shown.contains("canary"),
        "{shown}"
    );
}
