//! Errors hold a window: nothing new starts, what is in flight is judged, nobody loses a turn.

use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use super::{away, most_away, scene, six};
use crate::memory::jobs::{group, job, running, task, web_with};
use crate::memory::scene::Ran;

fn boom() -> Rule {
    let refused = Fault::Status(500, "Could not find task runner".to_owned());
    Rule::on("/restart", refused)
}

fn denied() -> Rule {
    Rule::on(
        "/restart",
        Fault::Status(403, "Permission denied".to_owned()),
    )
}

/// The place of one that was written to, whether the write was taken or not.
fn sent(ran: &Ran) -> usize {
    ran.count(|entry| entry.path.ends_with("/restart"))
}

#[tokio::test(start_paused = true)]
async fn an_error_that_stops_lets_nothing_start_and_what_is_in_flight_end() {
    // -on-error=fail needs no -yes, and wins over it.
    for (fault, args, code) in [
        (boom(), &["-on-error=fail"][..], 4),
        (denied(), &["-on-error=fail"], 1),
        (denied(), &[], 1),
    ] {
        let (cluster, ids) = six().await;
        let args: Vec<_> = args
            .iter()
            .chain(&["-batch-size=3", "-detailed-exitcode"])
            .copied()
            .collect();
        let ran = scene(&cluster, &args)
            .fault(fault.nth(4))
            .run()
            .await
            .ended_with(code)
            .explained("2 not touched.");
        // The fourth took the place of the first that was back; those beside it were joined.
        assert_eq!(ran.touched().len(), sent(&ran) - 1, "{args:?}");
        assert!(away(&ran).iter().all(|it| it.until.is_some()));
        assert!(
            ran.stdout.contains(": Stopping job restart due to "),
            "{}",
            ran.stdout
        );
        assert!(!ran.stderr.contains("in flight"), "{}", ran.stderr);
        assert_eq!(ran.touched(), ids[..ran.touched().len()]);
    }
}

#[tokio::test(start_paused = true)]
async fn tolerated_errors_make_room() {
    for args in [&[][..], &["-max-failures=2"], &["-max-failures=34%"]] {
        let (cluster, ids) = six().await;
        let args: Vec<_> = args
            .iter()
            .chain(&["-batch-size=2", "-detailed-exitcode"])
            .copied()
            .collect();
        let ran = scene(&cluster, &args)
            .fault(boom().calls(2..=3))
            .run()
            .await
            .ended_with(3)
            .explained("4 of 6 allocations restarted, 2 failed.");
        assert_eq!(sent(&ran), 6, "{args:?}");
        assert!(most_away(&ran) <= 2);
        assert!(ran.touched().iter().all(|id| ids.iter().any(|it| it == id)));
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_failures_stop() {
    for (max, after, code, summary) in [
        ("-max-failures=0", 1, 4, "1 failed, "),
        ("-max-failures=1", 2, 4, "2 failed, "),
        ("-max-failures=2", 3, 4, "3 failed, "),
        ("-max-failures=3", 3, 3, "3 failed."),
    ] {
        let (cluster, _) = six().await;
        let ran = scene(&cluster, &[max, "-detailed-exitcode"])
            .fault(boom().calls(1..=3))
            .run()
            .await
            .ended_with(code)
            .explained(summary);
        if code == 4 {
            assert_eq!(sent(&ran), after, "{max}");
            let text = format!(": Stopping job restart due to error: {after} allocation");
            assert!(ran.stdout.contains(&text), "{}", ran.stdout);
        } else {
            assert_eq!(sent(&ran), 6, "{max}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_connection_is_not_sent_any_more() {
    // 42 calls are sent at once, for three seconds; one of them fails at once.
    for args in [&["-on-error=fail"][..], &["-max-failures=0"]] {
        let slow = json!([{"kill_after": "3s", "start_block_for": "4s"}]);
        let cluster = running(&web_with(60, &slow)).await;
        let args: Vec<_> = args.iter().chain(&["-batch-size=100%"]).copied().collect();
        let ran = scene(&cluster, &args)
            .fault(boom().nth(1))
            .run()
            .await
            .ended_with(1);
        assert!(sent(&ran) <= 43, "{}", sent(&ran));
        let summary = format!(
            "{} of 60 allocations restarted, 1 failed, {} not touched.",
            sent(&ran) - 1,
            60 - sent(&ran)
        );
        ran.explained(&summary);
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_is_brought_to_its_end_with_all_its_tasks() {
    // One call at a time: the window holds four allocations of two tasks each, most of which wait for their turn to be sent.
    let slow = |name| {
        task(
            name,
            &json!([{"kill_after": "1500ms", "start_block_for": "100ms"}]),
        )
    };
    let two = [slow("app"), slow("side")];
    for nth in 1..=6 {
        let cluster = running(&job(&[group("web", 6, &two)])).await;
        let args = [
            "-batch-size=4",
            "-task=app",
            "-task=side",
            "-max-connections=4",
            "-on-error=fail",
        ];
        let ran = scene(&cluster, &args).fault(boom().nth(nth)).run().await;
        let ran = ran.ended_with(1).explained("not touched");
        assert!(!ran.stderr.contains("in flight"), "{nth}\n{}", ran.stderr);
        // Both tasks or none of each; the one that was refused reached no allocation.
        let touched = ran.touched();
        let halves = touched
            .iter()
            .filter(|id| touched.iter().filter(|other| other == id).count() == 1);
        assert!(halves.count() <= 1, "{nth} {touched:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_one_that_fails_is_not_followed_by_a_stop() {
    let (cluster, _) = six().await;
    let ran = scene(&cluster, &["-on-error=fail", "-batch-size=2"])
        .fault(boom().nth(6))
        .run()
        .await
        .ended_with(1)
        .explained("5 of 6 allocations restarted, 1 failed.");
    assert!(!ran.stdout.contains("Stopping"), "{}", ran.stdout);
}
