//! The request of each action, and the parameters that are refused.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use http::{Method, header::CONTENT_TYPE};
use keyfob_sts::{
    Endpoint, Error, ErrorKind,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot,
        DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity, GetDelegatedAccessToken,
        GetFederationToken, GetSessionToken, GetWebIdentityToken,
    },
    call::Action,
};

const ROLE: &str = "arn:aws:iam::123456789012:role/x";
const MFA: &str = "arn:aws:iam::123456789012:mfa/alice";

fn body<A: Action>(action: &A) -> String {
    let endpoint = Endpoint::builder().region("eu-west-1").unwrap();
    let request = action.request(&endpoint.build().unwrap());
    request.body().expose().to_owned()
}

#[test]
fn a_request_is_a_form_posted_to_the_endpoint() {
    let endpoint = Endpoint::builder()
        .url("http://localhost:4566/aws/sts")
        .unwrap();
    let request = GetCallerIdentity::new().request(&endpoint.build().unwrap());
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
        .and_then(|action| action.tag("k", ""))
        .unwrap();
    assert_eq!(
        body(&token),
        "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=a&SigningAlgorithm=ES384\
         &Audience.member.2=b&DurationSeconds=60&Tags.member.1.Key=k&Tags.member.1.Value="
    );
}

#[test]
fn a_parameter_of_a_length_that_the_service_refuses_is_refused_by_name() {
    let role = || AssumeRole::new(ROLE, "session").unwrap();
    let session = GetSessionToken::new;
    let long = |length: usize| "x".repeat(length);
    let refused: [(&str, Option<Error>); 34] = [
        ("RoleArn", AssumeRole::new("role", "session").err()),
        ("RoleArn", AssumeRole::new(long(2049), "session").err()),
        ("RoleSessionName", AssumeRole::new(ROLE, "").err()),
        ("RoleSessionName", AssumeRole::new(ROLE, "x").err()),
        ("RoleSessionName", AssumeRole::new(ROLE, long(65)).err()),
        ("DurationSeconds", role().duration_seconds(899).err()),
        ("DurationSeconds", role().duration_seconds(43_201).err()),
        ("DurationSeconds", session().duration_seconds(129_601).err()),
        ("ExternalId", role().external_id("x").err()),
        ("ExternalId", role().external_id(long(1225)).err()),
        ("SourceIdentity", role().source_identity("x").err()),
        ("Policy", role().policy("").err()),
        ("PolicyArns.member.1.arn", role().policy_arn("x").err()),
        ("Tags.member.1.Key", role().tag("", "v").err()),
        ("Tags.member.1.Value", role().tag("k", long(257)).err()),
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
        ("TokenCode", session().mfa(MFA, "1234567").err()),
        (
            "WebIdentityToken",
            AssumeRoleWithWebIdentity::new(ROLE, "session", long(20_001)).err(),
        ),
        (
            "SAMLAssertion",
            AssumeRoleWithSaml::new(ROLE, ROLE, long(100_001)).err(),
        ),
        (
            "PrincipalArn",
            AssumeRoleWithSaml::new(ROLE, "x", "assertion").err(),
        ),
        ("Name", GetFederationToken::new(long(33)).err()),
        (
            "Policy",
            GetFederationToken::new("bob")
                .and_then(|action| action.policy(long(2049)))
                .err(),
        ),
        ("AccessKeyId", GetAccessKeyInfo::new("AKIA").err()),
        (
            "EncodedMessage",
            DecodeAuthorizationMessage::new(" \n").err(),
        ),
        (
            "EncodedMessage",
            DecodeAuthorizationMessage::new(&long(10_241)).err(),
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
        (
            "DurationSeconds",
            AssumeRoot::new("123456789012", ROLE)
                .and_then(|action| action.duration_seconds(901))
                .err(),
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
    assert!(GetSessionToken::new().mfa(MFA, "abcdef").is_ok());
}

#[test]
fn lists_have_the_limits_of_the_service() {
    let mut role = AssumeRole::new(ROLE, "session").unwrap();
    for _ in 0..10 {
        role = role.policy_arn(ROLE).unwrap();
    }
    for _ in 0..5 {
        role = role.provided_context(ROLE, "assertion").unwrap();
    }
    for number in 0..50 {
        let key = format!("key{number}");
        role = role.tag(&key, "").unwrap().transitive_tag_key(key).unwrap();
    }
    for (name, error) in [
        ("PolicyArns", role.clone().policy_arn(ROLE).err()),
        (
            "ProvidedContexts",
            role.clone().provided_context(ROLE, "assertion").err(),
        ),
        ("Tags", role.clone().tag("k", "v").err()),
        (
            "TransitiveTagKeys",
            role.clone().transitive_tag_key("k").err(),
        ),
    ] {
        assert!(
            error
                .unwrap()
                .to_string()
                .starts_with(&format!("too many {name}: at most"))
        );
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
        role.request(&endpoint),
        web.request(&endpoint),
        saml.request(&endpoint),
        delegated.request(&endpoint),
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
