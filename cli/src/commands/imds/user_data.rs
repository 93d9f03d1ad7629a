use keyfob_imds::{Client, metadata::unpack_user_data};

use super::{failure, with_line_end};
use crate::{context::Context, failure::Failure};

const PATH: &str = "/latest/user-data";

/// Prints user data as it is; decoded, every part of it under its type.
///
/// # Errors
///
/// When there is none, or when its packing is broken.
pub(super) async fn run(context: &Context, client: &Client, decode: bool) -> Result<(), Failure> {
    let data = client.user_data().await;
    let data = data.map_err(|error| failure(&error, PATH))?;
    let data = data.ok_or_else(|| {
        Failure::service(
            "NotFound",
            &format!("GET {PATH}"),
            "the instance has no user data",
        )
    })?;
    if !decode {
        return context.console().bytes(&data);
    }
    let parts = unpack_user_data(data).map_err(|error| failure(&error, PATH))?;
    let heads = parts.len() > 1;
    for part in parts {
        if heads {
            let name = part.filename.as_deref().unwrap_or("unnamed");
            let head = format!("==> {} ({name}) <==\n", part.content_type);
            context.console().data(&head)?;
        }
        context.console().bytes(&with_line_end(&part.body))?;
    }
    Ok(())
}
