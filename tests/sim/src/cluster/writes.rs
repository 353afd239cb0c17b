//! Writes of the API: registration, stop and purge of a job, scaling, evaluate, stop of an
//! allocation, eligibility of a node.

use serde_json::Value;

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

    pub(crate) fn register(&mut self, input: &Value) -> Result<Registered, ApiError> {
        let mut job = Job::parse(input)?;
        let pool = job.node_pool.as_str();
        let pools = ["default", "all"];
        if !pools.contains(&pool) && !self.tables.nodes.iter().any(|n| n.pool == pool) {
            return Err(ApiError::internal(format!(
                "1 error occurred:\n\t* job {:?} is in nonexistent node pool {pool:?}\n\n",
                job.id
            )));
        }
        self.record(WriteKind::Job, &job.id, true);
        let warnings = warnings(&job);
        let slot = self.tables.slot(&job.namespace, &job.id);
        let before = self.tables.job(slot).cloned();
        // An unchanged specification makes no new version, only an evaluation.
        if let Some(before) = &before
            && before.same_spec(&job)
            && !before.stop
        {
            let index = self.transaction();
            let mut eval = self.new_eval(before, "job-register");
            eval.job_modify_index = before.job_modify_index;
            let (eval, stored) = self.tables.put_eval(slot, eval);
            self.log(
                "EvaluationUpdated",
                vec![Object::Evaluation(stored.clone())],
            );
            self.enqueue(eval);
            return Ok(Registered {
                eval_id: stored.id.clone(),
                eval_create_index: index,
                job_modify_index: before.job_modify_index,
                index,
                warnings,
            });
        }
        let index = self.transaction();
        job.create_index = index;
        job.submit_time = self.now;
        // The evaluations of a purged job of this id are still there.
        if !self.tables.jobs[slot].evals.is_empty() {
            job.status = "dead";
        }
        if let Some(before) = &before {
            job.create_index = before.create_index;
            job.version = before.version + 1;
            job.status = before.status;
        }
        job.modify_index = index;
        job.job_modify_index = index;
        if job.is_parent() || job.kind == "system" {
            job.status = "running";
        }
        let parent = job.is_parent();
        let job = self.tables.put_job(slot, job);
        self.log(
            "JobRegistered",
            vec![Object::Job {
                job: job.clone(),
                deleted: false,
            }],
        );
        if parent {
            return Ok(Registered {
                eval_id: String::new(),
                eval_create_index: 0,
                job_modify_index: index,
                index,
                warnings,
            });
        }
        let mut eval = self.new_eval(&job, "job-register");
        eval.job_modify_index = index;
        let (eval, stored) = self.tables.put_eval(slot, eval);
        let id = stored.id.clone();
        let mut objects = vec![Object::Evaluation(stored)];
        objects.extend(self.update_job_status(slot));
        self.log("JobRegistered", objects);
        self.enqueue(eval);
        Ok(Registered {
            eval_id: id,
            eval_create_index: index,
            job_modify_index: index,
            index,
            warnings,
        })
    }

    pub(crate) fn deregister(
        &mut self,
        namespace: &str,
        id: &str,
        purge: bool,
    ) -> Result<Registered, ApiError> {
        let slot = self
            .tables
            .find_job(namespace, id)
            .ok_or_else(|| ApiError::not_found("job not found"))?;
        let Some(before) = self.tables.job(slot).cloned() else {
            return Err(ApiError::not_found("job not found"));
        };
        self.record(WriteKind::Job, id, true);
        let index = self.transaction();
        let event = if purge {
            for alloc in self.tables.purge(slot) {
                self.purged(alloc);
            }
            self.broker.forget_blocked(slot);
            Object::Job {
                job: before.clone(),
                deleted: true,
            }
        } else {
            let mut job = (*before).clone();
            job.stop = true;
            job.version += 1;
            job.modify_index = index;
            job.job_modify_index = index;
            Object::Job {
                job: self.tables.put_job(slot, job),
                deleted: false,
            }
        };
        self.log("JobDeregistered", vec![event]);
        let mut eval = self.new_eval(&before, "job-deregister");
        eval.job_modify_index = index;
        let (eval, stored) = self.tables.put_eval(slot, eval);
        let eval_id = stored.id.clone();
        self.log("JobDeregistered", vec![Object::Evaluation(stored)]);
        self.enqueue(eval);
        Ok(Registered {
            eval_id,
            eval_create_index: index,
            job_modify_index: index,
            index,
            warnings: String::new(),
        })
    }

    pub(crate) fn scale(
        &mut self,
        namespace: &str,
        id: &str,
        group: &str,
        count: u32,
    ) -> Result<Registered, ApiError> {
        let unknown = || ApiError::not_found(format!("job {id:?} not found"));
        let slot = self.tables.find_job(namespace, id).ok_or_else(unknown)?;
        let before = self.tables.job(slot).cloned().ok_or_else(unknown)?;
        let mut job = (*before).clone();
        if !job.set_count(group, count) {
            return Err(ApiError::new(
                400,
                format!("task group {group:?} specified for scaling does not exist in job"),
            ));
        }
        self.record(WriteKind::Job, id, true);
        let index = self.transaction();
        job.version += 1;
        job.submit_time = self.now;
        job.modify_index = index;
        job.job_modify_index = index;
        job.stable = before.stable;
        let job = self.tables.put_job(slot, job);
        self.log(
            "JobRegistered",
            vec![Object::Job {
                job: job.clone(),
                deleted: false,
            }],
        );
        let eval_index = self.transaction();
        let mut eval = self.new_eval(&job, "job-scaling");
        eval.job_modify_index = index;
        let (eval, stored) = self.tables.put_eval(slot, eval);
        let eval_id = stored.id.clone();
        self.log("EvaluationUpdated", vec![Object::Evaluation(stored)]);
        // The scaling event is a third transaction; the answer carries its index.
        let last = self.transaction();
        self.enqueue(eval);
        Ok(Registered {
            eval_id,
            eval_create_index: eval_index,
            job_modify_index: index,
            index: last,
            warnings: String::new(),
        })
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
        changed.transition.reschedule = Some(false);
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

/// What a registration says about a specification that is legal but doubtful.
fn warnings(job: &Job) -> String {
    let mut lines = Vec::new();
    let spec = job.field("Periodic")["Spec"].as_str();
    if spec.is_some_and(|spec| !spec.is_empty()) {
        lines.push(
            "cron is deprecated and may be removed in a future release. Use crons instead"
                .to_owned(),
        );
    }
    if job.kind == "service" {
        for group in job.groups.iter() {
            let parallel = group
                .update
                .as_ref()
                .map_or(0, |update| update.max_parallel);
            if group.count > 1 && parallel > group.count {
                lines.push(format!(
                    "Group {:?} has warnings: 1 error occurred:\n\t* Update max parallel count is \
                     greater than task group count ({parallel} > {}). A destructive change would \
                     result in the simultaneous replacement of all allocations.",
                    group.name, group.count
                ));
            }
        }
    }
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("1 warning:\n\n* {line}"),
        many => {
            let bullets: Vec<String> = many.iter().map(|line| format!("* {line}")).collect();
            format!("{} warnings:\n\n{}", many.len(), bullets.join("\n"))
        }
    }
}
