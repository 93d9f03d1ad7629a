//! The pages of the proxy itself, and the numbers it keeps for them.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;

use crate::terminal::dropped_lines;

pub(super) const HEALTH: &str = "/-/health";
const METRICS: &str = "/-/metrics";

/// Returns true for the paths that are never sent on. Those of Glacier begin with `/-/`, too.
pub(super) fn is_page(path: &str) -> bool {
    matches!(path, HEALTH | METRICS)
}

/// The upper bounds of the buckets of durations, in milliseconds.
const BOUNDS: [u64; 10] = [1, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000];

/// Counts since the start of the proxy.
#[derive(Default)]
pub(super) struct Metrics {
    /// By the first digit of the status, from 1 to 5.
    classes: [AtomicU64; 5],
    refusals: Mutex<BTreeMap<&'static str, u64>>,
    /// By the bound that a duration is within; the last one has no bound.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
    in_flight: AtomicU64,
}

/// A request that is in flight until this is dropped.
pub(super) struct InFlight(Arc<Metrics>);

impl Metrics {
    pub(super) fn start(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(Arc::clone(self))
    }

    pub(super) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, self.classes.len());
        self.classes[class - 1].fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, reason: &'static str) {
        let refusals = self.refusals.lock();
        let mut refusals = refusals.unwrap_or_else(PoisonError::into_inner);
        *refusals.entry(reason).or_default() += 1;
    }

    pub(super) fn took(&self, duration: Duration) {
        let is_within = |bound: &u64| duration <= Duration::from_millis(*bound);
        let bucket = BOUNDS.iter().position(is_within).unwrap_or(BOUNDS.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        let microseconds = duration.as_micros().try_into().unwrap_or(u64::MAX);
        self.microseconds.fetch_add(microseconds, Relaxed);
    }

    /// Returns the numbers in the text format of Prometheus.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        head(
            &mut text,
            "requests_total",
            "counter",
            "Requests, by the class of their status.",
        );
        for (class, count) in (1..).zip(&self.classes) {
            let count = count.load(Relaxed);
            line(
                &mut text,
                &format!("requests_total{{status=\"{class}xx\"}}"),
                count,
            );
        }
        head(
            &mut text,
            "refusals_total",
            "counter",
            "Requests that the proxy answered itself, or that broke off, by reason.",
        );
        let refusals = self.refusals.lock();
        for (reason, count) in &*refusals.unwrap_or_else(PoisonError::into_inner) {
            // Escaped as the format wants it: none of the reasons has a backslash.
            let reason = reason.replace('"', "\\\"");
            line(
                &mut text,
                &format!("refusals_total{{reason=\"{reason}\"}}"),
                *count,
            );
        }
        head(
            &mut text,
            "request_duration_seconds",
            "histogram",
            "Time from the head of a request to the head of its answer.",
        );
        let mut total = 0;
        let bounds = BOUNDS.iter().copied().map(|bound| seconds(bound * 1_000));
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (bound, count) in bounds.zip(&self.buckets) {
            total += count.load(Relaxed);
            line(
                &mut text,
                &format!("request_duration_seconds_bucket{{le=\"{bound}\"}}"),
                total,
            );
        }
        let sum = seconds(self.microseconds.load(Relaxed));
        line(&mut text, "request_duration_seconds_sum", sum);
        line(&mut text, "request_duration_seconds_count", total);
        head(
            &mut text,
            "log_lines_dropped_total",
            "counter",
            "Lines that are not in the log, because its reader had stopped.",
        );
        line(&mut text, "log_lines_dropped_total", dropped_lines());
        head(
            &mut text,
            "in_flight_requests",
            "gauge",
            "Requests whose answer is not at its end.",
        );
        line(
            &mut text,
            "in_flight_requests",
            self.in_flight.load(Relaxed),
        );
        text
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP keyfob_proxy_{name} {help}");
    let _ = writeln!(text, "# TYPE keyfob_proxy_{name} {kind}");
}

fn line(text: &mut String, name: &str, value: impl std::fmt::Display) {
    let _ = writeln!(text, "keyfob_proxy_{name} {value}");
}

fn seconds(microseconds: u64) -> String {
    format!(
        "{}.{:06}",
        microseconds / 1_000_000,
        microseconds % 1_000_000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_the_bucket_of_the_next_bound_and_in_all_above() {
        let metrics = Arc::new(Metrics::default());
        for duration in [1, 2, 60_000] {
            metrics.took(Duration::from_millis(duration));
        }
        metrics.answered(StatusCode::from_u16(999).unwrap());
        let in_flight = metrics.start();
        metrics.refused("with \"quotes\"");
        let text = metrics.text();
        for expected in [
            "request_duration_seconds_bucket{le=\"0.001000\"} 1\n",
            "request_duration_seconds_bucket{le=\"0.005000\"} 2\n",
            "request_duration_seconds_bucket{le=\"30.000000\"} 2\n",
            "request_duration_seconds_bucket{le=\"+Inf\"} 3\n",
            "request_duration_seconds_sum 60.003000\n",
            "request_duration_seconds_count 3\n",
            "requests_total{status=\"5xx\"} 1\n",
            "refusals_total{reason=\"with \\\"quotes\\\"\"} 1\n",
            "in_flight_requests 1\n",
        ] {
            assert!(
                text.contains(&format!("\nkeyfob_proxy_{expected}")),
                "{expected}{text}"
            );
        }
        drop(in_flight);
        assert!(metrics.text().ends_with("in_flight_requests 0\n"));
    }
}
