//! `keyfob s3 cp`, `mv` and `sync`: copy files to S3, objects to files, and objects to objects.

mod cases;
mod headers;
mod items;
mod paths;
mod pipeline;
mod plan;
mod sync;
mod walk;

use std::{
    io::{self, IsTerminal as _},
    path::Path,
    sync::Arc,
};

use http::{HeaderName, HeaderValue};
use keyfob_chain::settings::{
    REQUEST_CHECKSUM_CALCULATION, RESPONSE_CHECKSUM_VALIDATION, S3_MAX_CONCURRENT_REQUESTS,
    S3_MULTIPART_CHUNKSIZE, S3_MULTIPART_THRESHOLD, SettingKey,
};

pub(super) use self::sync::sync;
use self::{
    items::{Item, ItemPlace, Items},
    pipeline::{Pipeline, show},
    plan::Plan,
};
use crate::{
    args::{CpArgs, MvArgs, TransferArgs},
    commands::s3::{
        client,
        report::{Deed, Report},
    },
    context::Context,
    failure::Failure,
    s3::{
        Algorithm, Filters, Listing, Object, ObjectList,
        transfer::{
            Destination, Outcome, Overwrite, Problem, Sizes, Source, Transfers, Unfinished,
            download, find, upload,
        },
    },
    terminal::{Console, printable, quoted},
};

/// A word of the command line.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// Standard input or output.
    Stream,
    Local(&'a str),
    S3(Object<'a>),
}

impl<'a> Place<'a> {
    fn parse(word: &'a str) -> Result<Self, Failure> {
        Ok(match word {
            "-" => Self::Stream,
            word if word.starts_with("s3://") => Self::S3(Object::parse_prefix(word)?),
            word => Self::Local(word),
        })
    }
}

/// What a command does with the files and objects of its source.
#[derive(Clone, Copy)]
struct Task<'a> {
    args: &'a TransferArgs,
    /// Whether it is about all files of a folder, or all objects below a prefix.
    is_recursive: bool,
    /// Whether the source is deleted after it was copied.
    is_move: bool,
    is_sync: bool,
    /// Whether what has the same content at the target is left alone.
    only_if_changed: bool,
}

/// Runs `cp`.
///
/// # Errors
///
/// If something is not copied: with exit code 1, or 2 if it was skipped.
pub(super) async fn cp(context: &Context, args: &CpArgs) -> Result<(), Failure> {
    let task = Task {
        args: &args.transfer,
        is_recursive: args.recursive,
        is_move: false,
        is_sync: false,
        only_if_changed: args.if_changed,
    };
    let (source, target) = task.places()?;
    match (source, target) {
        (Place::Stream, _) | (_, Place::Stream) if args.recursive => Err(only_cp_streams()),
        (Place::Stream, _) | (_, Place::Stream) if args.if_changed => Err(Failure::usage(
            "--if-changed is only for files and objects, not for -",
        )),
        (_, Place::Stream) if task.args.report.json_lines => Err(Failure::usage(
            "--json-lines is not for standard output, which gets the object",
        )),
        (_, Place::Stream) if task.args.no_overwrite => {
            Err(Failure::usage("--no-overwrite is not for standard output"))
        }
        (Place::Stream, Place::S3(target)) => from_input(context, args, target).await,
        (Place::S3(source), Place::Stream) => to_output(context, task.args, source).await,
        (source, target) => run(context, task, source, target).await,
    }
}

/// Runs `mv`.
///
/// # Errors
///
/// As [`cp`], or if something would be moved onto itself.
pub(super) async fn mv(context: &Context, args: &MvArgs) -> Result<(), Failure> {
    let task = Task {
        args: &args.transfer,
        is_recursive: args.recursive,
        is_move: true,
        is_sync: false,
        only_if_changed: false,
    };
    let (source, target) = task.places()?;
    run(context, task, source, target).await
}

impl<'a> Task<'a> {
    fn places(self) -> Result<(Place<'a>, Place<'a>), Failure> {
        let source = Place::parse(&self.args.source)?;
        let target = Place::parse(&self.args.target)?;
        let is_upload = matches!(target, Place::S3(_));
        let is_copy = is_upload && matches!(source, Place::S3(_));
        if self.args.sse_c_copy_source.is_some() && !is_copy {
            return Err(Failure::usage(
                "--sse-c-copy-source is only supported for copy operations.",
            ));
        }
        let is_stream = [source, target]
            .iter()
            .any(|it| matches!(it, Place::Stream));
        if self.args.resume && (is_copy || is_stream) {
            return Err(Failure::usage(
                "--resume is only for uploads and downloads of files",
            ));
        }
        let wrong = match (self.args.checksum_algorithm, self.args.checksum_mode) {
            (Some(_), _) if !is_upload => ("checksum-algorithm", "uploads and copies"),
            (_, Some(_)) if is_upload => ("checksum-mode", "downloads"),
            // Copies have the tags of their sources, or none: see --copy-props.
            _ if self.args.tags.pairs().next().is_some() && (is_copy || !is_upload) => {
                ("tags", "uploads")
            }
            _ => return Ok((source, target)),
        };
        let (option, uses) = wrong;
        Err(Failure::usage(format!("--{option} is only for {uses}")))
    }

    /// Returns what all transfers have in common.
    async fn transfers(self, context: &Context) -> Result<Transfers, Failure> {
        let mut transfers = transfers(context, self.args).await?;
        transfers.resumes = self.args.resume;
        if let (Place::Local(_), Place::S3(target)) = self.places()?
            && !self.args.resume
        {
            let (prefix, is_key) = if self.is_recursive {
                (plan::folder(target.key), false)
            } else {
                (self.key(target.key), true)
            };
            let hint = self.how_to_resume();
            let (console, is_quiet) = (context.console(), self.args.report.quiet);
            *transfers.unfinished.get_mut() = Some(Unfinished {
                prefix,
                is_key,
                tell: Box::new(move |count| {
                    if !is_quiet {
                        tell_unfinished(console, count, &hint);
                    }
                }),
            });
        }
        if self.only_if_changed {
            transfers.overwrite = Overwrite::IfChanged;
        }
        Ok(transfers)
    }
}

impl Task<'_> {
    /// Returns the key of a single file.
    fn key(self, target: &str) -> String {
        let name = Path::new(&self.args.source).file_name();
        let name = name.unwrap_or_default().to_string_lossy();
        plan::key_of(target, &name, false)
    }

    /// Returns the command that goes on with an upload.
    fn how_to_resume(self) -> String {
        let command = match (self.is_sync, self.is_move) {
            (true, _) => "sync",
            (_, true) => "mv",
            _ => "cp",
        };
        let recursive = if self.is_recursive && !self.is_sync {
            " --recursive"
        } else {
            ""
        };
        let [source, target] = [&self.args.source, &self.args.target].map(|word| quoted(word));
        format!("keyfob s3 {command} {source} {target}{recursive} --resume")
    }
}

fn tell_unfinished(console: Console, count: usize, command: &str) {
    let uploads = match count {
        1 => "an upload to there was begun before and is not complete, and S3 keeps its parts",
        _ => &format!(
            "{count} uploads to there were begun before and are not complete, and S3 keeps their \
             parts"
        ),
    };
    console.write_note(&format!(
        "hint: {uploads}: with the same other options, {} goes on\n",
        printable(command)
    ));
}

async fn transfers(context: &Context, args: &TransferArgs) -> Result<Transfers, Failure> {
    let writing = headers::from_args(context, args)?;
    let sizes = sizes(context, args)?;
    let mut transfers = Transfers::new(client(context).await?, sizes);
    headers::with_payer(&mut transfers.reading, args);
    transfers.copying = headers::for_copies(&writing, args);
    transfers.writing = writing;
    let [key, source_key] = headers::customer_keys(context, args)?;
    transfers.reading_sources.clone_from(&transfers.reading);
    transfers.reading_sources.extend(source_key.clone());
    transfers.copying.extend(key.clone());
    transfers.reading_copied = headers::as_source(&source_key);
    transfers.reading.extend(key.clone());
    transfers.writing.extend(key.clone());
    transfers.customer_key = key;
    if let (Some(region), Place::S3(source)) = (&args.source_region, Place::parse(&args.source)?) {
        transfers.client.locate(source.bucket, region)?;
    }
    transfers.guesses_type = !args.no_guess_mime_type;
    transfers.request_payer = args.paging.request_payer();
    transfers.algorithm = match args.checksum_algorithm {
        Some(algorithm) => Some(algorithm.into()),
        None if is_required_only(context, &REQUEST_CHECKSUM_CALCULATION)? => None,
        None => Some(Algorithm::Crc64Nvme),
    };
    transfers.copy_algorithm = args.checksum_algorithm.map(Algorithm::from);
    if args.no_overwrite {
        transfers.overwrite = Overwrite::Never;
    }
    transfers.verifies =
        args.checksum_mode.is_some() || !is_required_only(context, &RESPONSE_CHECKSUM_VALIDATION)?;
    if transfers.verifies {
        let name = HeaderName::from_static("x-amz-checksum-mode");
        let value = HeaderValue::from_static("ENABLED");
        transfers
            .reading_sources
            .insert(name.clone(), value.clone());
        transfers.reading.insert(name, value);
    }
    Ok(transfers)
}

/// Reads how large objects are divided, and how many requests there are at a time.
fn sizes(context: &Context, args: &TransferArgs) -> Result<Sizes, Failure> {
    let settings = context.settings();
    let requests = match args.jobs {
        Some(jobs) => Some(jobs),
        None => {
            let number = settings.number(&S3_MAX_CONCURRENT_REQUESTS)?;
            number.map(|number| u32::try_from(number.min(MAX_REQUESTS)).unwrap_or(u32::MAX))
        }
    };
    Ok(Sizes::new(
        settings.bytes(&S3_MULTIPART_THRESHOLD)?,
        settings.bytes(&S3_MULTIPART_CHUNKSIZE)?,
        requests,
    ))
}

/// More requests at a time than this need more files and connections than a process may have open.
const MAX_REQUESTS: u64 = 1000;

fn is_required_only(context: &Context, setting: &SettingKey) -> Result<bool, Failure> {
    Ok(context.settings().choice(setting)? == Some("when_required"))
}

fn only_cp_streams() -> Failure {
    Failure::usage("Streaming currently is only compatible with non-recursive cp commands")
}

async fn run(
    context: &Context,
    task: Task<'_>,
    source: Place<'_>,
    target: Place<'_>,
) -> Result<(), Failure> {
    let plan = Plan::new(task, source, target)?;
    let transfers = task.transfers(context).await?;
    let mut pipeline = Pipeline::new(context, task.args, transfers);
    if !task.is_recursive
        && let Place::S3(object) = source
    {
        if object.key.contains(WILDCARDS) {
            match find(pipeline.transfers(), object).await {
                Ok(Some(_)) => {}
                Ok(None) => return matching(task, object, target, pipeline).await,
                Err(problem) => return Err(pipeline.fatal(&problem).await),
            }
        }
        return one_object(context, &plan, pipeline, object).await;
    }
    if let Place::S3(object) = source
        && object.key.contains(WILDCARDS)
    {
        pipeline.report().caution(LITERAL_WILDCARDS);
    }
    plan.create_folder()?;
    let mut items = plan.source(&pipeline.transfers().client);
    loop {
        match items.next(pipeline.report()).await {
            Ok(Some(item)) => plan.add(&mut pipeline, item).await?,
            Ok(None) => return pipeline.finish().await,
            Err(error) => return Err(pipeline.fatal(&error.into()).await),
        }
    }
}

/// What stands for other characters in a key, unless there is an object with that very key.
pub(in crate::commands::s3) const WILDCARDS: [char; 2] = ['*', '?'];

/// What is told of wildcards in a prefix, where they stand for themselves.
pub(in crate::commands::s3) const LITERAL_WILDCARDS: &str = "* and ? in a prefix stand for \
    themselves: to choose what is below it, add --exclude '*' --include PATTERN";

/// Returns the filters that let pass the keys that a key with wildcards stands for.
pub(in crate::commands::s3) fn matching_keys(key: &str) -> Filters {
    // Nothing else is special, so that keys with brackets can be named.
    let pattern = key.replace('[', "[[]");
    Filters::new([(false, "*"), (true, &pattern)], &[""])
}

/// Copies or moves all objects whose keys match that of the source into the folder or prefix of the
/// target, with their paths from the folder before the first wildcard on. What is below a target
/// inside of that folder takes no part, or a copy could match again.
async fn matching(
    task: Task<'_>,
    source: Object<'_>,
    target: Place<'_>,
    mut pipeline: Pipeline,
) -> Result<(), Failure> {
    let start = source.key.find(WILDCARDS).unwrap_or(source.key.len());
    let prefix = &source.key[..start];
    let folder = prefix.rfind('/').map_or("", |slash| &prefix[..=slash]);
    let task = Task {
        is_recursive: true,
        ..task
    };
    let bucket = source.bucket;
    let plan = Plan::new(
        task,
        Place::S3(Object {
            bucket,
            key: folder,
        }),
        target,
    )?;
    let pattern = matching_keys(source.key);
    let list = ObjectList {
        page_size: task.args.paging.page_size,
        request_payer: task.args.paging.request_payer(),
        ..ObjectList::all(bucket, prefix)
    };
    let listing = Listing::new(pipeline.transfers().client.clone(), list);
    let mut items = Items::Objects {
        listing,
        folder: folder.len(),
        without: plan.inner_target(),
    };
    let takes_part = |item: &Item| match &item.place {
        ItemPlace::Object(found) => pattern.admit(&found.key),
        ItemPlace::File(_) => false,
    };
    let mut is_empty = true;
    loop {
        match items.next(pipeline.report()).await {
            Ok(Some(item)) if takes_part(&item) => {
                is_empty = false;
                plan.add(&mut pipeline, item).await?;
            }
            Ok(Some(_)) => {}
            Ok(None) if is_empty => return Err(pipeline.report().fatal(&missing(source.key))),
            Ok(None) => return pipeline.finish().await,
            Err(error) => return Err(pipeline.fatal(&error.into()).await),
        }
    }
}

/// Returns the words of `aws` for an object that is not there.
fn missing(key: &str) -> String {
    format!(
        "An error occurred (404) when calling the HeadObject operation: Key \"{key}\" does not exist"
    )
}

async fn one_object(
    context: &Context,
    plan: &Plan<'_>,
    mut pipeline: Pipeline,
    object: Object<'_>,
) -> Result<(), Failure> {
    if object.key.is_empty() {
        context
            .console()
            .note("nothing is copied: name a key, or add --recursive to copy all objects");
        return Ok(());
    }
    let Some(job) = plan.job(&mut pipeline, Item::object(object)) else {
        return pipeline.finish().await;
    };
    if plan.task.args.dryrun {
        return pipeline.report().dry_run(&job.deed);
    }
    pipeline.transfers().progress.found(job.size);
    match job.run(pipeline.transfers()).await {
        Ok(outcome) => job.print(outcome, pipeline.report())?,
        // `aws` asks for the object before it copies it.
        Err(problem) if problem.status() == Some(404) => {
            return Err(pipeline.report().fatal(&missing(object.key)));
        }
        Err(problem) => pipeline.report().failed(&job.deed, &problem)?,
    }
    pipeline.finish().await
}

async fn from_input(context: &Context, args: &CpArgs, target: Object<'_>) -> Result<(), Failure> {
    let mut report = Report::with_args(context.console(), &args.transfer.report);
    let deed = Deed {
        operation: "upload",
        source: "-".to_owned(),
        destination: Some(target.uri()),
    };
    if args.transfer.dryrun {
        return report.dry_run(&deed);
    }
    if target.key.is_empty() {
        return Err(Failure::usage(
            "standard input has no name: write s3://BUCKET/KEY",
        ));
    }
    let transfers = Arc::new(transfers(context, &args.transfer).await?);
    let _showing = show(context, &args.transfer, &transfers);
    transfers.progress.found(args.expected_size);
    transfers.progress.complete(args.expected_size.is_some());
    let source = Source::Input(args.expected_size);
    match upload(&transfers, source, target).await {
        Ok(_) => report.streamed(&deed)?,
        Err(problem) => report.failed(&deed, &problem)?,
    }
    report.finish()
}

async fn to_output(
    context: &Context,
    args: &TransferArgs,
    source: Object<'_>,
) -> Result<(), Failure> {
    let mut report = Report::with_args(context.console(), &args.report);
    let deed = Deed {
        operation: "download",
        source: source.uri(),
        destination: Some("-".to_owned()),
    };
    if args.dryrun {
        return report.dry_run(&deed);
    }
    if source.key.is_empty() {
        return Err(Failure::usage(
            "S3URI does not name an object: write s3://BUCKET/KEY",
        ));
    }
    let transfers = Arc::new(transfers(context, args).await?);
    // Beside the bytes themselves, it would be unreadable.
    let is_hidden = io::stdout().is_terminal();
    let _showing = (!is_hidden).then(|| show(context, args, &transfers));
    transfers.progress.found(None);
    let mut output = io::stdout();
    let stream = Destination::Stream(&mut output);
    match download(&transfers, source, stream).await {
        Ok(outcome) => report.count(outcome != Outcome::Unverified),
        Err(Problem::Closed) => return Ok(()),
        Err(problem) => report.failed(&deed, &problem)?,
    }
    report.finish()
}
