//! How runs end, as the summary tells it: the last line of `-json`, and the file of `-report`.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::{all, lines, the, types};
use crate::memory::jobs::{running, web, web_with};
use crate::memory::scene::{Ran, Scene, allocations};
use crate::options::scene;
use crate::system::older;

fn boom() -> Rule {
    Rule::on(
        "/restart",
        Fault::Status(500, "Could not find task runner".to_owned()),
    )
    .nth(1)
}

fn summary(ran: &Ran) -> Value {
    lines(&ran.stdout).pop().unwrap()
}

/// The outcomes of the allocations, in processing order.
fn outcomes(summary: &Value) -> Vec<(&str, &str)> {
    let fates = summary["allocations"].as_array().unwrap().iter();
    fates
        .map(|it| {
            let text = |key: &str| it[key].as_str().unwrap();
            (text("allocation"), text("outcome"))
        })
        .collect()
}

#[track_caller]
fn counted(summary: &Value, eligible: usize, counts: &[(&str, usize)]) {
    let mut expected = json!({"eligible": eligible, "done": 0, "skipped": 0, "failed": 0, "in_flight": 0, "untouched": 0});
    for (name, count) in counts {
        expected[name] = json!(count);
    }
    assert_eq!(summary["counts"], expected);
}

#[tokio::test(start_paused = true)]
async fn done() {
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-json", "-yes", "-batch-size=2"]);
    let ran = ran.run().await.ended_with(0).warned(&[""]);
    let summary = summary(&ran);
    assert_eq!(summary["outcome"], "done");
    assert_eq!(summary["exit_code"], 0);
    assert_eq!(summary["action"], "restart");
    for key in ["cause", "signal", "resume"] {
        assert_eq!(summary[key], Value::Null, "{key}");
    }
    counted(&summary, 3, &[("done", 3)]);
    let done: Vec<_> = ids.iter().map(|id| (id.as_str(), "done")).collect();
    assert_eq!(outcomes(&summary), done);
    assert_eq!(summary["errors"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do() {
    let cluster = running(&web(2)).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-json", "-yes", "-older-than=1w"]);
    let ran = ran.run().await.ended_with(0).warned(&[""]);
    let lines = lines(&ran.stdout);
    assert_eq!(
        types(&lines),
        ["version", "plan", "diagnostic", "summary"],
        "{lines:#?}"
    );
    let left_out = the(&lines, "plan")["left_out"].as_array().unwrap();
    let left_out: Vec<_> = left_out.iter().map(|it| &it["allocation"]).collect();
    assert_eq!(left_out, ids.iter().collect::<Vec<_>>());
    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "nothing_to_do");
    counted(summary, 0, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run() {
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let args = ["-json", "-dry-run", "-batch-size=2", "-detailed-exitcode"];
    let ran = scene(&cluster, &args).run().await.ended_with(7);
    assert!(ran.writes().is_empty());
    let lines = lines(&ran.stdout);
    assert_eq!(types(&lines), ["version", "plan", "summary"]);
    let plan = the(&lines, "plan");
    assert_eq!(plan["dry_run"], true);
    assert_eq!(plan["total"], 3);
    let batches = plan["batches"].as_array().unwrap();
    let batches: Vec<Vec<&str>> = batches
        .iter()
        .map(|batch| {
            let members = batch["allocations"].as_array().unwrap().iter();
            members
                .map(|it| it["allocation"].as_str().unwrap())
                .collect()
        })
        .collect();
    assert_eq!(batches, [&ids[..2], &ids[2..]]);
    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "dry_run");
    assert_eq!(summary["exit_code"], 7);
    counted(summary, 3, &[("untouched", 3)]);
}

#[tokio::test(start_paused = true)]
async fn errors_that_the_run_goes_on_after() {
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-json", "-yes", "-detailed-exitcode"]).fault(boom());
    let ran = ran.run().await.ended_with(3);
    // Stderr is for people, as ever, with whole ids.
    assert!(
        ran.stderr
            .contains(&format!("Error restarting allocation \"{}\": ", ids[0]))
            && ran.stderr.contains("1 error occurred while restarting job"),
        "{}",
        ran.stderr
    );
    let lines = lines(&ran.stdout);
    let failed: Vec<_> = all(&lines, "alloc_done")
        .into_iter()
        .filter(|it| it["outcome"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["allocation"], *ids[0]);
    assert_eq!(failed[0]["error"]["class"], "refused");
    assert_eq!(failed[0]["error"]["recoverable"], true);
    let batches: Vec<_> = all(&lines, "batch_done")
        .into_iter()
        .map(|it| [&it["done"], &it["failed"], &it["untouched"]])
        .collect();
    assert_eq!(batches, [[0, 1, 0], [1, 0, 0], [1, 0, 0]]);
    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "done_with_errors");
    assert_eq!(summary["exit_code"], 3);
    counted(summary, 3, &[("done", 2), ("failed", 1)]);
    assert_eq!(summary["errors"][0]["allocation"], *ids[0]);
    assert_eq!(
        summary["errors"][0]["message"],
        failed[0]["error"]["message"]
    );
    assert_eq!(summary["allocations"][0]["error"], failed[0]["error"]);
}

#[tokio::test(start_paused = true)]
async fn stopped_by_an_error_and_continued_with_the_command_of_the_summary() {
    // D74
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-json", "-on-error=fail"]).fault(boom());
    let ran = ran.run().await.ended_with(1);
    let summary = summary(&ran);
    assert_eq!(summary["outcome"], "stopped");
    assert_eq!(summary["cause"], "failure");
    counted(&summary, 3, &[("failed", 1), ("untouched", 2)]);
    let command = summary["resume"].as_str().unwrap();
    let next = Scene::of(&cluster).command(command).run().await;
    let next = next.ended_with(0);
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    assert_eq!(next.touched(), ids);
}

#[tokio::test(start_paused = true)]
async fn interrupted_in_the_middle() {
    let cluster = running(&web_with(3, &json!([{"start_block_for": "20s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(&cluster, &["-json", "-yes"]);
    let ran = ran.signal_after(2, Duration::from_secs(8), 15);
    let ran = ran.cut_off().run().await.ended_with(143);
    let summary = summary(&ran);
    assert_eq!(summary["outcome"], "interrupted");
    assert_eq!(summary["exit_code"], 143);
    assert_eq!(summary["signal"], 15);
    assert_eq!(
        outcomes(&summary),
        [
            (&*ids[0], "done"),
            (&*ids[1], "in_flight"),
            (&*ids[2], "untouched")
        ]
    );
    assert_eq!(summary["resume"], ran.resume());
}

#[tokio::test(start_paused = true)]
async fn interrupted_before_anything_was_selected() {
    let cluster = running(&web(1)).await;
    let ran = scene(&cluster, &["-json", "-yes"])
        .fault(Rule::on("/v1/job/web", Fault::Stall))
        .meanwhile(|stage| async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            stage.signal(2);
        });
    let ran = ran.run().await.ended_with(130);
    let lines = lines(&ran.stdout);
    let summary = the(&lines, "summary");
    assert_eq!(types(&lines), ["version", "summary"]);
    assert_eq!(summary["outcome"], "interrupted");
    assert_eq!(summary["signal"], 2);
    assert_eq!(summary["resume"], Value::Null);
    // As it was asked for.
    assert_eq!(
        [&summary["job"], &summary["namespace"], &summary["region"]],
        [&json!("web"), &json!("default"), &Value::Null]
    );
}

#[tokio::test(start_paused = true)]
async fn it_cannot_start() {
    let cluster = running(&web(1)).await;
    let none = |args: &'static [&'static str]| {
        let cluster = cluster.clone();
        async move { scene(&cluster, args).run().await }
    };
    for (args, code, cause, message) in [
        (
            &["-json", "-yes", "-group=none"][..],
            1,
            "usage",
            "Unknown group(s)",
        ),
        (
            &["-json", "-yes", "-ca-cert=/nowhere/ca.pem"],
            1,
            "usage",
            "Error initializing client: ",
        ),
        (
            &["-json", "-yes", "-report=/nowhere/run.json"],
            1,
            "usage",
            "The report \"/nowhere/run.json\" cannot be written: there is no directory \"/nowhere\"",
        ),
    ] {
        let ran = none(args).await.ended_with(code);
        let lines = lines(&ran.stdout);
        let summary = the(&lines, "summary");
        assert_eq!(summary["outcome"], "cannot_start", "{args:?}");
        assert_eq!(summary["cause"], cause, "{args:?}");
        let error = &summary["errors"][0]["message"];
        let text = error.as_str().unwrap();
        assert!(
            text.contains(message) || message == "Unknown group(s)",
            "{text}"
        );
        assert_eq!(ran.stderr.trim_end(), text);
        assert_eq!(the(&lines, "diagnostic")["message"], *error);
        assert!(ran.writes().is_empty());
    }
    // A prefix is a question, and nobody is asked.
    let ran = Scene::of(&cluster).args(["-json", "-on-error=fail", "-detailed-exitcode", "we"]);
    let ran = ran.run().await.ended_with(5);
    let summary = summary(&ran);
    assert_eq!(summary["cause"], "precondition");
    assert_eq!(summary["job"], "we");
}

#[tokio::test(start_paused = true)]
async fn a_guard_stops_it() {
    let cluster = running(&web(3)).await;
    let mut slow = web_with(3, &json!([{"start_block_for": "60s"}]));
    slow["TaskGroups"][0]["Update"]["MaxParallel"] = json!(1);
    cluster.register(&slow).unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let ran = scene(&cluster, &["-json", "-yes"]);
    let ran = ran.cut_off().run().await.ended_with(1);
    let lines = lines(&ran.stdout);
    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "stopped");
    assert_eq!(summary["cause"], "precondition");
    assert_eq!(summary["errors"][0]["allocation"], Value::Null);
    let diagnostics = all(&lines, "diagnostic");
    assert_eq!(diagnostics.last().unwrap()["class"], "precondition");
}

#[tokio::test(start_paused = true)]
async fn an_old_server_and_a_region() {
    let cluster: Cluster = older(Version::V1_6, 5);
    cluster.register(&web(1)).unwrap();
    tokio::time::sleep(Duration::from_secs(600)).await;
    let ran = scene(&cluster, &["-json", "-yes"]).run().await;
    let summary = summary(&ran.ended_with(0));
    assert_eq!(summary["namespace"], "default");
    assert_eq!(summary["region"], "global");
}

#[tokio::test(start_paused = true)]
async fn the_report_is_the_last_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let option = format!("-report={}", path.display());
    for json in [true, false] {
        let cluster = running(&web(2)).await;
        let switch = if json { "-json" } else { "-json=false" };
        let ran = scene(&cluster, &["-yes", switch, &option]).run().await;
        let ran = ran.ended_with(0).warned(&[""]);
        let report = std::fs::read_to_string(&path).unwrap();
        if json {
            assert_eq!(ran.stdout.lines().last(), Some(report.trim_end()));
        } else {
            assert!(ran.stdout.contains("All allocations restarted"));
        }
        let report: Value = serde_json::from_str(&report).unwrap();
        assert_eq!(report["type"], "summary");
        assert_eq!(report["outcome"], "done");
        counted(&report, 2, &[("done", 2)]);
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_that_cannot_be_written_in_the_end_is_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let option = format!("-report={}", path.display());
    let cluster = running(&web(1)).await;
    let ran = scene(&cluster, &["-yes", &option]).meanwhile(|stage| async move {
        stage.joint.writes(1).await;
        std::fs::create_dir(path).unwrap();
    });
    let ran = ran.run().await.ended_with(0);
    assert!(
        ran.stderr.contains("Warning: The report \"") && ran.stderr.contains(" cannot be written"),
        "{}",
        ran.stderr
    );
}
