//! What was known of an allocation before the write: what comes later is held against it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::event::Target;
use crate::nomad::json::{AllocId, Allocation, ByName, RunState, TaskState};
use crate::rules::versions::{Part, Versions, part};
use crate::view::{JobView, job_type};

/// An allocation before a write. One for each call: with named tasks, one for each of them.
#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    pub(crate) allocation: AllocId,
    pub(crate) group: Arc<str>,
    pub(crate) target: Target,
    /// The highest index known before the write: its consequences have higher ones.
    pub(super) index: u64,
    /// The targeted tasks; empty when rescheduling.
    tasks: ByName<TaskBase>,
    /// The tasks that ran.
    pub(super) ran: Box<[Arc<str>]>,
}

/// A targeted task before the write. Times are the node's clock.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TaskBase {
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) restarts: u64,
    pub(super) last_restart: Option<DateTime<Utc>>,
    /// Nanoseconds.
    pub(super) restart_signaled: Option<i64>,
    pub(super) running: bool,
    /// It may end without failing: its work is done then.
    pub(super) may_finish: bool,
}

impl Baseline {
    /// Takes down the allocation as the view shows it right before the write. `None` if the view does not have it.
    ///
    /// Targeted are: the tasks that run; with `-all-tasks` all that run or ran, which leaves out poststop tasks; or the named one.
    pub(crate) fn take(
        view: &JobView,
        versions: &Versions,
        id: &str,
        target: &Target,
    ) -> Option<Self> {
        let allocation = view.allocations.get(id)?;
        let targeted = |name: &str, state: &TaskState| match target {
            Target::RunningTasks => state.state == RunState::Running,
            // Poststop tasks have not started yet.
            Target::AllTasks => state.started_at.is_some(),
            Target::Task(task) => name == task,
            Target::Reschedule => false,
        };
        let batch = matches!(job_type(view, allocation), "batch" | "sysbatch");
        let tasks = allocation
            .task_states
            .iter()
            .filter(|(name, state)| targeted(name, state))
            .map(|(name, state)| {
                let may_finish = match part_of(versions, allocation, name) {
                    Some(Part::Once | Part::Poststop) => true,
                    Some(Part::Main) => batch,
                    Some(Part::Sidecar) => false,
                    // Nothing tells: one that has finished before may do so again.
                    None => batch || state.state == RunState::Dead && !state.failed,
                };
                (name.clone(), TaskBase::of(state, may_finish))
            })
            .collect();
        Some(Self {
            allocation: allocation.id.clone(),
            group: allocation.task_group.clone(),
            target: target.clone(),
            index: view.index(),
            tasks,
            ran: allocation
                .task_states
                .iter()
                .filter(|(_, state)| state.state == RunState::Running)
                .map(|(name, _)| name.clone())
                .collect(),
        })
    }

    /// The targeted tasks of an in-place restart; `None` when rescheduling.
    pub(super) fn tasks(&self) -> Option<&ByName<TaskBase>> {
        match self.target {
            Target::Reschedule => None,
            Target::RunningTasks | Target::AllTasks | Target::Task(_) => Some(&self.tasks),
        }
    }

    /// The replacements that came after the write, in their order. Only for a reschedule.
    pub(crate) fn replacements(&self, view: &JobView) -> Vec<AllocId> {
        view.successors(&self.allocation, self.index)
    }

    /// The allocation that is waited for: the last replacement, or the original one.
    pub(crate) fn end_of_chain(&self, view: &JobView) -> AllocId {
        match self.target {
            Target::Reschedule => self.replacements(view).pop(),
            Target::RunningTasks | Target::AllTasks | Target::Task(_) => None,
        }
        .unwrap_or_else(|| self.allocation.clone())
    }
}

impl TaskBase {
    fn of(state: &TaskState, may_finish: bool) -> Self {
        Self {
            started_at: state.started_at,
            restarts: state.restarts,
            last_restart: state.last_restart,
            restart_signaled: state.events.restart_signaled,
            running: state.state == RunState::Running,
            may_finish,
        }
    }
}

fn part_of(versions: &Versions, allocation: &Allocation, task: &str) -> Option<Part> {
    versions
        .group_of(allocation)?
        .tasks
        .iter()
        .find(|t| t.name == task)
        .map(part)
}
