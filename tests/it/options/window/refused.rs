//! Where there can be no window, and what a dry run shows of one.

use serde_json::json;

use super::scene;
use crate::memory::jobs::{running, web, with};

#[tokio::test(start_paused = true)]
async fn system_jobs_are_rescheduled_in_batches_only() {
    let system = with(&web(1), json!({"Type": "system"}));
    for more in [&[][..], &["-dry-run"]] {
        let cluster = running(&system).await;
        let args: Vec<_> = ["-reschedule"].iter().chain(more).copied().collect();
        let ran = scene(&cluster, &args).run().await.ended_with(1);
        let ran = ran.printed(&[""]).warned(&[
            "System job \"web\" cannot be rescheduled with -batch-mode=window: its replacements need an evaluation that is asked for once for a whole batch of stops. Leave -batch-mode=window out",
        ]);
        assert!(ran.writes().is_empty());
    }
    // In place there is nothing to evaluate.
    let cluster = running(&system).await;
    let ran = scene(&cluster, &["-batch-size=2"]).run().await;
    assert_eq!(ran.ended_with(0).writes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_order() {
    let cluster = running(&web(3)).await;
    let ran = scene(&cluster, &["-dry-run", "-batch-size=2"]).run().await;
    let ran = ran.ended_with(0);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(
        lines[0].ends_with(": Dry run: 3 allocations would be restarted, at most 2 at once"),
        "{}",
        ran.stdout
    );
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let column: Vec<_> = lines[2..].iter().filter_map(|line| first(line)).collect();
    assert_eq!(column, ["Order", "1", "2", "3"]);
    assert!(ran.writes().is_empty());
}
