//! Links to the console: the request for their token, its answers, and the links of partitions.

use http::{Method, Response};
use keyfob_sigv4::Credentials;
use keyfob_sts::{
    Endpoint, Error, ErrorKind, Partition,
    call::{Call, Replay, Service},
    console::{GetSigninToken, home_page},
};

fn keys() -> Result<Credentials, keyfob_sigv4::Error> {
    let keys = Credentials::new("ASIAIOSFODNN7EXAMPLE", "canary/secret+=")?;
    keys.with_session_token("canary//token==")
}

fn endpoint(region: &str) -> Result<Endpoint, Error> {
    Service::SIGNIN.endpoint().region(region)?.build()
}

#[test]
fn the_credentials_are_in_the_body_and_not_in_the_url() -> Result<(), Box<dyn std::error::Error>> {
    let call = GetSigninToken::new(&keys()?)?.session_duration(43_200)?;
    let request = call.request(&endpoint("eu-west-1")?)?;
    assert_eq!(request.method(), Method::POST);
    assert_eq!(
        request.uri(),
        "https://eu-west-1.signin.aws.amazon.com/federation"
    );
    assert_eq!(
        request.body().expose(),
        "Action=getSigninToken\
         &Session=%7B%22sessionId%22%3A%22ASIAIOSFODNN7EXAMPLE%22%2C%22sessionKey%22%3A%22canary%2Fsecret%2B%3D\
         %22%2C%22sessionToken%22%3A%22canary%2F%2Ftoken%3D%3D%22%7D&SessionDuration=43200",
    );
    assert_eq!(call.operation().replay(), Replay::Safe);
    assert!(!format!("{call:?} {request:?}").contains("canary"));
    let short = GetSigninToken::new(&keys()?)?.session_duration(60);
    assert_eq!(
        short.map(drop).map_err(|error| error.kind()),
        Err(ErrorKind::Input)
    );
    Ok(())
}

#[test]
fn each_partition_has_its_own_pages() -> Result<(), Box<dyn std::error::Error>> {
    let answer = Response::new(r#"{"SigninToken":"canary"}"#);
    let token = GetSigninToken::new(&keys()?)?.parse(&answer)?;
    assert!(!format!("{token:?}").contains("canary"));
    for (region, signin, page) in [
        (
            "us-east-1",
            "us-east-1.signin.aws.amazon.com",
            "console.aws.amazon.com",
        ),
        (
            "cn-north-1",
            "cn-north-1.signin.amazonaws.cn",
            "console.amazonaws.cn",
        ),
        (
            "us-gov-west-1",
            "us-gov-west-1.signin.amazonaws-us-gov.com",
            "console.amazonaws-us-gov.com",
        ),
        (
            "eusc-de-east-1",
            "eusc-de-east-1.signin.amazonaws-eusc.eu",
            "console.amazonaws-eusc.eu",
        ),
        (
            "us-iso-east-1",
            "us-iso-east-1.signin.c2shome.ic.gov",
            "console.c2shome.ic.gov",
        ),
        (
            "us-isob-east-1",
            "us-isob-east-1.signin.sc2shome.sgov.gov",
            "console.sc2shome.sgov.gov",
        ),
    ] {
        let url = token.login_url(
            &endpoint(region)?,
            home_page(Partition::from_region(region)),
        );
        let expected = format!(
            "https://{signin}/federation?Action=login&Issuer=&Destination=https%3A%2F%2F{page}%2F&SigninToken=canary"
        );
        assert_eq!(url.expose(), expected);
    }
    // A destination cannot add parameters of its own.
    let url = token.login_url(&endpoint("eu-west-1")?, "https://a/?b=c&SigninToken=d#e");
    assert_eq!(url.expose().matches('&').count(), 3);
    Ok(())
}

#[test]
fn a_refusal_has_its_status_and_no_secret() -> Result<(), Box<dyn std::error::Error>> {
    let call = GetSigninToken::new(&keys()?)?;
    for (status, body) in [
        (400, "<html><body>canary/secret+= is wrong</body></html>"),
        (400, ""),
        (403, r#"{"message": "canary//token== has expired"}"#),
        (200, r#"{"SigninToken": null}"#),
        (200, "<html>"),
    ] {
        let answer = Response::builder().status(status).body(body)?;
        let error = call.parse(&answer).map(drop).expect_err(body);
        let kind = if status == 200 {
            ErrorKind::Response
        } else {
            ErrorKind::Service
        };
        assert_eq!((error.kind(), error.status()), (kind, Some(status)));
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
    }
    Ok(())
}
