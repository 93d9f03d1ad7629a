//! IAM Identity Center: its authorization server and its portal.

use std::time::Duration;

use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    Client, CodeVerifier, Error,
    actions::GetCallerIdentity,
    call::{Operation, Pages, Service},
    server::Fault,
    sso::{
        AuthorizationUrl, ClientRegistration, CreateToken, DeviceAuthorization, GetRoleCredentials,
        ListAccountRoles, ListAccounts, Logout, RegisterClient, RegistrationFile,
        StartDeviceAuthorization, Token, TokenFile,
    },
};

use crate::{ACCOUNT, Lab, browser};

pub(crate) const START_URL: &str = "https://d-1234567890.awsapps.com/start";
const REDIRECT: &str = "http://127.0.0.1:4711/oauth/callback";
const OTHER: &str = "210987654321";

/// A lab whose Identity Center has the user carol, in two accounts, and clients of both services.
pub(crate) struct Center {
    pub(crate) lab: Lab,
    oidc: Client,
    portal: Client,
}

impl Center {
    pub(crate) async fn start() -> Self {
        Self::at(Lab::start().await)
    }

    pub(crate) fn at(lab: Lab) -> Self {
        for (account, role) in [
            (ACCOUNT, "Admin"),
            (ACCOUNT, "ReadOnly"),
            (ACCOUNT, "Billing"),
            (OTHER, "ReadOnly"),
        ] {
            lab.account.assign("carol", account, role).unwrap();
        }
        let client = |service| lab.builder().service(service).build().unwrap();
        Self {
            oidc: client(Service::SSO_OIDC),
            portal: client(Service::SSO),
            lab,
        }
    }

    pub(crate) async fn register(&self) -> ClientRegistration {
        let call = RegisterClient::new("test").unwrap();
        let call = call.scope("sso:account:access").unwrap();
        self.oidc.send_unsigned(&call).await.unwrap()
    }

    pub(crate) async fn device(&self, client: &ClientRegistration) -> DeviceAuthorization {
        let (id, secret) = (client.client_id.as_str(), client.client_secret.clone());
        let call = StartDeviceAuthorization::new(id, secret, START_URL).unwrap();
        self.oidc.send_unsigned(&call).await.unwrap()
    }

    pub(crate) async fn token(&self) -> (ClientRegistration, Token) {
        let client = self.register().await;
        let device = self.device(&client).await;
        let account = &self.lab.account;
        account.approve(&device.user_code, "carol").unwrap();
        let token = self.oidc.send_unsigned(&poll(&client, &device)).await;
        (client, token.unwrap())
    }

    async fn refused(&self, call: Result<CreateToken, Error>) -> (String, String, u16) {
        let error = self.oidc.send_unsigned(&call.unwrap()).await.unwrap_err();
        told(&error)
    }
}

fn poll(client: &ClientRegistration, device: &DeviceAuthorization) -> CreateToken {
    let (id, secret) = (client.client_id.as_str(), client.client_secret.clone());
    CreateToken::device_code(id, secret, device.device_code.clone()).unwrap()
}

/// Returns the code, the `error` and the status.
fn told(error: &Error) -> (String, String, u16) {
    let code = error.code().unwrap_or_default().to_owned();
    let reason = error.member("error").unwrap_or_default().to_owned();
    (code, reason, error.status().unwrap())
}

fn expected(code: &str, reason: &str, status: u16) -> (String, String, u16) {
    (code.to_owned(), reason.to_owned(), status)
}

#[tokio::test]
async fn a_device_waits_for_its_user_and_its_token_has_the_credentials_of_roles() {
    let center = Center::start().await;
    let client = center.register().await;
    let mut device = center.device(&client).await;
    assert_eq!(device.interval, Duration::from_secs(1));
    let call = poll(&client, &device);

    let pending = center.oidc.send_unsigned(&call).await.unwrap_err();
    assert_eq!(
        told(&pending),
        expected(
            "AuthorizationPendingException",
            "authorization_pending",
            400
        )
    );
    assert_eq!(device.wait_after(&pending), Some(Duration::from_secs(1)));
    // On a busy machine the second may come after the interval, too.
    let mut early = center.oidc.send_unsigned(&call).await.unwrap_err();
    for _ in 0..20 {
        if told(&early) == told(&pending) {
            early = center.oidc.send_unsigned(&call).await.unwrap_err();
        }
    }
    assert_eq!(
        told(&early),
        expected("SlowDownException", "slow_down", 400)
    );
    assert_eq!(device.wait_after(&early), Some(Duration::from_secs(6)));
    assert_eq!(device.wait_after(&pending), Some(Duration::from_secs(6)));

    let page = browser(&device.verification_uri_complete).await;
    assert!(
        page.body.contains("<option>carol</option>"),
        "{}",
        page.body
    );
    let approve = format!(
        "{}&action=approve&user=carol",
        device.verification_uri_complete
    );
    assert_eq!(browser(&approve).await.status, 200);
    let token = center.oidc.send_unsigned(&call).await.unwrap();
    assert_eq!(token.expires_in, 3600);
    assert_eq!(
        center.refused(Ok(call)).await,
        expected("InvalidGrantException", "invalid_grant", 400)
    );

    let call = GetRoleCredentials::new(token.access_token, OTHER, "ReadOnly").unwrap();
    let keys = center
        .portal
        .send_unsigned(&call)
        .await
        .unwrap()
        .credentials;
    assert_eq!(keys.account_id(), Some(OTHER));
    let left = keys.expiry().unwrap().seconds_since(Timestamp::now());
    assert!((3590..=3600).contains(&left), "{left}");
    let identity = center.lab.send(&GetCallerIdentity::new(), &keys).await;
    let arn = identity.unwrap().arn;
    let role = "arn:aws:sts::210987654321:assumed-role/AWSReservedSSO_ReadOnly_";
    assert!(arn.starts_with(role) && arn.ends_with("/carol"), "{arn}");
}

#[tokio::test]
async fn a_token_is_refreshed_and_each_refresh_token_works_once() {
    let center = Center::start().await;
    let (client, token) = center.token().await;
    let now = Timestamp::now();
    let file = TokenFile::new(START_URL, "eu-west-1", &client, &token, now);
    let file = TokenFile::parse(file.to_text().expose()).unwrap();
    assert!(!file.needs_refresh(now.plus_seconds(2699)));
    assert!(file.needs_refresh(now.plus_seconds(2702)));

    let call = file.refresh(now).unwrap();
    let next = center.oidc.send_unsigned(&call).await.unwrap();
    let file = file.with_token(&next, now);
    assert_eq!(
        center.refused(Ok(call)).await,
        expected("InvalidGrantException", "invalid_grant", 400)
    );
    assert_eq!(file.start_url(), Some(START_URL));
    center
        .oidc
        .send_unsigned(&file.refresh(now).unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_browser_brings_a_code_that_works_once_and_only_with_the_verifier() {
    let center = Center::start().await;
    let call = RegisterClient::new("test")
        .and_then(|call| call.scope("sso:account:access"))
        .and_then(|call| call.code_grant(START_URL, "http://127.0.0.1/oauth/callback"));
    let client = center.oidc.send_unsigned(&call.unwrap()).await.unwrap();
    let (id, secret) = (client.client_id.as_str(), client.client_secret.clone());
    let verifier = CodeVerifier::from_random([7; 48]);
    let endpoint = Service::SSO_OIDC.endpoint().url(&center.lab.url()).unwrap();
    let url = AuthorizationUrl {
        client_id: id,
        redirect_uri: REDIRECT,
        state: "st&te",
        scopes: &["sso:account:access"],
    };
    let url = url.build(&endpoint.build().unwrap(), &verifier);
    let redeem = |verifier: &CodeVerifier, code: &str| {
        CreateToken::authorization_code(id, secret.clone(), REDIRECT, verifier, code)
    };
    let code = || async {
        // There is one user, so there is no page.
        let answer = browser(&url).await;
        assert_eq!(answer.status, 302, "{}", answer.body);
        let query = answer.location.unwrap();
        let query = query.strip_prefix(&format!("{REDIRECT}?code=")).unwrap();
        let code = query.strip_suffix("&state=st%26te").unwrap();
        code.replace("%2F", "/").replace("%2B", "+")
    };

    let wrong = CodeVerifier::from_random([8; 48]);
    let used_up = code().await;
    let invalid = expected("InvalidGrantException", "invalid_grant", 400);
    assert_eq!(center.refused(redeem(&wrong, &used_up)).await, invalid);
    assert_eq!(center.refused(redeem(&verifier, &used_up)).await, invalid);
    let call = redeem(&verifier, &code().await).unwrap();
    let token = center.oidc.send_unsigned(&call).await.unwrap();
    assert!(token.refresh_token.is_some());

    let denied = browser(&format!("{url}&action=deny")).await.location;
    assert_eq!(
        denied.unwrap(),
        format!("{REDIRECT}?error=access_denied&state=st%26te")
    );
    center.lab.account.assign("dave", OTHER, "Admin").unwrap();
    let page = browser(&url).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<option>dave</option>") && page.body.contains("st&amp;te"));
    let elsewhere = url.replace("127.0.0.1", "198.51.100.1");
    assert_eq!(browser(&elsewhere).await.status, 400);
    let plain = url.replace("S256", "plain");
    assert_eq!(browser(&plain).await.status, 400);
}

#[tokio::test]
async fn errors_have_the_codes_and_the_statuses_of_the_authorization_server() {
    let center = Center::start().await;
    let client = center.register().await;
    let id = client.client_id.as_str();
    let secret = || client.client_secret.clone();

    assert_eq!(
        center
            .refused(CreateToken::device_code(id, "wrong", "code"))
            .await,
        expected("InvalidClientException", "invalid_client", 401)
    );
    let verifier = CodeVerifier::from_random([7; 48]);
    let not_registered = CreateToken::authorization_code(id, secret(), REDIRECT, &verifier, "a");
    assert_eq!(
        center.refused(not_registered).await,
        expected("UnauthorizedClientException", "unauthorized_client", 400)
    );
    let unknown = Operation::new(&Service::SSO_OIDC, "CreateToken")
        .with_route(http::Method::POST, &["token"])
        .with_authorization(keyfob_sts::call::Authorization::None);
    let unknown = |grant: &str| {
        let operation = unknown.clone().text("clientId", id, 1..=99).unwrap();
        let operation = operation.secret("clientSecret", secret(), 1..=99).unwrap();
        operation
            .text("grantType", grant, 1..=99)
            .unwrap()
            .with_output(|_| Ok(()))
    };
    let error = center.oidc.send_unsigned(&unknown("password")).await;
    assert_eq!(
        told(&error.unwrap_err()),
        expected(
            "UnsupportedGrantTypeException",
            "unsupported_grant_type",
            400
        )
    );
    let error = center.oidc.send_unsigned(&unknown("refresh_token")).await;
    assert_eq!(
        told(&error.unwrap_err()),
        expected("InvalidRequestException", "invalid_request", 400)
    );

    let device = center.device(&client).await;
    center.lab.account.deny(&device.user_code).unwrap();
    assert_eq!(
        center.refused(Ok(poll(&client, &device))).await,
        expected("AccessDeniedException", "access_denied", 400)
    );
    let device = center.device(&client).await;
    center.lab.services.fail(Fault::Clock { seconds: 601 }, 1);
    assert_eq!(
        center.refused(Ok(poll(&client, &device))).await,
        expected("ExpiredTokenException", "expired_token", 400)
    );
    assert!(
        center
            .lab
            .account
            .approve(&device.user_code, "nobody")
            .is_err()
    );
    assert!(center.lab.account.approve("NONE-NONE", "carol").is_err());

    let register = |call: Result<RegisterClient, Error>| {
        let oidc = &center.oidc;
        async move { told(&oidc.send_unsigned(&call.unwrap()).await.unwrap_err()) }
    };
    let call = RegisterClient::new("test").and_then(|call| call.scope("a b"));
    assert_eq!(
        register(call).await,
        expected("InvalidScopeException", "invalid_scope", 400)
    );
    let elsewhere = "https://attacker.example.com/";
    let call = RegisterClient::new("test").and_then(|call| call.code_grant(START_URL, elsewhere));
    assert_eq!(
        register(call).await,
        expected("InvalidRedirectUriException", "invalid_redirect_uri", 400)
    );
}

#[tokio::test]
async fn without_a_scope_there_is_no_refresh_token() {
    let center = Center::start().await;
    let call = RegisterClient::new("test").unwrap();
    let client = center.oidc.send_unsigned(&call).await.unwrap();
    let file = RegistrationFile::new(client, &[] as &[&str], &[] as &[&str]);
    let file = RegistrationFile::parse(file.to_text().expose()).unwrap();
    assert!(file.is_usable(Timestamp::now(), false));
    let client = file.registration();
    let device = center.device(client).await;
    center
        .lab
        .account
        .approve(&device.user_code, "carol")
        .unwrap();
    let token = center
        .oidc
        .send_unsigned(&poll(client, &device))
        .await
        .unwrap();
    assert_eq!(
        (token.expires_in, token.refresh_token.is_some()),
        (28_800, false)
    );
    let file = TokenFile::new(START_URL, "eu-west-1", client, &token, Timestamp::now());
    let error = file.refresh(Timestamp::now()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the token file has no refreshToken: sign in again"
    );
}

#[tokio::test]
async fn accounts_and_roles_come_in_pages() {
    let center = Center::start().await;
    let (_, token) = center.token().await;
    let token = token.access_token;
    let (mut accounts, mut pages) = (Vec::new(), Pages::new());
    while !pages.is_done() {
        let mut call = ListAccounts::new(token.clone()).max_results(1).unwrap();
        if let Some(token) = pages.token() {
            call = call.next_token(token).unwrap();
        }
        let page = center.portal.send_unsigned(&call).await.unwrap();
        accounts.extend(page.accounts.into_iter().map(|account| account.id));
        pages.advance(page.next_token).unwrap();
    }
    assert_eq!(accounts, [ACCOUNT, OTHER]);
    let roles = ListAccountRoles::new(token, ACCOUNT).unwrap();
    let first = roles.clone().max_results(2).unwrap();
    let first = center.portal.send_unsigned(&first).await.unwrap();
    assert_eq!(first.roles, ["Admin", "Billing"]);
    let second = roles.next_token(first.next_token.unwrap()).unwrap();
    let second = center.portal.send_unsigned(&second).await.unwrap();
    assert_eq!(
        (second.roles.as_slice(), second.next_token),
        (&["ReadOnly".to_owned()][..], None)
    );
}

#[tokio::test]
async fn errors_have_the_codes_and_the_statuses_of_the_portal() {
    let center = Center::start().await;
    let (_, token) = center.token().await;
    let token = token.access_token;
    let refused = |call: GetRoleCredentials| {
        let portal = &center.portal;
        async move {
            let error = portal.send_unsigned(&call).await.unwrap_err();
            assert!(!format!("{error} {error:?}").contains("aoa"), "{error}");
            (error.code().unwrap().to_owned(), error.status().unwrap())
        }
    };
    let role =
        |account: &str, role: &str| GetRoleCredentials::new(token.clone(), account, role).unwrap();
    let is = |code: &str, status: u16| (code.to_owned(), status);
    assert_eq!(
        refused(role(ACCOUNT, "Nobody")).await,
        is("ForbiddenException", 403)
    );
    assert_eq!(
        refused(role("444455556666", "Admin")).await,
        is("ResourceNotFoundException", 404)
    );
    let wrong = GetRoleCredentials::new("aoawrong", ACCOUNT, "Admin").unwrap();
    assert_eq!(refused(wrong).await, is("UnauthorizedException", 401));
    center.lab.services.fail(Fault::Clock { seconds: 3601 }, 1);
    assert_eq!(
        refused(role(ACCOUNT, "Admin")).await,
        is("UnauthorizedException", 401)
    );

    let call = role(ACCOUNT, "Admin");
    center.portal.send_unsigned(&call).await.unwrap();
    center
        .portal
        .send_unsigned(&Logout::new(token.clone()))
        .await
        .unwrap();
    assert_eq!(refused(call).await, is("UnauthorizedException", 401));
}

#[tokio::test]
async fn a_session_of_a_permission_set_can_assume_a_role_that_trusts_its_account() {
    let center = Center::start().await;
    let (_, token) = center.token().await;
    let call = GetRoleCredentials::new(token.access_token, ACCOUNT, "Admin").unwrap();
    let keys = center
        .portal
        .send_unsigned(&call)
        .await
        .unwrap()
        .credentials;
    let session = center.lab.send(&crate::assume().unwrap(), &keys).await;
    let arn = session.unwrap().user.unwrap().arn.unwrap();
    assert_eq!(arn, "arn:aws:sts::123456789012:assumed-role/deploy/ci");
}
