//! `keyfob serve`: the credentials in use for other programs, until Ctrl-C.

use std::{error::Error, fs, future, path::Path, pin::Pin, sync::Arc, time::Duration};

use keyfob_chain::Cached;
use keyfob_imds::{
    ErrorKind,
    events::Interruption,
    server::{Container, Imds},
};
use keyfob_sigv4::{Credentials, Timestamp};

use crate::{
    args::{ServeCommand, ServeContainerArgs, ServeImdsArgs},
    context::Context,
    failure::{Failure, chained},
    terminal::exports,
};

/// Runs the command.
///
/// # Errors
///
/// If there are no credentials, or if the server cannot start.
pub(super) async fn run(context: &Context, command: &ServeCommand) -> Result<(), Failure> {
    // Without credentials now, there will hardly be any later: fail instead of serving errors.
    context.credentials().await?;
    match command {
        ServeCommand::Imds(args) => imds(context, args).await,
        ServeCommand::Container(args) => container(context, args).await,
    }
}

async fn imds(context: &Context, args: &ServeImdsArgs) -> Result<(), Failure> {
    let mut builder = Imds::builder()
        .bind(args.listen)
        .role(&args.role_name)
        .map_err(|error| Failure::usage(chained(&error)))?
        .region(context.region().await?.name())
        .allow_v1(args.v1);
    if let Some(path) = &args.metadata {
        let json = fs::read_to_string(path).map_err(|error| in_file(path, &error))?;
        builder = builder
            .metadata(&json)
            .map_err(|error| in_file(path, &error))?;
    }
    if let Some(seconds) = args.spot_after {
        builder = builder.spot_notice(Duration::from_secs(seconds), Interruption::Terminate);
    }
    let server = builder
        .credentials_from(source(context))
        .start()
        .await
        .map_err(|error| Failure::other(chained(&error)))?;
    // Version 2 of aws appends paths to this URL without adding a slash.
    let url = format!("{}/", server.endpoint());
    serve_until_interrupted(context, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]).await
}

async fn container(context: &Context, args: &ServeContainerArgs) -> Result<(), Failure> {
    let mut builder = Container::builder().bind(args.listen);
    if let Some(path) = &args.token_file {
        builder = builder.token(read_token(path)?);
    }
    let server = builder
        .credentials_from(source(context))
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
            serve_until_interrupted(context, &[uri, file]).await
        }
        None => {
            let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", server.token().expose());
            serve_until_interrupted(context, &[uri, token]).await
        }
    }
}

/// Returns the failure for the contents of a file that an argument names. A parser's causes say
/// which line is wrong.
fn in_file(path: &Path, error: &(dyn Error + 'static)) -> Failure {
    Failure::usage(format!("{}: {}", path.display(), chained(error)))
}

/// Reads the token once, trimmed as clients trim it; they read the file for each request.
fn read_token(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| in_file(path, &error))?;
    match text.trim() {
        "" => Err(Failure::usage(format!(
            "{}: there is no token in it",
            path.display()
        ))),
        token => Ok(token.to_owned()),
    }
}

type CredentialsFuture =
    Pin<Box<dyn Future<Output = Result<Credentials, keyfob_chain::Error>> + Send>>;

/// Returns a source of the chain's credentials, cached and refreshed before they expire.
fn source(context: &Context) -> impl Fn() -> CredentialsFuture + Send + Sync + 'static {
    let cached = Arc::new(Cached::new(context.chain()));
    move || {
        let cached = Arc::clone(&cached);
        Box::pin(async move { cached.credentials(Timestamp::now()).await })
    }
}

async fn serve_until_interrupted(
    context: &Context,
    variables: &[(&str, &str)],
) -> Result<(), Failure> {
    context.console().write_stdout(exports(variables))?;
    context
        .console()
        .note("serving until Ctrl-C; paste these lines into another shell");
    future::pending().await
}
