//! What happens to an instance: Spot interruptions, maintenance, and moves of an Auto Scaling
//! group.

use keyfob_sigv4::Timestamp;

use crate::{error::Error, json::Members};

/// Something that happens to an instance while a program runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This Spot Instance will be interrupted.
    Spot(SpotAction),
    /// EC2 recommended, at this time, to replace this Spot Instance.
    Rebalance(Timestamp),
    /// An event was scheduled for the instance, or a scheduled event has changed.
    Scheduled(MaintenanceEvent),
    /// The Auto Scaling group moves the instance to this state. Being in service from the start is
    /// not an event.
    Lifecycle(LifecycleState),
}

/// The notice that a Spot Instance will be interrupted in about two minutes.
///
/// Source: EC2 User Guide, "Spot Instance interruption notices".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpotAction {
    /// What will happen.
    pub action: Interruption,
    /// When it will happen, approximately. A hibernation begins at once.
    pub time: Timestamp,
}

impl SpotAction {
    /// Parses `spot/instance-action`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not such a document.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::events::{Interruption, SpotAction};
    ///
    /// let notice = SpotAction::parse(br#"{"action": "stop", "time": "2026-01-01T00:02:00Z"}"#)?;
    /// assert_eq!(notice.action, Interruption::Stop);
    /// assert_eq!(notice.time.to_string(), "2026-01-01T00:02:00Z");
    /// # Ok::<(), keyfob_imds::Error>(())
    /// ```
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        let mut members = Members::parse(document, "spot instance action")?;
        Ok(Self {
            action: Interruption::from_text(members.required("action")?),
            time: members.required_parsed("time")?,
        })
    }
}

/// What happens to an interrupted Spot Instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interruption {
    /// It is terminated.
    Terminate,
    /// It is stopped.
    Stop,
    /// It is hibernated.
    Hibernate,
    /// Something else.
    Other(String),
}

impl Interruption {
    fn from_text(text: String) -> Self {
        match text.as_str() {
            "terminate" => Self::Terminate,
            "stop" => Self::Stop,
            "hibernate" => Self::Hibernate,
            _ => Self::Other(text),
        }
    }

    /// Returns the service's word for it, such as `terminate`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Terminate => "terminate",
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
            Self::Other(text) => text,
        }
    }
}

/// Parses `events/recommendations/rebalance` and returns the time of the recommendation.
///
/// # Errors
///
/// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not such a document.
///
/// # Examples
///
/// ```
/// use keyfob_imds::events::parse_rebalance;
///
/// let time = parse_rebalance(br#"{"noticeTime": "2026-01-01T00:00:00Z"}"#)?;
/// assert_eq!(time.to_string(), "2026-01-01T00:00:00Z");
/// # Ok::<(), keyfob_imds::Error>(())
/// ```
pub fn parse_rebalance(document: &[u8]) -> Result<Timestamp, Error> {
    Members::parse(document, "rebalance recommendation")?.required_parsed("noticeTime")
}

/// A scheduled or past event: a reboot, a retirement, work on the host.
///
/// Source: EC2 User Guide, "Scheduled events for your instances".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintenanceEvent {
    /// `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement` or
    /// `instance-stop`.
    pub code: String,
    /// The description. Those of past events begin with `[Completed]` or `[Canceled]`.
    pub description: String,
    /// The id of the event, `instance-event-…`.
    pub event_id: Option<String>,
    /// The earliest start.
    pub not_before: Option<Timestamp>,
    /// The latest end.
    pub not_after: Option<Timestamp>,
    /// The latest start.
    pub not_before_deadline: Option<Timestamp>,
    /// `active`, `completed` or `canceled`.
    pub state: String,
}

impl MaintenanceEvent {
    /// Parses `events/maintenance/scheduled` or `events/maintenance/history`, which is `[]` if
    /// there are no events.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) if it is not a JSON array.
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::events::MaintenanceEvent;
    ///
    /// let events = MaintenanceEvent::parse_list(
    ///     br#"[{"Code": "system-reboot", "NotBefore": "1 Feb 2026 09:00:43 GMT"}]"#,
    /// )?;
    /// assert_eq!(events[0].not_before, Some("2026-02-01T09:00:43Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse_list(document: &[u8]) -> Result<Vec<Self>, Error> {
        let events = Members::parse_list(document, "list of maintenance events")?;
        Ok(events.into_iter().map(Self::from_members).collect())
    }

    fn from_members(mut members: Members) -> Self {
        let mut time = |name| parse_date(&members.text(name)?);
        Self {
            not_before: time("NotBefore"),
            not_after: time("NotAfter"),
            not_before_deadline: time("NotBeforeDeadline"),
            code: members.text("Code").unwrap_or_default(),
            description: members.text("Description").unwrap_or_default(),
            event_id: members.text("EventId"),
            state: members.text("State").unwrap_or_default(),
        }
    }
}

/// The state that an Auto Scaling group moves an instance to, `autoscaling/target-lifecycle-state`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleState {
    /// Out of the group, but running on.
    Detached,
    /// In the group, serving.
    InService,
    /// In the group, not serving.
    Standby,
    /// About to be terminated. This is the moment to finish work.
    Terminated,
    /// Into the warm pool, hibernated.
    WarmedHibernated,
    /// Into the warm pool, running.
    WarmedRunning,
    /// Into the warm pool, stopped.
    WarmedStopped,
    /// Out of the warm pool, to be terminated.
    WarmedTerminated,
    /// Something else.
    Other(String),
}

impl LifecycleState {
    /// Parses the state. Whitespace around it is ignored, and an unknown state is
    /// [`Other`](LifecycleState::Other).
    ///
    /// # Examples
    ///
    /// ```
    /// use keyfob_imds::events::LifecycleState;
    ///
    /// let state = LifecycleState::parse("Warmed:Stopped\n");
    /// assert_eq!(state, LifecycleState::WarmedStopped);
    /// ```
    pub fn parse(text: &str) -> Self {
        match text.trim() {
            "Detached" => Self::Detached,
            "InService" => Self::InService,
            "Standby" => Self::Standby,
            "Terminated" => Self::Terminated,
            "Warmed:Hibernated" => Self::WarmedHibernated,
            "Warmed:Running" => Self::WarmedRunning,
            "Warmed:Stopped" => Self::WarmedStopped,
            "Warmed:Terminated" => Self::WarmedTerminated,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns the service's word for it, such as `InService`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Detached => "Detached",
            Self::InService => "InService",
            Self::Standby => "Standby",
            Self::Terminated => "Terminated",
            Self::WarmedHibernated => "Warmed:Hibernated",
            Self::WarmedRunning => "Warmed:Running",
            Self::WarmedStopped => "Warmed:Stopped",
            Self::WarmedTerminated => "Warmed:Terminated",
            Self::Other(text) => text,
        }
    }
}

/// Parses `1 Feb 2026 09:00:43 GMT`, the format of maintenance events, in which the day has no
/// leading zero, or RFC 3339.
fn parse_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [day, month, year, time, "GMT" | "UTC"] = parts.as_slice() else {
        return text.trim().parse().ok();
    };
    let month = 1 + MONTHS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(month))?;
    format!("{year}-{month:02}-{day:0>2}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_maintenance_date_has_no_leading_zero() {
        let at = |text: &str| parse_date(text).map(|at| at.to_string());
        assert_eq!(
            at("21 Jan 2019 09:00:43 GMT").as_deref(),
            Some("2019-01-21T09:00:43Z")
        );
        assert_eq!(
            at("1 Feb 2026 09:00:00 GMT").as_deref(),
            Some("2026-02-01T09:00:00Z")
        );
        assert_eq!(
            at("2026-02-01T09:00:00Z").as_deref(),
            Some("2026-02-01T09:00:00Z")
        );
        for wrong in [
            "",
            "1 Foo 2026 09:00:00 GMT",
            "32 Jan 2026 09:00:00 GMT",
            "1 Jan 2026 9 GMT",
            "1 Jan 2026 09:00:00",
        ] {
            assert_eq!(at(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_notice_without_its_time_is_an_error_that_names_it() {
        let error = SpotAction::parse(br#"{"action":"stop"}"#).unwrap_err();
        assert!(error.to_string().contains("time"), "{error}");
        let notice =
            SpotAction::parse(br#"{"action":"nap","time":"2026-01-01T00:02:00Z"}"#).unwrap();
        assert_eq!(notice.action.as_str(), "nap");
    }

    #[test]
    fn no_events_is_an_empty_list_and_html_is_an_error() {
        assert_eq!(MaintenanceEvent::parse_list(b"[]").unwrap(), []);
        assert!(MaintenanceEvent::parse_list(b"<html>").is_err());
        assert!(parse_rebalance(b"{}").is_err());
    }

    #[test]
    fn lifecycle_states_survive_the_round_trip() {
        for state in ["InService", "Warmed:Terminated", "Terminated", "Else"] {
            assert_eq!(LifecycleState::parse(state).as_str(), state);
        }
    }
}
