//! Runs the cases of `compare` in criterion: one group for each case, one line for each contender.

use criterion::{BenchmarkId, Criterion};
use keyfob_benches::measure::Contender;
use keyfob_benches::{BoxError, peers};

fn main() -> Result<(), BoxError> {
    let mut criterion = Criterion::default().configure_from_args();
    for (name, contenders) in peers::all() {
        let mut group = criterion.benchmark_group(name);
        for mut contender in contenders()? {
            let id = BenchmarkId::from_parameter(contender.name);
            group.bench_function(id, |bencher| {
                bencher.iter_custom(|count| time(&mut contender, count));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}

#[allow(
    clippy::expect_used,
    reason = "a bench whose operation fails has nothing to report"
)]
fn time(contender: &mut Contender<'_>, count: u64) -> std::time::Duration {
    contender.repeat(count).expect("the operation works")
}
