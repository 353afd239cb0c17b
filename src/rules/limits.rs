//! The longest wait for one allocation, from its write on (design section 6).
//!
//! | part | in place, running or all tasks | in place, named tasks | reschedule | reschedule without delays |
//! |---|---|---|---|---|
//! | group `shutdown_delay` | yes | no: the node skips it for a single task | yes | no |
//! | longest `kill_timeout` + task `shutdown_delay` | of all tasks | of the named ones | of all tasks | `kill_timeout` only |
//! | `progress_deadline` of the group's `update` block, or 10 minutes | yes | yes | yes | yes |

use std::time::Duration;

use super::versions::group;
use crate::nomad::json::Job;
use crate::plan::{Action, Tasks, Timeout};

/// For a group whose `update` block says nothing: as Nomad's default for it.
const PROGRESS: Duration = Duration::from_secs(600);
/// The longest `kill_timeout` that a node grants by default, for a job version that the server no longer has.
const KILL: Duration = Duration::from_secs(30);

/// The limit for an allocation of `group_name` in `job`, its own version; `None` = no limit. Where the version is not known, the
/// limit is 10 m 30 s.
pub(crate) fn limit(
    timeout: Timeout,
    action: &Action,
    job: Option<&Job>,
    group_name: &str,
) -> Option<Duration> {
    match timeout {
        Timeout::Never => None,
        Timeout::After(limit) => Some(limit),
        Timeout::FromJob => Some(from_job(action, job, group_name)),
    }
}

fn from_job(action: &Action, job: Option<&Job>, group_name: &str) -> Duration {
    let Some(group) = job.and_then(|job| group(job, group_name)) else {
        return KILL + PROGRESS;
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
    let starting = group
        .update
        .map(|update| nanos(update.progress_deadline))
        .filter(|deadline| !deadline.is_zero())
        .unwrap_or(PROGRESS);
    let delay = if group_delay {
        nanos(group.shutdown_delay)
    } else {
        Duration::ZERO
    };
    delay.saturating_add(stopping).saturating_add(starting)
}

/// A duration of Nomad's, where less than nothing counts as nothing.
pub(super) fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::limit;
    use crate::nomad::json::Job;
    use crate::plan::{Action, Tasks, Timeout};
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
        limit(Timeout::FromJob, action, job, group).map(|limit| limit.as_secs())
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
    fn nonsense_neither_overflows_nor_shortens() {
        let mut job = delayed();
        let group = &mut job.task_groups[0];
        group.shutdown_delay = i64::MAX;
        group.tasks[0].kill_timeout = i64::MAX;
        group.tasks[0].shutdown_delay = i64::MAX;
        group.tasks[1].kill_timeout = -5 * SECOND;
        let limit = limit(Timeout::FromJob, &in_place(), Some(&job), "web");
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
        let get = |timeout| limit(timeout, &in_place(), Some(&job), "web");
        assert_eq!(get(Timeout::After(own)), Some(own));
        assert_eq!(get(Timeout::Never), None);
    }
}
