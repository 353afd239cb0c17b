//! Health of an allocation as its node judges it: steady for long enough before the deadline.

use super::alloc::Runner;
use super::task::Step;
use crate::cluster::state::{Due, State};
use crate::cluster::tables::AllocRef;
use crate::model::{EventKind, TaskStateKind, Time, go_duration};

/// What the node knows about the health of an allocation.
#[derive(Debug, Default)]
pub(crate) struct Health {
    watching: bool,
    /// Part of a deployment: an unhealthy allocation says so in its tasks' events.
    deployed: bool,
    /// The checks have to be good as well.
    checked: bool,
    min_healthy: i64,
    deadline: i64,
    /// Invalidates timers.
    token: u32,
    /// Once judged, it stays.
    pub(crate) verdict: Option<(bool, Time)>,
}

impl State {
    /// Begins to watch an allocation's health, as the job's `update` block says inside a deployment
    /// and its `migrate` block outside.
    pub(super) fn watch_health(&mut self, run: &mut Runner) {
        let Some(alloc) = self.tables.alloc(run.alloc) else {
            return;
        };
        let group = run.group();
        let deployed = !alloc.deployment_id.is_empty();
        let watched = match run.job.kind.as_str() {
            "service" => true,
            "system" if self.version.deploys_system_jobs() => true,
            _ => return,
        };
        let (mode, min_healthy, deadline) = match (deployed, &group.update, &group.migrate) {
            (true, Some(update), _) => (
                update.health_check.as_str(),
                update.min_healthy_time,
                update.healthy_deadline,
            ),
            (_, _, Some(migrate)) => (
                migrate.health_check.as_str(),
                migrate.min_healthy_time,
                migrate.healthy_deadline,
            ),
            // System jobs have no migrate block: Nomad's defaults.
            _ => ("checks", 10_000_000_000, 300_000_000_000),
        };
        let (checked, watching) = (mode == "checks", watched && mode != "manual");
        let token = run.health.token + 1;
        run.health = Health {
            watching,
            deployed,
            checked,
            min_healthy,
            deadline,
            token,
            verdict: None,
        };
        if watching {
            let alloc = run.alloc;
            self.plan_in(deadline, Due::HealthDeadline { alloc });
            self.check_health(run);
        }
    }

    /// Something changed in an allocation's tasks: is it steady, and since when?
    pub(super) fn check_health(&mut self, run: &mut Runner) {
        if !run.health.watching || run.health.verdict.is_some() {
            return;
        }
        run.health.token += 1;
        let specs = &run.job.groups[run.group].tasks;
        let mut steady = true;
        let mut since = Time(i64::MIN);
        for (spec, task) in specs.iter().zip(&run.tasks) {
            if spec.has_hook("poststop") {
                continue;
            }
            if task.state.failed || (spec.is_main() && task.step == Step::Dead) {
                if run.health.deployed || self.version.judges_failed() {
                    self.judge_health(run, false);
                }
                return;
            }
            let one_shot = !spec.is_main() && !spec.is_sidecar();
            let ended_well = one_shot && task.step == Step::Dead;
            steady &= ended_well || (!one_shot && task.state.state == TaskStateKind::Running);
            since = since.max(task.state.started_at.unwrap_or(since));
        }
        if run.health.checked {
            match run.checks_good_since() {
                Some(good) => since = since.max(good),
                None => steady = false,
            }
        }
        if steady {
            let (alloc, token) = (run.alloc, run.health.token);
            self.plan(
                since.plus(run.health.min_healthy),
                Due::Steady { alloc, token },
            );
        }
    }

    /// An allocation was steady for long enough.
    pub(crate) fn steady(&mut self, alloc: AllocRef, token: u32) {
        self.with_runner(alloc, |state, run| {
            if run.health.token == token && run.health.verdict.is_none() {
                state.judge_health(run, true);
            }
        });
    }

    /// The time for becoming healthy is over.
    pub(crate) fn health_deadline(&mut self, alloc: AllocRef) {
        self.with_runner(alloc, |state, run| {
            if run.health.watching && run.health.verdict.is_none() {
                if run.health.deployed {
                    state.tell_unhealthy(run);
                }
                state.judge_health(run, false);
            }
        });
    }

    fn tell_unhealthy(&mut self, run: &mut Runner) {
        let message = format!(
            "Task not running for min_healthy_time of {} by healthy_deadline of {}",
            go_duration(run.health.min_healthy),
            go_duration(run.health.deadline)
        );
        for task in 0..run.tasks.len() {
            if run.tasks[task].state.state != TaskStateKind::Dead {
                let message = message.clone();
                self.event(run, task, EventKind::AllocUnhealthy { message });
            }
        }
    }

    fn judge_health(&mut self, run: &mut Runner, healthy: bool) {
        run.health.verdict = Some((healthy, self.now));
        self.mark_dirty(run);
    }

    /// An allocation that ends before it was judged was not healthy.
    pub(super) fn health_at_end(&mut self, run: &mut Runner) {
        let judged = self
            .tables
            .alloc(run.alloc)
            .is_none_or(|alloc| alloc.healthy().is_some());
        let version = self.version;
        let watched = match run.job.kind.as_str() {
            "service" => true,
            "system" => version.deploys_system_jobs(),
            _ => false,
        };
        let failed = run.tasks.iter().any(|task| task.state.failed);
        let told = run.health.deployed
            || ((!failed || version.judges_failed()) && (run.begun() || version.judges_unbegun()));
        if watched && told && run.health.verdict.is_none() && !judged {
            self.judge_health(run, false);
        }
    }
}
