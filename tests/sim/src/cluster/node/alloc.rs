//! An allocation on its node: from the moment its node hears of it to the death of its last task.

use std::collections::VecDeque;
use std::sync::Arc;

use super::checks::Check;
use super::health::Health;
use super::process::Process;
use super::restart::Call;
use super::task::Task;
use crate::cluster::state::{Due, State};
use crate::cluster::tables::{AllocRef, NodeRef};
use crate::model::{ClientStatus, DesiredStatus, EventKind, Job, TaskGroup, TaskStateKind};

/// Where an allocation is in its life on the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Waits for the allocation that it replaces to end.
    Waiting,
    Live,
    /// Every task is dead.
    Done,
}

/// An allocation on its node.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(super) alloc: AllocRef,
    pub(super) node: NodeRef,
    pub(super) id: String,
    pub(super) job: Arc<Job>,
    /// Position of the group in its job.
    pub(super) group: usize,
    pub(super) phase: Phase,
    pub(super) tasks: Vec<Task>,
    /// The servers want it to stop, as far as the node has heard.
    pub(super) stopping: bool,
    /// The stop waits for the group's shutdown delay.
    pub(super) stop_delayed: bool,
    /// Shutdown delays are skipped.
    pub(super) skip_delays: bool,
    /// An all-tasks restart holds every start back until the last process is gone.
    pub(super) gates_closed: bool,
    /// The main tasks have ended, so that sidecars were told to end.
    pub(super) winding_down: bool,
    /// Invalidates timers of group delays.
    pub(super) token: u32,
    /// Restart calls that have not been answered.
    pub(super) calls: Vec<Call>,
    /// Those that wait for the group's shutdown delay, one after the other.
    pub(super) delayed_calls: VecDeque<usize>,
    pub(super) health: Health,
    /// Those of its services; none before it begins, and none once it is to stop.
    pub(super) checks: Vec<Check>,
    /// The last status that the servers have acknowledged.
    pub(super) acked: Option<ClientStatus>,
    pub(super) replacement: bool,
}

impl Runner {
    pub(super) fn group(&self) -> &TaskGroup {
        &self.job.groups[self.group]
    }

    pub(super) fn task_index(&self, name: &str) -> Option<usize> {
        self.group().tasks.iter().position(|task| task.name == name)
    }

    /// Status and description as the node derives them from its tasks.
    pub(crate) fn status(&self) -> (ClientStatus, &'static str) {
        let any = |state: TaskStateKind| self.tasks.iter().any(|task| task.state.state == state);
        if self.tasks.iter().any(|task| task.state.failed) {
            (ClientStatus::Failed, "Failed tasks")
        } else if any(TaskStateKind::Running) {
            (ClientStatus::Running, "Tasks are running")
        } else if any(TaskStateKind::Pending) {
            (ClientStatus::Pending, "No tasks have started")
        } else {
            (ClientStatus::Complete, "All tasks have completed")
        }
    }

    /// The group's shutdown delay, unless delays are skipped.
    pub(super) fn group_delay(&self) -> i64 {
        if self.skip_delays {
            0
        } else {
            self.group().shutdown_delay.unwrap_or(0)
        }
    }
}

impl State {
    /// The node hears what the servers now want of one allocation.
    pub(super) fn hear(&mut self, node: NodeRef, alloc: AllocRef) {
        let Some(stored) = self.tables.alloc(alloc).cloned() else {
            return;
        };
        if self.runners.len() <= alloc {
            self.runners.resize_with(alloc + 1, || None);
        }
        if self.runners[alloc].is_none() {
            // A lost allocation that its node never saw is still to be ended there.
            if stored.client.is_terminal() && stored.client != ClientStatus::Lost {
                return;
            }
            self.receive(node, alloc);
        }
        let now = self.now;
        self.with_runner(alloc, |state, run| {
            if stored.job.version != run.job.version {
                run.job = Arc::clone(&stored.job);
                if run.phase == Phase::Live && stored.health.is_none() {
                    state.watch_health(run);
                }
            }
            if stored.desired != DesiredStatus::Run {
                if stored.transition.no_shutdown_delay == Some(true) {
                    state.skip_delays(run);
                }
                state.stop_runner(run, now);
            } else if stored.transition.no_shutdown_delay == Some(true) {
                run.skip_delays = true;
            }
        });
    }

    /// A new allocation arrives on its node.
    fn receive(&mut self, node: NodeRef, alloc: AllocRef) {
        let Some(stored) = self.tables.alloc(alloc).cloned() else {
            return;
        };
        let Some(group) = stored
            .job
            .groups
            .iter()
            .position(|g| g.name == stored.group)
        else {
            return;
        };
        let mut tasks: Vec<Task> = Vec::new();
        for number in 0..stored.job.groups[group].tasks.len() {
            let rules = self.task_rules(&stored.job, group, number);
            let mut task = Task::new(rules);
            task.state.push(self.now, EventKind::Received);
            tasks.push(task);
        }
        let waits = self.predecessor_runs(alloc);
        let run = Runner {
            alloc,
            node,
            id: stored.id.clone(),
            job: Arc::clone(&stored.job),
            group,
            phase: Phase::Waiting,
            tasks,
            stopping: false,
            stop_delayed: false,
            skip_delays: false,
            gates_closed: false,
            winding_down: false,
            token: 0,
            calls: Vec::new(),
            delayed_calls: VecDeque::new(),
            health: Health::default(),
            checks: Vec::new(),
            acked: None,
            replacement: self.tables.replaces[alloc].is_some(),
        };
        self.runners[alloc] = Some(Box::new(run));
        if !waits {
            self.plan_in(0, Due::Begin { alloc });
        }
    }

    /// Does the allocation that this one replaces still run, as far as this one's node can tell?
    fn predecessor_runs(&self, alloc: AllocRef) -> bool {
        let Some(stored) = self.tables.alloc(alloc) else {
            return false;
        };
        let Some(previous) = self.tables.alloc_ids.get(&stored.previous).copied() else {
            return false;
        };
        let Some(old) = self.tables.alloc(previous) else {
            return false;
        };
        if old.node_id == stored.node_id {
            let runner = self.runners.get(previous).and_then(Option::as_ref);
            runner.is_some_and(|run| run.phase != Phase::Done)
        } else {
            !old.client.is_terminal() && old.client != ClientStatus::Unknown
        }
    }

    /// An allocation of a node begins: its predecessor has ended.
    pub(crate) fn begin(&mut self, alloc: AllocRef) {
        self.with_runner(alloc, |state, run| {
            if run.phase != Phase::Waiting {
                return;
            }
            run.phase = Phase::Live;
            if run.stopping {
                // It never ran: its tasks end without a process.
                for task in 0..run.tasks.len() {
                    state.bury(run, task, false);
                }
                state.after_death(run);
                return;
            }
            state.begin_checks(run);
            state.watch_health(run);
            state.open_gates(run);
        });
    }

    /// Successors that wait for an allocation of this node may begin; `local` are those on its own
    /// node, the others wait for the servers to hear of the end.
    pub(crate) fn wake_successors(&mut self, alloc: AllocRef, local: bool) {
        let Some(old) = self.tables.alloc(alloc) else {
            return;
        };
        let Some(next) = self.tables.alloc_ids.get(&old.next).copied() else {
            return;
        };
        let same = self
            .tables
            .alloc(next)
            .is_some_and(|new| new.node_id == old.node_id);
        if same == local {
            let delay = self.timing.setup;
            let delay = self.draw(delay);
            self.plan_in(delay, Due::Begin { alloc: next });
        }
    }
}

impl Runner {
    /// Did any process of it ever start?
    pub(super) fn begun(&self) -> bool {
        self.tasks.iter().any(|task| task.starts > 0)
    }

    /// The process that a behaviour rule is held against.
    pub(super) fn process(&self, task: usize, index: u32, start: u32) -> Process<'_> {
        Process {
            job: &self.job.id,
            group: &self.group().name,
            task: &self.group().tasks[task].name,
            allocation: &self.id,
            index,
            start,
            replacement: self.replacement,
        }
    }
}
