//! `/v1/job/:id` and everything below it.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::acl::Style;
use super::call::Call;
use super::query::Rendered;
use super::reply::{Outcome, Reply};
use super::{Api, invalid_method, only_get, only_put, writes};
use crate::cluster::{State, Table, Watch};
use crate::model::{Allocation, ApiError, Deployment, Evaluation, Job};

/// What is cut off the end of the path; what remains is the job's id, slashes and all.
const SUFFIXES: [&str; 10] = [
    "/evaluate",
    "/allocations",
    "/evaluations",
    "/deployments",
    "/deployment",
    "/versions",
    "/summary",
    "/services",
    "/dispatch",
    "/scale",
];

/// Real endpoints that are not simulated. They must not be taken for a part of the id.
const NOT_SIMULATED: [&str; 8] = [
    "/actions",
    "/periodic/force",
    "/plan",
    "/revert",
    "/stable",
    "/submission",
    "/tag",
    "/versions/tag",
];

impl Api {
    pub(super) async fn job(&self, call: &Call, rest: &str) -> Outcome {
        let cut = SUFFIXES
            .iter()
            .find_map(|suffix| Some((rest.strip_suffix(suffix)?, *suffix)));
        let (id, suffix) = cut.unwrap_or((rest, ""));
        match suffix {
            "/evaluate" => self.evaluate(call, id),
            "/allocations" => self.job_allocations(call, id).await,
            "/evaluations" => self.job_evaluations(call, id).await,
            "/deployments" => self.job_deployments(call, id).await,
            "/deployment" => self.job_deployment(call, id).await,
            // Any method, as the real agent.
            "/versions" => self.versions(call, id).await,
            "/summary" => {
                only_get(call)?;
                self.summary(call, id).await
            }
            "/services" => {
                only_get(call)?;
                self.job_services(call, id).await
            }
            "/dispatch" => {
                only_put(call)?;
                self.dispatch(call, id)
            }
            "/scale" => self.scale(call, id).await,
            _ if NOT_SIMULATED.iter().any(|real| id.ends_with(real)) => Err(ApiError::new(
                501,
                "the simulated cluster does not have this endpoint",
            )),
            _ => match call.method {
                Method::GET => self.one_job(call, id).await,
                Method::PUT | Method::POST => self.register(call, Some(id)),
                Method::DELETE => self.deregister(call, id),
                _ => Err(invalid_method()),
            },
        }
    }

    async fn one_job(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        let ns = options.namespace.as_str();
        self.query(
            &options,
            &[Watch::Job(ns.to_owned(), id.to_owned())],
            |state| match state.job(ns, id) {
                Some(job) => (job.modify_index, Some(job.clone())),
                None => (state.index(Table::Jobs), None),
            },
            |job: Option<Arc<Job>>| {
                Ok(match job {
                    Some(job) => Rendered::json(&*job),
                    None => Rendered::Missing("job not found"),
                })
            },
        )
        .await
    }

    /// `Diffs` is always null: differences between versions are not computed.
    async fn versions(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        call.bool("diffs")?;
        self.enter_with(call, "read-job")?;
        let ns = options.namespace.as_str();
        self.query(
            &options,
            &[Watch::Job(ns.to_owned(), id.to_owned())],
            |state| {
                let versions = state.job_versions(ns, id).to_vec();
                let index = versions.iter().map(|job| job.modify_index).max();
                (index.unwrap_or_else(|| state.index(Table::Jobs)), versions)
            },
            |versions: Vec<Arc<Job>>| {
                if versions.is_empty() {
                    return Ok(Rendered::Missing("job versions not found"));
                }
                let index = versions.iter().map(|job| job.modify_index).max();
                let list: Vec<&Job> = versions.iter().map(|job| &**job).collect();
                Ok(Rendered::json(
                    &json!({"Diffs": null, "Index": index, "KnownLeader": true,
                    "LastContact": 0, "NextToken": "", "Versions": list}),
                ))
            },
        )
        .await
    }

    /// Never filtered, never paged. `all` changes nothing: a purge deletes the allocations.
    async fn job_allocations(&self, call: &Call, id: &str) -> Outcome {
        let read = |state: &State, ns: &str| {
            let list: Vec<_> = state.job_allocations(ns, id).cloned().collect();
            (state.index(Table::Allocations), list)
        };
        self.list_of(call, id, Watch::JobAllocations, read, |list| {
            let stubs: Vec<_> = list.iter().map(|alloc| alloc.stub()).collect();
            Rendered::json(&stubs)
        })
        .await
    }

    async fn job_evaluations(&self, call: &Call, id: &str) -> Outcome {
        let read = |state: &State, ns: &str| {
            let list: Vec<_> = state.job_evaluations(ns, id).cloned().collect();
            (state.index(Table::Evaluations), list)
        };
        self.list_of(call, id, Watch::JobEvaluations, read, |mut list| {
            // By id, which is no order at all for the reader.
            list.sort_by(|a, b| a.id.cmp(&b.id));
            let list: Vec<&Evaluation> = list.iter().map(|eval| &**eval).collect();
            Rendered::json(&list)
        })
        .await
    }

    async fn job_deployments(&self, call: &Call, id: &str) -> Outcome {
        self.deployments_of(call, id, |list| {
            let list: Vec<&Deployment> = list.iter().map(|deployment| &**deployment).collect();
            Rendered::json(&list)
        })
        .await
    }

    async fn job_deployment(&self, call: &Call, id: &str) -> Outcome {
        self.deployments_of(call, id, |list| {
            let newest = list.iter().max_by_key(|deployment| deployment.create_index);
            Rendered::json(&newest.map(|deployment| &**deployment))
        })
        .await
    }

    async fn deployments_of(
        &self,
        call: &Call,
        id: &str,
        write: impl FnOnce(Vec<Arc<Deployment>>) -> Rendered,
    ) -> Outcome {
        let read = |state: &State, ns: &str| {
            let list: Vec<_> = state.job_deployments(ns, id).cloned().collect();
            (state.index(Table::Deployments), list)
        };
        self.list_of(call, id, Watch::JobDeployments, read, |mut list| {
            list.sort_by(|a, b| a.id.cmp(&b.id));
            write(list)
        })
        .await
    }

    /// What a job has of one table: what tells of news of it, how it is read and how it is written. A job that does not exist has none.
    async fn list_of<T>(
        &self,
        call: &Call,
        id: &str,
        watch: impl FnOnce(String, String) -> Watch,
        read: impl Fn(&State, &str) -> (u64, Vec<Arc<T>>),
        write: impl FnOnce(Vec<Arc<T>>) -> Rendered,
    ) -> Outcome {
        only_get(call)?;
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        let ns = options.namespace.as_str();
        self.query(
            &options,
            &[watch(ns.to_owned(), id.to_owned())],
            |state| read(state, ns),
            |list| Ok(write(list)),
        )
        .await
    }

    /// Native service registrations are not simulated: a job that exists has none.
    async fn job_services(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        let ns = options.namespace.as_str();
        self.query(
            &options,
            &[],
            |state| {
                let exists = state.job(ns, id).is_some();
                (u64::from(exists), exists)
            },
            |exists| {
                Ok(if exists {
                    Rendered::json(&[(); 0])
                } else {
                    Rendered::Missing("job not found")
                })
            },
        )
        .await
    }

    fn evaluate(&self, call: &Call, id: &str) -> Outcome {
        only_put(call)?;
        let bad = |text: &str| ApiError::new(400, text);
        let mut force = false;
        if !call.body.is_empty() {
            let body = writes::body(call, 400)?;
            match body["JobID"].as_str() {
                None | Some("") => return Err(bad("Job ID must be specified")),
                Some(given) if given != id => return Err(bad("JobID not same as job name")),
                Some(_) => {}
            }
            force = body["EvalOptions"]["ForceReschedule"] == true;
        }
        let who = self.enter(call, Style::Ordinary)?;
        let rights: &[&str] = if self.cluster.version().has_evaluate_job() {
            &["submit-job", "evaluate-job"]
        } else {
            &["submit-job"]
        };
        who.need_any(call.namespace(), rights)?;
        let evaluated = self.cluster.evaluate(call.namespace(), id, force)?;
        Ok(writes::registered(&evaluated))
    }

    fn deregister(&self, call: &Call, id: &str) -> Outcome {
        let purge = call.bool("purge")?.unwrap_or(false);
        call.bool("global")?;
        call.bool("no_shutdown_delay")?;
        self.enter_with(call, "submit-job")?;
        let done = self.cluster.deregister(call.namespace(), id, purge)?;
        let answer = json!({"EvalCreateIndex": done.eval_create_index, "EvalID": done.eval_id,
            "Index": done.index, "JobModifyIndex": done.job_modify_index, "KnownLeader": false,
            "LastContact": 0, "NextToken": "", "VolumeEvalID": "", "VolumeEvalIndex": 0});
        Ok(Reply::written(done.index, &answer))
    }

    async fn scale(&self, call: &Call, id: &str) -> Outcome {
        if call.method == Method::GET {
            return self.scale_status(call, id).await;
        }
        only_put(call)?;
        let body = writes::body(call, 400)?;
        let who = self.enter(call, Style::Ordinary)?;
        who.need_any(call.namespace(), &["scale-job", "submit-job"])?;
        let Some(group) = body["Target"]["Group"].as_str() else {
            return Err(ApiError::new(
                400,
                "missing task group name for scaling action",
            ));
        };
        let Some(count) = body["Count"].as_u64().and_then(|n| u32::try_from(n).ok()) else {
            return Err(ApiError::new(400, "scaling action count can't be negative"));
        };
        let done = self.cluster.scale(call.namespace(), id, group, count)?;
        let answer = json!({"EvalCreateIndex": done.eval_create_index, "EvalID": done.eval_id,
            "Index": done.index, "JobModifyIndex": done.job_modify_index, "KnownLeader": true,
            "LastContact": 0, "NextToken": "", "Warnings": done.warnings});
        Ok(Reply::written(done.index, &answer))
    }

    async fn scale_status(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        let ns = options.namespace.as_str();
        self.query(
            &options,
            &[Watch::JobAllocations(ns.to_owned(), id.to_owned())],
            |state| {
                let job = state.job(ns, id).cloned();
                let list: Vec<_> = state.job_allocations(ns, id).cloned().collect();
                (state.index(Table::Allocations), job.map(|job| (job, list)))
            },
            |found: Option<(Arc<Job>, Vec<Arc<Allocation>>)>| {
                let Some((job, list)) = found else {
                    return Ok(Rendered::Missing("not found"));
                };
                let groups: serde_json::Map<String, Value> = job
                    .groups
                    .iter()
                    .map(|group| {
                        let of_group = list.iter().filter(|a| a.group == group.name);
                        let live: Vec<_> = of_group.filter(|alloc| !alloc.terminal()).collect();
                        let healthy = live.iter().filter(|a| a.healthy() == Some(true)).count();
                        let unhealthy = live.iter().filter(|a| a.healthy() == Some(false)).count();
                        let status = json!({"Desired": group.count, "Events": null,
                            "Healthy": healthy, "Placed": live.len(), "Running": live.len(),
                            "Unhealthy": unhealthy});
                        (group.name.clone(), status)
                    })
                    .collect();
                Ok(Rendered::json(
                    &json!({"JobCreateIndex": job.create_index, "JobID": job.id,
                    "JobModifyIndex": job.modify_index, "JobStopped": job.stop,
                    "Namespace": job.namespace, "TaskGroups": groups}),
                ))
            },
        )
        .await
    }
}
