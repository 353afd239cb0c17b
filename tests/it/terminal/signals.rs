//! Signals from outside, and the second one.

use rexpect::process::Signal;

use super::cluster::{WEB, die_slowly, served, writes};
use super::session::Session;

#[test]
fn a_signal_at_an_open_question_ends_the_run_and_leaves_the_terminal_usable() {
    // N57
    let questions = [
        ("-batch-wait=ask", false, "[Y/n/<duration>] "),
        ("-batch-wait=1h", true, "stop the restart process? [y/N] "),
    ];
    for (args, interrupt, prompt) in questions {
        for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
            let served = served();
            let mut run = Session::start(&served, &[args, WEB]);
            if interrupt {
                run.wait_for("Waiting 1h0m0s").control_c();
            }
            run.wait_for(prompt).signal(signal);
            let shown = run.ends_with(code);
            let end = shown.split_once(prompt).unwrap().1;
            assert!(
                end.starts_with(
                    "\n\nCanceling job restart process\n\n1 of 3 allocations restarted"
                ),
                "{end:?}"
            );
            assert!(end.contains("\n\nTo continue, run:\n    "), "{end}");
            assert_eq!(writes(&served).len(), 1);
        }
    }
}

#[test]
fn a_signal_from_outside_asks_nothing() {
    // N57
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let served = served();
        die_slowly(&served, 300);
        let mut run = Session::start(&served, &[WEB]);
        run.wait_for("Restarting running tasks").signal(signal);
        let shown = run.ends_with(code);
        assert!(!shown.contains("Are you sure"), "{shown}");
        assert!(shown.contains(", 2 not touched.\n"), "{shown}");
        assert_eq!(writes(&served).len(), 1);
    }
}

#[test]
fn a_second_signal_after_the_stop_ends_the_program_at_once() {
    // The open call would be waited for, and the summary printed.
    let served = served();
    die_slowly(&served, 15_000);
    for (args, signal, code) in [(WEB, Signal::SIGINT, 130), (WEB, Signal::SIGTERM, 143)] {
        let mut run = Session::start(&served, &[args]);
        run.wait_for("Restarting running tasks");
        run.signals_until_it_ends(signal);
        let shown = run.ends_with(code);
        assert!(!shown.contains("allocations restarted"), "{shown}");
    }
}
