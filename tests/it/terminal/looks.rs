//! What a terminal shows: colours, and questions where the line is too short for them.

use super::cluster::{GLOBAL, WEB, refuse, served, start_slowly};
use super::session::Session;

/// The line of the output that contains this text, with its codes.
fn line_with(raw: &str, text: &str) -> String {
    raw.lines()
        .find(|line| line.contains(text))
        .unwrap_or_else(|| panic!("no {text:?} in:\n{raw}"))
        .to_owned()
}

#[test]
fn main_lines_and_questions_are_bold_details_plain_and_errors_red() {
    // N65, 6.5
    let served = served();
    refuse(&served, 1, 403, "Permission denied");
    let mut run = Session::start(&served, &[WEB]);
    run.wait_for("[y/N] ").line("n").wait_for("not touched: ");
    let raw = run.raw();
    run.ends_with(1);
    let is_styled = |text: &str, code: &str| {
        let line = line_with(&raw, text);
        assert!(
            line.starts_with(code) && line.contains("\u{1b}[0m"),
            "{line:?}"
        );
    };
    let bold = "\u{1b}[1m";
    is_styled("Restarting 3 allocations", bold);
    is_styled("The errors above", bold);
    is_styled("Ignore them anyway", bold);
    is_styled("Job restart canceled", bold);
    is_styled("==> ", bold);
    let detail = line_with(&raw, "Restarting running tasks");
    assert!(!detail.contains('\u{1b}'), "{detail:?}");
    // The block above the question is yellow, the list at the end red.
    let errors: Vec<_> = raw
        .lines()
        .filter(|line| line.contains("* Error"))
        .collect();
    let [block, list] = errors.as_slice() else {
        panic!("{errors:?}");
    };
    assert!(block.starts_with("\u{1b}[38;5;11m\u{1b}[1m"), "{block:?}");
    assert!(list.starts_with("\u{1b}[38;5;9m"), "{list:?}");
}

#[test]
fn what_only_verbose_shows_is_dim() {
    // N65, 6.5
    let served = served();
    start_slowly(&served, 200);
    let run = Session::start(
        &served,
        &["-verbose", "-reschedule", "-batch-size=100%", WEB],
    );
    let shown = run.raw_to_the_end(0);
    let line = line_with(&shown, "is \"pending\"");
    assert!(line.starts_with("\u{1b}[38;5;8m    "), "{line:?}");
}

#[test]
fn colours_can_be_switched_off() {
    // N65
    let served = served();
    let raw = Session::start(&served, &["-no-color", WEB]).raw_to_the_end(0);
    assert!(!raw.contains('\u{1b}'), "{raw:?}");
}

#[test]
fn a_question_that_is_wider_than_the_terminal_is_asked_once() {
    let served = served();
    let mut run = Session::sized(&served, 60, &[GLOBAL]);
    run.wait_for("in a single region? [y/N] ").line("y");
    let shown = run.ends_with(0);
    assert_eq!(shown.matches("multi-region").count(), 1, "{shown}");
}

#[test]
fn choices_that_are_wider_than_the_terminal_are_cut_and_drawn_once_per_key() {
    let served = served();
    let mut run = Session::sized(&served, 12, &["we"]);
    run.wait_for("(Esc = none)")
        .wait_for("> web\n  web-stag…")
        .reads_keys()
        .keys("j");
    run.wait_for("  web\n> web-stag…").reads_keys().keys("\r");
    let shown = run.ends_with(0);
    assert!(shown.contains("\n    web-staging\n==> "), "{shown}");
}
