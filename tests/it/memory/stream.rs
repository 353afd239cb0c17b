//! The event stream as the source of news: what it saves, and every way in which it ends, is refused or falls silent. Whatever becomes
//! of it, each allocation is touched once and the run ends as it would without it.

use std::time::Duration;

use nomad_sim::front::{After, Fault, Rule, StreamEnd, StreamFault};
use nomad_sim::model::Version;
use serde_json::json;

use super::jobs::{group, job, plain, running, running_on, web, web_with, with};
use super::scene::{Ran, Scene, Stage, allocations};

/// The end of a run in which all is well.
const SUCCESS: &str = "Finished job restart\n\nAll allocations restarted successfully!\n";
const STREAM: &str = "/v1/event/stream";

/// Restarts of several seconds each, in three batches of two.
fn batches(stage: Scene) -> Scene {
    stage.args(["-yes", "-batch-size=2", "web"])
}

async fn six() -> nomad_sim::cluster::Cluster {
    running(&web_with(6, &json!([{"start_block_for": "5s"}]))).await
}

fn streams(ran: &Ran) -> usize {
    ran.count(|entry| entry.path == STREAM)
}

fn lists(ran: &Ran) -> usize {
    ran.count(|entry| entry.path.ends_with("/allocations"))
}

#[track_caller]
fn all_went_well(ran: Ran, ids: &[String], within: u64) -> Ran {
    let ran = ran.ended_with(0).warned(&[]);
    assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
    assert_eq!(ran.touched(), ids);
    assert!(ran.took() < Duration::from_secs(within), "{:?}", ran.took());
    ran
}

#[tokio::test(start_paused = true)]
async fn it_replaces_lists_and_deployments() {
    let cluster = six().await;
    let ids = allocations(&cluster, "web");
    let ran = all_went_well(batches(Scene::of(&cluster)).run().await, &ids, 18);
    assert_eq!((streams(&ran), lists(&ran)), (1, 1), "{:#?}", ran.requests);
    // Job by id, list, deployment; one deployment before each batch; a look at one allocation in each silence.
    assert!(ran.reads() <= 14, "{}", ran.reads());
}

#[tokio::test(start_paused = true)]
async fn a_list_too_large_to_be_followed_is_read_once() {
    // N68
    let tasks: Vec<_> = (1..=8).map(|it| plain(&format!("app-{it}"))).collect();
    let cluster = running(&job(&[group("web", 250, &tasks)])).await;
    for mode in ["-all-tasks=false", "-reschedule"] {
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=100", mode, "web"])
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
        assert_eq!(ran.touched().len(), ids.len(), "{mode}");
        assert_eq!(lists(&ran), 1, "{mode}");
        assert!(ran.reads() <= 14, "{mode} {}", ran.reads());
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_opened_again_after_every_end() {
    for end in [
        StreamEnd::Closed,
        StreamEnd::Reset,
        StreamEnd::HalfLine,
        StreamEnd::Silent,
    ] {
        for lines in [1, 2, 3, 6] {
            let cluster = six().await;
            let ids = allocations(&cluster, "web");
            let fault = Fault::Stream(StreamFault::End(After::Lines(lines), end));
            let ran = batches(Scene::of(&cluster))
                .fault(Rule::on(STREAM, fault).calls(1..=3))
                .run()
                .await;
            let ran = all_went_well(ran, &ids, 40);
            assert!(streams(&ran) > 1, "{end:?} after {lines}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_silent_from_the_start_is_none() {
    let cluster = six().await;
    let ids = allocations(&cluster, "web");
    let ran = batches(Scene::of(&cluster)).without_stream().run().await;
    let ran = all_went_well(ran, &ids, 20);
    assert!(lists(&ran) > 6, "{}", lists(&ran));
    assert_eq!(streams(&ran), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_stream_is_not_asked_for_again_and_again() {
    for fault in [
        Fault::Status(403, "Permission denied".to_owned()),
        Fault::Garbage("<html><title>Sign in</title></html>".into()),
        Fault::Garbage("".into()),
    ] {
        let cluster = six().await;
        let ids = allocations(&cluster, "web");
        let ran = batches(Scene::of(&cluster))
            .fault(Rule::on(STREAM, fault))
            .run()
            .await;
        let ran = all_went_well(ran, &ids, 20);
        assert_eq!(streams(&ran), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn old_servers_have_one_too() {
    for version in Version::ALL {
        let cluster = running_on(version, &web(6)).await;
        for mode in ["-all-tasks=false", "-reschedule"] {
            let ids = allocations(&cluster, "web");
            let ran = Scene::of(&cluster)
                .args(["-yes", "-batch-size=2", mode, "web"])
                .run()
                .await
                .ended_with(0);
            assert_eq!(ran.touched(), ids, "{version:?} {mode}");
            assert!(ran.took() < Duration::from_secs(12), "{version:?} {mode}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_stopped_or_purged_meanwhile() {
    // N35
    for (purge, cause) in [
        (
            false,
            "the job was stopped meanwhile; nothing is started again",
        ),
        (
            true,
            "the job was purged meanwhile; nothing is started again",
        ),
    ] {
        let slow = json!([{"start_from": 2, "start_block_for": "30s"}]);
        let cluster = running(&web_with(2, &slow)).await;
        let ran = Scene::of(&cluster)
            .args(["-yes", "web"])
            .meanwhile(move |stage| async move {
                stage.joint.writes(1).await;
                tokio::time::sleep(Duration::from_secs(10)).await;
                stage.cluster.deregister("default", "web", purge).unwrap();
            })
            .run()
            .await
            .ended_with(1)
            .explained(&format!(
                "* Error restarting allocation \"<id 1>\": {cause}\n"
            ))
            .explained("0 of 2 allocations restarted, 1 failed, 1 not touched.");
        assert_eq!(ran.writes().len(), 1, "{purge}");
        assert!(ran.took() < Duration::from_secs(12), "{:?}", ran.took());
    }
}

/// Ends all streams in every way again and again.
async fn cut(stage: Stage) {
    for end in [StreamEnd::Closed, StreamEnd::Reset, StreamEnd::Silent]
        .into_iter()
        .cycle()
        .take(30)
    {
        tokio::time::sleep(Duration::from_millis(700)).await;
        stage.agent.end_streams(end);
    }
}

#[tokio::test(start_paused = true)]
async fn however_often_it_is_cut_nothing_is_missed() {
    for mode in ["-all-tasks=false", "-reschedule"] {
        let slow = json!([{"kill_after": "1s", "start_block_for": "2s"}]);
        let cluster = running(&web_with(12, &slow)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-batch-size=3", mode, "web"])
            .meanwhile(cut)
            .run()
            .await
            .ended_with(0)
            .warned(&[]);
        assert_eq!(ran.touched(), ids, "{mode}");
        // Four batches of three seconds; a silent end is found out within some seconds.
        assert!(ran.took() < Duration::from_secs(40), "{:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_end_in_a_pause_is_found_out() {
    // Nothing is in flight; another operator stops the one whose turn comes next.
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let next = ids[1].clone();
    let other = with(&web(1), json!({"ID": "other", "Name": "other"}));
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-wait=3m", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(1).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            stage.agent.end_streams(StreamEnd::Silent);
            tokio::time::sleep(Duration::from_secs(1)).await;
            stage.cluster.stop_allocation(&next, false).unwrap();
            // More transactions than a server keeps: the next stream does not tell of it.
            stage.cluster.register(&other).unwrap();
            for _ in 0..150 {
                stage.cluster.evaluate("default", "other", false).unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), [&*ids[0], &*ids[1], &*ids[2]]);
    assert_eq!(ran.truth.restarts(&ids[1]).count(), 0, "{}", ran.stdout);
    assert!(
        ran.stdout
            .ends_with("2 of 3 allocations restarted, 1 skipped.\n"),
        "{}",
        ran.stdout
    );
}

#[tokio::test(start_paused = true)]
async fn an_hour_in_a_pause_costs_one_stream() {
    let cluster = running(&web(2)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-wait=1h", "web"])
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    assert_eq!((streams(&ran), lists(&ran)), (1, 1), "{:#?}", ran.requests);
}

#[tokio::test(start_paused = true)]
async fn an_update_in_place_is_read_from_a_list() {
    // Events do not tell which version of the job an allocation has now.
    let cluster = running(&web(3)).await;
    let ids = allocations(&cluster, "web");
    let updated = with(&web(3), json!({"Priority": 70}));
    let ran = Scene::of(&cluster)
        .args(["-yes", "-on-deployment=wait", "-batch-wait=1m", "web"])
        .meanwhile(|stage| async move {
            stage.joint.writes(1).await;
            tokio::time::sleep(Duration::from_secs(20)).await;
            stage.cluster.register(&updated).unwrap();
        })
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    assert_eq!((streams(&ran), lists(&ran)), (1, 2), "{:#?}", ran.requests);
}
