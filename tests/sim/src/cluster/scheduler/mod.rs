//! The scheduler: compares what a job asks for with what there is, and plans the difference.

mod placing;
mod reschedule;
mod rollout;
mod service;
mod system;

pub(crate) use reschedule::reschedule_at;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::plan::{Plan, Stop};
use super::state::State;
use super::tables::{AllocRef, EvalRef, JobRef};
use crate::model::{
    AllocMetric, Allocation, ClientStatus, DeploymentStatusText, DesiredUpdates, Evaluation, Job,
    PlanAnnotations, RescheduleTracker, Time,
};

const NOT_NEEDED: &str = "alloc not needed due to job update";
const MIGRATED: &str = "alloc is being migrated";
const UPDATED: &str = "alloc is being updated due to job update";
const TAINTED: &str = "alloc not needed as node is tainted";
const LOST: &str = "alloc is lost since its node is down";

/// What an evaluation came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// `None` if there is nothing to write.
    pub(crate) plan: Option<Plan>,
    pub(crate) follow_ups: Vec<Evaluation>,
    /// Failed allocations that are placed again later, before they have an evaluation for it.
    later: Vec<(AllocRef, Time)>,
    pub(crate) failed: BTreeMap<String, Arc<AllocMetric>>,
    pub(crate) queued: BTreeMap<String, u32>,
    pub(crate) annotations: PlanAnnotations,
    pub(crate) class_eligibility: BTreeMap<String, bool>,
    pub(crate) escaped: bool,
}

/// What is to become of the allocations of one group.
#[derive(Debug, Default)]
struct Sorted {
    /// Stay, whatever their version.
    keep: Vec<AllocRef>,
    migrate: Vec<AllocRef>,
    lost: Vec<AllocRef>,
    reschedule: Vec<AllocRef>,
    later: Vec<(AllocRef, Time)>,
    stop: Vec<AllocRef>,
    /// Batch: done, and needing no successor.
    complete: Vec<AllocRef>,
    /// There is an allocation of the job's present version.
    had_running: bool,
}

/// A placement that is wanted.
struct Want {
    name: String,
    previous: Option<AllocRef>,
    tracker: Option<RescheduleTracker>,
    avoid: Option<String>,
    /// The old allocation is only stopped if the new one finds a place.
    stops: Option<(AllocRef, &'static str)>,
}

impl State {
    /// Evaluates a job against the state as it is now.
    pub(crate) fn schedule(&mut self, slot: JobRef, reference: EvalRef) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(job) = self.tables.job(slot).cloned() else {
            return outcome;
        };
        if job.is_parent() {
            return outcome;
        }
        let mut plan = Plan::default();
        let mut groups = self.sort_allocations(slot, &job, reference);
        let gone: Vec<String> = groups
            .keys()
            .filter(|name| job.stop || job.group(name).is_none())
            .cloned()
            .collect();
        for name in gone {
            if let Some(sorted) = groups.remove(&name) {
                let all = [
                    sorted.keep,
                    sorted.migrate,
                    sorted.lost,
                    sorted.reschedule,
                    sorted.later.into_iter().map(|(alloc, _)| alloc).collect(),
                ]
                .concat();
                let updates = DesiredUpdates {
                    stop: u32::try_from(all.len()).unwrap_or(u32::MAX),
                    ..DesiredUpdates::default()
                };
                outcome.annotations.desired_tg_updates.insert(name, updates);
                plan.stops.extend(all.into_iter().map(|alloc| Stop {
                    alloc,
                    description: NOT_NEEDED,
                    client: None,
                }));
            }
        }
        // What is to stop and can no longer tell that it has, is lost.
        for alloc in self.stopping_on_down_nodes(slot) {
            plan.stops.push(Stop {
                alloc,
                description: LOST,
                client: Some(ClientStatus::Lost),
            });
        }
        if job.stop {
            for group in job.groups.iter() {
                let updates = &mut outcome.annotations.desired_tg_updates;
                updates.entry(group.name.clone()).or_default();
                outcome.queued.insert(group.name.clone(), 0);
            }
            if self.deploying(slot) {
                plan.deployment_status = Some(DeploymentStatusText::CancelledByStop);
            }
        } else if matches!(job.kind.as_str(), "system" | "sysbatch") {
            self.plan_system(slot, &job, reference, groups, &mut plan, &mut outcome);
        } else {
            self.plan_groups(slot, &job, reference, groups, &mut plan, &mut outcome);
        }
        plan.touch_deployment = job.kind == "system";
        if !plan.is_empty() {
            outcome.plan = Some(plan);
        }
        outcome
    }

    /// Does the latest deployment still run?
    fn deploying(&self, slot: JobRef) -> bool {
        self.tables
            .latest_deployment(slot)
            .is_some_and(|deployment| deployment.is_active())
    }

    fn sort_allocations(&self, slot: JobRef, job: &Job, eval: EvalRef) -> BTreeMap<String, Sorted> {
        let mut groups: BTreeMap<String, Sorted> = BTreeMap::new();
        let known = self.tables.known_nodes();
        for reference in &self.tables.jobs[slot].wanted {
            let Some(alloc) = self.tables.alloc(*reference) else {
                continue;
            };
            if !groups.contains_key(&alloc.group) {
                groups.insert(alloc.group.clone(), Sorted::default());
            }
            let Some(sorted) = groups.get_mut(&alloc.group) else {
                continue;
            };
            sorted.had_running |=
                alloc.job.version == job.version && alloc.job.create_index == job.create_index;
            let (node, _) = self.tables.alloc_places[*reference];
            let node = node.filter(|node| known[*node]);
            let node = node.map(|node| &self.tables.nodes[node]);
            match alloc.client {
                ClientStatus::Complete if matches!(job.kind.as_str(), "batch" | "sysbatch") => {
                    sorted.complete.push(*reference);
                }
                ClientStatus::Complete | ClientStatus::Lost => {}
                ClientStatus::Failed => self.sort_failed(sorted, *reference, alloc, job, eval),
                ClientStatus::Unknown => sorted.keep.push(*reference),
                ClientStatus::Pending | ClientStatus::Running => {
                    if node.is_none_or(|node| matches!(node.status, "down" | "disconnected")) {
                        sorted.lost.push(*reference);
                    } else if alloc.transition.migrate == Some(true) {
                        sorted.migrate.push(*reference);
                    } else {
                        sorted.keep.push(*reference);
                    }
                }
            }
        }
        groups
    }

    /// A failed allocation is rescheduled now, later or never.
    fn sort_failed(
        &self,
        sorted: &mut Sorted,
        reference: AllocRef,
        alloc: &Allocation,
        job: &Job,
        eval: EvalRef,
    ) {
        if alloc.transition.force_reschedule == Some(true) {
            sorted.reschedule.push(reference);
            return;
        }
        match reschedule_at(alloc, job) {
            None => sorted.keep.push(reference),
            Some(due) => {
                let awaited = !alloc.followup_eval.is_empty();
                let its_turn = alloc.followup_eval == self.tables.evals[eval].id;
                if its_turn || due <= self.now {
                    sorted.reschedule.push(reference);
                } else if awaited {
                    sorted.keep.push(reference);
                } else {
                    sorted.later.push((reference, due));
                }
            }
        }
    }
}

pub(super) fn size(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
