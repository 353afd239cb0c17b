//! Plans: what the scheduler wants to write, and the transaction that writes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::Object;
use super::state::State;
use super::tables::{AllocRef, EvalRef, JobRef, NodeRef};
use super::truth::AllocTruth;
use crate::model::{
    AllocMetric, Allocation, ClientStatus, Deployment, DeploymentStatus, DeploymentStatusText,
    DesiredStatus, DesiredTransition, Job, RescheduleTracker, TaskResources,
};

/// The range of dynamic ports.
const PORTS: (i64, i64) = (20_000, 32_000);

/// An allocation that the servers no longer want.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) alloc: AllocRef,
    pub(crate) description: &'static str,
    /// Set by the servers where the node cannot tell.
    pub(crate) client: Option<ClientStatus>,
}

/// An allocation that is placed.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) job: Arc<Job>,
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) node: NodeRef,
    pub(crate) previous: Option<AllocRef>,
    pub(crate) tracker: Option<RescheduleTracker>,
    pub(crate) metrics: Arc<AllocMetric>,
    pub(crate) canary: bool,
}

/// What one evaluation wants to write.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) stops: Vec<Stop>,
    pub(crate) places: Vec<Place>,
    /// Allocations that move to the job's new version where they run.
    pub(crate) updates: Vec<AllocRef>,
    /// Failed allocations and the evaluation that will reschedule them.
    pub(crate) follow_ups: Vec<(AllocRef, String)>,
    /// A new deployment.
    pub(crate) deployment: Option<Box<Deployment>>,
    /// The latest deployment's new status.
    pub(crate) deployment_status: Option<DeploymentStatusText>,
    /// The latest deployment is written again although nothing changed in it, as for system jobs.
    pub(crate) touch_deployment: bool,
    /// For the evaluation in the plan's transaction.
    pub(crate) next_eval: String,
}

impl Plan {
    /// Nothing to write?
    pub(crate) fn is_empty(&self) -> bool {
        self.stops.is_empty()
            && self.places.is_empty()
            && self.updates.is_empty()
            && self.follow_ups.is_empty()
            && self.deployment.is_none()
            && self.deployment_status.is_none()
    }
}

impl State {
    /// Writes a plan. What a purge has removed since is left out.
    pub(crate) fn apply_plan(&mut self, job: JobRef, eval: EvalRef, plan: Plan) {
        if self.tables.jobs[job].record.is_none() {
            return;
        }
        let index = self.transaction();
        let mut objects = Vec::new();
        let mut changed: BTreeMap<AllocRef, Allocation> = BTreeMap::new();
        let mut told = Vec::new();
        for stop in &plan.stops {
            if let Some(alloc) = self.editable(&mut changed, stop.alloc) {
                alloc.desired = DesiredStatus::Stop;
                alloc.desired_description = stop.description;
                alloc.alloc_modify_index = index;
                if let Some(client) = stop.client {
                    alloc.client = client;
                }
                told.push(stop.alloc);
            }
        }
        for (alloc, eval) in &plan.follow_ups {
            if let Some(alloc) = self.editable(&mut changed, *alloc) {
                alloc.followup_eval.clone_from(eval);
                alloc.alloc_modify_index = index;
            }
        }
        let deployment = self.planned_deployment(job, &plan);
        let eval_id = self.tables.evals[eval].id.clone();
        let newest = self.tables.job(job).cloned();
        for update in &plan.updates {
            let newest = newest.clone();
            if let (Some(alloc), Some(newest)) = (self.editable(&mut changed, *update), newest) {
                alloc.job = newest;
                alloc.eval_id.clone_from(&eval_id);
                alloc.alloc_modify_index = index;
                if let Some(deployment) = &deployment {
                    alloc.deployment_id.clone_from(&deployment.id);
                    alloc.health = None;
                }
                told.push(*update);
            }
        }
        self.touch_predecessors(&mut changed);
        let mut placed = Vec::new();
        for place in plan.places {
            let new = self.new_allocation(&place, &eval_id, deployment.as_ref());
            if let Some(previous) = place.previous
                && let Some(old) = self.editable(&mut changed, previous)
            {
                old.next.clone_from(&new.id);
            }
            placed.push(new);
        }
        for (_, alloc) in changed {
            let (_, stored) = self.tables.put_alloc(job, alloc);
            objects.push(Object::Allocation(stored));
        }
        for new in placed {
            let (reference, stored) = self.tables.put_alloc(job, new);
            self.note_placement(reference);
            told.push(reference);
            objects.push(Object::Allocation(stored));
        }
        objects.extend(self.update_job_status(job));
        objects.extend(self.write_deployment(
            job,
            deployment,
            plan.deployment_status,
            plan.touch_deployment,
        ));
        let mut evaluated = (*self.tables.evals[eval]).clone();
        evaluated.next_eval = plan.next_eval;
        let (_, stored) = self.tables.put_eval(job, evaluated);
        objects.push(Object::Evaluation(stored));
        self.log("PlanResult", objects);
        for alloc in told {
            self.tell_node(alloc);
        }
    }

    /// The allocation as this transaction has it so far.
    fn editable<'a>(
        &self,
        changed: &'a mut BTreeMap<AllocRef, Allocation>,
        alloc: AllocRef,
    ) -> Option<&'a mut Allocation> {
        if let std::collections::btree_map::Entry::Vacant(vacant) = changed.entry(alloc) {
            let stored = self.tables.alloc(alloc)?;
            vacant.insert((**stored).clone());
        }
        let alloc = changed.get_mut(&alloc)?;
        alloc.modify_time = self.now;
        Some(alloc)
    }

    /// Writing an allocation writes the link of its predecessor again, so that it gets a new index
    /// although nothing visible changed in it.
    fn touch_predecessors(&self, changed: &mut BTreeMap<AllocRef, Allocation>) {
        let predecessors: Vec<AllocRef> = changed
            .values()
            .filter_map(|alloc| self.tables.alloc_ids.get(&alloc.previous).copied())
            .filter(|previous| !changed.contains_key(previous))
            .collect();
        for previous in predecessors {
            if let Some(stored) = self.tables.alloc(previous) {
                changed.insert(previous, (**stored).clone());
            }
        }
    }

    fn new_allocation(
        &mut self,
        place: &Place,
        eval_id: &str,
        deployment: Option<&Deployment>,
    ) -> Allocation {
        let node = &self.tables.nodes[place.node];
        let (node_id, node_name) = (node.id.clone(), node.name.clone());
        let index = self.tables.index;
        let previous = place.previous.and_then(|p| self.tables.alloc(p));
        let previous = previous.map_or_else(String::new, |previous| previous.id.clone());
        let resources = self.resources_of(place);
        Allocation {
            id: self.rng.uuid(),
            namespace: place.job.namespace.clone(),
            eval_id: eval_id.to_owned(),
            name: place.name.clone(),
            node_id,
            node_name,
            job: Arc::clone(&place.job),
            group: place.group.clone(),
            resources,
            metrics: Arc::clone(&place.metrics),
            desired: DesiredStatus::Run,
            desired_description: "",
            transition: DesiredTransition::default(),
            client: ClientStatus::Pending,
            client_description: "",
            states: Vec::new(),
            task_states: None,
            network: None,
            previous,
            next: String::new(),
            deployment_id: deployment.map_or_else(String::new, |d| d.id.clone()),
            health: place.canary.then_some(DeploymentStatus {
                canary: true,
                healthy: None,
                modify_index: 0,
                timestamp: None,
            }),
            tracker: place.tracker.clone(),
            followup_eval: String::new(),
            signing_key: Arc::clone(&self.signing_key),
            create_index: index,
            modify_index: index,
            alloc_modify_index: index,
            create_time: self.now,
            modify_time: self.now,
        }
    }

    /// The resources of a placement; allocations of one group and version share them, unless each has
    /// ports of its own.
    fn resources_of(&mut self, place: &Place) -> Arc<TaskResources> {
        let job = &place.job;
        let Some(group) = job.group(&place.group) else {
            return Arc::new(TaskResources::none());
        };
        if group.networks.is_some() {
            let port = || u64::try_from(self.rng.within(PORTS)).unwrap_or(0);
            return Arc::new(TaskResources::of(group, port));
        }
        let key = (job.create_index, job.version, place.group.clone());
        let shared = self.resources.entry(key);
        let shared = shared.or_insert_with(|| Arc::new(TaskResources::of(group, || 0)));
        Arc::clone(shared)
    }

    /// Keeps the record of what really happened: a new allocation, and whose place it takes.
    fn note_placement(&mut self, reference: AllocRef) {
        let Some(alloc) = self.tables.alloc(reference).cloned() else {
            return;
        };
        let truth = AllocTruth {
            job: alloc.job.id.clone(),
            group: alloc.group.clone(),
            name: alloc.name.clone(),
            created: self.now,
            ..AllocTruth::default()
        };
        self.truth.allocations.insert(alloc.id.clone(), truth);
        if let Some(taken) = self.tables.replaces[reference]
            && let Some(taken) = self.tables.alloc(taken)
            && let Some(old) = self.truth.allocations.get_mut(&taken.id)
        {
            old.replaced_by = Some(alloc.id.clone());
        }
    }
}
