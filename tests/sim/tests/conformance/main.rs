//! Holds the simulated cluster to recordings of a real Nomad 2.0.5 agent: the same requests at the
//! same times give the same answers, transactions, task events and JSON keys.
//!
//! What the recorded jobs' shell scripts do is told to the simulation as behaviour rules. A restart
//! call may be answered up to 0.11 s earlier or later than recorded, because the recorded scripts see
//! their signal only every 0.1 s.

#[path = "../shared/calls.rs"]
mod calls;
mod check;
mod checks;
mod outages;
mod placements;
mod recording;
mod replay;
mod restarts;
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
