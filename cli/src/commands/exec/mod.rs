//! `keyfob exec`: a command with the credentials in use in its environment.

mod files;
mod parent;
mod proxied;
mod served;

use std::ffi::{OsStr, OsString};

use keyfob_chain::{Cached, Origin};
use keyfob_sigv4::{Credentials, Timestamp};

use self::{proxied::Proxied, served::Served};
use crate::{
    args::{EXEC_PROFILE, ExecArgs},
    commands::environment::Changes,
    context::Context,
    failure::Failure,
};

/// The least time for which credentials should last, in seconds.
const SHORT: i64 = 300;

/// Runs the command in place of this process, or beside it where this one has something to serve.
///
/// # Errors
///
/// If there are no credentials, or if the command cannot be started. A command that runs decides on
/// the exit code itself.
pub(super) async fn run(context: &Context, args: &ExecArgs) -> Result<(), Failure> {
    // Empty if no profile gave the credentials.
    let outer = context
        .variables()
        .raw(EXEC_PROFILE)
        .and_then(OsStr::to_str);
    if outer.is_some() {
        context
            .console()
            .note("this is inside another `keyfob exec`, whose credentials are in the environment");
    }
    let words = words(context, &args.command);
    // The proxy sends the requests of the command there.
    let endpoint = context.endpoint_argument().filter(|_| !args.via_proxy);
    let found = context.credentials_and_origin_for(&args.role, endpoint);
    let (credentials, origin) = found.await?;
    let serves = args.serve || args.via_proxy;
    warn_of_expiry(context, &credentials, origin.as_ref(), serves);
    let region = context.region().await?.name().to_owned();
    let mut changes = Changes::new(&region);
    let profile = match origin.as_ref() {
        Some(origin) if is_of_profile(origin) => context.settings().profile_name(),
        // Those of the command around this one, if there is one.
        Some(Origin::Environment { .. }) => outer.unwrap_or_default(),
        _ => "",
    };
    changes.set(EXEC_PROFILE, profile);
    if args.via_proxy {
        let proxied = Proxied::start(context, args).await?;
        proxied.point_to(&mut changes);
        return parent::run(&words, &changes).await;
    }
    for (name, value) in context.sandbox_variables() {
        match value {
            Some(value) => changes.set(name, value),
            None => changes.clear_all(name),
        }
    }
    if args.serve {
        let chain = Cached::new(context.chain_for(&args.role, endpoint));
        let served = Served::start(context, chain).await?;
        served.point_to(&mut changes);
        return parent::run(&words, &changes).await;
    }
    changes.give(&credentials);
    // The sandbox ends with this process.
    if context.globals().sandbox {
        return parent::run(&words, &changes).await;
    }
    replace(&words, &changes).await
}

/// Returns true if a profile gave the credentials.
fn is_of_profile(origin: &Origin) -> bool {
    match origin {
        Origin::File { .. } => true,
        Origin::Role { named_in, .. }
        | Origin::Sso { named_in, .. }
        | Origin::Login { named_in, .. }
        | Origin::Process { named_in } => is_of_profile(named_in),
        _ => false,
    }
}

/// Returns the command and its arguments: without one, the user's shell.
fn words(context: &Context, given: &[OsString]) -> Vec<OsString> {
    if !given.is_empty() {
        return given.to_vec();
    }
    let (variable, default) = if cfg!(windows) {
        ("COMSPEC", "cmd.exe")
    } else {
        ("SHELL", "/bin/sh")
    };
    let shell = context.variables().raw(variable);
    let shell = shell.filter(|shell| !shell.is_empty());
    vec![shell.map_or_else(|| default.into(), OsString::from)]
}

/// Warns of credentials that may expire while the command runs, and says what gives it new ones, if
/// anything does.
fn warn_of_expiry(
    context: &Context,
    credentials: &Credentials,
    origin: Option<&Origin>,
    serves: bool,
) {
    // Then nothing gives new ones.
    if context.warn_if_expired(credentials) {
        return;
    }
    let Some(expiry) = context.end_of(credentials) else {
        return;
    };
    let is_short = expiry.seconds_since(Timestamp::now()) < SHORT;
    let what = match (origin, serves) {
        (Some(Origin::Environment { .. }), true) => {
            "and nothing renews those of environment variables: the command has none after that"
        }
        (Some(Origin::File { .. }), _) if is_short => {
            "and only the tool that wrote them to the file can renew them"
        }
        (_, true) => return,
        (_, false) if !is_short => return,
        (Some(Origin::Environment { .. }), false) => {
            "and the command keeps them: those of environment variables are not renewed"
        }
        (_, false) => "and the command keeps them: `keyfob exec --serve` gives it new ones",
    };
    context
        .console()
        .warn(&format!("these credentials expire at {expiry}, {what}"));
}

/// Runs the command in place of this process.
#[cfg(unix)]
async fn replace(words: &[OsString], changes: &Changes) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;

    // The new program does not go on with what this one has begun.
    crate::signals::wait_for_holds().await;
    let error = parent::command(words, changes).exec();
    Err(parent::not_started(&words[0], &error))
}

/// Elsewhere a process cannot be replaced.
#[cfg(not(unix))]
async fn replace(words: &[OsString], changes: &Changes) -> Result<(), Failure> {
    parent::run(words, changes).await
}
