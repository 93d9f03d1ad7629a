//! Reads config files of 1, 100 and 10,000 profiles. Each profile has its share of the time, so
//! that the report shows whether it grows with their number.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use keyfob_chain::profiles::{ConfigFiles, FileKind};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("profiles");
    for count in [1, 100, 10_000] {
        let text = config(count);
        group.throughput(Throughput::Elements(count));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                ConfigFiles::parse([(FileKind::Config, "config", black_box(text.as_bytes()))])
            });
        });
    }
    group.finish();
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
