use std::{error::Error as StdError, io, time::Duration};

use http::StatusCode;

use crate::error::{Error, ErrorKind, shown};

/// What goes wrong on the way to an answer: where it was, what happened, what to do.
impl Error {
    pub(crate) fn disabled() -> Self {
        Self::new(
            ErrorKind::Disabled,
            "instance metadata is disabled (AWS_EC2_METADATA_DISABLED or the client's setting), so nothing was asked",
        )
    }

    pub(crate) fn refused_connection(endpoint: &str, source: io::Error) -> Self {
        Self::unreachable(endpoint, "").with_source(source)
    }

    pub(crate) fn no_connection_within(endpoint: &str, waited: Duration) -> Self {
        Self::unreachable(endpoint, &format!(" within {}", seconds(waited)))
    }

    fn unreachable(endpoint: &str, waited: &str) -> Self {
        Self::new(
            ErrorKind::Connect,
            format!(
                "no connection to {endpoint}{waited}: this is not an EC2 instance or a container with a role, or a \
                 firewall is in the way"
            ),
        )
    }

    /// Connected but not answered.
    pub(crate) fn unanswered(endpoint: &str, waited: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "{endpoint} took the connection but did not answer within {}",
                seconds(waited)
            ),
        )
    }

    /// The answer to the `PUT` is the only packet with a limited number of hops: a container behind a bridge sees
    /// the connection succeed and then silence.
    pub(crate) fn token_unanswered(endpoint: &str, waited: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "{endpoint} took the connection but did not answer the request for a session token within {}: \
                 inside a container this is the hop limit of the instance; raise it with \
                 `aws ec2 modify-instance-metadata-options --instance-id ID --http-put-response-hop-limit 2`",
                seconds(waited)
            ),
        )
    }

    pub(crate) fn out_of_time(endpoint: &str, budget: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "no complete answer from {endpoint} within the {} allowed for a call",
                seconds(budget)
            ),
        )
    }

    pub(crate) fn broken(
        endpoint: &str,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::new(
            ErrorKind::Transport,
            format!("{endpoint} broke the connection instead of answering"),
        )
        .with_source(source)
    }

    pub(crate) fn too_long(endpoint: &str, limit: usize) -> Self {
        Self::bad_response(format!(
            "the answer of {endpoint} is longer than {limit} bytes"
        ))
    }

    /// No role, as opposed to some item that is missing.
    pub(crate) fn no_role() -> Self {
        Self::new(
            ErrorKind::NotFound,
            "the instance has no IAM role: attach an instance profile to it, or use other credentials",
        )
        .with_status(StatusCode::NOT_FOUND)
    }

    pub(crate) fn invalid_profile(name: &str) -> Self {
        Self::new(
            ErrorKind::InvalidProfile,
            format!(
                "the instance has no profile named `{}`: correct the configured profile name or leave it out",
                shown(name)
            ),
        )
        .with_status(StatusCode::NOT_FOUND)
    }
}

/// To a tenth of a second, or in milliseconds below one.
fn seconds(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}
