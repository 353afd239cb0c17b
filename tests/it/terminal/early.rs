//! The questions before the first write: which job is meant, and whether to restart it in one region only.

use rexpect::process::Signal;

use super::cluster::{GLOBAL, served, writes};
use super::session::Session;

const PREFIX: &str = "Job \"web-s\" not found. Restart \"web-staging\" instead? [y/N] ";
const Q1: &str =
    "Are you sure you want to restart multi-region job \"shop-global\" in a single region? [y/N] ";
/// As wide as what stands before a question.
const INDENT: &str = "                               ";
const CANCELED: &str = "\n\nJob restart canceled.\n";
/// What an interrupted look-up prints.
const NOTHING_DONE: &str = "\nCanceling job restart process\n\nNo allocations were restarted.\n";

#[test]
fn a_prefix_of_one_job_is_restarted_after_a_yes() {
    // D3
    for yes in ["y", "Y", "yes"] {
        let served = served();
        let mut run = Session::start(&served, &["web-s"]);
        run.wait_for(PREFIX).line(yes);
        let shown = run.ends_with(0);
        assert!(
            shown.ends_with("\n\nAll allocations restarted successfully!\n"),
            "{shown}"
        );
        assert_eq!(writes(&served).len(), 1);
    }
}

#[test]
fn a_prefix_of_one_job_is_left_alone_unless_confirmed() {
    // D3
    let served = served();
    // An empty line is a no, and so is the end of input.
    for no in ["n\n", "\n", "\u{4}"] {
        let mut run = Session::start(&served, &["web-s"]);
        run.wait_for(PREFIX).keys(no);
        let shown = run.ends_with(0);
        assert!(shown.ends_with(CANCELED), "{shown:?}");
    }
    assert!(writes(&served).is_empty());
}

#[test]
fn what_is_no_answer_to_the_prefix_question_is_asked_again() {
    // N61. There is a y in both of them.
    let served = served();
    let mut run = Session::start(&served, &["web-s"]);
    for invalid in ["maybe", "nay"] {
        run.wait_for(PREFIX).line(invalid);
        run.wait_for(&format!("\n{INDENT}Invalid answer \"{invalid}\"\n"));
    }
    run.wait_for(PREFIX).line("n");
    assert!(run.ends_with(0).ends_with(CANCELED));
    assert!(writes(&served).is_empty());
}

#[test]
fn control_c_at_the_prefix_question_is_an_interrupt() {
    let served = served();
    let mut run = Session::start(&served, &["web-s"]);
    run.wait_for(PREFIX).control_c();
    let shown = run.ends_with(130);
    assert!(shown.ends_with(NOTHING_DONE), "{shown:?}");
    assert!(writes(&served).is_empty());
}

#[test]
fn one_of_several_jobs_is_chosen_with_arrows() {
    let served = served();
    let mut run = Session::start(&served, &["we"]);
    run.wait_for("Prefix \"we\" matched multiple jobs\n\nID")
        .wait_for("Which of these jobs should be restarted? (Esc = none)")
        .wait_for("web-staging")
        .reads_keys()
        .keys("\u{1b}[B\r");
    let shown = run.ends_with(0);
    assert!(shown.contains("Restarting 1 allocation\n"), "{shown}");
    assert_eq!(writes(&served).len(), 1);
}

#[test]
fn choosing_none_of_several_jobs_is_an_error_as_without_a_terminal() {
    let served = served();
    let mut run = Session::start(&served, &["we"]);
    run.wait_for("(Esc = none)")
        .wait_for("web-staging")
        .reads_keys()
        .keys("\u{1b}");
    let shown = run.ends_with(1);
    assert!(
        shown.ends_with("\nPrefix \"we\" matched multiple jobs and none was chosen\n"),
        "{shown:?}"
    );
    assert!(writes(&served).is_empty());
}

#[test]
fn control_c_at_the_choice_is_an_interrupt() {
    let served = served();
    let mut run = Session::start(&served, &["we"]);
    run.wait_for("(Esc = none)")
        .wait_for("web-staging")
        .reads_keys()
        .control_c();
    let shown = run.ends_with(130);
    let end = format!("  web-staging\n{NOTHING_DONE}");
    assert!(shown.ends_with(&end), "{shown:?}");
    assert!(writes(&served).is_empty());
}

#[test]
fn a_multi_region_job_is_restarted_in_one_region_after_a_yes() {
    // N63
    let served = served();
    let mut run = Session::start(&served, &[GLOBAL]);
    run.wait_for(Q1).line("y");
    let shown = run.ends_with(0);
    assert!(shown.contains("Finished job restart"), "{shown}");
    assert_eq!(writes(&served).len(), 1);
}

#[test]
fn a_multi_region_job_is_left_alone_unless_confirmed() {
    // N61, N63, 2.5.1
    let served = served();
    for no in ["n\n", "NO\n", "\n", "\u{4}"] {
        let mut run = Session::start(&served, &[GLOBAL]);
        run.wait_for(Q1).keys(no);
        let shown = run.ends_with(0);
        assert!(shown.ends_with(CANCELED), "{shown:?}");
    }
    assert!(writes(&served).is_empty());
}

#[test]
fn control_c_at_the_multi_region_question_is_an_interrupt() {
    // D82, N63: 5.10.8 is a quiet exit 0 with the peer.
    let served = served();
    let mut run = Session::start(&served, &[GLOBAL]);
    run.wait_for(Q1).control_c();
    let shown = run.ends_with(130);
    assert!(shown.ends_with(NOTHING_DONE), "{shown:?}");
    assert!(writes(&served).is_empty());
}

#[test]
fn yes_asks_nothing_before_a_multi_region_job() {
    // N63
    let served = served();
    let shown = Session::start(&served, &["-yes", GLOBAL]).ends_with(0);
    assert!(!shown.contains('?'), "{shown}");
    assert_eq!(writes(&served).len(), 1);
}

#[test]
fn a_signal_from_outside_ends_an_early_question_and_restores_the_terminal() {
    // N57
    let served = served();
    for (job, prompt) in [("web-s", PREFIX), ("we", "web-staging\n"), (GLOBAL, Q1)] {
        for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
            let mut run = Session::start(&served, &[job]);
            run.wait_for(prompt).signal(signal);
            let shown = run.ends_with(code);
            assert!(shown.ends_with(NOTHING_DONE), "{job}: {shown:?}");
        }
    }
    assert!(writes(&served).is_empty());
}
