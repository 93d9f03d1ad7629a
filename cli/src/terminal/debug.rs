//! `--debug`: what Keyfob does, on stderr. Only events of Keyfob's own crates are shown: other crates do not know what
//! a secret is.

use std::io;

use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// Shows the events of this process from now on.
pub(crate) fn start(colour: bool) {
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(colour)
        .with_target(false);
    let own = Targets::new().with_target("keyfob", Level::DEBUG);
    // A second start is a test's: the first one goes on.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(own)
        .try_init();
}
