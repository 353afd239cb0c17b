//! The streams and signals of a real process: pipes that close, disks that are full, stdin that others want to read, colours, time
//! stamps, and signals without a terminal.

use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};

use http::Method;
use nomad_sim::cluster::{Behaviour, Selector};
use nomad_sim::front::{Fault, Rule};
use nomad_sim::model::TaskStateKind;
use serde_json::json;

use crate::jobs::{service, serving, simulated};
use crate::support::{Program, Ran, Running, Served, normalise, runtime};

fn web(count: u32) -> Served {
    serving([service("web", &[("web", count)])])
}

fn shell(served: &Served, script: &str) -> Program {
    Program::shell(script).env("NOMAD_ADDR", &served.address)
}

/// N64: a reader that has seen enough ends the run: nothing new is started, and the code says so.
#[test]
fn a_reader_that_leaves_in_mid_run() {
    let job = service("web", &[("web", 6)]);
    let served = serving([simulated(job, &json!({"start_block_for": "300ms"}))]);
    let script = r#""$PROGRAM" -yes web | head -1; exit "${PIPESTATUS[0]}""#;
    let ran = shell(&served, script).run().ended_with(141);
    assert_eq!(normalise(&ran.stdout), "==> <TS>: Restarting 6 allocations");
    assert!(served.written().len() < 6);
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

/// D65 of nobody: the input of a loop belongs to the loop.
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

/// What is seen at a terminal with these variables.
fn at_a_terminal(served: &Served, script: &str, variables: &[(&str, &str)]) -> String {
    let mut program = shell(served, script).env("TERM", "xterm");
    for (name, value) in variables {
        program = program.env(name, value);
    }
    let mut terminal = program.at_a_terminal();
    terminal.exp_eof().unwrap().replace("\r\n", "\n")
}

const BOLD: &str = "\u{1b}[1m==> ";
const DIM: &str = "\u{1b}[38;5;8m";
const RED: &str = "\u{1b}[38;5;9m";
const ESCAPE: char = '\u{1b}';

/// Behaviour 6.5, 6.7: main lines bold, details plain, asides dim, errors red.
#[test]
fn colours_at_a_terminal() {
    let served = web(1);
    let printed = at_a_terminal(&served, r#""$PROGRAM" -verbose web"#, &[]);
    assert!(printed.contains(BOLD), "{printed:?}");
    let plain: Vec<&str> = printed.lines().filter(|it| !it.contains(ESCAPE)).collect();
    assert!(
        plain
            .iter()
            .any(|it| it.starts_with("    ") && it.contains("Restarting running tasks"))
    );
    assert!(
        plain.contains(&"All allocations restarted successfully!"),
        "{printed:?}"
    );

    let served = serving([service("web", &[("web", 1), ("api", 1)])]);
    let printed = at_a_terminal(&served, r#""$PROGRAM" -verbose -group=web web"#, &[]);
    let skipped = printed
        .lines()
        .find(|it| it.contains("Skipping allocation"));
    assert!(skipped.unwrap().starts_with(DIM), "{printed:?}");

    let printed = at_a_terminal(&served, r#""$PROGRAM" nope"#, &[]);
    assert!(
        printed.starts_with(&format!("{RED}No job(s) with prefix")),
        "{printed:?}"
    );
}

/// N65, behaviour 6.6, D17, D19: one switch for everything.
#[test]
fn colours_switched_off_and_on() {
    let served = web(1);
    for (script, variables) in [
        (
            r#""$PROGRAM" -no-color web; "$PROGRAM" -no-color nope"#,
            &[][..],
        ),
        (r#""$PROGRAM" -force-color -no-color web"#, &[]),
        (r#""$PROGRAM" -no-color=true web"#, &[]),
        (r#""$PROGRAM" web; "$PROGRAM" nope"#, &[("NO_COLOR", "1")]),
        (
            r#""$PROGRAM" web; "$PROGRAM" nope"#,
            &[("NOMAD_CLI_NO_COLOR", "1")],
        ),
        (r#""$PROGRAM" web; "$PROGRAM" nope"#, &[("TERM", "dumb")]),
    ] {
        let printed = at_a_terminal(&served, script, variables);
        assert!(printed.contains("Finished job restart"), "{printed:?}");
        assert!(
            !printed.contains(ESCAPE),
            "{script} {variables:?} {printed:?}"
        );
    }
    for (script, variables) in [
        (r#""$PROGRAM" web"#, &[("NO_COLOR", "")][..]),
        (r#""$PROGRAM" -force-color web"#, &[("NO_COLOR", "1")]),
        (
            r#""$PROGRAM" web"#,
            &[("NOMAD_CLI_FORCE_COLOR", "1"), ("TERM", "dumb")],
        ),
    ] {
        let printed = at_a_terminal(&served, script, variables);
        assert!(printed.contains(BOLD), "{script} {variables:?} {printed:?}");
    }
    // Through a pipe.
    let plain = served.program(["-yes", "web"]).run().succeeded();
    assert!(!plain.stdout.contains(ESCAPE), "{}", plain.stdout);
    for program in [
        served.program(["-yes", "-force-color", "web"]),
        served
            .program(["-yes", "web"])
            .env("NOMAD_CLI_FORCE_COLOR", "1"),
        served.program(["-yes", "web"]).env("CLICOLOR_FORCE", "1"),
    ] {
        let ran = program.run().succeeded();
        assert!(ran.stdout.contains(BOLD), "{:?}", ran.stdout);
    }
}

/// D18: each stream for itself.
#[test]
fn colours_by_stream() {
    let served = web(1);
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("log");
    let script = format!("\"$PROGRAM\" nope 2>{}", log.display());
    at_a_terminal(&served, &script, &[]);
    let written = std::fs::read_to_string(&log).unwrap();
    assert_eq!(written, "No job(s) with prefix or ID \"nope\" found\n");

    let script = format!("\"$PROGRAM\" -yes we >{}", log.display());
    let printed = at_a_terminal(&served, &script, &[]);
    assert!(
        printed.contains("Warning: Job \"we\" not found"),
        "{printed:?}"
    );
    assert!(printed.contains(ESCAPE), "{printed:?}");
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(written.contains("Finished job restart"), "{written:?}");
    assert!(!written.contains(ESCAPE), "{written:?}");
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

/// Behaviour 6.2, N66.
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

/// The allocations of `web`, all placed at once, in the order of their turns.
fn turns(served: &Served) -> Vec<String> {
    let mut ids: Vec<String> = served.cluster().read(|state| {
        let all = state.job_allocations("default", "web");
        all.map(|it| it.id.clone()).collect()
    });
    ids.sort();
    ids
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
    let slow = Behaviour::starts_after(1_000_000_000);
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
    // What was sent is done by the node, whoever watches.
    runtime().block_on(served.cluster().until(|state| {
        let task = &state
            .allocation(&first)
            .unwrap()
            .task_states
            .as_ref()
            .unwrap()["app"];
        (task.restarts == 1 && task.state == TaskStateKind::Running).then_some(())
    }));
    let rest = shell(&served, resume(&ran)).run().succeeded();
    assert!(
        rest.stdout.contains(": Restarting 2 allocations\n"),
        "{}",
        rest.stdout
    );
    assert_eq!(restarts(&served), [1, 1, 1]);
}

/// Behaviour 5.10.4 as this program has it: in order, also before anything was chosen.
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
    let served = web(2);
    let program = served.program(["-on-error=fail", "-batch-wait=1h", "web"]);
    let mut running = program.stdin(Stdio::piped()).spawn();
    running.until("Waiting 1h0m0s");
    running.signal("INT");
    running.wait().ended_with(130);
    assert_eq!(restarts(&served), [1, 0]);
}
