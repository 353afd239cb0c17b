//! Runs that begin, end and go on: some allocations only, an interrupt in mid-run, and how a job is named.

use chrono::{SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use super::in_place::restarted_once;
use super::jobs::web;
use super::world::World;

pub(super) fn older_ones_only(world: &mut World) {
    let job = world.running(&web(&world.name("web"), 3));
    let before = world.allocations(&job);
    let moment = Utc::now();
    let path = format!("/v1/client/allocation/{}/restart", before[0].id);
    world.put(&path, &json!({"TaskName": "", "AllTasks": false}));
    world.until("the first one runs again", |world| {
        let first = &world.allocations(&job)[0];
        first.restarts("app") == 1 && first.state("app") == "running"
    });
    let before_that = format!(
        "-started-before={}",
        moment.to_rfc3339_opts(SecondsFormat::Nanos, true)
    );
    let ran = world.program(&["-yes", &before_that, &job]).run();
    let ran = ran.ended_with(0);
    assert!(
        ran.stdout.contains("Finished job restart"),
        "{}",
        ran.stdout
    );
    restarted_once(&before, &world.allocations(&job));
    // Nothing is left to do.
    let ran = world.program(&["-yes", &before_that, &job]).run();
    let ran = ran.ended_with(0);
    assert!(
        ran.stdout.contains("No allocations to restart"),
        "{}",
        ran.stdout
    );
    restarted_once(&before, &world.allocations(&job));
}

pub(super) fn interrupted_and_continued(world: &mut World) {
    let job = world.running(&web(&world.name("web"), 3));
    // The command that continues takes two seconds off the start of the run.
    world.until("the tasks are old enough", |world| {
        let all = world.allocations(&job);
        let started = all.iter().map(|it| it.started("app")).max().unwrap();
        Utc::now() - started > TimeDelta::seconds(3)
    });
    let before = world.allocations(&job);
    let args = ["-yes", "-batch-wait=10m", &job];
    let mut running = world.program(&args).spawn();
    running.until("Waiting 10m");
    running.signal("INT");
    let ran = running.wait().ended_with(130);
    let summary = "1 of 3 allocations restarted, 2 not touched.";
    assert!(ran.stderr.contains(summary), "{}", ran.stderr);
    let between = world.allocations(&job);
    let again = between.iter().map(|it| it.restarts("app")).sum::<u64>();
    assert_eq!(again, 1);
    let (_, command) = ran.stderr.split_once("\nTo continue, run:\n    ").unwrap();
    let command = command.lines().next().unwrap();
    assert!(command.contains("-started-before="), "{command}");
    let command = command.replace("-batch-wait=10m", "-batch-wait=0s");
    let ran = world.command(&command).run().ended_with(0);
    assert!(
        ran.stdout.contains("Finished job restart"),
        "{}",
        ran.stdout
    );
    restarted_once(&before, &world.allocations(&job));
}

pub(super) fn names_and_prefixes(world: &mut World) {
    let short = world.running(&web(&world.name("web"), 1));
    let long = world.running(&web(&world.name("web-two"), 1));
    let restarts =
        |world: &World| [&short, &long].map(|job| world.allocations(job)[0].restarts("app"));
    // An id is an id, also where it begins another one.
    world.program(&["-yes", &short]).run().succeeded().said("");
    assert_eq!(restarts(world), [1, 0]);
    let prefix = world.name("web-t");
    let ran = world.program(&["-yes", "-exact", &prefix]).run();
    let ran = ran.ended_with(1).printed_nothing();
    assert!(ran.stderr.contains(&long), "{}", ran.stderr);
    let several = world.name("we");
    let ran = world.program(&["-yes", &several]).run().ended_with(1);
    let told = [ran.stdout, ran.stderr].concat();
    assert!(told.contains(&short) && told.contains(&long), "{told}");
    assert_eq!(restarts(world), [1, 0]);
    let ran = world.program(&["-yes", &prefix]).run().succeeded();
    assert!(ran.stderr.contains(&long), "{}", ran.stderr);
    assert_eq!(restarts(world), [1, 1]);
    let none = world.name("none");
    world.program(&["-yes", &none]).run().ended_with(1);
}
