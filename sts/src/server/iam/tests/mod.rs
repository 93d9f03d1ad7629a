mod roles;
mod simulate;

use std::sync::Arc;

use http::Request;
use keyfob_sigv4::{Credentials, Payload, Scope, Signer, Timestamp};

use crate::server::{Account, Identity, Role, Services};

const LIST: &str = "Action=ListAccessKeys";

struct Lab {
    account: Arc<Account>,
    services: Services,
    robot: Credentials,
    now: Timestamp,
}

impl Lab {
    fn new() -> Self {
        let account = Arc::new(Account::new("123456789012").unwrap().with_key_delay(8));
        let now: Timestamp = "2026-11-22T03:00:00Z".parse().unwrap();
        let created = now.plus_seconds(-86_400);
        Self {
            robot: account.add_access_key("robot", created).unwrap(),
            services: Services::new(Arc::clone(&account)),
            account,
            now,
        }
    }

    /// Sends a call, and returns the status and the body.
    fn call(&self, key: &Credentials, form: &str) -> (u16, String) {
        self.call_of("iam", key, form)
    }

    fn call_of(&self, service: &str, key: &Credentials, form: &str) -> (u16, String) {
        let mut request = Request::post("https://localhost/").body(()).unwrap();
        let signer = Signer::new(Scope::new("us-east-1", service).unwrap());
        let payload = Payload::Bytes(form.as_bytes());
        signer
            .sign_http(&mut request, payload, key, self.now)
            .unwrap();
        let (head, ()) = request.into_parts();
        let answer = self.services.answer(&head, form.as_bytes(), self.now);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status().as_u16(), body)
    }

    #[track_caller]
    fn ok(&self, key: &Credentials, form: &str) -> String {
        let (status, body) = self.call(key, form);
        assert_eq!(status, 200, "{body}");
        body
    }

    #[track_caller]
    fn refused(&self, key: &Credentials, form: &str, status: u16, code: &str) {
        let (actual, body) = self.call(key, form);
        assert_eq!(actual, status, "{body}");
        assert!(body.contains(&format!("<Code>{code}</Code>")), "{body}");
    }

    fn create(&self) -> Credentials {
        let body = self.ok(&self.robot, "Action=CreateAccessKey");
        let text = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>")).unwrap();
            rest.split_once('<').unwrap().0.to_owned()
        };
        Credentials::new(text("AccessKeyId"), text("SecretAccessKey")).unwrap()
    }
}

#[test]
fn a_user_has_two_keys_at_most_and_a_new_one_works_after_the_delay() {
    let mut lab = Lab::new();
    let new = lab.create();
    lab.refused(&lab.robot, "Action=CreateAccessKey", 409, "LimitExceeded");
    lab.refused(&new, LIST, 403, "InvalidClientTokenId");
    lab.now = lab.now.plus_seconds(8);
    let list = lab.ok(&new, LIST);
    let place = |key: &Credentials| list.find(key.access_key_id()).unwrap();
    assert!(place(&lab.robot) < place(&new), "{list}");
    assert!(
        list.contains("<CreateDate>2026-11-21T03:00:00Z</CreateDate>"),
        "{list}"
    );
    let (status, _) = lab.call_of("sts", &new, "Action=GetCallerIdentity");
    assert_eq!(status, 200);
}

#[test]
fn an_inactive_key_is_refused_until_it_is_active_again() {
    let lab = Lab::new();
    let admin = lab.account.add_user("admin").unwrap();
    let id = lab.robot.access_key_id();
    let update = |status: &str| {
        let form =
            format!("Action=UpdateAccessKey&UserName=robot&AccessKeyId={id}&Status={status}");
        lab.ok(&admin, &form)
    };
    assert!(!update("Inactive").contains("Result"));
    lab.refused(&lab.robot, LIST, 403, "InvalidClientTokenId");
    let list = lab.ok(&admin, "Action=ListAccessKeys&UserName=robot");
    assert!(list.contains("<Status>Inactive</Status>"), "{list}");
    update("Active");
    lab.ok(&lab.robot, LIST);
    let form = format!("Action=UpdateAccessKey&AccessKeyId={id}&Status=Off");
    lab.refused(&lab.robot, &form, 400, "ValidationError");
}

#[test]
fn only_keys_of_the_user_are_found_and_a_deleted_one_is_gone() {
    let lab = Lab::new();
    let other = lab.account.add_user("other").unwrap();
    let delete = format!(
        "Action=DeleteAccessKey&AccessKeyId={}",
        lab.robot.access_key_id()
    );
    lab.refused(&other, &delete, 404, "NoSuchEntity");
    lab.ok(&lab.robot, &delete);
    lab.refused(&lab.robot, LIST, 403, "InvalidClientTokenId");
    lab.refused(
        &other,
        "Action=ListAccessKeys&UserName=eve",
        404,
        "NoSuchEntity",
    );
    lab.refused(&other, "Action=DeleteAccount", 400, "InvalidAction");
}

#[test]
fn the_last_use_of_a_key_is_known_after_a_request_only() {
    let lab = Lab::new();
    let admin = lab.account.add_user("admin").unwrap();
    let form = format!(
        "Action=GetAccessKeyLastUsed&AccessKeyId={}",
        lab.robot.access_key_id()
    );
    let before = lab.ok(&admin, &form);
    assert!(
        before.contains("<ServiceName>N/A</ServiceName>"),
        "{before}"
    );
    assert!(!before.contains("LastUsedDate"), "{before}");
    lab.call_of("sts", &lab.robot, "Action=GetCallerIdentity");
    let after = lab.ok(&admin, &form);
    for piece in [
        "<UserName>robot</UserName>",
        "<LastUsedDate>2026-11-22T03:00:00Z</LastUsedDate>",
        "<ServiceName>sts</ServiceName>",
        "<Region>us-east-1</Region>",
    ] {
        assert!(after.contains(piece), "{piece}: {after}");
    }
    let unknown = "Action=GetAccessKeyLastUsed&AccessKeyId=AKIAUNKNOWN";
    lab.refused(&admin, unknown, 403, "AccessDenied");
}

#[test]
fn who_has_no_keys_must_name_a_user() {
    let lab = Lab::new();
    let role = lab
        .account
        .issue(Identity::session("app", "s"), Timestamp::MAX)
        .unwrap();
    lab.refused(&role, LIST, 400, "ValidationError");
    lab.ok(&role, "Action=ListAccessKeys&UserName=robot");
    let user = lab.ok(&role, "Action=GetUser&UserName=robot");
    assert!(
        user.contains("<Arn>arn:aws:iam::123456789012:user/robot</Arn>"),
        "{user}"
    );
    let session = lab
        .account
        .issue(Identity::user("robot"), Timestamp::MAX)
        .unwrap();
    lab.refused(&session, LIST, 403, "InvalidClientTokenId");
    let root = lab.account.add_root_key().unwrap();
    let root = lab.ok(&root, "Action=GetUser");
    assert!(
        root.contains("123456789012:root") && !root.contains("UserName"),
        "{root}"
    );
}

#[test]
fn a_device_is_listed_with_its_user() {
    let lab = Lab::new();
    let list = |lab: &Lab| lab.ok(&lab.robot, "Action=ListMFADevices");
    assert!(!list(&lab).contains("member"));
    let device = lab.account.add_mfa_device("robot").unwrap();
    assert!(list(&lab).contains(device.serial_number()));
}
