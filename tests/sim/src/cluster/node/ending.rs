//! How an allocation ends on its node: a stop with its delays, the death of a task and what follows
//! from it, a purge.

use super::alloc::{Phase, Runner};
use super::task::{Step, Task};
use crate::cluster::state::{Due, State};
use crate::cluster::tables::AllocRef;
use crate::model::{EventKind, Time};

impl State {
    /// The node has heard that an allocation is to stop.
    pub(super) fn stop_runner(&mut self, run: &mut Runner, now: Time) {
        if run.stopping {
            return;
        }
        run.stopping = true;
        run.checks.clear();
        match run.phase {
            Phase::Done => {}
            Phase::Waiting => {
                let killing: Vec<i64> = run.group().tasks.iter().map(|t| t.kill_timeout).collect();
                for (task, timeout) in run.tasks.iter_mut().zip(killing) {
                    let fails = false;
                    task.state.push(now, EventKind::Killing { timeout, fails });
                }
                self.mark_dirty(run);
            }
            Phase::Live => {
                let delay = run.group_delay();
                if delay > 0 {
                    run.stop_delayed = true;
                    run.token += 1;
                    let (alloc, token) = (run.alloc, run.token);
                    self.plan_in(delay, Due::GroupDelay { alloc, token });
                } else {
                    self.kill_all(run);
                }
            }
        }
    }

    /// Ends the shutdown delays that an allocation waits for.
    pub(super) fn skip_delays(&mut self, run: &mut Runner) {
        if run.skip_delays {
            return;
        }
        run.skip_delays = true;
        if run.stop_delayed {
            run.stop_delayed = false;
            run.token += 1;
            self.kill_all_after_skip(run);
        }
        for task in 0..run.tasks.len() {
            if run.tasks[task].step == Step::ShutdownDelay {
                self.signal(run, task);
            }
        }
    }

    /// A group's shutdown delay is over: of a stop or of a restart call.
    pub(crate) fn group_delay_over(&mut self, alloc: AllocRef, token: u32) {
        self.with_runner(alloc, |state, run| {
            if run.token != token {
                return;
            }
            if run.stop_delayed {
                run.stop_delayed = false;
                state.kill_all(run);
            } else {
                state.delayed_call_over(run);
            }
        });
    }

    /// Kills the tasks of an allocation: the leader first, if there is one.
    pub(super) fn kill_all(&mut self, run: &mut Runner) {
        let leader = run.group().tasks.iter().position(|task| task.leader);
        if let Some(leader) = leader
            && run.tasks[leader].step != Step::Dead
        {
            self.kill(run, leader, None);
        } else {
            self.kill_rest(run, None);
        }
        self.after_death(run);
    }

    /// The delay of the group is cut short; the task's own delay still shows, but is not waited for.
    fn kill_all_after_skip(&mut self, run: &mut Runner) {
        run.skip_delays = false;
        self.kill_all(run);
        run.skip_delays = true;
    }

    /// Kills every task that is not dead, but those that run after the others.
    pub(super) fn kill_rest(&mut self, run: &mut Runner, why: Option<&EventKind>) {
        for task in 0..run.tasks.len() {
            let spec = &run.group().tasks[task];
            if !spec.has_hook("poststop") && run.tasks[task].step != Step::Dead {
                self.kill(run, task, why.cloned());
            }
        }
    }

    /// What follows from the death of a task: others are ended, a poststop task begins, or all is
    /// over.
    pub(super) fn after_death(&mut self, run: &mut Runner) {
        if run.phase != Phase::Live {
            return;
        }
        let specs = &run.job.groups[run.group].tasks;
        let dead = |task: usize| run.tasks[task].step == Step::Dead;
        let failed = run.tasks.iter().position(|task| task.state.failed);
        let leader = specs.iter().position(|task| task.leader);
        let main_dead = specs
            .iter()
            .enumerate()
            .filter(|(_, spec)| spec.is_main())
            .all(|(task, _)| dead(task));
        let failed_name = failed.map(|task| specs[task].name.clone());
        if !run.winding_down {
            let why = if let Some(sibling) = failed_name {
                Some(EventKind::SiblingFailed { sibling })
            } else if leader.is_some_and(dead) {
                Some(EventKind::LeaderDead)
            } else if main_dead {
                Some(EventKind::MainTasksDead)
            } else {
                None
            };
            if why.is_some() {
                run.winding_down = true;
                let why = why.filter(|_| !run.stopping);
                self.kill_rest(run, why.as_ref());
            }
        }
        self.open_gates(run);
        let over = |spec: &crate::model::Task, task: &Task| {
            task.step == Step::Dead
                // A poststop task that never got its turn does not keep an allocation alive.
                || (spec.has_hook("poststop") && task.step == Step::Gate && !run.begun())
        };
        let specs = &run.job.groups[run.group].tasks;
        if specs
            .iter()
            .zip(&run.tasks)
            .all(|(spec, task)| over(spec, task))
        {
            self.finish(run);
        }
    }

    fn finish(&mut self, run: &mut Runner) {
        for task in 0..run.tasks.len() {
            if run.tasks[task].step != Step::Dead {
                self.bury(run, task, false);
            }
        }
        run.phase = Phase::Done;
        run.checks.clear();
        self.health_at_end(run);
        self.mark_dirty(run);
        self.wake_successors(run.alloc, true);
    }

    /// The job of an allocation was purged: its node ends it without reporting.
    pub(crate) fn purged(&mut self, alloc: AllocRef) {
        let now = self.now;
        self.with_runner(alloc, |state, run| {
            let node = run.node;
            state.nodes[node].dirty.remove(&alloc);
            state.stop_runner(run, now);
        });
    }
}
