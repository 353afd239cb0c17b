//! Why an allocation is left out, or skipped when its turn comes: a clause for "Skipping allocation "…" because …" and a word for
//! the line of counts.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::cli::quote::quote;
use crate::nomad::json::{AllocId, ClientStatus, DesiredStatus};
use crate::rules::verdict::short_id;

/// Why an allocation is not touched. Displays as the clause that follows "because" (D1: in the right order).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    Replaced {
        by: AllocId,
    },
    NotRunning {
        desired: DesiredStatus,
        client: ClientStatus,
    },
    /// It is to run and has failed; `retried` when Nomad will replace it by itself.
    Failed {
        job: String,
        retried: bool,
    },
    Migrating,
    /// Its node is not connected.
    Disconnected,
    NoTaskRuns {
        client: ClientStatus,
    },
    OtherGroup,
    OtherTask,
    /// The age filter: started (`created`: created) at or after `limit`.
    TooYoung {
        limit: DateTime<Utc>,
        created: bool,
    },
    /// The server no longer has it.
    Gone,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced { by } => write!(f, "it has already been replaced by {}", quote(by)),
            Self::NotRunning { desired, client } => write!(
                f,
                "desired status is {} and client status is {}",
                quote(desired.as_str()),
                quote(client.as_str())
            ),
            Self::Failed { job, retried } => write!(
                f,
                "it has failed and {}; \"nomad job eval -force-reschedule {job}\" replaces it now",
                if *retried {
                    "waits to be rescheduled"
                } else {
                    "is not going to be rescheduled"
                }
            ),
            Self::Migrating => f.write_str("it is already being migrated"),
            Self::Disconnected => f.write_str(
                "its node is disconnected (client status is \"unknown\"); -reschedule can move it",
            ),
            Self::NoTaskRuns { client } => write!(
                f,
                "none of its tasks is running (client status is {})",
                quote(client.as_str())
            ),
            Self::OtherGroup => f.write_str("it doesn't have any of requested groups"),
            Self::OtherTask => f.write_str("it doesn't have any of requested tasks"),
            Self::TooYoung { limit, created } => write!(
                f,
                "it was not {} before {}",
                if *created { "created" } else { "started" },
                limit.to_rfc3339_opts(SecondsFormat::AutoSi, true)
            ),
            Self::Gone => f.write_str("it no longer exists"),
        }
    }
}

impl LeftOut {
    /// The clause, with whole ids if `verbose`.
    pub(crate) fn clause(&self, verbose: bool) -> String {
        match self {
            Self::Replaced { by } => format!(
                "it has already been replaced by {}",
                quote(short_id(by, verbose))
            ),
            other => other.to_string(),
        }
    }

    /// How the line of counts calls it; `None` for what the operator did not ask for. The number is for the order of the line.
    fn counted(&self) -> Option<(u8, String)> {
        Some(match self {
            Self::Replaced { .. } => (0, "already replaced".into()),
            Self::Failed { retried: true, .. } => {
                (1, "failed and waiting to be rescheduled".into())
            }
            Self::Failed { retried: false, .. } => (2, "failed".into()),
            Self::NotRunning { client, .. } if client.is_terminal() => {
                (3, client.as_str().to_owned())
            }
            Self::NotRunning { .. } => (4, "stopping".into()),
            Self::Migrating => (5, "already being migrated".into()),
            Self::Disconnected => (6, "on a disconnected node".into()),
            Self::NoTaskRuns { .. } => (7, "without a running task".into()),
            Self::TooYoung { created: true, .. } => (8, "not created before the given time".into()),
            Self::TooYoung { .. } => (8, "not started before the given time".into()),
            Self::Gone => (9, "gone".into()),
            Self::OtherGroup | Self::OtherTask => return None,
        })
    }
}

/// One line that counts these reasons, such as `Left out: 3 complete, 1 stopping.`, and what helps; empty if there are none.
pub(super) fn counts<'a>(reasons: impl Iterator<Item = &'a LeftOut>) -> String {
    let mut numbers: BTreeMap<(u8, String), usize> = BTreeMap::new();
    let mut failed_in = None;
    for reason in reasons {
        if let Some(counted) = reason.counted() {
            *numbers.entry(counted).or_default() += 1;
        }
        if let LeftOut::Failed { job, .. } = reason {
            failed_in = Some(job);
        }
    }
    if numbers.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = numbers
        .iter()
        .map(|((_, word), number)| format!("{number} {word}"))
        .collect();
    let mut line = format!("Left out: {}.", parts.join(", "));
    if let Some(job) = failed_in {
        line.push_str(" \"nomad job eval -force-reschedule ");
        line.push_str(job);
        line.push_str("\" replaces the failed ones now.");
    }
    line
}
