//! The live block on a terminal's screen: there while something is in flight, never in the way, and nothing of it left behind.

use rexpect::process::Signal;

use super::cluster::{WEB, crowd, die_slowly, first_is_back, served};
use super::session::{Place, Session};
use crate::support::normalise;

const Q5: &str = "Are you sure you want to stop the restart process? [y/N]";
/// Longer than any of these tests takes.
const FOR_EVER: i64 = 60_000;

/// Whether any line is one of a block.
fn is_drawn(lines: &[String]) -> bool {
    lines.iter().any(|line| line.contains(['━', '─', '…']))
}

/// The lines of the block on the screen, which are the last ones.
fn block<'a>(lines: &'a [String], count: &str) -> &'a [String] {
    let Some(header) = lines.iter().rposition(|line| line.contains(count)) else {
        panic!("no {count} in {lines:#?}");
    };
    assert_eq!(lines[header - 1], "", "{lines:#?}");
    &lines[header..]
}

#[test]
fn it_stands_below_the_lines_and_leaves_nothing_behind() {
    // D74
    for columns in [40, 80, 200] {
        let served = crowd(12);
        die_slowly(&served, 2000);
        let place = Place {
            size: (16, columns),
            ..Place::default()
        };
        let run = Session::at(&served, &place, &["-yes", "-batch-size=100%", WEB]);
        let is_row = |line: &&String| line.contains("  running  server: Rest");
        let lines = run.wait_for_screen(|lines| lines.iter().filter(is_row).count() == 8);
        let block = block(&lines, "0/12  ");
        assert_eq!(block.len(), 10, "{lines:#?}");
        assert!(block[1..9].iter().all(|row| is_row(&row)), "{lines:#?}");
        assert!(block[9].ends_with("… 4 more"), "{lines:#?}");
        let widest = block.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(widest < usize::from(columns), "{lines:#?}");

        let [paper, plain] = run.paper_to_the_end(0, place.size);
        assert_eq!(paper, plain);
        assert!(!is_drawn(&plain), "{plain:#?}");
        assert!(plain.len() > 16, "it has scrolled: {plain:#?}");
    }
}

#[test]
fn a_log_looks_the_same_with_and_without_it() {
    let [auto, plain] = ["auto", "plain"].map(|progress| {
        let served = served();
        die_slowly(&served, 400);
        let place = Place {
            // Low, so that it scrolls.
            size: (6, 120),
            ..Place::default()
        };
        let progress = format!("-progress={progress}");
        let args = [&progress, "-batch-size=2", WEB];
        let [paper, _] = Session::at(&served, &place, &args).paper_to_the_end(0, place.size);
        normalise(&paper.join("\n"))
    });
    assert!(plain.lines().count() > 6, "{plain}");
    assert_eq!(auto, plain);
}

#[test]
fn it_is_gone_while_a_question_is_open_and_comes_back() {
    let served = served();
    die_slowly(&served, 1500);
    let place = Place {
        // Wide enough for the question.
        size: (12, 100),
        ..Place::default()
    };
    let mut run = Session::at(&served, &place, &[WEB]);
    run.screen_with("  running  server: Restart Signaled");
    run.control_c();
    let asked = run.screen_with(Q5);
    assert!(asked.last().unwrap().ends_with(Q5), "{asked:#?}");
    assert!(!is_drawn(&asked), "{asked:#?}");
    let written = run.written();
    first_is_back(&served);
    assert_eq!(run.written(), written);
    run.line("n");
    let lines = run.screen_with("1/3  ");
    assert!(lines.iter().any(|line| line.ends_with("[y/N] n")));
    block(&lines, "1/3  ");
    let [paper, plain] = run.paper_to_the_end(0, place.size);
    assert_eq!(paper, plain);
    assert!(plain.iter().any(|line| line == "^C"), "{plain:#?}");
}

#[test]
fn it_follows_the_size_of_the_terminal_and_goes_on_the_way_out_that_waits_for_nothing() {
    let served = crowd(12);
    die_slowly(&served, FOR_EVER);
    let place = Place {
        size: (24, 80),
        ..Place::default()
    };
    let mut run = Session::at(&served, &place, &["-yes", "-batch-size=100%", WEB]);
    run.screen_with("… 4 more");
    // Two lines are not the block's.
    run.resize((8, 40));
    let lines = run.screen_with("… 8 more");
    assert_eq!(block(&lines, "0/12  ").len(), 6, "{lines:#?}");
    let narrow = |line: &String| line.chars().count() < 40;
    assert!(block(&lines, "0/12  ").iter().all(narrow), "{lines:#?}");
    // Wide enough for the group.
    run.resize((30, 200));
    let lines = run.screen_with("  web  running  ");
    assert_eq!(block(&lines, "0/12  ").len(), 10, "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.contains("0/12")).count(), 1);
    run.signals_until_it_ends(Signal::SIGTERM);
    let [paper, _] = run.paper_to_the_end(143, place.size);
    assert!(!is_drawn(&paper), "{paper:#?}");
}

#[test]
fn control_z_takes_it_away_and_it_comes_back() {
    let served = served();
    die_slowly(&served, FOR_EVER);
    let place = Place {
        size: (12, 80),
        script: "set -m; \"$@\"; echo; echo 'stopped.'; read line; fg",
        ..Place::default()
    };
    let mut run = Session::at(&served, &place, &["-yes", "-batch-size=100%", WEB]);
    run.screen_with("  running  server: Restart Signaled");
    run.keys("\u{1a}").wait_for("^Z").wait_for("stopped.\n");
    let lines = run.screen_with("stopped.");
    assert_eq!(lines.last().unwrap(), "stopped.");
    assert!(!is_drawn(&lines), "{lines:#?}");
    run.line("");
    let lines = run.screen_with("0/3  ");
    assert_eq!(block(&lines, "0/3  ").len(), 4, "{lines:#?}");
    // The first one stops the run, the next one does not wait for the calls.
    run.signals_until_it_ends(Signal::SIGTERM);
}

#[test]
fn there_is_none_where_it_would_be_in_the_way() {
    let usual = Place::default;
    let at = |term| Place { term, ..usual() };
    let by = |script| Place { script, ..usual() };
    for (option, place, drawn) in [
        ("-progress=auto", usual(), true),
        ("-progress=plain", usual(), false),
        ("-progress=none", usual(), false),
        ("-json", usual(), false),
        ("-verbose", at("dumb"), false),
        // What a redirection leaves on the terminal must stay as it is.
        ("-verbose", by("\"$@\" | cat"), false),
        ("-verbose", by("\"$@\" 2>/dev/null"), false),
        // A shell's prompt may be there.
        ("-verbose", by("set -m; \"$@\" & wait"), false),
    ] {
        let served = served();
        die_slowly(&served, 500);
        let args = [option, "-yes", "-batch-size=100%", WEB];
        let run = Session::at(&served, &place, &args);
        let written = run.written_to_the_end(0);
        assert_eq!(written.contains('\u{b}'), drawn, "{option} {written:?}");
    }
}
