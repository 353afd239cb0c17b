//! How an allocation was before its write: what is seen later is compared with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::event::Target;
use crate::nomad::json::{AllocId, Allocation, RunState, TaskState};
use crate::rules::versions::Versions;

/// An allocation before its write.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) id: AllocId,
    pub(crate) group: Arc<str>,
    /// News of the write has a higher index.
    pub(crate) index: u64,
    /// The targeted tasks.
    pub(crate) tasks: BTreeMap<Arc<str>, TaskBase>,
    /// Whether its job is one whose tasks are meant to end.
    pub(crate) is_batch: bool,
}

/// A targeted task before the write. All times are its node's clock.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskBase {
    started_at: Option<DateTime<Utc>>,
    restarts: u64,
    signaled: Option<i64>,
    /// It ran. One that did not (`-all-tasks`) is run again only while its runner lives.
    ran: bool,
    /// Ending well is as good as running: a batch task, a prestart task.
    may_end: bool,
}

/// Where a targeted task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// As before the write.
    Untouched,
    /// Signalled, or between two processes.
    Underway,
    /// Runs again, or ended well again.
    Back,
    /// Dead and failed.
    Failed,
}

impl Baseline {
    /// Notes how the targeted tasks are.
    pub(crate) fn new(allocation: &Allocation, target: &Target, versions: &Versions) -> Self {
        let job = versions.of(allocation);
        let group = job.and_then(|job| job.group(&allocation.task_group));
        let is_batch = job.map_or(
            &*allocation.job_type == "batch" || &*allocation.job_type == "sysbatch",
            |job| job.is_batch(),
        );
        let tasks = allocation
            .task_states
            .iter()
            .filter(|(name, state)| match target {
                Target::Task(task) => task == &***name,
                Target::RunningTasks => state.state == RunState::Running,
                // What never started (a poststop task) is not started by a restart either.
                Target::AllTasks => state.state == RunState::Running || state.started_at.is_some(),
                Target::Reschedule => false,
            })
            .map(|(name, state)| {
                let lasts = group
                    .and_then(|group| group.task(name))
                    .map(|task| task.lasts());
                let base = TaskBase {
                    started_at: state.started_at,
                    restarts: state.restarts,
                    signaled: state.events.restart_signaled,
                    ran: state.state == RunState::Running,
                    may_end: is_batch || lasts == Some(false),
                };
                (Arc::clone(name), base)
            })
            .collect();
        Self {
            id: Arc::clone(&allocation.id),
            group: Arc::clone(&allocation.task_group),
            index: allocation.modify_index,
            tasks,
            is_batch,
        }
    }
}

impl TaskBase {
    /// Where the task stands now. `settled`: whatever is shown was reported after the write was answered, so that a new start is ours
    /// even where its signal is not among the events any more.
    pub(crate) fn stand(&self, now: &TaskState, settled: bool) -> Stand {
        let signaled = now
            .events
            .restart_signaled
            .filter(|time| self.signaled.is_none_or(|before| *time > before));
        let started = now
            .started_at
            .filter(|time| self.started_at.is_none_or(|before| *time > before));
        let is_ours = match (signaled, started) {
            // A task that crashed and came back right before the signal has a new start too, and is yet to be killed.
            (Some(signaled), Some(started)) => started
                .timestamp_nanos_opt()
                .is_none_or(|started| started >= signaled),
            (None, Some(_)) => settled,
            (_, None) => false,
        };
        match now.state {
            RunState::Dead if now.failed => Stand::Failed,
            RunState::Running if is_ours => Stand::Back,
            RunState::Dead if is_ours && self.may_end => Stand::Back,
            // Not run again, and nothing of the sort is under way.
            RunState::Dead if !self.ran && signaled.is_none() => Stand::Untouched,
            _ if signaled.is_some() || started.is_some() || now.restarts > self.restarts => {
                Stand::Underway
            }
            RunState::Running => Stand::Untouched,
            _ if self.ran => Stand::Underway,
            _ => Stand::Untouched,
        }
    }

    /// How many more restarts the task has seen.
    pub(crate) fn restarts_since(&self, now: &TaskState) -> u64 {
        now.restarts.saturating_sub(self.restarts)
    }

    /// Whether the task has to come back.
    pub(crate) fn ran(&self) -> bool {
        self.ran
    }
}
