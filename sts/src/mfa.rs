//! Refusals of the codes of MFA devices, told apart.
//!
//! STS has one message for a code that is wrong, one that was used before, and one that is too old.
//! A program that remembers what it sent, and since when it had the code, knows more:
//!
//! ```
//! use keyfob_sigv4::{Secret, Timestamp};
//! use keyfob_sts::{Error, mfa::{CodeRefusal, SentCodes}};
//!
//! # fn explain(error: &Error) {
//! // `error` is what STS answered, at `now`, to a code that a person typed at `read_at`.
//! let mut sent = SentCodes::default();
//! let read_at = Timestamp::from_unix_seconds(1_795_780_800);
//! let now = read_at.plus_seconds(1);
//! let code = Secret::from("123456");
//! let first = sent.refusal(error, &code, read_at, now);
//! assert!(matches!(first, None | Some(CodeRefusal::Wrong)));
//! let second = sent.refusal(error, &code, read_at, now);
//! assert!(matches!(second, None | Some(CodeRefusal::Used)));
//! # }
//! ```

use std::fmt;

use keyfob_sigv4::{Secret, Timestamp};

use crate::{actions::TOKEN_CODE, error::Error};

/// How long STS takes a code, in seconds: a device shows it for 30, and clocks may differ by as
/// much.
const LIFETIME: i64 = 60;

/// Why the code of an MFA device was refused. `Display` writes what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CodeRefusal {
    /// It is not six digits. It was not sent.
    Malformed,
    /// It was sent before. Each code works once.
    Used,
    /// It was sent too late.
    Expired,
    /// It is of another device or another time, or was used by another program.
    Wrong,
}

impl CodeRefusal {
    /// Reads the error of a call with a code. `None` if it has another reason, such as a device
    /// that the user does not have. Another code does not help then.
    fn from_error(error: &Error) -> Option<Self> {
        if error.parameter() == Some(TOKEN_CODE) {
            return Some(Self::Malformed);
        }
        let is_refused = error.code() == Some("AccessDenied")
            && error.message().contains("invalid MFA one time pass code");
        is_refused.then_some(Self::Wrong)
    }
}

impl fmt::Display for CodeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "a code has six digits",
            Self::Used => "that code was already used: wait for the next one",
            Self::Expired => "that code has expired: it is valid for a minute at most",
            Self::Wrong => {
                "that code is wrong, or was used before: check that it is one of this device, and \
                 wait for the next one"
            }
        })
    }
}

/// Returns true if another code may be accepted: this one was malformed, wrong, used or expired.
pub fn is_code_refused(error: &Error) -> bool {
    CodeRefusal::from_error(error).is_some()
}

/// The codes that a program has sent, by which refusals are told apart.
#[derive(Clone, Debug, Default)]
pub struct SentCodes(Vec<Secret>);

impl SentCodes {
    /// Returns why a code was refused, and remembers it. `None` if the error has another reason.
    ///
    /// `read_at` is when the program got the code, and `now` when it was sent.
    pub fn refusal(
        &mut self,
        error: &Error,
        code: &Secret,
        read_at: Timestamp,
        now: Timestamp,
    ) -> Option<CodeRefusal> {
        let refusal = CodeRefusal::from_error(error)?;
        if refusal != CodeRefusal::Wrong {
            return Some(refusal);
        }
        if self.0.iter().any(|known| known.expose() == code.expose()) {
            return Some(CodeRefusal::Used);
        }
        self.0.push(code.clone());
        if now.seconds_since(read_at) > LIFETIME {
            return Some(CodeRefusal::Expired);
        }
        Some(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::{AssumeRole, GetSessionToken};
    use crate::call::Call;

    fn refused(message: &str) -> Error {
        let body = format!(
            "<ErrorResponse><Error><Code>AccessDenied</Code><Message>{message}</Message></Error></ErrorResponse>"
        );
        let mut answer = http::Response::new(body);
        *answer.status_mut() = http::StatusCode::FORBIDDEN;
        GetSessionToken::new().parse(&answer).unwrap_err()
    }

    #[test]
    fn a_wrong_a_used_and_an_expired_code_are_told_apart() {
        let error =
            refused("MultiFactorAuthentication failed with invalid MFA one time pass code. ");
        let at = Timestamp::from_unix_seconds;
        let mut sent = SentCodes::default();
        let mut refusal = |code: &str, now| sent.refusal(&error, &code.into(), at(0), at(now));
        assert_eq!(refusal("111111", 1), Some(CodeRefusal::Wrong));
        assert_eq!(refusal("111111", 2), Some(CodeRefusal::Used));
        assert_eq!(refusal("222222", 61), Some(CodeRefusal::Expired));
        assert_eq!(refusal("333333", 60), Some(CodeRefusal::Wrong));
    }

    #[test]
    fn a_code_that_was_not_sent_is_malformed_and_other_refusals_are_none_of_a_code() {
        let at = Timestamp::from_unix_seconds(0);
        let mut sent = SentCodes::default();
        let role = AssumeRole::new("arn:aws:iam::123456789012:role/r", "me").unwrap();
        let error = role.mfa("arn:aws:iam::123456789012:mfa/me", "12345x");
        let error = error.unwrap_err();
        let refusal = sent.refusal(&error, &"12345x".into(), at, at);
        assert_eq!(refusal, Some(CodeRefusal::Malformed));
        let error = refused("MultiFactorAuthentication failed, unable to validate MFA code.");
        assert_eq!(sent.refusal(&error, &"123456".into(), at, at), None);
        assert!(!is_code_refused(&error));
    }
}
