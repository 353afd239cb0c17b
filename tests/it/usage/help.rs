//! Help, version, and what is said of options and variables that have no effect.

use std::ffi::OsStr;

use super::silent;

/// D16.
#[test]
fn help() {
    let served = silent();
    let mut texts = Vec::new();
    for (args, code) in [
        (&["-help"][..], 0),
        (&["-h"], 0),
        (&["--help"], 0),
        // Whoever asks for help gets it, whatever else is wrong.
        (&["-batch-size=0", "-nope", "web", "-help"], 0),
        (&["--help=1"], 1),
        (&["--h"], 1),
        (&["-help=x", "web"], 1),
        (&["-h=0"], 1),
    ] {
        let ran = served.program(args).run().ended_with(code).said("");
        texts.push(ran.stdout);
    }
    let [text, others @ ..] = &texts[..] else {
        unreachable!("there are several");
    };
    assert!(others.iter().all(|other| other == text));
    assert!(
        text.starts_with("Usage: nomad-restart [options] <job>\n"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80));
    assert!(!text.contains(env!("CARGO_BIN_EXE_nomad-restart")));
    for flag in [
        "address",
        "region",
        "namespace",
        "token",
        "ca-cert",
        "ca-path",
        "client-cert",
        "client-key",
        "tls-server-name",
        "tls-skip-verify",
        "no-color",
        "force-color",
        "all-tasks",
        "batch-size",
        "batch-wait",
        "group",
        "no-shutdown-delay",
        "on-error",
        "reschedule",
        "task",
        "yes",
        "verbose",
        "exact",
        "timeout",
        "started-before",
        "older-than",
        "dry-run",
        "max-failures",
        "on-deployment",
        "detailed-exitcode",
        "progress",
        "max-connections",
    ] {
        let listed = text.lines().any(|line| {
            let name = line.trim_start().strip_prefix('-').unwrap_or_default();
            name == flag || name.starts_with(&format!("{flag}="))
        });
        assert!(listed, "-{flag} is not in the help");
    }
    assert_eq!(served.requests(), []);

    // Secrets in the environment are not shown as defaults.
    let ran = served.program(["-help"]).env("NOMAD_TOKEN", "s3cret").run();
    assert_eq!(&ran.ended_with(0).stdout, text);
}

/// Not after `--`, and not as the value of a flag (D16): then it is a job or a value.
#[test]
fn help_only_in_the_place_of_a_flag() {
    let served = silent();
    for args in [
        &["-yes", "--", "-help"][..],
        &["-yes", "-group", "-help", "web"],
        &["-yes", "-token", "--version", "web"],
    ] {
        let ran = served.program(args).run().ended_with(1).printed_nothing();
        assert!(
            ran.stderr.starts_with("No job(s) with prefix or ID"),
            "{args:?} {}",
            ran.stderr
        );
    }
}

#[test]
fn version() {
    let served = silent();
    for args in [
        &["-version"][..],
        &["--version"],
        &["-v"],
        &["-yes", "-version", "web"],
    ] {
        let ran = served.program(args).run().ended_with(0).said("");
        assert_eq!(
            ran.stdout,
            format!("nomad-restart v{}\n", env!("CARGO_PKG_VERSION"))
        );
    }
    assert_eq!(served.requests(), []);
}

/// D8, D9: accepted, and not silently.
#[test]
fn options_without_effect_are_warned_about() {
    let served = silent();
    for (args, warning) in [
        (
            ["-yes", "-no-shutdown-delay", "web"],
            "-no-shutdown-delay has no effect without -reschedule",
        ),
        (
            ["-yes -reschedule", "-all-tasks", "web"],
            "-all-tasks has no effect with -reschedule",
        ),
    ] {
        let args = args.iter().flat_map(|arg| arg.split(' '));
        let ran = served.program(args).run().ended_with(1).printed_nothing();
        let mut lines = ran.stderr.lines();
        let first = lines.next().unwrap();
        assert!(first.contains(&format!(": Warning: {warning}")), "{first}");
        assert_eq!(
            lines.next(),
            Some("No job(s) with prefix or ID \"web\" found")
        );
    }
}

/// D20: variables of Nomad's own command line that mean nothing here.
#[test]
fn variables_that_do_not_concern_this_program() {
    let served = silent();
    for (name, value) in [
        ("COMP_LINE", "nomad-restart -"),
        ("NOMAD_CLI_SHOW_HINTS", "maybe"),
        ("NOMAD_SKIP_VERIFY", "perhaps"),
    ] {
        let program = served.program([OsStr::new("-yes"), OsStr::new("web")]);
        let ran = program
            .env(name, value)
            .run()
            .ended_with(1)
            .printed_nothing();
        ran.said("No job(s) with prefix or ID \"web\" found\n");
    }
}
