//! Restarts in place: what was started again, and what was not.

use super::jobs::{group, job, prestart, runs, web};
use super::world::{Allocation, World};

/// Fails unless these are the same allocations, each with its task `app` started again once.
#[track_caller]
pub(super) fn restarted_once(before: &[Allocation], after: &[Allocation]) {
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        assert_eq!(before.id, after.id);
        assert_eq!(after.status, "running", "{after:?}");
        assert_eq!(
            after.restarts("app"),
            before.restarts("app") + 1,
            "{after:?}"
        );
        assert!(after.started("app") > before.started("app"), "{after:?}");
    }
}

pub(super) fn all_in_place(world: &mut World) {
    let job = world.running(&web(&world.name("web"), 3));
    let before = world.allocations(&job);
    let ran = world.program(&["-yes", "-batch-size=100%", &job]).run();
    let ran = ran.succeeded();
    let warning = "Warning: A batch holds every running allocation of group \"web\"";
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    restarted_once(&before, &world.allocations(&job));
    assert_eq!(world.all_allocations(&job).len(), 3);
}

pub(super) fn in_batches(world: &mut World) {
    let job = world.running(&web(&world.name("web"), 4));
    let before = world.allocations(&job);
    let ran = world.program(&["-yes", "-batch-size=2", &job]).run();
    let ran = ran.succeeded().said("");
    for batch in ["1st batch of 2", "2nd batch of 2"] {
        assert!(ran.stdout.contains(batch), "{}", ran.stdout);
    }
    let mut after = world.allocations(&job);
    restarted_once(&before, &after);
    // The second batch was not touched before the first one ran again.
    after.sort_by_key(|allocation| allocation.told("app"));
    let ran_again = after[..2].iter().map(|it| it.started("app")).max().unwrap();
    assert!(after[2].told("app") > ran_again, "{after:#?}");
}

pub(super) fn one_task(world: &mut World) {
    let tasks = [runs("app"), runs("log")];
    let job = job(&world.name("web"), "service", &[group("web", 2, &tasks)]);
    let job = world.running(&job);
    let before = world.allocations(&job);
    let args = ["-yes", "-task=app", &job];
    world.program(&args).run().succeeded().said("");
    let after = world.allocations(&job);
    restarted_once(&before, &after);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.restarts("log"), 0);
        assert_eq!(after.started("log"), before.started("log"));
    }
}

pub(super) fn all_tasks_with_a_prestart(world: &mut World) {
    let tasks = [prestart("init"), runs("app")];
    let job = job(&world.name("web"), "service", &[group("web", 2, &tasks)]);
    let job = world.running(&job);
    let before = world.allocations(&job);
    // Without -all-tasks what is done stays done.
    world.program(&["-yes", &job]).run().succeeded().said("");
    let between = world.allocations(&job);
    restarted_once(&before, &between);
    assert!(between.iter().all(|it| it.restarts("init") == 0));
    let args = ["-yes", "-all-tasks", &job];
    world.program(&args).run().succeeded().said("");
    let after = world.allocations(&job);
    restarted_once(&between, &after);
    for allocation in &after {
        assert_eq!(allocation.restarts("init"), 1);
        assert_eq!(allocation.state("init"), "dead");
        assert!(allocation.started("init") < allocation.started("app"));
    }
}

pub(super) fn one_group(world: &mut World) {
    let groups = [
        group("web", 2, &[runs("app")]),
        group("api", 2, &[runs("app")]),
    ];
    let job = world.running(&job(&world.name("web"), "service", &groups));
    let of = |world: &World, group: &str| -> Vec<Allocation> {
        let all = world.allocations(&job).into_iter();
        all.filter(|allocation| allocation.group == group).collect()
    };
    let before = of(world, "api");
    let args = ["-yes", "-group=api", &job];
    world.program(&args).run().succeeded().said("");
    restarted_once(&before, &of(world, "api"));
    let others = of(world, "web");
    assert_eq!(others.len(), 2);
    assert!(others.iter().all(|it| it.restarts("app") == 0));
}
