//! Why a task failed: its last events and the end of its standard error, where the cluster tells them.

use std::time::Duration;

use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::jobs::{group, job, running, task};
use super::scene::{Ran, Scene};

/// Tasks that fail after each restart, saying why in twelve lines.
pub(crate) fn failing(count: u32) -> Value {
    let said: Vec<_> = (1..=12)
        .map(|number| format!("line {number} of \u{1b}[31mwhat\u{1b}[0m went wrong\n"))
        .collect();
    let said = said.concat();
    let rules = json!([{"start_from": 2, "run_for": "20ms", "exit_code": 78, "stderr": said}]);
    job(&[group("web", count, &[task("app", &rules)])])
}

async fn run(job: &Value, rule: Option<Rule>) -> Ran {
    let cluster = running(job).await;
    let mut scene = Scene::of(&cluster).args(["-yes", "-batch-size=100%", "web"]);
    if let Some(rule) = rule {
        scene = scene.fault(rule);
    }
    scene.run().await.ended_with(1)
}

fn log_reads(ran: &Ran) -> usize {
    ran.count(|entry| entry.path.contains("/client/fs/logs/"))
}

#[tokio::test(start_paused = true)]
async fn the_error_shows_what_the_task_said_last() {
    let ran = run(&failing(1), None).await;
    // Once when it happens and once in the list at the end.
    for (text, times) in [
        ("Last events of task \"app\":", 2),
        ("Terminated: Exit Code: 78", 2),
        ("Last lines that task \"app\" wrote to stderr:", 2),
        ("line 3 of what went wrong", 2),
        ("line 12 of what went wrong", 2),
        ("line 2 of what", 0),
    ] {
        assert!(
            ran.stderr.matches(text).count() >= times,
            "{text}: {}",
            ran.stderr
        );
        assert!(
            times > 0 || !ran.stderr.contains(text),
            "{text}: {}",
            ran.stderr
        );
    }
    let list = ran.stderr.split_once("1 error occurred").unwrap().1;
    assert!(
        list.contains(
            "\n    Last lines that task \"app\" wrote to stderr:\n      line 3 of what went wrong\n"
        ),
        "{list}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_no_error_and_costs_little() {
    let plain = run(&failing(1), None).await.took();
    for fault in [
        Fault::Status(403, "Permission denied".to_owned()),
        Fault::Status(404, "log entry for task not found".to_owned()),
        Fault::Status(500, "No path to node".to_owned()),
        Fault::Stall,
    ] {
        let rule = Rule::on("/client/fs/logs/", fault.clone());
        let ran = run(&failing(1), Some(rule)).await;
        assert!(ran.stderr.contains("Last events of task"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("wrote to stderr"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("Permission denied"), "{}", ran.stderr);
        assert!(ran.took() < plain + Duration::from_secs(5), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_only_a_few_are_looked_into() {
    let ran = run(&failing(20), None).await;
    assert!(ran.stderr.contains("20 failed"), "{}", ran.stderr);
    assert_eq!(log_reads(&ran), 3);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_could_not_be_started_has_said_nothing() {
    let rules = json!([{"stderr": "from the process before\n"}, {"start_from": 2, "start_error": "image not found"}]);
    let ran = run(&job(&[group("web", 1, &[task("app", &rules)])]), None).await;
    assert!(ran.stderr.contains("image not found"), "{}", ran.stderr);
    assert_eq!(log_reads(&ran), 0);
}
