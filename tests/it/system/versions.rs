//! The servers from 1.6 to 2.0: the same runs, whatever they leave out or do otherwise.

use std::time::Duration;

use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::Cluster;
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::{all_replaced, evaluations, older, rescheduling, running, system};
use crate::memory::jobs::{group, job, plain, settled, task, web};
use crate::memory::scene::{Scene, allocations};

const SERVERS: [Version; 6] = Version::ALL;
const SECRET: &str = "11111111-2222-3333-4444-555555555555";

async fn steady(version: Version, job: &Value) -> Cluster {
    let cluster = older(version, 5);
    cluster.register(job).unwrap();
    settled(&cluster, "web").await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn service_jobs_are_rescheduled() {
    for version in SERVERS {
        let cluster = steady(version, &web(3)).await;
        let ids = allocations(&cluster, "web");
        let ran = rescheduling(&cluster, &["-batch-size=2"]).run().await;
        let ran = ran.ended_with(0).warned(&[]);
        all_replaced(&ran, &ids);
        assert_eq!(evaluations(&ran), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn system_jobs_are_rescheduled() {
    // Before 1.11 nobody tells the health of their allocations, and there is no deployment.
    for version in SERVERS {
        for seed in 0..20 {
            let cluster = older(version, seed);
            cluster.register(&system(&["web"])).unwrap();
            settled(&cluster, "web").await;
            let ids = allocations(&cluster, "web");
            let ran = rescheduling(&cluster, &["-batch-size=100%"]).run().await;
            all_replaced(&ran.ended_with(0), &ids);
            assert_eq!(running(&cluster), 3, "{version:?} {seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_restarted_in_place_is_the_same_everywhere() {
    for version in SERVERS {
        let cluster = steady(version, &web(2)).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
        assert_eq!(ran.ended_with(0).warned(&[]).touched(), ids);
    }
}

#[tokio::test(start_paused = true)]
async fn replacements_that_fail_need_no_health_to_be_told() {
    // 1.6.10/c05: a failed replacement without DeploymentStatus.
    let rules = json!([{"replacement": true, "start_error": "image not found"}]);
    for version in SERVERS {
        let broken = job(&[group("web", 2, &[task("app", &rules)])]);
        let cluster = steady(version, &broken).await;
        let ran = rescheduling(&cluster, &[]).run().await;
        let ran = ran
            .ended_with(1)
            .explained("Driver Failure: image not found");
        assert_eq!(ran.touched().len(), 1, "{version:?}");
        assert!(ran.took() < Duration::from_secs(15), "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn late_placements_are_found_with_and_without_a_deployment() {
    // Recording c06 of 1.6.10, 1.10.5 and 2.0.5: no new deployment.
    for version in SERVERS {
        let cluster = steady(version, &web(2)).await;
        let ids = allocations(&cluster, "web");
        for node in ["node-1", "node-2", "node-3"] {
            cluster.set_eligible(node, false);
        }
        let ran = rescheduling(&cluster, &["-batch-size=2", "-on-error=fail"])
            .meanwhile(|stage| async move {
                stage.joint.writes(2).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
                stage.cluster.set_eligible("node-1", true);
            })
            .run()
            .await
            .ended_with(0);
        assert_eq!(ran.touched(), ids);
        assert_eq!(running(&cluster), 2, "{version:?}");
        let deployments = cluster.read(|state| state.job_deployments("default", "web").count());
        let late = usize::from(version >= Version::V1_11_2);
        assert_eq!(deployments, 1 + late, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_evaluation_that_fails_ends_the_wait_with_its_text() {
    // 1.11.2/y: system jobs of several groups.
    let cluster = steady(Version::V1_11_2, &system(&["api", "web"])).await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduling(&cluster, &["-batch-size=2"]).run().await;
    let ran = ran
        .ended_with(1)
        .explained(
            "failed: evaluation reached delivery limit (3); it was stopped and is not replaced",
        )
        .explained("0 of 6 allocations rescheduled, 2 failed, 4 not touched.");
    assert_eq!(ran.touched(), ids[..2]);
    assert!(ran.took() < Duration::from_secs(30), "{:?}", ran.took());

    // One group is replaced there.
    let cluster = steady(Version::V1_11_2, &system(&["web"])).await;
    let ids = allocations(&cluster, "web");
    let ran = rescheduling(&cluster, &["-batch-size=2"]).run().await;
    all_replaced(&ran.ended_with(0), &ids);
}

#[tokio::test(start_paused = true)]
async fn older_servers_know_one_right_only() {
    for version in [Version::V1_6, Version::V1_10] {
        let lifecycle = || {
            Token::named("operator")
                .policy("default", "read")
                .allow("default", "alloc-lifecycle")
        };
        for (token, code) in [
            (lifecycle(), 1),
            (lifecycle().allow("default", "submit-job"), 0),
        ] {
            let cluster = steady(version, &system(&["web"])).await;
            let ran = rescheduling(&cluster, &[&format!("-token={SECRET}")])
                .meanwhile(|stage| {
                    stage.agent.set_acl(Some(Acl::new().with(SECRET, token)));
                    async {}
                })
                .run()
                .await
                .ended_with(code);
            assert_eq!(ran.touched().len(), if code == 0 { 3 } else { 0 });
            assert_eq!(running(&cluster), 3);
            if code == 1 {
                ran.explained("submit-job");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_node_of_an_allocation_is_gone() {
    // v-node-unknown: 500 before 2.0.5, and not to be repeated.
    for version in SERVERS {
        let cluster = steady(version, &job(&[group("web", 3, &[plain("app")])])).await;
        let first = allocations(&cluster, "web").remove(0);
        let node = cluster.read(|state| state.allocation(&first).unwrap().node_name.clone());
        let ran = Scene::of(&cluster)
            .args(["-yes", "web"])
            .meanwhile(|stage| {
                // The servers act on it a moment after the call.
                stage.agent.faults().add(
                    nomad_sim::front::Rule::on(
                        "/restart",
                        nomad_sim::front::Fault::Status(
                            if version == Version::V2_0 { 404 } else { 500 },
                            format!("Unknown node {node}"),
                        ),
                    )
                    .nth(1),
                );
                async {}
            })
            .run()
            .await
            .ended_with(1)
            .explained("Unknown node")
            .explained("2 of 3 allocations restarted, 1 failed.");
        assert_eq!(ran.touched().len(), 2, "{version:?}");
    }
}
