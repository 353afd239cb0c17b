//! The evaluation that brings the replacements of a system job: asked for before anything is stopped, and what happens where it fails.

use std::time::Duration;

use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::{Cluster, Truth, WriteKind};
use nomad_sim::front::{Fault, Rule};

use serde_json::json;

use super::{all_replaced, daemon, evaluations, rescheduling, running, steady, system};
use crate::memory::jobs::{job, task, with};
use crate::memory::scene::{Scene, allocations};

const SECRET: &str = "11111111-2222-3333-4444-555555555555";
const WITH_TOKEN: &str = "-token=11111111-2222-3333-4444-555555555555";

fn token() -> Token {
    Token::named("operator")
        .policy("default", "read")
        .allow("default", "alloc-lifecycle")
}

fn with_token(cluster: &Cluster, token: Token, args: &[&str]) -> Scene {
    let mut all = vec![WITH_TOKEN];
    all.extend(args);
    rescheduling(cluster, &all).meanwhile(|stage| {
        stage.agent.set_acl(Some(Acl::new().with(SECRET, token)));
        async {}
    })
}

/// How many evaluations the cluster has carried out since the job was registered.
fn carried_out(truth: &Truth) -> usize {
    let writes = truth.writes.iter();
    writes
        .filter(|write| matches!(write.kind, WriteKind::Evaluate))
        .count()
}

#[tokio::test(start_paused = true)]
async fn without_the_right_nothing_is_stopped_and_it_is_named() {
    // D51, N37
    let cluster = steady(&system(&["web"])).await;
    let ran = with_token(&cluster, token(), &["-batch-size=100%"])
        .run()
        .await;
    let ran = ran.ended_with(1).explained(
        "* Nothing was stopped: the replacements of system job \"web\" need the capability evaluate-job (Nomad 1.11.2 and later) or submit-job: ",
    ).explained("Permission denied");
    assert!(ran.writes().is_empty());
    assert_eq!(running(&cluster), 3);
    assert_eq!(ran.truth.allocations.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn either_right_will_do() {
    for right in ["evaluate-job", "submit-job"] {
        let cluster = steady(&system(&["web"])).await;
        let ids = allocations(&cluster, "web");
        let token = token().allow("default", right);
        let ran = with_token(&cluster, token, &["-batch-size=100%"])
            .run()
            .await;
        all_replaced(&ran.ended_with(0), &ids);
    }
}

#[tokio::test(start_paused = true)]
async fn an_evaluation_whose_answer_is_lost_is_asked_for_again() {
    // Before the first stop and after the last one.
    let faults = [
        Fault::Status(500, "No cluster leader".to_owned()),
        Fault::Status(429, "slow down".to_owned()),
        Fault::ResetBefore,
        Fault::ResetAfter,
    ];
    for fault in faults {
        for first in [1, 2] {
            let cluster = steady(&system(&["web"])).await;
            let ids = allocations(&cluster, "web");
            let rule = Rule::on("/evaluate", fault.clone()).calls(first..=first + 1);
            let ran = rescheduling(&cluster, &["-batch-size=100%"])
                .fault(rule)
                .run()
                .await;
            let ran = ran.ended_with(0);
            all_replaced(&ran, &ids);
            // An answer that is lost after the effect needs no repetition once the replacements are there.
            assert!(evaluations(&ran) >= 3, "{fault:?} {first}");
            assert!(
                ran.took() < Duration::from_secs(20),
                "{fault:?} {:?}",
                ran.took()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_evaluation_that_never_succeeds_before_the_first_stop() {
    let cluster = steady(&system(&["web"])).await;
    let fault = Fault::Status(500, "No cluster leader".to_owned());
    let ran = rescheduling(&cluster, &[])
        .fault(Rule::on("/evaluate", fault))
        .run()
        .await;
    let ran = ran
        .ended_with(1)
        .explained("* Nothing was stopped: system job \"web\" could not be evaluated: ")
        .explained("No cluster leader");
    assert!(ran.writes().is_empty());
    assert_eq!(running(&cluster), 3);
    assert!(ran.took() < Duration::from_secs(70), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn an_evaluation_that_is_refused_after_the_stops() {
    // D52: the right was taken away meanwhile.
    let cluster = steady(&system(&["web"])).await;
    let ids = allocations(&cluster, "web");
    let fault = Fault::Status(403, "Permission denied".to_owned());
    let ran = rescheduling(&cluster, &["-batch-size=2"])
        .fault(Rule::on("/evaluate", fault).calls(2..=u64::MAX))
        .run()
        .await;
    let ran = ran
        .ended_with(1)
        .explained("2 errors occurred while restarting job:")
        .explained("* Error restarting allocation \"<id 1>\": Failed evaluate job: ")
        .explained("* Error restarting allocation \"<id 2>\": Failed evaluate job: ")
        .explained("It was stopped and is not replaced; evaluate job \"web\" to bring it back")
        .explained("0 of 3 allocations rescheduled, 2 failed, 1 not touched.");
    assert!(
        ran.stdout
            .contains("Stopping job restart due to unrecoverable error")
    );
    assert_eq!(ran.touched(), ids[..2]);
    assert_eq!(carried_out(&ran.truth), 1);
    assert!(ran.took() < Duration::from_secs(5), "{:?}", ran.took());
}

#[tokio::test(start_paused = true)]
async fn what_is_replaced_already_does_not_fail_with_what_is_not() {
    // Two of three replacements are there and start slowly when the next evaluation is refused.
    let slow = json!([{"replacement": true, "start_block_for": "45s"}]);
    let spec = job(&[daemon("web", &task("app", &slow))]);
    let cluster = steady(&with(&spec, json!({"Type": "system"}))).await;
    cluster.set_eligible("node-2", false);
    let fault = Fault::Status(403, "Permission denied".to_owned());
    rescheduling(&cluster, &["-batch-size=100%"])
        .fault(Rule::on("/evaluate", fault).calls(3..=u64::MAX))
        .run()
        .await
        .ended_with(1)
        .explained("1 error occurred while restarting job:")
        .explained("2 of 3 allocations rescheduled, 1 failed.");
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_between_the_stops_and_their_evaluation() {
    // Nobody else asks for the evaluation of what was stopped.
    for (signal, code) in [(2, 130), (15, 143)] {
        let cluster = steady(&system(&["web"])).await;
        let ids = allocations(&cluster, "web");
        let ran = rescheduling(&cluster, &["-batch-size=2"])
            .signal_after(3, Duration::ZERO, signal)
            .run()
            .await
            .ended_with(code);
        assert_eq!(ran.touched(), ids[..2]);
        assert_eq!(running(&cluster), 3, "{}", ran.stderr);
        assert!(ran.took() < Duration::from_secs(6), "{:?}", ran.took());
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_after_which_the_evaluation_fails_says_what_is_down() {
    let cluster = steady(&system(&["web"])).await;
    let fault = Fault::Status(403, "Permission denied".to_owned());
    let ran = rescheduling(&cluster, &["-batch-size=2"])
        .fault(Rule::on("/evaluate", fault).calls(2..=u64::MAX))
        .signal_after(3, Duration::ZERO, 2)
        .run()
        .await
        .ended_with(130)
        .explained("* Failed evaluate job: ")
        .explained("Stopped and perhaps not replaced: \"<id 1>\", \"<id 2>\"; evaluate job \"web\" to bring them back");
    assert_eq!(running(&cluster), 1);
    assert!(ran.stderr.contains("2 in flight"), "{}", ran.stderr);
}
