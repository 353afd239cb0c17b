//! Older servers as a client sees them over the API: statuses, texts and keys that differ (the recordings of 1.6.10 to 1.11.3).

use bytes::Bytes;
use http::Request;
use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::{Cluster, Config};
use nomad_sim::front::{Agent, MemoryFront};
use nomad_sim::model::Version;
use serde_json::{Value, json};
use std::time::Duration;

const SECRET: &str = "11111111-2222-3333-4444-555555555555";

async fn agent(version: Version) -> Agent {
    let config = Config::seeded(3).with_nodes(2).with_version(version);
    let cluster = Cluster::new(config);
    let task = json!({"Name": "app", "Driver": "raw_exec", "Config": {"command": "/bin/app"}});
    let groups = json!([{"Name": "web", "Count": 2, "Tasks": [task]}]);
    cluster
        .register(&json!({"ID": "web", "Datacenters": ["dc1"], "TaskGroups": groups}))
        .unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    Agent::new(cluster)
}

async fn call(agent: &Agent, method: &str, path: &str) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("X-Nomad-Token", SECRET)
        .body(Bytes::new())
        .unwrap();
    let mut answer = MemoryFront::new(agent.clone())
        .handle(request)
        .await
        .unwrap();
    let mut body = Vec::new();
    while let Some(chunk) = answer.body.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    let text = String::from_utf8(body).unwrap();
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (answer.status.as_u16(), value)
}

#[tokio::test(start_paused = true)]
async fn keys_of_stubs() {
    for version in Version::ALL {
        let agent = agent(version).await;
        let (_, list) = call(&agent, "GET", "/v1/job/web/allocations").await;
        let transition = list[0]["DesiredTransition"].as_object().unwrap();
        let state = list[0]["TaskStates"]["app"].as_object().unwrap();
        let new = version >= Version::V1_11_2;
        assert_eq!(transition.contains_key("MigrateDisablePlacement"), new);
        assert_eq!(state.contains_key("Paused"), version >= Version::V1_8);
        assert_eq!(state.contains_key("TaskHandle"), version <= Version::V1_8);
        assert_eq!(list[0].as_object().unwrap().len(), 26);
        let (_, evaluations) = call(&agent, "GET", "/v1/job/web/evaluations").await;
        let evaluation = evaluations[0].as_object().unwrap();
        assert_eq!(evaluation.contains_key("PlanAnnotations"), new);
        let (_, deployment) = call(&agent, "GET", "/v1/job/web/deployment").await;
        let deployment = deployment.as_object().unwrap();
        assert_eq!(
            deployment.contains_key("CreateTime"),
            version >= Version::V1_10
        );
        let (_, own) = call(&agent, "GET", "/v1/agent/self").await;
        assert_eq!(own["config"]["Version"]["Version"], version.text());
        assert_eq!(own["member"]["Tags"]["build"], version.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_reschedule_unset() {
    for (version, expected) in [
        (Version::V1_6, Value::Null),
        (Version::V1_10, Value::Null),
        (Version::V1_11_2, json!(false)),
        (Version::V2_0, json!(false)),
    ] {
        let agent = agent(version).await;
        let (_, list) = call(&agent, "GET", "/v1/job/web/allocations").await;
        let id = list[0]["ID"].as_str().unwrap();
        let stop = format!("/v1/allocation/{id}/stop?reschedule=abc");
        let (status, _) = call(&agent, "PUT", &stop).await;
        let known = version >= Version::V1_11_2;
        assert_eq!(status, if known { 500 } else { 200 });
        call(&agent, "PUT", &format!("/v1/allocation/{id}/stop")).await;
        let (_, alloc) = call(&agent, "GET", &format!("/v1/allocation/{id}")).await;
        assert_eq!(alloc["DesiredTransition"]["Migrate"], true);
        assert_eq!(alloc["DesiredTransition"]["Reschedule"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn statuses_are_unknown_to_1_6() {
    for version in Version::ALL {
        let agent = agent(version).await;
        let (status, body) = call(&agent, "GET", "/v1/jobs/statuses").await;
        let known = version > Version::V1_6;
        assert_eq!(status, if known { 200 } else { 404 });
        assert!(known || body == "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_purged_node_is_unknown() {
    // v-node-unknown: 500 before 2.0.5.
    for version in Version::ALL {
        let agent = agent(version).await;
        let (_, list) = call(&agent, "GET", "/v1/job/web/allocations").await;
        let id = list[0]["ID"].as_str().unwrap();
        let node = list[0]["NodeID"].as_str().unwrap();
        let cluster = agent.cluster();
        assert!(cluster.kill_agent(node));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert!(cluster.purge_node(node));
        let status = if version == Version::V2_0 { 404 } else { 500 };
        let expected = (status, json!(format!("Unknown node {node}")));
        for (method, what) in [("PUT", "restart"), ("GET", "checks")] {
            let path = format!("/v1/client/allocation/{id}/{what}");
            assert_eq!(call(&agent, method, &path).await, expected, "{version:?}");
        }
        let (_, nodes) = call(&agent, "GET", "/v1/nodes").await;
        assert_eq!(nodes.as_array().unwrap().len(), 1);
        let (_, list) = call(&agent, "GET", "/v1/job/web/allocations").await;
        let lost = list.as_array().unwrap().iter().find(|a| a["ID"] == id);
        assert_eq!(lost.unwrap()["ClientStatus"], "lost");
    }
}

#[tokio::test(start_paused = true)]
async fn the_capability_evaluate_job_is_new() {
    // g 105, 118; w 2
    for version in Version::ALL {
        let new = version >= Version::V1_11_2;
        let base = || Token::named("operator").policy("default", "read");
        for (token, evaluates, reads) in [
            (base(), false, true),
            (base().allow("default", "submit-job"), true, true),
            // The policy is refused as a whole.
            (base().allow("default", "evaluate-job"), new, new),
        ] {
            let agent = agent(version).await;
            agent.set_acl(Some(Acl::new().with(SECRET, token)));
            let status = |allowed: bool| if allowed { 200 } else { 403 };
            let (evaluated, _) = call(&agent, "PUT", "/v1/job/web/evaluate").await;
            assert_eq!(evaluated, status(evaluates), "{version:?}");
            let (read, _) = call(&agent, "GET", "/v1/job/web").await;
            assert_eq!(read, status(reads), "{version:?}");
        }
    }
}
