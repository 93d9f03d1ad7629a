//! `keyfob why`: the provider chain explained.

#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::{
    fmt::Display,
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use keyfob_chain::{Error, Explanation, files};
use keyfob_sigv4::Credentials;
#[cfg(unix)]
use rustix::fs::OFlags;
use serde_json::Value;

use crate::{
    args::WhyArgs,
    context::{Context, Explained},
    failure::Failure,
};

/// Prints the explanation of the chain, whatever else is wrong.
///
/// # Errors
///
/// After the explanation: if a profile was named that does not exist, if no provider has
/// credentials or one fails, or if no call can be sent with the region, the endpoint and the other
/// settings. If the picture cannot be written.
pub(super) async fn run(context: &Context, args: &WhyArgs) -> Result<(), Failure> {
    context.check_signs()?;
    let explained = context.explain(args.order, !args.json).await;
    match &args.svg {
        Some(file) if file.as_os_str() == "-" => {
            context.console().write_stdout(explained.svg(context))?;
        }
        Some(file) => {
            write_picture(context, file, &explained.svg(context))?;
            print(context, &explained, args)?;
        }
        None => print(context, &explained, args)?,
    }
    explained.profile?;
    check(context, explained.credentials, &explained.explanation)?;
    explained.call?;
    Ok(())
}

/// Writes the picture in a new file, or in place of an older one. No other file is replaced.
fn write_picture(context: &Context, file: &Path, picture: &str) -> Result<(), Failure> {
    let refused = |reason: &dyn Display| {
        let file = context.shown(&file.to_string_lossy());
        Failure::other(format!("cannot write {file}: {reason}"))
    };
    if fs::metadata(file).is_ok_and(|metadata| metadata.is_file()) {
        let old = files::read(file).map_err(|error| refused(&error))?;
        if !old.is_empty() && !old.starts_with(b"<svg ") {
            return Err(refused(
                &"there is a file that is not such a picture: name another one",
            ));
        }
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    // A pipe that nothing reads is an error then, and is not waited for.
    #[cfg(unix)]
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let mut target = options.open(file).map_err(|error| refused(&error))?;
    target
        .write_all(picture.as_bytes())
        .map_err(|error| refused(&error))
}

fn print(context: &Context, explained: &Explained, args: &WhyArgs) -> Result<(), Failure> {
    if let Some(format) = context.own_format(args.json) {
        let data = serde_json::to_value(&explained.explanation).unwrap_or(Value::Null);
        return context.print_as(format, "Why", &data);
    }
    let console = context.console();
    let paint = |style, line: &str| console.paint(style, line);
    let text = explained.text(context, console.terminal_width(), &paint);
    if let Some(order) = args.order {
        console.write_stdout(format!("by the rules of {}:\n", order.tool()))?;
    }
    console.write_stdout(text)
}

fn check(
    context: &Context,
    credentials: Result<Credentials, Error>,
    explanation: &Explanation,
) -> Result<(), Failure> {
    let Err(error) = credentials else {
        return Ok(());
    };
    let none = context.no_credentials(&error, explanation, "none of these has credentials");
    Err(none.unwrap_or_else(|| Failure::from_provider(&error, context.settings())))
}
