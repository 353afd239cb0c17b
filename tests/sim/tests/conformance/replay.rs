//! Sends a recording's requests to a simulated cluster at their times, under tokio's paused time, and
//! compares answers and consequences.

use std::time::Duration;

use nomad_sim::cluster::{Behaviour, Cluster, Config, Selector, State, Timing};
use nomad_sim::model::ApiError;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::recording::{Names, Recording, Request, read};
use crate::shape::{difference, task_events};
use crate::trace;

/// Runs of each recording: latencies and the moments at which nodes report differ.
const SEEDS: u64 = 4;

/// What came of a replay.
pub(crate) struct Replay {
    pub(crate) recording: Recording,
    pub(crate) recorded: Names,
    /// The simulation's event lines of the recorded job.
    pub(crate) lines: Vec<Value>,
    pub(crate) simulated: Names,
    pub(crate) answers: Vec<(Request, Answer)>,
}

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

/// The lines of one job, from an index on.
fn lines_of(state: &State, job: &str, since: u64) -> Vec<Value> {
    let lines = state.changes().since(since).map(|change| change.line());
    lines
        .filter(|line| {
            let mut events = line["Events"].as_array().unwrap().iter();
            events.any(|event| event["Key"] == job || event["FilterKeys"][0] == job)
        })
        .collect()
}

/// Replaces the ids of a recorded path by those of the simulation.
fn translate(path: &str, recorded: &Names, simulated: &Names, cluster: &Cluster) -> String {
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
        let node = cluster.read(|state| state.nodes().next().unwrap().id.clone());
        translated = format!("/v1/node/{node}/{suffix}");
    }
    translated
}

/// Carries out one recorded request. `None`: nothing that the state machine answers.
async fn send(cluster: Cluster, request: Request, path: String) -> Option<Answer> {
    let began = Instant::now();
    let parts: Vec<&str> = path.split('/').skip(2).collect();
    let ok = |value: Value| Ok::<Value, ApiError>(value);
    let result = match (request.method.as_str(), parts.as_slice()) {
        ("PUT" | "POST", ["jobs"]) => cluster.register(&request.body["Job"]).map(|r| {
            json!({"EvalCreateIndex": r.eval_create_index, "EvalID": r.eval_id,
                "Index": r.index, "JobModifyIndex": r.job_modify_index, "KnownLeader": false,
                "LastContact": 0, "NextToken": "", "Warnings": r.warnings})
        }),
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

/// What the recorded shell scripts and the recorder's machine say in their own way.
#[derive(Default)]
pub(crate) struct Setting {
    pub(crate) timing: Timing,
    /// A job of this id was registered and purged before.
    pub(crate) purged_before: bool,
    /// Seconds of the recording, and what holds from then on.
    pub(crate) rules: Vec<(f64, Selector, Behaviour)>,
}

impl Setting {
    pub(crate) fn rule(mut self, selector: Selector, behaviour: Behaviour) -> Self {
        self.rules.push((0.0, selector, behaviour));
        self
    }

    pub(crate) fn later(mut self, at: f64, selector: Selector, behaviour: Behaviour) -> Self {
        self.rules.push((at, selector, behaviour));
        self
    }
}

/// Replays a recording.
async fn replay(name: &str, setting: &Setting, seed: u64) -> Replay {
    let recording = read(name);
    let recorded = Names::of(&recording.lines);
    let cluster = Cluster::new(Config {
        timing: setting.timing.clone(),
        ..Config::seeded(seed)
    });
    let job = recording
        .requests
        .iter()
        .find(|r| r.path == "/v1/jobs")
        .map(|r| r.body["Job"].clone())
        .unwrap();
    if setting.purged_before {
        cluster.register(&job).unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let id = job["ID"].as_str().unwrap();
        cluster.deregister("default", id, true).unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let job = job["ID"].as_str().unwrap().to_owned();
    let since = cluster.read(State::latest_index) + 1;
    let start = Instant::now();
    let moment = move |seconds: f64| start + Duration::from_secs_f64(seconds);
    for (at, selector, behaviour) in setting.rules.clone() {
        if at == 0.0 {
            cluster.behave(selector, behaviour);
            continue;
        }
        let cluster = cluster.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(moment(at)).await;
            cluster.behave(selector, behaviour);
        });
    }
    let mut calls = Vec::new();
    // The file has a request where its answer came; it was sent earlier.
    let mut requests = recording.requests.clone();
    requests.sort_by(|a, b| a.at.total_cmp(&b.at));
    let mut behind = Duration::ZERO;
    for request in requests {
        tokio::time::sleep_until(moment(request.at) + behind).await;
        // What the servers had written by then they have written here too: when a node looks at what
        // it has to report is chance.
        let before = recording.times.partition_point(|time| *time < request.at);
        let expected = trace::servers(&recording.lines[..before], &recorded).len();
        let waiting = Instant::now();
        let caught_up = cluster.until(|state| {
            let lines = lines_of(state, &job, since);
            (trace::servers(&lines, &Names::of(&lines)).len() >= expected).then_some(())
        });
        tokio::time::timeout(Duration::from_secs(5), caught_up)
            .await
            .unwrap_or_else(|_| panic!("fewer than {expected} transactions"));
        behind += waiting.elapsed();
        let simulated = Names::of(&cluster.read(|state| lines_of(state, &job, since)));
        let path = translate(&request.path, &recorded, &simulated, &cluster);
        let call = tokio::spawn(send(cluster.clone(), request.clone(), path));
        // The request is sent before the next one; its answer must not hold that up.
        tokio::task::yield_now().await;
        if request.status == 0 {
            // The recorder closed the connection before the answer.
            tokio::time::sleep(Duration::from_secs_f64(request.took)).await;
            call.abort();
            continue;
        }
        calls.push((request, call));
    }
    let mut answers = Vec::new();
    for (request, call) in calls {
        let answer = call.await.unwrap();
        answers.extend(answer.map(|answer| (request, answer)));
    }
    tokio::time::sleep_until(moment(recording.end + 1.5) + behind).await;
    let lines = cluster.read(|state| lines_of(state, &job, since));
    Replay {
        simulated: Names::of(&lines),
        recorded,
        recording,
        lines,
        answers,
    }
}

/// Replays a recording with several seeds and checks each run.
pub(crate) async fn conforms(name: &str, setting: Setting, check: impl Fn(&Replay)) {
    for seed in 1..=SEEDS {
        check(&replay(name, &setting, seed).await);
    }
}

impl Replay {
    /// Status and text of every answer are the recorded ones, JSON answers have the same keys, and
    /// restart calls took as long, give or take `tolerance` seconds.
    pub(crate) fn check_answers(&self, tolerance: f64) {
        for (request, answer) in &self.answers {
            let what = format!("{} {} ({})", request.method, request.path, request.note);
            assert_eq!(answer.status, request.status, "{what}: {}", answer.body);
            if let (Some(recorded), Some(simulated)) =
                (request.answer.as_str(), answer.body.as_str())
            {
                let recorded = self.recorded.in_text(&recorded.to_lowercase());
                let simulated = self.simulated.in_text(&simulated.to_lowercase());
                assert_eq!(simulated, recorded, "{what}");
            } else {
                let mut body = answer.body.clone();
                let mut recorded = request.answer.clone();
                if let (Some(recorded), Some(simulated)) =
                    (recorded.as_object_mut(), body.as_object_mut())
                {
                    // The recorder left the job out of some allocations.
                    if !recorded.get("Job").is_some_and(Value::is_object) {
                        recorded.remove("Job");
                        simulated.remove("Job");
                    }
                }
                // Whether a node has told by then that it is healthy is chance; event lines are
                // compared with it.
                for body in [&mut recorded, &mut body] {
                    let list = match body {
                        Value::Array(list) => list.as_mut_slice(),
                        single => std::slice::from_mut(single),
                    };
                    for object in list.iter_mut().filter_map(Value::as_object_mut) {
                        object.remove("DeploymentStatus");
                    }
                }
                let differs = difference(&recorded, &body);
                assert!(differs.is_empty(), "{what}: {differs:#?}");
            }
            if request.path.ends_with("/restart") {
                let off = (answer.took - request.took).abs();
                assert!(
                    off <= tolerance,
                    "{what}: answered after {} s, recorded {} s",
                    answer.took,
                    request.took
                );
            }
        }
    }

    pub(crate) fn recorded_transactions(&self) -> Vec<String> {
        trace::servers(&self.recording.lines, &self.recorded)
    }

    pub(crate) fn simulated_transactions(&self) -> Vec<String> {
        trace::servers(&self.lines, &self.simulated)
    }

    /// The servers wrote the same transactions in the same order.
    pub(crate) fn check_servers(&self) {
        let recorded = self.recorded_transactions();
        let simulated = self.simulated_transactions();
        for (number, (recorded, simulated)) in recorded.iter().zip(&simulated).enumerate() {
            assert_eq!(simulated, recorded, "transaction {number}");
        }
        assert_eq!(simulated.len(), recorded.len(), "{simulated:#?}");
    }

    /// Each allocation went through the same states and its tasks through the same events.
    pub(crate) fn check_nodes(&self) {
        let recorded = trace::nodes(&self.recording.lines, &self.recorded);
        let simulated = trace::nodes(&self.lines, &self.simulated);
        for (name, recorded) in &recorded {
            let simulated = simulated
                .get(name)
                .unwrap_or_else(|| panic!("no allocation {name}"));
            assert!(
                simulated.agrees(recorded),
                "allocation {name}: {simulated:#?}, recorded {recorded:#?}"
            );
        }
        assert_eq!(simulated.len(), recorded.len());
    }

    /// Objects of the event lines have the recorded keys, with null and with omissions: in the
    /// servers' transactions line by line, and the last report of each allocation.
    pub(crate) fn check_shapes(&self) {
        let objects = |lines: &[Value], names: &Names| {
            let mut out: Vec<(String, Value)> = Vec::new();
            let mut last: Vec<(String, Value)> = Vec::new();
            for line in lines {
                let mut here = Vec::new();
                for event in line["Events"].as_array().unwrap() {
                    let topic = event["Topic"].as_str().unwrap();
                    let kind = event["Type"].as_str().unwrap();
                    let key = format!("{topic} {}", names.name(event["Key"].as_str().unwrap()));
                    let mut event = event.clone();
                    if let Some(alloc) = event["Payload"]["Allocation"].as_object_mut() {
                        alloc.remove("FollowupEvalID");
                    }
                    if let Some(alloc) = event["Payload"]["Allocation"].as_object_mut()
                        && kind != "AllocationUpdated"
                    {
                        // What the node has told by then is a matter of milliseconds.
                        for key in ["TaskStates", "NetworkStatus", "DeploymentStatus"] {
                            alloc.remove(key);
                        }
                        alloc.remove("ClientDescription");
                    }
                    if kind == "AllocationUpdated" {
                        if topic == "Allocation" {
                            last.retain(|(other, _)| *other != key);
                            last.push((key, event));
                        }
                    } else {
                        here.push((key, event));
                    }
                }
                here.sort_by(|(a, _), (b, _)| a.cmp(b));
                out.extend(here);
            }
            out.extend(last);
            // Object by object, each through all its changes.
            out.sort_by(|(a, _), (b, _)| a.cmp(b));
            out
        };
        let recorded = objects(&self.recording.lines, &self.recorded);
        let simulated = objects(&self.lines, &self.simulated);
        assert_eq!(simulated.len(), recorded.len());
        for ((name, recorded), (_, simulated)) in recorded.iter().zip(&simulated) {
            let differs = difference(recorded, simulated);
            assert!(
                differs.is_empty(),
                "{name} {}: {differs:#?}",
                recorded["Type"]
            );
        }
        let recorded = task_events(&self.recording.lines);
        let simulated = task_events(&self.lines);
        for (kind, recorded) in &recorded {
            assert_eq!(simulated.get(kind), Some(recorded), "task event {kind}");
        }
    }

    /// All of the above.
    pub(crate) fn check(&self, tolerance: f64) {
        self.check_answers(tolerance);
        self.check_servers();
        self.check_nodes();
        self.check_shapes();
    }
}
