//! What is warned of, and what is not.

use super::warnings;
use crate::nomad::json::{Allocation, Job};
use crate::plan::{Action, BatchMode, BatchSize, RestartPlan, Tasks};
use crate::rules::samples::{
    AllocationSample, allocation, in_place, job, named, plan, reschedule, task, versions, view,
};
use crate::rules::selection::select;

fn of(id: &str, group: &str) -> Allocation {
    allocation(id, 5, 5)
        .in_group(group)
        .with("app", task("running", 1.0))
}

/// Groups `web` and `api` of two, `one` of one.
fn groups(version: u64) -> Job {
    let tasks: &[(&str, &str)] = &[("app", "")];
    let mut job = job(version, &[("web", tasks), ("api", tasks), ("one", tasks)]);
    for group in &mut job.task_groups[..2] {
        group.count = 2;
    }
    job
}

fn told(jobs: Vec<Job>, all: Vec<Allocation>, batch: BatchSize, action: Action) -> Vec<String> {
    let plan = RestartPlan {
        batch,
        ..plan(action)
    };
    let (view, versions) = (view(all), versions(jobs));
    let selection = select(&view, &versions, &plan).expect("all names are known");
    warnings(&view, &versions, &plan, &selection)
}

fn batches(all: Vec<Allocation>, batch: BatchSize) -> Vec<String> {
    told(vec![groups(0)], all, batch, in_place())
}

#[test]
fn a_batch_that_leaves_nothing_of_a_group_is_told() {
    let all = || {
        vec![
            of("a", "web"),
            of("b", "web"),
            of("c", "one"),
            of("d", "api"),
        ]
    };
    let expected = |group: &str| {
        format!(
            "A batch holds every running allocation of group \"{group}\": none is left while it is restarted, a smaller -batch-size leaves some"
        )
    };
    // The second one of group api does not run: the first is all of it. A group of one cannot be spared.
    assert_eq!(
        batches(all(), BatchSize::Percent(100)),
        [expected("api"), expected("web")]
    );
    assert_eq!(batches(all(), BatchSize::Count(1)), [expected("api")]);
    assert_eq!(
        batches(vec![of("a", "web"), of("b", "web")], BatchSize::Count(1)),
        [""; 0]
    );
    // One that is left out goes on running; one that has ended does not.
    let mut running = of("b", "web");
    running.desired_transition.migrate = true;
    assert_eq!(
        batches(vec![of("a", "web"), running], BatchSize::Count(5)),
        [""; 0]
    );
    let ended = of("b", "web").client("complete");
    assert_eq!(
        batches(vec![of("a", "web"), ended], BatchSize::Count(5)),
        [expected("web")]
    );
}

#[test]
fn a_window_that_can_hold_all_of_a_group_is_told() {
    let told = |size| {
        let plan = RestartPlan {
            batch: BatchSize::Count(size),
            mode: BatchMode::Window,
            ..plan(in_place())
        };
        // In processing order c stands between the two of group web.
        let all = vec![of("a", "web"), of("b", "one"), of("c", "web")];
        let (view, versions) = (view(all), versions(vec![groups(0)]));
        let selection = select(&view, &versions, &plan).expect("all names are known");
        warnings(&view, &versions, &plan, &selection)
    };
    assert_eq!(told(1), [""; 0]);
    // In lock-step the two would never be away together.
    assert_eq!(
        told(2),
        [
            "The window can hold every running allocation of group \"web\" at once: none may be left then, a smaller -batch-size leaves some"
        ]
    );
}

#[test]
fn a_reschedule_that_changes_versions_is_told() {
    let jobs = || vec![groups(0), groups(1)];
    let at = |id: &str, version| {
        let mut allocation = of(id, "web");
        allocation.job_version = version;
        allocation
    };
    let told = |all, action| told(jobs(), all, BatchSize::Count(1), action);
    assert_eq!(
        told(vec![at("a", 0), at("b", 1)], reschedule()),
        ["1 allocation is of an older version of the job and is replaced by the current version 1"]
    );
    assert_eq!(
        told(vec![at("a", 0), at("b", 0)], reschedule()),
        [
            "2 allocations are of older versions of the job and are replaced by the current version 1"
        ]
    );
    assert_eq!(told(vec![at("a", 1), at("b", 1)], reschedule()), [""; 0]);
    // In place an allocation keeps its version.
    assert_eq!(told(vec![at("a", 0), at("b", 0)], in_place()), [""; 0]);
}

#[test]
fn a_group_delay_that_restarts_wait_for_is_told() {
    let mut delayed = groups(0);
    delayed.task_groups[0].shutdown_delay = 20_000_000_000;
    delayed.task_groups[1].shutdown_delay = 5_000_000_000;
    let told = |action| {
        told(
            vec![delayed.clone()],
            vec![of("a", "web"), of("b", "web"), of("c", "one")],
            BatchSize::Count(1),
            action,
        )
    };
    let expected =
        ["Each restart in group \"web\" first waits for the group's shutdown_delay of 20s"];
    assert_eq!(told(in_place()), expected);
    assert_eq!(told(Action::InPlace(Tasks::All)), expected);
    assert_eq!(told(named(&["app"])), [""; 0]);
    assert_eq!(told(reschedule()), [""; 0]);
}
