use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    args::{Text, TransferArgs},
    context::Context,
    failure::Failure,
    s3::Algorithm,
    syntax::{Form, parse_value},
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
            "--storage-class",
            amz("x-amz-storage-class"),
            &args.storage_class,
        ),
    ] {
        if let Some(text) = text {
            headers.insert(name, value(option, text)?);
        }
    }
    for (name, text) in metadata(context, args.metadata.as_ref())? {
        let name = HeaderName::try_from(format!("x-amz-meta-{name}"));
        let name = name.map_err(|_| {
            Failure::usage("--metadata: a name cannot be a header")
                .with_hint("take letters, digits and `-`")
        })?;
        headers.insert(name, value("--metadata", &text)?);
    }
    with_payer(&mut headers, args);
    Ok(headers)
}

/// Returns the headers of copies, by those of new objects. The metadata of the arguments replaces
/// that of the source, as in `aws`.
pub(super) fn for_copies(writing: &HeaderMap, args: &TransferArgs) -> HeaderMap {
    let mut headers = writing.clone();
    let is_metadata = |name: &HeaderName| name.as_str().starts_with("x-amz-meta-");
    if writing.keys().any(is_metadata) {
        let name = HeaderName::from_static("x-amz-metadata-directive");
        headers.insert(name, HeaderValue::from_static("REPLACE"));
    }
    if let Some(algorithm) = args.checksum_algorithm {
        let name = HeaderName::from_static("x-amz-checksum-algorithm");
        let value = HeaderValue::from_static(Algorithm::from(algorithm).name());
        headers.insert(name, value);
    }
    headers
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
