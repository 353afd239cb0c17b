//! Registration, stop, purge and scaling of jobs.

use serde_json::Value;

use super::changes::Object;
use super::state::{Registered, State};
use super::truth::WriteKind;
use crate::model::{ApiError, Job, Service, Task};

impl State {
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
    for group in job.groups.iter() {
        let has =
            |services: &Option<Vec<Service>>| services.as_ref().is_some_and(|s| !s.is_empty());
        let delayed = |task: &Task| task.shutdown_delay > 0;
        for task in group.tasks.iter().filter(|task| has(&task.services)) {
            if !delayed(task) {
                lines.push(format!(
                    "task {:?} in group {:?} defines services, but has no shutdown_delay set",
                    task.name, group.name
                ));
            }
        }
        if has(&group.services)
            && group.shutdown_delay.unwrap_or(0) == 0
            && !group.tasks.iter().any(delayed)
        {
            lines.push(format!(
                "group {:?} defines services, but neither the group nor any of its tasks have \
                 shutdown_delay set",
                group.name
            ));
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
