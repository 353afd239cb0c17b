//! Options with values that are none, and options that do not go together.

use super::{accepted, refused, silent};
use crate::support::Program;

/// T8 to T13, D13.
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

/// T15, T16, N50, D12.
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

/// N54, T14, D10: nobody can be asked, so nothing may be left to ask.
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

/// N54
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

/// T5, T18, T21, and what the peer does not check.
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
        (
            &["-yes", "-max-connections=3", "web"],
            r#"Invalid -max-connections value "3": must be at least 4"#,
        ),
    ] {
        refused(&served, args, message);
    }
}

/// The checks in their order, when several things are wrong.
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
