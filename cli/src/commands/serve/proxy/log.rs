//! The log: a line for each request.

use std::{fmt, net::SocketAddr, time::Duration};

use http::{Extensions, Method, StatusCode};
#[cfg(unix)]
use keyfob_imds::server::listen::Peer;
use keyfob_sigv4::Timestamp;
use serde_json::json;
use tracing::debug;

use crate::{
    args::LogFormat,
    terminal::{Console, printable},
};

/// The longest method that is known, `UPDATEREDIRECTREF`, has fewer letters.
const MAX_METHOD: usize = 32;

#[derive(Clone, Copy)]
pub(super) struct Log {
    console: Console,
    /// `None` for no line but in the log of `--debug`.
    format: Option<LogFormat>,
}

/// What a line says of a request: nothing that its path, its query, its headers or its body may
/// hold, but for the name of an action.
#[derive(Default)]
pub(super) struct Entry {
    pub(super) method: Option<Method>,
    pub(super) host: Option<String>,
    pub(super) service: Option<String>,
    pub(super) action: Option<String>,
    pub(super) caller: Option<Caller>,
}

impl Entry {
    /// Returns what is known of a request before anything is decided.
    pub(super) fn new(method: Option<&Method>, extensions: &Extensions) -> Self {
        Self {
            method: method.cloned(),
            caller: Caller::from_extensions(extensions),
            ..Self::default()
        }
    }
}

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(super) enum Caller {
    Address(SocketAddr),
    #[cfg(unix)]
    Peer(Peer),
}

impl Caller {
    /// Returns what the listener knows of the caller.
    fn from_extensions(extensions: &Extensions) -> Option<Self> {
        let address = extensions.get().copied().map(Self::Address);
        #[cfg(unix)]
        let address = address.or_else(|| extensions.get().copied().map(Self::Peer));
        address
    }
}

impl Caller {
    /// Returns true if a text about this caller says more than that it is on this machine.
    fn is_told(&self) -> bool {
        !matches!(self, Self::Address(address) if address.ip().is_loopback())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            #[cfg(unix)]
            Self::Peer(peer) => match peer.process {
                Some(process) => write!(f, "user {}, process {process}", peer.user),
                None => write!(f, "user {}", peer.user),
            },
        }
    }
}

impl Log {
    pub(super) fn new(console: Console, format: Option<LogFormat>) -> Self {
        Self { console, format }
    }

    /// Writes a line about a request that was answered, or refused for a reason.
    pub(super) fn write(
        &self,
        entry: &Entry,
        status: StatusCode,
        elapsed: Duration,
        reason: Option<&str>,
    ) {
        let (method, status) = (entry.method.as_ref(), status.as_u16());
        // Any text may stand where the method does.
        let method = method.map(Method::as_str);
        let method = method.map(|method| {
            if method.len() > MAX_METHOD {
                "?"
            } else {
                method
            }
        });
        let method = method.map(printable);
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let line = match self.format {
            Some(LogFormat::Json) => json!({
                "time": Timestamp::now().to_string(),
                "method": method,
                "host": entry.host,
                "service": entry.service,
                "action": entry.action,
                "status": status,
                "duration_ms": milliseconds,
                "caller": entry.caller.map(|caller| caller.to_string()),
                "reason": reason,
            })
            .to_string(),
            _ => {
                let method = method.as_deref().unwrap_or("-");
                let place = match (&entry.host, &entry.service) {
                    (Some(host), Some(service)) => format!("{host} {service}"),
                    _ => "-".to_owned(),
                };
                let [action, reason] =
                    [(":", entry.action.as_deref()), (": ", reason)].map(|(mark, text)| {
                        text.map(|text| format!("{mark}{text}")).unwrap_or_default()
                    });
                let caller = entry
                    .caller
                    .filter(Caller::is_told)
                    .map(|caller| format!(" from {caller}"));
                let caller = caller.unwrap_or_default();
                format!("{method} {place}{action} {status} {milliseconds} ms{caller}{reason}")
            }
        };
        match self.format {
            Some(_) => self.console.write_stderr(&format!("{line}\n")),
            None => debug!("{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_a_caller_on_another_machine() {
        for (address, expected) in [
            ("127.0.0.1:1", false),
            ("[::1]:1", false),
            ("192.0.2.1:1", true),
            ("[2001:db8::1]:1", true),
        ] {
            let caller = Caller::Address(address.parse().unwrap());
            assert_eq!(caller.is_told(), expected, "{address}");
        }
    }
}
