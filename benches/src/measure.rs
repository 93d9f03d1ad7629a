//! Interleaved medians of CPU time, counts of allocations, and times of several threads at once.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use crate::BoxError;

/// The time of one batch, about: far above the cost of reading the clock, far below a scheduler's
/// time slice.
const BATCH: Duration = Duration::from_micros(100);
/// The most requests in one batch, so that the prepared ones stay in the second-level cache.
const MAX_BATCH: u64 = 128;
/// The fewest rounds for a meaningful median.
const MIN_ROUNDS: usize = 15;
/// The number of operations whose allocations are counted, after as many to warm up.
const COUNTED: u64 = 64;
/// The operations of each thread in a measurement of several threads.
const OPERATIONS_PER_THREAD: u64 = 5_000;
/// How long threads spin before the measurement, so that the scheduler gives each its own core.
const SETTLING: Duration = Duration::from_millis(10);

/// One implementation of the operation under measurement.
pub struct Contender<'a> {
    /// The name in the report.
    pub name: &'static str,
    bench: Box<dyn Bench + 'a>,
    next: u64,
    batch: u64,
    samples: Vec<f64>,
}

impl std::fmt::Debug for Contender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contender")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<'a> Contender<'a> {
    /// Creates a contender that prepares its jobs with `prepare`, which is not measured, and is
    /// measured in `run`.
    ///
    /// A job, with the results that `run` stores in it, is dropped after the clock has stopped.
    pub fn new<J: 'a>(
        name: &'static str,
        prepare: impl Fn(u64) -> Result<J, BoxError> + 'a,
        run: impl FnMut(&mut J) -> Result<(), BoxError> + 'a,
    ) -> Self {
        let bench = Box::new(Operation { prepare, run });
        Contender {
            name,
            bench,
            next: 0,
            batch: 1,
            samples: Vec::new(),
        }
    }

    /// Runs the operation `count` times, in batches, and returns the CPU time it took.
    ///
    /// # Errors
    ///
    /// If the operation fails.
    pub fn repeat(&mut self, count: u64) -> Result<Duration, BoxError> {
        let mut total = Duration::ZERO;
        for done in (0..count).step_by(MAX_BATCH as usize) {
            total += self.time(MAX_BATCH.min(count - done))?;
        }
        Ok(total)
    }

    fn time(&mut self, count: u64) -> Result<Duration, BoxError> {
        let first = self.next;
        self.next += count;
        self.bench.time(first, count)
    }

    /// Returns the median of the samples so far, in nanoseconds per operation.
    pub fn nanoseconds(&self) -> f64 {
        median(self.samples.clone())
    }

    /// Counts the allocations and reallocations of one operation, and returns the median over many.
    ///
    /// # Errors
    ///
    /// If the operation fails.
    pub fn allocations(&mut self) -> Result<usize, BoxError> {
        self.time(COUNTED)?;
        let mut counts = self.bench.allocations(self.next, COUNTED)?;
        self.next += COUNTED;
        counts.sort_unstable();
        Ok(counts[counts.len() / 2])
    }

    /// Finds the batch size at which one batch takes about [`BATCH`].
    fn calibrate(&mut self) -> Result<(), BoxError> {
        self.time(8)?;
        while self.batch < MAX_BATCH && self.time(self.batch)? < BATCH {
            self.batch *= 2;
        }
        Ok(())
    }

    fn sample(&mut self) -> Result<(), BoxError> {
        let time = self.time(self.batch)?;
        self.samples
            .push(time.as_secs_f64() * 1e9 / self.batch as f64);
        Ok(())
    }
}

/// Measures the contenders in turns until the budget of wall time is spent.
///
/// The order rotates by one each round, so that no contender always has the cold start.
///
/// # Errors
///
/// If an operation fails.
pub fn interleave(contenders: &mut [Contender<'_>], budget: Duration) -> Result<(), BoxError> {
    let start = Instant::now();
    for contender in contenders.iter_mut() {
        contender.calibrate()?;
    }
    for round in 0.. {
        if round >= MIN_ROUNDS && start.elapsed() > budget {
            break;
        }
        for turn in 0..contenders.len() {
            contenders[(round + turn) % contenders.len()].sample()?;
        }
    }
    Ok(())
}

/// The time of one operation while some threads run it, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct Concurrent {
    /// The wall time from the start of the first thread to the end of the last, divided by the
    /// operations of all threads. Without interference, it is half as long on two threads as on
    /// one.
    pub wall: f64,
    /// The CPU time. It includes waiting for a cache line that another core holds, but not waiting
    /// for a core.
    pub cpu: f64,
}

/// Measures one operation on this many threads at once, which are numbered from 0.
///
/// Each thread prepares its own jobs, because memory that another thread has allocated is freed
/// under a lock.
///
/// # Errors
///
/// If an operation fails.
pub fn concurrently<J>(
    threads: usize,
    prepare: impl Fn(u64) -> Result<J, BoxError> + Sync,
    run: impl Fn(usize, &mut J) -> Result<(), BoxError> + Sync,
) -> Result<Concurrent, BoxError> {
    let (settled, ready) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = |thread| {
        let jobs: Result<Vec<J>, BoxError> = (0..OPERATIONS_PER_THREAD).map(&prepare).collect();
        wait_for_all(&settled, threads);
        let start = Instant::now();
        while start.elapsed() < SETTLING {
            spin_loop();
        }
        wait_for_all(&ready, threads);
        let mut jobs = jobs?;
        let (start, cpu) = (Instant::now(), ThreadTime::now());
        alloc_counter::allow_alloc(|| jobs.iter_mut().try_for_each(|job| run(thread, job)))?;
        Ok((start, Instant::now(), cpu.elapsed()))
    };
    let work = &work;
    let spans = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
            Ok(span) => span,
            Err(_) => Err(BoxError::from("a thread panicked")),
        };
        workers.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let operations = threads as f64 * OPERATIONS_PER_THREAD as f64;
    let first = spans.iter().map(|(start, ..)| *start).min();
    let last = spans.iter().map(|(_, end, _)| *end).max();
    let wall = last.zip(first).map_or(Duration::ZERO, |(l, f)| l - f);
    let cpu: Duration = spans.iter().map(|(.., cpu)| *cpu).sum();
    let each = |time: Duration| time.as_secs_f64() * 1e9 / operations;
    Ok(Concurrent {
        wall: each(wall),
        cpu: each(cpu),
    })
}

/// Waits for all threads without sleeping, because threads that are woken may share a core for a
/// while.
fn wait_for_all(arrived: &AtomicUsize, threads: usize) {
    arrived.fetch_add(1, Ordering::SeqCst);
    while arrived.load(Ordering::SeqCst) < threads {
        spin_loop();
    }
}

/// Returns the median; NaN if there are no samples.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}

/// An operation whose type of job is erased.
trait Bench {
    fn time(&mut self, first: u64, count: u64) -> Result<Duration, BoxError>;
    fn allocations(&mut self, first: u64, count: u64) -> Result<Vec<usize>, BoxError>;
}

struct Operation<P, R> {
    prepare: P,
    run: R,
}

/// Runs the operation alone, in a function whose name a profiler can be told to watch.
#[inline(never)]
fn measured<J>(
    run: &mut impl FnMut(&mut J) -> Result<(), BoxError>,
    job: &mut J,
) -> Result<(), BoxError> {
    run(job)
}

impl<J, P, R> Bench for Operation<P, R>
where
    P: Fn(u64) -> Result<J, BoxError>,
    R: FnMut(&mut J) -> Result<(), BoxError>,
{
    fn time(&mut self, first: u64, count: u64) -> Result<Duration, BoxError> {
        let mut jobs = (first..first + count)
            .map(&self.prepare)
            .collect::<Result<Vec<_>, _>>()?;
        // Counting is off while the clock runs: only one test for each allocation remains.
        let time = alloc_counter::allow_alloc(|| {
            let start = ThreadTime::now();
            for job in &mut jobs {
                measured(&mut self.run, black_box(job))?;
            }
            Ok::<_, BoxError>(start.elapsed())
        })?;
        black_box(jobs);
        Ok(time)
    }

    fn allocations(&mut self, first: u64, count: u64) -> Result<Vec<usize>, BoxError> {
        let mut counts = Vec::new();
        for n in first..first + count {
            let mut job = (self.prepare)(n)?;
            let ((allocations, reallocations, _), outcome) =
                alloc_counter::count_alloc(|| measured(&mut self.run, black_box(&mut job)));
            outcome?;
            counts.push(allocations + reallocations);
        }
        Ok(counts)
    }
}
