//! How things stand in two columns, for the live block: one word, and what happened last.

use super::reason::{State, in_brackets, short};
use crate::nomad::json::AllocId;

/// A [`State`] taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brief {
    /// The allocation that is waited for, where it is known.
    pub(crate) allocation: Option<AllocId>,
    /// One word, Nomad's own where there is one.
    pub(crate) state: String,
    /// What happened last, or what is waited for; may be empty.
    pub(crate) event: String,
}

impl State {
    /// The columns, with short ids.
    pub(crate) fn brief(&self) -> Brief {
        let brief = |allocation: &AllocId, state: &str, event: String| Brief {
            allocation: Some(AllocId::clone(allocation)),
            state: state.to_owned(),
            event,
        };
        match self {
            Self::Task {
                allocation,
                task,
                run,
                event,
                ..
            } => {
                let event = event.as_ref().map_or_else(String::new, ToString::to_string);
                let colon = if event.is_empty() { "" } else { ": " };
                brief(allocation, run.as_str(), format!("{task}{colon}{event}"))
            }
            Self::Placed { allocation, status } => brief(allocation, status, String::new()),
            Self::AwaitsPredecessor {
                allocation,
                predecessor,
                status,
            } => brief(
                allocation,
                status,
                format!("until {} has ended", short(predecessor, false)),
            ),
            Self::Disconnected { allocation } => brief(
                allocation,
                "disconnected",
                "its node is not connected".into(),
            ),
            Self::NoReplacementYet {
                allocation,
                description,
            } => {
                let description = (!description.is_empty()).then_some(description);
                let event = format!("no replacement yet{}", in_brackets(description));
                brief(allocation, "stopped", event)
            }
            Self::Unread { allocation } => {
                brief(allocation, "placed", "nothing is known of it yet".into())
            }
            Self::NextAttempt {
                allocation, event, ..
            } => {
                let event = event.as_ref().map_or_else(String::new, ToString::to_string);
                brief(allocation, "failed", event)
            }
            Self::Steady {
                allocation,
                healthy,
                ..
            } => {
                let state = if *healthy { "healthy" } else { "running" };
                brief(allocation, state, "has to stay so".into())
            }
            Self::NotHealthyYet { allocation, status } => {
                brief(allocation, status, "not healthy yet".into())
            }
            Self::Check { .. } | Self::ChecksUnread { .. } => Brief {
                allocation: None,
                state: "running".into(),
                event: self.to_string(),
            },
            Self::Scheduling => Brief {
                allocation: None,
                state: "stopping".into(),
                event: self.to_string(),
            },
            Self::NotSent | Self::NoSignYet | Self::OutcomeUnknown => Brief {
                allocation: None,
                state: "waiting".into(),
                event: self.to_string(),
            },
        }
    }
}
