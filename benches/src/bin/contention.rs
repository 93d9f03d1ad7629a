//! Simulates retry schedules: prints tables, and writes CSV and SVG to `target/contention`. See the
//! README of this crate.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use keyfob_benches::BoxError;
use keyfob_benches::contention::schedule::Attempts;
use keyfob_benches::contention::{chart, finding, report};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "contention: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), BoxError> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/contention");
    fs::create_dir_all(&folder)?;
    let mut out = io::stdout();

    let study = report::study();
    writeln!(
        out,
        "Clients contending for one row\n\n{}",
        report::study_table(&study)
    )?;
    fs::write(folder.join("study.csv"), report::study_csv(&study))?;
    chart::study(&folder.join("study.svg"), &study)?;

    for clients in report::CROWDS {
        let equal_work = report::throttled(Attempts::Unlimited, clients);
        writeln!(
            out,
            "{clients} clients, {} calls a second, until all are done\n",
            report::RATE
        )?;
        writeln!(out, "{}", report::throttled_table(&equal_work))?;
        writeln!(
            out,
            "{}\n",
            report::verdict(&equal_work).unwrap_or_default()
        )?;
        if clients == 1_000 {
            chart::arrivals(&folder.join("throttled.svg"), &equal_work)?;
        }
        writeln!(
            out,
            "{clients} clients, {} calls a second, default attempts\n",
            report::RATE
        )?;
        writeln!(
            out,
            "{}",
            report::throttled_table(&report::throttled(Attempts::Default, clients))
        )?;
    }
    fs::write(folder.join("throttled.csv"), report::throttled_csv())?;

    let single = finding::single_table();
    let shared = finding::shared_table();
    fs::write(
        folder.join("finding.csv"),
        report::finding_csv(&single, &shared),
    )?;
    writeln!(out, "finding the rate, one process\n")?;
    writeln!(out, "{single}")?;
    writeln!(out, "finding the rate, several processes\n")?;
    writeln!(out, "{shared}")?;
    let base = finding::SINGLE[0];
    let schedules = base.schedules();
    let points: Vec<_> = schedules
        .iter()
        .enumerate()
        .map(|(index, schedule)| {
            let summary = finding::summary(&base, index);
            (schedule.name, summary.finish, summary.wasted)
        })
        .collect();
    chart::pareto(&folder.join("pareto.svg"), base.name, &points)?;
    writeln!(
        out,
        "written to target/contention: study.csv, study.svg, throttled.csv, throttled.svg, \
         finding.csv, pareto.svg"
    )?;
    Ok(())
}
