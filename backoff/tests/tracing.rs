//! Checks the events of feature `tracing`.

#![cfg(all(feature = "tracing", feature = "tokio"))]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use keyfob_backoff::{Failure, Policy, retry};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .map_err(|_| io::ErrorKind::Other)?
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn waits_and_giving_up_are_events_and_other_errors_are_not() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .without_time()
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    for failure in [
        Failure::response(400).with_code("Throttling"),
        Failure::response(403),
        // A code that a service made of something it should not show.
        Failure::response(503).with_code("TokenOfTheRequest"),
    ] {
        let _: Result<(), _> = retry(Policy::aws().attempts(2), async || Err(failure))
            .random(|| 1.0)
            .run()
            .await;
    }
    drop(guard);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "DEBUG keyfob_backoff: will send again attempt=1 delay=1s status=400 code=\"Throttling\"",
            "WARN keyfob_backoff: gave up attempt=2 reason=Attempts status=400 code=\"Throttling\"",
            "DEBUG keyfob_backoff: will send again attempt=1 delay=50ms status=503",
            "WARN keyfob_backoff: gave up attempt=2 reason=Attempts status=503",
        ]
    );
}
