//! Nodes whose loss a group sits out: with a `disconnect` block its allocations become unknown instead of
//! lost, and go on as they were when the node's agent is back (recording k03).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::changes::Object;
use super::state::State;
use super::tables::{AllocRef, EvalRef, JobRef, NodeRef};
use crate::model::{AllocState, Allocation, ClientStatus};

const UNKNOWN: &str = "alloc is unknown since its node is disconnected";
const RECONNECTED: &str = "allocs reconnected";

impl State {
    /// For how long an allocation may be out of sight, in nanoseconds, if its group says so.
    fn lost_after(alloc: &Allocation) -> Option<i64> {
        let disconnect = alloc.spec()?.disconnect.as_ref()?;
        (disconnect.lost_after > 0).then_some(disconnect.lost_after)
    }

    /// The running allocations of a node whose groups sit its loss out, by job.
    fn sitting_out(&self, node: NodeRef) -> BTreeMap<JobRef, Vec<AllocRef>> {
        let mut by_job: BTreeMap<JobRef, Vec<AllocRef>> = BTreeMap::new();
        for (job, alloc) in self.wanted_on(node) {
            let stored = self.tables.alloc(alloc);
            let sits = stored.is_some_and(|stored| {
                stored.client == ClientStatus::Running && Self::lost_after(stored).is_some()
            });
            if sits {
                by_job.entry(job).or_default().push(alloc);
            }
        }
        by_job
    }

    /// What a node is called whose heartbeat is overdue.
    pub(crate) fn status_when_missed(&self, node: NodeRef) -> &'static str {
        if self.sitting_out(node).is_empty() {
            "down"
        } else {
            "disconnected"
        }
    }

    /// The scheduler acts on the loss of a node, with these evaluations: what is sat out becomes unknown,
    /// and evaluations wait for the end of each group's patience.
    pub(crate) fn become_unknown(&mut self, node: NodeRef, evals: &[EvalRef]) {
        for (job, allocs) in self.sitting_out(node) {
            let Some(current) = self.tables.job(job).cloned() else {
                continue;
            };
            let of_job = |eval: &EvalRef| {
                let eval = &self.tables.evals[*eval];
                (&eval.namespace, &eval.job_id) == (&current.namespace, &current.id)
            };
            let Some(eval) = evals.iter().copied().find(of_job) else {
                continue;
            };
            let mut waits: BTreeMap<String, String> = BTreeMap::new();
            for alloc in &allocs {
                let Some(stored) = self.tables.alloc(*alloc).cloned() else {
                    continue;
                };
                if !waits.contains_key(&stored.group) {
                    let wait = self.wait_for_return(job, eval, &stored);
                    waits.insert(stored.group.clone(), wait);
                }
            }
            let index = self.transaction();
            let acting = (*self.tables.evals[eval]).clone();
            let mut objects = vec![Object::Evaluation(self.tables.put_eval(job, acting).1)];
            for alloc in allocs {
                let Some(stored) = self.tables.alloc(alloc).cloned() else {
                    continue;
                };
                let mut changed = (*stored).clone();
                changed.client = ClientStatus::Unknown;
                changed.client_description = UNKNOWN;
                changed.followup_eval = waits.get(&stored.group).cloned().unwrap_or_default();
                changed.states.push(AllocState::new("unknown", self.now));
                changed.alloc_modify_index = index;
                changed.modify_time = self.now;
                objects.push(Object::Allocation(self.tables.put_alloc(job, changed).1));
            }
            self.log("PlanResult", objects);
        }
    }

    /// Writes the evaluation that waits until a group's patience is over, and gives its id.
    fn wait_for_return(&mut self, job: JobRef, eval: EvalRef, alloc: &Arc<Allocation>) -> String {
        let Some(current) = self.tables.job(job).cloned() else {
            return String::new();
        };
        let mut wait = self.new_eval(&current, "max-disconnect-timeout");
        "created for delayed disconnect timeout".clone_into(&mut wait.status_description);
        wait.job_modify_index = current.modify_index;
        wait.previous_eval.clone_from(&self.tables.evals[eval].id);
        wait.snapshot_index = self.tables.index;
        let patience = Self::lost_after(alloc).unwrap_or_default();
        wait.wait_until = Some(self.now.plus(patience));
        let id = wait.id.clone();
        self.transaction();
        let stored = self.tables.put_eval(job, wait).1;
        self.log("EvaluationUpdated", vec![Object::Evaluation(stored)]);
        id
    }

    /// A node reports an allocation again that was unknown, within the current transaction: what waited
    /// for it is cancelled, and the job is evaluated.
    pub(crate) fn reconnected(
        &mut self,
        back: &[(JobRef, String)],
        objects: &mut Vec<Object>,
    ) -> Vec<EvalRef> {
        let mut evals = Vec::new();
        let mut jobs = Vec::new();
        for (job, wait) in back {
            let wait = self.tables.eval_ids.get(wait).copied();
            objects.extend(wait.and_then(|wait| self.cancelled(wait, RECONNECTED)));
            if jobs.contains(job) {
                continue;
            }
            jobs.push(*job);
            if let Some(current) = self.tables.job(*job).cloned() {
                let eval = self.new_eval(&current, "reconnect");
                let (reference, stored) = self.tables.put_eval(*job, eval);
                objects.push(Object::Evaluation(stored));
                evals.push(reference);
            }
        }
        evals
    }

    /// The scheduler takes allocations that are back for what they are.
    pub(crate) fn accept_again(&mut self, allocs: &[AllocRef]) {
        if allocs.is_empty() {
            return;
        }
        let index = self.transaction();
        let mut objects = Vec::new();
        for alloc in allocs {
            let Some(stored) = self.tables.alloc(*alloc).cloned() else {
                continue;
            };
            let mut changed = (*stored).clone();
            changed.states.push(AllocState::new("running", self.now));
            changed.alloc_modify_index = index;
            let job = self.tables.alloc_jobs[*alloc];
            objects.push(Object::Allocation(self.tables.put_alloc(job, changed).1));
        }
        self.log("PlanResult", objects);
    }
}
