//! The deployment watcher: counts health, makes the evaluations that move a deployment on or end it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::changes::Object;
use super::state::{Due, State};
use super::tables::{DeploymentRef, JobRef};
use crate::model::{Deployment, DeploymentStatusText, Time};

/// What the watcher has under way.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    /// Deployments that it will look at, with the creation time of the evaluation it collects.
    pending: BTreeMap<DeploymentRef, Option<Time>>,
}

impl State {
    fn job_of_deployment(&mut self, deployment: &Deployment) -> JobRef {
        self.tables.slot(&deployment.namespace, &deployment.job_id)
    }

    /// Counts healthy and unhealthy allocations of a deployment, within the current transaction.
    pub(crate) fn count_health(
        &mut self,
        id: &str,
        news: &[(String, bool, Time)],
    ) -> Option<Object> {
        let reference = self.tables.deployment_ids.get(id).copied()?;
        let mut changed = (**self.tables.deployments[reference].as_ref()?).clone();
        let mut counted = false;
        for (group, healthy, timestamp) in news {
            if let Some(group) = changed.task_groups.get_mut(group) {
                counted = true;
                if *healthy {
                    group.healthy_allocs += 1;
                    let by = timestamp.plus(group.progress_deadline);
                    group.require_progress_by = group.require_progress_by.max(Some(by));
                } else {
                    group.unhealthy_allocs += 1;
                }
            }
        }
        if !counted {
            return None;
        }
        changed.modify_time = self.now;
        let job = self.job_of_deployment(&changed);
        let (_, stored) = self.tables.put_deployment(job, changed);
        let fails = stored
            .task_groups
            .values()
            .any(|group| group.unhealthy_allocs > 0);
        let deployment = reference;
        if !stored.is_active() {
            // It ended before; what is told of its allocations still counts.
        } else if fails {
            // A failure is not collected with others.
            let delay = self.draw((4_000_000, 7_000_000));
            self.watcher.pending.entry(reference).or_insert(None);
            self.plan_in(delay, Due::WatcherCommit { deployment });
        } else if let Entry::Vacant(vacant) = self.watcher.pending.entry(reference) {
            vacant.insert(None);
            let delay = self.timing.watcher;
            self.plan_in(delay, Due::Watched { deployment });
        }
        Some(Object::Deployment(stored))
    }

    /// The watcher looks at a deployment; its evaluation is written a little later.
    pub(crate) fn watched(&mut self, reference: DeploymentRef) {
        self.watcher.pending.insert(reference, Some(self.now));
        let delay = self.timing.watcher_collect;
        self.plan_in(
            delay,
            Due::WatcherCommit {
                deployment: reference,
            },
        );
    }

    /// Writes the watcher's evaluation; a deployment with an unhealthy allocation fails with it.
    pub(crate) fn watcher_commit(&mut self, reference: DeploymentRef) {
        let created = self.watcher.pending.remove(&reference).flatten();
        let Some(deployment) = self.tables.deployments[reference].clone() else {
            return;
        };
        if !deployment.is_active() {
            return;
        }
        let unhealthy = deployment
            .task_groups
            .values()
            .any(|group| group.unhealthy_allocs > 0);
        let status = unhealthy.then_some(DeploymentStatusText::FailedByUnhealthy);
        self.watcher_eval(&deployment, status, created);
    }

    /// A deployment that made no progress in time fails.
    pub(crate) fn progress_deadline(&mut self, reference: DeploymentRef) {
        let Some(deployment) = self.tables.deployments[reference].clone() else {
            return;
        };
        if !deployment.is_active() {
            return;
        }
        let unfinished = deployment
            .task_groups
            .values()
            .filter(|group| group.healthy_allocs < group.desired_total);
        let Some(deadline) = unfinished.filter_map(|g| g.require_progress_by).min() else {
            return;
        };
        if deadline > self.now {
            self.plan(
                deadline,
                Due::Progress {
                    deployment: reference,
                },
            );
        } else {
            let status = Some(DeploymentStatusText::FailedByProgress);
            self.watcher_eval(&deployment, status, None);
        }
    }

    fn watcher_eval(
        &mut self,
        deployment: &Deployment,
        status: Option<DeploymentStatusText>,
        created: Option<Time>,
    ) {
        let slot = self.job_of_deployment(deployment);
        let Some(job) = self.tables.job(slot).cloned() else {
            return;
        };
        self.transaction();
        let mut objects = Vec::new();
        let mut eval = self.new_eval(&job, "deployment-watcher");
        if let Some(created) = created {
            eval.create_time = created;
            eval.modify_time = created;
        }
        eval.deployment_id.clone_from(&deployment.id);
        let (reference, stored) = self.tables.put_eval(slot, eval);
        if let Some(status) = status {
            let mut ended = deployment.clone();
            ended.set_status(status);
            ended.modify_time = self.now;
            let (_, stored) = self.tables.put_deployment(slot, ended);
            objects.push(Object::Deployment(stored));
        }
        objects.push(Object::Evaluation(stored));
        let kind = if status.is_some() {
            "DeploymentStatusUpdate"
        } else {
            "AllocationUpdateDesiredStatus"
        };
        self.log(kind, objects);
        self.enqueue(reference);
    }
}
