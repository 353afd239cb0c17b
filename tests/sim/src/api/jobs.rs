//! `/v1/jobs` (list and registration) and `/v1/jobs/statuses`.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde_json::{Map, Value, json};

use super::acl::Style;
use super::call::Call;
use super::page::{Token, rendered};
use super::query::Rendered;
use super::reply::{Outcome, Reply, json as bytes};
use super::{Api, invalid_method, writes};
use crate::cluster::{State, Table, Watch};
use crate::model::{Allocation, ApiError, Deployment, Job, JobSummary};

impl Api {
    pub(super) async fn jobs(&self, call: &Call) -> Outcome {
        match call.method {
            Method::GET => self.job_list(call).await,
            Method::PUT | Method::POST => self.register(call, None),
            _ => Err(invalid_method()),
        }
    }

    async fn job_list(&self, call: &Call) -> Outcome {
        let options = call.options()?;
        let meta = call.bool("meta")?.unwrap_or(false);
        let who = self.enter_with(call, "list-jobs")?;
        let visible =
            |job: &Job| options.covers(&job.namespace) && who.can(&job.namespace, "list-jobs");
        let watch = [Watch::Table(Table::Jobs), Watch::Table(Table::JobSummaries)];
        self.query(
            &options,
            &watch,
            |state| {
                let index = state
                    .index(Table::Jobs)
                    .max(state.index(Table::JobSummaries));
                let jobs: Vec<(Arc<Job>, JobSummary)> = state
                    .jobs()
                    .filter(|(job, _)| visible(job) && job.id.starts_with(&options.prefix))
                    .map(|(job, summary)| (job.clone(), summary.clone()))
                    .collect();
                (index, jobs)
            },
            |jobs| {
                rendered(
                    jobs,
                    &options,
                    |(job, _)| &**job,
                    |(job, _)| Token::Name(format!("{}.{}", job.namespace, job.id)),
                    |page| {
                        let stubs: Vec<_> = page.iter().map(|(job, sum)| job.stub(sum)).collect();
                        if !meta {
                            return bytes(&stubs);
                        }
                        let mut stubs = serde_json::to_value(&stubs).unwrap_or(Value::Null);
                        for (number, (job, _)) in page.iter().enumerate() {
                            stubs[number]["Meta"] = job.field("Meta").clone();
                        }
                        bytes(&stubs)
                    },
                )
            },
        )
        .await
    }

    /// `PUT /v1/jobs` and `PUT /v1/job/:id`.
    pub(super) fn register(&self, call: &Call, path_id: Option<&str>) -> Outcome {
        let body = writes::body(call, 400)?;
        let bad = |text: &str| ApiError::new(400, text);
        let mut job = match body.get("Job") {
            Some(Value::Object(job)) => Value::Object(job.clone()),
            _ => return Err(bad("Job must be specified")),
        };
        match job.get("ID") {
            Some(Value::String(id)) => {
                if path_id.is_some_and(|expected| expected != id) {
                    return Err(bad("Job ID does not match name"));
                }
            }
            _ => return Err(bad("Job ID hasn't been provided")),
        }
        // The namespace of the request wins only where the job names none.
        let namespace = match (job["Namespace"].as_str(), call.param("namespace")) {
            (Some(own), _) if !own.is_empty() => own.to_owned(),
            (_, Some(asked)) if !asked.is_empty() => asked.to_owned(),
            _ => "default".to_owned(),
        };
        job["Namespace"] = namespace.as_str().into();
        let who = self.enter(call, Style::Ordinary)?;
        who.need(&namespace, "submit-job")?;
        if !self.has_namespace(&namespace) {
            let id = &job["ID"];
            return Err(ApiError::internal(format!(
                "job {id} is in nonexistent namespace {namespace:?}"
            )));
        }
        self.check_enforced(&body, &namespace, job["ID"].as_str().unwrap_or_default())?;
        let registered = self.cluster.register(&job)?;
        Ok(writes::registered(&registered))
    }

    /// A registration can demand that the job still has a certain `JobModifyIndex` (0: is new).
    fn check_enforced(&self, body: &Value, namespace: &str, id: &str) -> Result<(), ApiError> {
        if body["EnforceIndex"] != true {
            return Ok(());
        }
        let wanted = body["JobModifyIndex"].as_u64().unwrap_or(0);
        let found = self
            .cluster
            .read(|state| state.job(namespace, id).map(|job| job.job_modify_index));
        let problem = match found {
            Some(found) if found == wanted => return Ok(()),
            None if wanted == 0 => return Ok(()),
            None => "job does not exist".to_owned(),
            Some(_) if wanted == 0 => "job already exists".to_owned(),
            Some(found) => format!("job exists with conflicting job modify index: {found}"),
        };
        Err(ApiError::internal(format!(
            "Enforcing job modify index {wanted}: {problem}"
        )))
    }

    /// Compact statuses, as the web interface asks for them.
    pub(super) async fn statuses(&self, call: &Call) -> Outcome {
        let body = match call.method {
            Method::GET => Value::Null,
            Method::PUT | Method::POST => writes::body(call, 400)?,
            _ => return Err(invalid_method()),
        };
        let options = call.options()?;
        let who = self.enter_with(call, "read-job")?;
        let wanted: Vec<(String, String)> = match body["Jobs"].as_array() {
            Some(list) => list
                .iter()
                .map(|job| {
                    let text = |key: &str| job[key].as_str().unwrap_or_default().to_owned();
                    let namespace = match text("Namespace") {
                        empty if empty.is_empty() => call.namespace().to_owned(),
                        given => given,
                    };
                    (namespace, text("ID"))
                })
                .collect(),
            None => Vec::new(),
        };
        let asked = |job: &Job| {
            if wanted.is_empty() {
                job.parent_id.is_empty() && options.covers(&job.namespace)
            } else {
                wanted
                    .iter()
                    .any(|(ns, id)| *ns == job.namespace && *id == job.id)
            }
        };
        let watch = [
            Watch::Table(Table::Jobs),
            Watch::Table(Table::Allocations),
            Watch::Table(Table::Deployments),
        ];
        self.query(
            &options,
            &watch,
            |state| {
                let jobs = state.jobs().map(|(job, _)| job);
                let jobs = jobs.filter(|job| asked(job) && who.can(&job.namespace, "read-job"));
                let all: Vec<Status> = jobs.map(|job| Status::of(state, job)).collect();
                (all.iter().map(Status::index).max().unwrap_or(0), all)
            },
            |all| {
                let list: Vec<Value> = all.iter().map(Status::json).collect();
                Ok(Rendered::json(&list))
            },
        )
        .await
    }

    /// `GET /v1/job/:id/summary`.
    pub(super) async fn summary(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        let ns = options.namespace.as_str();
        self.query(
            &options,
            &[Watch::JobSummary(ns.to_owned(), id.to_owned())],
            |state| match state.job_summary(ns, id) {
                Some(summary) => (summary.modify_index, Some(summary.clone())),
                None => (state.index(Table::JobSummaries), None),
            },
            |summary| {
                Ok(match summary {
                    Some(summary) => Rendered::json(&summary),
                    None => Rendered::Missing("job not found"),
                })
            },
        )
        .await
    }

    /// `PUT /v1/job/:id/dispatch`: a child of a parameterized job.
    pub(super) fn dispatch(&self, call: &Call, id: &str) -> Outcome {
        let body = writes::body(call, 400)?;
        self.enter_with(call, "dispatch-job")?;
        let ns = call.namespace();
        let parent = self
            .cluster
            .read(|state| state.job(ns, id).cloned())
            .ok_or_else(|| ApiError::not_found("job not found"))?;
        if !parent.is_parameterized() {
            return Err(ApiError::internal(format!(
                "Specified job {id:?} is not a parameterized job"
            )));
        }
        let mut child = serde_json::to_value(&*parent).unwrap_or(Value::Null);
        let now = self.cluster.now();
        let prefix = match body["IdPrefixTemplate"].as_str() {
            None | Some("") => String::new(),
            Some(prefix) => format!("{prefix}-"),
        };
        let mut draws = super::lock(&self.draws);
        *draws += 1;
        let tail = draws.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        drop(draws);
        let child_id = format!("{id}/dispatch-{prefix}{}-{tail:08x}", now.seconds());
        child["ID"] = child_id.as_str().into();
        child["Name"] = child_id.as_str().into();
        child["ParentID"] = id.into();
        child["Dispatched"] = true.into();
        if body["Payload"].is_string() {
            child["Payload"] = body["Payload"].clone();
        }
        let mut meta = child["Meta"].as_object().cloned().unwrap_or_default();
        if let Some(given) = body["Meta"].as_object() {
            meta.extend(given.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        if !meta.is_empty() {
            child["Meta"] = Value::Object(meta);
        }
        let registered = self.cluster.register(&child)?;
        let answer = json!({"DispatchedJobID": child_id,
            "EvalCreateIndex": registered.eval_create_index, "EvalID": registered.eval_id,
            "Index": registered.index, "JobCreateIndex": registered.job_modify_index});
        Ok(Reply::written(registered.index, &answer))
    }
}

/// One element of the statuses.
struct Status {
    job: Arc<Job>,
    allocations: Vec<Arc<Allocation>>,
    deployment: Option<Arc<Deployment>>,
    children: BTreeMap<String, u32>,
}

impl Status {
    fn of(state: &State, job: &Arc<Job>) -> Self {
        let (ns, id) = (&job.namespace, &job.id);
        let mut children = BTreeMap::new();
        if job.is_parent() {
            let all = state.jobs().map(|(child, _)| child);
            for child in all.filter(|child| child.parent_id == *id && child.namespace == *ns) {
                *children.entry(child.status.to_owned()).or_default() += 1;
            }
        }
        Self {
            job: job.clone(),
            allocations: state.job_allocations(ns, id).cloned().collect(),
            deployment: state.job_deployments(ns, id).last().cloned(),
            children,
        }
    }

    fn index(&self) -> u64 {
        let allocations = self.allocations.iter().map(|alloc| alloc.modify_index);
        let deployment = self.deployment.iter().map(|d| d.modify_index);
        allocations
            .chain(deployment)
            .chain([self.job.modify_index])
            .max()
            .unwrap_or(0)
    }

    fn json(&self) -> Value {
        let job = &self.job;
        let allocations: Vec<Value> = self
            .allocations
            .iter()
            .map(|alloc| {
                let health = alloc.health.as_ref();
                json!({"ClientStatus": alloc.client,
                    "DeploymentStatus": {"Canary": alloc.is_canary(),
                                         "Healthy": health.and_then(|h| h.healthy)},
                    "FollowupEvalID": alloc.followup_eval, "Group": alloc.group,
                    "HasPausedTask": false, "ID": alloc.id, "JobVersion": alloc.job.version,
                    "NodeID": alloc.node_id})
            })
            .collect();
        let deployment = self.deployment.as_ref().map(|deployment| {
            let groups = deployment.task_groups.values();
            let canaries = groups.clone().filter(|group| group.desired_canaries > 0);
            let waiting = canaries.clone().any(|g| !g.promoted && !g.auto_promote);
            json!({"AllAutoPromote": canaries.clone().all(|group| group.auto_promote),
                "ID": deployment.id, "IsActive": deployment.is_active(),
                "JobVersion": deployment.job_version, "RequiresPromotion": waiting,
                "Status": deployment.status,
                "StatusDescription": deployment.status_description})
        });
        let children = job.is_parent().then(|| {
            let expanded = self.children.iter().flat_map(|(status, count)| {
                std::iter::repeat_n(Value::from(status.as_str()), *count as usize)
            });
            expanded.collect::<Vec<Value>>()
        });
        let counts: u64 = job.groups.iter().map(|group| u64::from(group.count)).sum();
        let mut status = Map::new();
        for (key, value) in [
            ("Allocs", json!(allocations)),
            ("ChildStatuses", json!(children)),
            ("Datacenters", json!(job.datacenters)),
            ("GroupCountSum", counts.into()),
            ("ID", job.id.as_str().into()),
            ("IsPack", false.into()),
            ("LatestDeployment", json!(deployment)),
            ("ModifyIndex", job.modify_index.into()),
            ("Name", job.name.as_str().into()),
            ("Namespace", job.namespace.as_str().into()),
            ("NodePool", job.node_pool.as_str().into()),
            ("ParentID", job.parent_id.as_str().into()),
            ("Priority", job.priority.into()),
            ("Status", job.status.into()),
            ("Stop", job.stop.into()),
            ("SubmitTime", job.submit_time.nanos().into()),
            ("Type", job.kind.as_str().into()),
            ("Version", job.version.into()),
        ] {
            status.insert(key.to_owned(), value);
        }
        Value::Object(status)
    }
}
