//! Lists: of jobs when it fails, of allocations when there are many or most are history.

use http::Method;
use nomad_sim::front::{Fault, Rule};
use nomad_sim::model::AllocationStub;
use serde_json::{Value, json};

use crate::memory::jobs::{running, web, web_with};
use crate::memory::scene::{Scene, allocations};

#[tokio::test(start_paused = true)]
async fn one_by_one_costs_the_same_for_each() {
    // N68
    for mode in ["-all-tasks=false", "-reschedule"] {
        let mut reads = Vec::new();
        for count in [15, 30] {
            let cluster = running(&web_with(count, &json!([{"start_block_for": "2s"}]))).await;
            let ran = Scene::of(&cluster)
                .args(["-yes", mode, "web"])
                .run()
                .await
                .ended_with(0);
            assert_eq!(ran.touched().len(), count as usize);
            reads.push(ran.reads());
        }
        assert!(reads[1] <= 2 * reads[0], "{mode} {reads:?}");
        assert!(reads[0] <= 15 * 8, "{mode} {reads:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_megabytes_of_dead_allocations() {
    // N70
    let cluster = running(&web(2)).await;
    let ids = allocations(&cluster, "web");
    let dead: Value = cluster.read(|state| {
        let stub: AllocationStub<'_> = state.allocation(&ids[0]).unwrap().stub();
        let mut stub = serde_json::to_value(stub.with_task_states(true)).unwrap();
        stub["ClientStatus"] = "complete".into();
        stub["DesiredStatus"] = "stop".into();
        stub["DesiredDescription"] = "x".repeat(2_000).into();
        stub
    });
    let number = 50 * 1024 * 1024 / dead.to_string().len();
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .tamper(move |path, _, body| {
            if path.ends_with("/allocations") {
                let list = body.as_array_mut().unwrap();
                for old in 0..number {
                    let mut one = dead.clone();
                    one["ID"] = format!("{old:08x}-0000-4000-8000-000000000000").into();
                    list.push(one);
                }
            }
        })
        .run()
        .await
        .ended_with(0)
        .warned(&[]);
    assert_eq!(ran.touched(), ids);
    // Read whole at the start and never again: what is in flight is read on its own.
    let lists = ran.count(|entry| entry.path.ends_with("/allocations"));
    assert!(lists <= 2, "{lists}");
}

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
async fn one_that_is_collected_in_flight_beside_a_long_list() {
    // N18, N68: the list is too long to be followed, so that a 404 is the only news there is.
    let stuck = json!([{"start_from": 2, "start_block_for": "1h"}]);
    let cluster = running(&web_with(1, &stuck)).await;
    let ids = allocations(&cluster, "web");
    let gone = Fault::Status(404, "alloc not found".to_owned());
    let alone = Rule::on(&format!("/v1/allocation/{}", ids[0]), gone).method(Method::GET);
    let forgotten = ids[0].clone();
    let ran = Scene::of(&cluster)
        .args(["-yes", "web"])
        .tamper(move |path, _, body| {
            if path.ends_with("/allocations")
                && let Some(list) = body.as_array_mut()
            {
                let padding = json!({"ID": "ffffffff-0000-4000-8000-000000000000",
                    "ClientStatus": "complete", "DesiredStatus": "stop",
                    "DesiredDescription": "x".repeat(3 << 20)});
                list.push(padding);
                // The list before the first write still has it.
                let restarted = |it: &Value| it["TaskStates"]["app"]["Restarts"] == 1;
                list.retain(|it| it["ID"] != *forgotten || !restarted(it));
            }
        })
        .fault(alone.calls(3..=u64::MAX))
        .run()
        .await
        .ended_with(1)
        .explained("the allocation no longer exists");
    assert!(ran.took().as_secs() < 60, "{:?}", ran.took());
}
