//! Restarts in place (recordings b01 to b13).

use nomad_sim::cluster::{Behaviour, Selector};

use super::replay::{Setting, conforms};
use super::{MS, TOLERANCE, done_at_once, ended_by_sigint, used_before, whole};

#[tokio::test(start_paused = true)]
async fn b01_restart_of_running_tasks() {
    let mut setting =
        Setting::default().rule(Selector::job("b01-running").task("init"), done_at_once());
    setting.purged_before = true;
    conforms("b01-restart-running-tasks", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b02_restart_of_all_tasks() {
    let setting = Setting::default()
        .rule(Selector::job("b02-all").task("init"), done_at_once())
        .rule(Selector::job("b02-all").task("bye"), done_at_once());
    conforms("b02-restart-all-tasks", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b03_restart_of_a_single_task() {
    let setting = Setting::default().rule(Selector::job("b03-single").task("init"), done_at_once());
    conforms("b03-restart-single-task", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b04_restart_of_a_task_that_ignores_the_signal() {
    let setting = Setting::default().rule(
        Selector::job("b04-kill").task("app"),
        Behaviour::ignores_signal(),
    );
    conforms("b04-restart-kill-timeout", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b05_restart_with_a_group_shutdown_delay() {
    conforms(
        "b05-restart-group-shutdown-delay",
        Setting::default(),
        |run| run.check(TOLERANCE),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn b06_restart_and_stop_with_a_task_shutdown_delay() {
    conforms(
        "b06-restart-task-shutdown-delay",
        Setting::default(),
        |run| run.check(TOLERANCE),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn b07_restart_with_a_slow_start() {
    conforms("b07-restart-slow-start", Setting::default(), whole).await;
}

#[tokio::test(start_paused = true)]
async fn b08_restart_into_a_crash_loop() {
    let app = || Selector::job("b08-crash").task("app");
    let setting = Setting::default()
        .rule(app(), ended_by_sigint())
        .rule(app().start_from(2), Behaviour::exits_after(0, 3));
    conforms("b08-restart-then-crash-loop", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b09_restart_of_a_task_that_cannot_start() {
    let error = "failed to launch command with executor: rpc error: code = Unknown desc = binary \
        \"/opt/nomad/data/alloc/00000000-0000-0000-0000-000000000000/alloc/data/prog\" could not be \
        found";
    let job = || Selector::job("b09-nostart");
    let setting = Setting::default()
        .rule(job().task("copy"), done_at_once())
        .rule(job().task("rm"), done_at_once())
        .rule(job().task("app"), ended_by_sigint())
        .rule(job().task("app").start(2), Behaviour::start_fails(error));
    conforms("b09-restart-then-start-failure", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b10_restart_of_what_cannot_be_restarted() {
    let group = |name: &str| Selector {
        group: Some(name.to_owned()),
        ..Selector::job("b10-batch")
    };
    let setting = Setting::default()
        .rule(group("done"), done_at_once())
        .rule(group("bad"), Behaviour::exits_after(0, 1));
    conforms("b10-restart-not-possible", setting, whole).await;
}

/// The order in which three calls at once arrive is chance; each allocation goes its own way.
#[tokio::test(start_paused = true)]
async fn b11_restart_of_two_groups_at_once() {
    let setting = Setting {
        nodes: 3,
        ..used_before()
    };
    let slow = Behaviour::dies_after(1500 * MS);
    let proxy = Selector {
        group: Some("proxy".to_owned()),
        ..Selector::job("b11-groups")
    };
    conforms("b11-restart-two-groups", setting.rule(proxy, slow), |run| {
        run.check_answers(TOLERANCE);
        run.check_nodes();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn b12_restart_of_a_leader_and_its_follower() {
    let setting = Setting::default().rule(
        Selector::job("b12-leader").task("app"),
        Behaviour::ignores_signal(),
    );
    conforms("b12-restart-leader-task", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn b13_restart_with_services() {
    let setting = Setting::default().rule(
        Selector::job("b13-services").task("app"),
        Behaviour::dies_after(1000 * MS),
    );
    // The recording ends before its last restart shows.
    conforms("b13-restart-services", setting, |run| {
        run.check_answers(TOLERANCE);
        run.check_servers();
    })
    .await;
}
