//! Placing what is wanted, and saying what could not be placed.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Outcome, Want};
use crate::cluster::placement::{Failure, Placer, exhausted};
use crate::cluster::plan::{Place, Plan, Stop};
use crate::cluster::state::State;
use crate::cluster::tables::{AllocRef, JobRef};
use crate::model::Job;

impl State {
    pub(super) fn place_all(
        &mut self,
        slot: JobRef,
        job: &Arc<Job>,
        wants: Vec<(usize, Vec<Want>)>,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        if wants.iter().all(|(_, wants)| wants.is_empty()) {
            let groups = job.groups.iter().map(|group| (group.name.clone(), 0));
            outcome.queued.extend(groups);
            return;
        }
        let stopped: BTreeSet<AllocRef> = plan.stops.iter().map(|stop| stop.alloc).collect();
        let mut placer = Placer::new(&self.tables, job);
        let known = self.tables.known_nodes();
        for reference in &self.tables.jobs[slot].wanted {
            let Some(alloc) = self.tables.alloc(*reference) else {
                continue;
            };
            let Some(group) = job.group(&alloc.group) else {
                continue;
            };
            let (node, _) = self.tables.alloc_places[*reference];
            let Some(node) = node.filter(|node| known[*node]) else {
                continue;
            };
            if alloc.client.is_terminal() {
                continue;
            }
            if stopped.contains(reference) {
                placer.frees(alloc.spec().unwrap_or(group), node);
            } else {
                placer.keeps(&group.name, node);
            }
        }
        let rng = &mut self.rng;
        for (number, wants) in wants {
            let group = &job.groups[number];
            if wants.is_empty() {
                continue;
            }
            let mut failure: Option<Box<Failure>> = None;
            let mut failures = 0;
            for want in wants {
                // One failure speaks for the whole group.
                if let Some(failure) = &mut failure {
                    failures += 1;
                    failure.metric.coalesced_failures += 1;
                    if let Some(dimensions) = failure.metric.dimension_exhausted.clone() {
                        for dimension in dimensions.keys() {
                            exhausted(&mut failure.metric, group, dimension);
                        }
                    }
                    continue;
                }
                match placer.place(group, want.avoid.as_deref(), rng) {
                    Ok((node, metric)) => {
                        if let Some((alloc, description)) = want.stops {
                            plan.stops.push(Stop {
                                alloc,
                                description,
                                client: None,
                            });
                        }
                        plan.places.push(Place {
                            job: Arc::clone(job),
                            group: group.name.clone(),
                            name: want.name,
                            node,
                            previous: want.previous,
                            tracker: want.tracker,
                            metrics: Arc::new(metric),
                            canary: false,
                        });
                    }
                    Err(reason) => {
                        failures += 1;
                        failure = Some(reason);
                    }
                }
            }
            outcome.queued.insert(group.name.clone(), failures);
            if let Some(failure) = failure {
                outcome.class_eligibility.extend(failure.classes);
                outcome.escaped |= failure.escaped;
                let metric = Arc::new(failure.metric);
                outcome.failed.insert(group.name.clone(), metric);
            }
        }
        if outcome.queued.is_empty() {
            let groups = job.groups.iter().map(|group| (group.name.clone(), 0));
            outcome.queued.extend(groups);
        }
    }
}
