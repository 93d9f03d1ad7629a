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
/// Without credentials, and when the port is taken.
pub(super) async fn run(context: &Context, command: &ServeCommand) -> Result<(), Failure> {
    // Credentials that are not there now will hardly come later: better to say so than to serve errors.
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
    let server = builder.credentials_from(source(context)).start().await;
    let server = server.map_err(|error| Failure::other(chained(&error)))?;
    // Version 2 of `aws` joins paths to it without a slash of its own.
    let url = format!("{}/", server.endpoint());
    forever(context, &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]).await
}

async fn container(context: &Context, args: &ServeContainerArgs) -> Result<(), Failure> {
    let mut builder = Container::builder().bind(args.listen);
    if let Some(path) = &args.token_file {
        builder = builder.token(read_token(path)?);
    }
    let server = builder.credentials_from(source(context)).start().await;
    let server = server.map_err(|error| match &args.token_file {
        Some(path) if error.kind() == ErrorKind::BadToken => in_file(path, &error),
        _ => Failure::other(chained(&error)),
    })?;
    let url = server.url();
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str());
    match &args.token_file {
        Some(path) => {
            // The programs that read it run in other folders.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            let path = path.to_string_lossy();
            let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &*path);
            forever(context, &[uri, file]).await
        }
        None => {
            let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", server.token().expose());
            forever(context, &[uri, token]).await
        }
    }
}

/// What is wrong with a file that an argument names, with its causes: a parser's says the line.
fn in_file(path: &Path, error: &(dyn Error + 'static)) -> Failure {
    Failure::usage(format!("{}: {}", path.display(), chained(error)))
}

/// Programs read the file anew for each request, and trim it; so does this, once.
fn read_token(path: &Path) -> Result<String, Failure> {
    let token = fs::read_to_string(path).map_err(|error| in_file(path, &error))?;
    match token.trim() {
        "" => Err(Failure::usage(format!(
            "{}: there is no token in it",
            path.display()
        ))),
        token => Ok(token.to_owned()),
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Credentials, keyfob_chain::Error>> + Send>>;

/// The chain's credentials, kept until they are about to end.
fn source(context: &Context) -> impl Fn() -> Answer + Send + Sync + 'static {
    let cached = Arc::new(Cached::new(context.chain()));
    move || {
        let cached = Arc::clone(&cached);
        Box::pin(async move { cached.credentials(Timestamp::now()).await })
    }
}

async fn forever(context: &Context, variables: &[(&str, &str)]) -> Result<(), Failure> {
    context.console().data(&exports(variables))?;
    context
        .console()
        .note("serving until Ctrl-C; paste these lines into another shell");
    future::pending().await
}
