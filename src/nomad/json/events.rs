//! Task events, folded while they are read: of at most ten a task only what a verdict needs is kept.

use std::fmt;
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::null_as_default;

/// What is kept of a task's (at most ten) events.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct EventDigest {
    /// The newest event.
    pub(crate) last: Option<TaskEvent>,
    /// The time of the newest `Restart Signaled`, nanoseconds on the node's clock.
    pub(crate) restart_signaled: Option<i64>,
    /// The newest event that tells of a failure (`Driver Failure`, `Setup Failure`, an end that nobody had asked for with an exit code
    /// other than 0, …): the cause to name. What came before the newest `Restart Signaled` does not count any more.
    pub(crate) last_failure: Option<TaskEvent>,
    /// Whether somebody has asked for the end of the process that runs: its exit code says nothing then.
    asked: bool,
}

/// One task event.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct TaskEvent {
    #[serde(rename = "Type", deserialize_with = "null_as_default")]
    pub(crate) kind: Arc<str>,
    /// Nanoseconds since the epoch, node clock.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) time: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) display_message: Arc<str>,
    /// `start_delay` of a `Restarting` event, nanoseconds.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) start_delay: i64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) exit_code: i64,
    /// The signal that ended the process, or 0.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) signal: i64,
}

impl EventDigest {
    /// Takes one more event in; Nomad lists them oldest first.
    pub(crate) fn push(&mut self, event: TaskEvent) {
        match &*event.kind {
            "Restart Signaled" => {
                self.restart_signaled = self.restart_signaled.max(Some(event.time));
                self.last_failure = None;
                self.asked = true;
            }
            "Killing" => self.asked = true,
            "Started" | "Restarting" => self.asked = false,
            _ => {}
        }
        if event.tells_of_failure(self.asked, self.last_failure.is_some()) {
            self.last_failure = Some(event.clone());
        }
        self.last = Some(event);
    }
}

impl TaskEvent {
    /// Whether this event names a cause rather than a consequence.
    fn tells_of_failure(&self, asked: bool, cause_known: bool) -> bool {
        match &*self.kind {
            "Alloc Unhealthy"
            | "Disk Resources Exceeded"
            | "Driver Failure"
            | "Failed Artifact Download"
            | "Failed Restoring Task"
            | "Failed Validation"
            | "Plugin became unhealthy"
            | "Setup Failure"
            | "Sibling Task Failed"
            | "Task hook failed" => true,
            "Terminated" => !asked && (self.exit_code != 0 || self.signal != 0),
            // It says what the restart policy made of a failure, which is better than nothing.
            "Not Restarting" => !cause_known,
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for EventDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fold;

        impl<'de> Visitor<'de> for Fold {
            type Value = EventDigest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of task events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut events: A) -> Result<EventDigest, A::Error> {
                let mut digest = EventDigest::default();
                while let Some(event) = events.next_element()? {
                    digest.push(event);
                }
                Ok(digest)
            }
        }

        deserializer.deserialize_seq(Fold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: i64, kind: &str, exit_code: i64) -> TaskEvent {
        TaskEvent {
            kind: kind.into(),
            time,
            exit_code,
            ..TaskEvent::default()
        }
    }

    /// Kind of the last failure after these events.
    fn failure(events: &[(&str, i64)]) -> Option<(String, i64)> {
        let mut digest = EventDigest::default();
        for (time, (kind, exit_code)) in (1..).zip(events) {
            digest.push(event(time, kind, *exit_code));
        }
        digest
            .last_failure
            .map(|event| (event.kind.to_string(), event.time))
    }

    #[test]
    fn the_cause_is_named_and_not_its_consequences() {
        for (events, expected) in [
            (
                &[("Started", 0), ("Terminated", 3), ("Restarting", 0)][..],
                Some(("Terminated", 2)),
            ),
            (
                &[("Started", 0), ("Terminated", 3), ("Not Restarting", 0)],
                Some(("Terminated", 2)),
            ),
            (
                &[("Started", 0), ("Terminated", 0), ("Not Restarting", 0)],
                Some(("Not Restarting", 3)),
            ),
            (
                &[("Driver Failure", 0), ("Not Restarting", 0)],
                Some(("Driver Failure", 1)),
            ),
            (
                &[
                    ("Sibling Task Failed", 0),
                    ("Killing", 0),
                    ("Terminated", 130),
                    ("Killed", 0),
                ],
                Some(("Sibling Task Failed", 1)),
            ),
            (&[("Started", 0), ("Terminated", 0)], None),
            (&[("Task Setup", 0), ("Started", 0)], None),
        ] {
            let expected = expected.map(|(kind, time)| (kind.to_owned(), time));
            assert_eq!(failure(events), expected, "{events:?}");
        }
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure() {
        for events in [
            &[
                ("Started", 0),
                ("Restart Signaled", 0),
                ("Terminated", 137),
                ("Restarting", 0),
                ("Started", 0),
            ][..],
            &[
                ("Restart Signaled", 0),
                ("Template", 0),
                ("Terminated", 130),
            ],
            &[
                ("Killing", 0),
                ("Waiting for shutdown delay", 0),
                ("Terminated", 143),
                ("Killed", 0),
            ],
        ] {
            assert_eq!(failure(events), None, "{events:?}");
        }
        let crashed_again = [
            ("Restart Signaled", 0),
            ("Terminated", 130),
            ("Restarting", 0),
            ("Started", 0),
            ("Terminated", 3),
        ];
        assert_eq!(failure(&crashed_again), Some(("Terminated".to_owned(), 5)));
    }

    #[test]
    fn a_failure_from_before_the_restart_is_forgotten() {
        let events = [
            ("Terminated", 3),
            ("Restarting", 0),
            ("Started", 0),
            ("Restart Signaled", 0),
            ("Terminated", 0),
        ];
        assert_eq!(failure(&events), None);
    }

    #[test]
    fn a_process_killed_by_a_signal_failed() {
        let mut digest = EventDigest::default();
        digest.push(TaskEvent {
            signal: 9,
            ..event(1, "Terminated", 0)
        });
        assert!(digest.last_failure.is_some());
    }

    #[test]
    fn the_newest_restart_signal_counts_whatever_the_order() {
        let mut digest = EventDigest::default();
        for time in [5, 3] {
            digest.push(event(time, "Restart Signaled", 0));
        }
        assert_eq!(digest.restart_signaled, Some(5));
        assert_eq!(digest.last.map(|event| event.time), Some(3));
    }

    #[test]
    fn no_events() {
        for json in ["[]", "[{}]"] {
            let digest: EventDigest = serde_json::from_str(json).unwrap();
            assert_eq!(digest.last_failure, None);
        }
        assert!(serde_json::from_str::<EventDigest>("{}").is_err());
    }
}
