//! The continue command: what is kept, replaced, added and left out, and that a shell reads it back.

use std::time::Duration;

use super::*;
use crate::cli::{Invocation, Request, parse};
use crate::env::Env;

fn run(args: &[&str]) -> Box<Invocation> {
    let args: Vec<_> = args.iter().map(OsString::from).collect();
    match parse(&args, &Env::default(), true) {
        Request::Run(invocation) => invocation,
        _ => panic!("{args:?} does not run"),
    }
}

fn started() -> DateTime<Utc> {
    "2026-08-12T17:36:31Z".parse().unwrap()
}

/// The continue command when the wait is still the one that was typed.
fn resumed(args: &[&str]) -> String {
    let invocation = run(args);
    let plan = &invocation.plan;
    invocation
        .typed
        .resume(plan.pause, started(), plan.started_before)
}

const SINCE: &str = "-started-before=2026-08-12T17:36:31.000Z";

#[test]
fn keeps_what_was_typed() {
    for (args, expected) in [
        (
            &["nomad-restart", "web"] as &[_],
            format!("nomad-restart {SINCE} web"),
        ),
        (
            &["./nomad-restart", "--batch-size", "50%", "-yes=1", "web"],
            format!("./nomad-restart --batch-size 50% -yes=1 {SINCE} web"),
        ),
        // Before the job, so that nothing depends on options being read behind it.
        (
            &["nomad-restart", "web", "-yes"],
            format!("nomad-restart {SINCE} web -yes"),
        ),
        (
            &["nomad-restart", "-yes", "--", "-web"],
            format!("nomad-restart -yes {SINCE} -- -web"),
        ),
        (
            &["nomad-restart", "-batch-wait=1m", "web"],
            format!("nomad-restart -batch-wait=1m {SINCE} web"),
        ),
        (&["", "web"], format!("nomad-restart {SINCE} web")),
    ] {
        assert_eq!(resumed(args), expected);
    }
}

#[test]
fn leaves_out_the_token() {
    for args in [
        &["nomad-restart", "-token", "s3cr3t", "web"] as &[_],
        &["nomad-restart", "-token=s3cr3t", "web"],
        &["nomad-restart", "--token", "s3cr3t", "web"],
        &["nomad-restart", "web", "--token=s3cr3t"],
        &["nomad-restart", "-token=a", "-token=s3cr3t", "web"],
    ] {
        assert_eq!(resumed(args), format!("nomad-restart {SINCE} web"));
        assert!(!format!("{:?}", run(args).typed).contains("s3cr3t"));
    }
}

#[test]
fn leaves_out_credentials_in_the_address() {
    for (address, expected) in [
        (
            "-address=http://op:s3cr3t@nomad:4646/x@y",
            "-address=http://nomad:4646/x@y",
        ),
        ("--address=op:s3cr3t@nomad", "-address=nomad"),
        ("-address=https://a@b@nomad?x", "'-address=https://nomad?x'"),
        (
            "-address=unix:///run/a@b.sock",
            "-address=unix:///run/a@b.sock",
        ),
        ("--address=http://nomad:4646", "--address=http://nomad:4646"),
    ] {
        let resumed = resumed(&["nomad-restart", address, "web"]);
        assert_eq!(resumed, format!("nomad-restart {expected} {SINCE} web"));
    }
}

#[test]
fn the_wait_is_the_current_one() {
    let ask = run(&[
        "nomad-restart",
        "-batch-wait",
        "ask",
        "--batch-wait=ask",
        "-yes",
        "web",
    ]);
    let ten = Pause::Fixed(Duration::from_secs(90));
    assert_eq!(
        ask.typed.resume(ten, started(), None),
        format!("nomad-restart -yes -batch-wait=1m30s {SINCE} web")
    );
    let fixed = run(&["nomad-restart", "web"]);
    assert_eq!(
        fixed.typed.resume(Pause::Ask, started(), None),
        format!("nomad-restart -batch-wait=ask {SINCE} web")
    );
}

#[test]
fn a_run_that_continues_keeps_the_first_start() {
    assert_eq!(
        resumed(&[
            "nomad-restart",
            "web",
            "-started-before",
            "2026-08-01T00:00:00+02:00"
        ]),
        "nomad-restart web -started-before 2026-08-01T00:00:00+02:00"
    );
}

#[test]
fn the_start_is_rounded_up() {
    let typed = run(&["nomad-restart", "web"]).typed;
    for (time, shown) in [
        ("2026-08-12T17:36:31Z", "17:36:31.000Z"),
        ("2026-08-12T17:36:31.000000001Z", "17:36:31.001Z"),
        ("2026-08-12T17:36:31.999Z", "17:36:31.999Z"),
    ] {
        let command = typed.resume(Pause::Fixed(Duration::ZERO), time.parse().unwrap(), None);
        assert_eq!(
            command,
            format!("nomad-restart -started-before=2026-08-12T{shown} web")
        );
    }
}

#[test]
fn words_are_quoted_for_a_shell() {
    for (text, expected) in [
        ("web-1_a.b/c:d=e,f+g@h%", "web-1_a.b/c:d=e,f+g@h%"),
        ("", "''"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        ("$HOME", "'$HOME'"),
        ("~", "'~'"),
        ("=web", "'=web'"),
        ("a*", "'a*'"),
        ("日本", "'日本'"),
        ("a\n'b\\", r"$'a\x0a\'b\\'"),
        ("\u{1b}[31m", r"$'\x1b[31m'"),
        ("\u{85}", r"$'\xc2\x85'"),
    ] {
        assert_eq!(shell_quoted(text), expected);
    }
}

// The command that is printed asks for the same run, but for the start time.
#[cfg(unix)]
#[test]
fn what_a_shell_reads_is_what_was_typed() {
    let typed = [
        "nomad-restart",
        "-group=it's \\ $(x) *",
        "-task",
        "~",
        "-batch-wait=ask",
        "--",
        "-j ob",
    ];
    let script = format!(
        "for arg in {}; do printf '%s\\0' \"$arg\"; done",
        resumed(&typed)
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let args: Vec<_> = output.split_terminator('\0').collect();

    let mut expected = run(&typed).plan;
    expected.started_before = Some(started());
    assert_eq!(run(&args).plan, expected);
}

#[test]
fn an_age_is_counted_back_from_the_start_of_the_first_run() {
    let resumed_after = |args: &[&str], limit: &str| {
        let typed = run(args).typed;
        let limit: DateTime<Utc> = limit.parse().unwrap();
        typed.resume(Pause::Fixed(Duration::ZERO), started(), Some(limit))
    };
    for (args, limit, expected) in [
        (
            &["nomad-restart", "-older-than=1h", "-yes", "web"][..],
            "2026-08-12T16:36:31Z",
            "nomad-restart -yes -started-before=2026-08-12T16:36:31.000Z web",
        ),
        // Whichever of two was the earlier one is what counts.
        (
            &[
                "nomad-restart",
                "-older-than",
                "1h",
                "-started-before=2026-08-12T17:00:00Z",
                "web",
            ],
            "2026-08-12T16:36:31Z",
            "nomad-restart -started-before=2026-08-12T16:36:31.000Z web",
        ),
        // A moment that was still to come would take again what this run has restarted.
        (
            &[
                "nomad-restart",
                "-started-before=2026-09-01T00:00:00Z",
                "web",
            ],
            "2026-09-01T00:00:00Z",
            "nomad-restart -started-before=2026-08-12T17:36:31.000Z web",
        ),
    ] {
        assert_eq!(resumed_after(args, limit), expected);
    }
}
