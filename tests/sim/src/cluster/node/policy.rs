//! The restart policy: another start after a while, or none.

use super::alloc::Runner;
use super::task::Step;
use crate::cluster::state::State;
use crate::model::{EventKind, RestartMode, go_duration};

impl State {
    /// A task ended, or did not start, by itself: the restart policy decides.
    pub(super) fn restart_by_policy(&mut self, run: &mut Runner, task: usize) {
        let policy = run.group().tasks[task].restart_policy.clone();
        let entry = &mut run.tasks[task];
        if self.now.nanos() - entry.window.nanos() > policy.interval {
            entry.window = self.now;
            entry.attempts = 0;
        }
        entry.attempts += 1;
        let within = entry.attempts <= policy.attempts;
        let rest = entry.window.plus(policy.interval).nanos() - self.now.nanos();
        if within {
            let delay = policy.delay + self.draw((0, policy.delay / 4));
            self.restarting(run, task, "Restart within policy", delay);
            self.step(run, task, Step::Delay, delay);
        } else if policy.mode == RestartMode::Delay && policy.attempts > 0 {
            let reason = "Exceeded allowed attempts, applying a delay";
            self.restarting(run, task, reason, rest);
            self.step(run, task, Step::Delay, rest);
        } else if policy.attempts == 0 {
            self.give_up(run, task, "Policy allows no restarts".to_owned());
        } else {
            let reason = format!(
                "Exceeded allowed attempts {} in interval {} and mode is \"fail\"",
                policy.attempts,
                go_duration(policy.interval)
            );
            self.give_up(run, task, reason);
        }
    }

    pub(super) fn give_up(&mut self, run: &mut Runner, task: usize, reason: String) {
        self.event(run, task, EventKind::NotRestarting { reason });
        self.die(run, task, true);
    }
}
