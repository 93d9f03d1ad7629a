//! The answers as JSON. Members have the names and the order of the service's model.

use keyfob_sigv4::{Credentials, Secret, Timestamp};
use keyfob_sts::actions::{AssumedRole, CallerIdentity, SessionToken};
use serde_json::{Value, json};

pub(super) fn caller_identity(identity: &CallerIdentity) -> Value {
    json!({
        "UserId": identity.user_id,
        "Account": identity.account,
        "Arn": identity.arn,
    })
}

pub(super) fn session_token(session: &SessionToken) -> Value {
    let mut answer = json!({ "Credentials": credentials(&session.credentials) });
    let size = [
        session.session_token_utilization,
        session.session_token_size,
    ];
    put_token_size(&mut answer, size);
    answer
}

pub(super) fn assumed_role(role: &AssumedRole) -> Value {
    let mut answer = json!({ "Credentials": credentials(&role.credentials) });
    if let Some(user) = &role.user {
        for (name, member) in [("AssumedRoleId", &user.assumed_role_id), ("Arn", &user.arn)] {
            if let Some(member) = member {
                answer["AssumedRoleUser"][name] = member.as_str().into();
            }
        }
    }
    if let Some(percent) = role.packed_policy_size {
        answer["PackedPolicySize"] = percent.into();
    }
    if let Some(identity) = &role.source_identity {
        answer["SourceIdentity"] = identity.as_str().into();
    }
    let size = [role.session_token_utilization, role.session_token_size];
    put_token_size(&mut answer, size);
    answer
}

/// Adds how large the session token is, in percent of the limit and in bytes.
fn put_token_size(answer: &mut Value, [percent, bytes]: [Option<u32>; 2]) {
    for (name, number) in [
        ("SessionTokenUtilization", percent),
        ("SessionTokenSize", bytes),
    ] {
        if let Some(number) = number {
            answer[name] = number.into();
        }
    }
}

/// Returns credentials with their secrets, as the user asked for them.
fn credentials(credentials: &Credentials) -> Value {
    let token = credentials.session_token().map(Secret::expose);
    json!({
        "AccessKeyId": credentials.access_key_id(),
        "SecretAccessKey": credentials.secret_access_key().expose(),
        "SessionToken": token,
        "Expiration": credentials.expiry().map(iso8601),
    })
}

/// Formats a time as version 2 of `aws` does: `2026-11-22T02:42:50+00:00`.
fn iso8601(at: Timestamp) -> String {
    // aws prints whole seconds.
    let whole = Timestamp::from_unix_seconds(at.unix_seconds()).to_string();
    whole.replace('Z', "+00:00")
}
