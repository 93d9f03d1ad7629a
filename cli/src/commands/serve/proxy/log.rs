//! The log: a line for each request.

use std::{net::SocketAddr, time::Duration};

use http::{Method, StatusCode};
use keyfob_sigv4::Timestamp;
use serde_json::json;
use tracing::debug;

use crate::{
    args::LogFormat,
    terminal::{Console, printable},
};

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
    pub(super) caller: Option<SocketAddr>,
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
        let method = method.map(|method| printable(method.as_str()));
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
                "caller": entry.caller,
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
                format!("{method} {place}{action} {status} {milliseconds} ms{reason}")
            }
        };
        match self.format {
            Some(_) => self.console.write_stderr(&format!("{line}\n")),
            None => debug!("{line}"),
        }
    }
}
