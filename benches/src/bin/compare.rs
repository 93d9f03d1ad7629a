//! Measures keyfob and its peers, interleaved in one process. See the README of this crate.
//!
//! ```text
//! compare [--json] [CASE]...
//! compare --svg FILE                      draws the run of which standard input has the lines
//! compare --repeat COUNT CASE CONTENDER      for a profiler: runs only this, COUNT times
//! ```

use std::alloc::System;
use std::hint::black_box;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use alloc_counter::{AllocCounter, AllocCounterSystem};
use keyfob_benches::measure::{Concurrent, Contender, concurrently, interleave, median};
use keyfob_benches::peers::{Job, keyfob::Signer};
use keyfob_benches::report::{Row, View, rows};
use keyfob_benches::results::Run;
use keyfob_benches::{BoxError, case, peers};
use sha2::{Digest, Sha256};

#[global_allocator]
static ALLOCATOR: AllocCounter<System> = AllocCounterSystem;

/// The wall time spent on one case, so that all of them stay under 40 s.
const BUDGET: Duration = Duration::from_millis(1200);
/// The rounds of the measurements with two threads. Without optimization, they measure nothing.
const THREAD_ROUNDS: usize = if cfg!(debug_assertions) { 1 } else { 41 };

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["--repeat", count, case, contender] => repeat(count, case, contender),
        ["--svg", file] => draw(file),
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
    view.write_heading(&mut out)?;
    for (name, contenders) in peers::all() {
        if is_wanted(&name) {
            report(view, &name, contenders()?)?;
        }
    }
    if is_wanted("two-threads") {
        for row in two_threads()? {
            view.write_row(&mut out, &row)?;
        }
    }
    match wanted
        .iter()
        .find(|name| !cases.iter().any(|case| case == *name))
    {
        Some(name) => Err(format!(
            "there is no case {name:?}; the cases are {}",
            cases.join(", ")
        )
        .into()),
        None => Ok(()),
    }
}

fn draw(file: &str) -> Result<(), BoxError> {
    let run = Run::parse(&io::read_to_string(io::stdin())?)?;
    Ok(fs::write(file, run.chart()?)?)
}

fn report(view: View, name: &str, mut contenders: Vec<Contender<'_>>) -> Result<(), BoxError> {
    interleave(&mut contenders, BUDGET)?;
    for row in rows(name, &mut contenders)? {
        view.write_row(&mut io::stdout(), &row)?;
    }
    Ok(())
}

/// Measures two threads that share one signer and its credentials.
///
/// It answers three questions: how far they scale, compared with one thread; how far the machine
/// lets anything scale, by hashing without shared memory; and what sharing costs in CPU time,
/// compared with two threads that each have a signer and credentials. The rounds are interleaved.
/// Of wall time the best round counts, in which two cores were idle; of CPU time, the median.
fn two_threads() -> Result<Vec<Row>, BoxError> {
    let case = case::small_get();
    let signers = [Signer::new(&case)?, Signer::new(&case)?];
    let shared = |_, job: &mut Job<'_>| signers[0].sign(job);
    let own = |thread: usize, job: &mut Job<'_>| signers[thread].sign(job);
    let job = |n| Job::new(&case, n);
    let block = |n: u64| Ok([n as u8; 1024]);
    let hash = |_, block: &mut [u8; 1024]| {
        black_box(Sha256::digest(block));
        Ok(())
    };
    let mut rounds: [Vec<Concurrent>; 5] = Default::default();
    for _ in 0..THREAD_ROUNDS {
        let [alone, together, apart, hash_alone, hash_together] = &mut rounds;
        alone.push(concurrently(1, job, shared)?);
        together.push(concurrently(2, job, shared)?);
        apart.push(concurrently(2, job, own)?);
        hash_alone.push(concurrently(1, block, hash)?);
        hash_together.push(concurrently(2, block, hash)?);
    }
    let wall = rounds.each_ref().map(|rounds| {
        let times = rounds.iter().map(|round| round.wall);
        times.fold(f64::MAX, f64::min)
    });
    let cpu = rounds
        .each_ref()
        .map(|rounds| median(rounds.iter().map(|round| round.cpu).collect()));
    let [alone, together, _, hash_alone, hash_together] = wall;
    let [_, shared_cpu, own_cpu, ..] = cpu;
    let allocs = peers::keyfob::contender(&case)?.allocations()?;
    let row = |case: &str, peer: &str, keyfob_ns, peer_ns, allocs| Row {
        case: case.into(),
        peer: peer.into(),
        keyfob_ns,
        peer_ns,
        keyfob_allocs: allocs,
        peer_allocs: allocs,
    };
    let as_machine = alone * hash_together / hash_alone;
    Ok(vec![
        row("two-threads", "keyfob-1-thread", together, alone, allocs),
        row("two-threads", "as-machine", together, as_machine, allocs),
        row(
            "two-threads-sha256",
            "sha256-1-thread",
            hash_together,
            hash_alone,
            0,
        ),
        row(
            "two-threads-cpu",
            "keyfob-2-signers",
            shared_cpu,
            own_cpu,
            allocs,
        ),
    ])
}

fn repeat(count: &str, wanted: &str, name: &str) -> Result<(), BoxError> {
    let count = count.parse()?;
    let mut all = peers::all().into_iter();
    let (_, contenders) = all
        .find(|(case, _)| case == wanted)
        .ok_or_else(|| format!("there is no case {wanted:?} to repeat"))?;
    let mut contenders = contenders()?;
    let contender = contenders
        .iter_mut()
        .find(|contender| contender.name == name)
        .ok_or_else(|| format!("case {wanted:?} has no contender {name:?}"))?;
    contender.repeat(count)?;
    Ok(())
}
