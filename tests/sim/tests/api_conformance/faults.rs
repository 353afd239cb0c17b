//! What goes wrong on the way, by plan: which effect it has and what the caller sees.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use nomad_sim::front::{Broken, Fault, MemoryFront, Rule};
use tokio::time::{Instant, timeout};

use super::support::{allocations, cluster, get, job, put, request, restarts, running, send};

async fn front() -> (MemoryFront, String) {
    let cluster = cluster();
    running(&cluster, &job("web", 1, "1s")).await;
    let alloc = allocations(&cluster, "web").remove(0);
    (MemoryFront::of(cluster), alloc)
}

fn restart(alloc: &str) -> String {
    format!("/v1/client/allocation/{alloc}/restart")
}

/// Lets everything that is under way come to its end.
async fn settle() {
    tokio::time::sleep(Duration::from_secs(10)).await;
}

#[tokio::test(start_paused = true)]
async fn faults_before_the_effect_leave_the_allocation_alone() {
    for (fault, seen) in [
        (Fault::Refused, Err(Broken::Refused)),
        (Fault::ResetBefore, Err(Broken::Reset)),
        (Fault::Status(500, "No cluster leader".to_owned()), Ok(500)),
        (Fault::Status(429, "slow down\n".to_owned()), Ok(429)),
        (Fault::Html(502, "<h1>Bad gateway</h1>".to_owned()), Ok(502)),
    ] {
        let (front, alloc) = front().await;
        front
            .agent()
            .faults()
            .add(Rule::on("/restart", fault.clone()).nth(1));
        let answer = put(&front, &restart(&alloc), "{}").await;
        assert_eq!(answer.map(|answer| answer.status), seen, "{fault:?}");
        settle().await;
        assert_eq!(restarts(front.agent().cluster(), &alloc), 0, "{fault:?}");
        // The second call is not concerned.
        let answer = put(&front, &restart(&alloc), "{}").await.expect("answered");
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn faults_after_the_effect_hide_what_happened() {
    for (fault, seen) in [
        (Fault::ResetAfter, Err(Broken::Reset)),
        (Fault::StatusAfter(504, "timeout".to_owned()), Ok(504)),
        (Fault::Cut(3), Err(Broken::Cut)),
        (Fault::Garbage(Bytes::from_static(b"{\"Ind")), Ok(200)),
    ] {
        let (front, alloc) = front().await;
        front
            .agent()
            .faults()
            .add(Rule::on("/restart", fault.clone()));
        let answer = put(&front, &restart(&alloc), "{}").await;
        assert_eq!(answer.map(|answer| answer.status), seen, "{fault:?}");
        settle().await;
        assert_eq!(restarts(front.agent().cluster(), &alloc), 1, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_body_has_begun_as_the_whole_one_would() {
    let (front, _) = front().await;
    let whole = get(&front, "/v1/job/web/allocations").await;
    front.agent().set_chunk_size(100);
    front
        .agent()
        .faults()
        .add(Rule::on("/allocations", Fault::Cut(250)));
    let mut answer = front
        .handle(request(&Method::GET, "/v1/job/web/allocations", ""))
        .await
        .expect("a head");
    assert_eq!(
        answer.headers.get("x-nomad-index"),
        whole.headers.get("x-nomad-index")
    );
    let mut sizes = Vec::new();
    let end = loop {
        match answer.body.chunk().await {
            Ok(Some(chunk)) => {
                let at: usize = sizes.iter().sum();
                assert_eq!(chunk, whole.body.slice(at..at + chunk.len()));
                sizes.push(chunk.len());
            }
            end => break end,
        }
    };
    assert_eq!((sizes, end), (vec![100, 100, 50], Err(Broken::Cut)));
}

#[tokio::test(start_paused = true)]
async fn stalled_and_delayed_calls_take_their_time() {
    let (front, alloc) = front().await;
    let faults = front.agent().faults().clone();
    faults.add(Rule::on("/v1/jobs", Fault::Stall).nth(1));
    faults.add(Rule::on("/v1/jobs", Fault::Delay(Duration::from_secs(7))).nth(2));
    faults.add(Rule::on(
        "/stop",
        Fault::DelayAnswer(Duration::from_secs(9)),
    ));
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, get(&front, "/v1/jobs")).await.is_err());
    let start = Instant::now();
    assert_eq!(get(&front, "/v1/jobs").await.status, 200);
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    let start = Instant::now();
    let stopping = front.agent().cluster().now();
    let stop = put(&front, &format!("/v1/allocation/{alloc}/stop"), "").await;
    assert_eq!(stop.expect("answered").status, 200);
    assert_eq!(start.elapsed(), Duration::from_secs(9));
    let truth = front.agent().cluster().truth();
    let times: Vec<_> = truth.stops(&alloc).map(|stop| stop.time).collect();
    assert_eq!(times, [stopping], "it took effect at once");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_begins_and_never_ends() {
    let (front, _) = front().await;
    front
        .agent()
        .faults()
        .add(Rule::on("/v1/nodes", Fault::StallAfter(10)));
    let mut answer = front
        .handle(request(&Method::GET, "/v1/nodes", ""))
        .await
        .expect("a head");
    assert_eq!(
        answer.body.chunk().await.map(|c| c.map(|c| c.len())),
        Ok(Some(10))
    );
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, answer.body.chunk()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_does_not_take_its_call_back() {
    let (front, alloc) = front().await;
    let target = restart(&alloc);
    let call = put(&front, &target, "{}");
    // The old process needs a second to end.
    let hung_up = timeout(Duration::from_millis(100), call).await;
    assert!(hung_up.is_err());
    settle().await;
    assert_eq!(restarts(front.agent().cluster(), &alloc), 1);
}

#[tokio::test(start_paused = true)]
async fn requests_are_recorded_in_the_order_of_their_arrival() {
    let (front, alloc) = front().await;
    front
        .agent()
        .faults()
        .add(Rule::on("/stop", Fault::ResetBefore));
    get(&front, "/v1/jobs?prefix=web").await;
    let broken = put(&front, &format!("/v1/allocation/{alloc}/stop"), "").await;
    assert_eq!(broken.map(|answer| answer.status), Err(Broken::Reset));
    let mut with_token = request(&Method::GET, "/v1/job/nope", "");
    let token = http::HeaderValue::from_static("x");
    with_token.headers_mut().insert("x-nomad-token", token);
    send(&front, with_token).await.expect("answered");
    let seen: Vec<_> = front
        .agent()
        .requests()
        .into_iter()
        .map(|entry| {
            (
                entry.method,
                entry.path,
                entry.query,
                entry.with_token,
                entry.status,
            )
        })
        .collect();
    let entry = |method: &str, path: &str, query: &str, token, status| {
        (
            method.to_owned(),
            path.to_owned(),
            query.to_owned(),
            token,
            status,
        )
    };
    assert_eq!(
        seen,
        [
            entry("GET", "/v1/jobs", "prefix=web", false, Some(200)),
            entry(
                "PUT",
                &format!("/v1/allocation/{alloc}/stop"),
                "",
                false,
                None
            ),
            entry("GET", "/v1/job/nope", "", true, Some(404)),
        ]
    );
}
