//! How long calls wait, and how many are in flight.

use std::time::Duration;

use tokio::time::Instant;

use super::tests::{WAIT, client, kind, restart, stop};
use super::*;
use crate::nomad::script::Step;
use crate::nomad::transport::SendErrorKind;

// N13, D79
#[tokio::test(start_paused = true)]
async fn a_read_that_is_never_answered() {
    let never = || Step::answer(200, "[]").after(Duration::from_secs(86_400));
    for (wait, seconds) in [(None, 30), (Some(WAIT), 41)] {
        let (client, _) = client([never()]);
        let began = Instant::now();
        let error = client.allocations("web", wait, |_| None).await.unwrap_err();
        assert_eq!(kind(&error), SendErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), seconds);
        assert!(
            error
                .to_string()
                .ends_with(&format!(": no answer within {seconds}s")),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_trickles_is_read_and_one_that_stalls_is_not() {
    let (client, _) = client([
        Step::answer(200, "[")
            .and(Duration::from_secs(29), " ")
            .and(Duration::from_secs(29), "]"),
        Step::answer(200, "[").and(Duration::from_secs(31), "]"),
    ]);
    let list = client.allocations("web", None, |_| None).await.unwrap();
    assert_eq!((list.took, list.bytes), (Duration::from_secs(58), 3));
    let error = client.allocations("web", None, |_| None).await.unwrap_err();
    assert_eq!(kind(&error), SendErrorKind::TimedOut);
    assert!(
        error
            .to_string()
            .ends_with("the answer stopped coming for 30s"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_wait_of_a_blocking_query_is_not_transfer_time() {
    let (client, _) = client([Step::answer(200, "[]").after(Duration::from_secs(20))]);
    let list = client
        .allocations("web", Some(WAIT), |_| None)
        .await
        .unwrap();
    assert_eq!(list.took, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_restart_may_take_any_time() {
    let (client, _) =
        client([Step::answer(200, r#"{"Index":0}"#).after(Duration::from_secs(86_400))]);
    restart(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_does_not() {
    let (client, _) = client([Step::answer(200, "{}").after(Duration::from_secs(31))]);
    let began = Instant::now();
    let error = stop(&client).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(30));
    assert!(matches!(error, CallError::Unknown(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn permits_bound_what_is_in_flight() {
    let (client, script) = client([Step::answer(200, "[]").after(Duration::from_secs(5))]);
    let split = client.split();
    assert!(split.reads + split.writes <= 50);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..split.reads * 2 {
        let client = client.clone();
        tasks.spawn(async move { client.allocations("web", None, |_| None).await.map(drop) });
    }
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(script.requests().len(), split.reads);
    // Writes have their own permits.
    let permits = {
        let mut permits = Vec::new();
        for _ in 0..split.writes {
            permits.push(client.write_permit().await);
        }
        permits
    };
    tokio::time::timeout(Duration::from_secs(60), client.write_permit())
        .await
        .unwrap_err();
    drop(permits);
    drop(client.write_permit().await);
    while let Some(result) = tasks.join_next().await {
        result.unwrap().unwrap();
    }
    assert_eq!(script.requests().len(), split.reads * 2);
}

// The agent's slot stays taken as long as the call is open, so the permit does too.
#[tokio::test(start_paused = true)]
async fn a_restart_keeps_its_permit_until_it_is_answered() {
    let (client, _) = client([Step::answer(200, "{}").after(Duration::from_secs(100))]);
    let permits = client.split().writes;
    for _ in 0..permits {
        let client = client.clone();
        let permit = client.write_permit().await;
        tokio::spawn(async move { client.restart(permit, "a1", &RestartBody::default()).await });
    }
    let began = Instant::now();
    drop(client.write_permit().await);
    assert_eq!(began.elapsed(), Duration::from_secs(100));
}

// N7: the status says that it was done; what is lost of the rest does not matter.
#[tokio::test(start_paused = true)]
async fn cut_answers_to_accepted_writes() {
    let (client, _) = client([
        Step::answer(200, r#"{"Ind"#).and_break(),
        Step::answer(200, "").and_break(),
        Step::answer(200, "").and(Duration::from_secs(86_400), ""),
        Step::answer(200, r#"{"EvalID":"#)
            .and_break()
            .header("x-nomad-index", "9"),
        Step::answer(200, r#"{"EvalID":"e1","Index":9}"#),
    ]);
    for _ in 0..3 {
        restart(&client).await.unwrap();
    }
    let answer = stop(&client).await.unwrap();
    assert_eq!((&*answer.eval_id, answer.index), ("", 9));
    let answer = stop(&client).await.unwrap();
    assert_eq!((&*answer.eval_id, answer.index), ("e1", 9));
}
