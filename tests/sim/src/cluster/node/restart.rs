//! In-place restarts: the call that is answered when the old processes are gone.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::alloc::{Phase, Runner};
use super::process::Exit;
use super::task::Step;
use crate::cluster::state::{Answer, Due, State};
use crate::cluster::tables::{AllocRef, NodeRef};
use crate::cluster::truth::WriteKind;
use crate::cluster::writes::check_id;
use crate::model::{ApiError, EventKind, TaskStateKind};

/// A restart call that has not been answered.
#[derive(Debug)]
pub(crate) struct Call {
    /// Its number in the record of writes.
    write: usize,
    answer: Option<Answer>,
    all: bool,
    targets: Vec<usize>,
    /// Tasks whose process has not exited.
    waits: BTreeSet<usize>,
    /// The group's shutdown delay is still to be waited for.
    delayed: bool,
}

/// Where the answer of a call will arrive.
pub(crate) type Receiver = oneshot::Receiver<Result<(), ApiError>>;

const SHOULD_NOT_RUN: &str = "restart of an alloc that should not run";

impl State {
    /// A restart call reaches the node. `None` is answered at once.
    pub(crate) fn restart(
        &mut self,
        id: &str,
        task: &str,
        all: bool,
    ) -> Result<Option<Receiver>, ApiError> {
        check_id(id)?;
        let kind = WriteKind::Restart {
            task: task.to_owned(),
            all_tasks: all,
        };
        let write = self.record(kind, id, false);
        let unknown = || ApiError::not_found(format!("Unknown allocation {id:?}"));
        let alloc = self.tables.alloc_ids.get(id).copied().ok_or_else(unknown)?;
        self.reach(alloc)?;
        let answer = self.with_runner(alloc, |state, run| {
            if !task.is_empty() && all {
                return Err(ApiError::internal(
                    "task name cannot be set when restarting all tasks",
                ));
            }
            if task.is_empty() {
                state.restart_group(run, write, all)
            } else {
                state.restart_task(run, write, task)
            }
        });
        answer.unwrap_or_else(|| Err(unknown()))
    }

    /// Is the agent of an allocation's node there?
    pub(crate) fn reach(&mut self, alloc: AllocRef) -> Result<(), ApiError> {
        let stored = self.tables.alloc(alloc);
        let node = stored.and_then(|a| self.tables.node_ids.get(&a.node_id).copied());
        let Some(side) = node.and_then(|node| self.nodes.get_mut(node)) else {
            return Ok(());
        };
        if !side.agent_dead {
            return Ok(());
        }
        // The first call after an agent's death still goes out on its connection.
        if side.session_broken {
            return Err(ApiError::not_found("No path to node"));
        }
        side.session_broken = true;
        Err(ApiError::internal("EOF"))
    }

    /// The agent of a node has died: the calls that wait there get no answer.
    pub(crate) fn drop_calls(&mut self, node: NodeRef) {
        for run in self.runners.iter_mut().flatten() {
            if run.node == node {
                run.calls.clear();
                run.delayed_calls.clear();
            }
        }
    }

    /// A restarted agent takes a task that was being restarted for one that has crashed, and the
    /// restart policy decides when it starts again.
    pub(crate) fn recover(&mut self, alloc: AllocRef) {
        self.with_runner(alloc, |state, run| {
            run.gates_closed = false;
            for task in 0..run.tasks.len() {
                if run.tasks[task].restart && run.tasks[task].has_process() {
                    run.tasks[task].restart = false;
                    run.tasks[task].exit = Exit::killed();
                }
            }
            state.mark_dirty(run);
        });
    }

    fn restart_task(
        &mut self,
        run: &mut Runner,
        write: usize,
        name: &str,
    ) -> Result<Option<Receiver>, ApiError> {
        let Some(task) = run.task_index(name) else {
            return Err(ApiError::internal(format!(
                "Could not find task runner for task: {name}"
            )));
        };
        if run.tasks[task].state.state != TaskStateKind::Running {
            return Err(ApiError::internal("Task not running"));
        }
        // A task of a stopping allocation is waited for, but does not start again.
        let reason = "User requested task to restart";
        self.event(run, task, EventKind::RestartSignaled { reason });
        Ok(Some(self.call(run, write, false, vec![task], false)))
    }

    fn restart_group(
        &mut self,
        run: &mut Runner,
        write: usize,
        all: bool,
    ) -> Result<Option<Receiver>, ApiError> {
        if run.stopping || run.phase == Phase::Done || run.status().0.is_terminal() {
            return Err(ApiError::internal(SHOULD_NOT_RUN));
        }
        let targets: Vec<usize> = (0..run.tasks.len())
            .filter(|task| {
                let poststop = run.group().tasks[*task].has_hook("poststop");
                match run.tasks[*task].state.state {
                    TaskStateKind::Running => true,
                    TaskStateKind::Dead => all && !poststop,
                    TaskStateKind::Pending => false,
                }
            })
            .collect();
        if targets.is_empty() {
            self.answered(write, false);
            return Ok(None);
        }
        let reason = if all {
            "User requested all tasks to restart"
        } else {
            "User requested running tasks to restart"
        };
        for task in &targets {
            self.event(run, *task, EventKind::RestartSignaled { reason });
        }
        let delayed = run.group_delay() > 0;
        Ok(Some(self.call(run, write, all, targets, delayed)))
    }

    fn call(
        &mut self,
        run: &mut Runner,
        write: usize,
        all: bool,
        targets: Vec<usize>,
        delayed: bool,
    ) -> Receiver {
        self.answered(write, true);
        if let Some(entry) = self.truth.writes.get_mut(write) {
            entry.done = None;
        }
        let (answer, receiver) = oneshot::channel();
        run.calls.push(Call {
            write,
            answer: Some(answer),
            all,
            targets,
            waits: BTreeSet::new(),
            delayed,
        });
        if delayed {
            run.delayed_calls.push_back(write);
            if run.delayed_calls.len() == 1 {
                self.delay_call(run);
            }
        } else {
            self.execute(run, write);
        }
        receiver
    }

    fn answered(&mut self, write: usize, accepted: bool) {
        let now = self.now;
        if let Some(entry) = self.truth.writes.get_mut(write) {
            entry.accepted = accepted;
            entry.done = Some(now);
        }
    }

    fn delay_call(&mut self, run: &mut Runner) {
        run.token += 1;
        let (alloc, token, delay) = (run.alloc, run.token, run.group_delay());
        self.plan_in(delay, Due::GroupDelay { alloc, token });
    }

    /// The shutdown delay of the call at the head of the queue is over.
    pub(super) fn delayed_call_over(&mut self, run: &mut Runner) {
        if let Some(write) = run.delayed_calls.pop_front() {
            self.execute(run, write);
        }
        if !run.delayed_calls.is_empty() {
            self.delay_call(run);
        }
    }

    /// Kills what a call is about; the processes start again when they are gone.
    fn execute(&mut self, run: &mut Runner, write: usize) {
        let Some(position) = run.calls.iter().position(|call| call.write == write) else {
            return;
        };
        run.calls[position].delayed = false;
        let all = run.calls[position].all;
        let targets = run.calls[position].targets.clone();
        let mut revived = Vec::new();
        for task in targets {
            match run.tasks[task].step {
                Step::Running => {
                    run.tasks[task].restart = true;
                    self.signal(run, task);
                    run.calls[position].waits.insert(task);
                }
                // Calls that meet while a process is dying share its end and the one start after it.
                Step::Dying | Step::ShutdownDelay | Step::Reaping => {
                    run.calls[position].waits.insert(task);
                }
                Step::Dead if all && !run.stopping => revived.push(task),
                Step::Dead | Step::Gate | Step::Setup | Step::Starting | Step::Delay => {}
            }
        }
        if all && !run.stopping {
            run.gates_closed = true;
            for task in revived {
                self.restarting(run, task, "", 0);
                let state = &mut run.tasks[task].state;
                state.failed = false;
                run.enter(task, Step::Gate);
            }
        }
        self.answer_calls(run);
    }

    /// A task has exited for the calls that wait for it.
    pub(super) fn task_gone(&mut self, run: &mut Runner, task: usize) {
        for call in &mut run.calls {
            call.waits.remove(&task);
        }
        self.answer_calls(run);
    }

    fn answer_calls(&mut self, run: &mut Runner) {
        let now = self.now;
        let mut open = Vec::new();
        for mut call in std::mem::take(&mut run.calls) {
            if call.delayed || !call.waits.is_empty() {
                open.push(call);
                continue;
            }
            if let Some(write) = self.truth.writes.get_mut(call.write) {
                write.done = Some(now);
            }
            if let Some(answer) = call.answer.take() {
                // The client may be gone; the restart is carried out all the same.
                let _gone = answer.send(Ok(()));
            }
        }
        run.calls = open;
        if run.gates_closed
            && !run
                .tasks
                .iter()
                .any(|task| task.restart && task.has_process())
        {
            run.gates_closed = false;
            self.open_gates(run);
        }
    }
}
