//! Writes to the tables: each keeps the counts, links and indexes that belong to an object together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::tables::{AllocRef, DeploymentRef, EvalRef, JobRecord, JobRef, NodeRef, Tables};
use crate::model::{
    Allocation, ClientStatus, Deployment, Evaluation, GroupSummary, Job, JobSummary, Node,
};

/// How many versions of a job are kept.
const KEPT_VERSIONS: usize = 6;

impl Tables {
    /// Stores a job as its newest version, or in place of that version. Its indexes are the
    /// caller's business.
    pub(crate) fn put_job(&mut self, slot: JobRef, job: Job) -> Arc<Job> {
        let job = Arc::new(job);
        let entry = &mut self.jobs[slot];
        match &mut entry.record {
            Some(record) => {
                if record.job.version == job.version {
                    if let Some(version) = record.versions.first_mut() {
                        *version = Arc::clone(&job);
                    }
                } else {
                    record.versions.insert(0, Arc::clone(&job));
                    record.versions.truncate(KEPT_VERSIONS);
                }
                record.job = Arc::clone(&job);
            }
            record @ None => {
                *record = Some(JobRecord {
                    versions: vec![Arc::clone(&job)],
                    summary: JobSummary {
                        create_index: self.index,
                        modify_index: self.index,
                        job_id: job.id.clone(),
                        namespace: job.namespace.clone(),
                        ..JobSummary::default()
                    },
                    job: Arc::clone(&job),
                    live: 0,
                    open_evals: 0,
                });
            }
        }
        self.touch_summary(slot, |summary| {
            for group in job.groups.iter() {
                summary.summary.entry(group.name.clone()).or_default();
            }
        });
        self.indexes.jobs = self.index;
        self.jobs[slot].touched.jobs = self.index;
        job
    }

    /// Removes a job with its allocations and deployments; its evaluations stay.
    pub(crate) fn purge(&mut self, slot: JobRef) -> Vec<AllocRef> {
        let entry = &mut self.jobs[slot];
        entry.record = None;
        let allocs: Vec<AllocRef> = std::mem::take(&mut entry.allocs).into_values().collect();
        entry.wanted.clear();
        entry.by_name.clear();
        let deployments = std::mem::take(&mut entry.deployments);
        entry.touched.jobs = self.index;
        entry.touched.summaries = self.index;
        self.indexes.jobs = self.index;
        self.indexes.summaries = self.index;
        if !allocs.is_empty() {
            entry.touched.allocations = self.index;
            self.indexes.allocations = self.index;
        }
        if !deployments.is_empty() {
            entry.touched.deployments = self.index;
            self.indexes.deployments = self.index;
        }
        for alloc in &allocs {
            if let Some(gone) = self.allocs[*alloc].take() {
                self.alloc_ids.remove(&gone.id);
                if !gone.terminal()
                    && let Some(node) = self.node_ids.get(&gone.node_id)
                {
                    take(&mut self.used[*node], &gone, false);
                }
            }
        }
        for deployment in deployments {
            if let Some(gone) = self.deployments[deployment].take() {
                self.deployment_ids.remove(&gone.id);
            }
        }
        allocs
    }

    /// Removes allocations and evaluations for good.
    pub(crate) fn forget(&mut self, allocs: &[AllocRef], evals: &[EvalRef]) {
        for alloc in allocs {
            let Some(gone) = self.allocs[*alloc].take() else {
                continue;
            };
            self.alloc_ids.remove(&gone.id);
            let entry = &mut self.jobs[self.alloc_jobs[*alloc]];
            entry.allocs.remove(&gone.id);
            entry.wanted.remove(alloc);
            entry.touched.allocations = self.index;
            self.indexes.allocations = self.index;
        }
        let evals: BTreeSet<EvalRef> = evals.iter().copied().collect();
        for eval in &evals {
            self.eval_ids.remove(&self.evals[*eval].id);
            self.indexes.evaluations = self.index;
        }
        for entry in &mut self.jobs {
            let before = entry.evals.len();
            entry.evals.retain(|eval| !evals.contains(eval));
            if entry.evals.len() < before {
                entry.touched.evaluations = self.index;
            }
        }
        self.collected.extend(evals);
    }

    fn touch_summary(&mut self, slot: JobRef, change: impl FnOnce(&mut JobSummary)) {
        let index = self.index;
        let entry = &mut self.jobs[slot];
        if let Some(record) = &mut entry.record {
            let before = record.summary.clone();
            change(&mut record.summary);
            if before != record.summary || record.summary.create_index == index {
                record.summary.modify_index = index;
                entry.touched.summaries = index;
                self.indexes.summaries = index;
            }
        }
    }

    /// Sets how many allocations of each group wait for a place.
    pub(crate) fn set_queued(&mut self, slot: JobRef, queued: &BTreeMap<String, u32>) {
        self.touch_summary(slot, |summary| {
            for (group, count) in queued {
                summary.summary.entry(group.clone()).or_default().queued = *count;
            }
        });
    }

    /// Stores an allocation, new or changed, at the current index.
    pub(crate) fn put_alloc(
        &mut self,
        slot: JobRef,
        mut alloc: Allocation,
    ) -> (AllocRef, Arc<Allocation>) {
        alloc.modify_index = self.index;
        let known = self.alloc_ids.get(&alloc.id).copied();
        let before = known.and_then(|alloc| self.allocs[alloc].clone());
        let count = |summary: &mut JobSummary, alloc: &Allocation, up: bool| {
            let group = summary.summary.entry(alloc.group.clone()).or_default();
            let field = counter(group, alloc.client);
            *field = if up {
                *field + 1
            } else {
                field.saturating_sub(1)
            };
        };
        let changed = before
            .as_ref()
            .is_none_or(|before| before.client != alloc.client);
        if changed {
            self.touch_summary(slot, |summary| {
                if let Some(before) = &before {
                    count(summary, before, false);
                }
                count(summary, &alloc, true);
            });
        }
        let was_live = before.as_ref().is_some_and(|before| !before.terminal());
        let entry = &mut self.jobs[slot];
        if let Some(record) = &mut entry.record {
            record.live = record.live + usize::from(!alloc.terminal()) - usize::from(was_live);
        }
        if was_live == alloc.terminal()
            && let Some(node) = self.node_ids.get(&alloc.node_id)
        {
            take(&mut self.used[*node], &alloc, !was_live);
        }
        let alloc = Arc::new(alloc);
        let reference = if let Some(known) = known {
            self.allocs[known] = Some(Arc::clone(&alloc));
            known
        } else {
            let new = self.allocs.len();
            self.allocs.push(Some(Arc::clone(&alloc)));
            self.alloc_jobs.push(slot);
            let node = self.node_ids.get(&alloc.node_id).copied();
            self.alloc_places.push((node, alloc.name_index()));
            self.replaces
                .push(entry.by_name.insert(place_of(&alloc), new));
            self.alloc_ids.insert(alloc.id.clone(), new);
            entry.allocs.insert(alloc.id.clone(), new);
            new
        };
        if alloc.server_terminal() {
            entry.wanted.remove(&reference);
        } else {
            entry.wanted.insert(reference);
        }
        entry.touched.allocations = self.index;
        self.indexes.allocations = self.index;
        (reference, alloc)
    }

    /// Stores an evaluation, new or changed, at the current index.
    pub(crate) fn put_eval(
        &mut self,
        slot: JobRef,
        mut eval: Evaluation,
    ) -> (EvalRef, Arc<Evaluation>) {
        let open = |eval: &Evaluation| matches!(eval.status, "pending" | "blocked");
        eval.modify_index = self.index;
        let known = self.eval_ids.get(&eval.id).copied();
        if known.is_none() {
            eval.create_index = self.index;
        }
        let was_open = known.is_some_and(|known| open(&self.evals[known]));
        let entry = &mut self.jobs[slot];
        if let Some(record) = &mut entry.record {
            // A purge forgets the count, so an older evaluation may end without having been counted.
            record.open_evals = (record.open_evals + usize::from(open(&eval)))
                .saturating_sub(usize::from(was_open));
        }
        let eval = Arc::new(eval);
        let reference = if let Some(known) = known {
            self.evals[known] = Arc::clone(&eval);
            known
        } else {
            let new = self.evals.len();
            self.evals.push(Arc::clone(&eval));
            self.eval_ids.insert(eval.id.clone(), new);
            entry.evals.push(new);
            new
        };
        entry.touched.evaluations = self.index;
        self.indexes.evaluations = self.index;
        (reference, eval)
    }

    /// Stores a deployment, new or changed, at the current index.
    pub(crate) fn put_deployment(
        &mut self,
        slot: JobRef,
        mut deployment: Deployment,
    ) -> (DeploymentRef, Arc<Deployment>) {
        deployment.modify_index = self.index;
        let known = self.deployment_ids.get(&deployment.id).copied();
        let entry = &mut self.jobs[slot];
        let reference = known.unwrap_or(self.deployments.len());
        if known.is_none() {
            deployment.create_index = self.index;
            self.deployment_ids.insert(deployment.id.clone(), reference);
            self.deployments.push(None);
            entry.deployments.push(reference);
        }
        let deployment = Arc::new(deployment);
        self.deployments[reference] = Some(Arc::clone(&deployment));
        entry.touched.deployments = self.index;
        self.indexes.deployments = self.index;
        (reference, deployment)
    }

    /// Stores a node at the current index.
    pub(crate) fn put_node(&mut self, node: NodeRef, mut new: Node) -> Arc<Node> {
        new.modify_index = self.index;
        let new = Arc::new(new);
        if node == self.nodes.len() {
            self.node_ids.insert(new.id.clone(), node);
            self.nodes.push(Arc::clone(&new));
            self.used.push([0; 3]);
        } else {
            self.nodes[node] = Arc::clone(&new);
        }
        self.indexes.nodes = self.index;
        new
    }
}

/// What a successor takes over.
fn place_of(alloc: &Allocation) -> String {
    match alloc.job.kind.as_str() {
        "system" | "sysbatch" => format!("{}@{}", alloc.name, alloc.node_id),
        _ => alloc.name.clone(),
    }
}

/// Adds what an allocation takes of its node, or takes it off again.
fn take(used: &mut [u64; 3], alloc: &Allocation, more: bool) {
    let (cpu, memory, disk) = alloc
        .spec()
        .map_or((0, 0, 0), crate::model::TaskGroup::demand);
    for (used, demand) in used.iter_mut().zip([cpu, memory, disk]) {
        *used = if more {
            *used + demand
        } else {
            used.saturating_sub(demand)
        };
    }
}

fn counter(group: &mut GroupSummary, status: ClientStatus) -> &mut u32 {
    match status {
        ClientStatus::Pending => &mut group.starting,
        ClientStatus::Running => &mut group.running,
        ClientStatus::Complete => &mut group.complete,
        ClientStatus::Failed => &mut group.failed,
        ClientStatus::Lost => &mut group.lost,
        ClientStatus::Unknown => &mut group.unknown,
    }
}
