//! The time for signatures, which each server may see in its own way.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use http::{HeaderMap, Uri, uri::Authority};
use keyfob_sigv4::Timestamp;
use keyfob_sts::Connector;

/// How many servers with another time are remembered. Mostly there is none, or this machine's clock
/// is wrong, and all of a program's have another one.
const MAX_KNOWN: usize = 256;

/// The clocks of the servers whose answers have shown another time. What one says counts for no
/// other: it could be wrong, or lie.
pub(super) struct Clocks {
    connector: Connector,
    known: Mutex<HashMap<Authority, Connector>>,
}

impl Clocks {
    pub(super) fn new(connector: Connector) -> Self {
        Self {
            connector,
            known: Mutex::default(),
        }
    }

    /// Returns true if the server of an absolute URI has another time than this machine.
    pub(super) fn has_another(&self, server: &Uri) -> bool {
        let server = server.authority();
        server.is_some_and(|server| self.known().contains_key(server))
    }

    /// Returns the time of the server of an absolute URI, at a time of this machine.
    pub(super) fn time(&self, server: &Uri, now: Timestamp) -> Timestamp {
        let known = self.known();
        let clock = server.authority().and_then(|server| known.get(server));
        clock.map_or(now, |clock| clock.service_time(now))
    }

    /// Compares the clocks, by the headers of an answer and the time when its request was sent.
    pub(super) fn learn(&self, server: &Uri, headers: &HeaderMap, sent: Timestamp) {
        let Some(server) = server.authority() else {
            return;
        };
        let mut known = self.known();
        let clock = known.remove(server);
        let clock = clock.unwrap_or_else(|| self.connector.with_own_clock());
        clock.learn_time(headers, sent, clock.service_time(sent));
        if clock.service_time(sent) == sent {
            return;
        }
        if known.len() == MAX_KNOWN {
            known.clear();
        }
        known.insert(server.clone(), clock);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Authority, Connector>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use jiff::fmt::rfc2822::DateTimePrinter;
    use keyfob_sts::Client;

    use super::*;

    #[test]
    fn a_server_with_another_time_changes_that_of_no_other() {
        let clocks = Clocks::new(Client::builder().connector().unwrap());
        let [liar, other] = ["https://a.example/x", "https://b.example/y"].map(Uri::from_static);
        let now = Timestamp::now();
        let mut headers = HeaderMap::new();
        let says = |headers: &mut HeaderMap, date: &str| {
            headers.insert("date", HeaderValue::from_str(date).unwrap());
        };
        says(&mut headers, "Sun, 29 Nov 2020 07:50:50 GMT");
        clocks.learn(&liar, &headers, now);
        assert!(clocks.has_another(&liar) && !clocks.has_another(&other));
        let wrong = clocks.time(&Uri::from_static("https://a.example/z"), now);
        assert!(wrong.plus_seconds(86_400) < now, "{wrong}");
        assert_eq!(clocks.time(&other, now), now);
        // Answers without a time change nothing; what is right again is forgotten.
        clocks.learn(&liar, &HeaderMap::new(), now);
        assert_eq!(clocks.time(&liar, now), wrong);
        let right = DateTimePrinter::new().timestamp_to_rfc9110_string(&jiff::Timestamp::now());
        says(&mut headers, &right.unwrap());
        clocks.learn(&liar, &headers, now);
        assert_eq!(clocks.time(&liar, now), now);
        assert!(clocks.known().is_empty());
    }

    #[test]
    fn servers_cannot_fill_the_memory_with_their_times() {
        let clocks = Clocks::new(Client::builder().connector().unwrap());
        let date = HeaderValue::from_static("Sun, 29 Nov 2020 07:50:50 GMT");
        let headers = HeaderMap::from_iter([(http::header::DATE, date)]);
        let now = Timestamp::now();
        for number in 0..2 * MAX_KNOWN + 1 {
            let server = format!("https://{number}.example/").parse().unwrap();
            clocks.learn(&server, &headers, now);
            assert!(clocks.time(&server, now) < now);
            assert!(clocks.known().len() <= MAX_KNOWN);
        }
    }
}
