//! Prints everything that an instance knows about itself, except for secrets.
//!
//! `cargo run -p keyfob-imds --example tree [ENDPOINT]`
#![allow(clippy::print_stdout, reason = "its output is for people")]

use std::collections::BTreeMap;

use keyfob_imds::{Client, Endpoint, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1);
    let endpoint = Endpoint::from_settings(url.as_deref(), None)?;
    let client = Client::builder().endpoint(endpoint).build()?;
    let (mut walk, mut items) = (client.walk("/latest/")?, BTreeMap::new());
    while let Some(entry) = walk.next().await {
        let entry = entry?;
        items.insert(entry.path, entry.value);
    }
    for (path, value) in items {
        let value = value.as_deref().map(String::from_utf8_lossy);
        println!("{path} = {}", value.unwrap_or("(secret)".into()).trim());
    }
    Ok(())
}
