//! Checks of services (recordings e01 to e04).

use nomad_sim::cluster::{Behaviour, Selector};

use super::replay::{Setting, conforms};
use super::{MS, ended_by_sigint, used_before, whole};

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
