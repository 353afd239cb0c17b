//! Retries on paused time.

use std::cell::RefCell;
use std::collections::VecDeque;

use http::StatusCode;

use super::*;
use crate::nomad::error::{ApiError, Garbled};
use crate::nomad::transport::{SendError, SendErrorKind};

fn api(status: u16, body: &str) -> ReadError {
    ReadError::Api(ApiError {
        status: StatusCode::from_u16(status).unwrap(),
        body: body.to_owned(),
    })
}

fn send(kind: SendErrorKind) -> ReadError {
    ReadError::Send(SendError {
        kind,
        text: String::new(),
    })
}

fn garbled() -> ReadError {
    ReadError::Garbled(Garbled {
        request: String::new(),
        problem: String::new(),
    })
}

struct Outcome {
    result: Result<(), ReadError>,
    attempts: u32,
    told: Vec<String>,
    took: Duration,
}

/// Reads that fail like this, over and over with the last one, and then succeed if there is an `Ok`.
async fn run(
    patience: Patience,
    results: impl IntoIterator<Item = Result<(), ReadError>>,
) -> Outcome {
    let script = RefCell::new(results.into_iter().collect::<VecDeque<_>>());
    let mut attempts = 0;
    let mut told = Vec::new();
    let began = Instant::now();
    let result = patiently(
        patience,
        Jitter::seeded(1),
        |error| told.push(error.to_string()),
        || {
            attempts += 1;
            let mut script = script.borrow_mut();
            let result = match script.len() {
                1 => script[0].clone(),
                _ => script.pop_front().unwrap(),
            };
            async { result }
        },
    )
    .await;
    Outcome {
        result,
        attempts,
        told,
        took: began.elapsed(),
    }
}

// N1, N2, N8
#[tokio::test(start_paused = true)]
async fn trouble_that_passes() {
    for patience in [Patience::Startup, Patience::Working] {
        for error in [
            api(429, "busy"),
            api(500, "No cluster leader"),
            api(500, "rpc error: EOF"),
            api(503, ""),
            send(SendErrorKind::Broken),
            send(SendErrorKind::Unsent),
            garbled(),
        ] {
            let outcome = run(patience, [Err(error.clone()), Err(error.clone()), Ok(())]).await;
            assert!(outcome.result.is_ok(), "{patience:?} {error:?}");
            assert_eq!(outcome.attempts, 3);
            assert_eq!(
                outcome.told,
                [error.to_string()],
                "told once, with the reason"
            );
            assert!(outcome.took < Duration::from_secs(2), "{:?}", outcome.took);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_final_at_once() {
    for patience in [Patience::Startup, Patience::Working] {
        for error in [
            api(403, "Permission denied"),
            api(404, "job not found"),
            api(400, ""),
            api(500, "No path to region"),
            api(500, "ACL token expired"),
        ] {
            let outcome = run(patience, [Err(error), Ok(())]).await;
            assert!(outcome.result.is_err());
            assert_eq!((outcome.attempts, outcome.told.len()), (1, 0));
        }
    }
    let outcome = run(
        Patience::Startup,
        [Err(send(SendErrorKind::Connect)), Ok(())],
    )
    .await;
    assert!(outcome.result.is_err());
    assert_eq!((outcome.attempts, outcome.told.len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn work_survives_an_agent_that_restarts() {
    let down = || Err(send(SendErrorKind::Connect));
    let outcome = run(Patience::Working, [down(), down(), down(), Ok(())]).await;
    assert!(outcome.result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn patience_ends() {
    for (patience, seconds) in [(Patience::Startup, 20), (Patience::Working, 60)] {
        let outcome = run(patience, [Err(api(500, "No cluster leader"))]).await;
        assert!(outcome.result.is_err());
        assert_eq!(outcome.told.len(), 1);
        assert_eq!(
            outcome.took,
            Duration::from_secs(seconds),
            "the last attempt is at the end"
        );
        assert!((8..30).contains(&outcome.attempts), "{}", outcome.attempts);
    }
}

// N12
#[tokio::test(start_paused = true)]
async fn an_unreadable_answer_is_read_twice_more_at_start() {
    let outcome = run(Patience::Startup, [Err(garbled())]).await;
    assert!(outcome.result.unwrap_err().is_garbled());
    assert_eq!(outcome.attempts, 3);
    let outcome = run(Patience::Working, [Err(garbled())]).await;
    assert_eq!(outcome.took, Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn working_patience_counts_from_the_first_failure() {
    let began = Instant::now();
    let mut attempts = 0;
    let result = patiently(
        Patience::Working,
        Jitter::seeded(7),
        |_| {},
        || {
            attempts += 1;
            async {
                sleep(Duration::from_secs(30)).await;
                Err::<(), _>(send(SendErrorKind::TimedOut))
            }
        },
    )
    .await;
    assert!(result.is_err());
    // 30 s until the first failure, then attempts until a minute after it; the last may still run.
    assert_eq!(attempts, 3);
    assert!(
        began.elapsed() < Duration::from_secs(125),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn delays_are_spread_and_repeatable() {
    let delays = |seed| {
        let mut jitter = Jitter::seeded(seed);
        (0..50)
            .map(|_| jitter.spread(Duration::from_secs(4)))
            .collect::<Vec<_>>()
    };
    assert_eq!(delays(5), delays(5));
    assert_ne!(delays(5), delays(6));
    let bounds = Duration::from_secs(3)..=Duration::from_secs(5);
    assert!(delays(5).iter().all(|delay| bounds.contains(delay)));
    assert!(delays(5).windows(2).any(|pair| pair[0] != pair[1]));
}

#[test]
fn back_off_grows_to_its_limit_and_begins_anew() {
    let mut backoff = Backoff::new(Jitter::seeded(3));
    let first = backoff.next_delay();
    assert!(first <= Duration::from_millis(625), "{first:?}");
    let later: Vec<Duration> = (0..10).map(|_| backoff.next_delay()).collect();
    assert!(later[9] >= Duration::from_millis(3750) && later[9] <= Duration::from_millis(6250));
    backoff.reset();
    assert!(backoff.next_delay() <= Duration::from_millis(625));
}
