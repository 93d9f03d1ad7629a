use keyfob_sigv4::Timestamp;
use keyfob_sts::{
    actions::{AssumeRole, GetCallerIdentity, GetSessionToken},
    server::Account,
};

use crate::{ACCOUNT, Lab, assume, role};

#[tokio::test]
async fn the_trust_policy_decides_by_caller_external_id_and_organization() {
    let account = Account::new(ACCOUNT)
        .unwrap()
        .in_organization("o-1234567890");
    let lab = Lab::start_with(account).await;
    let bob = lab.account.add_user("bob").unwrap();
    lab.account.add_role(role(
        "deploy",
        r#"[{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "123456789012"},
             "Condition": {"StringEquals": {"sts:ExternalId": "partner-42", "aws:PrincipalOrgID": "o-1234567890"}}},
            {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::123456789012:user/bob"}}]"#,
    ));
    let with_id = || assume().and_then(|call| call.external_id("partner-42"));
    lab.alice(with_id()).await;
    let (code, message) = lab.refused(assume(), &lab.alice).await;
    assert_eq!(code, "AccessDenied");
    assert!(!message.contains("explicit deny"), "{message}");
    let (_, message) = lab.refused(with_id(), &bob).await;
    assert!(
        message.ends_with("with an explicit deny in a resource-based policy"),
        "{message}"
    );
}

#[tokio::test]
async fn tags_and_a_source_identity_need_permissions_of_their_own_and_are_passed_on() {
    let lab = Lab::start().await;
    let anyone = |action: &str| {
        format!(
            r#"{{"Effect": "Allow", "Action": {action}, "Principal": {{"AWS": "123456789012"}}}}"#
        )
    };
    lab.account
        .add_role(role("deploy", &anyone(r#""sts:AssumeRole""#)));
    let tagged = || assume().and_then(|call| call.tag("team", "blue")?.transitive_tag_key("team"));
    let (_, message) = lab.refused(tagged(), &lab.alice).await;
    assert!(message.contains("sts:TagSession on resource"), "{message}");
    let named = || assume().and_then(|call| call.source_identity("alice"));
    let (_, message) = lab.refused(named(), &lab.alice).await;
    assert!(
        message.contains("sts:SetSourceIdentity on resource"),
        "{message}"
    );

    lab.account.add_role(role(
        "deploy",
        &anyone(r#"["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]"#),
    ));
    lab.account.add_role(role(
        "next",
        r#"{"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Principal": {"AWS": "arn:aws:iam::123456789012:role/deploy"},
            "Condition": {"StringEquals": {"aws:RequestTag/team": "blue", "aws:PrincipalTag/team": "blue",
                                           "sts:SourceIdentity": "alice"}}}"#,
    ));
    let both = tagged().and_then(|call| call.source_identity("alice"));
    let session = lab.alice(both).await;
    assert_eq!(session.source_identity.as_deref(), Some("alice"));
    assert!(session.packed_policy_size.is_some());
    let next = || AssumeRole::new("arn:aws:iam::123456789012:role/next", "ci");
    let session = lab
        .send(&next().unwrap(), &session.credentials)
        .await
        .unwrap();
    assert_eq!(session.source_identity.as_deref(), Some("alice"));
    let plain = lab.alice(assume()).await.credentials;
    assert_eq!(lab.refused(next(), &plain).await.0, "AccessDenied");
}

#[tokio::test]
async fn a_role_that_wants_mfa_takes_a_code_once_or_a_session_with_mfa() {
    let lab = Lab::start().await;
    lab.account.add_role(role(
        "deploy",
        r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "123456789012"},
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                          "NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}}"#,
    ));
    assert_eq!(lab.refused(assume(), &lab.alice).await.0, "AccessDenied");
    let serial = lab.device.serial_number();
    let now = Timestamp::now();
    let code = lab.device.code(now);
    let with_code = || assume().and_then(|call| call.mfa(serial, code.clone()));
    lab.alice(with_code()).await;
    let (code_again, message) = lab.refused(with_code(), &lab.alice).await;
    assert_eq!(code_again, "AccessDenied");
    assert_eq!(
        message,
        "MultiFactorAuthentication failed with invalid MFA one time pass code."
    );
    let other =
        assume().and_then(|call| call.mfa("arn:aws:iam::123456789012:mfa/bob", code.clone()));
    let (_, message) = lab.refused(other, &lab.alice).await;
    assert!(message.contains("unable to validate MFA code"), "{message}");

    let next = lab.device.code(now.plus_seconds(30));
    let with_mfa = lab
        .alice(GetSessionToken::new().mfa(serial, next))
        .await
        .credentials;
    lab.send(&assume().unwrap(), &with_mfa).await.unwrap();
    let without = lab.alice(Ok(GetSessionToken::new())).await.credentials;
    assert_eq!(lab.refused(assume(), &without).await.0, "AccessDenied");
}

#[tokio::test]
async fn an_account_with_any_role_lets_its_callers_assume_each_and_take_any_code() {
    let account = Account::new(ACCOUNT)
        .unwrap()
        .with_any_role()
        .with_any_mfa_code();
    let lab = Lab::start_with(account).await;
    let call = AssumeRole::new("arn:aws:iam::123456789012:role/path/any", "ci");
    let call = call.and_then(|call| call.mfa("arn:aws:iam::123456789012:mfa/x", "123456"));
    let session = lab.alice(call).await;
    let identity = lab
        .send(&GetCallerIdentity::new(), &session.credentials)
        .await
        .unwrap();
    assert_eq!(
        identity.arn,
        "arn:aws:sts::123456789012:assumed-role/any/ci"
    );
    let foreign = AssumeRole::new("arn:aws:iam::444455556666:role/any", "ci");
    assert_eq!(lab.refused(foreign, &lab.alice).await.0, "AccessDenied");
}
