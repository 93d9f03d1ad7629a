//! AWS Sign-In: the code grant, the refresh, and the proofs of both.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderName, Method, Uri};
use keyfob_sigv4::{Secret, Timestamp};
use keyfob_sts::{
    Client, CodeVerifier, Endpoint, Error,
    actions::GetCallerIdentity,
    call::{Authorization, Operation, Proof, Service},
    server::Fault,
    signin::{CreateOAuth2Token, DpopKey, LoginFile, LoginToken, LoginUrl},
};

use crate::{Lab, browser};

const REDIRECT: &str = "http://127.0.0.1:4711/oauth/callback";

/// A lab with a client of AWS Sign-In.
pub(crate) struct Desk {
    pub(crate) lab: Lab,
    pub(crate) client: Client,
    endpoint: Endpoint,
    pub(crate) key: DpopKey,
    pub(crate) verifier: CodeVerifier,
}

/// Returns a function that returns other bytes each time.
pub(crate) fn random() -> impl Fn() -> [u8; 16] + Send + Sync + 'static {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    || {
        [NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes(); 2]
            .concat()
            .try_into()
            .unwrap()
    }
}

impl Desk {
    pub(crate) async fn start() -> Self {
        Self::at(Lab::start().await)
    }

    pub(crate) fn at(lab: Lab) -> Self {
        let endpoint = Service::SIGNIN.endpoint().url(&lab.url()).unwrap();
        Self {
            client: lab.builder().service(Service::SIGNIN).build().unwrap(),
            endpoint: endpoint.build().unwrap(),
            key: DpopKey::from_random([7; 32]).unwrap(),
            verifier: CodeVerifier::from_random([8; 48]),
            lab,
        }
    }

    fn url(&self) -> String {
        let url = LoginUrl {
            client_id: LoginUrl::SAME_DEVICE,
            redirect_uri: REDIRECT,
            state: "state",
        };
        url.build(&self.endpoint, &self.verifier)
    }

    /// Opens a browser, which comes back with a code.
    pub(crate) async fn code(&self) -> String {
        let location = browser(&self.url()).await.location.unwrap();
        let query = location.strip_prefix(&format!("{REDIRECT}?code=")).unwrap();
        let code = query.strip_suffix("&state=state").unwrap();
        code.replace("%2F", "/").replace("%2B", "+")
    }

    pub(crate) fn exchange(
        &self,
        code: &str,
        verifier: &CodeVerifier,
    ) -> Result<CreateOAuth2Token, Error> {
        let (client, key) = (LoginUrl::SAME_DEVICE, &self.key);
        CreateOAuth2Token::authorization_code(client, code, REDIRECT, verifier, key, random())
    }

    async fn redeem(&self, code: &str, verifier: &CodeVerifier) -> Result<LoginToken, Error> {
        let call = self.exchange(code, verifier).unwrap();
        self.client.send_unsigned(&call).await
    }

    pub(crate) async fn token(&self) -> LoginToken {
        let code = self.code().await;
        self.redeem(&code, &self.verifier).await.unwrap()
    }

    pub(crate) async fn login(&self) -> LoginFile {
        let token = self.token().await;
        let client = LoginUrl::SAME_DEVICE;
        let now = Timestamp::now();
        LoginFile::new(client, "eu-west-1", &token, &self.key, now).unwrap()
    }

    /// Refreshes without a checked proof, and returns why it is refused.
    async fn refused(&self, authorization: Authorization) -> (String, String) {
        let operation = Operation::new(&Service::SIGNIN, "CreateOAuth2Token")
            .with_route(Method::POST, &["v1", "token"])
            .with_authorization(authorization)
            .text("clientId", LoginUrl::SAME_DEVICE, 1..=99)
            .and_then(|operation| operation.text("grantType", "refresh_token", 1..=99))
            .and_then(|operation| operation.text("refreshToken", "token", 1..=99))
            .unwrap();
        let call = operation.with_output(|_| Ok(()));
        told(&self.client.send_unsigned(&call).await.unwrap_err())
    }
}

/// Returns the authorization with a proof that a test makes.
fn proof(
    make: impl Fn(&Method, &Uri, Timestamp) -> Secret + Send + Sync + 'static,
) -> Authorization {
    let header = HeaderName::from_static("dpop");
    let proof = Proof::new(header, move |method, url, at| Ok(make(method, url, at)));
    Authorization::Proof(proof)
}

/// Returns the `error` and the message of a refusal, which always has the same code and status.
fn told(error: &Error) -> (String, String) {
    assert_eq!(
        (error.code(), error.status()),
        (Some("AccessDeniedException"), Some(400))
    );
    let reason = error.member("error").unwrap().to_owned();
    (reason, error.message().to_owned())
}

#[tokio::test]
async fn a_login_gives_credentials_that_work_and_are_refreshed_with_a_new_token_each_time() {
    let desk = Desk::start().await;
    let file = desk.login().await;
    let keys = file.credentials();
    assert_eq!(keys.account_id(), Some(crate::ACCOUNT));
    let identity = desk
        .lab
        .send(&GetCallerIdentity::new(), keys)
        .await
        .unwrap();
    assert_eq!(identity.arn, "arn:aws:iam::123456789012:user/alice");

    let mut file = LoginFile::parse(file.to_text().expose()).unwrap();
    assert_eq!(file.sign_in_region(), Some("eu-west-1"));
    let now = Timestamp::now();
    assert!(!file.needs_refresh(now) && file.needs_refresh(now.plus_seconds(601)));
    let first = file.clone();
    for _ in 0..2 {
        let call = file.refresh(random()).unwrap();
        let token = desk.client.send_unsigned(&call).await.unwrap();
        assert!(token.id_token.is_none());
        file = file.with_token(&token, now).unwrap();
        let keys = file.credentials();
        desk.lab
            .send(&GetCallerIdentity::new(), keys)
            .await
            .unwrap();
    }
    let call = first.refresh(random()).unwrap();
    let error = desk.client.send_unsigned(&call).await.unwrap_err();
    assert_eq!(told(&error).0, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn a_code_works_once_and_only_with_its_verifier() {
    let desk = Desk::start().await;
    let code = desk.code().await;
    let wrong = CodeVerifier::from_random([9; 48]);
    for verifier in [&wrong, &desk.verifier] {
        let error = desk.redeem(&code, verifier).await.unwrap_err();
        assert_eq!(told(&error).0, "AUTHCODE_EXPIRED");
    }
    let token = desk.token().await;
    assert_eq!(
        token.session().unwrap(),
        "arn:aws:iam::123456789012:user/alice"
    );
    assert_eq!(
        (token.token_type.as_str(), token.expires_in),
        ("aws_sigv4", 900)
    );
    for wrong in [
        desk.url().replace("SHA-256", "S256"),
        desk.url().replace("same-device", "other"),
        desk.url().replace("127.0.0.1", "198.51.100.1"),
    ] {
        assert_eq!(browser(&wrong).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_browser_elsewhere_shows_the_code() {
    let desk = Desk::start().await;
    let page = LoginUrl::confirmation_page(&desk.endpoint);
    let login = LoginUrl {
        client_id: LoginUrl::CROSS_DEVICE,
        redirect_uri: &page,
        state: "state",
    };
    let url = login.build(&desk.endpoint, &desk.verifier);
    let location = browser(&url).await.location.unwrap();
    let body = browser(&location).await.body;
    let (_, text) = body.split_once("<pre>").unwrap();
    let code = login.code_from(text.split('<').next().unwrap()).unwrap();
    let call = CreateOAuth2Token::authorization_code(
        LoginUrl::CROSS_DEVICE,
        code,
        page.as_str(),
        &desk.verifier,
        &desk.key,
        random(),
    );
    desk.client.send_unsigned(&call.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_proof_must_be_of_the_right_key_the_right_request_and_the_right_time() {
    let desk = Desk::start().await;
    let file = desk.login().await;
    let other = DpopKey::from_random([1; 32]).unwrap();
    let own = desk.key.to_pem().expose().replace('\n', "\\n");
    let stolen = other.to_pem().expose().replace('\n', "\\n");
    let stolen = file.to_text().expose().replace(&own, &stolen);
    let call = LoginFile::parse(&stolen)
        .unwrap()
        .refresh(random())
        .unwrap();
    let error = desk.client.send_unsigned(&call).await.unwrap_err();
    assert_eq!(told(&error).0, "TOKEN_EXPIRED");

    // The same random bytes twice.
    let again = || [3; 16];
    let call = file.refresh(again).unwrap();
    let token = desk.client.send_unsigned(&call).await.unwrap();
    let file = file.with_token(&token, Timestamp::now()).unwrap();
    let call = file.refresh(again).unwrap();
    let error = desk.client.send_unsigned(&call).await.unwrap_err();
    let invalid = |message: &str| ("INVALID_REQUEST".to_owned(), message.to_owned());
    assert_eq!(told(&error), invalid("The proof was used before"));

    let key = desk.key.clone();
    let own = key.clone();
    let get = proof(move |_, url, at| own.proof(&Method::GET, url, at, random()()));
    let message = "htm is not the method of the request";
    assert_eq!(desk.refused(get).await, invalid(message));
    let own = key.clone();
    let elsewhere = proof(move |method, _, at| {
        let url = "https://signin.example.com/v1/token".parse().unwrap();
        own.proof(method, &url, at, random()())
    });
    let message = "htu is not the URL of the request";
    assert_eq!(desk.refused(elsewhere).await, invalid(message));
    for seconds in [-301, 302] {
        let own = key.clone();
        let early = proof(move |method, url, at| {
            own.proof(method, url, at.plus_seconds(seconds), random()())
        });
        let message = "iat is not close to the time of the request";
        assert_eq!(desk.refused(early).await, invalid(message));
    }
    let forged = proof(move |method, url, at| {
        let [one, two] = [random()(), random()()].map(|id| key.proof(method, url, at, id));
        let (signed, _) = one.expose().rsplit_once('.').unwrap();
        let (_, signature) = two.expose().rsplit_once('.').unwrap();
        format!("{signed}.{signature}").into()
    });
    assert_eq!(
        desk.refused(forged).await,
        invalid("The signature is wrong")
    );
    let message = "The request must have one DPoP header";
    assert_eq!(desk.refused(Authorization::None).await, invalid(message));
}

#[tokio::test]
async fn each_attempt_has_a_proof_of_its_own() {
    let desk = Desk::start().await;
    let file = desk.login().await;
    desk.lab.services.fail(Fault::Throttling, 2);
    let call = file.refresh(random()).unwrap();
    let token = desk.client.send_unsigned(&call).await.unwrap();
    let file = file.with_token(&token, Timestamp::now()).unwrap();
    // The request was carried out, so the token is lost: it is not sent again.
    desk.lab.services.fail(Fault::Truncated, 1);
    let call = file.refresh(random()).unwrap();
    desk.client.send_unsigned(&call).await.unwrap_err();
    let error = desk.client.send_unsigned(&call).await.unwrap_err();
    assert_eq!(told(&error).0, "TOKEN_EXPIRED");
}
