//! `keyfob s3 cp`, `mv` and `sync`: copy files to S3, objects to files, and objects to objects.

mod headers;
mod items;
mod paths;
mod pipeline;
mod plan;
mod sync;
mod walk;

use std::io;

use http::{HeaderName, HeaderValue};
use keyfob_chain::settings::{
    REQUEST_CHECKSUM_CALCULATION, RESPONSE_CHECKSUM_VALIDATION, SettingKey,
};

pub(super) use self::sync::sync;
use self::{items::Item, pipeline::Pipeline, plan::Plan};
use crate::{
    args::{CpArgs, MvArgs, TransferArgs},
    commands::s3::{
        client,
        report::{Deed, Report},
    },
    context::Context,
    failure::Failure,
    s3::{
        Algorithm, Object,
        transfer::{Destination, Problem, Source, Transfers, download, upload},
    },
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
    };
    let (source, target) = task.places()?;
    match (source, target) {
        (Place::Stream, _) | (_, Place::Stream) if args.recursive => Err(only_cp_streams()),
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
    };
    let (source, target) = task.places()?;
    run(context, task, source, target).await
}

impl<'a> Task<'a> {
    fn places(self) -> Result<(Place<'a>, Place<'a>), Failure> {
        let source = Place::parse(&self.args.source)?;
        let target = Place::parse(&self.args.target)?;
        let is_upload = matches!(target, Place::S3(_));
        let wrong = match (self.args.checksum_algorithm, self.args.checksum_mode) {
            (Some(_), _) if !is_upload => ("checksum-algorithm", "uploads and copies"),
            (_, Some(_)) if is_upload => ("checksum-mode", "downloads"),
            _ => return Ok((source, target)),
        };
        let (option, uses) = wrong;
        Err(Failure::usage(format!("--{option} is only for {uses}")))
    }

    /// Returns what all transfers have in common.
    async fn transfers(self, context: &Context) -> Result<Transfers, Failure> {
        transfers(context, self.args).await
    }
}

async fn transfers(context: &Context, args: &TransferArgs) -> Result<Transfers, Failure> {
    let writing = headers::from_args(context, args)?;
    let mut transfers = Transfers::new(client(context).await?);
    headers::with_payer(&mut transfers.reading, args);
    transfers.copying = headers::for_copies(&writing, args);
    transfers.writing = writing;
    transfers.guesses_type = !args.no_guess_mime_type;
    transfers.request_payer = args.paging.request_payer();
    transfers.algorithm = match args.checksum_algorithm {
        Some(algorithm) => Some(algorithm.into()),
        None if is_required_only(context, &REQUEST_CHECKSUM_CALCULATION)? => None,
        None => Some(Algorithm::Crc64Nvme),
    };
    transfers.verifies =
        args.checksum_mode.is_some() || !is_required_only(context, &RESPONSE_CHECKSUM_VALIDATION)?;
    if transfers.verifies {
        let name = HeaderName::from_static("x-amz-checksum-mode");
        let value = HeaderValue::from_static("ENABLED");
        transfers.reading.insert(name, value);
    }
    Ok(transfers)
}

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
    let report = Report::with_args(context.console(), &task.args.report);
    let transfers = task.transfers(context).await?;
    let mut pipeline = Pipeline::new(transfers, report, task.args.dryrun);
    if !task.is_recursive
        && let Place::S3(object) = source
    {
        return one_object(context, &plan, pipeline, object).await;
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
    match job.run(pipeline.transfers()).await {
        Ok(()) => pipeline.report().done(&job.deed)?,
        // `aws` asks for the object before it copies it.
        Err(problem) if problem.status() == Some(404) => {
            let key = object.key;
            return Err(pipeline.report().fatal(&format!(
                "An error occurred (404) when calling the HeadObject operation: Key \"{key}\" does \
                 not exist"
            )));
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
    let transfers = transfers(context, &args.transfer).await?.into();
    let source = Source::Input(args.expected_size);
    // As in `aws`, only errors are printed.
    if let Err(problem) = upload(&transfers, source, target).await {
        report.failed(&deed, &problem)?;
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
    let transfers = transfers(context, args).await?.into();
    let mut output = io::stdout();
    let stream = Destination::Stream(&mut output);
    match download(&transfers, source, stream).await {
        Ok(()) => {}
        Err(Problem::Closed) => return Ok(()),
        Err(problem) => report.failed(&deed, &problem)?,
    }
    report.finish()
}
