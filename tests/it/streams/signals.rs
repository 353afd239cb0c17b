//! Signals without a terminal, and the command that continues.

use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};

use http::Method;
use nomad_sim::cluster::{Behaviour, Selector};
use nomad_sim::front::{Fault, Rule};
use nomad_sim::model::TaskStateKind;

use super::{shell, turns, web};
use crate::support::{Ran, Running, Served, runtime};

/// Tells of each call to this path when it arrives, and lets it pass unless it is to be kept.
fn arrivals(served: &Served, path: &str, kept: bool) -> Receiver<()> {
    let (sender, arrived) = mpsc::channel();
    let tell = move |_: &Method, _: &str, _: &str| {
        let _nobody_listens_any_more = sender.send(());
        kept
    };
    served
        .agent
        .faults()
        .add(Rule::on(path, Fault::Stall).when(tell));
    arrived
}

/// The command that a stopped run prints.
fn resume(ran: &Ran) -> &str {
    let (_, command) = ran.stderr.split_once("\nTo continue, run:\n    ").unwrap();
    command.strip_suffix('\n').unwrap()
}

/// How often each of them was restarted.
fn restarts(served: &Served) -> Vec<usize> {
    let truth = served.cluster().truth();
    turns(served)
        .iter()
        .map(|id| truth.restarts(id).count())
        .collect()
}

const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

/// N56, N57, D60, D61, D63, D65: without a terminal a signal ends the run in order, and the command that it prints does the rest.
#[test]
fn a_signal_between_batches() {
    for (signal, code) in SIGNALS {
        let served = web(2);
        let secret = "8a1b2c3d-0000-4000-8000-123456789abc";
        let args = [
            "-yes",
            "-token",
            secret,
            "--batch-wait",
            "1h",
            "-group=web",
            "web",
        ];
        let mut running = served.program(args).spawn();
        running.until("Waiting 1h0m0s before restarting the next batch");
        running.signal(signal);
        let ran = running.wait().ended_with(code);
        assert!(
            ran.stdout.ends_with("\n\nCanceling job restart process\n"),
            "{}",
            ran.stdout
        );
        let mut lines = ran.stderr.lines();
        assert_eq!(lines.next(), Some(""));
        assert_eq!(
            lines.next(),
            Some("1 of 2 allocations restarted, 1 not touched.")
        );
        assert!(lines.next().unwrap().starts_with("    restarted: "));
        assert!(lines.next().unwrap().starts_with("    not touched: "));
        assert_eq!(restarts(&served), [1, 0]);

        let command = resume(&ran);
        assert!(
            !command.contains(secret) && !command.contains("token"),
            "{command}"
        );
        assert!(
            command.contains(" -yes --batch-wait 1h -group=web -started-before="),
            "{command}"
        );
        let rest = shell(&served, command).run().succeeded();
        assert!(
            rest.stdout.contains(": Restarting 1 allocation\n"),
            "{}",
            rest.stdout
        );
        assert_eq!(restarts(&served), [1, 1]);
        // And then there is nothing left.
        let rest = shell(&served, command).run().ended_with(0);
        assert!(
            rest.stdout.starts_with("No allocations to restart\n"),
            "{}",
            rest.stdout
        );
        assert_eq!(restarts(&served), [1, 1]);
    }
}

/// N57: what was sent is told as in flight, and not sent again.
#[test]
fn a_signal_in_mid_batch() {
    let served = web(3);
    let first = turns(&served).remove(0);
    let slow = Behaviour::starts_after(3_600_000_000_000);
    served
        .cluster()
        .behave(Selector::default().allocation(&first), slow);
    let arrived = arrivals(&served, "/restart", false);
    let mut running = served.program(["-on-error=fail", "web"]).spawn();
    running.until("Restarting running tasks in allocation");
    arrived.recv().unwrap();
    running.signal("TERM");
    let ran = running.wait().ended_with(143);
    let summary = "0 of 3 allocations restarted, 1 in flight, 2 not touched.";
    assert!(ran.stderr.contains(summary), "{}", ran.stderr);
    let in_flight = format!(
        "    in flight, not seen running again yet: {}\n",
        &first[..8]
    );
    assert!(ran.stderr.contains(&in_flight), "{}", ran.stderr);
    assert_eq!(restarts(&served), [1, 0, 0]);
    // The node is still at it; its task does not run, so there is nothing to restart in it.
    runtime().block_on(served.cluster().until(|state| {
        let tasks = state.allocation(&first).unwrap().task_states.as_ref();
        (tasks.unwrap()["app"].state == TaskStateKind::Pending).then_some(())
    }));
    let rest = shell(&served, resume(&ran)).run().succeeded();
    assert!(
        rest.stdout.contains(": Restarting 2 allocations\n"),
        "{}",
        rest.stdout
    );
    assert_eq!(restarts(&served), [1, 1, 1]);
}

/// In order, also before anything was chosen.
#[test]
fn a_signal_during_the_look_up() {
    for (signal, code) in SIGNALS {
        let served = web(2);
        let arrived = arrivals(&served, "/versions", true);
        let running: Running = served.program(["-yes", "web"]).spawn();
        arrived.recv().unwrap();
        running.signal(signal);
        let ran = running.wait().ended_with(code);
        assert_eq!(ran.stdout, "\nCanceling job restart process\n");
        assert_eq!(ran.stderr, "\nNo allocations were restarted.\n");
        assert_eq!(served.written(), Vec::<String>::new());
    }
}

/// N56: an open pipe that never delivers does not hold the end up.
#[test]
fn a_signal_while_stdin_is_an_open_pipe() {
    // D61
    let served = web(2);
    let program = served.program(["-on-error=fail", "-batch-wait=1h", "web"]);
    let mut running = program.stdin(Stdio::piped()).spawn();
    running.until("Waiting 1h0m0s");
    running.signal("INT");
    running.wait().ended_with(130);
    assert_eq!(restarts(&served), [1, 0]);
}
