//! `keyfob s3 mb` and `rb`: buckets.

use std::fmt;

use crate::{
    args::{MbArgs, RbArgs},
    commands::s3::{client, report::Report, rm},
    context::Context,
    failure::Failure,
    s3::{Object, create_bucket, delete_bucket},
    terminal::printable,
};

/// Creates a bucket.
///
/// # Errors
///
/// If S3 refuses: with exit code 1, as in `aws`.
pub(super) async fn make(context: &Context, args: &MbArgs) -> Result<(), Failure> {
    let Object { bucket, .. } = Object::parse_bucket(&args.uri)?;
    let client = client(context).await?;
    match create_bucket(&client, bucket, args.tags.pairs()).await {
        Ok(()) => print(context, "make_bucket", bucket),
        Err(error) => Err(failed(context, "make_bucket", &args.uri, &error)),
    }
}

/// Deletes a bucket, with `--force` and its objects.
///
/// # Errors
///
/// If S3 refuses: with exit code 1, as in `aws`.
pub(super) async fn remove(context: &Context, args: &RbArgs) -> Result<(), Failure> {
    let object = Object::parse_bucket(&args.uri)?;
    if !object.key.is_empty() {
        let bucket = object.bucket;
        return Err(Failure::usage(format!(
            "Please specify a valid bucket name only. E.g. s3://{bucket}"
        )));
    }
    let client = client(context).await?;
    if args.force {
        let mut report = Report::new(context.console());
        let emptied = rm::delete_all(&client, object.bucket, &mut report).await?;
        if !emptied || report.finish().is_err() {
            return Err(Failure::other(
                "remove_bucket failed: Unable to delete all objects in the bucket, bucket will not \
                 be deleted.",
            ));
        }
    }
    match delete_bucket(&client, object.bucket).await {
        Ok(()) => print(context, "remove_bucket", object.bucket),
        Err(error) => Err(failed(context, "remove_bucket", &args.uri, &error)),
    }
}

fn print(context: &Context, operation: &str, bucket: &str) -> Result<(), Failure> {
    let console = context.console();
    console.write_stdout(format!("{operation}: {bucket}\n"))
}

fn failed(context: &Context, operation: &str, uri: &str, error: &dyn fmt::Display) -> Failure {
    let line = format!("{operation} failed: {uri} {error}");
    let console = context.console();
    console.write_stderr(&format!("{}\n", printable(&line)));
    Failure::negative()
}
