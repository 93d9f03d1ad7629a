use std::{
    collections::VecDeque,
    fs::{self, Metadata},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

#[cfg(windows)]
use std::time::SystemTime;

use tokio::task::{self, JoinError, JoinSet};

use super::cases::Cases;
use crate::{
    args::TransferArgs,
    commands::s3::report::{Deed, Report},
    context::Context,
    failure::Failure,
    s3::{
        Deletion, Object,
        transfer::{Destination, Outcome, Problem, Source, Transfers, copy, download, upload},
    },
    terminal::{Pace, Showing, showing},
};

/// One file or object, and what is done with it.
pub(super) struct Job {
    pub(super) deed: Deed,
    pub(super) work: Work,
    /// The size of the source in bytes, if it is known.
    pub(super) size: Option<u64>,
    /// Whether the source is deleted when it is copied.
    pub(super) is_move: bool,
}

pub(super) enum Work {
    Upload { path: PathBuf, target: Location },
    Download { source: Location, path: PathBuf },
    Copy { source: Location, target: Location },
}

/// An object, owned.
#[derive(Clone, Debug)]
pub(super) struct Location {
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Location {
    pub(super) fn object(&self) -> Object<'_> {
        Object {
            bucket: &self.bucket,
            key: &self.key,
        }
    }
}

impl From<Object<'_>> for Location {
    fn from(object: Object<'_>) -> Self {
        Self {
            bucket: object.bucket.to_owned(),
            key: object.key.to_owned(),
        }
    }
}

impl Work {
    /// Returns the word for it.
    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Upload { .. } => "upload",
            Self::Download { .. } => "download",
            Self::Copy { .. } => "copy",
        }
    }
}

/// Does several jobs at a time, and prints each when it is done.
pub(super) struct Pipeline {
    transfers: Arc<Transfers>,
    report: Report,
    is_dry: bool,
    /// What begins when less is running.
    waiting: VecDeque<Job>,
    running: JoinSet<(Job, Result<Outcome, Problem>)>,
    /// The line that shows how far it is, if it is shown.
    showing: Option<Showing>,
    cases: Cases,
}

/// How many files and objects are looked for ahead, at most, to show how much there is to do.
const AHEAD: usize = 10_000;

impl Pipeline {
    pub(super) fn new(context: &Context, args: &TransferArgs, transfers: Transfers) -> Self {
        let showing = show(context, args, &transfers);
        Self {
            transfers: Arc::new(transfers),
            report: Report::with_args(context.console(), &args.report),
            is_dry: args.dryrun,
            waiting: VecDeque::new(),
            running: JoinSet::new(),
            showing,
            cases: Cases::new(args.case_conflict),
        }
    }

    pub(super) fn transfers(&self) -> &Arc<Transfers> {
        &self.transfers
    }

    pub(super) fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    pub(super) fn cases(&mut self) -> &mut Cases {
        &mut self.cases
    }

    /// Begins a job, as soon as there are not too many.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) async fn add(&mut self, job: Job) -> Result<(), Failure> {
        if self.is_dry {
            return self.report.dry_run(&job.deed);
        }
        self.transfers.progress.found(job.size);
        self.waiting.push_back(job);
        let ahead = if self.showing.is_some() { AHEAD } else { 0 };
        while self.waiting.len() > ahead && self.is_full() {
            self.finish_one().await?;
        }
        while let Some(done) = self.running.try_join_next() {
            self.print(done).await?;
        }
        self.begin();
        if ahead > 0 {
            // Otherwise a folder would be read to its end first.
            task::yield_now().await;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.running.len() >= self.transfers.jobs()
    }

    /// Begins as many jobs as may run at a time.
    fn begin(&mut self) {
        while !self.is_full() {
            let Some(job) = self.waiting.pop_front() else {
                return;
            };
            let transfers = Arc::clone(&self.transfers);
            self.running.spawn(async move {
                let done = job.run(&transfers).await;
                (job, done)
            });
        }
    }

    /// Waits for all jobs.
    ///
    /// # Errors
    ///
    /// If one of them failed, or if stdout cannot be written.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        self.drain().await?;
        self.report.finish()
    }

    /// Waits for all jobs, and returns the failure that ends everything.
    pub(super) async fn fatal(mut self, problem: &Problem) -> Failure {
        if let Err(failure) = self.drain().await {
            return failure;
        }
        self.report.fatal(problem)
    }

    /// Gives up all jobs, and returns the failure that ends everything.
    pub(super) async fn abort(&mut self, problem: &Problem) -> Failure {
        self.give_up().await;
        self.report.fatal(problem)
    }

    /// Waits for the jobs that were begun.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) async fn drain(&mut self) -> Result<(), Failure> {
        self.transfers.progress.complete(true);
        while !self.running.is_empty() {
            self.finish_one().await?;
        }
        Ok(())
    }

    async fn finish_one(&mut self) -> Result<(), Failure> {
        match self.running.join_next().await {
            Some(done) => {
                self.begin();
                self.print(done).await
            }
            None => Ok(()),
        }
    }

    /// Prints what became of a job. If stdout cannot be written, the others are given up.
    async fn print(
        &mut self,
        done: Result<(Job, Result<Outcome, Problem>), JoinError>,
    ) -> Result<(), Failure> {
        let printed = self.try_print(done);
        if printed.is_err() {
            self.give_up().await;
        }
        printed
    }

    /// Gives up what is not done.
    async fn give_up(&mut self) {
        self.waiting.clear();
        self.running.shutdown().await;
        self.transfers.abort().await;
    }

    fn try_print(
        &mut self,
        done: Result<(Job, Result<Outcome, Problem>), JoinError>,
    ) -> Result<(), Failure> {
        let (job, done) =
            done.map_err(|error| Failure::other(format!("a transfer was given up: {error}")))?;
        match done {
            Ok(outcome) => job.print(outcome, &mut self.report),
            Err(problem) => self.report.failed(&job.deed, &problem),
        }
    }
}

/// Shows how far transfers are, on a terminal, if the arguments do not forbid that.
pub(super) fn show(
    context: &Context,
    args: &TransferArgs,
    transfers: &Transfers,
) -> Option<Showing> {
    let is_quiet = args.no_progress || args.report.quiet || args.report.only_show_errors;
    if is_quiet || args.dryrun || !context.console().tells_waits() {
        return None;
    }
    let progress = Arc::clone(&transfers.progress);
    let pace = Pace {
        every: Duration::from_secs(args.progress_frequency.unwrap_or_default().into()),
        has_own_lines: args.progress_multiline,
    };
    Some(showing(pace, move |width| {
        progress.line(Instant::now(), width)
    }))
}

impl Job {
    /// Prints what became of it.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) fn print(&self, outcome: Outcome, report: &mut Report) -> Result<(), Failure> {
        match (outcome, &self.work) {
            (Outcome::Skipped, _) => Ok(()),
            (_, Work::Download { .. }) => {
                report.downloaded(&self.deed, outcome != Outcome::Unverified)
            }
            (_, Work::Upload { .. } | Work::Copy { .. }) => report.done(&self.deed),
        }
    }

    /// Does it, and deletes the source after a move.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, written or deleted, or if S3 refuses.
    pub(super) async fn run(&self, transfers: &Arc<Transfers>) -> Result<Outcome, Problem> {
        let done = self.copy(transfers).await;
        let is_skipped = matches!(done, Ok(Outcome::Skipped));
        let skipped = self.size.filter(|_| is_skipped);
        transfers.progress.done(skipped);
        done
    }

    async fn copy(&self, transfers: &Arc<Transfers>) -> Result<Outcome, Problem> {
        let version = match &self.work {
            Work::Upload { path, .. } if self.is_move => Some(version(path)?),
            _ => None,
        };
        let outcome = match &self.work {
            Work::Upload { path, target } => {
                upload(transfers, Source::File(path), target.object()).await?
            }
            Work::Download { source, path } => {
                download(transfers, source.object(), Destination::File(path)).await?
            }
            Work::Copy { source, target } => {
                copy(transfers, source.object(), self.size, target.object()).await?
            }
        };
        if self.is_move && outcome != Outcome::Skipped {
            self.work.delete_source(transfers, version).await?;
        }
        Ok(outcome)
    }
}

/// What changes when a file is written, or when another one takes its place.
#[cfg(unix)]
type Version = (u64, u64, i64, i64);

#[cfg(unix)]
fn version_of(metadata: &Metadata) -> Version {
    use std::os::unix::fs::MetadataExt as _;

    let (device, inode) = (metadata.dev(), metadata.ino());
    (device, inode, metadata.ctime(), metadata.ctime_nsec())
}

#[cfg(windows)]
type Version = (u64, Option<SystemTime>);

#[cfg(windows)]
fn version_of(metadata: &Metadata) -> Version {
    (metadata.len(), metadata.modified().ok())
}

fn version(path: &Path) -> Result<Version, Problem> {
    let metadata = fs::metadata(path).map_err(|error| Problem::file("read", path, &error))?;
    Ok(version_of(&metadata))
}

impl Work {
    async fn delete_source(
        &self,
        transfers: &Transfers,
        uploaded: Option<Version>,
    ) -> Result<(), Problem> {
        match self {
            Self::Upload { path, .. } => {
                if Some(version(path)?) != uploaded {
                    return Err(Problem::Local(
                        "the file has changed while it was uploaded, and is not deleted".to_owned(),
                    ));
                }
                fs::remove_file(path).map_err(|error| Problem::file("delete", path, &error))
            }
            Self::Download { source, .. } | Self::Copy { source, .. } => {
                let (client, payer) = (transfers.client.clone(), transfers.request_payer);
                let deletion = Deletion::new(client, &source.bucket, payer);
                Ok(deletion.one(&source.key).await?)
            }
        }
    }
}
