//! Bad command lines, help and version: the exact text, on the right stream, with the right exit code, and nothing sent to Nomad.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use crate::jobs::serving;
use crate::support::{Program, Served};

const HINT: &str = "For additional help try 'nomad-restart -help'\n";

/// A cluster that nothing may be asked of.
fn silent() -> Served {
    serving([])
}

/// Runs without a terminal; it must end with a message and the hint before anything is sent.
#[track_caller]
fn refused(served: &Served, args: &[&str], message: &str) {
    let ran = served.program(args).run().ended_with(1).printed_nothing();
    assert_eq!(ran.stderr, format!("{message}\n{HINT}"), "{args:?}");
    assert_eq!(served.requests(), [], "{args:?}");
}

/// Runs without a terminal; the line is fine: it ends with the agent's answer that there is no such job.
#[track_caller]
fn accepted(served: &Served, args: &[&str]) {
    let before = served.requests().len();
    let ran = served.program(args).run().ended_with(1).printed_nothing();
    assert_eq!(
        ran.stderr, "No job(s) with prefix or ID \"web\" found\n",
        "{args:?}"
    );
    assert!(served.requests().len() > before, "{args:?}");
}

/// Behaviour 1.2, N51.
#[test]
fn flags_that_go_would_refuse() {
    let served = silent();
    for (args, message) in [
        // 1.2.9
        (
            &["-nope", "web"][..],
            "flag provided but not defined: -nope",
        ),
        (&["--nope", "web"], "flag provided but not defined: -nope"),
        (&["-nope=3", "web"], "flag provided but not defined: -nope"),
        (&["-batch-size"], "flag needs an argument: -batch-size"),
        (
            &["web", "--batch-size"],
            "flag needs an argument: -batch-size",
        ),
        (&["-yes", "web", "-token"], "flag needs an argument: -token"),
        (
            &["-yes=nope", "web"],
            r#"invalid boolean value "nope" for -yes: parse error"#,
        ),
        (
            &["--reschedule=", "web"],
            r#"invalid boolean value "" for -reschedule: parse error"#,
        ),
        (&["---x", "web"], "bad flag syntax: ---x"),
        (&["-=x", "web"], "bad flag syntax: -=x"),
        (&["--=x", "web"], "bad flag syntax: --=x"),
        // 1.2.7
        (&["-y", "web"], "flag provided but not defined: -y"),
        (&["-Yes", "web"], "flag provided but not defined: -Yes"),
        (&["-batch", "web"], "flag provided but not defined: -batch"),
        // The first that is wrong ends it.
        (
            &["-yes", "-nope", "---x"],
            "flag provided but not defined: -nope",
        ),
        // 1.2.2, 1.2.3: what a flag takes for its value.
        (
            &["-batch-size", "-yes", "web"],
            r#"Invalid -batch-size value "-yes": batch size must be an integer or a percentage"#,
        ),
        (
            &["-batch-size==5", "web"],
            r#"Invalid -batch-size value "=5": batch size must be an integer or a percentage"#,
        ),
        (
            &["-batch-size=", "web"],
            r#"Invalid -batch-size value "": batch size must be an integer or a percentage"#,
        ),
        // A help flag in the place of a value is a value (D16).
        (
            &["-group", "-h", "-nope"],
            "flag provided but not defined: -nope",
        ),
        // N51: the peer's options of its framework are none here.
        (
            &["-autocomplete-install", "web"],
            "flag provided but not defined: -autocomplete-install",
        ),
    ] {
        refused(&served, args, message);
    }
}

/// Behaviour 1.5.2, 1.2.4 to 1.2.6, T1, T2.
#[test]
fn anything_but_one_job() {
    let served = silent();
    let one = "This command takes one argument: <job>";
    for args in [
        &[][..],
        &["-yes"],
        &["web", "api"],
        &["a", "b", "c"],
        &["-", "web"],
        &["--", "-yes", "web"],
        &["web", "--", "-on-error=fail"],
        &["-group=web"],
        &["web", ""],
    ] {
        refused(&served, args, one);
    }
    // D15: what was probably meant.
    let switch = "A switch takes a value only after an equals sign, as in -yes=false";
    refused(
        &served,
        &["-yes", "false", "web"],
        &format!("{one}\n{switch}"),
    );
}

/// D2, N47: an unset variable in a script must not mean every job.
#[test]
fn an_empty_job() {
    let served = silent();
    for job in ["", " ", "\t\n", "\u{3000}"] {
        refused(&served, &["-yes", job], "The job ID must not be empty");
    }
}

/// Behaviour 1.5.4 to 1.5.6, T8 to T13, D13.
#[test]
fn batch_sizes() {
    let served = silent();
    for value in [
        "not-valid",
        "1.5",
        "1.5%",
        "15%10%",
        "%",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_000",
        "10 %",
        "0x10",
        "１",
    ] {
        let message = format!(
            "Invalid -batch-size value \"{value}\": batch size must be an integer or a percentage"
        );
        refused(&served, &["-yes", "-batch-size", value, "web"], &message);
    }
    for value in ["0", "0%", "00"] {
        let message = format!(
            "Invalid -batch-size value \"{value}\": number value must be greater than zero"
        );
        refused(
            &served,
            &["-yes", &format!("-batch-size={value}"), "web"],
            &message,
        );
    }
    for value in ["99999999999999999999", "9223372036854775808%"] {
        let digits = value.trim_end_matches('%');
        let message = format!(
            "Invalid -batch-size value \"{value}\": strconv.Atoi: parsing \"{digits}\": value out of range"
        );
        refused(&served, &["-yes", "-batch-size", value, "web"], &message);
    }
    // N49
    for value in [
        "1",
        "007",
        "10",
        "10%",
        "1000%",
        "9223372036854775807%",
        "9223372036854775807",
    ] {
        accepted(&served, &["-yes", "-batch-size", value, "web"]);
    }
}

/// Behaviour 1.5.8 and 1.9, T15, T16, N50, D12.
#[test]
fn durations() {
    let served = silent();
    for (value, why) in [
        ("10", r#"time: missing unit in duration "10""#),
        ("00", r#"time: missing unit in duration "00""#),
        ("1.0", r#"time: missing unit in duration "1.0""#),
        ("1.5.5s", r#"time: missing unit in duration "1.5.5s""#),
        ("", r#"time: invalid duration """#),
        ("-", r#"time: invalid duration "-""#),
        (".", r#"time: invalid duration ".""#),
        (".s", r#"time: invalid duration ".s""#),
        (" 1s", r#"time: invalid duration " 1s""#),
        ("soon", r#"time: invalid duration "soon""#),
        ("+-1s", r#"time: invalid duration "+-1s""#),
        (
            "2562047h47m16.854775808s",
            r#"time: invalid duration "2562047h47m16.854775808s""#,
        ),
        ("1S", r#"time: unknown unit "S" in duration "1S""#),
        ("1s ", r#"time: unknown unit "s " in duration "1s ""#),
        ("1e3s", r#"time: unknown unit "e" in duration "1e3s""#),
        ("0x10s", r#"time: unknown unit "x" in duration "0x10s""#),
        // Bytes that are not ASCII are escaped one by one, unlike everywhere else.
        (
            "1日",
            r#"time: unknown unit "\xe6\x97\xa5" in duration "1\xe6\x97\xa5""#,
        ),
        // Months and years have no length.
        ("1M", r#"time: unknown unit "M" in duration "1M""#),
        ("1y", r#"time: unknown unit "y" in duration "1y""#),
        ("-5s", "duration must not be negative"),
    ] {
        for flag in ["batch-wait", "timeout"] {
            let shown = serde_json::to_string(value).unwrap();
            let message = format!("Invalid -{flag} value {shown}: {why}");
            refused(
                &served,
                &["-yes", &format!("-{flag}={value}"), "web"],
                &message,
            );
        }
    }
    for value in [
        "0",
        "+0",
        "-0",
        "1h30m",
        "+5s",
        ".5s",
        "5.s",
        "1m1m",
        "1s1h",
        "39h9m14.425s",
        "1µs",
        "1μs",
        "2562047h47m16.854775807s",
        "1d",
        "2 weeks",
        "1h 30m",
    ] {
        accepted(&served, &["-yes", &format!("-batch-wait={value}"), "web"]);
    }
}

/// Behaviour 1.5.7, 1.5.9, N54, T14, D10: nobody can be asked, so nothing may be left to ask.
#[test]
fn questions_without_a_terminal() {
    let served = silent();
    let wait = "Invalid -batch-wait value \"ask\": \"ask\" cannot be used when terminal is not interactive\n\
                Without a terminal, give -batch-wait a duration and add -on-error=fail or -yes";
    let error = "Invalid -on-error value \"ask\": \"ask\" cannot be used when terminal is not interactive\n\
                 Without a terminal, use -on-error=fail to stop after any error, or -yes to go on without questions";
    for (args, message) in [
        (&["web"][..], error),
        (&["-on-error=ask", "web"], error),
        (&["-on-error=ASK", "web"], error),
        (&["-yes=false", "web"], error),
        (&["-batch-wait=ask", "web"], wait),
        (&["-batch-wait=ASK", "-on-error=fail", "web"], wait),
    ] {
        refused(&served, args, message);
    }
    // T14, T17, and D11: in any case.
    for args in [
        &["-yes", "web"][..],
        &["-yes", "-on-error=ask", "-batch-wait=ask", "web"],
        &["-on-error=fail", "web"],
        &["-on-error=FAIL", "web"],
        &["--yes=true", "--on-error", "ask", "web"],
    ] {
        accepted(&served, args);
    }
}

/// N54: all three streams of a shell's `<&-` and pipe cases count as no terminal.
#[test]
fn a_closed_stdin_is_no_terminal() {
    let served = silent();
    let ran = Program::shell(r#"exec "$PROGRAM" web <&-"#)
        .env("NOMAD_ADDR", &served.address)
        .run()
        .ended_with(1)
        .printed_nothing();
    let why =
        r#"Invalid -on-error value "ask": "ask" cannot be used when terminal is not interactive"#;
    assert!(ran.stderr.starts_with(why), "{}", ran.stderr);
    assert_eq!(served.requests(), []);
}

/// Behaviour 1.5.10 to 1.5.12, T5, T18, T21, and what the peer does not check.
#[test]
fn values_and_combinations() {
    let served = silent();
    for (args, message) in [
        (
            &["-on-error=maybe", "web"][..],
            r#"Invalid -on-error value "maybe": valid options are "ask" and "fail""#,
        ),
        (
            &["-yes", "-on-error=", "web"],
            r#"Invalid -on-error value "": valid options are "ask" and "fail""#,
        ),
        (
            &["-yes", "-all-tasks", "-task", "app", "web"],
            "The -all-tasks option cannot be used with -task",
        ),
        (
            &["-yes", "-reschedule", "-task=app", "web"],
            "The -reschedule option cannot be used with -task",
        ),
        // 1.5.11 comes before 1.5.12.
        (
            &["-yes", "-reschedule", "-all-tasks", "-task=app", "web"],
            "The -all-tasks option cannot be used with -task",
        ),
        // D7, N44
        (
            &["-yes", "-group=", "web"],
            r#"Invalid -group value "": name must not be empty"#,
        ),
        (
            &["-yes", "-task", "", "web"],
            r#"Invalid -task value "": name must not be empty"#,
        ),
        (
            &["-yes", "-started-before=yesterday", "web"],
            "Invalid -started-before value \"yesterday\": must be a time with its zone (RFC 3339), such as \
             2026-08-12T17:36:31Z or 2026-08-12T17:36:31-05:00",
        ),
        (
            &["-yes", "-progress=fancy", "web"],
            r#"Invalid -progress value "fancy": valid options are "auto", "plain" and "none""#,
        ),
    ] {
        refused(&served, args, message);
    }
}

/// Behaviour 1.5: the checks in their order, when several things are wrong.
#[test]
fn the_first_mistake_is_the_one_that_is_told() {
    let served = silent();
    let everything = [
        "-nope",
        "-batch-size=0",
        "-batch-wait=10",
        "-on-error=maybe",
        "-all-tasks",
        "-reschedule",
        "-task=app",
        "web",
        "api",
    ];
    let mut args = everything.to_vec();
    for (wrong, message) in [
        ("-nope", "flag provided but not defined: -nope"),
        ("api", "This command takes one argument: <job>"),
        (
            "-batch-size=0",
            r#"Invalid -batch-size value "0": number value must be greater than zero"#,
        ),
        (
            "-batch-wait=10",
            r#"Invalid -batch-wait value "10": time: missing unit in duration "10""#,
        ),
        (
            "-on-error=maybe",
            r#"Invalid -on-error value "maybe": valid options are "ask" and "fail""#,
        ),
        (
            "-all-tasks",
            "The -all-tasks option cannot be used with -task",
        ),
        (
            "-reschedule",
            "The -reschedule option cannot be used with -task",
        ),
    ] {
        if wrong == "-all-tasks" {
            args.push("-on-error=fail");
        }
        refused(&served, &args, message);
        args.retain(|arg| *arg != wrong);
    }
    accepted(&served, &args);
}

/// Behaviour 1.2.1, 1.2.5, 1.2.8, N42, N51: lines that are fine, also with options behind the job.
#[test]
fn lines_that_are_fine() {
    let served = silent();
    for args in [
        &["web", "-yes"][..],
        &["web", "--batch-size", "2", "--yes"],
        &["-yes", "--", "web"],
        &["-yes", "-batch-size=0", "-batch-size=2", "web"],
        &["-yes=false", "-yes", "web"],
        &["-yes", "-group=a", "-group", "a", "-group=b", "web"],
        &["-yes=T", "-verbose=1", "-no-color=TRUE", "web"],
        &["-yes", "-started-before=2026-08-12T17:36:31-05:00", "web"],
        &["-yes", "-insecure", "-tls-skip-verify=false", "web"],
        // N48
        &["-yes", "  web\n"],
    ] {
        accepted(&served, args);
    }
}

/// What is not text is refused, and a token never shown.
#[test]
fn arguments_that_are_no_text() {
    let served = silent();
    let raw = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    for (args, message) in [
        (
            vec![raw(b"-yes"), raw(b"we\xffb")],
            r#"job ID is not valid UTF-8: "we\xffb""#,
        ),
        (
            vec![raw(b"-token=s\xffcret"), raw(b"web")],
            "invalid value for flag -token: not valid UTF-8",
        ),
        (
            vec![raw(b"-token"), raw(b"s\xffcret"), raw(b"web")],
            "invalid value for flag -token: not valid UTF-8",
        ),
        (
            vec![raw(b"---token=s3cret"), raw(b"web")],
            "bad flag syntax: ---token=<redacted>",
        ),
    ] {
        let ran = served.program(&args).run().ended_with(1).printed_nothing();
        assert_eq!(ran.stderr, format!("{message}\n{HINT}"), "{args:?}");
    }
    assert_eq!(served.requests(), []);
}

/// Behaviour 1.7.1, 1.7.2, D16.
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
        "progress",
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

/// Behaviour 1.4.11, D8, D9: accepted, and not silently.
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

/// Behaviour 1.7.5, 1.8.2, D20: variables of Nomad's own command line that mean nothing here.
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
