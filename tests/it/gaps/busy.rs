//! Slow and busy clusters, and a look-up by prefix that fails.

use std::time::Duration;

use http::Method;
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use crate::memory::jobs::{running, web, web_with, with};
use crate::memory::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn a_job_list_that_fails() {
    // N1
    for (fault, text, seconds) in [
        (
            Fault::Status(500, "No cluster leader".to_owned()),
            "500 (No cluster leader)",
            20,
        ),
        (
            Fault::Status(403, "Permission denied".to_owned()),
            "404 (job not found)",
            0,
        ),
    ] {
        let cluster = running(&web(1)).await;
        let list = |_: &Method, path: &str, _: &str| path == "/v1/jobs";
        let ran = Scene::of(&cluster)
            .args(["-yes", "we"])
            .fault(Rule::on("", fault).when(list))
            .run()
            .await
            .ended_with(1)
            .printed(&[])
            .explained(&format!("Unexpected response code: {text}"));
        assert!(ran.writes().is_empty());
        assert_eq!(ran.took().as_secs(), seconds, "{}", ran.stderr);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_agent_does_not_multiply_with_the_batch() {
    // N17
    let cluster = running(&web(50)).await;
    let ids = allocations(&cluster, "web");
    let ran = Scene::of(&cluster)
        .args(["-yes", "-batch-size=25", "web"])
        .fault(Rule::on("", Fault::Delay(Duration::from_secs(2))))
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched(), ids);
    // Two batches of a few calls in a row each.
    assert!(ran.took() < Duration::from_secs(40), "{:?}", ran.took());
    assert!(ran.reads() < 30, "{}", ran.reads());
}

#[tokio::test(start_paused = true)]
async fn a_busy_cluster_is_not_polled_more_often() {
    // N71, D46
    let mut reads = Vec::new();
    for mode in ["-all-tasks=false", "-reschedule"] {
        for busy in [false, true] {
            let cluster = running(&web_with(2, &json!([{"start_block_for": "45s"}]))).await;
            cluster
                .register(&with(&web(1), json!({"ID": "other", "Name": "other"})))
                .unwrap();
            tokio::time::sleep(Duration::from_secs(60)).await;
            let ran = Scene::of(&cluster)
                .args(["-yes", mode, "web"])
                .meanwhile(move |stage| async move {
                    while busy {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        stage.cluster.evaluate("default", "other", false).unwrap();
                    }
                })
                .run()
                .await
                .ended_with(0);
            assert_eq!(ran.touched().len(), 2);
            reads.push((ran.reads(), ran.took()));
        }
    }
    for pair in reads.chunks(2) {
        let [(quiet, _), (busy, took)] = pair else {
            unreachable!()
        };
        assert!(*took < Duration::from_secs(100), "{took:?}");
        assert!(*busy <= quiet + 10, "{reads:?}");
    }
}
