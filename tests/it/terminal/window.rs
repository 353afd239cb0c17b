//! Questions about errors in a sliding window, at a terminal: what is in flight goes on first, and nobody loses a turn.

use super::cluster::{WEB, die_slowly, refuse, served, writes};
use super::session::Session;
use crate::support::{Served, normalise};

const Q3: &str = "Ignore the errors above and proceed with the other allocations? [y/N] ";
const Q4: &str = "The errors above are likely to happen again.\n\
    \x20                              Ignore them anyway and proceed with the other allocations? [y/N] ";
const Q5: &str = "Are you sure you want to stop the restart process? [y/N] ";
const REFUSAL: &str = "restart of an alloc that should not run";

/// A window of two over three allocations, the first of which is refused.
fn refused(status: u16, text: &str, more: &[&str]) -> (Served, Session) {
    let served = served();
    die_slowly(&served, 200);
    refuse(&served, 1, status, text);
    let args: Vec<_> = ["-batch-mode=window", "-batch-size=2"]
        .iter()
        .chain(more)
        .chain(&[WEB])
        .copied()
        .collect();
    let session = Session::start(&served, &args);
    (served, session)
}

#[test]
fn what_is_in_flight_is_back_before_the_question() {
    let (served, mut run) = refused(500, REFUSAL, &[]);
    run.wait_for(Q3);
    assert_eq!(writes(&served).len(), 2);
    served.cluster().read_truth(|truth| {
        // The other one runs again by then.
        let back = truth.allocations.keys().filter(|id| {
            let processes = truth.processes(id, "server");
            processes.len() == 2 && processes[1].visible.is_some()
        });
        assert_eq!(back.count(), 1);
    });
    run.line("n");
    let shown = normalise(&run.ends_with(1));
    let expected = "==> <TS>: Restarting 3 allocations, at most 2 at once\n    \
             <TS>: Restarting running tasks in allocation \"<id 1>\" for group \"web\"\n    \
             <TS>: Restarting running tasks in allocation \"<id 2>\" for group \"web\"\n\
         ==> <TS>: 1 error occurred while restarting job:\n                               \
             * Error restarting allocation \"<id 1>\": \
             Unexpected response code: 500 (restart of an alloc that should not run)\n\
         ==> <TS>: Ignore the errors above and proceed with the other allocations? [y/N]";
    assert!(shown.starts_with(expected), "{shown}");
    assert!(
        shown.contains("\n1 of 3 allocations restarted, 1 failed, 1 not touched.\n"),
        "{shown}"
    );
    assert_eq!(writes(&served).len(), 2);
}

#[test]
fn yes_goes_on_after_the_wait() {
    let (served, mut run) = refused(500, REFUSAL, &["-batch-wait=20ms"]);
    run.wait_for(Q3).line("y");
    run.wait_for("Waiting 20ms after each allocation before restarting another one\n");
    let shown = run.ends_with(1);
    assert!(
        shown.ends_with("\n2 of 3 allocations restarted, 1 failed.\n"),
        "{shown}"
    );
    assert_eq!(writes(&served).len(), 3);
}

#[test]
fn what_is_likely_to_happen_again_is_asked_about_as_such() {
    for (answer, code, sent, rest) in [
        ("yes", 1, 3, "2 of 3 allocations restarted, 1 failed.\n"),
        (
            "",
            1,
            2,
            "1 of 3 allocations restarted, 1 failed, 1 not touched.\n",
        ),
    ] {
        // -max-failures answers the other question only.
        let (served, mut run) = refused(403, "Permission denied", &["-max-failures=3"]);
        run.wait_for(Q4).line(answer);
        let shown = run.ends_with(code);
        assert!(shown.contains(rest), "{shown}");
        assert_eq!(writes(&served).len(), sent, "{answer:?}");
    }
}

#[test]
fn control_c_at_the_question_and_before_it() {
    let (served, mut run) = refused(500, REFUSAL, &[]);
    run.wait_for(Q3).control_c();
    let shown = run.ends_with(130);
    assert!(shown.contains(" -batch-mode=window "), "{shown}");
    assert_eq!(writes(&served).len(), 2);

    // While the interrupt question is open nothing starts, though there is room.
    let served = self::served();
    die_slowly(&served, 300);
    let mut run = Session::start(&served, &["-batch-mode=window", WEB]);
    run.wait_for("Restarting running tasks").control_c();
    run.wait_for(Q5).line("n");
    run.wait_for("Restarting running tasks")
        .wait_for("Restarting running tasks");
    let shown = run.ends_with(0);
    assert!(shown.ends_with("\n\nAll allocations restarted successfully!\n"));
    assert_eq!(writes(&served).len(), 3);
}
