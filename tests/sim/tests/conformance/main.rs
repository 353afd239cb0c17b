//! Holds the simulated cluster to recordings of a real Nomad 2.0.5 agent: the same requests at the
//! same times give the same answers, transactions, task events and JSON keys.
//!
//! What the recorded jobs' shell scripts do is told to the simulation as behaviour rules. A restart
//! call may be answered up to 0.11 s earlier or later than recorded, because the recorded scripts see
//! their signal only every 0.1 s.

#[path = "../shared/calls.rs"]
mod calls;
mod check;
mod outages;
mod placements;
mod recording;
mod replay;
mod send;
mod shape;
mod trace;
mod versions;

use nomad_sim::cluster::{Behaviour, Selector, Timing};
use replay::{Replay, Setting, conforms};

const MS: i64 = 1_000_000;
const TOLERANCE: f64 = 0.11;

/// A process that the first signal, SIGINT, ends: its script traps another one.
fn ended_by_sigint() -> Behaviour {
    Behaviour {
        kill_code: Some(130),
        ..Behaviour::default()
    }
}

fn whole(run: &Replay) {
    run.check(TOLERANCE);
}

/// A job of this id was registered and purged before.
fn used_before() -> Setting {
    Setting {
        purged_before: true,
        ..Setting::default()
    }
}

fn done_at_once() -> Behaviour {
    Behaviour::exits_after(0, 0)
}

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

#[tokio::test(start_paused = true)]
async fn c01_stop_of_a_service_allocation() {
    conforms("c01-stop-service", Setting::default(), whole).await;
}

#[tokio::test(start_paused = true)]
async fn c02_stop_with_shutdown_delays() {
    let setting = Setting::default().rule(Selector::job("c02-delay"), Behaviour::ignores_signal());
    conforms("c02-stop-shutdown-delay", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn c03_stop_of_an_allocation_that_stops_already() {
    let mut setting =
        Setting::default().rule(Selector::job("c03-again"), Behaviour::ignores_signal());
    // The recorded node had not heard of a placement 21 ms after the stop that led to it.
    setting.timing.fetch = (30 * MS, 34 * MS);
    conforms("c03-stop-again", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn c04_replacement_that_fails_and_is_rescheduled() {
    let replacements = || Selector::job("c04-chain").replacements();
    let setting = Setting::default()
        .rule(Selector::job("c04-chain"), ended_by_sigint())
        .rule(replacements(), Behaviour::exits_after(0, 7))
        .later(17.0, replacements(), Behaviour::runs());
    conforms("c04-replacement-fails-rescheduled", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn c05_replacement_that_fails_for_good() {
    let setting = Setting::default()
        .rule(Selector::job("c05-noresched"), ended_by_sigint())
        .rule(
            Selector::job("c05-noresched").replacements(),
            Behaviour::exits_after(0, 7),
        );
    conforms("c05-replacement-fails-for-good", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn c06_placement_without_an_eligible_node() {
    conforms("c06-placement-ineligible", Setting::default(), whole).await;
}

/// Ten stops at once: the order in which they arrive is chance, so the transactions are compared
/// without order and without the number in the allocations' names.
#[tokio::test(start_paused = true)]
async fn c08_ten_stops_at_once() {
    let setting = Setting {
        // The recorder's machine was busy: plan and evaluation took as long as all ten stops.
        timing: Timing {
            plan: (60 * MS, 65 * MS),
            evaluated: (50 * MS, 55 * MS),
            ..Timing::default()
        },
        purged_before: true,
        ..Setting::default()
    };
    conforms("c08-stop-ten-at-once", setting, |run| {
        run.check_answers(TOLERANCE);
        same_without_numbers(run);
    })
    .await;
}

fn same_without_numbers(run: &Replay) {
    let unnumbered = |mut lines: Vec<String>| {
        for line in &mut lines {
            for number in 0..10 {
                *line = line.replace(&format!("web[{number}]"), "web");
            }
            let (kind, objects) = line.split_once(": ").unwrap();
            let mut objects: Vec<&str> = objects.split("; ").collect();
            objects.sort_unstable();
            *line = format!("{kind}: {}", objects.join("; "));
        }
        lines.sort();
        lines
    };
    let recorded = unnumbered(run.recorded_transactions());
    let simulated = unnumbered(run.simulated_transactions());
    for (number, recorded) in recorded.iter().enumerate() {
        assert_eq!(simulated.get(number), Some(recorded));
    }
    assert_eq!(simulated.len(), recorded.len());
}

#[tokio::test(start_paused = true)]
async fn c09_replacement_that_starts_slowly() {
    conforms("c09-stop-slow-start", used_before(), whole).await;
}

#[tokio::test(start_paused = true)]
async fn c10_replacement_that_misses_its_healthy_deadline() {
    conforms("c10-stop-unhealthy-deadline", Setting::default(), whole).await;
}

#[tokio::test(start_paused = true)]
async fn f02_update_of_the_job_during_a_restart() {
    let setting = Setting::default().rule(Selector::job("f02-update"), Behaviour::ignores_signal());
    conforms("f02-update-during-restart", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn f03_drain_of_the_node_during_a_restart() {
    let mut setting = used_before().rule(Selector::job("f03-drain"), Behaviour::ignores_signal());
    setting.nodes = 3;
    conforms("f03-drain-during-restart", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn f04_stop_of_the_job_during_a_restart() {
    let mut setting =
        Setting::default().rule(Selector::job("f04-jobstop"), Behaviour::ignores_signal());
    // The evaluate call reached the recorded server 17 ms after the stop before it.
    setting.timing.evaluated = (2 * MS, 3 * MS);
    conforms("f04-job-stop-during-restart", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn f05_purge_of_the_job_during_a_restart() {
    let setting = Setting::default().rule(Selector::job("f05-purge"), Behaviour::ignores_signal());
    conforms("f05-job-purge-during-restart", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn f06_scaling_while_allocations_are_replaced() {
    let mut setting =
        Setting::default().rule(Selector::job("f06-scale"), Behaviour::ignores_signal());
    setting.purged_before = true;
    // The second stop reached the recorded server before the first one's evaluation was complete.
    setting.timing.evaluated = (6 * MS, 7 * MS);
    conforms("f06-scale-down-during-replace", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn d01_stop_and_evaluate_of_a_system_job() {
    conforms("d01-system-stop-evaluate", Setting::default(), whole).await;
}

#[tokio::test(start_paused = true)]
async fn d05_stop_and_evaluate_of_a_sysbatch_job() {
    conforms("d05-sysbatch-stop", Setting::default(), whole).await;
}

#[tokio::test(start_paused = true)]
async fn d06_stop_during_the_deployment_of_a_system_job() {
    conforms("d06-system-stop-in-deployment", Setting::default(), whole).await;
}

/// A program that answers checks this long after its start; a signal ends it.
fn listens_after(millis: i64) -> Behaviour {
    Behaviour {
        listens_after: Some(millis * MS),
        ..ended_by_sigint()
    }
}

fn answers(code: u16, body: &str) -> Behaviour {
    Behaviour {
        check_code: Some(code),
        check_output: Some(body.to_owned()),
        ..Behaviour::default()
    }
}

#[tokio::test(start_paused = true)]
async fn e01_checks_during_a_restart() {
    let setting = used_before().rule(Selector::job("e01-checks").task("app"), listens_after(3000));
    conforms("e01-checks-restart", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn e02_a_check_that_fails_later() {
    let app = || Selector::job("e02-failing").task("app");
    let setting = Setting::default()
        // Longer than the interval: a check that is run in between is refused.
        .rule(app(), listens_after(1100))
        .later(4.46, app(), answers(503, "bad"))
        .later(10.51, app(), answers(200, "fine"));
    conforms("e02-check-fails-later", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn e03_a_replacement_whose_check_fails_until_its_deadline() {
    let app = || Selector::job("e03-deadline").task("app");
    let setting = Setting::default()
        .rule(app(), listens_after(100))
        .rule(app().replacements(), answers(503, "bad"))
        .later(13.6, app(), answers(200, "fine"));
    conforms("e03-replacement-unhealthy", setting, whole).await;
}

#[tokio::test(start_paused = true)]
async fn e04_a_replacement_whose_check_passes_later() {
    let setting =
        Setting::default().rule(Selector::job("e04-good").task("app"), listens_after(2000));
    conforms("e04-replacement-healthy", setting, whole).await;
}
