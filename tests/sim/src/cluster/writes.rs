//! Writes of the API on evaluations and allocations, and the record of all writes.

use super::changes::Object;
use super::state::{Registered, State, Stopped};
use super::tables::{AllocRef, JobRef};
use super::truth::{Write, WriteKind};
use crate::model::{Allocation, ApiError, ClientStatus, Evaluation, Job};

/// Does Nomad's index accept this as a UUID?
pub(crate) fn check_id(id: &str) -> Result<(), ApiError> {
    if id.len() == 36 {
        return Ok(());
    }
    Err(ApiError::internal(
        "alloc lookup failed: index error: UUID must be 36 characters",
    ))
}

impl State {
    /// An evaluation of a job, not stored yet.
    pub(crate) fn new_eval(&mut self, job: &Job, triggered_by: &'static str) -> Evaluation {
        Evaluation {
            id: self.rng.uuid(),
            namespace: job.namespace.clone(),
            job_id: job.id.clone(),
            priority: job.priority,
            r#type: job.kind.clone(),
            triggered_by,
            status: "pending",
            create_time: self.now,
            modify_time: self.now,
            ..Evaluation::default()
        }
    }

    /// Writes the record of a write and returns its number.
    pub(crate) fn record(&mut self, kind: WriteKind, target: &str, accepted: bool) -> usize {
        let number = self.truth.writes.len();
        let done = (!matches!(kind, WriteKind::Restart { .. })).then_some(self.now);
        self.truth.writes.push(Write {
            time: self.now,
            kind,
            target: target.to_owned(),
            accepted,
            done,
        });
        if let Some(alloc) = self.truth.allocations.get_mut(target) {
            alloc.writes.push(number);
        }
        number
    }

    pub(crate) fn evaluate(
        &mut self,
        namespace: &str,
        id: &str,
        force: bool,
    ) -> Result<Registered, ApiError> {
        let unknown = || ApiError::internal("job not found");
        let slot = self.tables.find_job(namespace, id).ok_or_else(unknown)?;
        let job = self.tables.job(slot).cloned().ok_or_else(unknown)?;
        if job.is_periodic() {
            return Err(ApiError::internal("can't evaluate periodic job"));
        }
        if job.is_parameterized() {
            return Err(ApiError::internal("can't evaluate parameterized job"));
        }
        self.record(WriteKind::Evaluate, id, true);
        let index = self.transaction();
        let mut objects = Vec::new();
        if force {
            for alloc in self.forced(slot, &job) {
                if let Some(found) = self.tables.alloc(alloc) {
                    let mut changed = (**found).clone();
                    changed.transition.force_reschedule = Some(true);
                    changed.alloc_modify_index = index;
                    let (_, stored) = self.tables.put_alloc(slot, changed);
                    objects.push(Object::Allocation(stored));
                }
            }
        }
        let mut eval = self.new_eval(&job, "job-register");
        eval.job_modify_index = job.modify_index;
        let (eval, stored) = self.tables.put_eval(slot, eval);
        let eval_id = stored.id.clone();
        objects.push(Object::Evaluation(stored));
        self.log("AllocationUpdateDesiredStatus", objects);
        self.enqueue(eval);
        Ok(Registered {
            eval_id,
            eval_create_index: index,
            job_modify_index: job.modify_index,
            index,
            warnings: String::new(),
        })
    }

    /// The failed allocations that a forced evaluation marks.
    fn forced(&self, slot: JobRef, job: &Job) -> Vec<AllocRef> {
        let wanted = self.tables.jobs[slot].wanted.iter().copied();
        wanted
            .filter(|alloc| {
                self.tables.alloc(*alloc).is_some_and(|a| {
                    a.client == ClientStatus::Failed
                        && a.next.is_empty()
                        && job
                            .group(&a.group)
                            .and_then(|g| g.reschedule_policy.as_ref())
                            .is_some_and(crate::model::ReschedulePolicy::enabled)
                })
            })
            .collect()
    }

    pub(crate) fn stop_allocation(
        &mut self,
        id: &str,
        no_shutdown_delay: bool,
        reschedule: bool,
    ) -> Result<Stopped, ApiError> {
        check_id(id)?;
        let found = self.tables.alloc_ids.get(id).copied();
        let found = found.and_then(|alloc| Some((alloc, self.tables.alloc(alloc)?.clone())));
        let kind = WriteKind::Stop { no_shutdown_delay };
        let Some((reference, alloc)) = found else {
            self.record(kind, id, false);
            return Err(ApiError::not_found("allocation not found"));
        };
        self.record(kind, id, true);
        let slot = self.tables.alloc_jobs[reference];
        let index = self.transaction();
        let mut changed: Allocation = (*alloc).clone();
        changed.transition.migrate = Some(true);
        changed.transition.no_shutdown_delay = Some(no_shutdown_delay);
        changed.transition.reschedule = self.version.has_evaluate_job().then_some(reschedule);
        changed.alloc_modify_index = index;
        let (_, stored) = self.tables.put_alloc(slot, changed);
        let mut eval = self.new_eval(&alloc.job, "alloc-stop");
        eval.job_modify_index = alloc.job.modify_index;
        let (eval, stored_eval) = self.tables.put_eval(slot, eval);
        let eval_id = stored_eval.id.clone();
        self.log(
            "AllocationUpdateDesiredStatus",
            vec![Object::Allocation(stored), Object::Evaluation(stored_eval)],
        );
        self.tell_node(reference);
        self.enqueue(eval);
        Ok(Stopped { eval_id, index })
    }
}
