//! Head, heartbeats, what is live.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::support::{Got, front, open};

#[tokio::test(start_paused = true)]
async fn heartbeats_come_at_once_and_every_30_seconds_from_the_opening() {
    let front = front().await;
    let mut stream = open(&front, "topic=Allocation:web&index=1000000").await;
    let start = Instant::now();
    assert_eq!(stream.status, 200);
    let mut times = Vec::new();
    for round in 0..4 {
        // What else happens does not move them.
        if round == 2 {
            tokio::time::sleep(Duration::from_secs(7)).await;
            front
                .agent()
                .cluster()
                .evaluate("default", "web", false)
                .expect("evaluated");
        }
        let line = stream.next(Duration::from_secs(31)).await;
        assert_eq!(line, Got::Line(json!({})));
        times.push(start.elapsed().as_secs());
    }
    assert_eq!(times, [0, 30, 60, 90]);
}
