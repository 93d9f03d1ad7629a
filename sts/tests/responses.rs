//! Answers: elements in any order, read whole or not at all.
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use http::Response;
use keyfob_sts::{
    Error, ErrorKind, Principal,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot, CallerIdentity,
        DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity, GetDelegatedAccessToken,
        GetFederationToken, GetScopedCredentials, GetSessionToken, GetWebIdentityToken,
        SessionToken,
    },
    call::Call,
};

const FIELDS: [&str; 4] = [
    "<Expiration>2026-11-22T03:00:00Z</Expiration>",
    "<SecretAccessKey>canary/secret+key</SecretAccessKey>",
    "<SessionToken>canary//token==</SessionToken>",
    "<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>",
];

fn response(status: u16, body: impl Into<String>) -> Response<String> {
    Response::builder()
        .status(status)
        .body(body.into())
        .unwrap()
}

fn session_token(fields: &[&str]) -> Result<SessionToken, Error> {
    let body = format!(
        "<GetSessionTokenResponse><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata><GetSessionTokenResult>\
         <New><AccessKeyId>wrong</AccessKeyId></New><Credentials><New/>{}</Credentials></GetSessionTokenResult>\
         </GetSessionTokenResponse>",
        fields.concat()
    );
    GetSessionToken::new().parse(&response(200, body))
}

fn service_error(status: u16, code: &str) -> Error {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>why</Message></Error>\
         <RequestId>id-2</RequestId></ErrorResponse>"
    );
    GetCallerIdentity::new()
        .parse(&response(status, body))
        .unwrap_err()
}

#[test]
fn order_and_unknown_elements_do_not_matter() {
    for shift in 0..4 {
        let mut fields = FIELDS;
        fields.rotate_left(shift);
        let output = session_token(&fields).unwrap();
        let credentials = &output.credentials;
        assert_eq!(credentials.access_key_id(), "ASIAIOSFODNN7EXAMPLE");
        assert_eq!(
            credentials.secret_access_key().expose(),
            "canary/secret+key"
        );
        assert_eq!(
            credentials.session_token().unwrap().expose(),
            "canary//token=="
        );
        assert_eq!(
            credentials.expiry().unwrap(),
            "20261122T030000Z".parse().unwrap()
        );
        assert_eq!(output.request_id.as_deref(), Some("id-1"));
        assert!(!format!("{output:?}").contains("canary"));
    }
}

#[test]
fn a_missing_empty_or_malformed_credential_is_an_error_that_names_it_and_shows_no_secret() {
    for (missing, name) in [
        "Expiration",
        "SecretAccessKey",
        "SessionToken",
        "AccessKeyId",
    ]
    .iter()
    .enumerate()
    {
        let (empty, malformed) = (format!("<{name}/>"), format!("<{name}>a b\n</{name}>"));
        let mut fields = FIELDS;
        for replacement in ["", &empty, &malformed] {
            fields[missing] = replacement;
            let error = session_token(&fields).unwrap_err();
            assert_eq!(
                (error.kind(), error.status()),
                (ErrorKind::Response, Some(200))
            );
            assert_eq!(error.request_id(), Some("id-1"));
            assert!(error.to_string().contains("Credentials"), "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
        fields[missing] = "";
        let error = session_token(&fields).unwrap_err();
        assert!(
            error
                .to_string()
                .contains(&format!("Credentials/{name} is missing")),
            "{error}"
        );
    }
}

#[test]
fn an_expiration_may_have_a_fraction() {
    for (text, millis) in [
        ("00Z", 0),
        ("00.028015Z", 28),
        ("00.5+00:00", 500),
        ("00Z\n  ", 0),
    ] {
        let field = format!("<Expiration>2026-11-22T03:00:{text}</Expiration>");
        let fields = [&field, FIELDS[1], FIELDS[2], FIELDS[3]];
        let expiry = session_token(&fields)
            .unwrap()
            .credentials
            .expiry()
            .unwrap();
        assert_eq!(expiry.unix_millis() % 1000, millis);
    }
}

#[test]
fn a_role_session_has_its_account_and_all_other_members() {
    let body = format!(
        "<a:AssumeRoleResponse xmlns:a='https://sts.amazonaws.com/doc/2011-06-15/'><a:AssumeRoleResult>\
         <a:PackedPolicySize>6</a:PackedPolicySize><a:SourceIdentity>alice</a:SourceIdentity>\
         <a:Credentials>{}</a:Credentials><a:AssumedRoleUser><a:Arn>arn:aws:sts::123456789012:assumed-role/r/s</a:Arn>\
         <a:AssumedRoleId>AROA:s</a:AssumedRoleId></a:AssumedRoleUser></a:AssumeRoleResult></a:AssumeRoleResponse>",
        FIELDS.concat()
    );
    let action = AssumeRole::new("arn:aws:iam::123456789012:role/r", "s1").unwrap();
    let output = action.parse(&response(200, body)).unwrap();
    assert_eq!(output.credentials.account_id(), Some("123456789012"));
    assert_eq!(
        output.user.unwrap().assumed_role_id.as_deref(),
        Some("AROA:s")
    );
    assert_eq!(output.packed_policy_size, Some(6));
    assert_eq!(output.source_identity.as_deref(), Some("alice"));
    assert_eq!(output.request_id, None);
}

#[test]
fn a_principal_that_lacks_one_member_keeps_the_other() {
    let credentials = format!("<Credentials>{}</Credentials>", FIELDS.concat());
    let role = AssumeRole::new("arn:aws:iam::123456789012:role/r", "s1").unwrap();
    for (members, arn, id) in [
        (
            "<AssumeRoleId>A:s</AssumeRoleId><Arn>a</Arn>",
            Some("a"),
            None,
        ),
        (
            "<AssumedRoleId>A:s</AssumedRoleId><Arn/>",
            None,
            Some("A:s"),
        ),
    ] {
        let user = format!("{credentials}<AssumedRoleUser>{members}</AssumedRoleUser>");
        let user = result(&role, &user).unwrap().user.unwrap();
        assert_eq!(
            (user.arn.as_deref(), user.assumed_role_id.as_deref()),
            (arn, id)
        );
    }

    let bob = GetFederationToken::new("bob").unwrap();
    for (members, arn, id) in [
        ("<Arn>a</Arn>", Some("a"), None),
        (
            "<FederatedUserId>1:bob</FederatedUserId>",
            None,
            Some("1:bob"),
        ),
    ] {
        let user = format!("<FederatedUser>{members}</FederatedUser>{credentials}");
        let user = result(&bob, &user).unwrap().user.unwrap();
        assert_eq!(
            (user.arn.as_deref(), user.federated_user_id.as_deref()),
            (arn, id)
        );
    }
}

#[test]
fn a_web_identity_token_without_an_expiry_is_still_a_token() {
    let action = GetWebIdentityToken::new("audience", "ES384").unwrap();
    let token = "<WebIdentityToken>canary</WebIdentityToken>";
    let output = result(&action, token).unwrap();
    assert_eq!((output.token.expose(), output.expiry), ("canary", None));
    let error = result(&action, &format!("{token}<Expiration>soon</Expiration>")).unwrap_err();
    assert!(error.to_string().contains("Expiration is not a time"));
}

#[test]
fn an_answer_without_a_principal_is_enough() {
    let body = format!(
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn></Arn></AssumedRoleUser><Credentials>{}</Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>",
        FIELDS.concat()
    );
    let action = AssumeRole::new("arn:aws:iam::123456789012:role/r", "s1").unwrap();
    let output = action.parse(&response(200, body)).unwrap();
    assert!(output.user.is_none() && output.credentials.account_id().is_none());
}

fn result<C: Call>(action: &C, result: &str) -> Result<C::Output, Error> {
    let name = action.operation().name();
    let body = format!("<{name}Response><{name}Result>{result}</{name}Result></{name}Response>");
    action.parse(&response(200, body))
}

#[test]
fn a_federated_user_has_its_account() {
    let user = "<FederatedUser><FederatedUserId>1:bob</FederatedUserId><Arn>arn:aws:sts::1:federated-user/bob</Arn></FederatedUser>";
    let credentials = format!("<Credentials>{}</Credentials>", FIELDS.concat());
    let action = GetFederationToken::new("bob").unwrap();
    let output = result(
        &action,
        &format!("{user}{credentials}<PackedPolicySize>0</PackedPolicySize>"),
    )
    .unwrap();
    assert_eq!(
        output.user.unwrap().federated_user_id.as_deref(),
        Some("1:bob")
    );
    assert_eq!(output.credentials.account_id(), Some("1"));
    assert_eq!(output.packed_policy_size, Some(0));
    let error = result(
        &action,
        &format!("{credentials}<PackedPolicySize>6%</PackedPolicySize>"),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("PackedPolicySize is not a number")
    );
}

#[test]
fn a_saml_identity_is_returned_whole() {
    let action = AssumeRoleWithSaml::new(
        "role-arn-of-20-chars",
        "provider-arn-of-20-chars",
        "canary-saml",
    )
    .unwrap();
    let output = result(
        &action,
        &format!(
            "<Issuer>https://idp</Issuer><Credentials>{}</Credentials><Audience>https://sp</Audience><Subject>s</Subject>\
             <SubjectType>transient</SubjectType><NameQualifier>SbdGOnUkh1i4+EXAMPLExL/jEvs=</NameQualifier>",
            FIELDS.concat()
        ),
    )
    .unwrap();
    assert_eq!(output.issuer.as_deref(), Some("https://idp"));
    assert_eq!(output.audience.as_deref(), Some("https://sp"));
    assert_eq!(output.subject.as_deref(), Some("s"));
    assert_eq!(output.subject_type.as_deref(), Some("transient"));
    assert_eq!(
        output.name_qualifier.as_deref(),
        Some("SbdGOnUkh1i4+EXAMPLExL/jEvs=")
    );
    assert!(!format!("{action:?} {output:?}").contains("canary"));
}

#[test]
fn the_other_results_are_read_or_refused_whole() {
    let info = GetAccessKeyInfo::new("AKIAIOSFODNN7EXAMPLE").unwrap();
    assert_eq!(
        result(&info, "<Account>123456789012</Account>")
            .unwrap()
            .account,
        "123456789012"
    );
    assert!(result(&info, "<Account/>").is_err());

    let decode = DecodeAuthorizationMessage::new("message").unwrap();
    let json = "{&quot;allowed&quot;:false}";
    let output = result(&decode, &format!("<DecodedMessage>{json}</DecodedMessage>")).unwrap();
    assert_eq!(output.json, "{\"allowed\":false}");
    assert!(result(&decode, "").is_err());

    let token = GetWebIdentityToken::new("audience", "ES384").unwrap();
    let expiration = "<Expiration>2026-11-22T03:00:00Z</Expiration>";
    let output = result(
        &token,
        &format!("<WebIdentityToken>canary</WebIdentityToken>{expiration}"),
    )
    .unwrap();
    assert_eq!(output.token.expose(), "canary");
    assert!(!format!("{output:?}").contains("canary"));
    assert!(result(&token, expiration).is_err());

    let credentials = format!("<Credentials>{}</Credentials>", FIELDS.concat());
    let root = AssumeRoot::new("123456789012", "task-policy-of-20-chars").unwrap();
    let output = result(
        &root,
        &format!("<SourceIdentity>alice</SourceIdentity>{credentials}"),
    )
    .unwrap();
    assert_eq!(output.source_identity.as_deref(), Some("alice"));

    let delegated = GetDelegatedAccessToken::new("token").unwrap();
    let principal = "<AssumedPrincipal>arn:aws:sts::1:assumed-role/r/s</AssumedPrincipal>";
    let output = result(&delegated, &format!("{principal}{credentials}")).unwrap();
    assert_eq!(output.credentials.account_id(), Some("1"));
    assert!(result(&delegated, principal).is_err());
}

#[test]
fn scoped_credentials_have_their_session_and_its_account() {
    let members = format!(
        "<Credentials>{}</Credentials><SessionInfo><ScopedSessionId>id-9</ScopedSessionId>\
         <Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></SessionInfo>\
         <SessionTokenUtilization>41</SessionTokenUtilization><SessionTokenSize>1700</SessionTokenSize>\
         <ScopedPoliciesCount>2</ScopedPoliciesCount><SourceIdentity>alice</SourceIdentity>",
        FIELDS.concat()
    );
    let output = result(&GetScopedCredentials::new(), &members).unwrap();
    assert_eq!(output.credentials.account_id(), Some("123456789012"));
    assert_eq!(output.session_id.as_deref(), Some("id-9"));
    assert_eq!(output.session_token_utilization, Some(41));
    assert_eq!(output.session_token_size, Some(1700));
    assert_eq!(output.scoped_policies_count, Some(2));
    assert_eq!(output.source_identity.as_deref(), Some("alice"));
}

#[test]
fn an_identity_context_is_read_and_never_shown() {
    let members = format!(
        "<Credentials>{}</Credentials><TrustedIdentityPropagationContext><OriginIdentity>\
         <Subject>canary</Subject><SubjectType>user</SubjectType><Issuer>idp.example</Issuer>\
         </OriginIdentity><TransactionContext><IdentityProvider>\
         <entry><key>dept</key><value>canary</value></entry><entry><key>empty</key><value/></entry>\
         </IdentityProvider></TransactionContext></TrustedIdentityPropagationContext>",
        FIELDS.concat()
    );
    let role = "arn:aws:iam::123456789012:role/r";
    let web = AssumeRoleWithWebIdentity::new(role, "s1", "token").unwrap();
    let saml = AssumeRoleWithSaml::new(role, role, "assertion").unwrap();
    let output = result(&web, &members).unwrap();
    assert!(!format!("{output:?}").contains("canary"));
    let context = output.identity_context.unwrap();
    assert_eq!(
        result(&saml, &members).unwrap().identity_context,
        Some(context.clone())
    );
    let origin = context.origin.unwrap();
    assert_eq!(origin.subject.as_deref(), Some("canary"));
    assert_eq!(origin.subject_type.as_deref(), Some("user"));
    assert_eq!(origin.issuer.as_deref(), Some("idp.example"));
    assert_eq!(origin.federated_provider_arn, None);
    let claims = [("dept", "canary"), ("empty", "")];
    assert_eq!(
        context.claims,
        claims.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn a_caller_identity_has_a_principal() {
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/a/&#66;</Arn>\
                <UserId>AIDA</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";
    let identity: CallerIdentity = GetCallerIdentity::new()
        .parse(&response(200, body))
        .unwrap();
    assert_eq!(
        identity.principal(),
        Principal::User {
            path: "/a/",
            name: "B"
        }
    );
}

#[test]
fn every_modeled_error_keeps_its_wire_code_and_status() {
    for (code, status) in [
        ("ExpiredTokenException", 400),
        ("ExpiredTradeInTokenException", 400),
        ("IDPCommunicationError", 400),
        ("IDPRejectedClaim", 403),
        ("InvalidIdentityToken", 400),
        ("InvalidAuthorizationMessageException", 400),
        ("JWTPayloadSizeExceededException", 400),
        ("MalformedPolicyDocument", 400),
        ("PackedPolicyTooLarge", 400),
        ("OutboundWebIdentityFederationDisabledException", 403),
        ("RegionDisabledException", 403),
        ("SessionDurationEscalationException", 403),
        ("InvalidContextAssertion", 400),
        ("InsufficientSessionLifetime", 400),
        ("InvalidSubjectCredentials", 400),
    ] {
        let error = service_error(status, code);
        assert_eq!(error.kind(), ErrorKind::Service);
        assert_eq!((error.code(), error.status()), (Some(code), Some(status)));
        assert_eq!((error.message(), error.request_id()), ("why", Some("id-2")));
        assert_eq!(
            error.to_string(),
            format!("GetCallerIdentity failed with {code} (HTTP {status}): why (request id id-2)")
        );
    }
}

#[test]
fn request_ids_are_cut_in_results_and_in_errors() {
    let id = "i".repeat(1000);
    let body = format!(
        "<R><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/a</Arn><UserId>AIDA</UserId>\
         <Account>1</Account></GetCallerIdentityResult><RequestId>{id}</RequestId></R>"
    );
    let identity = GetCallerIdentity::new()
        .parse(&response(200, body))
        .unwrap();
    assert_eq!(identity.request_id.as_deref(), Some(&id[..256]));
    let body =
        format!("<R><Error><Code>AccessDenied</Code></Error><RequestId>{id}</RequestId></R>");
    let error = GetCallerIdentity::new()
        .parse(&response(403, body))
        .unwrap_err();
    assert_eq!(error.request_id(), Some(&id[..256]));
    assert!(error.to_string().len() < 400, "{error}");
}

#[test]
fn an_error_without_a_message_shows_its_code_its_status_and_its_request_id() {
    for (body, shown) in [
        (
            "<Error><Code>AccessDenied</Code></Error>",
            "GetCallerIdentity failed with AccessDenied (HTTP 405)",
        ),
        (
            "<Error><Code>\n AccessDenied\n</Code><Message></Message><RequestId>tx1</RequestId></Error>",
            "GetCallerIdentity failed with AccessDenied (HTTP 405) (request id tx1)",
        ),
        (
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>\n</Message></Error>\
             <RequestId> tx1 </RequestId></ErrorResponse>",
            "GetCallerIdentity failed with AccessDenied (HTTP 405) (request id tx1)",
        ),
    ] {
        let error = GetCallerIdentity::new()
            .parse(&response(405, body))
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.code(), error.status(), error.message()),
            (ErrorKind::Service, Some("AccessDenied"), Some(405), "")
        );
        assert_eq!(error.to_string(), shown);
    }
}

#[test]
fn an_error_without_a_code_keeps_its_message() {
    for code in ["", "<Code/>", "<Code> </Code>"] {
        let body =
            format!("<Response><Error>{code}<Message>not today</Message></Error></Response>");
        let error = GetCallerIdentity::new()
            .parse(&response(403, body))
            .unwrap_err();
        assert_eq!((error.code(), error.message()), (None, "not today"));
        assert_eq!(
            error.to_string(),
            "GetCallerIdentity failed (HTTP 403): not today"
        );
    }
}

#[test]
fn an_answer_without_an_aws_body_shows_its_http_status() {
    for (status, body) in [(502, "<html>Bad Gateway</html>"), (403, ""), (200, "{}")] {
        let error = GetCallerIdentity::new()
            .parse(&response(status, body))
            .unwrap_err();
        let start = format!("GetCallerIdentity failed (HTTP {status}): the answer ");
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[test]
fn no_text_of_a_service_reaches_a_terminal_raw() {
    // C1 controls and marks of direction are characters of XML.
    let body = "<ErrorResponse><Error><Code>A\u{9b}31m</Code><Message>line 1\nline 2\t\u{202e}</Message></Error>\
                <RequestId>i\u{85}d</RequestId></ErrorResponse>";
    let error = GetCallerIdentity::new()
        .parse(&response(403, body))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r"GetCallerIdentity failed with A\u{9b}31m (HTTP 403): line 1\nline 2\t\u{202e} (request id i\u{85}d)"
    );
    assert_eq!(error.message(), "line 1\nline 2\t\u{202e}");
    let debug = format!("{error:?} {error:#?}");
    assert!(!debug.contains(['\u{9b}', '\u{202e}', '\u{85}', '\t']));

    for body in [
        "<Error><Code>A</Code><Message>\u{1b}[2J</Message></Error>",
        "<Error><Code>A</Code><Message>&#27;[2J</Message></Error>",
        "<Error><Code>A&#x7;</Code></Error>",
    ] {
        let error = GetCallerIdentity::new()
            .parse(&response(403, body))
            .unwrap_err();
        let reason = "it has a character that XML forbids";
        assert!(error.to_string().contains(reason) && error.code().is_none());
    }
}

#[test]
fn errors_of_other_protocols_are_read() {
    let bodies = [
        "<Response><Errors><Error><Code>AuthFailure</Code><Message>m</Message></Error></Errors><RequestID>id</RequestID></Response>",
        "<Error><Code>AuthFailure</Code><Message>m</Message><RequestId>id</RequestId></Error>",
        "<ErrorResponse><Error><Code>AuthFailure</Code><message>m</message></Error><RequestId>id</RequestId></ErrorResponse>",
    ];
    for body in bodies {
        let error = GetCallerIdentity::new()
            .parse(&response(401, body))
            .unwrap_err();
        assert_eq!((error.code(), error.message()), (Some("AuthFailure"), "m"));
        assert_eq!(
            (error.status(), error.request_id()),
            (Some(401), Some("id"))
        );
    }
}

#[test]
fn an_answer_of_a_gateway_keeps_status_and_request_id_and_shows_no_body() {
    for (status, kind) in [
        (200, ErrorKind::Response),
        (301, ErrorKind::Service),
        (404, ErrorKind::Service),
        (502, ErrorKind::Service),
    ] {
        for body in [
            "",
            "canary",
            "<html>canary</html>",
            "{\"canary\":1}",
            "<!DOCTYPE canary><canary/>",
            "<a>&canary;</a>",
        ] {
            let mut response = response(status, body);
            let headers = response.headers_mut();
            headers.insert("x-amzn-RequestId", "id-3".parse().unwrap());
            let error = GetCallerIdentity::new().parse(&response).unwrap_err();
            assert_eq!(
                (error.kind(), error.status(), error.code()),
                (kind, Some(status), None)
            );
            assert_eq!(error.request_id(), Some("id-3"));
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }
}

#[test]
fn a_secret_that_the_service_repeats_is_redacted() {
    let action = GetSessionToken::new()
        .mfa("arn:aws:iam::1:mfa/a", "909090")
        .unwrap();
    let body = "<ErrorResponse><Error><Code>ValidationError</Code><Message>Value '909090' at 'tokenCode' failed\
                </Message></Error></ErrorResponse>";
    let error = action.parse(&response(400, body)).unwrap_err();
    assert_eq!(error.message(), "Value '(redacted)' at 'tokenCode' failed");
    assert!(!format!("{error:?}").contains("909090"));
}

#[test]
fn a_secret_is_redacted_in_the_code_and_the_request_id_too_and_when_only_a_part_is_repeated() {
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJlLW9mLWNhbmFyeQ";
    let saml = "PHNhbWxwOlJlc3BvbnNlIHhtbG5zPSJjYW5hcnkiPg+/==PC9zYW1scD4";
    let role = "arn:aws:iam::123456789012:role/r";
    let web = AssumeRoleWithWebIdentity::new(role, "s1", jwt).unwrap();
    let saml_role = AssumeRoleWithSaml::new(role, role, saml).unwrap();
    let trade_in = GetDelegatedAccessToken::new(jwt).unwrap();
    let context = AssumeRole::new(role, "s1").unwrap();
    let context = context.provided_context(role, saml).unwrap();
    check(&web, jwt);
    check(&trade_in, jwt);
    check(&saml_role, saml);
    check(&context, saml);

    fn check<C: Call>(action: &C, secret: &str) {
        let encoded = secret
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        for told in [
            secret,
            &encoded,
            &secret[..20],
            &secret[..secret.len() / 2],
            &secret[30..],
        ] {
            let body = format!(
                "<ErrorResponse><Error><Code>Invalid.{told}</Code><Message>bad token '{told}'</Message></Error>\
                 <RequestId>{told}-1</RequestId></ErrorResponse>"
            );
            for body in [body.as_str(), &body.replace("RequestId", "Ignored")] {
                let mut response = response(400, body);
                let id = format!("{told}-1").parse().unwrap();
                response.headers_mut().insert("x-amzn-requestid", id);
                let error = action.parse(&response).err().unwrap();
                assert_eq!(error.code(), Some("Invalid.(redacted)"));
                assert_eq!(error.message(), "bad token '(redacted)'");
                assert_eq!(error.request_id(), Some("(redacted)-1"));
                assert!(!format!("{error} {error:?}").contains(told));
            }
        }
    }
}

#[test]
fn a_long_message_is_cut() {
    let body = format!(
        "<ErrorResponse><Error><Code>C</Code><Message>{}</Message></Error></ErrorResponse>",
        "é".repeat(100_000)
    );
    let error = GetCallerIdentity::new()
        .parse(&response(400, body))
        .unwrap_err();
    assert_eq!(error.message().chars().count(), 4096);

    let long = "c".repeat(100_000);
    let body = format!("<Error><Code>{long}</Code><RequestId>{long}</RequestId></Error>");
    let error = GetCallerIdentity::new()
        .parse(&response(400, body))
        .unwrap_err();
    let lengths = [error.code(), error.request_id()].map(|text| text.unwrap().len());
    assert_eq!(lengths, [256, 256]);
    assert!(error.to_string().len() < 1000 && format!("{error:?}").len() < 1000);
}

#[test]
fn no_answer_causes_a_panic() {
    let whole = format!(
        "<?xml version='1.0'?><GetSessionTokenResponse><GetSessionTokenResult><Credentials>{}</Credentials>\
         </GetSessionTokenResult></GetSessionTokenResponse>",
        FIELDS.concat()
    );
    let action = GetSessionToken::new();
    for end in 0..whole.len() {
        assert!(
            action.parse(&response(200, &whole[..end])).is_err(),
            "{end}"
        );
        for byte in [0, b'<', b'&', b'>', 0xFF] {
            let mut bytes = whole.clone().into_bytes();
            bytes[end] = byte;
            let changed = Response::new(bytes);
            drop(action.parse(&changed));
        }
    }
}
