//! `-reschedule`: each allocation is stopped, and another one runs in its place.

use super::jobs::{group, job, runs, web};
use super::world::World;

/// Fails unless each allocation of the job was replaced by one that runs.
#[track_caller]
fn each_is_replaced(world: &mut World, job: &str, args: &[&str]) {
    let before = world.allocations(job);
    let args = [&["-yes", "-reschedule", "-batch-size=2"], args, &[job]].concat();
    let ran = world.program(&args).run().ended_with(0);
    let end = "All allocations rescheduled successfully!\n";
    let mirrored = "All allocations restarted successfully!\n";
    assert!(
        ran.stdout.ends_with(end) || ran.stdout.ends_with(mirrored),
        "{}",
        ran.stdout
    );
    let after = world.allocations(job);
    assert_eq!(after.len(), before.len());
    for allocation in &after {
        assert_eq!(allocation.status, "running", "{allocation:?}");
        assert!(before.iter().all(|it| it.id != allocation.id));
        assert_eq!(allocation.restarts("app"), 0);
    }
    world.until("the old ones have ended", |world| {
        let all = world.all_allocations(job);
        let old = all.iter().filter(|it| before.iter().any(|b| b.id == it.id));
        old.filter(|it| !it.wanted && it.status != "running")
            .count()
            == before.len()
    });
}

pub(super) fn service_job(world: &mut World) {
    let job = world.running(&web(&world.name("web"), 3));
    each_is_replaced(world, &job, &[]);
}

pub(super) fn system_job(world: &mut World) {
    let job = job(
        &world.name("agent"),
        "system",
        &[group("web", 1, &[runs("app")])],
    );
    let job = world.running(&job);
    let nodes = |world: &World| {
        let mut nodes: Vec<_> = world
            .allocations(&job)
            .into_iter()
            .map(|it| it.node)
            .collect();
        nodes.sort();
        nodes
    };
    let before = nodes(world);
    each_is_replaced(world, &job, &["-batch-size=100%"]);
    assert_eq!(nodes(world), before);
}

pub(super) fn batch_job(world: &mut World) {
    let job = job(
        &world.name("work"),
        "batch",
        &[group("web", 2, &[runs("app")])],
    );
    let job = world.running(&job);
    each_is_replaced(world, &job, &[]);
}
