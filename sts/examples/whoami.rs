//! Prints whose keys are in the environment.
//!
//! Usage: `AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… whoami [REGION]`
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints its result"
)]

use std::{env, error::Error, process::ExitCode};

use keyfob_sigv4::Credentials;
use keyfob_sts::{Client, KeyKind, actions::GetCallerIdentity};

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = whoami().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}

async fn whoami() -> Result<(), Box<dyn Error>> {
    let region = env::args().nth(1).unwrap_or_else(|| "us-east-1".to_owned());
    let id = env::var("AWS_ACCESS_KEY_ID")?;
    let secret = env::var("AWS_SECRET_ACCESS_KEY")?;
    let token = env::var("AWS_SESSION_TOKEN").unwrap_or_default();
    let credentials = Credentials::new(id, secret)?.with_session_token(token)?;
    let client = Client::builder()
        .region(&region)?
        .notify(|error, pause| eprintln!("{error}; next try in {:?}", pause.delay))
        .build()?;
    let identity = client.send(&GetCallerIdentity::new(), &credentials).await?;
    let kind = KeyKind::from_access_key_id(credentials.access_key_id());
    println!(
        "{} ({:?}), keys: {kind:?}",
        identity.arn,
        identity.principal()
    );
    Ok(())
}
