use std::{error::Error as StdError, io, time::Duration};

use http::StatusCode;

use crate::error::{Error, ErrorKind, shown};

/// Which of the two services a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    /// Instance metadata, which exists on EC2 only.
    Instance,
    /// The agent of a container, which exists because its location was configured.
    Agent,
}

/// What can go wrong on the way to an answer.
impl Error {
    pub(crate) fn disabled(setting: &str) -> Self {
        Self::new(
            ErrorKind::Disabled,
            format!("instance metadata is disabled ({setting}), so no request was sent"),
        )
    }

    pub(crate) fn connect(service: Service, endpoint: &str, source: io::Error) -> Self {
        Self::no_connection(service, endpoint, "").with_source(source)
    }

    pub(crate) fn connect_timeout(service: Service, endpoint: &str, waited: Duration) -> Self {
        Self::no_connection(service, endpoint, &format!(" within {}", seconds(waited)))
    }

    fn no_connection(service: Service, endpoint: &str, waited: &str) -> Self {
        let reason = match service {
            Service::Instance => "this is not an EC2 instance, or a firewall is in the way",
            Service::Agent => {
                "the container's agent is not running there; start it, or correct the location of \
                 the container credentials"
            }
        };
        Self::new(
            ErrorKind::Connect,
            format!("no connection to {endpoint}{waited}: {reason}"),
        )
    }

    pub(crate) fn answer_timeout(endpoint: &str, waited: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "{endpoint} accepted the connection but did not answer within {}",
                seconds(waited)
            ),
        )
    }

    /// Only the packets that answer the `PUT` have a limited number of hops. A container behind a
    /// bridge sees the connection succeed, then nothing.
    pub(crate) fn token_timeout(endpoint: &str, waited: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "{endpoint} accepted the connection but did not answer the request for a session \
                 token within {}: inside a container this is the hop limit of the instance; raise \
                 it with `aws ec2 modify-instance-metadata-options --instance-id ID \
                 --http-put-response-hop-limit 2`",
                seconds(waited)
            ),
        )
    }

    pub(crate) fn call_timeout(endpoint: &str, budget: Duration) -> Self {
        Self::new(
            ErrorKind::Timeout,
            format!(
                "no complete answer from {endpoint} within the {} allowed for a call",
                seconds(budget)
            ),
        )
    }

    pub(crate) fn transport(
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
        Self::response(format!(
            "the answer of {endpoint} is longer than {limit} bytes"
        ))
    }

    /// No role, in contrast to some other item that does not exist.
    pub(crate) fn no_role() -> Self {
        Self::new(
            ErrorKind::NotFound,
            "the instance has no IAM role: attach an instance profile to it, or use other \
             credentials",
        )
        .with_status(StatusCode::NOT_FOUND)
    }

    /// The service listed a role and then did not have its document.
    pub(crate) fn no_document() -> Self {
        Self::new(
            ErrorKind::NotFound,
            "the service lists a role but has no credentials for it: the role may have been attached \
             just now, so try again, or the service expects the name in another form",
        )
        .with_status(StatusCode::NOT_FOUND)
    }

    pub(crate) fn invalid_profile(name: &str) -> Self {
        Self::new(
            ErrorKind::InvalidProfile,
            format!(
                "the instance has no profile named `{}`: correct the configured profile name or \
                 leave it out",
                shown(name)
            ),
        )
        .with_status(StatusCode::NOT_FOUND)
    }
}

/// Writes a time in seconds with one decimal place, or in milliseconds below a second.
fn seconds(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}
