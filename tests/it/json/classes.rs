//! The class of an error says what kind of trouble it is: one run for each, and that schema and README know the same ones.

use std::collections::BTreeSet;
use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::{SCHEMA, lines, readme};
use crate::memory::health::checked;
use crate::memory::jobs::{group, job, plain, prestart, running, web, web_with};
use crate::memory::scene::{Scene, Stage};
use crate::options::scene;

/// The job, the arguments, what goes wrong, the exit code, and the class.
type Case = (
    Value,
    &'static [&'static str],
    Option<Rule>,
    u8,
    &'static str,
);

fn answer(path: &str, status: u16, text: &str) -> Rule {
    Rule::on(path, Fault::Status(status, text.to_owned()))
}

/// The class of the first error of this run, which ends with this code.
async fn class(scene: Scene, code: u8) -> String {
    let ran = scene.run().await.ended_with(code);
    let lines = lines(&ran.stdout);
    let summary = lines.last().unwrap();
    let error = &summary["errors"][0];
    let text = |value: &Value| value["class"].as_str().unwrap().to_owned();
    // Where the allocation is told, the class is the same one.
    for fate in summary["allocations"].as_array().unwrap() {
        if fate["allocation"] == error["allocation"] {
            assert_eq!(text(&fate["error"]), text(error));
        }
    }
    text(error)
}

fn begin(cluster: &Cluster, args: &[&str]) -> Scene {
    let args: Vec<_> = ["-json", "-yes", "-detailed-exitcode"]
        .iter()
        .chain(args)
        .copied()
        .collect();
    scene(cluster, &args)
}

/// Stops the job, or the allocation that was written to, while that is being restarted.
async fn stopped(stage: Stage, job: bool) {
    stage.joint.writes(1).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let id = stage
        .cluster
        .read_truth(|it| it.writes.last().unwrap().target.clone());
    if job {
        stage.cluster.deregister("default", "web", false).unwrap();
    } else {
        stage.cluster.stop_allocation(&id, false).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_trouble_has_its_own() {
    // D75
    let slow = json!([{"start_from": 2, "start_block_for": "10m"}]);
    let crash = json!([{"start_from": 2, "run_for": "0s", "exit_code": 3}]);
    let sick = json!([{"replacement": true, "check_code": 500}]);
    let cases: [Case; 9] = [
        (web(1), &["-group=none"], None, 1, "usage"),
        (
            web(1),
            &[],
            Some(answer("/v1/job/web", 500, "No cluster leader")),
            1,
            "connection",
        ),
        (
            web(1),
            &[],
            Some(answer("/restart", 403, "Permission denied")),
            1,
            "permission",
        ),
        (
            web(2),
            &[],
            Some(answer("/restart", 500, "Could not find task runner").nth(1)),
            3,
            "refused",
        ),
        (
            job(&[group("web", 1, &[prestart("init"), plain("app")])]),
            &["-task=init"],
            None,
            3,
            "not_restarted",
        ),
        (web_with(1, &crash), &[], None, 3, "failure"),
        (
            checked(1, "nomad", &sick),
            &["-wait=healthy", "-reschedule"],
            None,
            4,
            "unhealthy",
        ),
        (web_with(1, &slow), &["-timeout=5s"], None, 4, "timeout"),
        (
            web(1),
            &[],
            Some(Rule::on("/restart", Fault::ResetBefore)),
            4,
            "outcome_unknown",
        ),
    ];
    let mut seen = BTreeSet::new();
    for (spec, args, fault, code, expected) in cases {
        let cluster = running(&spec).await;
        let mut scene = begin(&cluster, args);
        if let Some(fault) = fault {
            scene = scene.fault(fault);
        }
        assert_eq!(class(scene, code).await, expected);
        seen.insert(expected);
    }

    let cluster = running(&web(1)).await;
    cluster.set_eligible("node-1", false);
    cluster.set_eligible("node-2", false);
    let placement = class(begin(&cluster, &["-reschedule"]), 2).await;
    assert_eq!(placement, "placement");
    for (ended, code, expected) in [(false, 3, "lost"), (true, 5, "precondition")] {
        let cluster = running(&web_with(1, &slow)).await;
        let scene = begin(&cluster, &[]).meanwhile(move |stage| stopped(stage, ended));
        assert_eq!(class(scene, code).await, expected);
        seen.insert(expected);
    }
    seen.insert("placement");

    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let known: BTreeSet<_> = schema["$defs"]["class"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(seen, known);
}

#[test]
fn the_readme_has_the_same_ones() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let known = schema["$defs"]["class"]["enum"].as_array().unwrap().iter();
    let known: Vec<_> = known.map(|it| it.as_str().unwrap()).collect();
    let (_, table) = readme::section().split_once("\n| class | what |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    let rows = table.lines().skip(2);
    let shown: Vec<_> = rows.map(|row| row.split('`').nth(1).unwrap()).collect();
    let (declined, shown) = shown.split_last().unwrap();
    assert_eq!(shown, known);
    assert_eq!(*declined, "declined");
}
