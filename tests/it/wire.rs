//! The real binary against an agent that misbehaves in mid-run, over real sockets. What only time decides is tested on virtual time.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::WriteKind;
use nomad_sim::front::{Fault, Outage, Rule};

use crate::jobs::{service, serving, simulated};
use crate::support::{Ran, Served};

const UNKNOWN: &str = "outcome unknown, not repeated";
const TRYING: &str = "Warning: Nomad does not answer as it should, trying again: ";

fn web(count: u32) -> Served {
    serving([service("web", &[("web", count)])])
}

/// How often each allocation of the beginning was restarted, and how often stopped, as the node had it.
fn touched(served: &Served, ids: &[String]) -> Vec<(usize, usize)> {
    let truth = served.cluster().truth();
    let stops = |id: &str| {
        let accepted = truth.stops(id).filter(|write| write.accepted);
        accepted.count().min(1)
    };
    ids.iter()
        .map(|id| (truth.restarts(id).count(), stops(id)))
        .collect()
}

fn ids(served: &Served) -> Vec<String> {
    served.cluster().read(|state| {
        let all = state.job_allocations("default", "web");
        all.map(|it| it.id.clone()).collect()
    })
}

/// Fails unless everything was restarted (rescheduled), each allocation once.
#[track_caller]
fn each_once(served: &Served, ids: &[String], args: &[&str]) -> Ran {
    let ran = served.program([&["-yes"], args, &["web"]].concat()).run();
    let ran = ran.succeeded();
    let once = if args.contains(&"-reschedule") {
        (0, 1)
    } else {
        (1, 0)
    };
    assert!(
        touched(served, ids).iter().all(|it| *it == once),
        "{args:?} {:?}",
        touched(served, ids)
    );
    ran
}

/// N4, N7, D43: the answer of the second write goes wrong, on its way there or back.
#[test]
fn answers_to_writes_that_get_lost() {
    for (path, args) in [("/restart", &[][..]), ("/stop", &["-reschedule"])] {
        for fault in [
            Fault::ResetAfter,
            Fault::StatusAfter(504, "upstream timed out".to_owned()),
            Fault::Cut(0),
            Fault::Garbage(Bytes::from_static(b"<html>")),
            Fault::Busy,
            Fault::Closed,
            Fault::DelayAnswer(Duration::from_millis(1500)),
            Fault::Drip(3, Duration::from_millis(20)),
        ] {
            // A connection that is closed without a word may have carried the call: only a stop may be sent again.
            if path == "/restart" && fault == Fault::Closed {
                continue;
            }
            let served = web(3);
            let ids = ids(&served);
            let rule = Rule::on(path, fault.clone()).method(Method::PUT).nth(2);
            served.agent.faults().add(rule);
            let ran = each_once(&served, &ids, args);
            assert_eq!(ran.stderr, "", "{fault:?}");
        }
    }
}

/// What may have arrived is not sent again, and not called restarted.
#[test]
fn a_restart_that_may_have_arrived_is_looked_for() {
    let served = web(4);
    for (nth, fault) in [
        (1, Fault::ResetBefore),
        (2, Fault::Closed),
        (3, Fault::Html(200, "<html>".to_owned())),
        (4, Fault::Html(502, "<html>".to_owned())),
    ] {
        served
            .agent
            .faults()
            .add(Rule::on("/restart", fault).nth(nth));
    }
    let args = ["-yes", "-batch-size=100%", "web"];
    let ran = served.program(args).run().ended_with(1);
    assert_eq!(ran.stderr.matches(UNKNOWN).count(), 8, "{}", ran.stderr);
    let summary = "0 of 4 allocations restarted, 4 failed.";
    assert!(ran.stderr.contains(summary), "{}", ran.stderr);
    assert_eq!(served.written().len(), 4);
}

/// N6, N12: a read that goes wrong while the run waits.
#[test]
fn reads_that_go_wrong_in_mid_run() {
    for (fault, told) in [
        (Fault::ResetBefore, true),
        (Fault::ResetAfter, true),
        (Fault::Closed, true),
        (Fault::Busy, true),
        (Fault::Cut(30), true),
        (Fault::Garbage(Bytes::from_static(b"[{\"ID\":")), true),
        (Fault::Html(502, "<html>".to_owned()), true),
        (Fault::Status(500, "No cluster leader".to_owned()), true),
        (Fault::Drip(700, Duration::from_millis(5)), false),
        (Fault::NoIndex, false),
    ] {
        let served = web(3);
        let ids = ids(&served);
        let rule = Rule::on("/v1/job/web/allocations", fault.clone()).nth(2);
        served.agent.faults().add(rule);
        let ran = each_once(&served, &ids, &["-batch-size=2"]);
        let trying = ran.stderr.matches(TRYING).count();
        assert!(
            trying <= 1 && (told || trying == 0),
            "{fault:?} {}",
            ran.stderr
        );
    }
}

/// What happens to the agent as soon as the first restart has arrived, while its task needs a second to end.
fn meanwhile(args: &[&str], act: impl FnOnce(&Served)) -> (Served, Vec<String>, Ran) {
    let slow = serde_json::json!([{"kill_after": "1s"}]);
    let served = serving([simulated(service("web", &[("web", 3)]), &slow)]);
    let ids = ids(&served);
    let running = served.program([&["-yes"], args, &["web"]].concat()).spawn();
    let begun = |truth: &nomad_sim::cluster::Truth| {
        truth.writes.iter().any(|write| {
            matches!(
                write.kind,
                WriteKind::Restart { .. } | WriteKind::Stop { .. }
            )
        })
    };
    while !served.cluster().read_truth(begun) {
        std::thread::sleep(Duration::from_millis(1));
    }
    act(&served);
    let ran = running.wait();
    (served, ids, ran)
}

fn pause() {
    std::thread::sleep(Duration::from_secs(2));
}

/// N2, N3, N8: the servers are away for two seconds. The restart under way is carried out by its node all the same.
#[test]
fn servers_that_are_away_for_a_while() {
    for outage in [Outage::NoLeader, Outage::NoServers] {
        for args in [&[][..], &["-reschedule"]] {
            let (served, ids, ran) = meanwhile(args, |served| {
                served.agent.set_outage(Some(outage));
                pause();
                served.agent.set_outage(None);
            });
            ran.succeeded();
            let once = if args.is_empty() { (1, 0) } else { (0, 1) };
            assert!(touched(&served, &ids).iter().all(|it| *it == once));
        }
    }
}

/// The agent itself is away: open calls break off, new ones are refused.
#[test]
fn an_agent_that_is_away_for_a_while() {
    let (served, ids, ran) = meanwhile(&["-reschedule"], |served| {
        served.agent.set_outage(Some(Outage::Down));
        pause();
        served.agent.set_outage(None);
    });
    let ran = ran.succeeded();
    assert!(ran.stderr.contains(TRYING), "{}", ran.stderr);
    assert!(touched(&served, &ids).iter().all(|it| *it == (0, 1)));
}

/// N9: servers that were restored have lower indexes.
#[test]
fn indexes_that_go_back() {
    let (served, ids, ran) = meanwhile(&[], |served| served.agent.rewind(10));
    ran.succeeded();
    assert!(touched(&served, &ids).iter().all(|it| *it == (1, 0)));
}

/// The token expires while a restart is under way: nothing more is touched, and the reason is told.
#[test]
fn a_token_that_expires_in_mid_run() {
    let secret = "8a1b2c3d-0000-4000-8000-123456789abc";
    let slow = serde_json::json!([{"kill_after": "1s"}]);
    let served = serving([simulated(service("web", &[("web", 3)]), &slow)]);
    let token = Token::named("deployer").policy("default", "write");
    served.agent.set_acl(Some(Acl::new().with(secret, token)));
    let program = served.program(["-yes", "web"]).env("NOMAD_TOKEN", secret);
    let running = program.spawn();
    let begun = |truth: &nomad_sim::cluster::Truth| {
        let is_restart = |kind: &WriteKind| matches!(kind, WriteKind::Restart { .. });
        truth.writes.iter().any(|write| is_restart(&write.kind))
    };
    while !served.cluster().read_truth(begun) {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(served.agent.expire(secret));
    let ran = running.wait().ended_with(1);
    assert!(ran.stderr.contains("Permission denied"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(secret) && !ran.stdout.contains(secret));
    assert_eq!(served.written().len(), 1);
}

/// N5: an agent with hardly any connections left turns most of them away, in every shape.
#[test]
fn an_agent_with_few_connections_left() {
    for args in [&[][..], &["-reschedule"]] {
        let served = web(20);
        let ids = ids(&served);
        served.agent.limit_connections(Some(8));
        let args = [&["-batch-size=100%"], args].concat();
        each_once(&served, &ids, &args);
        assert_eq!(served.agent.most_connections(), 8);
        assert!(served.agent.turned_away() > 0);
    }
}
