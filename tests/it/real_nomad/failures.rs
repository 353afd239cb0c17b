//! What must not be called restarted.

use super::jobs::{cannot_start_again, group, job, prestart_that_fails_later, runs, web};
use super::world::World;

/// Fails unless the run told of the only allocation that it had failed, for this reason.
#[track_caller]
fn failed(world: &World, args: &[&str], why: &str) {
    let ran = world.program(args).run().ended_with(1);
    let stopped = "Job restart finished with errors";
    assert!(ran.stdout.contains(stopped), "{}", ran.stdout);
    for text in ["0 of 1 allocation restarted, 1 failed.", why] {
        assert!(ran.stderr.contains(text), "{text}: {}", ran.stderr);
    }
}

pub(super) fn crash_loop_after_a_restart(world: &mut World) {
    // The main task never gets its turn, so that nothing of it can be seen to run.
    let tasks = [prestart_that_fails_later("init"), runs("app")];
    let job = job(&world.name("web"), "service", &[group("web", 1, &tasks)]);
    let job = world.running(&job);
    failed(world, &["-yes", "-all-tasks", &job], "Exit Code: 3");
}

pub(super) fn start_that_fails_after_a_restart(world: &mut World) {
    let groups = [group("web", 1, &cannot_start_again("app"))];
    let job = world.running(&job(&world.name("web"), "service", &groups));
    failed(world, &["-yes", &job], "could not be found");
}

pub(super) fn nowhere_to_be_placed_again(world: &mut World) {
    let job = world.running(&web(&world.name("web"), 2));
    let before = world.allocations(&job);
    world.close_nodes();
    let ran = world.program(&["-yes", "-reschedule", &job]).run();
    let ran = ran.ended_with(1);
    assert!(
        ran.stderr.contains("No nodes were eligible for evaluation"),
        "{}",
        ran.stderr
    );
    let summary = "0 of 2 allocations rescheduled, 1 failed, 1 not touched.";
    assert!(ran.stderr.contains(summary), "{}", ran.stderr);
    let left = world.allocations(&job);
    assert_eq!(left.len(), 1);
    assert!(before.iter().any(|it| it.id == left[0].id));
}
