//! Writes whose answers are lost, late or nonsense: no allocation is touched twice, and what is printed is true.

use std::time::Duration;

use bytes::Bytes;
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::jobs::{SECOND, group, job, plain, running, task, web, web_with, with};
use super::scene::{Ran, Scene, allocations};

const SUCCESS: &str = "Finished job restart\n\nAll allocations restarted successfully!\n";
const UNKNOWN: &str = "outcome unknown, not repeated: the restart got no answer and Nomad shows no sign of it; look at the allocation's task events before restarting it again";

/// Three allocations, with this fault at the second write.
async fn ran(mode: &str, fault: Fault) -> (Vec<String>, Ran) {
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let path = if mode == "-reschedule" {
        "/stop"
    } else {
        "/restart"
    };
    let ran = Scene::of(&cluster)
        .args(["-yes", mode, "web"])
        .fault(Rule::on(path, fault).nth(2))
        .run()
        .await;
    (ids, ran)
}

fn puts(ran: &Ran) -> usize {
    ran.count(|entry| entry.method == "PUT")
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_was_carried_out_is_seen_to_be() {
    // The Truth of section "The outcome of a write".
    for fault in [
        Fault::ResetAfter,
        Fault::StatusAfter(504, "upstream timed out".to_owned()),
        Fault::StatusAfter(500, "EOF".to_owned()),
        Fault::Garbage(Bytes::from_static(b"<html>")),
        Fault::Cut(0),
    ] {
        let (ids, ran) = ran("-all-tasks", fault.clone()).await;
        let ran = ran.ended_with(0).warned(&[]);
        assert!(ran.stdout.ends_with(SUCCESS), "{fault:?} {}", ran.stdout);
        assert_eq!(ran.touched(), ids, "{fault:?}");
        assert_eq!(puts(&ran), 3, "{fault:?}");
        for id in &ids {
            assert_eq!(ran.starts(id, "app"), 1, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_was_carried_out_is_seen_to_be() {
    // N7
    for fault in [
        Fault::ResetAfter,
        Fault::StatusAfter(504, "upstream timed out".to_owned()),
        Fault::Garbage(Bytes::from_static(b"<html>")),
        Fault::Cut(3),
    ] {
        let (ids, ran) = ran("-reschedule", fault.clone()).await;
        let ran = ran.ended_with(0).warned(&[]);
        assert!(ran.stdout.ends_with(SUCCESS), "{fault:?} {}", ran.stdout);
        assert_eq!(ran.touched(), ids, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn before_a_stop_is_repeated_the_allocation_is_looked_at() {
    // N7. The list is slow: it does not tell in time that the stop was carried out.
    let cluster = running(&web(2)).await;
    let ids = allocations(&cluster, "web");
    let slow = Fault::DelayAnswer(Duration::from_secs(10));
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "web"])
        .fault(Rule::on("/allocations", slow).calls(2..=3))
        .fault(Rule::on("/stop", Fault::ResetAfter).nth(1))
        .run()
        .await
        .ended_with(0)
        .warned(&[]);
    assert_eq!(ran.touched(), ids);
}

#[tokio::test(start_paused = true)]
async fn one_of_two_tasks() {
    // The other one is restarted; the allocation has failed.
    let tasks = [plain("main"), plain("side")];
    let cluster = running(&job(&[group("web", 2, &tasks)])).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-task=main", "-task=side", "web"])
        .fault(Rule::on("/restart", Fault::ResetBefore).nth(2))
        .run()
        .await
        .ended_with(1)
        .explained("outcome unknown, not repeated: the restart of task \"side\" got no answer and Nomad shows no sign of it")
        .explained("0 of 2 allocations restarted, 1 failed, 1 not touched.");
    assert_eq!(ran.touched(), ids[..1]);
    assert_eq!(
        (ran.starts(&ids[0], "main"), ran.starts(&ids[0], "side")),
        (1, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn one_of_two_tasks_before_the_allocation_is_stopped() {
    // The other one is not restarted then; the allocation has failed all the same.
    let tasks = [plain("main"), plain("side")];
    let cluster = running(&job(&[group("web", 1, &tasks)])).await;
    let ids = allocations(&cluster, "web");
    let slow = Fault::DelayAnswer(Duration::from_secs(20));
    Scene::of(&cluster)
        .args([
            "-yes",
            "-max-connections=4",
            "-task=main",
            "-task=side",
            "web",
        ])
        .fault(Rule::on("/restart", slow).nth(1))
        .meanwhile(move |stage| async move {
            stage.joint.writes(1).await;
            stage.cluster.stop_allocation(&ids[0], false).unwrap();
        })
        .run()
        .await
        .ended_with(1)
        .explained(
            "Skipping allocation \"<id 1>\" because it has already been replaced by \"<id 2>\"",
        )
        .explained("0 of 1 allocation restarted, 1 failed.");
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_got_lost_is_not_repeated() {
    // D40
    for (fault, lost) in [
        (Fault::ResetBefore, "connection reset by peer"),
        (
            Fault::Status(500, "boom".to_owned()),
            "Unexpected response code: 500 (boom)",
        ),
        (
            Fault::Html(
                502,
                "<html><body><h1>Bad gateway</h1></body></html>".to_owned(),
            ),
            "Unexpected response code: 502",
        ),
        (
            Fault::Html(200, "<html>Log in</html>".to_owned()),
            "cannot be used",
        ),
    ] {
        let (ids, ran) = ran("-all-tasks", fault.clone()).await;
        let ran = ran
            .ended_with(1)
            .explained(&format!("{UNKNOWN}\n"))
            .explained(lost)
            .explained("1 of 3 allocations restarted, 1 failed, 1 not touched.");
        assert!(
            ran.stdout
                .contains("Stopping job restart due to unrecoverable error")
        );
        assert_eq!(ran.touched(), ids[..1], "{fault:?}");
        assert_eq!(puts(&ran), 2, "{fault:?}");
        assert_eq!(ran.starts(&ids[1], "app"), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_got_lost_is_repeated() {
    // N7, D40
    for fault in [
        Fault::ResetBefore,
        Fault::Refused,
        Fault::Status(500, "boom".to_owned()),
        Fault::Status(429, "slow down".to_owned()),
        Fault::Html(502, "<h1>Bad gateway</h1>".to_owned()),
        Fault::Html(200, "<h1>Log in</h1>".to_owned()),
    ] {
        let (ids, ran) = ran("-reschedule", fault.clone()).await;
        let ran = ran.ended_with(0).warned(&[]);
        assert!(ran.stdout.ends_with(SUCCESS), "{fault:?} {}", ran.stdout);
        assert_eq!(ran.touched(), ids, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_was_not_taken_is_sent_again() {
    // N4
    for fault in [
        Fault::Status(429, "slow down".to_owned()),
        Fault::Refused,
        Fault::Status(500, "No cluster leader".to_owned()),
    ] {
        let (ids, ran) = ran("-all-tasks", fault.clone()).await;
        let ran = ran.ended_with(0).warned(&[]);
        assert!(ran.stdout.ends_with(SUCCESS), "{fault:?} {}", ran.stdout);
        assert_eq!(ran.touched(), ids, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_is_never_taken_fails_in_time() {
    // N4
    let cluster = running(&web(2)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=1m", "web"])
        .fault(Rule::on("/restart", Fault::Status(429, "slow down".to_owned())))
        .run()
        .await
        .ended_with(1)
        .explained("Error restarting allocation \"<id 1>\": the call could not be sent within the time limit: Unexpected response code: 429 (slow down)")
        .explained("0 of 2 allocations restarted, 1 failed, 1 not touched.");
    assert!(ran.writes().is_empty());
    assert!(
        (50..=60).contains(&ran.took().as_secs()),
        "{:?}",
        ran.took()
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_restart_is_an_error_of_its_allocation() {
    // N20, 5.3.6. With -yes the run goes on.
    for (status, text, hint) in [
        (
            404,
            "No path to node",
            "; its node is down or cut off, -reschedule can move the allocation",
        ),
        (500, "Could not find task runner for task", ""),
        (400, "Missing allocation ID", ""),
    ] {
        let (ids, ran) = ran("-all-tasks", Fault::Status(status, text.to_owned())).await;
        let ran = ran
            .ended_with(1)
            .explained(&format!(
                "* Error restarting allocation \"<id 1>\": Unexpected response code: {status} ({text}){hint}\n"
            ))
            .explained("2 of 3 allocations restarted, 1 failed.");
        assert_eq!(ran.touched(), [&*ids[0], &ids[2]]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_restart_stops_the_run() {
    let (ids, ran) = ran(
        "-all-tasks",
        Fault::Status(403, "Permission denied".to_owned()),
    )
    .await;
    let ran = ran
        .ended_with(1)
        .explained("* Error restarting allocation \"<id 1>\": Unexpected response code: 403 (Permission denied); it takes a token with the capability \"alloc-lifecycle\" in namespace \"default\"\n")
        .explained("1 of 3 allocations restarted, 1 failed, 1 not touched.");
    assert!(
        ran.stdout
            .contains("Stopping job restart due to unrecoverable error")
    );
    assert_eq!(ran.touched(), ids[..1]);
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_holds_nothing_up() {
    // What the cluster shows counts, not the answer.
    let (ids, ran) = ran("-all-tasks", Fault::DelayAnswer(Duration::from_secs(300))).await;
    let ran = ran.ended_with(0).warned(&[]);
    assert_eq!(ran.touched(), ids);
    assert!(ran.took() < Duration::from_secs(10), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_restart_without_any_answer_or_effect_ends_at_the_limit() {
    // N13
    let cluster = running(&web(2)).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-timeout=90s", "web"])
        .fault(Rule::on("/restart", Fault::Stall))
        .run()
        .await
        .ended_with(1)
        .explained("Error restarting allocation \"<id 1>\": not seen running again within 1m30s")
        .explained("0 of 2 allocations restarted, 1 failed, 1 not touched.");
    assert_eq!(puts(&ran), 1);
    assert_eq!(ran.took().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_waits_for_a_kill_that_takes_its_time() {
    // `Restart Signaled` is the sign, long before the old process ends.
    let stubborn = task("app", &json!([{"ignore_signal": true}]));
    let stubborn = with(&stubborn, json!({"KillTimeout": 29 * SECOND}));
    let group = group("web", 2, &[stubborn]);
    let cluster = running(&job(&[group])).await;
    let ids = allocations(&cluster, "web");
    let cut = Fault::StatusAfter(504, String::new());
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .fault(Rule::on("/restart", cut).nth(1))
        .fault(Rule::on("/restart", Fault::ResetBefore).nth(2))
        .run()
        .await
        .ended_with(1)
        .explained("* Error restarting allocation \"<id 1>\": Put")
        .explained("1 of 2 allocations restarted, 1 failed.");
    assert_eq!(ran.touched(), ids[..1]);
}

#[tokio::test(start_paused = true)]
async fn a_node_whose_agent_dies_in_the_middle_of_a_restart() {
    // Recording i: the task comes back as after a crash; that new start counts.
    let cluster = running(&web_with(1, &json!([{"kill_after": "3s"}]))).await;
    let id = allocations(&cluster, "web").remove(0);
    let node = cluster.read(|state| state.allocation(&id).unwrap().node_name.clone());
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(1).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            stage.cluster.kill_agent(&node);
            tokio::time::sleep(Duration::from_secs(5)).await;
            stage.cluster.start_agent(&node);
        })
        .run()
        .await;
    let ran = ran.ended_with(0).warned(&[]);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    assert_eq!(puts(&ran), 1);
    assert_eq!(ran.starts(&id, "app"), 1);
    assert!(ran.ended >= ran.runs_again(&id, "app"));
}
