//! `keyfob serve`: the credentials in use for other programs, until Ctrl-C.

mod core_dump;
pub(super) mod proxy;

use std::{
    error::Error, future, io, net::SocketAddr, path::Path, pin::Pin, sync::Arc, time::Duration,
};

use keyfob_chain::{Cached, Chain, files};
use keyfob_imds::{
    ErrorKind,
    events::Interruption,
    server::{Container, Imds},
};
use keyfob_sigv4::{Credentials, Secret, Timestamp};

pub(super) use self::core_dump::forbid_core_dumps;
use crate::{
    args::{ServeCommand, ServeContainerArgs, ServeImdsArgs},
    context::Context,
    failure::{Failure, chained},
    signals,
    terminal::{exports, printable_path},
};

/// Runs the command.
///
/// # Errors
///
/// If there are no credentials, or if the server cannot start.
pub(super) async fn run(context: &Context, command: &ServeCommand) -> Result<(), Failure> {
    // The files of its arguments may never come to their end.
    signals::watch();
    // Without credentials now, there will hardly be any later: fail instead of serving errors.
    let (_, origin) = context.credentials_and_origin().await?;
    match command {
        ServeCommand::Imds(args) => imds(context, args).await,
        ServeCommand::Container(args) => container(context, args).await,
        ServeCommand::Proxy(args) => proxy::run(context, args, origin).await,
    }
}

async fn imds(context: &Context, args: &ServeImdsArgs) -> Result<(), Failure> {
    check_listen(args.listen, args.allow_remote, "--allow-remote")?;
    let mut builder = Imds::builder()
        .bind(args.listen)
        .allow_remote(args.allow_remote)
        .role(&args.role_name)
        .map_err(|error| Failure::usage(format!("--role-name: {}", chained(&error))))?
        .region(context.region().await?.name())
        .allow_v1(args.v1);
    if let Some(path) = &args.metadata {
        let json = files::read_secret(path).map_err(|error| {
            Failure::usage(format!(
                "--metadata: cannot read {}: {error}",
                printable_path(path)
            ))
        })?;
        builder = builder
            .metadata(json.expose())
            .map_err(|error| in_file(path, &error))?;
    }
    if let Some(seconds) = args.spot_after {
        let after = Duration::from_secs(seconds.into());
        builder = builder.spot_notice(after, Interruption::Terminate);
    }
    let server = builder
        .credentials_from(credentials(Cached::new(context.chain())))
        .start()
        .await
        .map_err(|error| Failure::other(chained(&error)))?;
    // Version 2 of aws appends paths to this URL without adding a slash.
    let url = format!("{}/", server.endpoint());
    start_serving(context, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)])?;
    let readers = if server.address().ip().is_loopback() {
        "every user and every program on this machine"
    } else {
        "every machine that reaches this address"
    };
    context.console().warn(&format!(
        "{readers} can read these credentials; `keyfob serve container` gives them only to those \
         who have a token"
    ));
    future::pending().await
}

async fn container(context: &Context, args: &ServeContainerArgs) -> Result<(), Failure> {
    check_listen(args.listen, args.allow_remote, "--allow-remote")?;
    let mut builder = Container::builder()
        .bind(args.listen)
        .allow_remote(args.allow_remote);
    if let Some(path) = &args.token_file {
        read_token(path, 1)?;
        builder = builder.token_file(path);
    }
    let server = builder
        .credentials_from(credentials(Cached::new(context.chain())))
        .start()
        .await
        .map_err(|error| match &args.token_file {
            Some(path) if error.kind() == ErrorKind::BadToken => in_file(path, &error),
            _ => Failure::other(chained(&error)),
        })?;
    let url = server.url();
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str());
    match &args.token_file {
        Some(path) => {
            // The programs that read the file run in other folders.
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path = absolute.to_string_lossy();
            let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &*path);
            start_serving(context, &[uri, file])?;
        }
        None => {
            let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", server.token().expose());
            start_serving(context, &[uri, token])?;
        }
    }
    future::pending().await
}

type CredentialsFuture =
    Pin<Box<dyn Future<Output = Result<Credentials, keyfob_chain::Error>> + Send>>;

/// Returns a source of a chain's credentials, which are refreshed before they expire. A key that is
/// rotated in a file is served without a restart.
pub(super) fn credentials(
    cached: Cached<Chain>,
) -> impl Fn() -> CredentialsFuture + Send + Sync + 'static {
    let cached = Arc::new(cached);
    move || {
        let cached = Arc::clone(&cached);
        Box::pin(async move { Ok(cached.credentials(Timestamp::now()).await?.into()) })
    }
}

/// Refuses an address that other machines can reach, unless that was asked for.
fn check_listen(address: SocketAddr, allow_remote: bool, allowing: &str) -> Result<(), Failure> {
    if allow_remote || address.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "--listen: {address} is not a loopback address, so other machines could use the credentials"
    ))
    .with_hint(format!("listen on 127.0.0.1, or add {allowing}")))
}

/// Returns the failure for the contents of a file that an argument names. A parser's causes say
/// which line is wrong.
fn in_file(path: &Path, error: &(dyn Error + 'static)) -> Failure {
    Failure::usage(format!("{}: {}", printable_path(path), chained(error)))
}

/// Reads the token of a file, which has at least so many bytes. It is read before anything is
/// served, and again while it is, so that the token can be replaced.
fn read_token(path: &Path, least: usize) -> Result<Secret, Failure> {
    let text = files::read_secret_file(path).map_err(|error| match error.kind() {
        // The token itself may stand where its file should.
        io::ErrorKind::NotFound => Failure::usage("--token-file: there is no file with this name"),
        io::ErrorKind::InvalidInput => Failure::usage(format!(
            "--token-file: {}: {error}: a pipe can be read only once, and the token is read again \
             and again",
            printable_path(path)
        ))
        .with_hint("write the token to a file that only you can read"),
        _ => Failure::usage(format!(
            "--token-file: cannot read {}: {error}",
            printable_path(path)
        )),
    })?;
    match text.expose().trim() {
        "" => Err(Failure::usage(format!(
            "{}: there is no token in it",
            printable_path(path)
        ))),
        token if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(Failure::usage(format!(
                "{}: the token cannot be sent in a header: write it in one line, of letters, \
                 digits and signs of ASCII without spaces",
                printable_path(path)
            )))
        }
        token if token.len() < least => Err(Failure::usage(format!(
            "{}: the token is too short for callers on other machines: write at least {least} \
             random letters and digits",
            printable_path(path)
        ))),
        token => Ok(Secret::from(token)),
    }
}

/// Prints the variables that point other programs at a server that has started.
fn start_serving(context: &Context, variables: &[(&str, &str)]) -> Result<(), Failure> {
    forbid_core_dumps();
    context.console().write_stdout(exports(variables))?;
    context
        .console()
        .note("serving until Ctrl-C; paste these lines into another shell");
    Ok(())
}
