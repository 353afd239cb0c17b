//! Since when tasks are as they are, and what checks say: kept apart from all other news.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Change, JobView, client, ids, read, view};
use crate::nomad::json::{AllocId, Allocation, CheckResult, CheckResults};
use crate::rules::samples::{AllocationSample, TaskSample, allocation, news, task, time};
use crate::view::Unread;

fn id() -> AllocId {
    Arc::from("a")
}

fn running(index: u64, started: f64) -> Allocation {
    allocation("a", 5, index).with("app", task("running", started))
}

/// Checks of these ids, statuses and seconds on the node's clock.
fn results(of: &[(&str, &str, f64)]) -> CheckResults {
    let results = of.iter().map(|(check, status, ran)| {
        let result = CheckResult {
            check: (*check).into(),
            mode: if *check == "ready" {
                "readiness"
            } else {
                "healthiness"
            }
            .into(),
            status: (*status).to_owned().into(),
            timestamp: time(*ran).timestamp(),
            ..CheckResult::default()
        };
        (Arc::from(*check), result)
    });
    results.collect()
}

/// Whether the check of this id passes, and for how many seconds it is known to.
fn state(view: &JobView, check: &str, now: Instant) -> (bool, u64) {
    let check = &view.checks("a").unwrap().results[check];
    (check.passes(), now.duration_since(check.since).as_secs())
}

#[test]
fn what_does_not_concern_the_tasks_leaves_them_unchanged() {
    let mut view = view(vec![running(5, 1.0)]);
    let begin = Instant::now();
    let at = |seconds| begin + Duration::from_secs(seconds);
    assert_eq!(view.unchanged_since("a"), None);
    news(&mut view, vec![allocation("b", 6, 6)], at(2));
    assert_eq!(view.unchanged_since("b"), Some(at(2)));
    let mut with_event = running(6, 1.0);
    with_event.task_states = [(
        Arc::from("app"),
        task("running", 1.0).event("Signaling", 3.0, ""),
    )]
    .into();
    with_event.desired_description = Arc::from("other words");
    news(&mut view, vec![with_event], at(3));
    assert_eq!(view.unchanged_since("a"), None);
    for (seconds, change) in [
        (4, running(7, 2.0)),
        (5, allocation("a", 5, 8).with("app", task("dead", 2.0))),
        (
            6,
            allocation("a", 5, 9).with("app", task("dead", 2.0).failed()),
        ),
        (7, running(10, 2.0).client("pending")),
        (8, running(11, 2.0).with("side", task("running", 2.0))),
        (
            9,
            allocation("a", 5, 12).with("app", task("running", 2.0).restarting(2.0, 0.0, 3)),
        ),
    ] {
        news(&mut view, vec![change], at(seconds));
        assert_eq!(view.unchanged_since("a"), Some(at(seconds)), "{seconds}");
    }
    // An overtaken answer is no change.
    news(&mut view, vec![running(11, 9.0)], at(10));
    assert_eq!(view.unchanged_since("a"), Some(at(9)));
    let now = at(11);
    view.apply(Change::Gone(id()), now, now);
    assert_eq!(view.unchanged_since("a"), None);
}

#[test]
fn results_count_by_the_start_of_the_tasks() {
    let mut view = view(vec![running(5, 10.5)]);
    let begin = Instant::now();
    let mut check = |seconds: u64, of: &[(&str, &str, f64)]| {
        let now = begin + Duration::from_secs(seconds);
        let changed = view.apply(Change::Checks(id(), Ok(results(of))), now, now);
        assert_eq!(changed.checks, [id()]);
        assert_eq!(ids(&changed), [""; 0]);
        // Whatever does not count is left out.
        assert!(!view.checks("a").unwrap().results.contains_key("ready"));
        state(&view, "up", now)
    };
    assert_eq!(check(1, &[("up", "success", 9.0)]), (false, 0));
    // It began in the same second, or may have run before.
    assert_eq!(check(2, &[("up", "success", 10.9)]), (false, 1));
    assert_eq!(
        check(3, &[("up", "success", 11.0), ("ready", "failure", 12.0)]),
        (true, 0)
    );
    assert_eq!(check(7, &[("up", "success", 15.0)]), (true, 4));
    assert_eq!(check(8, &[("up", "failure", 16.0)]), (false, 0));
    assert_eq!(check(9, &[("up", "success", 17.0)]), (true, 0));
    assert_eq!(check(10, &[("up", "pending", 18.0)]), (false, 0));
    read(&mut view, running(6, 20.0));
    assert_eq!(view.checks("a"), None);
}

#[test]
fn answers_that_are_late_or_missing() {
    let mut view = view(vec![running(5, 1.0)]);
    let begin = Instant::now();
    let at = |seconds| begin + Duration::from_secs(seconds);
    let good = || Ok(results(&[("up", "success", 3.0)]));
    let lost = Unread {
        error: "no path to node".into(),
        denied: false,
    };
    view.apply(Change::Checks(id(), good()), at(2), at(2));
    view.apply(
        Change::Checks(id(), Ok(results(&[("up", "failure", 2.0)]))),
        at(1),
        at(3),
    );
    assert_eq!(state(&view, "up", at(3)), (true, 1));
    view.apply(Change::Checks(id(), Err(lost.clone())), at(4), at(4));
    assert_eq!(view.checks("a").unwrap().unread, Some(lost));
    view.apply(Change::Checks(id(), good()), at(5), at(5));
    assert_eq!(view.checks("a").unwrap().unread, None);
    assert_eq!(state(&view, "up", at(5)), (true, 3));
    let other = Change::Checks(Arc::from("b"), good());
    assert!(view.apply(other, at(5), at(5)).is_empty());
    assert_eq!(client(&view, "a"), "running");
}
