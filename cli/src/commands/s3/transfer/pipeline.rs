use std::{fs, path::PathBuf, sync::Arc};

use tokio::task::{JoinError, JoinSet};

use crate::{
    commands::s3::report::{Deed, Report},
    failure::Failure,
    s3::{
        Deletion, Object,
        transfer::{Destination, Outcome, Problem, Source, Transfers, copy, download, upload},
    },
};

/// One file or object, and what is done with it.
pub(super) struct Job {
    pub(super) deed: Deed,
    pub(super) work: Work,
    /// Whether the source is deleted when it is copied.
    pub(super) is_move: bool,
}

pub(super) enum Work {
    Upload {
        path: PathBuf,
        target: Location,
    },
    Download {
        source: Location,
        path: PathBuf,
    },
    /// The size of the source is not known if it was not in a list.
    Copy {
        source: Location,
        size: Option<u64>,
        target: Location,
    },
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
    running: JoinSet<(Deed, Result<Outcome, Problem>)>,
}

impl Pipeline {
    pub(super) fn new(transfers: Transfers, report: Report, is_dry: bool) -> Self {
        Self {
            transfers: Arc::new(transfers),
            report,
            is_dry,
            running: JoinSet::new(),
        }
    }

    pub(super) fn transfers(&self) -> &Arc<Transfers> {
        &self.transfers
    }

    pub(super) fn report(&mut self) -> &mut Report {
        &mut self.report
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
        while self.running.len() >= self.transfers.jobs() {
            self.finish_one().await?;
        }
        while let Some(done) = self.running.try_join_next() {
            print(&mut self.report, done)?;
        }
        let transfers = Arc::clone(&self.transfers);
        self.running.spawn(async move {
            let done = job.run(&transfers).await;
            (job.deed, done)
        });
        Ok(())
    }

    /// Waits for all jobs.
    ///
    /// # Errors
    ///
    /// If one of them failed, or if stdout cannot be written.
    pub(super) async fn finish(mut self) -> Result<(), Failure> {
        self.drain().await?;
        self.report.not_verified(self.transfers.unverified());
        self.report.finish()
    }

    /// Waits for all jobs, and returns the failure that ends everything.
    pub(super) async fn fatal(mut self, problem: &Problem) -> Failure {
        if let Err(failure) = self.drain().await {
            return failure;
        }
        self.report.fatal(problem)
    }

    /// Waits for the jobs that were begun.
    ///
    /// # Errors
    ///
    /// If stdout cannot be written.
    pub(super) async fn drain(&mut self) -> Result<(), Failure> {
        while !self.running.is_empty() {
            self.finish_one().await?;
        }
        Ok(())
    }

    async fn finish_one(&mut self) -> Result<(), Failure> {
        match self.running.join_next().await {
            Some(done) => print(&mut self.report, done),
            None => Ok(()),
        }
    }
}

fn print(
    report: &mut Report,
    done: Result<(Deed, Result<Outcome, Problem>), JoinError>,
) -> Result<(), Failure> {
    let (deed, done) =
        done.map_err(|error| Failure::other(format!("a transfer was given up: {error}")))?;
    match done {
        Ok(Outcome::Copied) => report.done(&deed),
        Ok(Outcome::Skipped) => Ok(()),
        Err(problem) => report.failed(&deed, &problem),
    }
}

impl Job {
    /// Does it, and deletes the source after a move.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, written or deleted, or if S3 refuses.
    pub(super) async fn run(&self, transfers: &Arc<Transfers>) -> Result<Outcome, Problem> {
        let outcome = match &self.work {
            Work::Upload { path, target } => {
                upload(transfers, Source::File(path), target.object()).await?
            }
            Work::Download { source, path } => {
                download(transfers, source.object(), Destination::File(path)).await?
            }
            Work::Copy {
                source,
                size,
                target,
            } => copy(transfers, source.object(), *size, target.object()).await?,
        };
        if self.is_move && outcome == Outcome::Copied {
            self.work.delete_source(transfers).await?;
        }
        Ok(outcome)
    }
}

impl Work {
    async fn delete_source(&self, transfers: &Transfers) -> Result<(), Problem> {
        match self {
            Self::Upload { path, .. } => {
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
