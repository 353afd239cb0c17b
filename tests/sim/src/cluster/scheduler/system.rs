//! System and sysbatch jobs: one allocation of each group on every node that takes it.
//!
//! A stopped allocation is not replaced by the evaluation that stops it: only a later one finds its
//! node without an allocation (recordings d01, d02).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{LOST, Outcome, Sorted, TAINTED, UPDATED, size};
use crate::cluster::placement::Placer;
use crate::cluster::plan::{Place, Plan, Stop};
use crate::cluster::state::State;
use crate::cluster::tables::{AllocRef, EvalRef, JobRef, NodeRef};
use crate::model::{ClientStatus, DeploymentState, DesiredUpdates, Job, TaskGroup};

impl State {
    pub(super) fn plan_system(
        &mut self,
        slot: JobRef,
        job: &Arc<Job>,
        reference: EvalRef,
        mut groups: BTreeMap<String, Sorted>,
        plan: &mut Plan,
        outcome: &mut Outcome,
    ) {
        let current = self.current_deployment(slot, job);
        let mut new_deployment: BTreeMap<String, DeploymentState> = BTreeMap::new();
        let mut settled = true;
        for group in job.groups.iter() {
            let sorted = groups.remove(&group.name).unwrap_or_default();
            let had_running = sorted.had_running || self.had_allocation(slot, job, group);
            let mut updates = DesiredUpdates::default();
            // Nodes that have an allocation, and those whose allocation this evaluation stops.
            let mut taken: BTreeSet<NodeRef> = BTreeSet::new();
            let mut replaced: BTreeMap<NodeRef, AllocRef> = BTreeMap::new();
            for alloc in &sorted.complete {
                taken.extend(self.node_of(*alloc));
                updates.ignore += 1;
            }
            for alloc in &sorted.keep {
                let Some(node) = self.node_of(*alloc) else {
                    continue;
                };
                self.keep_on_node(
                    job,
                    group,
                    (*alloc, node),
                    plan,
                    &mut replaced,
                    &mut updates,
                );
                taken.insert(node);
            }
            for (list, description, client) in [
                (&sorted.migrate, TAINTED, None),
                (&sorted.lost, LOST, Some(ClientStatus::Lost)),
            ] {
                for alloc in list {
                    taken.extend(self.node_of(*alloc));
                    plan.stops.push(Stop {
                        alloc: *alloc,
                        description,
                        client,
                    });
                }
            }
            updates.migrate += size(sorted.migrate.len());
            updates.stop += size(sorted.lost.len());
            let (places, done) = self.place_on_nodes(slot, job, group, &taken, &replaced, outcome);
            settled &= places.is_empty() && sorted.migrate.is_empty();
            // Nomad counts the allocations that stay among those it would place.
            updates.place = size(places.len()) + updates.ignore;
            updates.ignore += done;
            let wanted = updates.place + updates.in_place_update;
            let updating = updates.destructive_update + updates.in_place_update > 0;
            if let Some(update) = &group.update
                && job.kind == "system"
                && self.version.deploys_system_jobs()
                && current.is_none()
                && wanted > 0
                && (!had_running || updating)
            {
                new_deployment.insert(
                    group.name.clone(),
                    DeploymentState {
                        auto_promote: update.auto_promote,
                        auto_revert: update.auto_revert,
                        desired_total: wanted,
                        progress_deadline: update.progress_deadline,
                        ..DeploymentState::default()
                    },
                );
            }
            let places_none = places.is_empty();
            plan.places.extend(places);
            if self.version.deploys_system_jobs() || !places_none {
                outcome.queued.entry(group.name.clone()).or_insert(0);
            }
            let name = group.name.clone();
            outcome.annotations.desired_tg_updates.insert(name, updates);
        }
        if outcome.queued.is_empty() {
            let groups = job.groups.iter().map(|group| (group.name.clone(), 0));
            outcome.queued.extend(groups);
        }
        self.plan_deployment(slot, job, reference, new_deployment, settled, plan);
    }

    fn node_of(&self, alloc: AllocRef) -> Option<NodeRef> {
        let node_id = &self.tables.alloc(alloc)?.node_id;
        self.tables.node_ids.get(node_id).copied()
    }

    /// Was there ever an allocation of the group in the job's present version?
    pub(super) fn had_allocation(&self, slot: JobRef, job: &Job, group: &TaskGroup) -> bool {
        let allocs = self.tables.jobs[slot].allocs.values();
        allocs
            .filter_map(|alloc| self.tables.alloc(*alloc))
            .any(|alloc| {
                alloc.group == group.name
                    && (alloc.job.version, alloc.job.create_index)
                        == (job.version, job.create_index)
            })
    }

    /// An allocation that stays on its node: as it is, updated, or replaced there.
    fn keep_on_node(
        &self,
        job: &Job,
        group: &TaskGroup,
        (alloc, node): (AllocRef, NodeRef),
        plan: &mut Plan,
        replaced: &mut BTreeMap<NodeRef, AllocRef>,
        updates: &mut DesiredUpdates,
    ) {
        let Some(stored) = self.tables.alloc(alloc) else {
            return;
        };
        let same = (stored.job.version, stored.job.create_index) == (job.version, job.create_index);
        if same || stored.client.is_terminal() {
            updates.ignore += 1;
        } else if job.same_group(&stored.job, &group.name) {
            plan.updates.push(alloc);
            updates.in_place_update += 1;
        } else {
            plan.stops.push(Stop {
                alloc,
                description: UPDATED,
                client: None,
            });
            replaced.insert(node, alloc);
            updates.destructive_update += 1;
        }
    }

    /// What is placed, and on how many nodes a sysbatch job is done.
    fn place_on_nodes(
        &mut self,
        slot: JobRef,
        job: &Arc<Job>,
        group: &TaskGroup,
        taken: &BTreeSet<NodeRef>,
        replaced: &BTreeMap<NodeRef, AllocRef>,
        outcome: &mut Outcome,
    ) -> (Vec<Place>, u32) {
        // The newest allocation that ended on each node is the one whose place is taken.
        let mut before: BTreeMap<NodeRef, AllocRef> = replaced.clone();
        for alloc in self.tables.jobs[slot].allocs.values() {
            let ended = self.tables.alloc(*alloc);
            if ended.is_some_and(|a| a.group == group.name && a.terminal())
                && let Some(node) = self.node_of(*alloc)
            {
                let newest = before.entry(node).or_insert(*alloc);
                *newest = (*newest).max(*alloc);
            }
        }
        let mut placer = Placer::new(&self.tables, job);
        for alloc in replaced.values() {
            if let (Some(old), Some(node)) = (self.tables.alloc(*alloc), self.node_of(*alloc)) {
                placer.frees(old.spec().unwrap_or(group), node);
            }
        }
        let mut places = Vec::new();
        let mut failure = None;
        let mut done = 0;
        for (node, stored) in self.tables.nodes.iter().enumerate() {
            let free = !taken.contains(&node) || replaced.contains_key(&node);
            if !free || !stored.is_usable() {
                continue;
            }
            // A sysbatch job's allocation is done once for each version of the job.
            if job.kind == "sysbatch"
                && let Some(old) = before.get(&node).and_then(|old| self.tables.alloc(*old))
                && old.job.version == job.version
            {
                done += 1;
                continue;
            }
            match placer.place_on(node, group, &mut self.rng) {
                None => {}
                Some(Ok(metric)) => places.push(Place {
                    job: Arc::clone(job),
                    group: group.name.clone(),
                    name: format!("{}.{}[0]", job.id, group.name),
                    node,
                    previous: before.get(&node).copied(),
                    tracker: None,
                    metrics: Arc::new(metric),
                    canary: false,
                }),
                Some(Err(reason)) => failure = Some(reason),
            }
        }
        // Single nodes that do not fit are not told; none at all is.
        if places.is_empty()
            && taken.is_empty()
            && let Some(failure) = failure
        {
            let metric = Arc::new(failure.metric);
            outcome.failed.insert(group.name.clone(), metric);
        }
        (places, done)
    }
}
