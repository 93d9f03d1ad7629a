//! The two views of the results: a table for people, and one JSON object a line for programs.

use std::io::{self, Write};
use std::{fs, thread};

use jiff::Zoned;
use serde_json::{Value, json};

use crate::BoxError;
use crate::measure::Contender;

/// Keyfob against one peer on one case.
#[derive(Debug, Clone)]
pub struct Row {
    /// The name of the case.
    pub case: String,
    /// The name of the peer.
    pub peer: String,
    /// Keyfob's median, in nanoseconds.
    pub keyfob_ns: f64,
    /// The peer's median, in nanoseconds.
    pub peer_ns: f64,
    /// Keyfob's allocations and reallocations.
    pub keyfob_allocs: usize,
    /// The peer's allocations and reallocations.
    pub peer_allocs: usize,
}

impl Row {
    /// Returns the peer's time divided by keyfob's: above 1, keyfob is faster.
    pub fn ratio(&self) -> f64 {
        self.peer_ns / self.keyfob_ns
    }

    /// Reads a row as [`View::Json`] writes it.
    ///
    /// # Errors
    ///
    /// If it is not one.
    pub fn from_json(row: &Value) -> Result<Self, BoxError> {
        let text = |name: &str| row[name].as_str().ok_or_else(|| format!("no {name}"));
        let number = |name: &str| row[name].as_f64().ok_or_else(|| format!("no {name}"));
        Ok(Row {
            case: text("case")?.into(),
            peer: text("peer")?.into(),
            keyfob_ns: number("keyfob_ns")?,
            peer_ns: number("peer_ns")?,
            keyfob_allocs: number("keyfob_allocs")? as usize,
            peer_allocs: number("peer_allocs")? as usize,
        })
    }
}

/// Returns one row for each peer. The first contender must be keyfob.
///
/// # Errors
///
/// If an operation fails while its allocations are counted.
pub fn rows(case: &str, contenders: &mut [Contender<'_>]) -> Result<Vec<Row>, BoxError> {
    let [keyfob, peers @ ..] = contenders else {
        return Ok(Vec::new());
    };
    let (keyfob_ns, keyfob_allocs) = (keyfob.nanoseconds(), keyfob.allocations()?);
    peers
        .iter_mut()
        .map(|peer| {
            Ok(Row {
                case: case.into(),
                peer: peer.name.into(),
                keyfob_ns,
                peer_ns: peer.nanoseconds(),
                keyfob_allocs,
                peer_allocs: peer.allocations()?,
            })
        })
        .collect()
}

/// How the rows are written, each as soon as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Aligned columns under a heading.
    Table,
    /// One object a line.
    Json,
}

impl View {
    /// Writes the heading above the rows: the names of the columns, or the machine.
    ///
    /// # Errors
    ///
    /// If the output is closed.
    pub fn write_heading(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            View::Json => writeln!(out, "{}", machine()),
            View::Table => writeln!(
                out,
                "{:<28} {:<16} {:>12} {:>12} {:>7} {:>7} {:>7}",
                "case", "peer", "keyfob ns", "peer ns", "ratio", "allocs", "peer's"
            ),
        }
    }

    /// Writes one row.
    ///
    /// # Errors
    ///
    /// If the output is closed.
    pub fn write_row(self, out: &mut impl Write, row: &Row) -> io::Result<()> {
        let ratio = row.ratio();
        match self {
            View::Json => writeln!(
                out,
                "{}",
                json!({
                    "case": row.case,
                    "peer": row.peer,
                    "keyfob_ns": round(row.keyfob_ns, 10.0),
                    "peer_ns": round(row.peer_ns, 10.0),
                    "ratio": round(ratio, 1000.0),
                    "keyfob_allocs": row.keyfob_allocs,
                    "peer_allocs": row.peer_allocs,
                })
            ),
            View::Table => writeln!(
                out,
                "{:<28} {:<16} {:>12.1} {:>12.1} {ratio:>7.2} {:>7} {:>7}",
                row.case, row.peer, row.keyfob_ns, row.peer_ns, row.keyfob_allocs, row.peer_allocs
            ),
        }
    }
}

/// Describes the machine, as far as Linux tells it, and the day.
fn machine() -> Value {
    let model = || {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, model) = lines.find(|(name, _)| name.trim() == "model name")?;
        let has_sha = text.contains(" sha_ni");
        let extensions = if has_sha { " with SHA extensions" } else { "" };
        Some(format!("{}{extensions}", model.trim()))
    };
    let load = || {
        let text = fs::read_to_string("/proc/loadavg").ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    json!({
        "machine": model().unwrap_or_else(|| "unknown".into()),
        "cores": thread::available_parallelism().map_or(1, usize::from),
        "load": load(),
        "day": Zoned::now().date().to_string(),
    })
}

fn round(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
