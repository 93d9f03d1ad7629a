use tracing::Level;
use tracing_subscriber::{
    filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::terminal::queue::Writer;

/// Prints the log events of this process on stderr from now on, for `--debug`.
pub(crate) fn start(color: bool) {
    let lines = fmt::layer()
        .with_writer(|| Writer)
        .with_ansi(color)
        .with_target(false);
    // Only Keyfob's own crates know which of their values are secret.
    let own_crates = Targets::new().with_target("keyfob", Level::DEBUG);
    // This fails if the process already has a subscriber, which then stays.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(own_crates)
        .try_init();
}
