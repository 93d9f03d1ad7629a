//! `keyfob s3 presign --post`: the form with which a browser uploads a file.

use keyfob_sigv4::{
    ErrorKind, Signer, Timestamp,
    post_policy::{PostForm, PostPolicy},
};
use serde_json::{Map, Value, json};

use super::presign::Lifetime;
use crate::{
    args::{FormPrint, PresignArgs},
    commands::s3::address,
    context::Context,
    failure::Failure,
    s3::Object,
    terminal::quoted,
};

/// In a key, S3 replaces it by the name of the file.
const FILENAME: &str = "${filename}";
/// The length in bytes of the longest file that S3 takes from a form.
const MAX_FILE: u64 = 5 << 30;

/// Prints the URL and the fields of a form.
///
/// # Errors
///
/// If an argument is invalid, or if there are no credentials.
pub(super) async fn run(context: &Context, args: &PresignArgs) -> Result<(), Failure> {
    let lifetime = Lifetime::read(context, args)?;
    let object = Object::parse(&args.uri)?;
    let at = Timestamp::from_unix_seconds(Timestamp::now().unix_seconds());
    let end = at.plus_seconds(lifetime.ttl.as_secs().into());
    let policy = policy(args, object, end)?;
    let credentials = context.with_end(context.credentials().await?);
    let (bucket, endpoint) = address(context).await?.resolve(Some(object.bucket), None)?;
    let region = endpoint.signing_region().unwrap_or_default();
    let (url, signer) = (bucket + "/", Signer::s3(region)?);
    let form = policy.sign(&signer, &credentials, at);
    let form = form.map_err(|error| match error.kind() {
        ErrorKind::PolicyField => Failure::usage(
            "--field and --starts-with: a field is named twice, or S3 adds it itself, or it is the \
             key, which S3URI has",
        ),
        ErrorKind::PolicyLength => Failure::usage("--min-size is larger than --max-size"),
        _ => Failure::from(error),
    })?;
    let early = Some(form.expiration()).filter(|expiration| *expiration < end);
    lifetime.check(context, args, "form", early)?;
    match args.print {
        FormPrint::Json => context.print("presign", &answer(&url, &form)),
        FormPrint::Html => {
            let text = html(object.bucket, &url, &form, &prefixes(args)?);
            context.console().write_stdout(text)
        }
        FormPrint::Curl => context.console().write_stdout(curl(&url, &form)),
    }
}

/// Returns what the options allow to be uploaded, until `end`.
fn policy(args: &PresignArgs, object: Object<'_>, end: Timestamp) -> Result<PostPolicy, Failure> {
    let policy = PostPolicy::new(end).bucket(object.bucket);
    let mut policy = match object.key.split_once(FILENAME) {
        Some((prefix, _)) => policy.starts_with("key", prefix, object.key),
        None => policy.field("key", object.key),
    };
    if let Some(value) = args
        .content_type
        .as_ref()
        .filter(|value| !value.ends_with('*'))
    {
        policy = policy.field(CONTENT_TYPE, value);
    }
    for pair in &args.fields {
        let (name, value) = pair_of("--field", pair)?;
        policy = policy.field(name, value);
    }
    for (name, prefix) in prefixes(args)? {
        policy = policy.starts_with(name, prefix, prefix);
    }
    if args.min_size.is_some() || args.max_size.is_some() {
        let range = args.min_size.unwrap_or(0)..=args.max_size.unwrap_or(MAX_FILE);
        policy = policy.content_length(range);
    }
    Ok(policy)
}

const CONTENT_TYPE: &str = "Content-Type";

/// Returns the fields that whoever uploads fills in, with what their values must start with.
fn prefixes(args: &PresignArgs) -> Result<Vec<(&str, &str)>, Failure> {
    let content_type = args.content_type.as_ref();
    let content_type = content_type.and_then(|value| value.strip_suffix('*'));
    let content_type = content_type.map(|prefix| Ok((CONTENT_TYPE, prefix)));
    let others = args.starts_with.iter();
    let others = others.map(|pair| pair_of("--starts-with", pair));
    content_type.into_iter().chain(others).collect()
}

/// Splits `NAME=VALUE`. The error does not repeat it, as a secret may stand in its place.
fn pair_of<'a>(option: &str, pair: &'a str) -> Result<(&'a str, &'a str), Failure> {
    match pair.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(Failure::usage(format!("{option}: write NAME=VALUE"))),
    }
}

/// Returns the form as `generate_presigned_post` of boto3 does.
fn answer(url: &str, form: &PostForm) -> Value {
    let fields = form.fields();
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    json!({"url": url, "fields": fields})
}

/// Returns a page with the form. The fields with a prefix can be filled in.
fn html(bucket: &str, url: &str, form: &PostForm, prefixes: &[(&str, &str)]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Upload to \
         {bucket}</title>\n<form action=\"{}\" method=\"post\" enctype=\"multipart/form-data\">\n",
        escaped(url)
    );
    for (name, value) in form.fields() {
        let is_open = prefixes.iter().any(|(open, _)| *open == name);
        let (name, value) = (escaped(name), escaped(value));
        text += &if is_open {
            format!("<p><label>{name} <input name=\"{name}\" value=\"{value}\"></label></p>\n")
        } else {
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">\n")
        };
    }
    // S3 ignores what comes after the file.
    text + "<p><input type=\"file\" name=\"file\" required> <button>Upload</button></p>\n\
            </form>\n</html>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Returns a command for a POSIX shell that uploads `FILE`.
fn curl(url: &str, form: &PostForm) -> String {
    let mut words = vec!["curl --fail-with-body".to_owned()];
    // Unlike --form, it reads no file for a value that begins with @.
    let fields = form.fields();
    words.extend(
        fields.map(|(name, value)| format!("--form-string {}", quoted(&format!("{name}={value}")))),
    );
    words.push("--form file=@FILE".to_owned());
    words.push(quoted(url));
    words.join(" ") + "\n"
}
