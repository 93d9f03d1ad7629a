//! Measurements in a new process: this program runs itself again.

use std::any::Any;
use std::env;
use std::io::{self, Write};
use std::process::Command;
use std::time::Instant;

use aws_config::BehaviorVersion;
use aws_credential_types::provider::ProvideCredentials;
use keyfob_chain::Chain;
use keyfob_sigv4::Timestamp;
use tokio::runtime::{Builder, Runtime};

use crate::BoxError;

/// Runs this program again with `arguments`, and with nothing but `variables` in its environment.
/// Returns the microseconds that [`timed`] printed there.
///
/// # Errors
///
/// If the process cannot be started or fails.
pub fn fresh(arguments: &[&str], variables: &[(&str, &str)]) -> Result<u64, BoxError> {
    let output = Command::new(env::current_exe()?)
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?.trim().parse()?);
    }
    let name = arguments.join(" ");
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The access key ID of the first credentials, and what gave them: a program keeps that for the
/// next ones.
pub type First = (String, Box<dyn Any>);

/// Makes a runtime, gets credentials, and prints the microseconds that both took together. The
/// runtime has the drivers that `drivers` enables, as a program enables what it needs.
///
/// # Errors
///
/// If there are no credentials, or if their access key ID is not `expected`.
pub fn timed(
    expected: &str,
    drivers: fn(&mut Builder) -> &mut Builder,
    get: impl FnOnce(&Runtime) -> Result<First, BoxError>,
) -> Result<(), BoxError> {
    let start = Instant::now();
    let runtime = drivers(&mut Builder::new_current_thread()).build()?;
    let (id, _kept) = get(&runtime)?;
    let time = start.elapsed();
    if id != expected {
        return Err(format!("the credentials are those of {id}, not {expected}").into());
    }
    writeln!(io::stdout(), "{}", time.as_micros())?;
    Ok(())
}

/// Returns what belongs to the contender of this name.
///
/// # Errors
///
/// If there is none.
pub fn named<T: Copy>(contenders: &[(&str, T)], name: &str) -> Result<T, BoxError> {
    let contender = contenders.iter().find(|(other, _)| *other == name);
    let (_, found) = contender.ok_or_else(|| format!("there is no client {name:?}"))?;
    Ok(*found)
}

/// Gets credentials with the defaults of aws-config, as in its documentation. They also ask for the
/// region, and build a client for HTTPS.
///
/// # Errors
///
/// If there are no credentials.
pub fn aws_config_defaults(runtime: &Runtime) -> Result<First, BoxError> {
    runtime.block_on(async {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        let provider = config.credentials_provider().ok_or("no provider")?;
        let credentials = provider.provide_credentials().await?;
        Ok((credentials.access_key_id().into(), Box::new(config) as _))
    })
}

/// Gets credentials with the defaults of keyfob-chain.
///
/// # Errors
///
/// If there are no credentials.
pub fn keyfob_defaults(runtime: &Runtime) -> Result<First, BoxError> {
    let chain = Chain::from_env();
    let credentials = runtime.block_on(chain.credentials(Timestamp::now()))?;
    let id = credentials.access_key_id().into();
    drop(credentials);
    Ok((id, Box::new(chain)))
}
