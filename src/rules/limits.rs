//! The longest wait for one allocation, from its write on.
//!
//! | part | in place, running or all tasks | in place, named tasks | reschedule | reschedule without delays |
//! |---|---|---|---|---|
//! | group `shutdown_delay` | yes | no: the node skips it for a single task | yes | no |
//! | longest `kill_timeout` + task `shutdown_delay` | of all tasks | of the named ones | of all tasks | `kill_timeout` only |
//! | `progress_deadline` of the group's `update` block, or 10 minutes | yes | yes | yes | yes |
//! | instead, if health is waited for: `healthy_deadline` of its `migrate` block, or 5 minutes, and the minimum time | yes | yes | yes | yes |

use std::time::Duration;

use super::versions::group;
use crate::nomad::json::{Job, TaskGroup};
use crate::plan::{Action, Tasks, Timeout, WaitFor};

/// For a group whose `update` block says nothing: as Nomad's default for it.
const PROGRESS: Duration = Duration::from_secs(600);
/// The longest `kill_timeout` that a node grants by default, for a job version that the server no longer has.
const KILL: Duration = Duration::from_secs(30);

/// For a group without a `migrate` block: as Nomad's default for it.
const HEALTHY_DEADLINE: Duration = Duration::from_secs(300);
const HEALTHY_TIME: Duration = Duration::from_secs(10);

/// How long health has to hold in an allocation of this group; `None` where it is not waited for.
pub(crate) fn healthy_time(wait: WaitFor, group: Option<&TaskGroup>) -> Option<Duration> {
    match wait {
        WaitFor::Running => None,
        WaitFor::Healthy { steady: Some(time) } => Some(time),
        WaitFor::Healthy { steady: None } => Some(
            group
                .and_then(|group| group.migrate)
                .map_or(HEALTHY_TIME, |it| nanos(it.min_healthy_time)),
        ),
    }
}

/// The limit for an allocation of `group_name` in `job`, its own version; `None` = no limit. Where the version is not known, the
/// limit is 10 m 30 s.
pub(crate) fn limit(
    timeout: Timeout,
    action: &Action,
    wait: WaitFor,
    job: Option<&Job>,
    group_name: &str,
) -> Option<Duration> {
    match timeout {
        Timeout::Never => None,
        Timeout::After(limit) => Some(limit),
        Timeout::FromJob => Some(from_job(action, wait, job, group_name)),
    }
}

fn from_job(action: &Action, wait: WaitFor, job: Option<&Job>, group_name: &str) -> Duration {
    let group = job.and_then(|job| group(job, group_name));
    let starting = starting(wait, group);
    let Some(group) = group else {
        return KILL.saturating_add(starting);
    };
    let (group_delay, task_delay) = match action {
        Action::InPlace(Tasks::Running | Tasks::All) => (true, true),
        Action::InPlace(Tasks::Named(_)) => (false, true),
        Action::Reschedule { no_shutdown_delay } => (!no_shutdown_delay, !no_shutdown_delay),
    };
    let stopping = group
        .tasks
        .iter()
        .filter(|task| match action {
            Action::InPlace(Tasks::Named(names)) => names.contains(&task.name),
            _ => true,
        })
        .map(|task| {
            let delay = if task_delay {
                nanos(task.shutdown_delay)
            } else {
                Duration::ZERO
            };
            nanos(task.kill_timeout).saturating_add(delay)
        })
        .max()
        .unwrap_or_default();
    let delay = if group_delay {
        nanos(group.shutdown_delay)
    } else {
        Duration::ZERO
    };
    delay.saturating_add(stopping).saturating_add(starting)
}

/// How long the start of an allocation may take, until it runs or is healthy.
fn starting(wait: WaitFor, group: Option<&TaskGroup>) -> Duration {
    let set = |deadline: i64| Some(nanos(deadline)).filter(|deadline| !deadline.is_zero());
    match healthy_time(wait, group) {
        None => group
            .and_then(|it| set(it.update?.progress_deadline))
            .unwrap_or(PROGRESS),
        Some(time) => group
            .and_then(|it| set(it.migrate?.healthy_deadline))
            .unwrap_or(HEALTHY_DEADLINE)
            .saturating_add(time),
    }
}

/// A duration of Nomad's, where less than nothing counts as nothing.
pub(super) fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{HEALTHY_TIME, healthy_time, limit};
    use crate::nomad::json::{Job, MigrateBlock};
    use crate::plan::{Action, Tasks, Timeout, WaitFor};
    use crate::rules::samples::{in_place, job, named, reschedule};

    const SECOND: i64 = 1_000_000_000;

    /// Group delay 20 s; `app` 5 s + 3 s, `slow` 30 s + 0 s; progress deadline 5 minutes.
    fn delayed() -> Job {
        let mut job = job(0, &[("web", &[("app", ""), ("slow", "")]), ("other", &[])]);
        let group = &mut job.task_groups[0];
        group.shutdown_delay = 20 * SECOND;
        group.tasks[0].shutdown_delay = 3 * SECOND;
        group.tasks[1].kill_timeout = 30 * SECOND;
        if let Some(update) = &mut group.update {
            update.progress_deadline = 300 * SECOND;
        }
        job
    }

    fn seconds(action: &Action, job: Option<&Job>, group: &str) -> Option<u64> {
        limit(Timeout::FromJob, action, WaitFor::Running, job, group).map(|limit| limit.as_secs())
    }

    #[test]
    fn the_limit_is_what_the_job_takes_at_most() {
        let job = delayed();
        let no_delay = Action::Reschedule {
            no_shutdown_delay: true,
        };
        let table = [
            (in_place(), 20 + 30 + 300),
            (Action::InPlace(Tasks::All), 20 + 30 + 300),
            // The node skips the group's delay for a single task.
            (named(&["app"]), 5 + 3 + 300),
            (named(&["app", "slow"]), 30 + 300),
            (reschedule(), 20 + 30 + 300),
            (no_delay, 30 + 300),
        ];
        for (action, expected) in table {
            assert_eq!(
                seconds(&action, Some(&job), "web"),
                Some(expected),
                "{action:?}"
            );
        }
    }

    #[test]
    fn a_task_delay_counts_with_its_own_kill_timeout() {
        let mut job = delayed();
        job.task_groups[0].tasks[0].shutdown_delay = 40 * SECOND;
        assert_eq!(seconds(&in_place(), Some(&job), "web"), Some(20 + 45 + 300));
    }

    #[test]
    fn what_is_not_known_counts_as_nomads_default() {
        let mut job = delayed();
        job.task_groups[0].update = None;
        assert_eq!(seconds(&in_place(), Some(&job), "web"), Some(20 + 30 + 600));
        job.task_groups[0].update = Some(crate::nomad::json::UpdateBlock::default());
        assert_eq!(seconds(&in_place(), Some(&job), "web"), Some(20 + 30 + 600));
        assert_eq!(seconds(&in_place(), Some(&job), "other"), Some(600));
        assert_eq!(seconds(&in_place(), Some(&job), "gone"), Some(630));
        assert_eq!(seconds(&in_place(), None, "web"), Some(630));
    }

    #[test]
    fn health_is_given_its_own_deadline() {
        let healthy = |steady| WaitFor::Healthy { steady };
        let of = |job: &Job, steady: Option<u64>| {
            let wait = healthy(steady.map(Duration::from_secs));
            let limit = limit(Timeout::FromJob, &reschedule(), wait, Some(job), "web");
            (
                limit.map(|it| it.as_secs()),
                healthy_time(wait, Some(&job.task_groups[0])).map(|it| it.as_secs()),
            )
        };
        let mut job = delayed();
        assert_eq!(of(&job, None), (Some(20 + 30 + 300 + 10), Some(10)));
        assert_eq!(of(&job, Some(7)), (Some(20 + 30 + 300 + 7), Some(7)));
        job.task_groups[0].migrate = Some(MigrateBlock {
            healthy_deadline: 120 * SECOND,
            min_healthy_time: 2 * SECOND,
        });
        assert_eq!(of(&job, None), (Some(20 + 30 + 120 + 2), Some(2)));
        assert_eq!(of(&job, Some(0)), (Some(20 + 30 + 120), Some(0)));
        assert_eq!(healthy_time(WaitFor::Running, None), None);
        assert_eq!(healthy_time(healthy(None), None), Some(HEALTHY_TIME));
        let unknown = limit(Timeout::FromJob, &in_place(), healthy(None), None, "web");
        assert_eq!(unknown, Some(Duration::from_secs(30 + 300 + 10)));
    }

    #[test]
    fn nonsense_neither_overflows_nor_shortens() {
        let mut job = delayed();
        let group = &mut job.task_groups[0];
        group.shutdown_delay = i64::MAX;
        group.tasks[0].kill_timeout = i64::MAX;
        group.tasks[0].shutdown_delay = i64::MAX;
        group.tasks[1].kill_timeout = -5 * SECOND;
        let limit = limit(
            Timeout::FromJob,
            &in_place(),
            WaitFor::Running,
            Some(&job),
            "web",
        );
        assert_eq!(
            limit,
            Some(Duration::from_nanos(i64::MAX as u64) * 3 + Duration::from_secs(300))
        );
        assert_eq!(seconds(&named(&["slow"]), Some(&job), "web"), Some(300));
    }

    #[test]
    fn an_own_limit_or_none_replaces_it() {
        let job = delayed();
        let own = Duration::from_secs(7);
        let get = |timeout| limit(timeout, &in_place(), WaitFor::Running, Some(&job), "web");
        assert_eq!(get(Timeout::After(own)), Some(own));
        assert_eq!(get(Timeout::Never), None);
    }
}
