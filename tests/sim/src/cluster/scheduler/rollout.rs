//! Roll-outs: allocations of older versions, and the deployment that watches over new ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{UPDATED, Want, size};
use crate::cluster::plan::Plan;
use crate::cluster::state::State;
use crate::cluster::tables::{AllocRef, EvalRef, JobRef};
use crate::model::{
    Deployment, DeploymentState, DeploymentStatusText, DesiredUpdates, Job, TaskGroup,
};

impl State {
    /// The deployment of the job's present version, unless it ended well.
    pub(super) fn current_deployment(&self, slot: JobRef, job: &Job) -> Option<Arc<Deployment>> {
        let latest = self.tables.latest_deployment(slot)?;
        let same = (latest.job_version, latest.job_create_index) == (job.version, job.create_index);
        (same && latest.status != "successful").then(|| Arc::clone(latest))
    }

    /// Allocations that stay: as they are, moved to the new version where they run, or replaced.
    #[expect(
        clippy::too_many_arguments,
        reason = "one step of plan_group, split off for its length"
    )]
    pub(super) fn plan_versions(
        &self,
        job: &Job,
        group: &TaskGroup,
        keep: &[AllocRef],
        deployment: Option<&Arc<Deployment>>,
        plan: &mut Plan,
        wants: &mut Vec<Want>,
        updates: &mut DesiredUpdates,
    ) {
        let mut replaced = Vec::new();
        let mut away = 0;
        let mut same: BTreeMap<(u64, u64), bool> = BTreeMap::new();
        for reference in keep {
            let Some(alloc) = self.tables.alloc(*reference) else {
                continue;
            };
            let version = (alloc.job.create_index, alloc.job.version);
            if version == (job.create_index, job.version) || alloc.client.is_terminal() {
                updates.ignore += 1;
                // Unhealthy members of a running deployment count against its parallelism.
                if deployment.is_some_and(|d| d.id == alloc.deployment_id)
                    && alloc.healthy() != Some(true)
                {
                    away += 1;
                }
                continue;
            }
            let in_place = *same
                .entry(version)
                .or_insert_with(|| job.same_group(&alloc.job, &group.name));
            if in_place {
                plan.updates.push(*reference);
                updates.in_place_update += 1;
            } else {
                replaced.push(*reference);
            }
        }
        let parallel = group
            .update
            .as_ref()
            .map_or(0, |update| update.max_parallel);
        let limit = if parallel == 0 {
            replaced.len()
        } else {
            usize::try_from(parallel.saturating_sub(away)).unwrap_or(usize::MAX)
        };
        let now = replaced.len().min(limit);
        updates.ignore += size(replaced.len() - now);
        updates.destructive_update += size(now);
        for alloc in replaced.into_iter().take(now) {
            let mut want = self.want(alloc, None, None);
            if let Some(want) = &mut want {
                want.stops = Some((alloc, UPDATED));
            }
            wants.extend(want);
        }
    }

    pub(super) fn plan_deployment(
        &mut self,
        slot: JobRef,
        job: &Job,
        reference: EvalRef,
        groups: BTreeMap<String, DeploymentState>,
        settled: bool,
        plan: &mut Plan,
    ) {
        let latest = self.tables.latest_deployment(slot).cloned();
        if let Some(latest) = latest.filter(|latest| latest.is_active()) {
            let same =
                (latest.job_version, latest.job_create_index) == (job.version, job.create_index);
            let healthy = latest
                .task_groups
                .values()
                .all(|group| group.healthy_allocs >= group.desired_total);
            if !same {
                plan.deployment_status = Some(DeploymentStatusText::CancelledByNewVersion);
            } else if settled && healthy {
                plan.deployment_status = Some(DeploymentStatusText::Successful);
            }
        }
        if groups.is_empty() {
            return;
        }
        let mut deployment = Deployment {
            create_index: 0,
            create_time: self.now,
            eval_priority: self.tables.evals[reference].priority,
            id: self.rng.uuid(),
            is_multiregion: false,
            job_create_index: job.create_index,
            job_id: job.id.clone(),
            job_modify_index: job.modify_index,
            job_spec_modify_index: job.job_modify_index,
            job_version: job.version,
            modify_index: 0,
            modify_time: self.now,
            namespace: job.namespace.clone(),
            status: "",
            status_description: "",
            task_groups: groups,
        };
        deployment.set_status(DeploymentStatusText::Running);
        plan.deployment = Some(Box::new(deployment));
    }
}
