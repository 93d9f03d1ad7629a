//! Prints which credentials a program started here would use, and why.
//!
//! ```sh
//! cargo run -p keyfob-chain --example why -- [PROFILE]
//! ```
#![allow(clippy::print_stdout, reason = "an example is there to be looked at")]

use keyfob_chain::{Chain, Env, Error, Order, Region, Settings};
use keyfob_sigv4::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let settings = Settings::load(Env::from_process());
    let settings = match std::env::args().nth(1) {
        Some(profile) => settings.with_profile(profile),
        None => settings,
    };
    for problem in settings.profiles().problems() {
        println!("{problem}");
    }
    let now = Timestamp::now();
    let chain = Chain::default_for(Order::Cli, &settings);
    let (resolution, region) = (
        chain.explain(now).await,
        Region::resolve(&settings, None).await?,
    );
    let explanation = resolution.explanation.with_region(region);
    print!(
        "{}",
        explanation.text(now, settings.env().home().as_deref())
    );
    resolution.credentials.map(|_| ())
}
