//! Reads config files of 1, 100 and 10,000 profiles, and from each one profile or all of them. Each
//! profile of the file has its share of the time, so that the report shows whether it grows with
//! their number.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use keyfob_chain::profiles::{ConfigFiles, FileKind};

/// Reads from the files, and returns how many properties.
type Read = fn(&ConfigFiles) -> usize;

/// What is read. The properties of a profile are read when they are first asked for.
const READS: [(&str, Read); 2] = [
    ("one-profile", |files| {
        let name = files.names().last().unwrap_or_default();
        files
            .profile(name)
            .map_or(0, |profile| profile.iter().count())
    }),
    ("all-profiles", |files| {
        files.sections().map(|section| section.iter().count()).sum()
    }),
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, read) in READS {
        let mut group = criterion.benchmark_group(name);
        for count in [1, 100, 10_000] {
            let text = config(count);
            group.throughput(Throughput::Elements(count));
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| {
                    let text = black_box(text.as_bytes());
                    read(&ConfigFiles::parse([(FileKind::Config, "config", text)]))
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

/// Returns a file with the profiles of a company: a role of IAM Identity Center in each account.
fn config(count: u64) -> String {
    let profile = |number: u64| {
        format!(
            "[profile account-{number}]\nsso_session = corp\nsso_account_id = {number:012}\n\
             sso_role_name = developer\nregion = eu-west-1\n\n"
        )
    };
    (0..count).map(profile).collect()
}
