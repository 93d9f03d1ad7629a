//! Keyfob and its peers side by side, interleaved, in one process: see the README beside this crate.
//!
//! ```text
//! compare [--json] [CASE]...
//! compare --repeat COUNT CASE CONTENDER      for a profiler: nothing but that, COUNT times
//! ```

use std::alloc::System;
use std::env;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use alloc_counter::{AllocCounter, AllocCounterSystem};
use keyfob_benches::measure::{Contender, interleave};
use keyfob_benches::report::{Row, View, rows};
use keyfob_benches::{BoxError, case, peers};

#[global_allocator]
static ALLOCATOR: AllocCounter<System> = AllocCounterSystem;

/// Wall time spent on one case; a dozen cases stay under 40 s.
const BUDGET: Duration = Duration::from_millis(2200);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--repeat", count, case, contender] => repeat(count, case, contender),
        ["--json", cases @ ..] => compare(View::Json, cases),
        cases => compare(View::Table, cases),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(view: View, wanted: &[&str]) -> Result<(), BoxError> {
    let is_wanted = |name: &str| wanted.is_empty() || wanted.contains(&name);
    let mut out = io::stdout();
    view.heading(&mut out)?;
    for case in case::all() {
        if is_wanted(case.name) {
            peers::check(&case)?;
            report(view, case.name, peers::signers(&case)?)?;
        }
    }
    for case in case::verified() {
        let name = format!("verify-{}", case.name);
        if is_wanted(&name) {
            report(view, &name, peers::verifiers(&case)?)?;
        }
    }
    if is_wanted("two-threads") {
        view.row(&mut out, &two_threads()?)?;
    }
    Ok(())
}

fn report(view: View, name: &str, mut contenders: Vec<Contender<'_>>) -> Result<(), BoxError> {
    interleave(&mut contenders, BUDGET)?;
    for row in rows(name, &mut contenders)? {
        view.row(&mut io::stdout(), &row)?;
    }
    Ok(())
}

/// Two threads that share one signer, against one: the ratio is how far they scale.
fn two_threads() -> Result<Row, BoxError> {
    let case = case::small_get();
    let (one, two) = peers::two_threads(&case)?;
    let allocs = peers::keyfob::contender(&case)?.allocations()?;
    Ok(Row {
        case: "two-threads".into(),
        peer: "keyfob-1-thread",
        keyfob_ns: two.as_secs_f64() * 1e9,
        peer_ns: one.as_secs_f64() * 1e9,
        keyfob_allocs: allocs,
        peer_allocs: allocs,
    })
}

fn repeat(count: &str, wanted: &str, name: &str) -> Result<(), BoxError> {
    let count = count.parse()?;
    let case = case::all()
        .into_iter()
        .find(|case| case.name == wanted)
        .ok_or("no such case")?;
    let mut contenders = peers::signers(&case)?;
    let contender = contenders
        .iter_mut()
        .find(|contender| contender.name == name)
        .ok_or("no such contender")?;
    contender.repeat(count)
}
