//! Colours: which stream gets them, and what they mark.

use super::{shell, web};
use crate::jobs::{service, serving};
use crate::support::Served;

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

/// Main lines bold, details plain, asides dim, errors red.
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

/// N65, D17, D19: one switch for everything.
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
