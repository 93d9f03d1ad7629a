use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{
    client::Client,
    error::Error,
    events::{Event, LifecycleState},
};

/// The default interval. Source: EC2 User Guide, "Spot Instance interruption notices".
const INTERVAL: Duration = Duration::from_secs(5);

/// A watch for events, made by [`Client::watch`].
#[derive(Debug)]
pub struct Watch {
    client: Client,
    interval: Duration,
    next_look: Instant,
    ready: VecDeque<Event>,
    /// All events at the last look.
    known: Vec<Event>,
}

impl Client {
    /// Looks every five seconds for events that were not there before.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "server")] {
    /// use std::time::Duration;
    ///
    /// use keyfob_imds::{Client, events::{Event, Interruption}, server::Imds};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), keyfob_imds::Error> {
    /// let instance = Imds::builder()
    ///     .spot_notice(Duration::ZERO, Interruption::Terminate)
    ///     .start()
    ///     .await?;
    /// let client = Client::builder().endpoint(instance.endpoint()).build()?;
    ///
    /// let mut watch = client.watch();
    /// let Event::Spot(notice) = watch.next().await? else {
    ///     panic!("another event");
    /// };
    /// assert_eq!(notice.action, Interruption::Terminate);
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub fn watch(&self) -> Watch {
        Watch {
            client: self.clone(),
            interval: INTERVAL,
            next_look: Instant::now(),
            ready: VecDeque::new(),
            known: vec![Event::Lifecycle(LifecycleState::InService)],
        }
    }
}

impl Watch {
    /// Sets how long to wait between looks: a millisecond to a day. The default is five seconds.
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(Duration::from_millis(1), Duration::from_secs(86_400));
        self
    }

    /// Waits for the next event. Dropping the future loses no event.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`]. If the error is a temporary one, call it again: the next look is one
    /// interval later.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            sleep_until(self.next_look).await;
            let looked = self.look().await;
            // Also after a failure, so that a caller in a loop does not ask without a pause.
            self.next_look = Instant::now() + self.interval;
            let current = looked?;
            let new = current.iter().filter(|event| !self.known.contains(event));
            self.ready = new.cloned().collect();
            self.known = current;
        }
    }

    /// Returns all events of the moment.
    async fn look(&self) -> Result<Vec<Event>, Error> {
        let mut events = Vec::new();
        events.extend(self.client.spot_action().await?.map(Event::Spot));
        let rebalance = self.client.rebalance_recommendation().await?;
        events.extend(rebalance.map(Event::Rebalance));
        let scheduled = self.client.scheduled_events().await?;
        events.extend(scheduled.into_iter().map(Event::Scheduled));
        let state = self.client.lifecycle_state().await?;
        events.extend(state.map(Event::Lifecycle));
        Ok(events)
    }
}
