//! What `Debug` shows of each public type, checked with canaries in the place of secrets.
#![cfg(feature = "client")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails should fail with its line"
)]

use std::fmt::Debug;

use http::Response;
use keyfob_sts::{
    Client, Endpoint, ErrorKind, HostRule, Hosts, KeyKind, Partition, Principal,
    actions::{
        AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, AssumeRoot,
        DecodeAuthorizationMessage, GetAccessKeyInfo, GetCallerIdentity, GetDelegatedAccessToken,
        GetFederationToken, GetScopedCredentials, GetSessionToken, GetWebIdentityToken,
    },
    call::{Authorization, Call, Operation, Pages, Proof, Replay, Service},
    console::GetSigninToken,
    decision::Decision,
    mfa::SentCodes,
    saml::Assertion,
    trust::{Caller, Request, TrustPolicy, Trusted},
};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";
const SECRET: &str = "canary-SECRET-of-the-test";
const CODE: &str = "909090";

/// All members of all results.
const MEMBERS: &str = "<Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId>\
    <SecretAccessKey>canary-key</SecretAccessKey><SessionToken>canary-token</SessionToken>\
    <Expiration>2026-11-22T03:00:00Z</Expiration></Credentials>\
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>AROA:s</AssumedRoleId></AssumedRoleUser>\
    <FederatedUser><Arn>arn:aws:sts::1:federated-user/bob</Arn></FederatedUser>\
    <WebIdentityToken>canary-jwt</WebIdentityToken><Expiration>2026-11-22T03:00:00Z</Expiration>\
    <TrustedIdentityPropagationContext><OriginIdentity><Subject>canary-person</Subject></OriginIdentity>\
    <TransactionContext><IdentityProvider><entry><key>dept</key><value>canary-claim</value></entry>\
    </IdentityProvider></TransactionContext></TrustedIdentityPropagationContext>\
    <DecodedMessage>{\"context\":\"canary-policy\"}</DecodedMessage>\
    <Arn>arn:aws:iam::1:user/a</Arn><UserId>AIDA</UserId><Account>1</Account>";

/// The types by name, each as `Debug` shows it.
#[derive(Default)]
struct Shown(Vec<(&'static str, String)>);

impl Shown {
    fn add(&mut self, name: &'static str, value: &impl Debug) {
        self.0.push((name, format!("{value:?} {value:#?}")));
    }

    /// Adds an action with its request, its output and its error.
    fn action<C: Call<Output: Debug> + Debug>(&mut self, names: [&'static str; 2], action: &C) {
        let endpoint = Endpoint::builder()
            .region("eu-west-1")
            .unwrap()
            .build()
            .unwrap();
        let result = action.operation().name();
        let body = format!(
            "<{result}Response><{result}Result>{MEMBERS}</{result}Result></{result}Response>"
        );
        self.add(names[0], action);
        self.add(names[1], &action.parse(&Response::new(body)).ok().unwrap());
        self.add("Body", &action.request(&endpoint).ok().unwrap());
        let body = format!(
            "<Error><Code>{SECRET}</Code><Message>{SECRET}</Message><RequestId>{SECRET}</RequestId></Error>"
        );
        self.add("Error", &action.parse(&Response::new(body)).err());
    }
}

fn all() -> Shown {
    let mut shown = Shown::default();
    let secret = || SECRET.to_owned();

    let role = AssumeRole::new(ROLE, "s1")
        .and_then(|role| role.mfa("arn:aws:iam::1:mfa/a", CODE))
        .and_then(|role| role.provided_context(ROLE, secret()))
        .unwrap();
    shown.action(["AssumeRole", "AssumedRole"], &role);
    let saml = AssumeRoleWithSaml::new(ROLE, ROLE, secret()).unwrap();
    shown.action(["AssumeRoleWithSaml", "SamlRole"], &saml);
    let web = AssumeRoleWithWebIdentity::new(ROLE, "s1", secret()).unwrap();
    shown.action(["AssumeRoleWithWebIdentity", "WebIdentityRole"], &web);
    let delegated = GetDelegatedAccessToken::new(secret()).unwrap();
    shown.action(["GetDelegatedAccessToken", "DelegatedAccess"], &delegated);
    let session = GetSessionToken::new()
        .mfa("arn:aws:iam::1:mfa/a", CODE)
        .unwrap();
    shown.add("GetSessionToken", &session);

    // The others have no secret in their requests, and so none that an error could repeat.
    let answer = |name: &str| {
        Response::new(format!(
            "<{name}Response><{name}Result>{MEMBERS}</{name}Result></{name}Response>"
        ))
    };
    let output = session.parse(&answer("GetSessionToken")).unwrap();
    shown.add("SessionToken", &output);
    let federation = GetFederationToken::new("bob").unwrap();
    let output = federation.parse(&answer("GetFederationToken")).unwrap();
    shown.add("GetFederationToken", &federation);
    shown.add("FederationToken", &output);
    shown.add("FederatedUser", &output.user);
    let root = AssumeRoot::new("123456789012", ROLE).unwrap();
    shown.add("AssumeRoot", &root);
    shown.add("AssumedRoot", &root.parse(&answer("AssumeRoot")).unwrap());
    let token = GetWebIdentityToken::new("a", "ES384").unwrap();
    shown.add("GetWebIdentityToken", &token);
    shown.add(
        "WebIdentityToken",
        &token.parse(&answer("GetWebIdentityToken")).unwrap(),
    );
    let scoped = GetScopedCredentials::new();
    shown.add("GetScopedCredentials", &scoped);
    shown.add(
        "ScopedCredentials",
        &scoped.parse(&answer("GetScopedCredentials")).unwrap(),
    );
    let context = web.parse(&answer("AssumeRoleWithWebIdentity")).unwrap();
    let context = context.identity_context.unwrap();
    assert_eq!(
        context.claims,
        [("dept".to_owned(), "canary-claim".to_owned())]
    );
    shown.add("IdentityContext", &context);
    shown.add("OriginIdentity", &context.origin);
    let decode = DecodeAuthorizationMessage::new("m").unwrap();
    shown.add("DecodeAuthorizationMessage", &decode);
    shown.add(
        "DecodedMessage",
        &decode.parse(&answer("DecodeAuthorizationMessage")).unwrap(),
    );
    let info = GetAccessKeyInfo::new("AKIAIOSFODNN7EXAMPLE").unwrap();
    shown.add("GetAccessKeyInfo", &info);
    shown.add(
        "AccessKeyInfo",
        &info.parse(&answer("GetAccessKeyInfo")).unwrap(),
    );
    let identity = GetCallerIdentity::new()
        .parse(&answer("GetCallerIdentity"))
        .unwrap();
    shown.add("GetCallerIdentity", &GetCallerIdentity::new());
    shown.add("CallerIdentity", &identity);
    shown.add("Principal", &identity.principal());
    shown.add(
        "AssumedRoleUser",
        &role.parse(&answer("AssumeRole")).unwrap().user,
    );

    let token = Authorization::Header("x-token".parse().unwrap(), secret().into());
    shown.add("Authorization", &token);
    let operation = Operation::new(&Service::STS, "Raw")
        .with_authorization(token)
        .secret("Token", secret(), 1..=99)
        .and_then(|operation| operation.one_time("Code", CODE, 6..=6))
        .unwrap();
    shown.add("Operation", &operation);
    let proof = Proof::new("dpop".parse().unwrap(), |_, _, _| Ok(SECRET.into()));
    shown.add("Proof", &proof);
    shown.add("Replay", &Replay::Never);
    shown.add("Pages", &Pages::new());
    let raw = operation.with_output(|reply| Ok(format!("{reply:?} {reply:#?}")));
    shown.add("WithOutput", &raw);
    let reply = raw.parse(&answer("Raw")).unwrap();
    shown.0.push(("Reply", reply));

    let headers = [("x-proxy-key".parse().unwrap(), SECRET.parse().unwrap())];
    drop(rustls::crypto::ring::default_provider().install_default());
    let http = reqwest::Client::builder().default_headers(headers.into_iter().collect());
    let builder = Client::builder().region("eu-west-1").unwrap();
    let builder = builder.http_client(http.build().unwrap());
    shown.add("ClientBuilder", &builder);
    #[cfg(feature = "connector")]
    shown.add("Connector", &Client::builder().connector().unwrap());
    shown.add("Client", &builder.build().unwrap());
    shown.add("Service", &Service::SIGNIN);
    shown.add("Protocol", &Service::SIGNIN.protocol());
    shown.add("Hosts", &Hosts::new("sts"));
    shown.add("HostRule", &HostRule::new("sts.amazonaws.com"));
    let builder = Endpoint::builder().url("http://localhost").unwrap();
    shown.add("EndpointBuilder", &builder);
    shown.add("Endpoint", &builder.build().unwrap());
    let error = Endpoint::builder()
        .url("http://user:canary@host")
        .unwrap_err();
    shown.add("ErrorKind", &error.kind());
    shown.add("Error", &error);
    shown.add(
        "Error",
        &Endpoint::builder()
            .url("http://h/?token=canary")
            .unwrap_err(),
    );
    shown.add("KeyKind", &KeyKind::from_access_key_id("AKIA"));
    shown.add("Partition", &Partition::from_region("eu-west-1"));
    add_trust(&mut shown);
    add_decision(&mut shown);
    #[cfg(feature = "sso")]
    add_sso(&mut shown);
    #[cfg(feature = "signin")]
    add_signin(&mut shown);
    #[cfg(feature = "server")]
    add_server(&mut shown);
    assert_eq!(error.kind(), ErrorKind::Setting);
    assert!(Principal::from_arn("") == Principal::Other);
    shown
}

/// Policies and requests hold no secrets: an external id is not one.
fn add_trust(shown: &mut Shown) {
    let condition = r#"{"StringEquals": {"sts:ExternalId": "a"}}"#;
    let statement = format!(
        r#"{{"Effect": "Allow", "Action": "sts:*", "Principal": "*", "Condition": {condition}}}"#
    );
    let policy = TrustPolicy::parse(&format!(r#"{{"Statement": [{statement}]}}"#)).unwrap();
    let caller = Caller::from_arn("arn:aws:iam::1:user/a");
    shown.add("TrustPolicy", &policy);
    let service = Trusted::service("ec2.amazonaws.com").unwrap();
    shown.add("Trusted", &service);
    shown.add("PolicyError", &TrustPolicy::parse("").unwrap_err());
    shown.add("Caller", &caller);
    let request = Request::new(caller, "sts:AssumeRole");
    let decision = policy.decide(&request);
    for name in [
        "Decision",
        "StatementReport",
        "Mismatch",
        "ConditionReport",
        "Verdict",
    ] {
        shown.add(name, &decision);
    }
    shown.add("Request", &request);
}

/// Statements and conditions are policies of an account.
fn add_decision(shown: &mut Shown) {
    let condition = r#"{"items": [{"key": "canary", "values": {"items": [{"value": "canary"}]}}]}"#;
    let statement =
        format!(r#"{{"statementId": "canary", "effect": "DENY", "conditions": {condition}}}"#);
    let decision = Decision::parse(&format!(
        r#"{{"allowed": false, "matchedStatements": {{"items": [{statement}]}},
            "context": {{"action": "a", "conditions": {condition}}}}}"#
    ))
    .unwrap();
    assert_eq!(decision.conditions.len(), 1);
    shown.add("decision::Decision", &decision);
    shown.add("Statement", decision.denying_statement().unwrap());
    shown.add("Verdict", &decision.verdict);
    shown.add("decision::Principal", &decision.principal);
    let response = "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol' \
        xmlns='urn:oasis:names:tc:SAML:2.0:assertion'><Assertion><Subject><NameID>canary</NameID></Subject>\
        <AttributeStatement><Attribute Name='https://aws.amazon.com/SAML/Attributes/Role'><AttributeValue>\
        arn:aws:iam::1:role/r,arn:aws:iam::1:saml-provider/p</AttributeValue></Attribute>\
        </AttributeStatement></Assertion></p:Response>";
    let assertion = Assertion::parse(response).unwrap();
    shown.add("Assertion", &assertion);
    shown.add("SamlRole", &assertion.roles());
    let mut answer = Response::new(
        "<ErrorResponse><Error><Code>AccessDenied</Code><Message>invalid MFA one time pass code\
         </Message></Error></ErrorResponse>",
    );
    *answer.status_mut() = http::StatusCode::FORBIDDEN;
    let error = GetSessionToken::new().parse(&answer).unwrap_err();
    let mut sent = SentCodes::default();
    let now = keyfob_sigv4::Timestamp::from_unix_seconds(0);
    let refusal = sent.refusal(&error, &CODE.into(), now, now);
    shown.add("SentCodes", &sent);
    shown.add("CodeRefusal", &refusal.unwrap());
    let keys = keyfob_sigv4::Credentials::new("ASIAIOSFODNN7EXAMPLE", SECRET).unwrap();
    let call = GetSigninToken::new(&keys.with_session_token(SECRET).unwrap()).unwrap();
    shown.add("GetSigninToken", &call);
    let token = call.parse(&Response::new(format!("{{\"SigninToken\":\"{SECRET}\"}}")));
    shown.add("SigninToken", &token.unwrap());
}

#[cfg(feature = "sso")]
fn add_sso(shown: &mut Shown) {
    use keyfob_sts::{CodeVerifier, sso::*};

    let now = "2026-11-22T03:00:00Z".parse().unwrap();
    let body = r#"{"clientId": "id", "clientSecret": "canary-client", "clientSecretExpiresAt": 1,
        "deviceCode": "canary-device", "userCode": "BCDF-GHJK", "verificationUri": "https://h/",
        "accessToken": "canary-access", "refreshToken": "canary-refresh", "expiresIn": 60,
        "roleCredentials": {"accessKeyId": "ASIA", "secretAccessKey": "canary-key",
        "sessionToken": "canary-token", "expiration": 1}, "accountList": [{"accountId": "1"}],
        "roleList": [{"roleName": "Admin"}]}"#;
    let body = Response::new(body);
    let register = RegisterClient::new("test").unwrap();
    let registration = register.parse(&body).unwrap();
    let device = StartDeviceAuthorization::new("id", SECRET, "https://d-1.awsapps.com/start");
    let device = device.unwrap();
    let verifier = CodeVerifier::from(keyfob_sigv4::Secret::from(SECRET));
    let create = CreateToken::authorization_code("id", SECRET, "http://h/", &verifier, SECRET);
    let create = create.unwrap();
    let token = create.parse(&body).unwrap();
    let role = GetRoleCredentials::new(SECRET, "123456789012", "Admin").unwrap();
    let accounts = ListAccounts::new(SECRET);
    let roles = ListAccountRoles::new(SECRET, "123456789012").unwrap();
    let url = AuthorizationUrl {
        client_id: "id",
        redirect_uri: "http://h/",
        state: "state",
        scopes: &[],
    };
    shown.add(
        "TokenFile",
        &TokenFile::new("https://h/", "r", &registration, &token, now),
    );
    let none: [&str; 0] = [];
    let file = RegistrationFile::new(registration.clone(), &none, &none);
    shown.add("RegistrationFile", &file);
    let start_url = StartUrl::parse("https://d-1.awsapps.com/start").unwrap();
    shown.add("StartUrl", &start_url);
    shown.add("CodeVerifier", &verifier);
    shown.add("RegisterClient", &register);
    shown.add("ClientRegistration", &registration);
    shown.add("StartDeviceAuthorization", &device);
    shown.add("DeviceAuthorization", &device.parse(&body).unwrap());
    shown.add("CreateToken", &create);
    shown.add("Token", &token);
    shown.add("AuthorizationUrl", &url);
    shown.add("GetRoleCredentials", &role);
    shown.add("RoleCredentials", &role.parse(&body).unwrap());
    shown.add("ListAccounts", &accounts);
    let page = accounts.parse(&body).unwrap();
    shown.add("SsoAccount", &page.accounts);
    shown.add("AccountPage", &page);
    shown.add("ListAccountRoles", &roles);
    shown.add("RolePage", &roles.parse(&body).unwrap());
    shown.add("Logout", &Logout::new(SECRET));
}

#[cfg(feature = "signin")]
fn add_signin(shown: &mut Shown) {
    use keyfob_sts::signin::*;

    let key = DpopKey::from_random([7; 32]).unwrap();
    let call = CreateOAuth2Token::refresh_token("client", SECRET, &key, || [9; 16]).unwrap();
    // The claims are {"sub":"arn:aws:iam::123456789012:user/alice"}.
    let body = r#"{"accessToken": {"accessKeyId": "ASIA", "secretAccessKey": "canary-key",
        "sessionToken": "canary-token"}, "tokenType": "aws_sigv4", "expiresIn": 900,
        "refreshToken": "canary-refresh",
        "idToken": "a.eyJzdWIiOiJhcm46YXdzOmlhbTo6MTIzNDU2Nzg5MDEyOnVzZXIvYWxpY2UifQ.canary"}"#;
    let token = call.parse(&Response::new(body)).unwrap();
    let now = "2026-11-22T03:00:00Z".parse().unwrap();
    let file = LoginFile::new("client", "eu-west-1", &token, &key, now).unwrap();
    let url = LoginUrl {
        client_id: "id",
        redirect_uri: "http://h/",
        state: "state",
    };
    shown.add("LoginFile", &file);
    shown.add("LoginToken", &token);
    shown.add("LoginUrl", &url);
    shown.add("CreateOAuth2Token", &call);
    shown.add("DpopKey", &key);
    let (_, text) = shown.0.last().unwrap();
    assert_eq!(text, "DpopKey(redacted) DpopKey(redacted)");
}

#[cfg(feature = "server")]
fn add_server(shown: &mut Shown) {
    use keyfob_sts::server::{Account, Fault, Identity, Role, Services};
    let account = Account::new("123456789012").unwrap();
    let keys = account.add_user("alice").unwrap();
    let device = account.add_mfa_device("alice").unwrap();
    let token = account.trade_in_token(Identity::Root, keyfob_sigv4::Timestamp::MAX);
    shown.add("Role", &Role::new("r").unwrap());
    shown.add("Identity", &account.identity(keys.access_key_id()));
    shown.add("MfaDevice", &device);
    shown.add("Account", &account);
    let services = Services::new(std::sync::Arc::new(account));
    services.fail(Fault::Throttling, 1);
    shown.add("Services", &services);
    shown.add("Fault", &Fault::Throttling);
    shown.add(
        "Delay",
        &keyfob_sts::server::Delay(std::time::Duration::MAX),
    );
    shown.add("Counters", &services.counters());
    for secret in [keys.secret_access_key(), device.seed(), &token] {
        let mut texts = shown.0.iter();
        assert!(!texts.any(|(_, text)| text.contains(secret.expose())));
    }
}

#[test]
fn debug_of_a_public_type_shows_no_secret() {
    for (name, text) in all().0 {
        let text = text.to_lowercase();
        let is_clean = !text.contains("canary") && !text.contains(CODE);
        assert!(is_clean, "{name}: {text}");
    }
}

/// A new type must be added to the list above.
#[test]
fn every_public_type_is_in_the_list() {
    let others = [
        // A trait.
        "Call",
        // They need a server: the first shows nothing, and the header of the other is sensitive.
        "Connection",
        "Route",
        #[cfg(not(feature = "connector"))]
        "Connector",
        // Its features are off.
        #[cfg(not(feature = "sso"))]
        "CodeVerifier",
    ];
    let sources = [
        include_str!("../src/lib.rs"),
        include_str!("../src/actions/mod.rs"),
        include_str!("../src/call/mod.rs"),
        include_str!("../src/trust/mod.rs"),
        #[cfg(feature = "signin")]
        include_str!("../src/signin/mod.rs"),
        #[cfg(feature = "sso")]
        include_str!("../src/sso/mod.rs"),
        #[cfg(feature = "server")]
        include_str!("../src/server/mod.rs"),
    ];
    let shown = all();
    let mut count = 0;
    for exports in sources
        .iter()
        .flat_map(|source| source.split("pub use ").skip(1))
    {
        let (exports, _) = exports.split_once(';').unwrap();
        let words = exports.split(|char: char| !char.is_alphanumeric());
        let types = words.filter(|word| word.starts_with(char::is_uppercase));
        for name in types.filter(|name| !others.contains(name)) {
            assert!(
                shown.0.iter().any(|(known, _)| *known == name),
                "{name} is missing"
            );
            count += 1;
        }
    }
    assert!(count > 30, "only {count} types were found");
}
