//! Prints the ARN that STS knows the caller by, with the official SDK and as little else as it
//! takes: what `benches/commands` measures beside `keyfob sts get-caller-identity`.

use std::{
    error::Error,
    io::{self, Write as _},
};

use aws_config::BehaviorVersion;
use tokio::runtime::Builder;

fn main() -> Result<(), Box<dyn Error>> {
    Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(print())
}

async fn print() -> Result<(), Box<dyn Error>> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = aws_sdk_sts::Client::new(&config);
    let identity = client.get_caller_identity().send().await?;
    writeln!(io::stdout(), "{}", identity.arn().unwrap_or_default())?;
    Ok(())
}
