//! Garbage collection: what has ended is gone without a word.

use nomad_sim::front::MemoryFront;

use super::support::{allocations, cluster, get, job, put, running};

#[tokio::test(start_paused = true)]
async fn what_has_ended_is_forgotten_in_silence() {
    let cluster = cluster();
    running(&cluster, &job("web", 2, "1s")).await;
    let front = MemoryFront::of(cluster.clone());
    let old = allocations(&cluster, "web").remove(0);
    let stopped = put(&front, &format!("/v1/allocation/{old}/stop"), "").await;
    let stopped = stopped.expect("an answer").json();
    let eval = stopped["EvalID"].as_str().expect("an id").to_owned();
    // Its process is still there, so it stays, and so does the evaluation that placed what runs.
    assert_eq!(cluster.collect_garbage(), 0);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;

    let list = "/v1/job/web/allocations";
    let before = get(&front, list).await;
    assert_eq!(before.json().as_array().map(Vec::len), Some(3));
    let told = cluster.read(|state| state.changes().iter().count());
    let follow = format!("{list}?index={}&wait=5m", before.index());
    let waiting = tokio::spawn({
        let front = front.clone();
        async move { get(&front, &follow).await }
    });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(cluster.collect_garbage(), 1);
    assert_eq!(cluster.collect_garbage(), 0);

    // A held query notices that the list is another one.
    let after = waiting.await.expect("an answer");
    assert!(after.index() > before.index());
    let left = after.json();
    let left: Vec<_> = left.as_array().expect("a list").iter().collect();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|alloc| alloc["ID"] != *old));
    let answer = get(&front, &format!("/v1/allocation/{old}")).await;
    assert_eq!((answer.status, &*answer.text()), (404, "alloc not found"));
    // The evaluation that placed a replacement that runs is needed as long as that one is.
    let answer = get(&front, &format!("/v1/evaluation/{eval}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        cluster.read(|state| state.changes().iter().count()),
        told,
        "nothing is told"
    );

    // A write to it is one to nothing, and the job goes on as before.
    let again = put(&front, &format!("/v1/allocation/{old}/stop"), "").await;
    assert_eq!(again.expect("an answer").status, 404);
    let other = left[0]["ID"].as_str().expect("an id").to_owned();
    let again = put(&front, &format!("/v1/allocation/{other}/stop"), "").await;
    assert_eq!(again.expect("an answer").status, 200);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let running = get(&front, list).await.json();
    let running = running.as_array().expect("a list").iter();
    assert_eq!(
        running.filter(|it| it["ClientStatus"] == "running").count(),
        2
    );
    // Nothing of the job is left once it is over.
    cluster.deregister("default", "web", false).expect("a job");
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(cluster.collect_garbage(), 3);
    for path in [list, "/v1/job/web/evaluations"] {
        assert_eq!(get(&front, path).await.text(), "[]", "{path}");
    }
    let answer = get(&front, &format!("/v1/evaluation/{eval}")).await;
    assert_eq!(answer.status, 404);
}
