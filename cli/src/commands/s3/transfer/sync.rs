use std::{
    cmp::Ordering,
    collections::HashSet,
    fs, mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Place, Task, WILDCARDS,
    items::{Item, ItemPlace, Items},
    paths::is_plain,
    pipeline::Pipeline,
    plan::Plan,
};
use crate::{
    args::SyncArgs,
    commands::s3::{
        report::{Deed, Report},
        rm,
    },
    context::Context,
    failure::Failure,
    s3::{Deletion, Error, transfer::Problem},
};

/// Runs `sync`: copies what is new or has changed, and then deletes what is not in the source, if
/// that is asked for.
///
/// # Errors
///
/// If something is not copied or deleted: with exit code 1, or 2 if it was skipped.
pub(in crate::commands::s3) async fn sync(
    context: &Context,
    args: &SyncArgs,
) -> Result<(), Failure> {
    let task = Task {
        args: &args.transfer,
        is_recursive: true,
        is_move: false,
        is_sync: true,
        only_if_changed: args.if_changed,
    };
    let (source, target) = task.places()?;
    for place in [source, target] {
        if let Place::S3(object) = place
            && object.key.contains(WILDCARDS)
        {
            // As a prefix it would have no objects, and --delete would delete all of the target.
            return Err(Failure::usage("sync takes no wildcards")
                .with_hint("name the prefix, and choose with --exclude '*' --include PATTERN"));
        }
    }
    let plan = Plan::new(task, source, target)?;
    let transfers = task.transfers(context).await?;
    let pipeline = Pipeline::new(context, task.args, transfers);
    plan.create_folder()?;
    let client = &pipeline.transfers().client;
    let sync = Sync {
        source: Side::new(plan.source(client)),
        target: Side::new(plan.target(client)),
        args,
        plan,
        pipeline,
        surplus: Vec::new(),
        written: HashSet::new(),
    };
    sync.run().await
}

struct Sync<'a> {
    args: &'a SyncArgs,
    plan: Plan<'a>,
    pipeline: Pipeline,
    source: Side,
    target: Side,
    /// What is in the target only.
    surplus: Vec<ItemPlace>,
    /// The files of keys that do not look like their paths, as `a//b`.
    written: HashSet<PathBuf>,
}

/// The items of the source or of the target, in the order of their keys.
struct Side {
    items: Items,
    next: Option<Item>,
    /// The path of the last one.
    last: String,
}

impl Sync<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        let compared = match self.advance(true, true).await {
            Ok(()) => self.compare().await,
            Err(problem) => Err(problem),
        };
        match compared {
            Ok(()) => {}
            Err(Stop::Failure(failure)) => return Err(failure),
            Err(Stop::Problem(problem)) => return Err(self.pipeline.fatal(&problem).await),
        }
        if self.args.delete {
            self.delete().await?;
        }
        self.pipeline.finish().await
    }

    /// Goes through both sides, copies what is to be copied, and collects what is in the target
    /// only.
    async fn compare(&mut self) -> Result<(), Stop> {
        loop {
            let order = match (&self.source.next, &self.target.next) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(source), Some(target)) => source.rest.cmp(&target.rest),
            };
            let source = self.source.next.take_if(|_| order.is_le());
            let target = self.target.next.take_if(|_| order.is_ge());
            match (source, target) {
                (Some(source), target) => self.source_item(source, target.as_ref()).await?,
                (None, Some(target)) => self.surplus.push(target.place),
                (None, None) => return Ok(()),
            }
            self.advance(order.is_le(), order.is_ge()).await?;
        }
    }

    async fn source_item(&mut self, source: Item, target: Option<&Item>) -> Result<(), Stop> {
        let destination = self.plan.destination(&source.rest);
        let found;
        let target = match (target, destination) {
            // What is at the path is not in the list under this key.
            (None, Some(ItemPlace::File(path))) if !is_plain(&source.rest) => {
                found = Item::at(&path);
                self.written.insert(path);
                found.as_ref()
            }
            (target, _) => target,
        };
        if target.is_none_or(|target| self.has_changed(&source, target)) {
            self.plan.add(&mut self.pipeline, source).await?;
        }
        Ok(())
    }

    /// Returns true if a source is copied over what is in the target, by the rules of `aws`.
    fn has_changed(&self, source: &Item, target: &Item) -> bool {
        if self.args.transfer.no_overwrite {
            return false;
        }
        // Their content is compared when it is their turn.
        if source.size != target.size || self.args.if_changed {
            return true;
        }
        if self.args.size_only {
            return false;
        }
        // Without a time, nothing says that they are the same.
        let (Some(from), Some(to)) = (source.modified, target.modified) else {
            return true;
        };
        match (&target.place, self.args.exact_timestamps) {
            // Files get the time of the header, which has no fractions.
            (ItemPlace::File(_), true) => from.as_second() != to.as_second(),
            (ItemPlace::File(_), false) => to > from,
            (ItemPlace::Object(_), _) => to < from,
        }
    }

    /// Takes the next item of each side that is asked for.
    async fn advance(&mut self, source: bool, target: bool) -> Result<(), Stop> {
        let report = self.pipeline.report();
        if source {
            self.source.advance(&self.plan, report).await?;
        }
        if target {
            self.target.advance(&self.plan, report).await?;
        }
        Ok(())
    }

    /// Deletes what is in the target only, when everything else is done.
    async fn delete(&mut self) -> Result<(), Failure> {
        self.pipeline.drain().await?;
        if self.source.items.is_partial() && !self.surplus.is_empty() {
            self.pipeline
                .report()
                .warn("Nothing is deleted, because a part of the source is not readable.");
            return Ok(());
        }
        let (mut bucket, mut keys) = (String::new(), Vec::new());
        for place in mem::take(&mut self.surplus) {
            match place {
                ItemPlace::File(path) if self.written.contains(&path) => {}
                ItemPlace::File(path) => {
                    let deed = Deed {
                        operation: "delete",
                        source: self.plan.shown_file(&path),
                        destination: None,
                    };
                    self.delete_file(&deed, &path)?;
                }
                ItemPlace::Object(location) => {
                    bucket = location.bucket;
                    keys.push(location.key);
                }
            }
        }
        let transfers = Arc::clone(self.pipeline.transfers());
        let deletion = Deletion::new(transfers.client.clone(), &bucket, transfers.request_payer);
        let report = self.pipeline.report();
        rm::delete(deletion, &bucket, keys, self.args.transfer.dryrun, report).await
    }

    fn delete_file(&mut self, deed: &Deed, path: &Path) -> Result<(), Failure> {
        let report = self.pipeline.report();
        if self.args.transfer.dryrun {
            return report.dry_run(deed);
        }
        match fs::remove_file(path) {
            Ok(()) => report.done(deed),
            Err(error) => report.failed(deed, &Problem::file("delete", path, &error)),
        }
    }
}

impl Side {
    fn new(items: Items) -> Self {
        Self {
            items,
            next: None,
            last: String::new(),
        }
    }

    /// Takes the next item that takes part.
    async fn advance(&mut self, plan: &Plan<'_>, report: &mut Report) -> Result<(), Stop> {
        loop {
            self.next = self.items.next(report).await?;
            let Some(item) = &self.next else {
                return Ok(());
            };
            if item.rest < self.last {
                return Err(Stop::Problem(Problem::Local(
                    "the list of objects is not in the order of the keys, so it cannot be \
                     compared: use cp --recursive"
                        .to_owned(),
                )));
            }
            self.last.clone_from(&item.rest);
            if plan.admits(item) {
                return Ok(());
            }
        }
    }
}

/// Why the comparison ends early.
enum Stop {
    Problem(Problem),
    Failure(Failure),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
