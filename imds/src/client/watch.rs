use std::{collections::VecDeque, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::Client;
use crate::{
    error::Error,
    events::{Event, LifecycleState},
};

/// How often to look, unless set. Source: EC2 User Guide, "Spot Instance interruption notices".
const INTERVAL: Duration = Duration::from_secs(5);

/// A watch for events, made by [`Client::watch`].
#[derive(Debug)]
pub struct Watch {
    client: Client,
    interval: Duration,
    next_look: Instant,
    ready: VecDeque<Event>,
    /// All events as they were at the last look.
    known: Vec<Event>,
}

impl Client {
    /// Looks every five seconds for events that were not there before.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: keyfob_imds::Client) -> Result<(), keyfob_imds::Error> {
    /// use keyfob_imds::events::Event;
    ///
    /// let mut watch = client.watch();
    /// loop {
    ///     if let Event::Spot(notice) = watch.next().await? {
    ///         println!("{} at {}", notice.action.as_str(), notice.time);
    ///         return Ok(());
    ///     }
    /// }
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
    /// How long to wait between looks; five seconds unless set, a millisecond at least, a day at most.
    pub fn every(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(Duration::from_millis(1), Duration::from_secs(86_400));
        self
    }

    /// Waits for the next event. Dropping the future loses no event.
    ///
    /// # Errors
    ///
    /// As for [`Client::get`]. Go on calling it if the error is one that passes: the next look is an interval later.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            sleep_until(self.next_look).await;
            let looked = self.look().await;
            self.next_look = Instant::now() + self.interval;
            let current = looked?;
            let new = current.iter().filter(|event| !self.known.contains(event));
            self.ready = new.cloned().collect();
            self.known = current;
        }
    }

    /// Everything there is at the moment.
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
