//! What is in the lines: topics, keys, namespaces, payloads.

use std::time::Duration;

use nomad_sim::front::MemoryFront;
use serde_json::{Value, json};

use super::support::{allocation, front, job, open, settled, shortened};

const SECOND: Duration = Duration::from_secs(1);

/// All events of a stream, one after the other.
async fn events(front: &MemoryFront, query: &str) -> Vec<Value> {
    let lines = open(front, query).await.lines(SECOND).await;
    let events = lines.iter().filter_map(|line| line["Events"].as_array());
    events.flatten().cloned().collect()
}

fn topics(events: &[Value]) -> Vec<&str> {
    let mut topics: Vec<&str> = events.iter().filter_map(|e| e["Topic"].as_str()).collect();
    topics.sort_unstable();
    topics.dedup();
    topics
}

#[tokio::test(start_paused = true)]
async fn keys_are_ids_and_the_ids_of_what_they_belong_to() {
    let front = front().await;
    let cluster = front.agent().cluster().clone();
    settled(&cluster, &job("other", 1)).await;
    let alloc = allocation(&cluster, "web");
    let (deployment, eval, node) = cluster.read(|state| {
        let alloc = state.allocation(&alloc).expect("known");
        (
            alloc.deployment_id.clone(),
            alloc.eval_id.clone(),
            alloc.node_id.clone(),
        )
    });
    let all = events(&front, "topic=Allocation:web").await;
    assert!(all.iter().all(|event| {
        event["Key"] == *alloc
            && event["FilterKeys"] == json!(["web", deployment])
            && event["Namespace"] == "default"
    }));
    for query in [
        format!("topic=Allocation:{alloc}"),
        format!("topic=Allocation:{deployment}"),
    ] {
        assert_eq!(events(&front, &query).await, all, "{query}");
    }
    let both = events(&front, "topic=Allocation").await;
    assert_eq!(both.len(), 2 * all.len());
    assert_eq!(events(&front, "topic=Allocation:*").await, both);
    for (query, found) in [
        (format!("topic=Evaluation:{eval}"), vec!["Evaluation"]),
        (format!("topic=Evaluation:{deployment}"), vec!["Evaluation"]),
        (format!("topic=Deployment:{deployment}"), vec!["Deployment"]),
        ("topic=Deployment:web".to_owned(), vec!["Deployment"]),
        ("topic=Job:web".to_owned(), vec!["Job"]),
        (format!("topic=Node:{node}"), vec!["Node"]),
        ("topic=Node:web".to_owned(), vec![]),
        (format!("topic=*:{eval}"), vec!["Evaluation"]),
        (
            "topic=Job:web&topic=Evaluation:web".to_owned(),
            vec!["Evaluation", "Job"],
        ),
        (
            String::new(),
            vec!["Allocation", "Deployment", "Evaluation", "Job", "Node"],
        ),
        (
            "topic=*".to_owned(),
            vec!["Allocation", "Deployment", "Evaluation", "Job", "Node"],
        ),
    ] {
        assert_eq!(topics(&events(&front, &query).await), found, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn streams_stay_within_their_namespace() {
    let front = front().await;
    front.agent().create_namespace("prod", "");
    let mut elsewhere = job("web", 1);
    elsewhere["Namespace"] = json!("prod");
    settled(front.agent().cluster(), &elsewhere).await;
    for (query, namespaces) in [
        ("topic=Job:web", vec!["default"]),
        ("topic=Job:web&namespace=prod", vec!["prod"]),
        ("topic=Job:web&namespace=*", vec!["default", "prod"]),
        ("topic=Job:web&namespace=nope", vec![]),
    ] {
        let events = events(&front, query).await;
        let mut seen: Vec<&str> = events
            .iter()
            .filter_map(|e| e["Namespace"].as_str())
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, namespaces, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn payloads_are_whole_objects_but_for_an_allocations_job() {
    let front = front().await;
    let cluster = front.agent().cluster().clone();
    let alloc = allocation(&cluster, "web");
    cluster
        .restart_allocation(&alloc, "", false)
        .await
        .expect("restarted");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let last = |events: Vec<Value>| events.last().expect("an event").clone();
    let event = last(events(&front, "topic=Allocation:web").await);
    assert_eq!(event["Type"], "AllocationUpdated");
    let payload = event["Payload"].as_object().expect("an object");
    assert_eq!(payload.keys().collect::<Vec<_>>(), ["Allocation"]);
    let shown = &payload["Allocation"];
    assert_eq!(shown["ModifyIndex"], event["Index"]);
    assert_eq!(shown["TaskStates"]["app"]["Restarts"], 1);
    // What the API shows of it, without the job.
    let read = super::support::get(&front, &format!("/v1/allocation/{alloc}")).await;
    let (shown, read) = (
        shown.as_object().expect("an object"),
        read.as_object().expect("an object"),
    );
    for (key, value) in shown {
        assert_eq!(read.get(key), Some(value), "{key}");
    }
    for key in ["Job", "JobVersion"] {
        assert!(!shown.contains_key(key), "{key}");
    }
    for (topic, key) in [
        ("Evaluation", "TriggeredBy"),
        ("Deployment", "TaskGroups"),
        ("Job", "TaskGroups"),
    ] {
        let event = last(events(&front, &format!("topic={topic}:web")).await);
        assert!(
            event["Payload"][topic][key].is_string()
                || event["Payload"][topic][key].is_object()
                || event["Payload"][topic][key].is_array(),
            "{topic}"
        );
        assert!(event["Payload"]["Deleted"].is_null());
    }
}

/// Nothing of the allocations and deployments that are gone (recording f05).
#[tokio::test(start_paused = true)]
async fn a_purge_tells_of_the_job_alone() {
    let front = front().await;
    let cluster = front.agent().cluster().clone();
    let query = "topic=Allocation:web&topic=Evaluation:web&topic=Deployment:web&topic=Job:web";
    let mut stream = open(&front, &format!("{query}&index=1000000")).await;
    stream.lines(SECOND).await;
    let purged = cluster.deregister("default", "web", true).expect("purged");
    let lines = stream.lines(Duration::from_secs(20)).await;
    let (index, events) = shortened(&lines[0]);
    assert_eq!(
        (index, events),
        (purged.index, vec!["Job/JobDeregistered web".to_owned()])
    );
    assert_eq!(lines[0]["Events"][0]["Payload"]["Deleted"], true);
    for line in &lines[1..] {
        let (_, events) = shortened(line);
        assert!(
            events.iter().all(|event| event.starts_with("Evaluation/")),
            "{events:?}"
        );
    }
    assert_eq!(shortened(&lines[1]).0, purged.index);
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_wrongly_is_refused_in_the_ordinary_way() {
    let front = front().await;
    for (query, text) in [
        (
            "topic=Allocation:a:b",
            "Invalid topic query: error parsing topics: Invalid key value pair for topic, topic: Allocation:a:b",
        ),
        (
            "topic=Allocation:a%3Ab",
            "Invalid topic query: error parsing topics: Invalid key value pair for topic, topic: Allocation:a:b",
        ),
        (
            "index=abc",
            "Unable to parse index: strconv.Atoi: parsing \"abc\": invalid syntax",
        ),
        (
            "index=99999999999999999999",
            "Unable to parse index: strconv.Atoi: parsing \"99999999999999999999\": value out of range",
        ),
    ] {
        let mut answer = open(&front, query).await;
        assert_eq!(
            (answer.status, answer.rest().await.as_str()),
            (400, text),
            "{query}"
        );
        let length = answer.headers.get("content-length").expect("a length");
        assert_eq!(length, &text.len().to_string());
    }
    let put = http::Request::put("/v1/event/stream")
        .body(bytes::Bytes::new())
        .expect("a request");
    assert_eq!(front.handle(put).await.expect("answered").status, 405);
}
