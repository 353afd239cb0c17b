//! The verdict on a restart in place.

use std::time::Duration;

use super::baseline::Stand;
use super::{
    CRASH_LOOP, CallState, Case, Cause, NO_SIGN, NO_SIGN_OF_LOST, Verdict, event_words, task_words,
};
use crate::event::Target;
use crate::nomad::json::{Allocation, ClientStatus, DesiredStatus, RunState, TaskState};
use crate::view::{JobState, JobView};

/// What nodes take at most to report, and the server to show it, with room to spare.
const REPORTED: Duration = Duration::from_secs(3);

pub(super) fn judge(case: &Case<'_>, view: &JobView) -> Verdict {
    let base = case.base;
    let Some(allocation) = view.get(&base.id) else {
        return Verdict::Failed(if *view.job() == JobState::Purged {
            Cause::JobPurged
        } else {
            Cause::Gone
        });
    };
    let tasks = Tasks::of(case, allocation);
    if let Some(cause) = tasks.failed() {
        return Verdict::Failed(cause);
    }
    if let Some(cause) = ended(case, allocation, view) {
        return Verdict::Failed(cause);
    }
    if tasks.all_back() {
        return Verdict::Done { by: None };
    }
    if let Some(cause) = ended_well(allocation) {
        return Verdict::Failed(cause);
    }
    if let Some(cause) = tasks.starts_too_late(case) {
        return Verdict::Failed(cause);
    }
    if tasks.no_sign() {
        match case.call {
            CallState::Accepted(at) if case.now >= at + NO_SIGN => {
                return case.sure_since(at + NO_SIGN, || Cause::NotRestarted);
            }
            CallState::Unknown(at) if case.now >= at + NO_SIGN_OF_LOST => {
                return case.sure_since(at + NO_SIGN_OF_LOST, || Cause::OutcomeUnknown {
                    error: case.lost.to_owned(),
                });
            }
            _ => {}
        }
    }
    Verdict::Pending(tasks.reason(allocation))
}

/// The targeted tasks, before and now.
struct Tasks<'a> {
    tasks: Vec<(&'a str, &'a super::baseline::TaskBase, &'a TaskState, Stand)>,
}

impl<'a> Tasks<'a> {
    fn of(case: &Case<'a>, allocation: &'a Allocation) -> Self {
        let settled = case
            .answered_at()
            .is_some_and(|at| case.now >= at + REPORTED);
        let tasks = case
            .base
            .tasks
            .iter()
            .filter_map(|(name, before)| {
                let now = allocation.task_states.get(name)?;
                Some((&**name, before, now, before.stand(now, settled)))
            })
            .collect();
        Self { tasks }
    }

    fn failed(&self) -> Option<Cause> {
        for (name, before, now, stand) in &self.tasks {
            let event = failure_words(now);
            if *stand == Stand::Failed {
                return Some(Cause::TaskFailed {
                    task: (*name).to_owned(),
                    event,
                });
            }
            let restarts = before.restarts_since(now);
            if restarts >= CRASH_LOOP {
                return Some(Cause::CrashLoop {
                    task: (*name).to_owned(),
                    restarts,
                    event,
                });
            }
        }
        None
    }

    /// Every task that ran is back; one that did not is back too, or was left alone.
    fn all_back(&self) -> bool {
        let back = self
            .tasks
            .iter()
            .filter(|(.., stand)| *stand == Stand::Back)
            .count();
        back > 0
            && self.tasks.iter().all(|(_, before, _, stand)| {
                *stand == Stand::Back || (*stand == Stand::Untouched && !before.ran())
            })
    }

    fn no_sign(&self) -> bool {
        self.tasks
            .iter()
            .all(|(.., stand)| *stand == Stand::Untouched)
    }

    /// Nomad has announced a wait before the next start that ends after the time limit.
    fn starts_too_late(&self, case: &Case<'_>) -> Option<Cause> {
        let deadline = case.want.deadline()?;
        self.tasks.iter().find_map(|(name, _, now, stand)| {
            let event = now
                .events
                .last
                .as_ref()
                .filter(|event| &*event.kind == "Restarting")?;
            let delay = Duration::from_nanos(u64::try_from(event.start_delay).ok()?);
            let too_late = *stand == Stand::Underway
                && now.state == RunState::Pending
                && case.now + delay > deadline;
            too_late.then(|| Cause::StartsTooLate {
                task: (*name).to_owned(),
                delay,
                event: failure_words(now),
            })
        })
    }

    fn reason(&self, allocation: &Allocation) -> String {
        let waited_for = self.tasks.iter().find(|(.., stand)| *stand != Stand::Back);
        match waited_for {
            Some((name, _, now, _)) if allocation.client_status != ClientStatus::Unknown => {
                task_words(name, now)
            }
            _ => format!(
                "allocation is {}",
                crate::cli::quote::quote(allocation.client_status.as_str())
            ),
        }
    }
}

/// The allocation cannot come back: replaced, stopped, failed or lost.
fn ended(case: &Case<'_>, allocation: &Allocation, view: &JobView) -> Option<Cause> {
    if !allocation.next_allocation.is_empty() {
        return Some(Cause::Replaced {
            by: case.shown(&allocation.next_allocation),
        });
    }
    if allocation.desired_status != DesiredStatus::Run {
        return Some(match view.job() {
            JobState::Purged => Cause::JobPurged,
            JobState::Known(job) if job.stop => Cause::JobStopped,
            _ => Cause::Stopped {
                why: allocation.desired_description.to_string(),
            },
        });
    }
    if matches!(
        allocation.client_status,
        ClientStatus::Failed | ClientStatus::Lost
    ) {
        return Some(Cause::Ended {
            status: allocation.client_status.as_str().to_owned(),
            why: allocation_words(allocation),
        });
    }
    None
}

/// All tasks ended well, but not after a restart.
fn ended_well(allocation: &Allocation) -> Option<Cause> {
    (allocation.client_status == ClientStatus::Complete).then(|| Cause::Ended {
        status: "complete".to_owned(),
        why: allocation_words(allocation),
    })
}

/// The event that tells why a task is down, else its last one.
pub(super) fn failure_words(task: &TaskState) -> String {
    let event = task
        .events
        .last_failure
        .as_ref()
        .or(task.events.last.as_ref());
    event.map(event_words).unwrap_or_default()
}

/// Why an allocation ended: the failed task's event, else Nomad's description.
pub(super) fn allocation_words(allocation: &Allocation) -> String {
    let failed = allocation.task_states.iter().find(|(_, task)| {
        task.failed
            && task
                .events
                .last_failure
                .as_ref()
                .is_some_and(|event| &*event.kind != "Sibling Task Failed")
    });
    match failed {
        Some((name, task)) => format!(
            "task {}: {}",
            crate::cli::quote::quote(name),
            failure_words(task)
        ),
        None => allocation.client_description.to_string(),
    }
}

impl Target {
    /// Whether it restarts tasks where they are.
    pub(crate) fn is_in_place(&self) -> bool {
        *self != Self::Reschedule
    }
}
