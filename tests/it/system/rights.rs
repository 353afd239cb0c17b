//! The evaluation that brings the replacements of a system job: asked for before anything is stopped, and what happens where it fails.

use std::time::Duration;

use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::{Cluster, Truth, WriteKind};
use nomad_sim::front::{Agent, Fault, Rule};

use super::{all_replaced, evaluations, rescheduling, running, steady, system};
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
    rescheduling(cluster, &all).agent(|agent: &Agent| agent.set_acl(Some(Acl::new().with(SECRET, token))))
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
    let ran = with_token(&cluster, token(), &["-batch-size=100%"]).run().await;
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
        let ran = with_token(&cluster, token, &["-batch-size=100%"]).run().await;
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
        for skip in [0, 1] {
            let cluster = steady(&system(&["web"])).await;
            let ids = allocations(&cluster, "web");
            let rule = Rule::on("/evaluate", fault.clone()).after(skip).times(2);
            let ran = rescheduling(&cluster, &["-batch-size=100%"]).fault(rule).run().await;
            let ran = ran.ended_with(0);
            all_replaced(&ran, &ids);
            assert_eq!(evaluations(&ran), 4, "{fault:?} {skip}");
            assert!(ran.took() < Duration::from_secs(20), "{fault:?} {:?}", ran.took());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_evaluation_that_never_succeeds_before_the_first_stop() {
    let cluster = steady(&system(&["web"])).await;
    let fault = Fault::Status(500, "No cluster leader".to_owned());
    let ran = rescheduling(&cluster, &[]).fault(Rule::on("/evaluate", fault)).run().await;
    let ran = ran.ended_with(1).explained("* Nothing was stopped: system job \"web\" could not be evaluated: ").explained("No cluster leader");
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
        .fault(Rule::on("/evaluate", fault).after(1))
        .run()
        .await;
    let ran = ran
        .ended_with(1)
        .explained("2 errors occurred while restarting job:")
        .explained("* Error restarting allocation \"<id 1>\": Failed evaluate job: ")
        .explained("* Error restarting allocation \"<id 2>\": Failed evaluate job: ")
        .explained("It was stopped and is not replaced; evaluate job \"web\" to bring it back")
        .explained("0 of 3 allocations rescheduled, 2 failed, 1 not touched.");
    assert!(ran.stdout.contains("Stopping job restart due to unrecoverable error"));
    assert_eq!(ran.touched(), ids[..2]);
    assert_eq!(carried_out(&ran.truth), 1);
    assert!(ran.took() < Duration::from_secs(5), "{:?}", ran.took());
}
