//! Evaluations that no scheduler gets through with: delivered again and again, then failed, with another one that is put off.

use std::sync::Arc;

use super::changes::Object;
use super::plan::Plan;
use super::state::{Due, State};
use super::tables::{EvalRef, JobRef};

/// How long an evaluation is delivered to one scheduler after the other until it fails, in nanoseconds.
pub(super) const DELIVERIES: i64 = 21_000_000_000;
/// `Wait` of a failed evaluation, from its last delivery.
const LAST_NACK: i64 = 20_000_000_000;
/// For how long the evaluation that follows a failed one is put off (recorded: 226 s).
const PUT_OFF: (i64, i64) = (180_000_000_000, 240_000_000_000);

impl State {
    /// The servers keep the delay of the deliveries on the stored evaluation, without a transaction.
    pub(super) fn note_deliveries(&mut self, reference: EvalRef) {
        Arc::make_mut(&mut self.tables.evals[reference]).wait = LAST_NACK;
    }

    /// Does Nomad's scheduler fail with this plan (1.11.2: system jobs of several groups, unless a deployment
    /// runs or begins)?
    pub(super) fn never_ends_well(&self, slot: JobRef, plan: Option<&Plan>) -> bool {
        let Some(job) = self.tables.job(slot) else {
            return false;
        };
        let deploying = self
            .tables
            .latest_deployment(slot)
            .is_some_and(|deployment| deployment.is_active());
        self.version.fails_system_evaluations()
            && job.kind == "system"
            && job.groups.len() > 1
            && !deploying
            && plan.is_some_and(|plan| !plan.places.is_empty() && plan.deployment.is_none())
    }

    pub(super) fn write_failed(&mut self, job: JobRef, reference: EvalRef) {
        self.transaction();
        let mut failed = (*self.tables.evals[reference]).clone();
        let mut follow_up = failed.clone();
        follow_up.id = self.rng.uuid();
        follow_up.triggered_by = "failed-follow-up";
        follow_up.previous_eval.clone_from(&failed.id);
        follow_up.next_eval.clear();
        follow_up.create_time = self.now;
        follow_up.modify_time = self.now;
        follow_up.wait = self.draw(PUT_OFF);
        let due = self.now.plus(follow_up.wait);
        failed.status = "failed";
        "evaluation reached delivery limit (3)".clone_into(&mut failed.status_description);
        failed.modify_time = self.now;
        failed.next_eval.clone_from(&follow_up.id);
        let (_, failed) = self.tables.put_eval(job, failed);
        let (eval, follow_up) = self.tables.put_eval(job, follow_up);
        self.log(
            "EvaluationUpdated",
            vec![Object::Evaluation(failed), Object::Evaluation(follow_up)],
        );
        self.plan(due, Due::Delayed { eval });
    }
}
