//! The verdict on one allocation: what our write has led to, as far as Nomad shows it. The heart of the program, and pure.
//!
//! A write that Nomad answered with 200 says nothing about what runs: a restart is answered when the *old* process has exited, a stop
//! when it was noted down. So a [`Baseline`] is taken before the write, and [`judge`] holds the view against it, again and again: after
//! the call's answer, after each change of the view, and when [`next_check`] says that time alone may change the verdict.
//!
//! # What a wait ends on
//!
//! | in place | verdict |
//! |---|---|
//! | every targeted task runs in an incarnation that began after the restart was signaled | done |
//! | the same, but a task has crashed since (`Restarts` is 2 or more above the baseline) | done once nothing has changed for 10 s |
//! | the same, and health is waited for | done once its Nomad checks pass and nothing has changed for the minimum time |
//! | the same, but a task that may finish (batch, prestart, poststart) has finished without failing | done |
//! | a task is dead and failed; the allocation is failed or lost; it ended otherwise | failed, with the task's last failure |
//! | `Restarts` is 3 or more above the baseline | failed: crash loop |
//! | the next start lies beyond the time limit | failed |
//! | the allocation is being stopped, was replaced, or is gone; the job was stopped or purged | failed, with Nomad's description |
//! | answered 200, and 10 s later (after a fresh read) no sign of a restart | failed: not restarted |
//! | outcome of the call unknown, and 15 s later (after a fresh read) no sign of a restart | failed: outcome unknown, not repeated |
//! | `Driver Failure` and the like while Nomad still tries again; `unknown`; anything else | pending |
//! | the time limit is over (after a fresh read) | failed: timeout |
//!
//! | reschedule: the end of the chain of replacements … | verdict |
//! |---|---|
//! | is a replacement whose main tasks and sidecars all run | done |
//! | is such a replacement, and health is waited for | done when Nomad finds it healthy |
//! | the same where Nomad does not judge (batch, system before 1.11, `manual`) | done once nothing has changed for the minimum time |
//! | is a replacement that Nomad found unhealthy while health is waited for | failed: unhealthy |
//! | is a replacement of a batch job that is complete | done |
//! | is stopped without a replacement, and a blocked evaluation created after our stop could not place its group | failed: placement |
//! | is stopped without a replacement, and the job was stopped, purged or scaled down | failed, with that reason |
//! | is stopped (or gone) without a replacement, and 5 s later (after a fresh list) nothing else is known | failed: not replaced |
//! | failed, and 5 s later (after a fresh read) Nomad has not planned another attempt | failed, with the task's last failure |
//! | failed, with another attempt planned (`FollowupEvalID`) | pending |
//! | is the original, not stopped yet; is a replacement that does not run yet; is `unknown` | pending |
//! | any of them, and the time limit is over (after a fresh read) | failed: timeout |
//!
//! Nothing is judged on stale knowledge: where only silence speaks for a verdict, [`Reason::confirm`] asks for a read first.
//!
//! # Versions
//!
//! `DeploymentStatus` is used for health only: before 1.8 a failed replacement has none. A stopped allocation may end `failed` (batch, 1.10.5):
//! with desired status `stop` that is no failure. A late placement starts a deployment only since 1.11: it is not waited for here.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::versions::Versions;
use crate::event::Target;
use crate::nomad::json::{AllocId, DesiredStatus};
use crate::view::JobView;

mod baseline;
mod brief;
mod cause;
mod health;
mod in_place;
mod reason;
mod relapse;
mod reschedule;
#[cfg(test)]
mod tests;

pub(crate) use baseline::Baseline;
pub(crate) use cause::{Cause, placement_text};
pub(crate) use health::judges;
pub(crate) use reason::{Confirm, Reason, State, short as short_id};
pub(crate) use relapse::relapse;

/// How long after an accepted restart its sign must be visible: nodes report within 1.3 s.
const SIGN_WITHIN: Duration = Duration::from_secs(10);
/// The same for a restart whose outcome is unknown, which may have been carried out later.
const UNKNOWN_WITHIN: Duration = Duration::from_secs(15);
/// How long an allocation at the end of its chain is given to be replaced: a plan and its evaluation take milliseconds.
const SETTLED_AFTER: Duration = Duration::from_secs(5);
/// How long after the time limit a read that tells how things stand is asked for: none may ever come.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(60);
/// How long news of a replacement may come after news of its link: they are of one plan, and read one after the other.
const UNREAD_FOR: Duration = Duration::from_secs(1);
/// How long what could not be placed is given to find a place after all: capacity that has just become free is noticed by then.
const PLACED_LATE: Duration = Duration::from_secs(2);
/// Starts again within policy that make a crash loop, the restart that was asked for included.
const CRASH_LOOP: u64 = 3;
/// Starts again that show a crash after the restart that was asked for.
const SHAKY: u64 = 2;
/// How long a task that has crashed meanwhile has to stay up before it counts: it may be seen between two crashes.
const STEADY: Duration = Duration::from_secs(10);

/// What is known of our own write. A refused one needs no verdict: it is [`Cause::Refused`] at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallState {
    /// Surely not received by any server; it will be sent (again).
    NotSent,
    /// Sent, not answered.
    Open,
    /// Answered 200 at this moment.
    Accepted(Instant),
    /// Ended at this moment without telling whether it was received.
    Unknown(Instant),
}

/// What ends the wait.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    /// Which tasks of a replacement have to run.
    pub(crate) versions: Arc<Versions>,
    /// Health is waited for; where the program itself looks at it, it has to hold for so long.
    pub(crate) healthy: Option<Duration>,
    /// The longest wait, from the first attempt to write on; `None` = no limit.
    pub(crate) limit: Option<Duration>,
    /// When it is over.
    pub(crate) deadline: Option<Instant>,
}

impl Want {
    /// The wait that begins at `begin`. A limit beyond what the clock can tell is none.
    pub(crate) fn new(
        versions: Arc<Versions>,
        healthy: Option<Duration>,
        limit: Option<Duration>,
        begin: Instant,
    ) -> Self {
        Self {
            versions,
            healthy,
            limit,
            deadline: limit.and_then(|limit| begin.checked_add(limit)),
        }
    }
}

/// What has become of one allocation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Pending(Reason),
    /// Restarted in place (`None`), or replaced by this allocation, which runs.
    Done {
        by: Option<AllocId>,
    },
    Failed(Cause),
}

/// Judges by what is known at `now`. Done and failed are final: the caller asks no more.
pub(crate) fn judge(
    base: &Baseline,
    call: CallState,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Verdict {
    let verdict = match base.tasks() {
        _ if call == CallState::NotSent => Verdict::Pending(Reason::of(State::NotSent)),
        Some(tasks) => in_place::judge(base, tasks, call, view, want, now),
        None => reschedule::judge(base, call, view, want, now),
    };
    match (verdict, want.deadline, want.limit) {
        (Verdict::Pending(reason), Some(deadline), Some(limit)) if now >= deadline => {
            match reason
                .confirm
                .clone()
                // Checks are read all the time while they are waited for.
                .filter(|confirm| !matches!(confirm, Confirm::Checks(_)))
                .or_else(|| unconfirmed(base, view, deadline))
            {
                Some(confirm)
                    if reason.state != State::NotSent && now < deadline + CONFIRMED_WITHIN =>
                {
                    Verdict::Pending(Reason::confirm(reason.state, confirm))
                }
                _ => Verdict::Failed(Cause::Timeout {
                    target: base.target.clone(),
                    healthy: want.healthy.is_some(),
                    limit,
                    last: Box::new(reason.state),
                }),
            }
        }
        (verdict, _, _) => verdict,
    }
}

/// What to read before a time limit is called over: what was last heard of the allocation may be from before it.
fn unconfirmed(base: &Baseline, view: &JobView, deadline: Instant) -> Option<Confirm> {
    let end = base.end_of_chain(view);
    if view.confirmed(&end).max(view.listed()) >= Some(deadline) {
        return None;
    }
    let is_to_run = view
        .allocations
        .get(&end)
        .is_some_and(|it| it.desired_status == DesiredStatus::Run);
    // A replacement that nothing links to shows in a list only.
    Some(if base.target == Target::Reschedule && !is_to_run {
        Confirm::List
    } else {
        Confirm::Allocation(end)
    })
}

/// The next moment after `now` at which the verdict may change by time alone.
pub(crate) fn next_check(
    base: &Baseline,
    call: CallState,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Option<Instant> {
    let by_call = match (base.tasks(), call) {
        (_, CallState::NotSent | CallState::Open) | (None, _) => None,
        (Some(_), CallState::Accepted(at)) => at.checked_add(SIGN_WITHIN),
        (Some(_), CallState::Unknown(at)) => at.checked_add(UNKNOWN_WITHIN),
    };
    let chain = match base.tasks() {
        Some(_) => Vec::new(),
        None => base.replacements(view),
    };
    let end = chain.last().unwrap_or(&base.allocation);
    let rest = match base.tasks() {
        Some(_) => None,
        None => view.at_rest_since(end),
    };
    let after_rest = |time| rest.and_then(|since| since.checked_add(time));
    [
        want.deadline,
        by_call,
        after_rest(PLACED_LATE),
        after_rest(SETTLED_AFTER),
        reschedule::read_at(base, &chain, view),
        health::next_check(base, end, view, want),
    ]
    .into_iter()
    .flatten()
    .filter(|at| *at > now)
    .min()
}
