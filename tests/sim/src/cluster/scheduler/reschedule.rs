//! Rescheduling of failed allocations: whether, when, and with which history.

use std::collections::BTreeMap;

use super::Outcome;
use crate::cluster::plan::Plan;
use crate::cluster::state::State;
use crate::cluster::tables::{AllocRef, EvalRef};
use crate::model::{
    Allocation, DelayFunction, Job, RescheduleEvent, ReschedulePolicy, RescheduleTracker, Time,
};

impl State {
    /// The history of a rescheduled allocation's successor.
    pub(super) fn next_tracker(&self, reference: AllocRef, job: &Job) -> Option<RescheduleTracker> {
        let alloc = self.tables.alloc(reference)?;
        let policy = job.group(&alloc.group)?.reschedule_policy.as_ref()?;
        let mut events = alloc
            .tracker
            .as_ref()
            .map_or(Vec::new(), |t| t.events.clone());
        let delay = next_delay(policy, &events);
        events.push(RescheduleEvent {
            delay,
            prev_alloc_id: alloc.id.clone(),
            prev_node_id: alloc.node_id.clone(),
            reschedule_time: self.now,
        });
        // Nomad keeps the attempts of the interval, or the last five where there is no limit.
        if policy.unlimited && events.len() > 5 {
            events.drain(..events.len() - 5);
        }
        Some(RescheduleTracker {
            events,
            last_reschedule: "ok",
        })
    }

    /// One delayed evaluation for all allocations that become due at about the same time.
    pub(super) fn follow_up_evals(
        &mut self,
        job: &Job,
        reference: EvalRef,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        let mut later = std::mem::take(&mut outcome.later);
        later.sort_by_key(|(_, due)| *due);
        let mut current: Option<(Time, String)> = None;
        for (alloc, due) in later {
            let joins = current
                .as_ref()
                .is_some_and(|(first, _)| due.nanos() - first.nanos() <= 5_000_000_000);
            if !joins {
                let mut eval = self.new_eval(job, "alloc-reschedule");
                "created for delayed rescheduling".clone_into(&mut eval.status_description);
                eval.job_modify_index = job.modify_index;
                eval.previous_eval
                    .clone_from(&self.tables.evals[reference].id);
                eval.snapshot_index = self.tables.index;
                eval.wait_until = Some(due);
                current = Some((due, eval.id.clone()));
                outcome.follow_ups.push(eval);
            }
            if let Some((_, id)) = &current {
                plan.follow_ups.push((alloc, id.clone()));
            }
        }
    }
}

/// When the policy lets a failed allocation be placed again; `None` if it does not.
pub(crate) fn reschedule_at(alloc: &Allocation, job: &Job) -> Option<Time> {
    let policy = job.group(&alloc.group)?.reschedule_policy.as_ref()?;
    if !policy.enabled() {
        return None;
    }
    let failed_at = failed_at(alloc);
    let history = alloc.tracker.as_ref().map_or(&[][..], |t| &t.events);
    if !policy.unlimited {
        let since = failed_at.plus(-policy.interval);
        let attempted = history
            .iter()
            .filter(|event| event.reschedule_time > since)
            .count();
        if attempted >= usize::try_from(policy.attempts).unwrap_or(usize::MAX) {
            return None;
        }
    }
    Some(failed_at.plus(next_delay(policy, history)))
}

/// When the last task of a failed allocation ended.
fn failed_at(alloc: &Allocation) -> Time {
    alloc
        .task_states
        .iter()
        .flat_map(BTreeMap::values)
        .filter_map(|state| state.finished_at)
        .max()
        .unwrap_or(alloc.modify_time)
}

/// The delay before the next reschedule, in nanoseconds.
fn next_delay(policy: &ReschedulePolicy, history: &[RescheduleEvent]) -> i64 {
    let delay = match policy.delay_function {
        DelayFunction::Constant => return policy.delay,
        DelayFunction::Exponential => history
            .last()
            .map_or(policy.delay, |event| event.delay.saturating_mul(2)),
        DelayFunction::Fibonacci => match history {
            [] | [_] => policy.delay,
            [.., before, last] => before.delay.saturating_add(last.delay),
        },
    };
    if policy.max_delay > 0 {
        delay.min(policy.max_delay)
    } else {
        delay
    }
}
