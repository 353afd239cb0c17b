//! Whether what runs again also holds: its checks pass, its tasks go on without a change, for as long as was asked for.
//!
//! Who tells the health of a replacement is Nomad, wherever it does so. In place nobody does: Nomad's own verdict on the allocation stays
//! what it was (recording e01), so the checks themselves are looked at.
//!
//! Time that passes without news is only a sign of health if there could have been news: at its end one more read is asked for.

use std::time::Duration;

use tokio::time::Instant;

use super::in_place::stays;
use super::reason::{Confirm, Reason, State};
use super::{Baseline, Cause, SHAKY, STEADY, Verdict, Want};
use crate::nomad::json::{AllocId, Allocation, CheckStatus, HealthCheck, Provider};
use crate::view::{Check, Checks, JobView, job_type};

/// Whether a task of this allocation, the restarted one or its replacement, has crashed and come back since the write.
fn shaky(base: &Baseline, allocation: &Allocation) -> bool {
    match base.tasks() {
        Some(tasks) => tasks.iter().any(|(name, before)| {
            let state = allocation.task_states.get(name);
            state.is_some_and(|it| it.restarts.saturating_sub(before.restarts) >= SHAKY)
        }),
        None => {
            allocation.id != base.allocation
                && allocation.task_states.values().any(|it| it.restarts > 0)
        }
    }
}

/// Passes a restarted allocation all of whose tasks are as wanted, or says why it does not count yet.
pub(super) fn of_restarted(
    base: &Baseline,
    allocation: &Allocation,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Result<(), Box<Verdict>> {
    let group = want.versions.group_of(allocation);
    let checked =
        want.healthy.is_some() && group.is_none_or(|it| it.has_health_checks(Provider::Nomad));
    let mut good = None;
    if checked && runs(allocation) {
        good = passing(allocation, group.is_some(), view)?;
    }
    held(allocation, good, shaky(base, allocation), view, want, now)
}

/// The same for a replacement.
pub(super) fn of_replacement(
    base: &Baseline,
    allocation: &Allocation,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Result<(), Box<Verdict>> {
    let shaky = shaky(base, allocation);
    if want.healthy.is_none() {
        return held(allocation, None, shaky, view, want, now);
    }
    match healthy(allocation) {
        Some(true) => Ok(()),
        Some(false) => Err(Box::new(Verdict::Failed(unhealthy(allocation, view)))),
        None if is_judged(&base.allocation, allocation, view, want) => Err(Box::new(
            Verdict::Pending(not_judged_yet(allocation, view, want)),
        )),
        None => held(allocation, None, shaky, view, want, now),
    }
}

/// What Nomad has found a replacement to be. It says so for good: one that recovers is not looked at again (recordings e03, c10).
pub(super) fn healthy(allocation: &Allocation) -> Option<bool> {
    allocation.deployment_status.and_then(|it| it.healthy)
}

pub(super) fn unhealthy(allocation: &Allocation, view: &JobView) -> Cause {
    let check = view.checks(&allocation.id).and_then(worst);
    Cause::Unhealthy {
        allocation: allocation.id.clone(),
        check: check.map(State::of_check).map(Box::new),
    }
}

/// Whether Nomad judges the health of this replacement: not of batch jobs, of system jobs since 1.11.0, and not where the job leaves that
/// to somebody else.
fn is_judged(original: &AllocId, allocation: &Allocation, view: &JobView, want: &Want) -> bool {
    let manual = !allocation.deployment_id.is_empty()
        && want
            .versions
            .group_of(allocation)
            .and_then(|group| group.update)
            .is_some_and(|update| update.health_check == HealthCheck::Manual);
    !manual && judges(original, job_type(view, allocation), view)
}

/// Whether the servers have the health of allocations of this type judged. Events do not tell how old a server is; `known` came by a list.
pub(crate) fn judges(known: &AllocId, job_type: &str, view: &JobView) -> bool {
    match job_type {
        "batch" | "sysbatch" => false,
        "system" => view
            .last_known(known)
            .is_some_and(|it| it.desired_transition.knows_disable_placement),
        _ => true,
    }
}

/// Nomad has not judged yet; which check it waits for is worth telling.
fn not_judged_yet(allocation: &Allocation, view: &JobView, want: &Want) -> Reason {
    let checks = view.checks(&allocation.id);
    let state = checks
        .and_then(worst)
        .map_or_else(|| State::not_healthy_yet(allocation), State::of_check);
    let has_checks = want
        .versions
        .group_of(allocation)
        .is_some_and(|group| group.has_health_checks(Provider::Nomad));
    let denied = checks
        .and_then(|it| it.unread.as_ref())
        .is_some_and(|it| it.denied);
    if has_checks && !denied {
        Reason::confirm(state, Confirm::Checks(allocation.id.clone()))
    } else {
        Reason::of(state)
    }
}

/// Since when all checks have passed; `None` where there are none after all. `certain`: it is known that there are some.
fn passing(
    allocation: &Allocation,
    certain: bool,
    view: &JobView,
) -> Result<Option<Instant>, Box<Verdict>> {
    let id = &allocation.id;
    let wait = |state| {
        let confirm = Confirm::Checks(id.clone());
        Err(Box::new(Verdict::Pending(Reason::confirm(state, confirm))))
    };
    let Some(checks) = view.checks(id) else {
        return wait(State::ChecksUnread { error: None });
    };
    match &checks.unread {
        Some(unread) if unread.denied => {
            return Err(Box::new(Verdict::Failed(Cause::ChecksDenied {
                text: unread.error.clone(),
            })));
        }
        Some(unread) => {
            return wait(State::ChecksUnread {
                error: Some(unread.error.clone()),
            });
        }
        None => {}
    }
    if checks.results.is_empty() && certain {
        return wait(State::ChecksUnread { error: None });
    }
    match worst(checks) {
        Some(check) => wait(State::of_check(check)),
        None => Ok(checks.results.values().map(|check| check.since).max()),
    }
}

/// The check to name: one that fails, else one that has no result yet.
fn worst(checks: &Checks) -> Option<&Check> {
    let not_good = || checks.results.values().filter(|check| !check.passes());
    not_good()
        .find(|check| check.counts && check.result.status == CheckStatus::Failure)
        .or_else(|| not_good().next())
}

/// Passes what has gone on for long enough without a change, with all checks passing since `good`.
fn held(
    allocation: &Allocation,
    good: Option<Instant>,
    shaky: bool,
    view: &JobView,
    want: &Want,
    now: Instant,
) -> Result<(), Box<Verdict>> {
    // What has done its work and ended has nothing to hold.
    if !runs(allocation) {
        return Ok(());
    }
    let Some(time) = steady_time(want, shaky) else {
        return Ok(());
    };
    let id = &allocation.id;
    let state = State::Steady {
        allocation: id.clone(),
        healthy: want.healthy.is_some(),
        time,
    };
    let over = over(view.unchanged_since(id).max(good), time, want);
    let reason = match over {
        Some(over) if good.is_some() && view.checks(id).map(|it| it.asked) < Some(over) => {
            Reason::confirm(state, Confirm::Checks(id.clone()))
        }
        Some(over) if now < over => Reason::of(state),
        Some(over) if view.confirmed(id) < Some(over) => {
            Reason::confirm(state, Confirm::Allocation(id.clone()))
        }
        Some(_) => return Ok(()),
        None => Reason::of(state),
    };
    Err(Box::new(Verdict::Pending(reason)))
}

/// When what has been so since `since` has held. Health has to hold for its time; that one that has crashed runs again is true at once,
/// and the time limit is the end of the doubt.
fn over(since: Option<Instant>, time: Duration, want: &Want) -> Option<Instant> {
    let since = since?;
    let over = since.checked_add(time)?;
    match want.deadline {
        Some(deadline) if want.healthy.is_none() => Some(over.min(deadline.max(since))),
        _ => Some(over),
    }
}

/// When [`held`] may change its mind by time alone.
pub(super) fn next_check(
    base: &Baseline,
    end: &AllocId,
    view: &JobView,
    want: &Want,
) -> Option<Instant> {
    let allocation = view.allocations.get(end)?;
    let time = steady_time(want, shaky(base, allocation))?;
    let good = view
        .checks(end)
        .and_then(|it| it.results.values().map(|check| check.since).max());
    over(view.unchanged_since(end).max(good), time, want)
}

fn steady_time(want: &Want, shaky: bool) -> Option<Duration> {
    want.healthy.max(shaky.then_some(STEADY))
}

fn runs(allocation: &Allocation) -> bool {
    allocation.task_states.values().any(stays)
}
