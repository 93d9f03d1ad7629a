use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use keyfob_sigv4::{Credentials, Payload, Request as Signed, Scope, Signer, Timestamp, Ttl};

use crate::server::{Account, Fault, Identity, Services};

const IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";
const HOST: &str = "127.0.0.1:8080";

/// A service, a time, and a signer for another region than the default.
struct Lab {
    account: Arc<Account>,
    user: Credentials,
    services: Services,
    signer: Signer,
    now: Timestamp,
}

impl Lab {
    fn new() -> Self {
        let account = Account::new("123456789012").unwrap().with_any_role();
        let account = Arc::new(account);
        Self {
            user: account.add_user("user").unwrap(),
            services: Services::new(Arc::clone(&account)),
            account,
            signer: Signer::new(Scope::new("eu-west-1", "sts").unwrap()),
            now: "2026-11-22T03:00:00Z".parse().unwrap(),
        }
    }

    /// Posts a form that is signed `seconds` before now.
    fn post(&self, form: &str, key: &Credentials, seconds: i64) -> Answer {
        let mut request = Request::post(format!("http://{HOST}/")).body(()).unwrap();
        let at = self.now.plus_seconds(-seconds);
        let payload = Payload::Bytes(form.as_bytes());
        self.signer
            .sign_http(&mut request, payload, key, at)
            .unwrap();
        self.send(request, form)
    }

    fn send(&self, request: Request<()>, body: &str) -> Answer {
        let (head, ()) = request.into_parts();
        Answer::new(self.services.answer(&head, body.as_bytes(), self.now))
    }
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn new(response: Response<Bytes>) -> Self {
        assert!(response.headers().contains_key("x-amzn-requestid"));
        Self {
            status: response.status().as_u16(),
            body: String::from_utf8(response.into_body().to_vec()).unwrap(),
        }
    }

    #[track_caller]
    fn check(&self, status: u16, pieces: &[&str]) {
        assert_eq!(self.status, status, "{}", self.body);
        for piece in pieces {
            assert!(self.body.contains(piece), "{piece} is not in {}", self.body);
        }
    }
}

#[test]
fn the_user_is_known_in_every_region() {
    let lab = Lab::new();
    let answer = lab.post(IDENTITY, &lab.user, 0);
    answer.check(200, &["<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/user</Arn>", "<RequestId>"]);
}

#[test]
fn a_presigned_get_is_accepted() {
    let lab = Lab::new();
    let url = format!("http://{HOST}/?{IDENTITY}");
    let request = Signed::new("GET", &url).unwrap();
    let ttl = Ttl::from_secs(60).unwrap();
    let presigned = lab
        .signer
        .presign(&request, &lab.user, lab.now, ttl)
        .unwrap();
    let get = Request::get(presigned.as_str()).body(()).unwrap();
    lab.send(get, "").check(200, &["user/user"]);
    let late = lab
        .signer
        .presign(&request, &lab.user, lab.now.plus_seconds(-61), ttl)
        .unwrap();
    let get = Request::get(late.as_str()).body(()).unwrap();
    assert_eq!(lab.send(get, "").status, 403);
}

#[test]
fn wrong_keys_are_refused_as_in_aws() {
    let lab = Lab::new();
    let id = lab.user.access_key_id();
    let wrong = Credentials::new(id, "wrong").unwrap();
    lab.post(IDENTITY, &wrong, 0).check(
        403,
        &["<Code>SignatureDoesNotMatch</Code>", "<Type>Sender</Type>"],
    );
    let unknown = Credentials::new("AKIAUNKNOWN", "wrong").unwrap();
    lab.post(IDENTITY, &unknown, 0)
        .check(403, &["<Code>InvalidClientTokenId</Code>"]);
    let unsigned = Request::post(format!("http://{HOST}/")).body(()).unwrap();
    lab.send(unsigned, IDENTITY)
        .check(403, &["<Code>MissingAuthenticationToken</Code>"]);
    let mut request = Request::post(format!("http://{HOST}/")).body(()).unwrap();
    let payload = Payload::Bytes(b"Action=AssumeRole");
    lab.signer
        .sign_http(&mut request, payload, &lab.user, lab.now)
        .unwrap();
    lab.send(request, IDENTITY)
        .check(403, &["<Code>SignatureDoesNotMatch</Code>"]);
}

#[test]
fn a_wrong_clock_is_named() {
    let lab = Lab::new();
    lab.post(IDENTITY, &lab.user, 899).check(200, &[]);
    lab.post(IDENTITY, &lab.user, 901).check(403, &["Signature expired: 20261122T024459Z is now earlier than 20261122T024500Z (20261122T030000Z - 15 min.)"]);
    lab.post(IDENTITY, &lab.user, -901)
        .check(403, &["Signature not yet current: "]);
}

#[test]
fn a_session_works_until_it_expires_and_only_with_its_token() {
    let lab = Lab::new();
    let role = || Identity::session("app", "me");
    let live = lab.account.issue(role(), lab.now.plus_seconds(1)).unwrap();
    lab.post(IDENTITY, &live, 0)
        .check(200, &["assumed-role/app/me"]);
    let expired = lab.account.issue(role(), lab.now).unwrap();
    lab.post(IDENTITY, &expired, 0)
        .check(403, &["<Code>ExpiredToken</Code>"]);
    let secret = live.secret_access_key().expose();
    let bare = Credentials::new(live.access_key_id(), secret).unwrap();
    lab.post(IDENTITY, &bare, 0)
        .check(403, &["<Code>InvalidClientTokenId</Code>"]);
}

#[test]
fn the_first_calls_are_throttled() {
    let lab = Lab::new();
    lab.services.fail(Fault::Throttling, 1);
    lab.post(IDENTITY, &lab.user, 0)
        .check(400, &["<Code>Throttling</Code>", "Rate exceeded"]);
    lab.post(IDENTITY, &lab.user, 0).check(200, &[]);
}

#[test]
fn parameters_are_checked() {
    let lab = Lab::new();
    let user = &lab.user;
    let role = "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Fb";
    let cases = [
        ("Action=Nonsense", "InvalidAction"),
        ("Version=2011-06-15", "MissingAction"),
        (role, "at 'roleSessionName'"),
        (
            &format!("{role}&RoleSessionName=a+b"),
            "at 'roleSessionName'",
        ),
        (
            &format!("{role}&RoleSessionName=me&DurationSeconds=899"),
            "at 'durationSeconds'",
        ),
        (
            &format!("{role}&RoleSessionName=me&DurationSeconds=43201"),
            "at 'durationSeconds'",
        ),
        (
            "Action=AssumeRole&RoleSessionName=me&RoleArn=nonsense",
            "nonsense is invalid",
        ),
        (
            "Action=GetSessionToken&DurationSeconds=129601",
            "at 'durationSeconds'",
        ),
    ];
    for (form, piece) in cases {
        lab.post(form, user, 0).check(400, &[piece]);
    }
    lab.post(
        &format!("{role}&RoleSessionName=me&Policy=%7B%7D&SourceIdentity=ax"),
        user,
        0,
    )
    .check(
        200,
        &[
            "assumed-role/b/me",
            "<PackedPolicySize>1</PackedPolicySize>",
            "<SourceIdentity>ax</SourceIdentity>",
            "<Expiration>2026-11-22T04:00:00Z</Expiration>",
        ],
    );
}
