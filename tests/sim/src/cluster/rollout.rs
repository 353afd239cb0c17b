//! What a plan writes about deployments.

use super::changes::Object;
use super::plan::Plan;
use super::state::{Due, State};
use super::tables::JobRef;
use crate::model::{Deployment, DeploymentStatusText};

impl State {
    /// The deployment that the plan's allocations belong to: a new one, or the running one.
    pub(super) fn planned_deployment(&mut self, job: JobRef, plan: &Plan) -> Option<Deployment> {
        let mut deployment = match &plan.deployment {
            Some(new) => (**new).clone(),
            None if plan.deployment_status.is_some() => return None,
            None => (**self.tables.latest_deployment(job)?).clone(),
        };
        if !deployment.is_active() {
            return None;
        }
        let newest = self.tables.job(job)?;
        if (newest.version, newest.create_index)
            != (deployment.job_version, deployment.job_create_index)
        {
            return None;
        }
        let mut changed = plan.deployment.is_some();
        for place in &plan.places {
            if let Some(group) = deployment.task_groups.get_mut(&place.group) {
                group.placed_allocs += 1;
                changed = true;
            }
        }
        for update in &plan.updates {
            let group = self.tables.alloc(*update).map(|alloc| &alloc.group);
            if let Some(group) = group.and_then(|group| deployment.task_groups.get_mut(group)) {
                group.placed_allocs += 1;
                changed = true;
            }
        }
        if changed {
            for group in deployment.task_groups.values_mut() {
                if group.placed_allocs > 0 && group.require_progress_by.is_none() {
                    group.require_progress_by = Some(self.now.plus(group.progress_deadline));
                }
            }
            deployment.modify_time = self.now;
        }
        Some(deployment)
    }

    pub(super) fn write_deployment(
        &mut self,
        job: JobRef,
        planned: Option<Deployment>,
        status: Option<DeploymentStatusText>,
        touch: bool,
    ) -> Vec<Object> {
        let mut objects = Vec::new();
        let latest = self.tables.latest_deployment(job).cloned();
        if let (Some(status), Some(latest)) = (status, &latest) {
            let mut ended = (**latest).clone();
            ended.set_status(status);
            ended.modify_time = self.now;
            let (version, create) = (ended.job_version, ended.job_create_index);
            let (_, stored) = self.tables.put_deployment(job, ended);
            objects.push(Object::Deployment(stored));
            if status == DeploymentStatusText::Successful {
                objects.extend(self.mark_stable(job, version, create));
            }
        }
        if touch
            && objects.is_empty()
            && planned.is_none()
            && let Some(latest) = &latest
        {
            let (_, stored) = self.tables.put_deployment(job, (**latest).clone());
            objects.push(Object::Deployment(stored));
        }
        if let Some(planned) = planned {
            let unchanged = !touch
                && latest.as_ref().is_some_and(|latest| {
                    latest.id == planned.id && latest.task_groups == planned.task_groups
                });
            if !unchanged {
                let (reference, stored) = self.tables.put_deployment(job, planned);
                let deadline = stored
                    .task_groups
                    .values()
                    .filter_map(|group| group.require_progress_by)
                    .min();
                if let Some(deadline) = deadline {
                    self.plan(
                        deadline,
                        Due::Progress {
                            deployment: reference,
                        },
                    );
                }
                objects.push(Object::Deployment(stored));
            }
        }
        objects
    }

    /// A version whose deployment succeeded is stable.
    fn mark_stable(&mut self, slot: JobRef, version: u64, create_index: u64) -> Option<Object> {
        let job = self.tables.job(slot)?;
        if (job.version, job.create_index) != (version, create_index) || job.stable {
            return None;
        }
        let mut stable = (**job).clone();
        stable.stable = true;
        stable.modify_index = self.tables.index;
        let job = self.tables.put_job(slot, stable);
        Some(Object::Job {
            job,
            deleted: false,
        })
    }
}
