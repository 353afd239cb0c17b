//! Carries out a recorded request on the simulated cluster.

use nomad_sim::cluster::Cluster;
use nomad_sim::model::ApiError;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::recording::{Names, Request};

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// Seconds.
    pub(crate) took: f64,
}

fn answer(result: Result<Value, ApiError>, began: Instant) -> Answer {
    let took = began.elapsed().as_secs_f64();
    match result {
        Ok(body) => Answer {
            status: 200,
            body,
            took,
        },
        Err(error) => Answer {
            status: error.status,
            body: error.text.into(),
            took,
        },
    }
}

/// Replaces the ids of a recorded path by those of the simulation.
pub(crate) fn translate(
    path: &str,
    recorded: &Names,
    simulated: &Names,
    cluster: &Cluster,
) -> String {
    let parts = path.split('/').map(|part| {
        let name = recorded.name(part);
        if name != part {
            return simulated
                .id(name)
                .unwrap_or_else(|| panic!("the simulation has no {name} yet"))
                .to_owned();
        }
        // The recorder also asked for an id in upper case, and for the first characters of one.
        let lower = part.to_lowercase();
        let name = recorded.name(&lower);
        if name != lower {
            return simulated.id(name).unwrap_or_default().to_uppercase();
        }
        part.to_owned()
    });
    let mut translated = parts.collect::<Vec<_>>().join("/");
    if let Some(rest) = path.strip_prefix("/v1/node/") {
        let (_, suffix) = rest.split_once('/').unwrap_or((rest, ""));
        // The node that has the first allocation; before there is one, any.
        let node = cluster.read(|state| match state.allocations().next() {
            Some(alloc) => alloc.node_id.clone(),
            None => state.nodes().next().unwrap().id.clone(),
        });
        translated = format!("/v1/node/{node}/{suffix}");
    }
    translated
}

/// Carries out one recorded request. `None`: nothing that the state machine answers.
pub(crate) async fn send(cluster: Cluster, request: Request, path: String) -> Option<Answer> {
    let began = Instant::now();
    let parts: Vec<&str> = path.split('/').skip(2).collect();
    let ok = |value: Value| Ok::<Value, ApiError>(value);
    let result = match (request.method.as_str(), parts.as_slice()) {
        ("PUT" | "POST", ["jobs"]) => cluster.register(&request.body["Job"]).map(|r| {
            json!({"EvalCreateIndex": r.eval_create_index, "EvalID": r.eval_id,
                "Index": r.index, "JobModifyIndex": r.job_modify_index, "KnownLeader": false,
                "LastContact": 0, "NextToken": "", "Warnings": r.warnings})
        }),
        ("PUT", ["allocation", id, "stop"]) if request.query.contains("reschedule=true") => cluster
            .stop_to_reschedule(id, false)
            .map(|s| json!({"EvalID": s.eval_id, "Index": s.index})),
        ("PUT", ["allocation", id, "stop"]) => cluster
            .stop_allocation(id, request.query.contains("no_shutdown_delay=true"))
            .map(|s| json!({"EvalID": s.eval_id, "Index": s.index})),
        (_, ["client", "allocation", id, "restart"]) => {
            if request.body.is_string() || request.body["TaskName"].is_number() {
                return None;
            }
            let task = request.body["TaskName"].as_str().unwrap_or_default();
            let all = request.body["AllTasks"].as_bool().unwrap_or(false);
            let result = cluster.restart_allocation(id, task, all).await;
            result.map(|()| json!({"Index": 0}))
        }
        ("PUT", ["node", id, "eligibility"]) => {
            cluster.set_eligible(id, request.body["Eligibility"] == "eligible");
            return None;
        }
        ("PUT", ["node", id, "drain"]) => {
            cluster.drain(id, !request.body["DrainSpec"].is_null());
            return None;
        }
        ("GET", ["client", "allocation", id, "checks"]) => cluster.checks(id),
        ("GET", [.., "services"]) => return None,
        ("DELETE", ["job", id]) => {
            let purge = request.query.contains("purge=true");
            cluster.deregister("default", id, purge).map(|r| {
                json!({"EvalCreateIndex": r.eval_create_index, "EvalID": r.eval_id,
                    "Index": r.index, "JobModifyIndex": r.job_modify_index,
                    "KnownLeader": false, "LastContact": 0, "NextToken": "",
                    "VolumeEvalID": "", "VolumeEvalIndex": 0})
            })
        }
        ("PUT", ["job", id, "scale"]) => {
            let group = request.body["Target"]["Group"].as_str().unwrap();
            let count = u32::try_from(request.body["Count"].as_u64().unwrap()).unwrap();
            cluster.scale("default", id, group, count).map(|r| {
                json!({"EvalCreateIndex": r.eval_create_index, "EvalID": r.eval_id,
                    "Index": r.index, "JobModifyIndex": r.job_modify_index,
                    "KnownLeader": false, "LastContact": 0, "NextToken": "", "Warnings": ""})
            })
        }
        ("PUT", ["job", id, "evaluate"]) => {
            let force = request.body["EvalOptions"]["ForceReschedule"] == true;
            cluster.evaluate("default", id, force).map(|r| {
                json!({"EvalCreateIndex": r.eval_create_index, "EvalID": r.eval_id,
                    "Index": r.index, "JobModifyIndex": r.job_modify_index,
                    "KnownLeader": false, "LastContact": 0, "NextToken": "", "Warnings": ""})
            })
        }
        ("GET", ["allocation", id]) => cluster.read(|state| match state.allocation(id) {
            Some(alloc) => Ok(serde_json::to_value(alloc.with_job()).unwrap()),
            None => Err(ApiError::not_found("alloc not found")),
        }),
        ("GET", ["job", id]) => cluster.read(|state| match state.job("default", id) {
            Some(job) => Ok(serde_json::to_value(job).unwrap()),
            None => Err(ApiError::not_found("job not found")),
        }),
        ("GET", ["evaluation", id]) => ok(cluster.read(|state| {
            let mut eval = serde_json::to_value(state.evaluation(id).unwrap()).unwrap();
            let related = state.related_evaluations(id);
            if request.query.contains("related=true") && !related.is_empty() {
                eval["RelatedEvals"] = related
                    .into_iter()
                    .map(|eval| serde_json::to_value(eval.stub()).unwrap())
                    .collect();
            }
            eval
        })),
        ("GET", ["job", id, list]) => ok(cluster.read(|state| match *list {
            "allocations" => state
                .job_allocations("default", id)
                .map(|alloc| serde_json::to_value(alloc.stub()).unwrap())
                .collect(),
            "evaluations" => state
                .job_evaluations("default", id)
                .map(|eval| serde_json::to_value(eval).unwrap())
                .collect(),
            "deployments" => state
                .job_deployments("default", id)
                .map(|deployment| serde_json::to_value(deployment).unwrap())
                .collect(),
            "deployment" => {
                let newest = state.job_deployments("default", id).last();
                serde_json::to_value(newest).unwrap()
            }
            "summary" => serde_json::to_value(state.job_summary("default", id).unwrap()).unwrap(),
            other => panic!("no such list: {other}"),
        })),
        _ => return None,
    };
    Some(answer(result, began))
}
