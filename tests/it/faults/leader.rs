//! Servers without a leader, or out of reach of the agent, for a while or for good.

use std::time::Duration;

use http::Method;
use nomad_sim::front::{Fault, Outage, Rule};

use super::{
    IN_PLACE, RESCHEDULE, SUCCESS, batch_by_batch, begun_in_turn, four, seconds, unhurried,
};
use crate::memory::jobs::{running, web_with};
use crate::memory::scene::{Ran, Scene, allocations};

const OUTAGES: [(Outage, &str); 2] = [
    (Outage::NoLeader, "500 (No cluster leader)"),
    (
        Outage::NoServers,
        "500 (rpc error: failed to get conn: dial tcp 10.0.0.1:4647: connect: connection refused)",
    ),
];

/// Four allocations, and an outage from `begins` after the start of the run on.
async fn ran(
    (mode, size): (&str, usize),
    outage: Outage,
    begins: Duration,
    lasts: Option<Duration>,
) -> (Vec<String>, Ran) {
    let (scene, ids) = four(mode, size).await;
    let ran = scene
        .meanwhile(move |stage| async move {
            tokio::time::sleep(begins).await;
            stage.agent.set_outage(Some(outage));
            if let Some(lasts) = lasts {
                tokio::time::sleep(lasts).await;
                stage.agent.set_outage(None);
            }
        })
        .run()
        .await;
    (ids, ran)
}

/// Moments that fall into every phase of a run.
fn moments() -> impl Iterator<Item = Duration> {
    (0..12).map(|number| Duration::from_millis(number * 1700))
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_without_servers_at_any_moment() {
    // N2, N3, N8
    for (outage, _) in OUTAGES {
        for run in [
            (IN_PLACE, 1),
            (IN_PLACE, 2),
            (RESCHEDULE, 1),
            (RESCHEDULE, 2),
        ] {
            for begins in moments() {
                let (ids, ran) = ran(run, outage, begins, Some(seconds(10))).await;
                let ran = ran.ended_with(0);
                assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
                batch_by_batch(&ran, &ids, run.1);
                // One line tells of it, whoever finds it out.
                assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
            }
        }
    }
}

/// Four allocations with a rule that holds from `begins` after the start of the run on, for ten seconds.
async fn ran_with(
    scene: impl FnOnce(Scene) -> Scene,
    args: [&str; 3],
    begins: Duration,
    rule: Rule,
) -> (Vec<String>, Ran) {
    let cluster = running(&web_with(4, &unhurried())).await;
    let ids = allocations(&cluster, "web");
    let ran = scene(Scene::of(&cluster))
        .args(args)
        .args(["-yes", "web"])
        .meanwhile(move |stage| async move {
            tokio::time::sleep(begins).await;
            stage.agent.faults().add(rule);
            tokio::time::sleep(seconds(10)).await;
            stage.agent.faults().clear();
        })
        .run()
        .await;
    (ids, ran)
}

#[tokio::test(start_paused = true)]
async fn the_next_batch_waits_for_the_list() {
    // Only the list fails, from just before the first batch runs again on: all else would let the next batch begin.
    let no_leader = Fault::Status(500, "No cluster leader".to_owned());
    let list = Rule::on("/v1/job/web/allocations", no_leader);
    let begins = Duration::from_millis(3900);
    let args = ["-batch-size=2", "-batch-wait=3s", IN_PLACE];
    let (ids, ran) = ran_with(Scene::without_stream, args, begins, list).await;
    let ran = ran.ended_with(0);
    batch_by_batch(&ran, &ids, 2);
    let failing = ran
        .requests
        .iter()
        .filter(|entry| entry.status == Some(500));
    let last = failing.map(|entry| entry.time).max().unwrap();
    assert!(ran.writes()[2].time > last, "{:?}", ran.writes());
}

#[tokio::test(start_paused = true)]
async fn the_reads_before_a_batch_are_repeated() {
    // N2: those of the deployment and of the job, which nothing else waits for.
    for path in ["/v1/job/web/deployment", "/v1/job/web"] {
        for mode in [IN_PLACE, RESCHEDULE] {
            let no_leader = Fault::Status(500, "No cluster leader".to_owned());
            let rule = Rule::on(path, no_leader)
                .when(move |_, at, query| at == path && !query.contains("index="));
            let args = ["-batch-size=2", "-batch-wait=0s", mode];
            let (ids, ran) = ran_with(|it| it, args, Duration::from_millis(1), rule).await;
            let ran = ran.ended_with(0);
            batch_by_batch(&ran, &ids, 2);
            let failed = ran.count(|entry| entry.status == Some(500));
            assert!(failed >= 3, "{mode} {path} {failed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn writes_that_find_no_leader_are_sent_again() {
    // Nothing but writes fails. A server without a leader has not taken them; an agent without servers may have sent them before, so
    // that only a stop is repeated then.
    for (text, mode, completes) in [
        ("No cluster leader", IN_PLACE, true),
        ("No cluster leader", RESCHEDULE, true),
        ("rpc error: failed to get conn: EOF", RESCHEDULE, true),
        ("rpc error: failed to get conn: EOF", IN_PLACE, false),
    ] {
        let rule = Rule::on("", Fault::Status(500, text.to_owned())).method(Method::PUT);
        let args = ["-batch-size=2", "-batch-wait=0s", mode];
        let (ids, ran) = ran_with(|it| it, args, Duration::ZERO, rule).await;
        if completes {
            let ran = ran.ended_with(0);
            batch_by_batch(&ran, &ids, 2);
        } else {
            let ran = ran
                .ended_with(1)
                .explained("outcome unknown, not repeated")
                .explained("0 of 4 allocations restarted, 2 failed, 2 not touched.");
            assert_eq!(ran.count(|entry| entry.method == "PUT"), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn servers_that_do_not_come_back() {
    for (outage, text) in OUTAGES {
        for run in [(IN_PLACE, 2), (RESCHEDULE, 2)] {
            for begins in moments() {
                let (ids, ran) = ran(run, outage, begins, None).await;
                if ran.took() < begins + Duration::from_millis(100) {
                    // It was over before, or did not need the servers any more.
                    continue;
                }
                let ran = ran.ended_with(1).explained(text);
                begun_in_turn(&ran, &ids, run.1);
                let more = ran.took().checked_sub(begins);
                assert!(
                    more < Some(seconds(100)),
                    "{outage:?} {run:?} {begins:?} {more:?}"
                );
                let told = ran.stderr.contains(" of 4 allocations ");
                assert!(told || ran.writes().is_empty(), "{}", ran.stderr);
            }
        }
    }
}
