//! The seven transcripts of the documentation page: its lines appear in this order, ids and times aside, and whatever else is printed is
//! on a short list.

use std::time::Duration;

use crate::support::{Ran, Served, normalise};

/// Lines that the page does not show and the program prints.
const ALLOWED: [&str; 2] = ["replaced by", "is \"running\""];

/// The job of the page: two allocations of `web`, three of `proxy`.
fn served() -> Served {
    Served::start(|| nomad_sim::demo::cluster(7))
}

/// Checks that the page's lines are an ordered sub-sequence of what was printed. Ids keep their order of appearance in groups that the
/// page restarts together, which is not the demo's order: they are compared by group only.
#[track_caller]
fn assert_page(ran: &Ran, page: &str) {
    let blank = |text: &str| {
        let normalised = normalise(text);
        let mut out = Vec::new();
        for line in normalised.lines() {
            let mut line = line.to_owned();
            while let (Some(from), Some(to)) = (line.find("\"<id "), line.find(">\"")) {
                line.replace_range(from..to + 2, "<id>");
            }
            out.push(line);
        }
        out
    };
    let printed = blank(&ran.stdout);
    let mut expected = blank(page).into_iter().peekable();
    for line in &printed {
        if expected.peek() == Some(line) {
            expected.next();
        } else {
            assert!(
                ALLOWED.iter().any(|allowed| line.contains(allowed)),
                "not on the page: {line}\nexpected next: {:?}\n{}",
                expected.peek(),
                ran.stdout
            );
        }
    }
    assert_eq!(expected.next(), None, "missing in:\n{}", ran.stdout);
}
