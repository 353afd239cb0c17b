//! `-wait=healthy`: checks in place, Nomad's own verdict on replacements, and where nobody tells.

use std::time::Duration;

use nomad_sim::front::{Fault, Rule};
use nomad_sim::model::Version;
use serde_json::{Value, json};

use super::jobs::{SECOND, group, job, running, running_on, task, with};
use super::scene::{Ran, Scene, allocations};

/// One group `web` whose task has a service of this provider with an HTTP check every second.
pub(crate) fn checked(count: u32, provider: &str, simulate: &Value) -> Value {
    let service = json!({"Name": "web", "Provider": provider, "PortLabel": "http", "Checks": [
        {"Name": "http", "Type": "http", "Path": "/", "Interval": SECOND, "Timeout": SECOND}]});
    let app = with(&task("app", simulate), json!({"Services": [service]}));
    let blocks = json!({
        "Migrate": {"MaxParallel": 300, "HealthCheck": "checks", "MinHealthyTime": 2 * SECOND,
                    "HealthyDeadline": 20 * SECOND}});
    job(&[with(&group("web", count, &[app]), blocks)])
}

async fn healthy<const N: usize>(job: &Value, args: [&str; N]) -> Ran {
    let cluster = running(job).await;
    Scene::of(&cluster)
        .args(["-yes", "-wait=healthy"])
        .args(args)
        .run()
        .await
}

fn check_reads(ran: &Ran) -> usize {
    ran.count(|entry| entry.path.ends_with("/checks"))
}

/// From the visible start of each process to the next write, in the order of the writes.
fn gaps(ran: &Ran) -> Vec<Duration> {
    let writes = ran.writes();
    writes
        .windows(2)
        .map(|pair| pair[1].time.since(ran.runs_again(&pair[0].target, "app")))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn in_place_the_next_one_waits_for_checks_that_pass() {
    // e01: the program listens three seconds after each start; then the checks have to pass for two more.
    let rules = json!([{"start_block_for": "300ms", "listens_after": "3s"}]);
    let ran = healthy(&checked(3, "nomad", &rules), ["web"]).await;
    let ran = ran.ended_with(0).warned(&[]);
    for gap in gaps(&ran) {
        assert!(gap >= Duration::from_secs(5), "{gap:?}");
        assert!(gap <= Duration::from_secs(8), "{gap:?}");
    }
    // About one a second and allocation.
    assert!(
        (9..=30).contains(&check_reads(&ran)),
        "{}",
        check_reads(&ran)
    );
}

#[tokio::test(start_paused = true)]
async fn the_success_of_before_the_restart_does_not_count() {
    // Nothing is ever well again after the restart, and the old success stays for up to a second.
    let rules =
        json!([{"start_from": 2, "check_code": 503, "check_output": "not ready\u{1b}[31m\nstack"}]);
    let ran = healthy(&checked(2, "nomad", &rules), ["-timeout=90s", "web"]).await;
    let ran = ran.ended_with(1).explained(
        "not seen running again and healthy within 1m30s: check \"http\" is failing: not ready",
    );
    assert_eq!(ran.writes().len(), 1, "{}", ran.stderr);
    let told = "to be healthy: check \"http\" is failing: not ready";
    assert_eq!(ran.stdout.matches(told).count(), 1, "{}", ran.stdout);
    assert!(
        ran.stderr.contains("1 failed, 1 not touched"),
        "{}",
        ran.stderr
    );
}

#[tokio::test(start_paused = true)]
async fn the_minimum_time_can_be_set() {
    let rules = json!([{"listens_after": "1s"}]);
    let ran = healthy(
        &checked(2, "nomad", &rules),
        ["-min-healthy-time=30s", "web"],
    )
    .await;
    let gap = gaps(&ran.ended_with(0))[0];
    assert!(
        gap >= Duration::from_secs(31) && gap <= Duration::from_secs(35),
        "{gap:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_large_batch_reads_checks_at_a_bounded_rate() {
    let rules = json!([{"listens_after": "2s"}]);
    let ran = healthy(&checked(150, "nomad", &rules), ["-batch-size=100%", "web"]).await;
    let ran = ran.ended_with(0);
    let seconds = usize::try_from(ran.took().as_secs()).unwrap();
    assert!(check_reads(&ran) >= 150);
    assert!(
        check_reads(&ran) <= 50 * (seconds + 1),
        "{seconds} s, {} reads",
        check_reads(&ran)
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_told_as_while_waiting_for_running() {
    let rules = json!([{"start_from": 2, "run_for": "3s", "exit_code": 3}]);
    let ran = healthy(&checked(1, "nomad", &rules), ["web"]).await;
    ran.ended_with(1).explained("task \"app\"");
}

#[tokio::test(start_paused = true)]
async fn consul_checks_are_not_looked_at_and_that_is_told_once() {
    let ran = healthy(&checked(2, "consul", &json!([])), ["-batch-size=1", "web"]).await;
    let ran = ran.ended_with(0).warned(&[
        "    <TS>: Warning: Checks of Consul services in group \"web\" are not looked at: an allocation counts as healthy when its other checks have passed, and its tasks have run without a change, for 2s",
    ]);
    assert_eq!(check_reads(&ran), 0);
    let gap = gaps(&ran)[0];
    assert!(
        gap >= Duration::from_secs(2) && gap < Duration::from_secs(4),
        "{gap:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_checks_the_tasks_have_to_hold() {
    let ran = healthy(
        &job(&[group("web", 2, &[task("app", &json!([]))])]),
        ["web"],
    )
    .await;
    let ran = ran.ended_with(0).warned(&[]);
    assert_eq!(check_reads(&ran), 0);
    // `migrate.min_healthy_time` is one second there.
    let gap = gaps(&ran)[0];
    assert!(
        gap >= Duration::from_secs(1) && gap < Duration::from_secs(3),
        "{gap:?}"
    );
}

fn denied() -> Rule {
    Rule::on(
        "/checks",
        Fault::Status(403, "Permission denied".to_owned()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_token_that_may_not_read_checks_restarts_nothing() {
    let why = "whether allocations of job \"web\" are healthy cannot be known, because their checks cannot be read: Unexpected response code: 403 (Permission denied); it takes a token with the capability \"read-job\" in namespace \"default\"";
    let spec = checked(2, "nomad", &json!([]));
    for (args, code, text, reads) in [
        (&["-yes"][..], 1, format!("Nothing was restarted: {why}"), 1),
        (
            &["-dry-run"],
            7,
            format!("    <TS>: Warning: A run would restart nothing: {why}"),
            1,
        ),
        // Nobody has to know there.
        (&["-yes", "-reschedule"], 0, String::new(), 0),
    ] {
        let cluster = running(&spec).await;
        let mut scene = Scene::of(&cluster).fault(denied()).args([
            "-wait=healthy",
            "-detailed-exitcode",
            "web",
        ]);
        for arg in args {
            scene = scene.args([*arg]);
        }
        let ran = scene.run().await.ended_with(code).warned(&[&text]);
        if reads == 1 {
            assert!(ran.writes().is_empty());
            assert_eq!(check_reads(&ran), 1);
        }
    }
    // Without -wait=healthy they are nobody's business either.
    let cluster = running(&spec).await;
    let ran = Scene::of(&cluster).fault(denied()).args(["-yes", "web"]);
    let ran = ran.run().await.ended_with(0);
    assert_eq!(check_reads(&ran), 0);
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_lost_in_between_stops_the_run() {
    let cluster = running(&checked(2, "nomad", &json!([]))).await;
    let ran = Scene::of(&cluster)
        .args(["-yes", "-wait=healthy", "-detailed-exitcode", "web"])
        .fault(denied().calls(2..=1_000))
        .run()
        .await
        .explained(
            "it runs again, and whether it is healthy is not known: its checks cannot be read: ",
        );
    assert_eq!(ran.writes().len(), 1);
    ran.ended_with(1);
}

#[tokio::test(start_paused = true)]
async fn checks_that_cannot_be_read_for_a_while_only_take_longer() {
    let cluster = running(&checked(1, "nomad", &json!([]))).await;
    let down = Fault::Status(500, "no path to node".to_owned());
    Scene::of(&cluster)
        .args(["-yes", "-wait=healthy", "web"])
        .fault(Rule::on("/checks", down).calls(1..=5))
        .run()
        .await
        .ended_with(0)
        .warned(&[]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_is_healthy_when_nomad_says_so() {
    // e04
    let rules = json!([{"listens_after": "4s"}]);
    for stream in [true, false] {
        let cluster = running(&checked(2, "nomad", &rules)).await;
        let mut scene = Scene::of(&cluster).args(["-yes", "-wait=healthy", "-reschedule", "web"]);
        if !stream {
            scene = scene.without_stream();
        }
        let ran = scene.run().await.ended_with(0).warned(&[]);
        let writes = ran.writes();
        let between = writes[1].time.since(writes[0].time);
        assert!(between >= Duration::from_secs(6), "{between:?}");
        for text in ["to be healthy\n", "\" is \"running\" and healthy\n"] {
            assert_eq!(ran.stdout.matches(text).count(), 2, "{}", ran.stdout);
        }
        assert!(!ran.stdout.contains("to start running"), "{}", ran.stdout);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_replacement_stops_the_run() {
    // e03
    let rules = json!([{"replacement": true, "check_code": 500, "check_output": "no database"}]);
    let ran = healthy(&checked(3, "nomad", &rules), ["-reschedule", "web"]).await;
    let ran = ran
        .ended_with(1)
        .explained("unhealthy: check \"http\" is failing: no database; it does not look again");
    assert_eq!(ran.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn system_jobs_are_judged_by_nomad_or_have_to_hold() {
    for (version, warns) in [(Version::V1_10, true), (Version::V2_0, false)] {
        let system = with(
            &job(&[group("web", 1, &[task("app", &json!([]))])]),
            json!({"Type": "system"}),
        );
        let cluster = running_on(version, &system).await;
        let ids = allocations(&cluster, "web");
        let ran = Scene::of(&cluster)
            .args(["-yes", "-wait=healthy", "-reschedule", "web"])
            .run()
            .await
            .ended_with(0);
        assert_eq!(
            ran.stderr.matches("Nomad may not say").count(),
            usize::from(warns),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.touched(), ids);
        let writes = ran.writes();
        let between = writes[1].time.since(writes[0].time);
        assert!(
            between >= Duration::from_secs(10),
            "{version:?} {between:?}"
        );
    }
}

/// A job whose task crashes at once after its restart, and starts again by these rules.
fn shaky(rules: &[Value]) -> Value {
    let mut all = vec![json!({"start": 2, "run_for": "0s", "exit_code": 3})];
    all.extend_from_slice(rules);
    let mut web = job(&[group("web", 1, &[task("app", &Value::Array(all))])]);
    web["TaskGroups"][0]["RestartPolicy"] =
        json!({"Attempts": 10, "Interval": 1800 * SECOND, "Delay": SECOND, "Mode": "fail"});
    web
}

#[tokio::test(start_paused = true)]
async fn one_that_is_seen_running_between_two_crashes_is_not_restarted() {
    for run_for in (300..=2100).step_by(200) {
        let crashes = json!({"start_from": 3, "run_for": format!("{run_for}ms"), "exit_code": 3});
        let cluster = running(&shaky(&[crashes])).await;
        let ran = Scene::of(&cluster).args(["-yes", "web"]).run().await;
        ran.ended_with(1)
            .explained("does not stay up: restarted 3 times since");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_has_crashed_and_stays_up_is_restarted() {
    for (limit, least, most) in [("1h", 10, 16), ("6s", 6, 8)] {
        let cluster = running(&shaky(&[])).await;
        let ran = Scene::of(&cluster)
            .args(["-yes", &format!("-timeout={limit}"), "web"])
            .run()
            .await
            .ended_with(0);
        let took = ran.took().as_secs();
        assert!((least..=most).contains(&took), "{limit}: {took} s");
    }
}
