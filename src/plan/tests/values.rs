//! The values of options: what is read, and what is wrong with the rest, with its text.

use super::*;

const NOT_INTERACTIVE: &str = r#""ask" cannot be used when terminal is not interactive"#;

// T6, T7, N49
#[test]
fn batch_sizes() {
    for (value, expected) in [
        ("10", BatchSize::Count(10)),
        ("007", BatchSize::Count(7)),
        (
            "9223372036854775807",
            BatchSize::Count(9_223_372_036_854_775_807),
        ),
        ("10%", BatchSize::Percent(10)),
        ("100%", BatchSize::Percent(100)),
        // D13: above 100 is all; the number stays what was typed.
        ("1000%", BatchSize::Percent(1000)),
        (
            "9223372036854775807%",
            BatchSize::Percent(9_223_372_036_854_775_807),
        ),
    ] {
        assert_eq!(plan(&["-batch-size", value, "web"]).batch, expected);
    }
}

// T8–T13, N49; 1.5.4–1.5.6
#[test]
fn batch_sizes_that_are_none() {
    for value in [
        "not-valid",
        "1.5",
        "1.5%",
        "15%10%",
        "",
        "%",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1_000",
        "1\n",
        "10%%",
        "10% ",
        "٣",
        "-yes",
    ] {
        assert_eq!(
            refused(&["-batch-size", value, "web"]),
            format!(
                "Invalid -batch-size value {}: batch size must be an integer or a percentage",
                quote(value)
            )
        );
    }
    assert_eq!(
        refused(&["-batch-size=1.5", "web"]),
        r#"Invalid -batch-size value "1.5": batch size must be an integer or a percentage"#
    );
    for (value, digits) in [
        ("99999999999999999999", "99999999999999999999"),
        ("9223372036854775808%", "9223372036854775808"),
    ] {
        assert_eq!(
            refused(&["-batch-size", value, "web"]),
            format!(
                r#"Invalid -batch-size value "{value}": strconv.Atoi: parsing "{digits}": value out of range"#
            )
        );
    }
    for value in ["0", "0%", "00", "000%"] {
        assert_eq!(
            refused(&["-batch-size", value, "web"]),
            format!(
                r#"Invalid -batch-size value "{value}": number value must be greater than zero"#
            )
        );
    }
}

// T15, T16, N50; 1.5.8
#[test]
fn batch_waits() {
    for (value, seconds) in [
        ("10s", 10),
        ("0", 0),
        ("-0", 0),
        ("1m1m", 120),
        ("1d", 86_400),
        ("1h 30m", 5400),
    ] {
        assert_eq!(
            plan(&["-batch-wait", value, "web"]).pause,
            Pause::Fixed(Duration::from_secs(seconds))
        );
    }
    for (value, why) in [
        ("10", r#"time: missing unit in duration "10""#),
        ("", r#"time: invalid duration """#),
        ("1M", r#"time: unknown unit "M" in duration "1M""#),
        // D12
        ("-5s", "duration must not be negative"),
    ] {
        assert_eq!(
            refused(&["-batch-wait", value, "web"]),
            format!(r#"Invalid -batch-wait value "{value}": {why}"#)
        );
    }
    // The two ways of quoting.
    assert_eq!(
        refused(&["-batch-wait=é", "web"]),
        r#"Invalid -batch-wait value "é": time: invalid duration "\xc3\xa9""#
    );
}

// T14, N54, D10; 1.5.7 and 1.5.9
#[test]
fn ask_needs_a_terminal_or_yes() {
    for ask in ["ask", "ASK", "Ask"] {
        let wait = &["-batch-wait", ask, "-on-error=fail", "web"] as &[_];
        assert_eq!(plan(wait).pause, Pause::Ask);
        let (message, hints) = refused_at(wait, false);
        assert_eq!(
            message,
            format!(r#"Invalid -batch-wait value "ask": {NOT_INTERACTIVE}"#)
        );
        assert_eq!(
            hints,
            ["Without a terminal, give -batch-wait a duration and add -on-error=fail or -yes"]
        );

        // D11: in any case.
        let error = &["-on-error", ask, "web"] as &[_];
        assert_eq!(plan(error).on_error, OnError::Ask);
        for args in [error, &["web"]] {
            let (message, hints) = refused_at(args, false);
            assert_eq!(
                message,
                format!(r#"Invalid -on-error value "ask": {NOT_INTERACTIVE}"#)
            );
            assert_eq!(
                hints,
                [
                    "Without a terminal, use -on-error=fail to stop after any error, or -yes to go on without questions"
                ]
            );
        }

        // T34
        let Request::Run(run) = request(
            &["-yes", "-batch-wait", ask, "-on-error", ask, "web"],
            false,
        ) else {
            panic!("refused");
        };
        assert_eq!(
            (run.plan.pause, run.plan.on_error, run.plan.yes),
            (Pause::Ask, OnError::Ask, true)
        );
    }
    // T17
    assert!(matches!(
        request(&["-on-error", "fail", "web"], false),
        Request::Run(_)
    ));
}

// T18; 1.5.10
#[test]
fn on_error_values() {
    assert_eq!(plan(&["-on-error=FAIL", "web"]).on_error, OnError::Fail);
    for value in ["maybe", "invalid", ""] {
        assert_eq!(
            refused(&["-on-error", value, "web"]),
            format!(r#"Invalid -on-error value "{value}": valid options are "ask" and "fail""#)
        );
    }
}

#[test]
fn timeouts() {
    for (value, expected) in [
        ("0", Timeout::Never),
        ("0s", Timeout::Never),
        ("10m", Timeout::After(Duration::from_secs(600))),
        ("1d", Timeout::After(Duration::from_secs(86_400))),
    ] {
        assert_eq!(plan(&["-timeout", value, "web"]).timeout, expected);
    }
    for (value, why) in [
        ("10", r#"time: missing unit in duration "10""#),
        ("", r#"time: invalid duration """#),
        ("-1s", "duration must not be negative"),
    ] {
        assert_eq!(
            refused(&["-timeout", value, "web"]),
            format!(r#"Invalid -timeout value "{value}": {why}"#)
        );
    }
}

#[test]
fn start_times() {
    for value in [
        "2026-08-12T22:36:31Z",
        "2026-08-12T17:36:31-05:00",
        "2026-08-12T22:36:31.000+00:00",
    ] {
        assert_eq!(
            plan(&["-started-before", value, "web"]).started_before,
            Some("2026-08-12T22:36:31Z".parse().unwrap())
        );
    }
    for value in [
        "",
        "yesterday",
        "2026-08-12",
        "2026-08-12T17:36:31",
        "2026-13-12T17:36:31Z",
        "1h",
    ] {
        assert_eq!(
            refused(&["-started-before", value, "web"]),
            format!(
                "Invalid -started-before value \"{value}\": must be a time with its zone (RFC 3339), such as \
                 2026-08-12T17:36:31Z or 2026-08-12T17:36:31-05:00"
            )
        );
    }
}

#[test]
fn progress_values() {
    for (value, expected) in [
        ("auto", Progress::Auto),
        ("plain", Progress::Plain),
        ("NONE", Progress::None),
    ] {
        assert_eq!(plan(&["-progress", value, "web"]).progress, expected);
    }
    assert_eq!(
        refused(&["-progress=bar", "web"]),
        r#"Invalid -progress value "bar": valid options are "auto", "plain" and "none""#
    );
}

#[test]
fn budgets_of_connections() {
    for (value, expected) in [("4", 4), ("010", 10), ("100", 100), ("65535", 65_535)] {
        assert_eq!(
            plan(&["-max-connections", value, "web"]).max_connections,
            expected
        );
    }
    for (value, why) in [
        ("3", "must be at least 4"),
        ("0", "must be at least 4"),
        ("65536", "must be at most 65535"),
        ("99999999999999999999", "must be at most 65535"),
        ("", "must be a whole number"),
        ("-4", "must be a whole number"),
        ("+4", "must be a whole number"),
        ("4.5", "must be a whole number"),
        ("50%", "must be a whole number"),
    ] {
        assert_eq!(
            refused(&["-max-connections", value, "web"]),
            format!(r#"Invalid -max-connections value "{value}": {why}"#)
        );
    }
}
