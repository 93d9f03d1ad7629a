//! The sign-in to the console: whom it takes, and for how long a token works.

use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::{
    Client, Error,
    call::{Call, Service},
    console::{GetSigninToken, SigninToken},
    server::{Identity, Services},
};

use crate::Lab;

fn session(lab: &Lab, identity: Identity) -> Credentials {
    let expiry = Timestamp::now().plus_seconds(3600);
    lab.account.issue(identity, expiry).unwrap()
}

async fn token(lab: &Lab, call: &GetSigninToken) -> Result<SigninToken, Error> {
    let builder = Client::builder().service(Service::SIGNIN);
    let builder = builder.region("eu-west-1")?.endpoint(&lab.url())?;
    builder.build()?.send_unsigned(call).await
}

/// Opens the link of a token at a time, and returns the status and the page.
fn open(services: &Services, token: &SigninToken, now: Timestamp) -> (u16, String) {
    let endpoint = Service::SIGNIN.endpoint().region("eu-west-1").unwrap();
    let link = token.login_url(
        &endpoint.build().unwrap(),
        "https://console.aws.amazon.com/",
    );
    let request = http::Request::get(link.expose()).body(()).unwrap();
    let answer = services.answer(&request.into_parts().0, b"", now);
    let page = String::from_utf8_lossy(answer.body()).into_owned();
    (answer.status().as_u16(), page)
}

#[tokio::test]
async fn a_token_signs_in_once_within_15_minutes() {
    let lab = Lab::start().await;
    let keys = session(&lab, Identity::session("deploy", "ada"));
    let call = GetSigninToken::new(&keys).unwrap();
    let call = call.session_duration(900).unwrap();
    let now = Timestamp::now();
    let first = token(&lab, &call).await.unwrap();
    let (status, page) = open(&lab.services, &first, now);
    assert_eq!(status, 200);
    assert!(page.contains("assumed-role/deploy/ada"), "{page}");
    assert_eq!(open(&lab.services, &first, now).0, 400);
    let late = token(&lab, &call).await.unwrap();
    assert_eq!(open(&lab.services, &late, now.plus_seconds(910)).0, 400);
}

#[tokio::test]
async fn only_right_credentials_of_roles_and_federated_users_are_taken() {
    let lab = Lab::start().await;
    let role = session(&lab, Identity::session("deploy", "ada"));
    let bob = Identity::FederatedUser {
        name: "bob".to_owned(),
    };
    let bob = GetSigninToken::new(&session(&lab, bob)).unwrap();
    token(&lab, &bob).await.unwrap();
    let own_token = role.session_token().unwrap().clone();
    let forged = Credentials::new(role.access_key_id(), "forged").unwrap();
    let user = session(&lab, Identity::user("alice"));
    for call in [
        GetSigninToken::new(&forged.with_session_token(own_token).unwrap()).unwrap(),
        GetSigninToken::new(&role.with_session_token("forged").unwrap()).unwrap(),
        GetSigninToken::new(&user).unwrap(),
        bob.session_duration(900).unwrap(),
    ] {
        let error = token(&lab, &call).await.unwrap_err();
        assert_eq!(error.status(), Some(400), "{error} {:?}", call.operation());
    }
}
