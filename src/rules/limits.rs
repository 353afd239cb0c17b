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
fn nanos(nanos: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}
