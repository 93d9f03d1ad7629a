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
use keyfob_benches::measure::{Contender, interleave, wall};
use keyfob_benches::peers::{Job, keyfob::Signer};
use keyfob_benches::report::{Row, View, rows};
use keyfob_benches::{BoxError, case, peers};

#[global_allocator]
static ALLOCATOR: AllocCounter<System> = AllocCounterSystem;

/// Wall time spent on one case; a dozen cases stay under 40 s.
const BUDGET: Duration = Duration::from_millis(2200);
/// Runs of each measurement of wall time.
const WALL_RUNS: usize = 9;

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
    let mut out = io::stdout();
    let mut cases = Vec::new();
    let mut is_wanted = |name: &str| {
        cases.push(name.to_owned());
        wanted.is_empty() || wanted.contains(&name)
    };
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
    for (name, size) in [("chunk-64kib", 64 * 1024), ("chunk-1-byte", 1)] {
        if is_wanted(name) {
            report(view, name, peers::chunks::signers(size)?)?;
        }
    }
    if is_wanted("100-decisions") {
        report(view, "100-decisions", peers::backoff::decisions())?;
    }
    if is_wanted("100-happy-calls") {
        report(view, "100-happy-calls", peers::backoff::happy_path())?;
    }
    if is_wanted("two-threads") {
        for row in two_threads()? {
            view.row(&mut out, &row)?;
        }
    }
    match wanted
        .iter()
        .find(|name| !cases.iter().any(|case| case == *name))
    {
        Some(name) => Err(format!("no case {name}; there are {}", cases.join(", ")).into()),
        None => Ok(()),
    }
}

fn report(view: View, name: &str, mut contenders: Vec<Contender<'_>>) -> Result<(), BoxError> {
    interleave(&mut contenders, BUDGET)?;
    for row in rows(name, &mut contenders)? {
        view.row(&mut io::stdout(), &row)?;
    }
    Ok(())
}

/// Wall time on two threads that share one signer, against one thread (how far they scale) and against two threads with a
/// signer each (what sharing costs, beside what the machine itself lacks): the best of several runs in turns.
fn two_threads() -> Result<Vec<Row>, BoxError> {
    let case = case::small_get();
    let signers = [Signer::new(&case)?, Signer::new(&case)?];
    let shared = |_, job: &mut Job<'_>| signers[0].sign(job);
    let own = |thread: u64, job: &mut Job<'_>| signers[usize::from(thread > 0)].sign(job);
    let job = |n| Job::new(&case, n);
    let [mut together, mut alone, mut apart] = [Duration::MAX; 3];
    for _ in 0..WALL_RUNS {
        together = together.min(wall(2, job, shared)?);
        alone = alone.min(wall(1, job, shared)?);
        apart = apart.min(wall(2, job, own)?);
    }
    let allocs = peers::keyfob::contender(&case)?.allocations()?;
    let row = |peer, time: Duration| Row {
        case: "two-threads".into(),
        peer,
        keyfob_ns: together.as_secs_f64() * 1e9,
        peer_ns: time.as_secs_f64() * 1e9,
        keyfob_allocs: allocs,
        peer_allocs: allocs,
    };
    Ok(vec![
        row("keyfob-1-thread", alone),
        row("keyfob-2-signers", apart),
    ])
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
    contender.repeat(count)?;
    Ok(())
}
