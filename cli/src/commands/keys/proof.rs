//! Waiting until services accept a new key: for some seconds, those that have not heard of it
//! refuse it.

use std::time::{Duration, Instant};

use keyfob_sts::Error;
use tokio::time::sleep;

use crate::terminal::waiting_for;

/// How often a call must work, and for how long it may be refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// How many answers there must be in a row.
    answers: u32,
    total: Duration,
    pause: Duration,
}

impl Patience {
    /// Three answers in a row: each may come from another server.
    pub(super) const PROOF: Self = Self {
        answers: 3,
        ..Self::ONCE
    };

    /// As [`PROOF`](Self::PROOF), for a key that services have known for a while: within two
    /// seconds, because one that is refused now is gone.
    pub(super) const PROOF_AGAIN: Self = Self {
        total: Duration::from_secs(2),
        ..Self::PROOF
    };

    /// One answer within 60 seconds.
    pub(super) const ONCE: Self = Self {
        answers: 1,
        total: Duration::from_secs(60),
        pause: Duration::from_millis(500),
    };
}

/// Sends a call until it has worked as often as is needed, and returns the last answer.
/// `is_unknown` tells the errors of a service that does not know the key.
///
/// # Errors
///
/// If the key is unknown for longer than the patience lasts, or if the call fails otherwise.
pub(super) async fn until_accepted<T, E>(
    patience: Patience,
    is_unknown: impl Fn(&E) -> bool,
    mut send: impl AsyncFnMut() -> Result<T, E>,
) -> Result<T, E> {
    let _waiting = waiting_for("the new key to be known everywhere");
    let start = Instant::now();
    let mut answers = 0;
    loop {
        match send().await {
            Ok(answer) => {
                answers += 1;
                if answers >= patience.answers {
                    return Ok(answer);
                }
            }
            Err(error) if is_unknown(&error) && start.elapsed() < patience.total => answers = 0,
            Err(error) => return Err(error),
        }
        sleep(patience.pause).await;
    }
}

/// Returns true if a service does not know the key.
pub(super) fn is_unknown_key(error: &Error) -> bool {
    error.code() == Some("InvalidClientTokenId")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Patience = Patience {
        answers: 3,
        total: Duration::from_millis(200),
        pause: Duration::from_millis(1),
    };

    /// Returns the result for a service whose answers are `+`, `-` if it does not know the key, and
    /// `!` for another error; and how often it was asked. The last one comes again and again.
    async fn ask(answers: &str) -> (Result<(), char>, usize) {
        let mut count = 0;
        let send = async || {
            let answer = answers.chars().nth(count).or(answers.chars().last());
            count += 1;
            match answer {
                Some('+') => Ok(()),
                other => Err(other.unwrap()),
            }
        };
        let result = until_accepted(SHORT, |error| *error == '-', send).await;
        (result, count)
    }

    #[tokio::test]
    async fn a_key_is_proved_by_three_answers_in_a_row() {
        assert_eq!(ask("+").await, (Ok(()), 3));
        assert_eq!(ask("--+++").await, (Ok(()), 5));
        assert_eq!(ask("++-+-++-+++").await, (Ok(()), 11));
    }

    #[tokio::test]
    async fn another_error_ends_the_wait_at_once_and_an_unknown_key_when_it_is_over() {
        assert_eq!(ask("+-!").await, (Err('!'), 3));
        let start = Instant::now();
        let (result, _) = ask("-").await;
        assert_eq!(result, Err('-'));
        assert!(start.elapsed() >= SHORT.total);
    }
}
