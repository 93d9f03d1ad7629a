//! `keyfob s3 cp`: copies files to S3, objects to files, and objects to objects.

mod headers;
mod paths;
mod pipeline;
mod walk;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use self::{
    paths::{absolute, below, ends_as_folder, relative},
    pipeline::{Job, Location, Pipeline, Work},
    walk::{Found, Walk, problem_of},
};
use crate::{
    args::CpArgs,
    commands::s3::{
        client,
        report::{Deed, Report},
    },
    context::Context,
    failure::Failure,
    s3::{
        Entry, Filters, Object, ObjectList,
        transfer::{Destination, Problem, Source, Transfers, download, upload},
    },
};

/// A word of the command line.
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

/// Runs the command.
///
/// # Errors
///
/// If something is not copied: with exit code 1, or 2 if it was skipped.
pub(super) async fn run(context: &Context, args: &CpArgs) -> Result<(), Failure> {
    let (source, target) = (Place::parse(&args.source)?, Place::parse(&args.target)?);
    if args.recursive && matches!((&source, &target), (Place::Stream, _) | (_, Place::Stream)) {
        return Err(Failure::usage(
            "Streaming currently is only compatible with non-recursive cp commands",
        ));
    }
    match (source, target) {
        (Place::Local(word), Place::S3(target)) => from_files(context, args, word, target).await,
        (Place::S3(source), Place::Local(word)) => {
            let copy = Copy::to_files(context, args, source, word)?;
            copy.run(context).await
        }
        (Place::S3(source), Place::S3(target)) => {
            Copy::to_objects(args, source, target).run(context).await
        }
        (Place::Stream, Place::S3(target)) => from_input(context, args, target).await,
        (Place::S3(source), Place::Stream) => to_output(context, args, source).await,
        _ => Err(Failure::usage("one of the two places must be in S3")
            .with_hint("write it as s3://BUCKET/KEY")),
    }
}

async fn transfers(context: &Context, args: &CpArgs) -> Result<Transfers, Failure> {
    let writing = headers::from_args(context, args)?;
    let mut transfers = Transfers::new(client(context).await?);
    headers::with_payer(&mut transfers.reading, args);
    transfers.writing = writing;
    transfers.guesses_type = !args.no_guess_mime_type;
    transfers.request_payer = args.paging.request_payer();
    Ok(transfers)
}

fn working_folder() -> Result<PathBuf, Failure> {
    env::current_dir()
        .map_err(|error| Failure::other(format!("cannot find the working folder: {error}")))
}

async fn from_files(
    context: &Context,
    args: &CpArgs,
    word: &str,
    target: Object<'_>,
) -> Result<(), Failure> {
    let here = working_folder()?;
    let source = absolute(word, &here);
    if !source.exists() {
        return Err(Failure::other(format!(
            "The user-provided path {word} does not exist."
        )));
    }
    let report = Report::with_args(context.console(), &args.report);
    let transfers = transfers(context, args).await?;
    let mut pipeline = Pipeline::new(transfers, report, args.dryrun);
    let folder = if args.recursive {
        Some(source.as_path())
    } else {
        source.parent()
    };
    let root = folder.unwrap_or(Path::new("/")).display().to_string();
    let filters = args.filters.below(&root);
    let key_of = |rest: &str| match (target.key, args.recursive) {
        ("", _) => rest.to_owned(),
        (key, _) if key.ends_with('/') => format!("{key}{rest}"),
        (key, true) => format!("{key}/{rest}"),
        (key, false) => key.to_owned(),
    };
    let follows_links = !args.no_follow_symlinks;
    let found: Box<dyn Iterator<Item = Found>> = if args.recursive {
        Box::new(Walk::new(&source, follows_links))
    } else if !follows_links && source.is_symlink() {
        Box::new(std::iter::empty())
    } else {
        Box::new(std::iter::once(single(source)))
    };
    for found in found {
        let (path, rest) = match found {
            Found::File { path, rest } => (path, rest),
            Found::Skipped { path, reason } => {
                let shown = walk::shown(&path);
                let report = pipeline.report();
                report.warn(&format!("Skipping file {shown}. {reason}"));
                continue;
            }
        };
        if !filters.admit(&path.display().to_string()) {
            continue;
        }
        let target = Location {
            bucket: target.bucket.to_owned(),
            key: key_of(&rest),
        };
        let deed = Deed {
            operation: "upload",
            source: relative(&path, &here),
            destination: Some(target.object().uri()),
        };
        let work = Work::Upload { path, target };
        pipeline.add(Job { deed, work }).await?;
    }
    pipeline.finish().await
}

fn single(path: PathBuf) -> Found {
    match problem_of(&path) {
        Some(reason) => Found::Skipped { path, reason },
        None => {
            let name = path.file_name().unwrap_or_default();
            let rest = name.to_string_lossy().into_owned();
            Found::File { path, rest }
        }
    }
}

async fn from_input(context: &Context, args: &CpArgs, target: Object<'_>) -> Result<(), Failure> {
    let mut report = Report::with_args(context.console(), &args.report);
    let deed = Deed {
        operation: "upload",
        source: "-".to_owned(),
        destination: Some(target.uri()),
    };
    if args.dryrun {
        return report.dry_run(&deed);
    }
    if target.key.is_empty() {
        return Err(Failure::usage(
            "standard input has no name: write s3://BUCKET/KEY",
        ));
    }
    let transfers = transfers(context, args).await?.into();
    let source = Source::Input(args.expected_size);
    // As in `aws`, only errors are printed.
    if let Err(problem) = upload(&transfers, source, target).await {
        report.failed(&deed, &problem)?;
    }
    report.finish()
}

async fn to_output(context: &Context, args: &CpArgs, source: Object<'_>) -> Result<(), Failure> {
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

fn warn_of_parent(pipeline: &mut Pipeline, rest: &str) {
    let report = pipeline.report();
    report.warn(&format!(
        "Skipping file {rest}. File references a parent directory."
    ));
}

/// Copies objects, to files or to other objects.
struct Copy<'a> {
    args: &'a CpArgs,
    source: Object<'a>,
    target: Target<'a>,
    filters: Filters,
}

enum Target<'a> {
    /// The working folder, and a file or the folder of the files.
    Files {
        here: PathBuf,
        path: PathBuf,
        is_folder: bool,
    },
    Objects(Object<'a>),
}

impl<'a> Copy<'a> {
    fn to_files(
        context: &Context,
        args: &'a CpArgs,
        source: Object<'a>,
        word: &str,
    ) -> Result<Self, Failure> {
        let here = working_folder()?;
        let path = absolute(word, &here);
        let is_folder = args.recursive || ends_as_folder(word) || path.is_dir();
        if args.recursive && !args.dryrun {
            fs::create_dir_all(&path).map_err(|error| {
                let shown = context.shown(&path.display().to_string());
                Failure::other(format!("cannot create the folder {shown}: {error}"))
            })?;
        }
        let target = Target::Files {
            here,
            path,
            is_folder,
        };
        Ok(Self::new(args, source, target))
    }

    fn to_objects(args: &'a CpArgs, source: Object<'a>, target: Object<'a>) -> Self {
        Self::new(args, source, Target::Objects(target))
    }

    fn new(args: &'a CpArgs, source: Object<'a>, target: Target<'a>) -> Self {
        let root = if args.recursive {
            source.key.trim_end_matches('/')
        } else {
            source
                .key
                .rfind('/')
                .map_or("", |slash| &source.key[..slash])
        };
        Self {
            args,
            source,
            target,
            filters: args.filters.below(&format!("{}/{root}", source.bucket)),
        }
    }

    async fn run(&self, context: &Context) -> Result<(), Failure> {
        let Self { args, source, .. } = self;
        let report = Report::with_args(context.console(), &args.report);
        let transfers = transfers(context, args).await?;
        let mut pipeline = Pipeline::new(transfers, report, args.dryrun);
        if args.recursive {
            return self.all(pipeline).await;
        }
        if source.key.is_empty() {
            context
                .console()
                .note("nothing is copied: name a key, or add --recursive to copy all objects");
            return Ok(());
        }
        let rest = source.key.rsplit('/').next().unwrap_or_default();
        if !self.admits(source.key) {
            return Ok(());
        }
        let Some(Job { deed, work }) = self.job(source.key, rest) else {
            warn_of_parent(&mut pipeline, rest);
            return pipeline.finish().await;
        };
        if args.dryrun {
            return pipeline.report().dry_run(&deed);
        }
        let done = work.run(pipeline.transfers()).await;
        match done {
            Ok(()) => pipeline.report().done(&deed)?,
            // `aws` asks for the object before it copies it.
            Err(problem) if problem.status() == Some(404) => {
                let key = source.key;
                return Err(pipeline.report().fatal(&format!(
                    "An error occurred (404) when calling the HeadObject operation: Key \"{key}\" \
                     does not exist"
                )));
            }
            Err(problem) => pipeline.report().failed(&deed, &problem)?,
        }
        pipeline.finish().await
    }

    /// Copies all objects below the prefix. The next page is read while the objects of one are
    /// copied.
    async fn all(&self, mut pipeline: Pipeline) -> Result<(), Failure> {
        let mut prefix = self.source.key.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        let list = ObjectList {
            page_size: self.args.paging.page_size,
            request_payer: self.args.paging.request_payer(),
            ..ObjectList::all(self.source.bucket, &prefix)
        };
        let mut token = None;
        loop {
            let client = &pipeline.transfers().client;
            let page = match list.page(client, token.as_deref()).await {
                Ok(page) => page,
                Err(error) => return Err(pipeline.fatal(&error.into()).await),
            };
            for entry in &page.entries {
                self.add(&mut pipeline, entry, &prefix).await?;
            }
            token = page.next;
            if token.is_none() {
                return pipeline.finish().await;
            }
        }
    }

    async fn add(
        &self,
        pipeline: &mut Pipeline,
        entry: &Entry,
        prefix: &str,
    ) -> Result<(), Failure> {
        // What consoles make to show a folder.
        let is_folder = entry.size == 0 && entry.key.ends_with('/');
        if is_folder || !self.admits(&entry.key) {
            return Ok(());
        }
        if matches!(entry.storage_class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
            && !self.args.force_glacier_transfer
        {
            if !self.args.ignore_glacier_warnings {
                let uri = self.object(&entry.key).uri();
                let operation = self.operation();
                pipeline.report().warn(&format!(
                    "Skipping file {uri}. Object is of storage class GLACIER. Unable to perform \
                     {operation} operations on GLACIER objects. You must restore the object to be \
                     able to perform the operation. See aws s3 {operation} help for additional \
                     parameter options to ignore or force these transfers."
                ));
            }
            return Ok(());
        }
        let rest = entry.key.strip_prefix(prefix).unwrap_or(&entry.key);
        match self.job(&entry.key, rest) {
            Some(job) => pipeline.add(job).await,
            None => {
                warn_of_parent(pipeline, rest);
                Ok(())
            }
        }
    }

    /// Returns the job for a key. `None` if the file would be outside its folder.
    fn job(&self, key: &str, rest: &str) -> Option<Job> {
        let source = Location {
            bucket: self.source.bucket.to_owned(),
            key: key.to_owned(),
        };
        let from = source.object().uri();
        let (work, to) = match &self.target {
            Target::Files {
                here,
                path,
                is_folder,
            } => {
                let path = if *is_folder {
                    below(path, rest)?
                } else {
                    path.clone()
                };
                let to = relative(&path, here);
                (Work::Download { source, path }, to)
            }
            Target::Objects(target) => {
                let key = match target.key {
                    "" => rest.to_owned(),
                    key if key.ends_with('/') => format!("{key}{rest}"),
                    key if self.args.recursive => format!("{key}/{rest}"),
                    key => key.to_owned(),
                };
                let target = Location {
                    bucket: target.bucket.to_owned(),
                    key,
                };
                let to = target.object().uri();
                (Work::Copy { source, target }, to)
            }
        };
        let deed = Deed {
            operation: self.operation(),
            source: from,
            destination: Some(to),
        };
        Some(Job { deed, work })
    }

    fn operation(&self) -> &'static str {
        match self.target {
            Target::Files { .. } => "download",
            Target::Objects(_) => "copy",
        }
    }

    fn object<'k>(&self, key: &'k str) -> Object<'k>
    where
        'a: 'k,
    {
        Object {
            bucket: self.source.bucket,
            key,
        }
    }

    fn admits(&self, key: &str) -> bool {
        self.filters.admit(&format!("{}/{key}", self.source.bucket))
    }
}
