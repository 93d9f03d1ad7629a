//! `keyfob s3 rm`: deletes objects.

use std::{collections::VecDeque, sync::Arc};

use tokio::task::{self, JoinHandle};

use crate::{
    args::RmArgs,
    commands::s3::{
        client,
        report::{Deed, Report},
        transfer::{LITERAL_WILDCARDS, WILDCARDS},
    },
    context::Context,
    failure::Failure,
    s3::{Client, Deletion, Error, Filters, Object, ObjectList, Page},
};

/// How many requests that delete a thousand objects are on their way at most.
const BATCHES: usize = 4;
/// How many objects one request deletes at most.
const BATCH: usize = 1000;

/// Runs the command.
///
/// # Errors
///
/// If an object is not deleted, or if the list of them cannot be read: with exit code 1.
pub(super) async fn run(context: &Context, args: &RmArgs) -> Result<(), Failure> {
    let object = Object::parse_bucket(&args.uri)?;
    let report = Report::with_args(context.console(), &args.report);
    let client = client(context).await?;
    let payer = args.paging.request_payer();
    let mut deleting = Deleting {
        deletion: Deletion::new(client.clone(), object.bucket, payer),
        bucket: object.bucket,
        filters: Filters::default(),
        is_dry: args.dryrun,
        report,
        batches: VecDeque::new(),
    };
    if !args.recursive {
        deleting.filters = args.filters.below(&[&root_of(object)]);
        if object.key.is_empty() {
            context
                .console()
                .note("nothing is deleted: name a key, or add --recursive to delete all objects");
            return Ok(());
        }
        if object.key.contains(WILDCARDS) {
            deleting.report.caution(
                "* and ? in the key stand for themselves: to delete all that match, name the \
                 prefix with --recursive --exclude '*' --include PATTERN",
            );
        }
        deleting.one(object.key).await?;
        return deleting.report.finish();
    }
    let mut prefix = object.key.to_owned();
    if !prefix.is_empty() && !prefix.ends_with('/') {
        prefix.push('/');
    }
    deleting.filters = args
        .filters
        .below(&[&format!("{}/{prefix}", object.bucket)]);
    if prefix.contains(WILDCARDS) {
        deleting.report.caution(LITERAL_WILDCARDS);
    }
    let list = ObjectList {
        page_size: args.paging.page_size,
        request_payer: payer,
        ..ObjectList::all(object.bucket, &prefix)
    };
    deleting.listed(&client, list).await?;
    deleting.report.finish()
}

/// Deletes all objects of a bucket. Returns false if there is no list of them, and says why.
///
/// # Errors
///
/// If stdout cannot be written.
pub(super) async fn delete_all(
    client: &Client,
    bucket: &str,
    report: &mut Report,
) -> Result<bool, Failure> {
    let mut deleting = Deleting {
        deletion: Deletion::new(client.clone(), bucket, None),
        bucket,
        filters: Filters::default(),
        is_dry: false,
        report: report.clone(),
        batches: VecDeque::new(),
    };
    let list = ObjectList::all(bucket, "");
    let listed = deleting.listed(client, list).await;
    *report = deleting.report;
    match listed {
        Err(failure) if failure.exit_code() == 1 => Ok(false),
        listed => listed.map(|()| true),
    }
}

/// Deletes objects of a bucket.
///
/// # Errors
///
/// If stdout cannot be written, or if S3 does not answer: with exit code 1.
pub(super) async fn delete(
    deletion: Deletion,
    bucket: &str,
    keys: Vec<String>,
    is_dry: bool,
    report: &mut Report,
) -> Result<(), Failure> {
    let mut deleting = Deleting {
        deletion,
        bucket,
        filters: Filters::default(),
        is_dry,
        report: report.clone(),
        batches: VecDeque::new(),
    };
    let mut deleted = Ok(());
    for keys in keys.chunks(BATCH) {
        deleted = deleting.keys(keys.to_vec()).await;
        if deleted.is_err() {
            break;
        }
    }
    let finished = deleting.finish_batches(0).await;
    *report = deleting.report;
    deleted.and(finished)
}

/// Returns the folder of an object, which patterns begin with.
fn root_of(object: Object<'_>) -> String {
    let Object { bucket, key } = object;
    let folder = key.rfind('/').map_or("", |slash| &key[..slash]);
    format!("{bucket}/{folder}")
}

struct Deleting<'a> {
    deletion: Deletion,
    bucket: &'a str,
    filters: Filters,
    is_dry: bool,
    report: Report,
    /// The keys that are being deleted, the oldest first.
    batches: VecDeque<Batch>,
}

struct Batch {
    keys: Arc<Vec<String>>,
    outcomes: JoinHandle<Result<Vec<Result<(), Error>>, Error>>,
}

impl Deleting<'_> {
    async fn one(&mut self, key: &str) -> Result<(), Failure> {
        if !self.admits(key) {
            return Ok(());
        }
        let deed = self.deed(key);
        if self.is_dry {
            return self.report.dry_run(&deed);
        }
        match self.deletion.one(key).await {
            Ok(()) => self.report.done(&deed),
            Err(error) => self.report.failed(&deed, &error),
        }
    }

    /// Deletes what is in a list. The next pages are read meanwhile.
    async fn listed(&mut self, client: &Client, list: ObjectList) -> Result<(), Failure> {
        let mut token = None;
        loop {
            let page = list.page(client, token.as_deref()).await;
            let mut page = match page {
                Ok(page) => page,
                Err(error) => {
                    self.finish_batches(0).await?;
                    return Err(self.report.fatal(&error));
                }
            };
            token = page.next.take();
            self.page(page).await?;
            if token.is_none() {
                return self.finish_batches(0).await;
            }
        }
    }

    async fn page(&mut self, page: Page) -> Result<(), Failure> {
        let keys = page.entries.into_iter().map(|entry| entry.key);
        let keys = keys.filter(|key| self.admits(key)).collect();
        self.keys(keys).await
    }

    /// Begins to delete up to a thousand objects.
    async fn keys(&mut self, keys: Vec<String>) -> Result<(), Failure> {
        if self.is_dry {
            return keys
                .iter()
                .try_for_each(|key| self.report.dry_run(&self.deed(key)));
        }
        if keys.is_empty() {
            return Ok(());
        }
        self.finish_batches(BATCHES - 1).await?;
        let keys = Arc::new(keys);
        let (deletion, batch) = (self.deletion.clone(), Arc::clone(&keys));
        let outcomes = task::spawn(async move { deletion.all(&batch).await });
        self.batches.push_back(Batch { keys, outcomes });
        Ok(())
    }

    /// Waits until no more than this many requests are on their way, and prints their outcomes.
    async fn finish_batches(&mut self, left: usize) -> Result<(), Failure> {
        while self.batches.len() > left {
            let Some(Batch { keys, outcomes }) = self.batches.pop_front() else {
                break;
            };
            let outcomes = outcomes
                .await
                .map_err(|error| Failure::other(format!("a request was given up: {error}")))?
                .map_err(|error| self.report.fatal(&error))?;
            for (key, outcome) in keys.iter().zip(outcomes) {
                let deed = self.deed(key);
                match outcome {
                    Ok(()) => self.report.done(&deed)?,
                    Err(error) => self.report.failed(&deed, &error)?,
                }
            }
        }
        Ok(())
    }

    fn admits(&self, key: &str) -> bool {
        self.filters.admit(&format!("{}/{key}", self.bucket))
    }

    fn deed(&self, key: &str) -> Deed {
        let bucket = self.bucket;
        Deed {
            operation: "delete",
            source: Object { bucket, key }.uri(),
            destination: None,
        }
    }
}
