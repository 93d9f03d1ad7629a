//! Prints which credentials a program started here would use, and why.
//!
//! ```sh
//! cargo run -p keyfob-chain --example why -- [PROFILE]
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use keyfob_chain::{Chain, Error, Order, Settings, Variables};
use keyfob_sigv4::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let mut settings = Settings::load(Variables::from_process());
    if let Some(profile) = std::env::args().nth(1) {
        settings = settings.with_profile(profile);
    }
    for problem in settings.files().problems() {
        println!("{problem}");
    }
    let now = Timestamp::now();
    let resolution = Chain::default_for(Order::Cli, &settings).explain(now).await;
    let region = settings.resolve_region(None, now).await?;
    let explanation = resolution.explanation.with_region(region);
    let home = settings.variables().home();
    print!("{}", explanation.text(now, home.as_deref()));
    resolution.credentials.map(drop)
}
