//! What happens to an instance: Spot interruptions, maintenance, and Auto Scaling.

use keyfob_sigv4::Timestamp;

use crate::{error::Error, json::Members};

/// What can happen to an instance while a program runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This Spot Instance will be interrupted.
    Spot(SpotAction),
    /// EC2 recommends to replace this Spot Instance, and did so at that time.
    Rebalance(Timestamp),
    /// Something was scheduled for the instance, or what was scheduled has changed.
    Scheduled(MaintenanceEvent),
    /// The Auto Scaling group means the instance to go there. Being in service from the start is no event.
    Lifecycle(LifecycleState),
}

/// The notice that a Spot Instance will be interrupted, about two minutes ahead.
///
/// Source: EC2 User Guide, "Spot Instance interruption notices".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpotAction {
    /// What will happen.
    pub action: Interruption,
    /// When, roughly. A hibernation begins at once.
    pub time: Timestamp,
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

impl SpotAction {
    /// Reads `spot/instance-action`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when it is not such a document.
    pub fn parse(document: &[u8]) -> Result<Self, Error> {
        let what = "spot instance action";
        let mut members = Members::parse(document, what)?;
        let action = members
            .text("action")
            .ok_or_else(|| lacks(what, "action"))?;
        Ok(Self {
            action: Interruption::of(action),
            time: members.parsed("time").ok_or_else(|| lacks(what, "time"))?,
        })
    }
}

impl Interruption {
    fn of(text: String) -> Self {
        match text.as_str() {
            "terminate" => Self::Terminate,
            "stop" => Self::Stop,
            "hibernate" => Self::Hibernate,
            _ => Self::Other(text),
        }
    }

    /// As the service writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Terminate => "terminate",
            Self::Stop => "stop",
            Self::Hibernate => "hibernate",
            Self::Other(text) => text,
        }
    }
}

/// The time of a rebalance recommendation, `events/recommendations/rebalance`.
///
/// # Errors
///
/// [`ErrorKind::Response`](crate::ErrorKind::Response) when it is not such a document.
pub fn parse_rebalance(document: &[u8]) -> Result<Timestamp, Error> {
    let what = "rebalance recommendation";
    let mut members = Members::parse(document, what)?;
    members
        .parsed("noticetime")
        .ok_or_else(|| lacks(what, "noticeTime"))
}

/// A scheduled or past event: a reboot, a retirement, work on the host.
///
/// Source: EC2 User Guide, "Scheduled events for your instances".
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaintenanceEvent {
    /// `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement` or `instance-stop`.
    pub code: String,
    /// What it is about; past ones begin with `[Completed]` or `[Canceled]`.
    pub description: String,
    /// Its id, `instance-event-…`.
    pub event_id: Option<String>,
    /// The earliest begin.
    pub not_before: Option<Timestamp>,
    /// The latest end.
    pub not_after: Option<Timestamp>,
    /// The latest begin.
    pub not_before_deadline: Option<Timestamp>,
    /// `active`, `completed` or `canceled`.
    pub state: String,
}

impl MaintenanceEvent {
    /// Reads `events/maintenance/scheduled` or `events/maintenance/history`; `[]` when there are none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Response`](crate::ErrorKind::Response) when it is not a JSON array.
    ///
    /// # Examples
    ///
    /// ```
    /// # use keyfob_imds::events::MaintenanceEvent;
    /// let events = MaintenanceEvent::parse_list(
    ///     br#"[{"Code": "system-reboot", "NotBefore": "1 Feb 2026 09:00:43 GMT", "State": "active"}]"#,
    /// )?;
    /// assert_eq!(events[0].not_before, Some("2026-02-01T09:00:43Z".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse_list(document: &[u8]) -> Result<Vec<Self>, Error> {
        let events = Members::parse_list(document, "list of maintenance events")?;
        Ok(events.into_iter().map(Self::of).collect())
    }

    fn of(mut members: Members) -> Self {
        let mut moment = |name| parse_date(&members.text(name)?);
        Self {
            not_before: moment("notbefore"),
            not_after: moment("notafter"),
            not_before_deadline: moment("notbeforedeadline"),
            code: members.text("code").unwrap_or_default(),
            description: members.text("description").unwrap_or_default(),
            event_id: members.text("eventid"),
            state: members.text("state").unwrap_or_default(),
        }
    }
}

/// Where an instance of an Auto Scaling group is meant to go, `autoscaling/target-lifecycle-state`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LifecycleState {
    /// Leaving the group, to run on.
    Detached,
    /// Serving.
    InService,
    /// In the group, not serving.
    Standby,
    /// About to be terminated: the moment to finish.
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
    /// Reads the state.
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

    /// As the service writes it.
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

/// `1 Feb 2026 09:00:43 GMT`, the form of maintenance events, in which the day has no leading zero; or RFC 3339.
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

fn lacks(what: &str, member: &str) -> Error {
    Error::bad_response(format!("the {what} has no usable {member}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_dates_have_days_without_a_leading_zero() {
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
