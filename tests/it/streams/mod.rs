//! The streams of a real process: pipes that close, disks that are full, stdin that others want to read, time stamps.

mod colours;
mod signals;

use http::Method;
use nomad_sim::cluster::{Behaviour, Selector};
use nomad_sim::front::{Fault, Rule};

use crate::jobs::{service, serving};
use crate::support::{Program, Served, normalise};

fn web(count: u32) -> Served {
    serving([service("web", &[("web", count)])])
}

fn shell(served: &Served, script: &str) -> Program {
    Program::shell(script).env("NOMAD_ADDR", &served.address)
}

/// The allocations of `web`, all placed at once, in the order of their turns.
fn turns(served: &Served) -> Vec<String> {
    let mut ids: Vec<String> = served.cluster().read(|state| {
        let all = state.job_allocations("default", "web");
        all.map(|it| it.id.clone()).collect()
    });
    ids.sort();
    ids
}

/// N64: a reader that has seen enough ends the run: nothing new is started, and the code says so.
#[test]
fn a_reader_that_leaves_in_mid_run() {
    let served = web(6);
    // However late the reader leaves, the run does not come further than this.
    let second = turns(&served).remove(1);
    let stuck = Behaviour::starts_after(3_600_000_000_000);
    let selector = Selector::default().allocation(&second);
    served.cluster().behave(selector, stuck);
    let script = r#""$PROGRAM" -yes web | head -1; exit "${PIPESTATUS[0]}""#;
    let ran = shell(&served, script).run().ended_with(141);
    assert_eq!(normalise(&ran.stdout), "==> <TS>: Restarting 6 allocations");
    assert!(served.written().len() <= 2);
    assert!(
        ran.stderr.contains(" of 6 allocations restarted, "),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("\nTo continue, run:\n"),
        "{}",
        ran.stderr
    );
}

/// N64
#[test]
fn a_reader_that_leaves_the_help() {
    let served = web(0);
    let script = r#""$PROGRAM" -help | head -1; exit "${PIPESTATUS[0]}""#;
    let ran = shell(&served, script).run().ended_with(0).said("");
    assert_eq!(ran.stdout, "Usage: nomad-restart [options] <job>\n");
    // Nobody there from the start.
    let script = r#"{ "$PROGRAM" -version; echo "$?" >&2; } | true"#;
    shell(&served, script).run().ended_with(0).said("0\n");
}

/// N64, D69: what could not be shown is no success; the work itself is done.
#[test]
fn a_full_disk() {
    let served = web(2);
    let ran = shell(&served, r#""$PROGRAM" -yes web >/dev/full"#)
        .run()
        .ended_with(1);
    assert!(
        ran.stderr.starts_with("Error writing to standard output: "),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(served.written().len(), 2);
    let ran = shell(&served, r#""$PROGRAM" -help >/dev/full"#)
        .run()
        .ended_with(1);
    assert!(
        ran.stderr.starts_with("Error writing to standard output: "),
        "{}",
        ran.stderr
    );
}

/// N64: a stream that was never open is nobody's loss.
#[test]
fn closed_streams() {
    let served = web(2);
    shell(&served, r#""$PROGRAM" -yes web >&-"#)
        .run()
        .ended_with(0)
        .said("");
    shell(&served, r#""$PROGRAM" -yes web <&- 2>&-"#)
        .run()
        .succeeded();
    assert_eq!(served.written().len(), 4);
}

/// The input of a loop belongs to the loop: nothing is read without a question.
#[test]
fn stdin_is_left_unread() {
    let served = serving(["web", "api", "db"].map(|id| service(id, &[("one", 1)])));
    let script =
        r#"printf 'web\napi\ndb\n' | while read -r job; do "$PROGRAM" -yes "$job" || exit; done"#;
    let ran = shell(&served, script).run().ended_with(0).said("");
    assert_eq!(
        ran.stdout
            .matches("All allocations restarted successfully!")
            .count(),
        3
    );
    assert_eq!(served.written().len(), 3);
}

/// N54: a terminal for input alone cannot show a question.
#[test]
fn a_terminal_for_stdin_only() {
    let served = web(1);
    let refused = "\"ask\" cannot be used when terminal is not interactive";
    let mut terminal = shell(&served, r#""$PROGRAM" web | cat"#).at_a_terminal();
    let printed = terminal.exp_eof().unwrap();
    assert!(printed.contains(refused), "{printed}");
    let mut terminal = shell(&served, r#""$PROGRAM" web </dev/null"#).at_a_terminal();
    let printed = terminal.exp_eof().unwrap();
    assert!(printed.contains(refused), "{printed}");
    assert_eq!(served.requests(), []);
}

/// N65, D70: what a server says is shown, never obeyed.
#[test]
fn words_of_the_server() {
    let served = web(1);
    let words = "[red]no[reset] \u{1b}[2J\u{1b}]0;title\u{7}room\r\n\tleft\u{9b}31m";
    served
        .agent
        .faults()
        .add(Rule::on("/restart", Fault::Status(400, words.to_owned())).method(Method::PUT));
    let ran = served.program(["-yes", "web"]).run().ended_with(1);
    assert!(
        ran.stderr.contains("400 ([red]no[reset] "),
        "{:?}",
        ran.stderr
    );
    let harmless = |c: char| c == '\n' || c == '\t' || !c.is_control();
    assert!(ran.stderr.chars().all(harmless), "{:?}", ran.stderr);
}

/// N66.
#[test]
fn time_zones() {
    let served = web(1);
    for (zone, offset) in [
        ("UTC", "Z"),
        ("UTC0", "Z"),
        ("EST5", "-05:00"),
        ("<+0530>-5:30", "+05:30"),
        ("<-0330>3:30", "-03:30"),
    ] {
        let program = served.program(["-yes", "web"]).env("TZ", zone);
        let ran = program.run().succeeded();
        let mut stamps = 0;
        for line in ran.stdout.lines().filter(|line| line.contains(": ")) {
            let stamp = line.trim_start_matches("==> ").trim_start();
            let stamp = stamp.split(": ").next().unwrap();
            assert!(stamp.ends_with(offset), "{zone}: {line}");
            // Whole seconds of local time, in RFC 3339.
            assert_eq!(
                stamp.len(),
                "2023-02-28T17:36:31".len() + offset.len(),
                "{line}"
            );
            chrono::DateTime::parse_from_rfc3339(stamp).unwrap();
            stamps += 1;
        }
        assert_eq!(stamps, 3, "{}", ran.stdout);
    }
}
