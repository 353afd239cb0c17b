//! Blocking queries: when they answer, with which index, and what wakes them (recording h02).

use std::time::Duration;

use nomad_sim::front::MemoryFront;
use tokio::time::Instant;

use super::support::{Whole, allocations, cluster, get, job, put, running};

/// Two running jobs, the id of one being a prefix of the other's.
async fn two_jobs() -> MemoryFront {
    let cluster = cluster();
    running(&cluster, &job("web", 1, "0s")).await;
    running(&cluster, &job("web-two", 1, "0s")).await;
    // Late reports would wake queries by themselves.
    tokio::time::sleep(Duration::from_secs(10)).await;
    MemoryFront::of(cluster)
}

async fn timed(front: &MemoryFront, target: &str) -> (Whole, Duration) {
    let start = Instant::now();
    let answer = get(front, target).await;
    (answer, start.elapsed())
}

/// A wait of two seconds, and up to a sixteenth more.
fn waited(time: Duration) -> bool {
    (Duration::from_secs(2)..=Duration::from_millis(2126)).contains(&time)
}

#[tokio::test(start_paused = true)]
async fn a_query_waits_only_for_something_newer_than_its_index() {
    let front = two_jobs().await;
    let list = "/v1/job/web/allocations";
    let now = get(&front, list).await.index();
    for (query, waits) in [
        (String::new(), false),
        ("?wait=2s".to_owned(), false),
        ("?index=0&wait=2s".to_owned(), false),
        ("?index=1&wait=2s".to_owned(), false),
        (format!("?index={}&wait=2s", now - 1), false),
        (format!("?index={now}&wait=2s"), true),
        (format!("?index={now}&wait=2s&stale="), true),
        (format!("?index={}&wait=2s", now + 1000), true),
    ] {
        let (answer, time) = timed(&front, &format!("{list}{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        // Also for an index of the future: the current, lower one.
        assert_eq!(answer.index(), now, "{query}");
        assert_eq!(waited(time), waits, "{query} took {time:?}");
        assert!(waits || time.is_zero(), "{query} took {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_five_minutes_unless_shorter() {
    let front = two_jobs().await;
    let now = get(&front, "/v1/nodes").await.index();
    for query in ["", "&wait=1h"] {
        let (_, time) = timed(&front, &format!("/v1/nodes?index={now}{query}")).await;
        assert!((300..=319).contains(&time.as_secs()), "{time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_empty_table_answers_zero_and_never_blocks_on_it() {
    let front = MemoryFront::of(cluster());
    let (answer, _) = timed(&front, "/v1/job/web/allocations").await;
    assert_eq!((answer.index(), answer.text().as_str()), (0, "[]"));
    let (answer, time) = timed(&front, "/v1/job/web/allocations?index=0&wait=2s").await;
    assert_eq!((answer.index(), time), (0, Duration::ZERO));
    let (_, time) = timed(&front, "/v1/job/web/allocations?index=1&wait=2s").await;
    assert!(waited(time));
}

#[tokio::test(start_paused = true)]
async fn the_other_jobs_change_wakes_what_watches_it() {
    for (target, woken) in [
        ("/v1/job/web/allocations", false),
        ("/v1/job/web/deployments", false),
        ("/v1/job/web/summary", false),
        ("/v1/job/web", false),
        ("/v1/allocation/OWN", false),
        // Watches every job whose id begins with this one's.
        ("/v1/job/web/evaluations", true),
        ("/v1/job/web-two/allocations", true),
        ("/v1/allocations", true),
        ("/v1/evaluations", true),
        ("/v1/jobs", true),
    ] {
        let front = two_jobs().await;
        let cluster = front.agent().cluster().clone();
        let own = allocations(&cluster, "web").remove(0);
        let other = allocations(&cluster, "web-two").remove(0);
        let target = target.replace("OWN", &own);
        let before = get(&front, &target).await.index();
        let asking = {
            let front = front.clone();
            let target = format!("{target}?index={before}&wait=2s");
            tokio::spawn(async move { timed(&front, &target).await })
        };
        tokio::task::yield_now().await;
        let stop = put(&front, &format!("/v1/allocation/{other}/stop"), "").await;
        assert_eq!(stop.expect("answered").status, 200);
        let (answer, time) = asking.await.expect("answered");
        if woken {
            assert!(answer.index() > before, "{target}");
            assert!(time < Duration::from_secs(1), "{target} took {time:?}");
        } else {
            // The table has moved on, but the answer is what was found at first.
            assert_eq!(answer.index(), before, "{target}");
            assert!(waited(time), "{target} took {time:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_shows_up_in_a_blocked_list() {
    let front = two_jobs().await;
    let own = allocations(front.agent().cluster(), "web").remove(0);
    let mut index = get(&front, "/v1/job/web/allocations").await.index();
    let restart = put(
        &front,
        &format!("/v1/client/allocation/{own}/restart"),
        "{}",
    )
    .await;
    assert_eq!(restart.expect("answered").status, 200);
    let start = Instant::now();
    loop {
        let target = format!("/v1/job/web/allocations?index={index}&wait=30s");
        let (answer, _) = timed(&front, &target).await;
        assert!(answer.index() > index);
        index = answer.index();
        let task = answer.json()[0]["TaskStates"]["app"].clone();
        if task["Restarts"] == 1 && task["State"] == "running" {
            break;
        }
    }
    assert!(start.elapsed() < Duration::from_secs(3));
}
