//! `-older-than` and `-started-before`, alone and together.

use std::time::Duration;

use super::scene;
use crate::memory::jobs::{running, settled, web};
use crate::memory::scene::allocations;

/// Three allocations that were there for 21 minutes, and two more for 11.
#[tokio::test(start_paused = true)]
async fn the_older_ones_only() {
    for mode in ["-all-tasks=false", "-reschedule"] {
        let cluster = running(&web(3)).await;
        let old = allocations(&cluster, "web");
        cluster.register(&web(5)).unwrap();
        settled(&cluster, "web").await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let ran = scene(
            &cluster,
            &["-yes", mode, "-older-than=15m", "-batch-size=20%"],
        )
        .run()
        .await
        .ended_with(0);
        let mut touched = ran.touched();
        touched.sort_unstable();
        let mut expected: Vec<&str> = old.iter().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(touched, expected, "{mode}");

        // Again: what is old has become young.
        let ran = scene(&cluster, &["-yes", mode, "-older-than=15m"])
            .run()
            .await;
        let ran = ran.ended_with(0);
        assert!(ran.writes().is_empty());
        let first = ran.stdout.lines().next();
        assert_eq!(first, Some("No allocations to restart"));
        let counted = ran.stdout.contains("5 not ");
        assert!(counted, "{}", ran.stdout);
    }
}

#[tokio::test(start_paused = true)]
async fn both_must_hold() {
    let cluster = running(&web(2)).await;
    for (older_than, started_before, touched) in [
        ("-older-than=5m", "-started-before=2099-01-01T00:00:00Z", 2),
        ("-older-than=5m", "-started-before=2020-01-01T00:00:00Z", 0),
        ("-older-than=1w", "-started-before=2099-01-01T00:00:00Z", 0),
    ] {
        let args = ["-yes", older_than, started_before];
        let ran = scene(&cluster, &args).run().await.ended_with(0);
        assert_eq!(
            ran.touched().len(),
            touched,
            "{older_than} {started_before}"
        );
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
}
