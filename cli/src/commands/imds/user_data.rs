use keyfob_imds::{Client, metadata::unpack_user_data};

use super::with_line_end;
use crate::{context::Context, failure::Failure, terminal::printable};

const PATH: &str = "/latest/user-data";

/// Prints the user data unchanged, or decoded, with a heading for each of several parts.
///
/// # Errors
///
/// If the instance has no user data, or if it cannot be decoded.
pub(super) async fn run(context: &Context, client: &Client, decode: bool) -> Result<(), Failure> {
    let failed = |error| Failure::from_imds(&error, PATH);
    let data = client
        .user_data()
        .await
        .map_err(failed)?
        .ok_or_else(|| Failure::not_found(PATH, "the instance has no user data"))?;
    if !decode {
        return context.console().write_stdout(data);
    }
    let parts = unpack_user_data(data).map_err(failed)?;
    let has_headings = parts.len() > 1;
    for part in parts {
        if has_headings {
            let name = part.filename.as_deref().unwrap_or("unnamed");
            let (kind, name) = (printable(&part.content_type), printable(name));
            let heading = format!("==> {kind} ({name}) <==\n");
            context.console().write_stdout(heading)?;
        }
        context.console().write_stdout(with_line_end(&part.body))?;
    }
    Ok(())
}
