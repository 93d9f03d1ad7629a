use keyfob_imds::{Client, ErrorKind, events::Event};
use serde_json::{Value, json};

use crate::{args::WatchEvent, context::Context, failure::Failure, terminal::printable};

/// Prints each event as a line of JSON. Returns after a spot notice, because the instance is about
/// to stop.
///
/// # Errors
///
/// If there is no metadata service. Temporary failures of the service are only warnings.
pub(super) async fn run(
    context: &Context,
    client: &Client,
    wanted: WatchEvent,
) -> Result<(), Failure> {
    let mut watch = client.watch();
    loop {
        let event = match watch.next().await {
            Ok(event) => event,
            Err(error) if matches!(error.kind(), ErrorKind::Server | ErrorKind::Throttled) => {
                context.console().warn(&printable(&error.to_string()));
                continue;
            }
            Err(error) => return Err(Failure::from_imds(&error, "events")),
        };
        let Some(line) = line(&event, wanted) else {
            continue;
        };
        context.console().write_stdout(format!("{line}\n"))?;
        if matches!(event, Event::Spot(_)) {
            return Ok(());
        }
    }
}

/// Returns the JSON of an event, if it is a wanted one.
fn line(event: &Event, wanted: WatchEvent) -> Option<Value> {
    match (event, wanted) {
        (Event::Spot(notice), WatchEvent::Spot | WatchEvent::All) => Some(json!({
            "event": "spot",
            "action": notice.action.as_str(),
            "time": notice.time.to_string(),
        })),
        (Event::Rebalance(time), WatchEvent::Rebalance | WatchEvent::All) => Some(json!({
            "event": "rebalance",
            "time": time.to_string(),
        })),
        (Event::Scheduled(event), WatchEvent::Scheduled | WatchEvent::All) => Some(json!({
            "event": "scheduled",
            "code": event.code,
            "description": event.description,
            "state": event.state,
            "not_before": event.not_before.map(|time| time.to_string()),
            "not_after": event.not_after.map(|time| time.to_string()),
        })),
        _ => None,
    }
}
