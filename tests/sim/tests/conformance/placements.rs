//! Why a group cannot be placed: each registration of recording c07 on a node like the recorded one, and what its evaluations say.

use std::time::Duration;

use nomad_sim::cluster::{Cluster, Config, NodeConfig};
use serde_json::{Value, json};

use crate::recording::{Request, read};
use crate::shape::difference;

/// A fresh node like the recorded one, for each job one.
fn cluster() -> Cluster {
    let mut node = NodeConfig::named("node-1");
    node.drivers = vec!["mock_driver".to_owned(), "raw_exec".to_owned()];
    Cluster::new(Config {
        nodes: vec![node],
        ..Config::seeded(1)
    })
}

/// What an evaluation says of the groups that it could not place, with whatever depends on the node or on chance taken out.
fn causes(evaluation: &Value) -> Value {
    let mut failed = evaluation["FailedTGAllocs"].clone();
    for metric in failed
        .as_object_mut()
        .into_iter()
        .flat_map(|all| all.values_mut())
    {
        metric["AllocationTime"] = 0.into();
    }
    let classes = evaluation["ClassEligibility"].as_object();
    let classes: Vec<&Value> = classes.into_iter().flat_map(|all| all.values()).collect();
    json!({"failed": failed, "classes": classes, "queued": evaluation["QueuedAllocations"],
        "status": evaluation["Status"], "told": evaluation["StatusDescription"],
        "blocked": evaluation["BlockedEval"].is_string()})
}

/// The first of the list (newest first or oldest first: there is one in the simulation) of this kind.
fn of_kind<'a>(list: &'a [Value], trigger: &str, status: &str) -> Option<&'a Value> {
    let mut list = list.iter();
    list.find(|it| it["TriggeredBy"] == trigger && it["Status"] == status)
}

#[tokio::test(start_paused = true)]
async fn c07_causes_of_failed_placements() {
    let recording = read("c07-placement-causes");
    let id = |request: &Request| request.body["Job"]["ID"].as_str().map(str::to_owned);
    let mut compared = 0;
    for registration in recording.requests.iter().filter(|it| it.path == "/v1/jobs") {
        let job = id(registration).unwrap();
        let cluster = cluster();
        tokio::time::sleep(Duration::from_secs(1)).await;
        match cluster.register(&registration.body["Job"]) {
            Ok(_) => assert_eq!(registration.status, 200, "{job}"),
            Err(error) => {
                assert_eq!(error.status, registration.status, "{job}");
                assert_eq!(registration.answer, error.text.as_str());
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        let path = format!("/v1/job/{job}/evaluations");
        let mut asked = recording.requests.iter();
        let recorded = asked.find(|it| it.path == path).unwrap();
        let recorded = recorded.answer.as_array().unwrap();
        let simulated: Vec<Value> = cluster.read(|state| {
            let all = state.job_evaluations("default", &job);
            all.map(|it| serde_json::to_value(it).unwrap()).collect()
        });
        for (trigger, status) in [("job-register", "complete"), ("queued-allocs", "blocked")] {
            let (recorded, simulated) = (
                of_kind(recorded, trigger, status),
                of_kind(&simulated, trigger, status),
            );
            assert_eq!(
                simulated.map(causes),
                recorded.map(causes),
                "{job} {trigger}"
            );
            if let (Some(recorded), Some(simulated)) = (recorded, simulated) {
                let mut differs = difference(recorded, simulated);
                // A system job that no node takes begins a deployment of nothing, which is not simulated.
                differs.retain(|it| job != "c07-sys" || it != "missing DeploymentID=string");
                assert!(differs.is_empty(), "{job} {trigger}: {differs:#?}");
            }
        }
        compared += 1;
    }
    assert_eq!(compared, 9);
}
