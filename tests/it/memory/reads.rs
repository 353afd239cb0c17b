//! Reads that fail, lie or say nothing new while work is under way: no batch is begun on stale knowledge, and nothing spins.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method};
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::jobs::{running, web, web_with};
use super::scene::{Ran, Scene, Stage, allocations};

const HOUR: Duration = Duration::from_secs(3600);
const SUCCESS: &str = "Finished job restart\n\nAll allocations restarted successfully!\n";

fn leaderless() -> Rule {
    Rule::on("", Fault::Status(500, "No cluster leader".to_owned())).method(Method::GET)
}

/// Lets every read fail from one second after the first write on, for so long.
async fn outage(stage: Stage, rule: Rule, lasts: Duration) {
    stage.joint.writes(1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.agent.faults().add(rule);
    tokio::time::sleep(lasts).await;
    stage.agent.faults().clear();
}

/// Each batch was judged before the next one was touched.
#[track_caller]
fn in_order(ran: &Ran, ids: &[String]) {
    assert_eq!(ran.touched(), ids);
    for (id, next) in ids.iter().zip(&ran.writes()[1..]) {
        assert!(next.time >= ran.runs_again(id, "app"), "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_without_a_leader() {
    // N8, N2, D40, D41
    for (text, rule) in [
        (
            "Unexpected response code: 500 (No cluster leader)",
            leaderless(),
        ),
        (
            "connection reset by peer",
            Rule::on("", Fault::ResetBefore).method(Method::GET),
        ),
        (
            "connection refused",
            Rule::on("", Fault::Refused).method(Method::GET),
        ),
        (
            "Unexpected response code: 429 (slow)",
            Rule::on("", Fault::Status(429, "slow".to_owned())).method(Method::GET),
        ),
        (
            "cannot be used",
            Rule::on("", Fault::Html(200, "<html>".to_owned())).method(Method::GET),
        ),
    ] {
        let cluster = running(&web_with(3, &json!([{"start_block_for": "4s"}]))).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "web"])
            .meanwhile(move |stage| outage(stage, rule, Duration::from_secs(10)))
            .run()
            .await
            .ended_with(0)
            .explained("Warning: Nomad does not answer as it should, trying again: ")
            .explained(text);
        assert!(ran.stdout.ends_with(SUCCESS), "{text} {}", ran.stdout);
        assert_eq!(ran.stderr.lines().count(), 1, "{text} {}", ran.stderr);
        in_order(&ran, &ids);
        // The first one ran again in the middle of the outage: nobody knew.
        let pause = ran.writes()[1].time.since(ran.writes()[0].time);
        assert!(pause >= Duration::from_secs(11), "{text} {pause:?}");
        assert!(pause < Duration::from_secs(20), "{text} {pause:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_without_a_leader_between_batches() {
    // N2, N3, D37
    let cluster = running(&web(4)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=2", "-batch-wait=5s", "web"])
        .meanwhile(|stage| outage(stage, leaderless(), Duration::from_secs(10)))
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let judged = ids[..2].iter().map(|id| ran.runs_again(id, "app")).max();
    assert!(ran.writes()[2].time >= judged.unwrap());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_while_the_list_fails() {
    // Everything else can be read; what the next batch is to be is not known.
    let cluster = running(&web(2)).await;
    let ids = allocations(&cluster, "web");
    let rule = Rule::on("/allocations", Fault::ResetBefore);
    let ran = Scene::of(&cluster)
        .without_stream()
        .args(["-yes", "-batch-wait=40s", "web"])
        .meanwhile(|stage| outage(stage, rule, Duration::from_secs(60)))
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    let pause = ran.writes()[1].time.since(ran.writes()[0].time);
    assert!(pause >= Duration::from_secs(61), "{pause:?}");
    assert!(pause < Duration::from_secs(70), "{pause:?}");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_never_answers_again() {
    // D37. The first one runs again when the outage begins; of the second nothing is known.
    for (mode, verb) in [("-all-tasks", "restarted"), ("-reschedule", "rescheduled")] {
        let cluster = running(&web_with(3, &json!([{"start_block_for": "4s"}]))).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
        .without_stream()
            .args(["-yes", mode, "web"])
            .meanwhile(|stage| outage(stage, leaderless(), HOUR))
            .run()
            .await
            .ended_with(1)
            .explained("* Error retrieving deployments for job \"web\": Unexpected response code: 500 (No cluster leader)\n")
            .explained(&format!("1 of 3 allocations {verb}, 2 not touched."));
        assert_eq!(ran.touched(), ids[..1], "{mode}");
        assert_eq!(ran.took().as_secs(), 64, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_never_answers_again_in_mid_batch() {
    // N3, D41
    for (mode, verb) in [("-all-tasks", "restarted"), ("-reschedule", "rescheduled")] {
        let cluster = running(&web_with(3, &json!([{"start_block_for": "50s"}]))).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .without_stream()
            .args(["-yes", "-batch-size=2", mode, "web"])
            .meanwhile(|stage| async move {
                stage.joint.writes(2).await;
                tokio::time::sleep(Duration::from_secs(5)).await;
                stage.agent.faults().add(leaderless());
            })
            .run()
            .await;
        let unknown = "no answer from Nomad, what became of it is not known: Unexpected response code: 500 (No cluster leader)\n";
        let ran = ran
            .ended_with(1)
            .explained(&format!(
                "* Error restarting allocation \"<id 1>\": {unknown}"
            ))
            .explained(&format!(
                "* Error restarting allocation \"<id 2>\": {unknown}"
            ))
            .explained(&format!(
                "0 of 3 allocations {verb}, 2 failed, 1 not touched."
            ));
        assert_eq!(ran.touched(), ids[..2], "{mode}");
        assert!(
            ran.took() < Duration::from_secs(120),
            "{mode} {:?}",
            ran.took()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_falls_silent_for_good() {
    // N13, D79
    let cluster = running(&web_with(3, &json!([{"start_block_for": "4s"}]))).await;
    let ids = allocations(&cluster, "web");
    let silent = Rule::on("", Fault::Stall).method(Method::GET);
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .meanwhile(|stage| outage(stage, silent, HOUR))
        .run()
        .await
        .ended_with(1)
        .explained("no answer within 30s\n")
        .explained("1 of 3 allocations restarted, 2 not touched.");
    assert_eq!(ran.touched(), ids[..1]);
    assert!(ran.took() < Duration::from_secs(150), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_loses_its_right_ends_the_run_at_once() {
    let cluster = running(&web_with(3, &json!([{"start_block_for": "4s"}]))).await;
    let ids = allocations(&cluster, "web");
    let denied = Fault::Status(403, "Permission denied".to_owned());
    let denied = Rule::on("", denied).method(Method::GET);
    let ran = Scene::of(&cluster)
        .without_stream()
        .args(["-yes", "web"])
        .meanwhile(|stage| outage(stage, denied, HOUR))
        .run()
        .await
        .ended_with(1)
        .explained("Unexpected response code: 403 (Permission denied); it takes a token with the capability \"read-job\" in namespace \"default\"\n")
        .explained("1 of 3 allocations restarted, 2 not touched.");
    assert_eq!(ran.touched(), ids[..1]);
    assert!(ran.took() < Duration::from_secs(5), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn before_the_first_write_patience_is_short() {
    // N1
    for (path, what) in [
        ("/v1/job/web", "Error querying job \"web\""),
        ("/versions", "Error retrieving versions of job \"web\""),
        (
            "/allocations",
            "Error retrieving allocations for job \"web\"",
        ),
        (
            "/deployment",
            "Error retrieving deployments for job \"web\"",
        ),
    ] {
        let exact = path.to_owned();
        let rule = leaderless().when(move |_, at, _| at.ends_with(&exact));
        let cluster = running(&web(1)).await;
        let ran = Scene::of(&cluster)
            .args(["-yes", "web"])
            .fault(rule)
            .run()
            .await
            .ended_with(1)
            .printed(&[])
            .explained(&format!(
                "{what}: Unexpected response code: 500 (No cluster leader)"
            ));
        assert!(ran.writes().is_empty());
        assert_eq!(ran.took().as_secs(), 20, "{path}");
        assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_goes_back() {
    // D46, N9: the servers' state was restored from a snapshot. The first query after that waits for its whole time, as Nomad does; what
    // is in flight is read on its own meanwhile, and from then on all is as before.
    let cluster = running(&web_with(5, &json!([{"start_block_for": "4s"}]))).await;
    let ids = allocations(&cluster, "web");
    let lists = AtomicUsize::new(0);
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .tamper(move |path, headers, body| {
            if path.ends_with("/allocations") && lists.fetch_add(1, Ordering::Relaxed) == 0 {
                headers.insert("x-nomad-index", HeaderValue::from_static("1000000"));
                for allocation in body.as_array_mut().unwrap() {
                    allocation["ModifyIndex"] = json!(999_999);
                }
            }
        })
        .run()
        .await
        .ended_with(0)
        .warned(&[]);
    in_order(&ran, &ids);
    let last = ran.ended.since(ran.writes()[4].time);
    assert!(last < Duration::from_secs(6), "{last:?}");
    assert!(ran.took() < Duration::from_secs(50), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn no_index_at_all() {
    // N10, D46
    let cluster = running(&web_with(2, &json!([{"start_block_for": "60s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .tamper(|_, headers, _| {
            headers.remove("x-nomad-index");
        })
        .run()
        .await
        .ended_with(0);
    in_order(&ran, &ids);
    let seconds = usize::try_from(ran.took().as_secs()).unwrap();
    assert!(ran.reads() < 3 * seconds, "{} in {seconds} s", ran.reads());
}

#[tokio::test(start_paused = true)]
async fn evaluations_that_cannot_be_read() {
    // N11
    let cluster = running(&web_with(2, &json!([{"start_block_for": "4s"}]))).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "web"])
        .fault(Rule::on(
            "/evaluations",
            Fault::Status(500, "boom".to_owned()),
        ))
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
}

#[tokio::test(start_paused = true)]
async fn an_allocation_that_cannot_be_read_alone() {
    // N6: the list tells.
    let cluster = running(&web_with(2, &json!([{"start_block_for": "90s"}]))).await;
    let ids = allocations(&cluster, "web");
    let reset = Rule::on("/v1/allocation/", Fault::ResetBefore).method(Method::GET);
    let ran = Scene::of(&cluster)
        .args(["-yes", "-reschedule", "web"])
        .fault(reset)
        .run()
        .await
        .ended_with(0)
        .warned(&[]);
    assert_eq!(ran.touched(), ids);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    assert!(ran.took() < Duration::from_secs(185), "{:?}", ran.took());
}
