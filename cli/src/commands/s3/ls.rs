//! `keyfob s3 ls`: buckets, and the objects of a bucket.

use std::{fmt::Write as _, sync::Arc};

use serde_json::json;
use tokio::task;

use crate::{
    args::LsArgs,
    commands::s3::{
        client,
        time::LocalTime,
        transfer::{WILDCARDS, matching_keys},
    },
    context::Context,
    failure::Failure,
    s3::{Bucket, BucketList, Client, Entry, Filters, Object, ObjectList, Page},
    terminal::{printable, readable_size},
};

/// Runs the command. As in `aws`, the exit code is 1 if a key was given and nothing begins with it.
///
/// # Errors
///
/// If S3 refuses, or if stdout cannot be written.
pub(super) async fn run(context: &Context, args: &LsArgs) -> Result<(), Failure> {
    let uri = args.uri.as_deref().unwrap_or("s3://");
    let mut printer = Printer::new(context, args);
    if matches!(uri.strip_prefix("s3://").unwrap_or(uri), "" | "/") {
        return list_buckets(context, args, &mut printer).await;
    }
    let Object { bucket, key } = Object::parse_prefix(uri)?;
    let list = ObjectList {
        bucket: bucket.to_owned(),
        prefix: key.to_owned(),
        is_flat: args.recursive,
        page_size: args.paging.page_size,
        request_payer: args.paging.request_payer(),
    };
    let client = client(context).await?;
    list_objects(context, &client, list.clone(), &mut printer).await?;
    if printer.is_empty
        && let Some(start) = key.find(WILDCARDS)
    {
        // As in the source of `cp`, they stand for other characters if no key has them.
        printer.pattern = Some(matching_keys(key));
        printer.is_flat = true;
        let list = ObjectList {
            prefix: key[..start].to_owned(),
            is_flat: true,
            ..list
        };
        list_objects(context, &client, list, &mut printer).await?;
    }
    printer.summary(context)?;
    if !key.is_empty() && printer.is_empty {
        return Err(Failure::negative());
    }
    Ok(())
}

async fn list_buckets(
    context: &Context,
    args: &LsArgs,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let list = BucketList {
        prefix: args.bucket_name_prefix.clone(),
        region: args.bucket_region.clone(),
        page_size: args.paging.page_size,
    };
    let client = client(context).await?;
    let mut token = None;
    loop {
        let (buckets, next) = list.page(&client, token.as_deref()).await?;
        for bucket in &buckets {
            printer.bucket(bucket);
        }
        printer.flush(context)?;
        token = next;
        if token.is_none() {
            break;
        }
    }
    printer.summary(context)
}

async fn list_objects(
    context: &Context,
    client: &Client,
    list: ObjectList,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let list = Arc::new(list);
    let mut page = list.page(client, None).await?;
    loop {
        // The next page is on its way while this one is printed.
        let next = page.next.take().map(|token| {
            let (list, client) = (Arc::clone(&list), client.clone());
            task::spawn(async move { list.page(&client, Some(&token)).await })
        });
        let_requests_go().await;
        printer.page(&page);
        printer.flush(context)?;
        let Some(next) = next else { break };
        page = next
            .await
            .map_err(|error| Failure::other(format!("the list ended early: {error}")))??;
    }
    Ok(())
}

/// Lets the other tasks run until they wait for the network: one makes the request, another one
/// writes it.
async fn let_requests_go() {
    for _ in 0..4 {
        task::yield_now().await;
    }
}

/// Collects lines, in the form of `aws` or as JSON.
struct Printer {
    text: String,
    time: LocalTime,
    is_json: bool,
    is_flat: bool,
    is_readable: bool,
    has_summary: bool,
    /// Whether control characters are escaped, because they would reach a terminal.
    is_terminal: bool,
    /// Which keys are printed, if not all.
    pattern: Option<Filters>,
    /// Whether no object and no prefix was printed.
    is_empty: bool,
    objects: u64,
    size: u64,
}

impl Printer {
    fn new(context: &Context, args: &LsArgs) -> Self {
        Self {
            text: String::new(),
            time: LocalTime::new(),
            is_json: args.json_lines,
            is_flat: args.recursive,
            is_readable: args.human_readable,
            has_summary: args.summarize,
            is_terminal: context.console().screen().is_terminal,
            pattern: None,
            is_empty: true,
            objects: 0,
            size: 0,
        }
    }

    fn bucket(&mut self, bucket: &Bucket) {
        if self.is_json {
            let mut line = json!({"Name": bucket.name, "CreationDate": bucket.created});
            if let Some(region) = &bucket.region {
                line["BucketRegion"] = region.as_str().into();
            }
            return self.json(&line);
        }
        self.time.write(&bucket.created, &mut self.text);
        self.text.push(' ');
        self.name(&bucket.name);
    }

    fn page(&mut self, page: &Page) {
        for prefix in &page.prefixes {
            self.is_empty = false;
            self.prefix(prefix);
        }
        for entry in &page.entries {
            let pattern = self.pattern.as_ref();
            if pattern.is_some_and(|pattern| !pattern.admit(&entry.key)) {
                continue;
            }
            self.is_empty = false;
            self.objects += 1;
            self.size += entry.size;
            self.entry(entry);
        }
    }

    fn prefix(&mut self, prefix: &str) {
        if self.is_json {
            return self.json(&json!({"Prefix": prefix}));
        }
        let name = prefix.strip_suffix('/').unwrap_or(prefix);
        let start = name.rfind('/').map_or(0, |slash| slash + 1);
        self.text.push_str("                           PRE ");
        self.name(&prefix[start..]);
    }

    fn entry(&mut self, entry: &Entry) {
        if self.is_json {
            return self.json(&json!({
                "Key": entry.key,
                "Size": entry.size,
                "LastModified": entry.modified,
                "ETag": entry.etag,
                "StorageClass": entry.storage_class,
            }));
        }
        self.time.write(&entry.modified, &mut self.text);
        let size = self.sized(entry.size);
        // Writing to a `String` cannot fail.
        let _ = write!(self.text, " {size:>10} ");
        let start = if self.is_flat {
            0
        } else {
            entry.key.rfind('/').map_or(0, |slash| slash + 1)
        };
        self.name(&entry.key[start..]);
    }

    fn name(&mut self, name: &str) {
        if self.is_terminal {
            self.text.push_str(&printable(name));
        } else {
            self.text.push_str(name);
        }
        self.text.push('\n');
    }

    fn json(&mut self, line: &serde_json::Value) {
        let _ = writeln!(self.text, "{line}");
    }

    fn sized(&self, bytes: u64) -> String {
        if self.is_readable {
            readable_size(bytes)
        } else {
            bytes.to_string()
        }
    }

    fn summary(&mut self, context: &Context) -> Result<(), Failure> {
        if self.has_summary && self.is_json {
            let line = json!({"TotalObjects": self.objects, "TotalSize": self.size});
            self.json(&line);
        } else if self.has_summary {
            let (objects, size) = (self.objects, self.sized(self.size));
            let _ = write!(
                self.text,
                "\nTotal Objects: {objects}\n   Total Size: {size}\n"
            );
        }
        self.flush(context)
    }

    fn flush(&mut self, context: &Context) -> Result<(), Failure> {
        context.console().write_stdout(&self.text)?;
        self.text.clear();
        Ok(())
    }
}
