use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::{
    Timestamp,
    civil::DateTime,
    fmt::rfc2822::{self, DateTimePrinter},
    tz::TimeZone,
};
use keyfob_chain::Variables;
use md5::{Digest as _, Md5};

use crate::{
    args::{CopyProps, MetadataDirective, Text, TransferArgs},
    context::Context,
    failure::Failure,
    syntax::{Form, expand_bytes, expand_secret, parse_value},
};

/// Returns the headers that the arguments give new objects.
///
/// # Errors
///
/// If a value cannot be one of a header.
pub(super) fn from_args(context: &Context, args: &TransferArgs) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    let amz = |name: &'static str| HeaderName::from_static(name);
    for (option, name, text) in [
        ("--acl", amz("x-amz-acl"), &args.acl),
        (
            "--cache-control",
            header::CACHE_CONTROL,
            &args.cache_control,
        ),
        (
            "--content-disposition",
            header::CONTENT_DISPOSITION,
            &args.content_disposition,
        ),
        (
            "--content-encoding",
            header::CONTENT_ENCODING,
            &args.content_encoding,
        ),
        (
            "--content-language",
            header::CONTENT_LANGUAGE,
            &args.content_language,
        ),
        ("--content-type", header::CONTENT_TYPE, &args.content_type),
        ("--sse", amz("x-amz-server-side-encryption"), &args.sse),
        (
            "--sse-kms-key-id",
            amz("x-amz-server-side-encryption-aws-kms-key-id"),
            &args.sse_kms_key_id,
        ),
        (
            "--website-redirect",
            amz("x-amz-website-redirect-location"),
            &args.website_redirect,
        ),
        (
            "--storage-class",
            amz("x-amz-storage-class"),
            &args.storage_class,
        ),
    ] {
        if let Some(text) = text {
            headers.insert(name, value(option, text)?);
        }
    }
    if let Some(time) = &args.expires {
        headers.insert(header::EXPIRES, expires(time)?);
    }
    for grant in &args.grants {
        let (name, grantee) = grant_of(grant)?;
        headers.insert(name, value("--grants", grantee)?);
    }
    for (name, text) in metadata(context, args.metadata.as_ref())? {
        let name = HeaderName::try_from(format!("x-amz-meta-{name}"));
        let name = name.map_err(|_| {
            Failure::usage("--metadata: a name cannot be a header")
                .with_hint("take letters, digits and `-`")
        })?;
        headers.insert(name, value("--metadata", &text)?);
    }
    let mut tags = form_urlencoded::Serializer::new(String::new());
    let tags = tags.extend_pairs(args.tags.pairs()).finish();
    if !tags.is_empty() {
        headers.insert(amz("x-amz-tagging"), value("--tags", &tags)?);
    }
    with_payer(&mut headers, args);
    Ok(headers)
}

/// Returns the headers of copies, by those of new objects. The metadata of the arguments replaces
/// that of the source, as in `aws`.
pub(super) fn for_copies(writing: &HeaderMap, args: &TransferArgs) -> HeaderMap {
    let mut headers = writing.clone();
    let is_metadata = |name: &HeaderName| name.as_str().starts_with("x-amz-meta-");
    // As in `aws`, a directive switches the other option off.
    let props = args
        .copy_props
        .filter(|_| args.metadata_directive.is_none());
    let has_metadata = writing.keys().any(is_metadata);
    let metadata = match (args.metadata_directive, props) {
        (Some(MetadataDirective::Copy), _) => Some("COPY"),
        (Some(MetadataDirective::Replace), _) | (None, Some(CopyProps::None)) => Some("REPLACE"),
        (None, _) => has_metadata.then_some("REPLACE"),
    };
    let tags = match props {
        Some(CopyProps::None | CopyProps::MetadataDirective) => Some("REPLACE"),
        Some(CopyProps::Default) | None => None,
    };
    for (name, directive) in [
        ("x-amz-metadata-directive", metadata),
        ("x-amz-tagging-directive", tags),
    ] {
        if let Some(directive) = directive {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(directive),
            );
        }
    }
    headers
}

/// Returns the header for a time, which has the form of HTTP.
fn expires(text: &str) -> Result<HeaderValue, Failure> {
    let time = text.parse::<Timestamp>().or_else(|_| {
        // Without an offset, it is UTC, as in `aws`.
        text.parse::<DateTime>()
            .and_then(|time| time.to_zoned(TimeZone::UTC))
            .map(|time| time.timestamp())
    });
    let time = time.or_else(|_| rfc2822::parse(text).map(|time| time.timestamp()));
    let invalid =
        || Failure::usage("--expires is not a time").with_hint("write it as 2030-01-01T00:00:00Z");
    let time = time.map_err(|_| invalid())?;
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    HeaderValue::try_from(text.map_err(|_| invalid())?).map_err(|_| invalid())
}

/// Splits what `--grants` has.
fn grant_of(grant: &str) -> Result<(HeaderName, &str), Failure> {
    let (permission, grantee) = grant
        .split_once('=')
        .ok_or_else(|| Failure::usage("grants should be of the form permission=principal"))?;
    let name = match permission {
        "read" => "x-amz-grant-read",
        "readacl" => "x-amz-grant-read-acp",
        "writeacl" => "x-amz-grant-write-acp",
        "full" => "x-amz-grant-full-control",
        _ => {
            return Err(Failure::usage(
                "permission must be one of: read|readacl|writeacl|full",
            ));
        }
    };
    Ok((HeaderName::from_static(name), grantee))
}

/// Returns the headers with the key of the user's own for what is written, and those with that of
/// the source of a copy.
///
/// # Errors
///
/// If a key cannot be read, or does not have 32 bytes.
pub(super) fn customer_keys(
    context: &Context,
    args: &TransferArgs,
) -> Result<[HeaderMap; 2], Failure> {
    let variables = context.settings().variables();
    let headers = |key: &Option<Text>| match key {
        Some(key) => customer_key(key, variables),
        None => Ok(HeaderMap::new()),
    };
    Ok([
        headers(&args.sse_c_key)?,
        headers(&args.sse_c_copy_source_key)?,
    ])
}

/// The start of the headers with a key, and of those with the key of the source of a copy.
const CUSTOMER: &str = "x-amz-server-side-encryption-customer";
const SOURCE_CUSTOMER: &str = "x-amz-copy-source-server-side-encryption-customer";

fn customer_key(text: &Text, variables: &Variables) -> Result<HeaderMap, Failure> {
    let key = match expand_bytes(text, variables)? {
        Some(bytes) => bytes,
        None => expand_secret(text, variables)?.into_bytes(),
    };
    if key.len() != 32 {
        let (flag, length) = (&text.flag, key.len());
        return Err(
            Failure::usage(format!("{flag}: a key has 32 bytes, and this one has {length}"))
                .with_hint("write the bytes into a file, without Base64 and without a line end, and give fileb://FILE"),
        );
    }
    let mut headers = HeaderMap::new();
    for (name, text) in [
        ("algorithm", "AES256".to_owned()),
        ("key", STANDARD.encode(&key)),
        ("key-md5", STANDARD.encode(Md5::digest(&key))),
    ] {
        let name = HeaderName::try_from(format!("{CUSTOMER}-{name}"));
        // Base64 is always the value of a header.
        if let (Ok(name), Ok(mut value)) = (name, HeaderValue::try_from(text)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

/// Returns the headers of a key for the source of a copy.
pub(super) fn as_source(key: &HeaderMap) -> HeaderMap {
    let headers = key.iter().filter_map(|(name, value)| {
        let name = name.as_str().replace(CUSTOMER, SOURCE_CUSTOMER);
        Some((HeaderName::try_from(name).ok()?, value.clone()))
    });
    headers.collect()
}

/// Adds who pays.
pub(super) fn with_payer(headers: &mut HeaderMap, args: &TransferArgs) {
    if let Some(payer) = args.paging.request_payer() {
        let name = HeaderName::from_static("x-amz-request-payer");
        headers.insert(name, HeaderValue::from_static(payer));
    }
}

fn value(option: &str, text: &str) -> Result<HeaderValue, Failure> {
    // S3 reads no other characters in headers, and `aws` refuses them in metadata.
    let value = text.is_ascii().then(|| HeaderValue::try_from(text));
    value.and_then(Result::ok).ok_or_else(|| {
        Failure::usage(format!(
            "{option}: only printable ASCII characters can be in a header"
        ))
    })
}

fn metadata(context: &Context, text: Option<&Text>) -> Result<Vec<(String, String)>, Failure> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    let form = Form::Map(Box::new(Form::Text));
    let variables = context.settings().variables();
    let parsed = parse_value(std::slice::from_ref(text), &form, variables)?;
    let members = parsed.as_object().into_iter().flatten();
    let pairs = members.map(|(name, value)| {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    });
    Ok(pairs.collect())
}
