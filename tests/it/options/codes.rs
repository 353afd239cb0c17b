//! `-detailed-exitcode`: each code from a run that ends so, and the plain code of the same run.

use std::time::Duration;

use nomad_sim::cluster::Cluster;
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::scene;
use crate::jobs::{service, serving};
use crate::memory::jobs::{group, job, running, task, web, web_with, with};
use crate::memory::scene::Ran;

async fn both(make: impl AsyncFn(&[&str]) -> Ran, plain: u8, detailed: u8) {
    make(&[]).await.ended_with(plain);
    make(&["-detailed-exitcode"]).await.ended_with(detailed);
}

fn args<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

fn answer(status: u16, text: &str) -> Rule {
    Rule::on("/restart", Fault::Status(status, text.to_owned()))
}

#[tokio::test(start_paused = true)]
async fn done_or_nothing_to_do() {
    both(
        async |more| {
            let cluster = running(&web(1)).await;
            scene(&cluster, &args(&["-yes"], more)).run().await
        },
        0,
        0,
    )
    .await;
    both(
        async |more| {
            let cluster = running(&web(1)).await;
            let never = ["-yes", "-older-than=1w"];
            scene(&cluster, &args(&never, more)).run().await
        },
        0,
        0,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn permission() {
    for size in ["-batch-size=1", "-batch-size=3"] {
        both(
            async |more| {
                let cluster = running(&web(3)).await;
                scene(&cluster, &args(&["-yes", size], more))
                    .fault(answer(403, "Permission denied"))
                    .run()
                    .await
            },
            1,
            1,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn placement() {
    // Whether another batch was to come or not.
    for size in ["-batch-size=1", "-batch-size=3"] {
        both(
            async |more| {
                let cluster = running(&web(3)).await;
                cluster.set_eligible("node-1", false);
                cluster.set_eligible("node-2", false);
                let first = ["-yes", "-reschedule", size];
                scene(&cluster, &args(&first, more)).run().await
            },
            1,
            2,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn failures() {
    // D75
    let stuck = json!([{"start_from": 2, "start_block_for": "10m"}]);
    for (first, spec, detailed) in [
        // Everything was tried.
        (&["-yes"][..], web(3), 3),
        // Stopped after the first one.
        (&["-yes", "-on-error=fail"], web(3), 4),
        (&["-yes", "-max-failures=0"], web(3), 4),
        // A time limit; also where nothing was left to stop.
        (&["-yes", "-timeout=5s"], web_with(3, &stuck), 4),
        (
            &["-yes", "-timeout=5s", "-batch-size=3"],
            web_with(3, &stuck),
            4,
        ),
    ] {
        both(
            async |more| {
                let cluster = running(&spec).await;
                let scene = scene(&cluster, &args(first, more));
                scene
                    .fault(answer(500, "Could not find task runner").nth(1))
                    .run()
                    .await
            },
            1,
            detailed,
        )
        .await;
    }
}

fn update(cluster: &Cluster) {
    let slow = task("app", &json!([{"start_block_for": "20s"}]));
    let slow = with(&slow, json!({"Env": {"VERSION": "2"}}));
    let mut changed = job(&[group("web", 3, &[slow])]);
    changed["TaskGroups"][0]["Update"]["MaxParallel"] = json!(1);
    cluster.register(&changed).unwrap();
}

#[tokio::test(start_paused = true)]
async fn preconditions() {
    // A deployment, at the start and in mid-run; after failures the run is still stopped by the deployment.
    for (writes, fault) in [(0, false), (1, false), (1, true)] {
        both(
            async |more| {
                let cluster = running(&web(3)).await;
                let mut scene = scene(&cluster, &args(&["-yes", "-batch-wait=1m"], more));
                if fault {
                    scene = scene.fault(answer(500, "Could not find task runner").nth(1));
                }
                if writes == 0 {
                    update(&cluster);
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
                scene
                    .meanwhile(move |stage| async move {
                        stage.joint.writes(writes).await;
                        tokio::time::sleep(Duration::from_secs(10)).await;
                        if writes > 0 {
                            update(&stage.cluster);
                        }
                    })
                    .run()
                    .await
            },
            1,
            5,
        )
        .await;
    }
    both(
        async |more| {
            let cluster = running(&web(3)).await;
            scene(&cluster, &args(&["-yes", "-batch-wait=1m"], more))
                .meanwhile(|stage| async move {
                    stage.joint.writes(1).await;
                    stage.cluster.deregister("default", "web", false).unwrap();
                })
                .run()
                .await
        },
        1,
        5,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_signal_comes_first() {
    both(
        async |more| {
            let cluster = running(&web(3)).await;
            scene(&cluster, &args(&["-yes", "-batch-wait=1m"], more))
                .fault(answer(500, "Could not find task runner").nth(1))
                .signal_after(1, Duration::from_secs(10), 15)
                .run()
                .await
        },
        143,
        143,
    )
    .await;
}

#[test]
fn before_anything_is_chosen() {
    let served = serving([
        service("web-a", &[("web", 1)]),
        service("web-b", &[("web", 1)]),
        service("shop-x", &[("web", 1)]),
    ]);
    for (job, detailed) in [
        // Several jobs, one job that was not named whole, and none.
        ("web", 5),
        ("shop", 5),
        ("nope", 1),
    ] {
        let plain = ["-on-error=fail", job];
        served.program(plain).run().ended_with(1);
        let args = ["-on-error=fail", "-detailed-exitcode", job];
        served.program(args).run().ended_with(detailed);
    }
    // A usage error, an unknown group, and no agent.
    for args in [
        &["-detailed-exitcode", "-batch-size=0", "web-a"][..],
        &["-detailed-exitcode", "-yes", "-group=nope", "web-a"],
        &[
            "-detailed-exitcode",
            "-yes",
            "-address=http://127.0.0.1:1",
            "web-a",
        ],
    ] {
        served.program(args).run().ended_with(1);
    }
    assert_eq!(served.written(), [""; 0]);
}
