//! Every service with every fault: what is tried again, which error comes, how soon, and that no
//! secret is in it. The call of each row carries secrets, and works without the fault.

use std::{
    error::Error as _,
    fmt::Write as _,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use keyfob_backoff::Policy;
use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::{
    Client, ClientBuilder, Error, ErrorKind,
    actions::{
        AssumeRoleWithSaml, AssumeRoleWithWebIdentity, GetDelegatedAccessToken, GetSessionToken,
    },
    call::{Call, Service},
    console::GetSigninToken,
    server::{Fault, Identity},
    sso::{CreateToken, GetRoleCredentials, StartDeviceAuthorization, TokenFile},
};

use crate::{
    ACCOUNT, Lab, ROLE, assume, role,
    signin::{Desk, random},
    sso::{Center, START_URL},
    stub::{Answer, Stub},
};

/// What a call must come to: how many requests, and its error, if any, with its code and status.
type Expected = (u64, Option<(ErrorKind, Option<&'static str>, Option<u16>)>);

const TRICKLE: &str = "an answer that trickles";

const RIGHT: Option<(ErrorKind, Option<&str>, Option<u16>)> = None;

/// How long an attempt may take, unless the test waits for its end.
const PATIENT: Duration = Duration::from_secs(20);
const IMPATIENT: Duration = Duration::from_millis(300);

type FaultRow = (Fault, u32, fn(&Trade) -> Expected);
type AnswerRow = (&'static str, fn(&Trade) -> Answer, fn(&Trade) -> Expected);

/// A call that trades secrets for others, at a server on which it works.
struct Trade {
    name: &'static str,
    lab: Lab,
    service: Service,
    /// Whether it is not sent again unless it was throttled.
    once: bool,
    /// What the call sends.
    secrets: Vec<String>,
    /// What the caller keeps to itself.
    kept: Vec<String>,
    send: Box<dyn Fn(Client) -> Sending>,
}

type Sending = Pin<Box<dyn Future<Output = Result<(), Error>>>>;

impl Trade {
    fn new<C: Call + Sync + 'static>(name: &'static str, lab: Lab, call: C) -> Self {
        let call = Arc::new(call);
        Self {
            name,
            lab,
            service: *call.operation().service(),
            once: false,
            secrets: Vec::new(),
            kept: Vec::new(),
            send: Box::new(move |client| {
                let call = Arc::clone(&call);
                Box::pin(async move { client.send_unsigned(&*call).await.map(drop) })
            }),
        }
    }

    fn signed<C: Call + Sync + 'static>(
        name: &'static str,
        lab: Lab,
        call: C,
        keys: &Credentials,
    ) -> Self {
        let call = Arc::new(call);
        let token = keys.session_token().into_iter();
        let secrets: Vec<_> = token.chain([keys.secret_access_key()]).cloned().collect();
        let keys = keys.clone();
        Self {
            send: Box::new(move |client| {
                let (call, keys) = (Arc::clone(&call), keys.clone());
                Box::pin(async move { client.send(&*call, &keys).await.map(drop) })
            }),
            ..Self::new(name, lab, GetSessionToken::new())
        }
        .with(secrets)
    }

    fn with(mut self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let secrets = secrets.into_iter().map(|secret| secret.expose().to_owned());
        self.secrets.extend(secrets);
        self
    }

    fn keeping(mut self, secret: &Secret) -> Self {
        self.kept.push(secret.expose().to_owned());
        self
    }

    fn once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Sends the call to a URL, and returns how it ended, within the time that is allowed.
    async fn run(&self, url: &str, timeout: Duration) -> Result<(), Error> {
        let builder = self.lab.builder().service(self.service);
        self.send_with(builder, url, timeout).await
    }

    async fn send_with(
        &self,
        builder: ClientBuilder,
        url: &str,
        timeout: Duration,
    ) -> Result<(), Error> {
        let client = builder.endpoint(url).unwrap();
        let client = client.timeout(timeout).build().unwrap();
        let started = Instant::now();
        let result = (self.send)(client).await;
        let elapsed = started.elapsed();
        assert!(elapsed < timeout + PATIENT, "{}: {elapsed:?}", self.name);
        if let Err(error) = &result {
            self.is_silent(error);
        }
        result
    }

    /// Checks that nothing of an error shows a secret.
    fn is_silent(&self, error: &Error) {
        let mut text = format!("{error} {error:?} {:?} {:?}", error.hint(), error.message());
        let mut source = error.source();
        while let Some(cause) = source {
            write!(text, " {cause} {cause:?}").unwrap();
            source = cause.source();
        }
        for secret in self.secrets.iter().chain(&self.kept) {
            assert!(!text.contains(secret.as_str()), "{}: {text}", self.name);
        }
    }
}

/// Returns the calls, each at a server of its own.
///
/// Each has a function of its own: the compiler's time grows with the square of their number in
/// one.
async fn trades() -> Vec<Trade> {
    trades_ahead(0).await
}

/// Returns the calls, each at a server whose clock is that many seconds ahead.
async fn trades_ahead(seconds: i64) -> Vec<Trade> {
    let now = Timestamp::now().plus_seconds(seconds);
    let lab = || Lab::start_ahead(seconds);
    vec![
        code(lab().await, now).await,
        session(lab().await, now).await,
        trade_in_token(lab().await, now).await,
        web_identity(lab().await, now).await,
        saml(lab().await, now).await,
        device(lab().await).await,
        device_code(lab().await).await,
        refresh_token(lab().await).await,
        portal(lab().await).await,
        login_code(lab().await).await,
        login(lab().await).await,
        console(lab().await, now).await,
    ]
}

async fn code(lab: Lab, now: Timestamp) -> Trade {
    let (code, alice) = (lab.device.code(now), lab.alice.clone());
    let call = GetSessionToken::new().mfa(lab.device.serial_number(), code.clone());
    let trade = Trade::signed("MFA", lab, call.unwrap(), &alice);
    trade.with([code]).once()
}

async fn session(lab: Lab, now: Timestamp) -> Trade {
    let deploy = Identity::session("deploy", "a");
    let keys = lab.account.issue(deploy, now.plus_seconds(3600)).unwrap();
    Trade::signed("role", lab, assume().unwrap(), &keys)
}

async fn trade_in_token(lab: Lab, now: Timestamp) -> Trade {
    let (user, alice) = (Identity::user("alice"), lab.alice.clone());
    let token = lab.account.trade_in_token(user, now.plus_seconds(3600));
    let call = GetDelegatedAccessToken::new(token.clone()).unwrap();
    Trade::signed("delegated", lab, call, &alice).with([token])
}

async fn web_identity(lab: Lab, now: Timestamp) -> Trade {
    let (issuer, audience) = ("https://token.example.com", "sts.amazonaws.com");
    lab.account.add_oidc_provider(issuer, audience).unwrap();
    lab.account.add_role(role(
        "deploy",
        r#"{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.example.com"}}"#,
    ));
    let account = &lab.account;
    let token = account.web_identity_token(issuer, "sub", audience, now.plus_seconds(60));
    let call = AssumeRoleWithWebIdentity::new(ROLE, "ci", token.clone());
    Trade::new("web identity", lab, call.unwrap()).with([token])
}

async fn saml(lab: Lab, now: Timestamp) -> Trade {
    let account = &lab.account;
    let provider = account.add_saml_provider("corp", "https://idp.example.com");
    account.add_role(role(
        "deploy",
        r#"{"Effect": "Allow", "Action": "sts:AssumeRoleWithSAML",
            "Principal": {"Federated": "arn:aws:iam::123456789012:saml-provider/corp"}}"#,
    ));
    let assertion = account.saml_assertion(&provider, ROLE, "carol", now);
    let call = AssumeRoleWithSaml::new(ROLE, &provider, assertion.clone());
    Trade::new("SAML", lab, call.unwrap()).with([assertion])
}

async fn device(lab: Lab) -> Trade {
    let center = Center::at(lab);
    let client = center.register().await;
    let (id, secret) = (client.client_id.as_str(), client.client_secret.clone());
    let call = StartDeviceAuthorization::new(id, secret.clone(), START_URL).unwrap();
    Trade::new("device", center.lab, call).with([secret])
}

async fn device_code(lab: Lab) -> Trade {
    let center = Center::at(lab);
    let client = center.register().await;
    let device = center.device(&client).await;
    let account = &center.lab.account;
    account.approve(&device.user_code, "carol").unwrap();
    let (id, secret) = (client.client_id.as_str(), client.client_secret.clone());
    let call = CreateToken::device_code(id, secret.clone(), device.device_code.clone());
    let trade = Trade::new("device code", center.lab, call.unwrap());
    trade.with([secret, device.device_code]).once()
}

async fn refresh_token(lab: Lab) -> Trade {
    let center = Center::at(lab);
    let (client, token) = center.token().await;
    let (id, secret) = (client.client_id.as_str(), client.client_secret.clone());
    let token = token.refresh_token.unwrap();
    let call = CreateToken::refresh_token(id, secret.clone(), token.clone());
    let trade = Trade::new("refresh token", center.lab, call.unwrap());
    trade.with([secret, token]).once()
}

async fn portal(lab: Lab) -> Trade {
    let center = Center::at(lab);
    let token = center.token().await.1.access_token;
    let call = GetRoleCredentials::new(token.clone(), ACCOUNT, "Admin").unwrap();
    Trade::new("portal", center.lab, call).with([token])
}

async fn login_code(lab: Lab) -> Trade {
    let desk = Desk::at(lab);
    let code = desk.code().await;
    let call = desk.exchange(&code, &desk.verifier);
    let verifier = Secret::from(desk.verifier.expose());
    let trade = Trade::new("login code", desk.lab, call.unwrap());
    trade.with([code.into(), verifier]).once()
}

async fn login(lab: Lab) -> Trade {
    let desk = Desk::at(lab);
    let file = desk.login().await;
    let (token, key_line) = secrets_of(file.to_text().expose());
    let call = file.refresh(random()).unwrap();
    let trade = Trade::new("login", desk.lab, call);
    trade.with([token]).keeping(&key_line).once()
}

async fn console(lab: Lab, now: Timestamp) -> Trade {
    let deploy = Identity::session("deploy", "a");
    let keys = lab.account.issue(deploy, now.plus_seconds(3600)).unwrap();
    let call = GetSigninToken::new(&keys).unwrap();
    let token = keys.session_token().unwrap().clone();
    let secrets = [keys.secret_access_key().clone(), token];
    Trade::new("console", lab, call).with(secrets)
}

/// Returns the refresh token of a token file of `aws login`, and a full line of its key.
fn secrets_of(file: &str) -> (Secret, Secret) {
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let key = file["dpopKey"].as_str().unwrap();
    let line = key.lines().nth(1).unwrap();
    (file["refreshToken"].as_str().unwrap().into(), line.into())
}

/// Returns the code and the status for too many requests, and the code of an internal error.
fn errors(trade: &Trade) -> (&'static str, u16, &'static str) {
    // Comparisons, because patterns of constants this large take minutes to compile.
    let is = |service| trade.service == service;
    if is(Service::SSO_OIDC) {
        ("SlowDownException", 400, "InternalServerException")
    } else if is(Service::SSO) {
        ("TooManyRequestsException", 429, "InternalServerException")
    } else if is(Service::SIGNIN) && trade.name == "console" {
        ("TooManyRequests", 429, "InternalError")
    } else if is(Service::SIGNIN) {
        ("TooManyRequestsError", 429, "InternalServerException")
    } else {
        ("Throttling", 400, "InternalFailure")
    }
}

fn service(requests: u64, code: Option<&'static str>, status: u16) -> Expected {
    (requests, Some((ErrorKind::Service, code, Some(status))))
}

/// A refusal in either format: that of the service, or another one that a gateway has.
fn refused(_: &Trade) -> Expected {
    service(1, Some("Bad"), 400)
}

fn ended(result: Result<(), Error>) -> Option<(ErrorKind, Option<String>, Option<u16>)> {
    let error = result.err()?;
    Some((
        error.kind(),
        error.code().map(str::to_owned),
        error.status(),
    ))
}

#[track_caller]
fn check(fault: &str, trade: &Trade, requests: u64, result: Result<(), Error>, expected: Expected) {
    let (wanted, end) = expected;
    let end = end.map(|(kind, code, status)| (kind, code.map(str::to_owned), status));
    assert_eq!(
        (requests, ended(result)),
        (wanted, end),
        "{fault}: {}",
        trade.name
    );
}

/// Returns the faults, each with for how many requests it comes and what becomes of a call.
fn faults() -> [FaultRow; 8] {
    [
        (Fault::Throttling, 2, |trade| match errors(trade) {
            // The answer to a device that asks too often, which has to wait longer than others.
            (code @ "SlowDownException", status, _) => service(1, Some(code), status),
            _ => (3, RIGHT),
        }),
        (Fault::Throttling, 9, |trade| {
            let (code, status, _) = errors(trade);
            let requests = if code == "SlowDownException" { 1 } else { 3 };
            service(requests, Some(code), status)
        }),
        (Fault::InternalFailure, 2, |trade| {
            passing(trade, Some(errors(trade).2), 500)
        }),
        (Fault::Unavailable, 2, |trade| {
            passing(trade, Some("ServiceUnavailable"), 503)
        }),
        (Fault::HtmlPage, 2, |trade| passing(trade, None, 502)),
        (Fault::HtmlPage, 9, |trade| {
            let requests = if trade.once { 1 } else { 3 };
            service(requests, None, 502)
        }),
        (Fault::Truncated, 1, |_| {
            (1, Some((ErrorKind::Response, None, Some(200))))
        }),
        (Fault::ContentType, 1, |_| (1, RIGHT)),
    ]
}

#[tokio::test]
async fn a_fault_that_passes_is_waited_out_and_others_are_errors_without_secrets() {
    for (fault, times, expected) in faults() {
        for trade in trades().await {
            let before = trade.lab.services.counters().requests;
            trade.lab.services.fail(fault, times);
            let result = trade.run(&trade.lab.url(), PATIENT).await;
            let requests = trade.lab.services.counters().requests - before;
            let fault = format!("{fault:?}, {times} times");
            check(&fault, &trade, requests, result, expected(&trade));
        }
    }
}

/// A fault that comes twice and passes: what may be sent again succeeds.
fn passing(trade: &Trade, code: Option<&'static str>, status: u16) -> Expected {
    if trade.once {
        service(1, code, status)
    } else {
        (3, RIGHT)
    }
}

/// Returns answers that are not the service's, each with what becomes of a call.
fn foreign_answers() -> [AnswerRow; 7] {
    let unreadable: fn(&Trade) -> Expected = |_| (1, Some((ErrorKind::Response, None, Some(200))));
    [
        (
            "10 MB",
            |_| Answer::Full(200, "", " ".repeat(10 << 20)),
            unreadable,
        ),
        (
            "an error of 10 MB",
            |_| Answer::Full(503, "", " ".repeat(10 << 20)),
            |trade| service(if trade.once { 1 } else { 3 }, None, 503),
        ),
        ("an endless answer", |_| Answer::Endless, unreadable),
        (
            TRICKLE,
            |_| Answer::Trickle,
            |_| (1, Some((ErrorKind::Timeout, None, None))),
        ),
        (
            "a page with status 200",
            |_| {
                let page = "<!DOCTYPE html><html><body>Sign in to the network<br></body></html>";
                Answer::Full(200, "Content-Type: text/html\r\n", page.to_owned())
            },
            unreadable,
        ),
        (
            "an error in XML that repeats the secrets",
            |trade| {
                let said = trade.secrets.join(" ").replace('&', "&amp;");
                let body = format!(
                    "<ErrorResponse><Error><Code>Bad</Code><Message>{said}</Message></Error></ErrorResponse>"
                );
                Answer::Full(400, "", body)
            },
            refused,
        ),
        (
            "an error in JSON that repeats the secrets",
            |trade| {
                let said = trade.secrets.join(" ");
                let body = serde_json::json!({"__type": "Bad", "message": said, "error": said});
                Answer::Full(400, "", body.to_string())
            },
            refused,
        ),
    ]
}

#[tokio::test]
async fn an_answer_that_is_not_the_services_ends_the_call_in_time_and_without_secrets() {
    for (fault, answer, expected) in foreign_answers() {
        for trade in trades().await {
            let stub = Stub::start([answer(&trade)]).await;
            let timeout = if fault == TRICKLE { IMPATIENT } else { PATIENT };
            let result = trade.run(stub.url(), timeout).await;
            let requests = stub.requests().len().try_into().unwrap();
            check(fault, &trade, requests, result, expected(&trade));
        }
    }
}

/// What a call comes to with a wrong clock, and without the opt-in.
fn wrong_clock(trade: &Trade) -> Expected {
    match trade.name {
        "MFA" | "role" | "delegated" => service(1, Some("SignatureDoesNotMatch"), 403),
        "login code" | "login" => service(1, Some("AccessDeniedException"), 400),
        // The request says no time.
        _ => (1, RIGHT),
    }
}

#[tokio::test]
async fn an_hour_between_the_clocks_costs_one_request_at_most_and_can_be_told() {
    for ahead in [3600, -3600] {
        for trade in trades_ahead(ahead).await {
            let expected = wrong_clock(&trade);
            let requests = || trade.lab.services.counters().requests;
            let before = requests();
            let builder = trade.lab.builder().service(trade.service);
            let builder = builder.retry(Policy::aws());
            let result = trade.send_with(builder, &trade.lab.url(), PATIENT).await;
            if let Err(error) = &result {
                let skew = error.clock_skew_seconds().unwrap();
                assert!((skew - ahead).abs() < 30, "{skew}");
            }
            let fault = format!("{ahead} s ahead");
            check(&fault, &trade, requests() - before, result, expected);
            // A call that worked may have used up what it sends.
            if expected.1.is_some() {
                let before = requests();
                let result = trade.run(&trade.lab.url(), PATIENT).await;
                check(&fault, &trade, requests() - before, result, (2, RIGHT));
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_that_the_clock_is_not_to_blame_for_comes_after_one_more_request() {
    let trade = login(Lab::start_ahead(3600).await).await;
    trade.run(&trade.lab.url(), PATIENT).await.unwrap();
    // The refresh token is used up.
    let before = trade.lab.services.counters().requests;
    let error = trade.run(&trade.lab.url(), PATIENT).await.unwrap_err();
    assert_eq!(error.member("error"), Some("TOKEN_EXPIRED"));
    assert_eq!(error.clock_skew_seconds(), None);
    assert_eq!(trade.lab.services.counters().requests - before, 2);
}

#[tokio::test]
async fn lifetimes_count_from_this_machines_time_whatever_the_services_clock_says() {
    for ahead in [3600, -3600] {
        let desk = Desk::at(Lab::start_ahead(ahead).await);
        let file = desk.login().await;
        let left = |expiry: Timestamp| expiry.seconds_since(Timestamp::now());
        let seconds = left(file.credentials().expiry().unwrap());
        assert!((870..=900).contains(&seconds), "{seconds}");
        let center = Center::at(Lab::start_ahead(ahead).await);
        let (client, token) = center.token().await;
        let file = TokenFile::new(START_URL, "eu-west-1", &client, &token, Timestamp::now());
        let seconds = left(file.expiry());
        let lifetime = i64::from(token.expires_in);
        assert!((lifetime - 30..=lifetime).contains(&seconds), "{seconds}");
    }
}
