//! A task on its node: the steps from its turn to its death, restarts by policy included.

use std::sync::Arc;

use super::alloc::{Phase, Runner};
use super::logs::Logs;
use super::process::Exit;
use crate::cluster::behaviour::{Behaviour, Rule};
use crate::cluster::state::{Due, State};
use crate::cluster::tables::AllocRef;
use crate::model::{EventKind, TaskState, TaskStateKind, Time};

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Waits for its turn in the lifecycle.
    Gate,
    /// Builds its directory.
    Setup,
    /// The driver starts it.
    Starting,
    Running,
    /// Its allocation stops; it keeps running for its shutdown delay.
    ShutdownDelay,
    /// It has got the signal and has not exited.
    Dying,
    /// It has exited; the node has not yet decided what is next.
    Reaping,
    /// Waits for its next start, as the restart policy says.
    Delay,
    Dead,
}

/// A task on its node.
#[derive(Debug)]
pub(crate) struct Task {
    pub(super) state: TaskState,
    pub(super) step: Step,
    /// Invalidates timers of earlier steps.
    pub(super) token: u32,
    /// Processes that the driver was asked to start.
    pub(super) starts: u32,
    pub(super) set_up: bool,
    /// Rules from the specification, general ones first.
    pub(super) rules: Arc<Vec<Rule>>,
    pub(super) behaviour: Behaviour,
    pub(super) exit: Exit,
    /// A restart call wants it to start again when it has exited.
    pub(super) restart: bool,
    /// It must not start again.
    pub(super) kill: bool,
    /// Begin of the restart policy's interval, and the attempts in it.
    pub(super) window: Time,
    pub(super) attempts: u32,
    pub(super) logs: Logs,
}

impl Task {
    pub(super) fn new(rules: Arc<Vec<Rule>>) -> Self {
        Self {
            state: TaskState::default(),
            step: Step::Gate,
            token: 0,
            starts: 0,
            set_up: false,
            rules,
            behaviour: Behaviour::default(),
            exit: Exit::default(),
            restart: false,
            kill: false,
            window: Time(i64::MIN / 2),
            attempts: 0,
            logs: Logs::default(),
        }
    }

    /// Its process runs, or runs out.
    pub(super) fn has_process(&self) -> bool {
        matches!(
            self.step,
            Step::Running | Step::ShutdownDelay | Step::Dying | Step::Reaping
        )
    }
}

impl Runner {
    /// Moves a task to a step that does not end by itself.
    pub(super) fn enter(&mut self, task: usize, step: Step) {
        let entry = &mut self.tasks[task];
        entry.step = step;
        entry.token += 1;
    }
}

impl State {
    /// Moves a task to a step that ends after `delay` nanoseconds.
    pub(super) fn step(&mut self, run: &mut Runner, task: usize, step: Step, delay: i64) {
        run.enter(task, step);
        let (alloc, token) = (run.alloc, run.tasks[task].token);
        self.plan_in(delay, Due::Task { alloc, task, token });
    }

    pub(super) fn event(&mut self, run: &mut Runner, task: usize, kind: EventKind) {
        run.tasks[task].state.push(self.now, kind);
        self.mark_dirty(run);
    }

    /// A task's step is over.
    pub(crate) fn task_due(&mut self, alloc: AllocRef, task: usize, token: u32) {
        self.with_runner(alloc, |state, run| {
            if run.tasks[task].token != token {
                return;
            }
            match run.tasks[task].step {
                Step::Setup => {
                    run.tasks[task].set_up = true;
                    state.event(run, task, EventKind::TaskSetup);
                    state.start(run, task, true);
                }
                Step::Starting => state.started(run, task),
                Step::Running => {
                    let exit = run.tasks[task].behaviour.own_exit();
                    state.exited(run, task, exit);
                }
                Step::ShutdownDelay => state.signal(run, task),
                Step::Dying => {
                    let exit = run.tasks[task].exit.clone();
                    state.exited(run, task, exit);
                }
                Step::Reaping => state.reap(run, task),
                Step::Delay => state.start(run, task, false),
                Step::Gate | Step::Dead => {}
            }
        });
    }

    /// Lets every task begin whose turn in the lifecycle has come.
    pub(super) fn open_gates(&mut self, run: &mut Runner) {
        if run.phase != Phase::Live || run.gates_closed {
            return;
        }
        for task in 0..run.tasks.len() {
            if run.tasks[task].step == Step::Gate && turn_has_come(run, task) {
                if run.tasks[task].set_up {
                    self.start(run, task, false);
                } else {
                    let delay = self.timing.setup;
                    let delay = self.draw(delay);
                    self.step(run, task, Step::Setup, delay);
                }
            }
        }
    }

    /// Asks the driver to start a task.
    pub(super) fn start(&mut self, run: &mut Runner, task: usize, first: bool) {
        run.tasks[task].starts += 1;
        let behaviour = self.behaviour_of(run, task);
        let mock = run.group().tasks[task].driver == "mock_driver";
        let range = match (first, mock) {
            (true, false) => self.timing.first_start,
            (false, false) => self.timing.next_start,
            // The mock driver starts nothing: what takes time is `start_block_for`.
            (true, true) => (10_000_000, 35_000_000),
            (false, true) => (5_000_000, 12_000_000),
        };
        let delay = self.draw(range) + behaviour.start_block_for.unwrap_or(0);
        run.tasks[task].behaviour = behaviour;
        self.step(run, task, Step::Starting, delay);
    }

    /// The driver has started a task, or failed to.
    fn started(&mut self, run: &mut Runner, task: usize) {
        let behaviour = &run.tasks[task].behaviour;
        let error = behaviour.start_error.clone().filter(|e| !e.is_empty());
        let recoverable = behaviour.start_error_recoverable == Some(true);
        let lasts = if behaviour.forever == Some(true) {
            None
        } else {
            behaviour.run_for
        };
        if let Some(error) = error {
            self.note_failed_start(run, task);
            self.event(run, task, EventKind::DriverFailure { error });
            if recoverable {
                self.restart_by_policy(run, task);
            } else {
                self.give_up(run, task, "Error was unrecoverable".to_owned());
            }
            return;
        }
        let state = &mut run.tasks[task].state;
        state.state = TaskStateKind::Running;
        state.started_at = Some(self.now);
        self.event(run, task, EventKind::Started);
        self.note_started(run, task);
        Self::print(run, task);
        match lasts {
            // Even a process that ends at once takes a moment.
            Some(nanos) => {
                let moment = self.draw((1_000_000, 5_000_000));
                self.step(run, task, Step::Running, nanos + moment);
            }
            None => run.enter(task, Step::Running),
        }
        self.open_gates(run);
        self.check_health(run);
    }

    /// A task's process has exited.
    fn exited(&mut self, run: &mut Runner, task: usize, exit: Exit) {
        self.note_exited(run, task, exit.code);
        let event = EventKind::Terminated {
            exit_code: exit.code,
            signal: exit.signal,
            message: exit.message.clone(),
        };
        run.tasks[task].exit = exit;
        self.event(run, task, event);
        let range = if run.tasks[task].kill {
            (500_000, 1_000_000)
        } else {
            self.timing.reap
        };
        let delay = self.draw(range);
        self.step(run, task, Step::Reaping, delay);
    }

    /// The node decides what is next for a task that has exited, and answers the calls that wait.
    fn reap(&mut self, run: &mut Runner, task: usize) {
        let wanted = std::mem::take(&mut run.tasks[task].restart);
        if run.tasks[task].kill {
            self.event(run, task, EventKind::Killed);
            let fails = self.fails_by_stop(run);
            self.die(run, task, fails);
        } else if wanted {
            self.restarting(run, task, "", 0);
            if run.gates_closed {
                run.enter(task, Step::Gate);
            } else {
                self.start(run, task, false);
            }
        } else if run.tasks[task].exit.code == 0 && is_one_shot(run, task) {
            self.die(run, task, false);
        } else {
            self.restart_by_policy(run, task);
        }
        self.task_gone(run, task);
    }

    /// The task goes back to `pending` for another start.
    pub(super) fn restarting(
        &mut self,
        run: &mut Runner,
        task: usize,
        reason: &'static str,
        delay: i64,
    ) {
        run.tasks[task].state.state = TaskStateKind::Pending;
        self.event(run, task, EventKind::Restarting { reason, delay });
        self.check_health(run);
    }

    /// A task is dead; what follows from it comes a millisecond later on a real node, here at once.
    pub(super) fn die(&mut self, run: &mut Runner, task: usize, failed: bool) {
        self.bury(run, task, failed);
        self.check_health(run);
        self.after_death(run);
    }

    /// Marks a task dead.
    pub(super) fn bury(&mut self, run: &mut Runner, task: usize, failed: bool) {
        run.enter(task, Step::Dead);
        let state = &mut run.tasks[task].state;
        state.state = TaskStateKind::Dead;
        state.failed = failed;
        state.finished_at = state.finished_at.or(Some(self.now));
        self.mark_dirty(run);
    }

    /// Ends a task for good. `why` is told first.
    pub(super) fn kill(&mut self, run: &mut Runner, task: usize, why: Option<EventKind>) {
        if run.tasks[task].kill || run.tasks[task].step == Step::Dead {
            return;
        }
        run.tasks[task].kill = true;
        if let Some(why) = why {
            self.event(run, task, why);
        }
        let spec = &run.group().tasks[task];
        let (timeout, delay) = (spec.kill_timeout, spec.shutdown_delay);
        let fails = self.fails_by_stop(run);
        self.event(run, task, EventKind::Killing { timeout, fails });
        match run.tasks[task].step {
            Step::Running if delay > 0 => {
                run.tasks[task].state.state = TaskStateKind::Pending;
                if run.skip_delays {
                    self.event(run, task, EventKind::SkippingShutdownDelay { delay });
                    self.signal(run, task);
                } else {
                    self.event(run, task, EventKind::WaitingForShutdownDelay { delay });
                    self.step(run, task, Step::ShutdownDelay, delay);
                }
            }
            Step::Running => self.signal(run, task),
            // The signal of a restart is out already, or the process is gone.
            Step::Dying | Step::Reaping | Step::ShutdownDelay | Step::Dead => {}
            Step::Gate | Step::Setup | Step::Starting | Step::Delay => {
                self.bury(run, task, false);
                self.task_gone(run, task);
            }
        }
    }
}

impl State {
    /// Does a stop make the tasks of an allocation fail?
    fn fails_by_stop(&self, run: &Runner) -> bool {
        self.version.fails_stopped_batch() && run.job.kind == "batch" && run.stopping
    }
}

/// Does this task end for good when it exits with code 0?
fn is_one_shot(run: &Runner, task: usize) -> bool {
    let spec = &run.group().tasks[task];
    if spec.is_main() {
        matches!(run.job.kind.as_str(), "batch" | "sysbatch")
    } else {
        !spec.is_sidecar()
    }
}

fn turn_has_come(run: &Runner, task: usize) -> bool {
    let specs = &run.group().tasks;
    let spec = &specs[task];
    let all = |wanted: &dyn Fn(usize) -> bool, met: &dyn Fn(&Task) -> bool| {
        (0..specs.len()).all(|other| !wanted(other) || met(&run.tasks[other]))
    };
    let main = |other: usize| specs[other].is_main();
    if spec.has_hook("poststop") {
        return all(&main, &|task| task.step == Step::Dead)
            && run.tasks.iter().any(|task| task.starts > 0);
    }
    if run.stopping || run.winding_down {
        return false;
    }
    if spec.has_hook("prestart") {
        return true;
    }
    if spec.has_hook("poststart") {
        return all(&main, &|task| task.state.state == TaskStateKind::Running);
    }
    let before = |other: usize| specs[other].has_hook("prestart");
    (0..specs.len())
        .filter(|other| before(*other))
        .all(|other| {
            let task = &run.tasks[other];
            if specs[other].is_sidecar() {
                task.state.state == TaskStateKind::Running
            } else {
                task.step == Step::Dead && !task.state.failed
            }
        })
}
