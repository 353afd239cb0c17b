//! The longest wait for one allocation (design section 6).

use std::time::Duration;

use crate::event::Target;
use crate::nomad::json::{Job, TaskGroup};
use crate::plan::Timeout;

/// Where a job says nothing: Nomad's own default of `progress_deadline`.
const START: Duration = Duration::from_secs(600);
/// Where the job version of an allocation is not known: enough for the default kill timeout.
const STOP: Duration = Duration::from_secs(30);

/// How long one allocation may take, from its write on; `None` = for ever.
///
/// `job` is the allocation's own version. Restarting a single task does not wait for the group's `shutdown_delay`; a stop with
/// `no_shutdown_delay` waits for none.
pub(crate) fn time_limit(
    timeout: Timeout,
    job: Option<&Job>,
    group: &str,
    target: &Target,
    no_shutdown_delay: bool,
) -> Option<Duration> {
    match timeout {
        Timeout::Never => return None,
        Timeout::After(limit) => return Some(limit),
        Timeout::FromJob => {}
    }
    let Some(group) = job.and_then(|job| job.group(group)) else {
        return Some(STOP + START);
    };
    Some(stop(group, target, no_shutdown_delay).saturating_add(start(group)))
}

fn stop(group: &TaskGroup, target: &Target, no_shutdown_delay: bool) -> Duration {
    let delays = !no_shutdown_delay;
    let of_group = if delays && !matches!(target, Target::Task(_)) {
        nanoseconds(group.shutdown_delay)
    } else {
        Duration::ZERO
    };
    let of_tasks = group
        .tasks
        .iter()
        .filter(|task| !matches!(target, Target::Task(name) if *name != task.name))
        .map(|task| {
            let delay = if delays {
                nanoseconds(task.shutdown_delay)
            } else {
                Duration::ZERO
            };
            nanoseconds(task.kill_timeout).saturating_add(delay)
        })
        .max()
        .unwrap_or_default();
    of_group.saturating_add(of_tasks)
}

fn start(group: &TaskGroup) -> Duration {
    group
        .update
        .map(|update| nanoseconds(update.progress_deadline))
        .filter(|deadline| !deadline.is_zero())
        .unwrap_or(START)
}

fn nanoseconds(value: i64) -> Duration {
    Duration::from_nanos(u64::try_from(value).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nomad::json::{Task, UpdateBlock};

    const SECOND: i64 = 1_000_000_000;

    fn job(progress_deadline: Option<i64>) -> Job {
        let task = |name: &str, kill: i64, delay: i64| Task {
            name: name.into(),
            kill_timeout: kill * SECOND,
            shutdown_delay: delay * SECOND,
            lifecycle: None,
        };
        Job {
            task_groups: vec![TaskGroup {
                name: "web".into(),
                shutdown_delay: 7 * SECOND,
                update: progress_deadline.map(|deadline| UpdateBlock {
                    progress_deadline: deadline * SECOND,
                    ..UpdateBlock::default()
                }),
                tasks: vec![task("main", 5, 20), task("side", 30, 0)],
                ..TaskGroup::default()
            }],
            ..Job::default()
        }
    }

    #[test]
    fn the_limit_is_the_stop_and_the_start_of_the_allocation_s_own_version() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let job = job(Some(100));
        let limit = |target: &Target, no_delay| {
            time_limit(Timeout::FromJob, Some(&job), "web", target, no_delay)
        };
        assert_eq!(limit(&Target::RunningTasks, false), seconds(7 + 30 + 100));
        assert_eq!(limit(&Target::AllTasks, false), seconds(7 + 30 + 100));
        assert_eq!(
            limit(&Target::Task("main".into()), false),
            seconds(25 + 100)
        );
        assert_eq!(
            limit(&Target::Task("side".into()), false),
            seconds(30 + 100)
        );
        assert_eq!(limit(&Target::Reschedule, false), seconds(7 + 30 + 100));
        assert_eq!(limit(&Target::Reschedule, true), seconds(30 + 100));
    }

    #[test]
    fn where_the_job_says_nothing_ten_minutes_are_given_for_the_start() {
        for deadline in [None, Some(0)] {
            let job = job(deadline);
            let limit = time_limit(
                Timeout::FromJob,
                Some(&job),
                "web",
                &Target::RunningTasks,
                false,
            );
            assert_eq!(limit, Some(Duration::from_secs(7 + 30 + 600)));
        }
        let unknown = time_limit(Timeout::FromJob, None, "web", &Target::RunningTasks, false);
        assert_eq!(unknown, Some(Duration::from_secs(630)));
    }

    #[test]
    fn what_was_asked_for_wins() {
        let limit = Duration::from_secs(3);
        assert_eq!(
            time_limit(
                Timeout::After(limit),
                Some(&job(None)),
                "web",
                &Target::AllTasks,
                false
            ),
            Some(limit)
        );
        assert_eq!(
            time_limit(Timeout::Never, None, "web", &Target::AllTasks, false),
            None
        );
    }
}
