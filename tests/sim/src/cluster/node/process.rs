//! Processes: how they behave, how they end, and the record of what they really did.

use std::sync::Arc;

use super::alloc::Runner;
use super::task::Step;
pub(super) use crate::cluster::behaviour::Process;
use crate::cluster::behaviour::{Behaviour, Rule};
use crate::cluster::simulate::rules_of;
use crate::cluster::state::State;
use crate::cluster::truth;
use crate::model::Job;

/// The longest kill timeout that a node grants (`max_kill_timeout`), in nanoseconds.
const MAX_KILL_TIMEOUT: i64 = 30_000_000_000;
const SIGKILL: i32 = 9;

/// How a process ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exit {
    pub(super) code: i32,
    pub(super) signal: i32,
    pub(super) message: String,
}

impl Exit {
    /// By force.
    pub(super) fn killed() -> Self {
        Self {
            code: 128 + SIGKILL,
            signal: SIGKILL,
            message: String::new(),
        }
    }
}

impl Behaviour {
    /// How it ends by itself.
    pub(super) fn own_exit(&self) -> Exit {
        Exit {
            code: self.exit_code.unwrap_or(0),
            signal: self.exit_signal.unwrap_or(0),
            message: self.exit_err_msg.clone().unwrap_or_default(),
        }
    }
}

impl State {
    /// The rules that the specification makes for a task; allocations share them.
    pub(super) fn task_rules(
        &mut self,
        job: &Arc<Job>,
        group: usize,
        task: usize,
    ) -> Arc<Vec<Rule>> {
        let key = (job.create_index, job.version, group, task);
        let shared = self.task_rules.entry(key).or_insert_with(|| {
            let spec = &job.groups[group].tasks[task];
            Arc::new(rules_of(
                &spec.driver,
                spec.config.as_ref(),
                spec.meta.as_ref(),
            ))
        });
        Arc::clone(shared)
    }

    /// How the task's present process behaves.
    pub(super) fn behaviour_of(&self, run: &Runner, task: usize) -> Behaviour {
        let index = self
            .tables
            .alloc(run.alloc)
            .and_then(|alloc| alloc.name_index())
            .unwrap_or(0);
        let process = run.process(task, index, run.tasks[task].starts);
        run.tasks[task]
            .rules
            .iter()
            .chain(&self.rules)
            .filter(|rule| rule.selector.matches(&process))
            .fold(Behaviour::default(), |behaviour, rule| {
                behaviour.overridden_by(&rule.behaviour)
            })
    }

    /// Sends the signal; the process exits when it is ready, or when the kill timeout is over.
    pub(super) fn signal(&mut self, run: &mut Runner, task: usize) {
        let behaviour = self.behaviour_of(run, task);
        let timeout = run.group().tasks[task].kill_timeout.min(MAX_KILL_TIMEOUT);
        let ready = match behaviour.kill_after {
            Some(0) => self.draw((1_000_000, 2_000_000)),
            Some(nanos) => nanos,
            None => {
                let range = self.timing.exit;
                self.draw(range)
            }
        };
        let obeys = behaviour.ignore_signal != Some(true) && ready <= timeout;
        let (delay, exit) = if obeys {
            let code = behaviour.kill_code.unwrap_or(0);
            // A process that a signal ends has the code 128 + signal.
            let signal = if code > 128 { code - 128 } else { 0 };
            (
                ready,
                Exit {
                    code,
                    signal,
                    message: String::new(),
                },
            )
        } else {
            let force = self.draw((1_000_000, 8_000_000));
            (timeout + force, Exit::killed())
        };
        run.tasks[task].exit = exit;
        self.step(run, task, Step::Dying, delay);
    }

    fn record_of<'a>(
        &'a mut self,
        run: &Runner,
        task: usize,
    ) -> Option<&'a mut Vec<truth::Process>> {
        let record = self.truth.allocations.get_mut(&run.id)?;
        let name = run.group().tasks[task].name.clone();
        Some(record.processes.entry(name).or_default())
    }

    pub(super) fn note_started(&mut self, run: &Runner, task: usize) {
        let now = self.now;
        if let Some(processes) = self.record_of(run, task) {
            processes.push(truth::Process {
                started: Some(now),
                ended: None,
                exit_code: 0,
                visible: None,
            });
        }
    }

    pub(super) fn note_failed_start(&mut self, run: &Runner, task: usize) {
        let now = self.now;
        if let Some(processes) = self.record_of(run, task) {
            processes.push(truth::Process {
                started: None,
                ended: Some(now),
                exit_code: 0,
                visible: None,
            });
        }
    }

    pub(super) fn note_exited(&mut self, run: &Runner, task: usize, code: i32) {
        let now = self.now;
        if let Some(process) = self.record_of(run, task).and_then(|list| list.last_mut()) {
            process.ended = Some(now);
            process.exit_code = code;
        }
    }
}
