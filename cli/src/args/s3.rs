use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches, Subcommand, ValueEnum};

use crate::{
    args::{IfNamed, KEYFOB_OPTIONS_HEADING, Text, examples, number},
    s3::{Algorithm, Filters},
};

#[derive(Debug, Subcommand)]
pub(crate) enum S3Command {
    /// List buckets, or the objects of a bucket
    #[command(after_help = examples::S3_LS)]
    Ls(IfNamed<LsArgs>),
    /// Copy files to S3, objects to files, and objects to objects
    #[command(after_help = examples::S3_CP)]
    Cp(IfNamed<CpArgs>),
    /// Move files to S3, objects to files, and objects to objects
    #[command(after_help = examples::S3_MV)]
    Mv(IfNamed<MvArgs>),
    /// Copy what is new or has changed below a folder or a prefix
    #[command(after_help = examples::S3_SYNC)]
    Sync(IfNamed<SyncArgs>),
    /// Create a bucket
    #[command(after_help = examples::S3_MB)]
    Mb(IfNamed<MbArgs>),
    /// Delete a bucket that is empty, or with all its objects
    #[command(after_help = examples::S3_RB)]
    Rb(IfNamed<RbArgs>),
    /// Delete an object, or all objects below a prefix
    #[command(after_help = examples::S3_RM)]
    Rm(IfNamed<RmArgs>),
    /// Print a URL that carries its own signature and works until it expires
    #[command(after_help = examples::PRESIGN)]
    Presign(IfNamed<PresignArgs>),
}

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// The bucket, or what the keys begin with: s3://BUCKET/PREFIX [default: all buckets]
    #[arg(value_name = "S3URI")]
    pub(crate) uri: Option<String>,
    /// List all objects below the prefix, not only up to the next /
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Write sizes as 1.5 KiB
    #[arg(long)]
    pub(crate) human_readable: bool,
    /// Print how many objects there are, and their size in all
    #[arg(long)]
    pub(crate) summarize: bool,
    #[command(flatten)]
    pub(crate) paging: PagingArgs,
    /// List only buckets whose names begin with this
    #[arg(long, value_name = "PREFIX")]
    pub(crate) bucket_name_prefix: Option<String>,
    /// List only buckets in this region
    #[arg(long, value_name = "REGION")]
    pub(crate) bucket_region: Option<String>,
    /// Print one JSON object per line, with the names of the API
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json_lines: bool,
}

/// The arguments of commands that copy files and objects.
#[derive(Debug, Args)]
pub(crate) struct TransferArgs {
    /// A file, a folder, or s3://BUCKET/KEY; for cp also -, standard input
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// s3://BUCKET/KEY, a file, or a folder; for cp also -, standard output
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dryrun: bool,
    #[command(flatten)]
    pub(crate) filters: FilterArgs,
    /// Who may do what with the new objects, such as private or public-read
    #[arg(long, value_name = "ACL")]
    pub(crate) acl: Option<String>,
    /// Who may do what with the new objects, one by one: read, readacl, writeacl or full, such as
    /// `read=uri=http://acs.amazonaws.com/groups/global/AllUsers`
    #[arg(long, value_name = "WHAT=WHO", num_args = 1..)]
    pub(crate) grants: Vec<String>,
    /// The storage class of the new objects, such as STANDARD_IA
    #[arg(long, value_name = "CLASS")]
    pub(crate) storage_class: Option<String>,
    #[command(flatten)]
    pub(crate) tags: TagArgs,
    /// Encrypt the new objects with a key of S3 (AES256) or of KMS (aws:kms)
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "AES256")]
    pub(crate) sse: Option<String>,
    /// The key of KMS
    #[arg(long, value_name = "ID")]
    pub(crate) sse_kms_key_id: Option<String>,
    /// Encrypt the new objects, and read those that are there, with a key of your own
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        default_missing_value = "AES256",
        requires = "sse_c_key"
    )]
    pub(crate) sse_c: Option<CustomerEncryption>,
    /// The key of your own, of 32 bytes: fileb://FILE, env:NAME, or - for a line of standard input
    #[arg(long, value_name = "KEY", requires = "sse_c")]
    pub(crate) sse_c_key: Option<Text>,
    /// The source of a copy is encrypted with a key of your own
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        default_missing_value = "AES256",
        requires = "sse_c_copy_source_key"
    )]
    pub(crate) sse_c_copy_source: Option<CustomerEncryption>,
    /// That key, as --sse-c-key
    #[arg(long, value_name = "KEY", requires = "sse_c_copy_source")]
    pub(crate) sse_c_copy_source_key: Option<Text>,
    /// The region of the bucket of the source; it is found out otherwise
    #[arg(long, value_name = "REGION")]
    pub(crate) source_region: Option<String>,
    /// Metadata of the new objects: NAME=TEXT,NAME=TEXT, or a map in JSON
    #[arg(long, value_name = "METADATA")]
    pub(crate) metadata: Option<Text>,
    /// The media type of the new objects [default: by the ending of the name]
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Give new objects no media type by the ending of the name
    #[arg(long)]
    pub(crate) no_guess_mime_type: bool,
    /// The `Cache-Control` of the new objects
    #[arg(long, value_name = "TEXT")]
    pub(crate) cache_control: Option<String>,
    /// The `Content-Disposition` of the new objects
    #[arg(long, value_name = "TEXT")]
    pub(crate) content_disposition: Option<String>,
    /// The `Content-Encoding` of the new objects
    #[arg(long, value_name = "TEXT")]
    pub(crate) content_encoding: Option<String>,
    /// The `Content-Language` of the new objects
    #[arg(long, value_name = "TEXT")]
    pub(crate) content_language: Option<String>,
    /// When the new objects are no longer cached: a time, such as 2030-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) expires: Option<String>,
    /// Where a website redirects requests for the new objects
    #[arg(long, value_name = "URL")]
    pub(crate) website_redirect: Option<String>,
    /// Whether copies have the metadata of the source, or that of the arguments [default: REPLACE
    /// with --metadata, else COPY]
    #[arg(long, value_name = "DIRECTIVE")]
    pub(crate) metadata_directive: Option<MetadataDirective>,
    /// What copies have of their sources: the metadata and the tags, the metadata without the tags,
    /// or none of both; --metadata-directive comes before it [default: default]
    #[arg(long, value_name = "WHAT")]
    pub(crate) copy_props: Option<CopyProps>,
    /// The kind of the checksum with which S3 compares uploads, and keeps them [default: CRC64NVME]
    #[arg(long, value_name = "ALGORITHM")]
    pub(crate) checksum_algorithm: Option<ChecksumAlgorithm>,
    /// Compare downloads with their checksums, as without the option unless a setting forbids it
    #[arg(long, value_name = "MODE")]
    pub(crate) checksum_mode: Option<ChecksumMode>,
    /// Leave alone what is at the target already
    #[arg(long)]
    pub(crate) no_overwrite: bool,
    /// How many requests are on their way at most, as far as more of them are faster: 1 to 1000
    /// [default: s3.max_concurrent_requests of the profile, or 64]
    #[arg(
        long,
        value_name = "N",
        value_parser = number::in_range(1..=1000),
        allow_negative_numbers = true,
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) jobs: Option<u32>,
    /// Go on with an upload or a download of the same command that did not come to its end: what
    /// is there is compared and not sent again. If this one fails, it stays for the next
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) resume: bool,
    /// Follow symbolic links, as without the option
    #[arg(long, overrides_with = "no_follow_symlinks")]
    follow_symlinks: bool,
    /// Leave out symbolic links
    #[arg(long, overrides_with = "follow_symlinks")]
    pub(crate) no_follow_symlinks: bool,
    /// Copy objects of the class GLACIER as others: those that are restored can be
    #[arg(long)]
    pub(crate) force_glacier_transfer: bool,
    /// Leave out objects of the class GLACIER without a warning
    #[arg(long)]
    pub(crate) ignore_glacier_warnings: bool,
    /// Show no progress, which is only shown on a terminal
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// How many seconds pass at least before the progress is shown again
    #[arg(
        long,
        value_name = "SECONDS",
        value_parser = number::in_range_as_aws(0..=u32::MAX),
        allow_negative_numbers = true
    )]
    pub(crate) progress_frequency: Option<u32>,
    /// Show the progress each time on a line of its own
    #[arg(long)]
    pub(crate) progress_multiline: bool,
    /// What becomes of a download, one of several, whose file has the name of another one in other
    /// case; a warning is no failure
    #[arg(long, value_name = "WHAT", default_value = "warn")]
    pub(crate) case_conflict: CaseConflict,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) paging: PagingArgs,
}

/// The kinds of checksums that are computed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChecksumAlgorithm {
    #[value(name = "CRC64NVME")]
    Crc64Nvme,
    #[value(name = "CRC32")]
    Crc32,
    #[value(name = "CRC32C")]
    Crc32c,
    #[value(name = "SHA1")]
    Sha1,
    #[value(name = "SHA256")]
    Sha256,
}

impl From<ChecksumAlgorithm> for Algorithm {
    fn from(algorithm: ChecksumAlgorithm) -> Self {
        match algorithm {
            ChecksumAlgorithm::Crc64Nvme => Self::Crc64Nvme,
            ChecksumAlgorithm::Crc32 => Self::Crc32,
            ChecksumAlgorithm::Crc32c => Self::Crc32c,
            ChecksumAlgorithm::Sha1 => Self::Sha1,
            ChecksumAlgorithm::Sha256 => Self::Sha256,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CustomerEncryption {
    #[value(name = "AES256")]
    Aes256,
}

/// Where the metadata of copies comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetadataDirective {
    #[value(name = "COPY")]
    Copy,
    #[value(name = "REPLACE")]
    Replace,
}

/// What copies have of their sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CopyProps {
    None,
    MetadataDirective,
    Default,
}

/// What becomes of downloads whose names differ only by case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaseConflict {
    /// They are made.
    Ignore,
    /// Only the first one is made, with a warning.
    Skip,
    /// They are made, with a warning.
    Warn,
    /// The command ends.
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ChecksumMode {
    #[value(name = "ENABLED")]
    Enabled,
}

#[derive(Debug, Args)]
pub(crate) struct CpArgs {
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
    /// Copy all files of the folder, or all objects below the prefix
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Copy only what has another size or another content than the target, by the checksum or the
    /// ETag of the object
    #[arg(long, conflicts_with = "no_overwrite", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) if_changed: bool,
    /// The number of bytes of standard input, if it is more than 500 GB: its parts are as large as
    /// needed then, and in memory
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = clap::value_parser!(u64),
        allow_negative_numbers = true
    )]
    pub(crate) expected_size: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct MvArgs {
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
    /// Move all files of the folder, or all objects below the prefix
    #[arg(long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    #[command(flatten)]
    pub(crate) transfer: TransferArgs,
    /// Delete what is in the target and not in the source
    #[arg(long)]
    pub(crate) delete: bool,
    /// Copy only what has another size, or is missing
    #[arg(long)]
    pub(crate) size_only: bool,
    /// Download also objects that are older than the file, unless the times are the same
    #[arg(long)]
    pub(crate) exact_timestamps: bool,
    /// Copy only what has another size or another content than the target, by the checksum or the
    /// ETag of the object, whatever the times are
    #[arg(
        long,
        conflicts_with_all = ["no_overwrite", "size_only", "exact_timestamps"],
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) if_changed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MbArgs {
    /// The bucket: s3://BUCKET
    #[arg(value_name = "S3URI")]
    pub(crate) uri: String,
    #[command(flatten)]
    pub(crate) tags: TagArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TagArgs {
    /// A tag of what is created, a bucket or an uploaded object; may be repeated
    #[arg(long, num_args = 2, value_names = ["KEY", "VALUE"])]
    tags: Vec<String>,
}

impl TagArgs {
    /// Returns the keys and the values of the tags.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.tags.chunks_exact(2);
        pairs.map(|pair| (pair[0].as_str(), pair[1].as_str()))
    }
}

#[derive(Debug, Args)]
pub(crate) struct RbArgs {
    /// The bucket: s3://BUCKET
    #[arg(value_name = "S3URI")]
    pub(crate) uri: String,
    /// Delete all its objects first; versions of them stay
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// The object, or with --recursive what the keys begin with: s3://BUCKET/KEY
    #[arg(value_name = "S3URI")]
    pub(crate) uri: String,
    /// Delete all objects below the prefix
    #[arg(long)]
    pub(crate) recursive: bool,
    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dryrun: bool,
    #[command(flatten)]
    pub(crate) filters: FilterArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) paging: PagingArgs,
}

/// What a command prints about files and objects.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Print nothing
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Print only errors and warnings
    #[arg(long)]
    pub(crate) only_show_errors: bool,
    /// Print one JSON object per line for what was done, and for errors
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) json_lines: bool,
}

/// The patterns of `--include` and `--exclude`, in their order on the line.
#[derive(Debug, Default)]
pub(crate) struct FilterArgs(Vec<(bool, String)>);

impl FilterArgs {
    /// Returns the filters for paths below each of `roots`.
    pub(crate) fn below(&self, roots: &[&str]) -> Filters {
        let patterns = self.0.iter();
        Filters::new(
            patterns.map(|(includes, pattern)| (*includes, pattern.as_str())),
            roots,
        )
    }
}

impl Args for FilterArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        let option = |name: &'static str, help: &'static str| {
            Arg::new(name)
                .long(name)
                .value_name("PATTERN")
                .action(ArgAction::Append)
                .allow_hyphen_values(true)
                .help(help)
        };
        command
            .arg(option(
                "exclude",
                "Leave out what matches the pattern, below the source, such as *.log; of all \
                 patterns, the last one that matches counts",
            ))
            .arg(option(
                "include",
                "Take what matches the pattern, after --exclude",
            ))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FilterArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut patterns = Vec::new();
        for (includes, name) in [(false, "exclude"), (true, "include")] {
            let values = matches.get_many::<String>(name).into_iter().flatten();
            let places = matches.indices_of(name).into_iter().flatten();
            patterns.extend(
                places
                    .zip(values)
                    .map(|(at, text)| (at, includes, text.clone())),
            );
        }
        patterns.sort_unstable_by_key(|(at, ..)| *at);
        let patterns = patterns.into_iter();
        Ok(Self(
            patterns
                .map(|(_, includes, text)| (includes, text))
                .collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The options of commands that read lists of objects.
#[derive(Debug, Args)]
pub(crate) struct PagingArgs {
    /// How many entries to ask for at once: at most 1000
    #[arg(
        long,
        value_name = "N",
        value_parser = number::in_range_as_aws(0..=u32::MAX),
        allow_negative_numbers = true
    )]
    pub(crate) page_size: Option<u32>,
    /// Pay for the requests, as the owner of the bucket demands it
    #[arg(long, value_name = "WHO", num_args = 0..=1, default_missing_value = "requester")]
    request_payer: Option<RequestPayer>,
}

impl PagingArgs {
    /// Returns who pays for the requests, if it is not the owner of the bucket.
    pub(crate) fn request_payer(&self) -> Option<&'static str> {
        let payer = self.request_payer?;
        Some(match payer {
            RequestPayer::Requester => "requester",
        })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RequestPayer {
    Requester,
}

#[derive(Debug, Args)]
pub(crate) struct PresignArgs {
    /// The object: s3://BUCKET/KEY
    #[arg(value_name = "S3URI")]
    pub(crate) uri: String,
    /// How long the URL works: 1 to 604800 seconds; more is a warning, and signed as 604800, the
    /// most that S3 accepts
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        allow_negative_numbers = true
    )]
    pub(crate) expires_in: Text,
    /// The HTTP method that the URL is for
    #[arg(long, value_name = "METHOD", default_value = "GET", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) method: String,
    /// A header that the request must have, as it is signed; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) headers: Vec<String>,
    /// The content type that the request must have; with --post also the beginning of one, as
    /// image/*
    #[arg(long, value_name = "TYPE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) content_type: Option<String>,
    /// The version of the object
    #[arg(long, value_name = "ID", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) version_id: Option<String>,
    /// The `Content-Disposition` of the response
    #[arg(long, value_name = "TEXT", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) response_content_disposition: Option<String>,
    /// The `Content-Type` of the response
    #[arg(long, value_name = "TYPE", help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) response_content_type: Option<String>,
    /// Fail, instead of warning, if the URL cannot work for as long as asked
    #[arg(long, help_heading = KEYFOB_OPTIONS_HEADING)]
    pub(crate) strict: bool,
    /// Print the URL and the fields of a form (POST policy) for uploads from a browser; in the key,
    /// ${filename} stands for the name of the file
    #[arg(
        long,
        conflicts_with_all = [
            "method",
            "headers",
            "version_id",
            "response_content_disposition",
            "response_content_type",
        ],
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) post: bool,
    /// A field of the form, such as acl=private; may be repeated
    #[arg(
        long = "field",
        value_name = "NAME=VALUE",
        requires = "post",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) fields: Vec<String>,
    /// A field of the form that whoever uploads may change, and what it must start with, such as
    /// x-amz-meta-by=team-; may be repeated
    #[arg(
        long,
        value_name = "NAME=PREFIX",
        requires = "post",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) starts_with: Vec<String>,
    /// The least length of the file
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = number::bytes,
        requires = "post",
        allow_negative_numbers = true,
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) min_size: Option<u64>,
    /// The greatest length of the file
    #[arg(
        long,
        value_name = "BYTES",
        value_parser = number::bytes,
        requires = "post",
        allow_negative_numbers = true,
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) max_size: Option<u64>,
    /// What to print of the form
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "json",
        requires = "post",
        help_heading = KEYFOB_OPTIONS_HEADING
    )]
    pub(crate) print: FormPrint,
}

/// How a form is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormPrint {
    /// The URL and the fields, as boto3 returns them
    Json,
    /// A page with the form
    Html,
    /// A curl command that uploads FILE
    Curl,
}
