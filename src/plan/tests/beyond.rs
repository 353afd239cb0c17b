//! The options that Nomad's own command does not have: what is read, and what is wrong with the rest, with its text.

use std::path::Path;

use chrono::TimeDelta;

use super::*;

#[test]
fn values_that_are_read() {
    let week = Some(Duration::from_secs(7 * 86_400));
    for (value, expected) in [
        ("7d", week),
        ("168h", week),
        ("1 week", week),
        ("0", Some(Duration::ZERO)),
    ] {
        assert_eq!(plan(&["-older-than", value, "web"]).older_than, expected);
    }
    for (value, expected) in [
        ("0", MaxFailures::Count(0)),
        ("3", MaxFailures::Count(3)),
        ("10%", MaxFailures::Percent(10)),
        ("0%", MaxFailures::Percent(0)),
        ("250%", MaxFailures::Percent(250)),
    ] {
        let plan = plan(&["-max-failures", value, "web"]);
        assert_eq!(plan.max_failures, Some(expected));
    }
    for (args, expected) in [
        (&["-wait=running"][..], WaitFor::Running),
        (&["-wait=HEALTHY"], WaitFor::Healthy { steady: None }),
        (
            &["-wait=healthy", "-min-healthy-time=30s"],
            WaitFor::Healthy {
                steady: Some(Duration::from_secs(30)),
            },
        ),
        (
            &["-wait=healthy", "-min-healthy-time=0"],
            WaitFor::Healthy {
                steady: Some(Duration::ZERO),
            },
        ),
    ] {
        let args: Vec<_> = args.iter().copied().chain(["web"]).collect();
        assert_eq!(plan(&args).wait, expected);
    }
    for (value, expected) in [
        ("fail", OnDeployment::Fail),
        ("wait", OnDeployment::Wait),
        ("WAIT", OnDeployment::Wait),
    ] {
        assert_eq!(
            plan(&["-on-deployment", value, "web"]).on_deployment,
            expected
        );
    }
}

#[test]
fn batch_modes() {
    for (args, expected) in [
        (&["web"][..], BatchMode::Lockstep),
        (&["-batch-mode=lockstep", "web"], BatchMode::Lockstep),
        (&["-batch-mode", "LockStep", "web"], BatchMode::Lockstep),
        (&["--batch-mode=window", "web"], BatchMode::Window),
        (&["web", "-batch-mode=WINDOW"], BatchMode::Window),
        (
            &["-batch-mode=window", "-batch-mode=lockstep", "web"],
            BatchMode::Lockstep,
        ),
        (
            &["-batch-mode=lockstep", "-batch-wait=ask", "web"],
            BatchMode::Lockstep,
        ),
        (
            &["-batch-mode=window", "-batch-wait=10s", "web"],
            BatchMode::Window,
        ),
    ] {
        assert_eq!(plan(args).mode, expected, "{args:?}");
    }
    for value in ["", "sliding", "window ", "lock-step"] {
        assert_eq!(
            refused(&["-batch-mode", value, "web"]),
            format!(
                r#"Invalid -batch-mode value {}: valid options are "lockstep" and "window""#,
                quote(value)
            )
        );
    }
}

#[test]
fn a_window_has_no_batches_to_ask_between() {
    for more in [&[][..], &["-yes"], &["-dry-run"]] {
        for ask in ["-batch-wait=ask", "-batch-wait=ASK"] {
            let args: Vec<_> = [ask, "-batch-mode=window"]
                .into_iter()
                .chain(more.iter().copied())
                .chain(["web"])
                .collect();
            assert_eq!(
                refused_at(&args, true),
                (
                    "The -batch-mode=window option cannot be used with -batch-wait=ask".into(),
                    vec![
                        "A window has no moment between two batches to ask at: give -batch-wait a duration, or leave -batch-mode=window out"
                            .into()
                    ]
                ),
                "{args:?}"
            );
        }
    }
}

#[test]
fn values_that_are_none() {
    let amount = "maximum of failures must be an integer or a percentage";
    let time = "must be a time with its zone (RFC 3339), such as 2026-08-12T17:36:31Z or 2026-08-12T17:36:31-05:00";
    let table = [
        ("older-than", "10", r#"time: missing unit in duration "10""#),
        ("older-than", "", r#"time: invalid duration """#),
        (
            "older-than",
            "1M",
            r#"time: unknown unit "M" in duration "1M""#,
        ),
        ("older-than", "-1h", "duration must not be negative"),
        (
            "older-than",
            "2026-08-12T17:36:31Z",
            r#"time: unknown unit "-" in duration "2026-08-12T17:36:31Z""#,
        ),
        ("max-failures", "", amount),
        ("max-failures", "some", amount),
        ("max-failures", "-1", amount),
        ("max-failures", "1.5", amount),
        ("max-failures", "%", amount),
        ("max-failures", "10%%", amount),
        (
            "max-failures",
            "9223372036854775808",
            r#"strconv.Atoi: parsing "9223372036854775808": value out of range"#,
        ),
        ("wait", "", r#"valid options are "running" and "healthy""#),
        (
            "wait",
            "complete",
            r#"valid options are "running" and "healthy""#,
        ),
        ("min-healthy-time", "", r#"time: invalid duration """#),
        (
            "min-healthy-time",
            "10",
            r#"time: missing unit in duration "10""#,
        ),
        ("min-healthy-time", "-1s", "duration must not be negative"),
        (
            "on-deployment",
            "",
            r#"valid options are "fail" and "wait""#,
        ),
        ("report", "", "must be the path of a file"),
        ("report", "/", "must be the path of a file"),
        ("report", "runs/", "must be the path of a file"),
        ("report", "runs/..", "must be the path of a file"),
        (
            "report",
            "-",
            "must be the path of a file; -json prints the summary on standard output",
        ),
        (
            "on-deployment",
            "ask",
            r#"valid options are "fail" and "wait""#,
        ),
        (
            "batch-mode",
            "",
            r#"valid options are "lockstep" and "window""#,
        ),
        (
            "batch-mode",
            "sliding",
            r#"valid options are "lockstep" and "window""#,
        ),
        ("timeout", "", r#"time: invalid duration """#),
        ("timeout", "10", r#"time: missing unit in duration "10""#),
        ("timeout", "-1s", "duration must not be negative"),
        ("started-before", "", time),
        ("started-before", "yesterday", time),
        ("started-before", "2026-08-12T17:36:31", time),
        ("started-before", "2026-08-12", time),
        (
            "progress",
            "",
            r#"valid options are "auto", "plain" and "none""#,
        ),
        (
            "progress",
            "fancy",
            r#"valid options are "auto", "plain" and "none""#,
        ),
        ("max-connections", "3", "must be at least 4"),
        ("max-connections", "0", "must be at least 4"),
        (
            "generate",
            "csh",
            r#"valid options are "bash", "zsh", "fish" and "man""#,
        ),
    ];
    for (option, value, why) in table {
        assert_eq!(
            refused(&[&format!("-{option}"), value, "web"]),
            format!("Invalid -{option} value {}: {why}", quote(value))
        );
    }
    let switches = ["dry-run", "detailed-exitcode", "json", "exact"];
    for option in switches {
        assert_eq!(
            refused(&[&format!("-{option}=maybe"), "web"]),
            format!(r#"invalid boolean value "maybe" for -{option}: parse error"#)
        );
    }
    // None is forgotten.
    let mut tried: Vec<_> = table.iter().map(|(option, ..)| *option).collect();
    tried.extend(switches);
    let (_, list) = include_str!("../../../README.md")
        .split_once("\nNew: ")
        .unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let options: Vec<_> = list.split('`').skip(1).step_by(2).collect();
    assert!(options.len() > 10, "{options:?}");
    for option in options {
        assert!(tried.contains(&&option[1..]), "{option}");
    }
    assert_eq!(
        refused_at(&["-max-failures=1", "-on-error=FAIL", "web"], true),
        (
            "The -max-failures option cannot be used with -on-error=fail".into(),
            vec![
                "-on-error=fail stops after any error: leave it out to go on up to a number of failures"
                    .into()
            ]
        )
    );
}

#[test]
fn a_dry_run_needs_no_terminal() {
    for args in [
        &["-dry-run", "web"][..],
        &["-dry-run", "-batch-wait=ask", "-on-error=ask", "web"],
    ] {
        assert!(matches!(request(args, false), Request::Run(_)), "{args:?}");
    }
    // Counting failures does not spare one.
    let (message, _) = refused_at(&["-max-failures=1", "web"], false);
    assert!(
        message.starts_with(r#"Invalid -on-error value "ask""#),
        "{message}"
    );
}

#[test]
fn json_asks_nothing() {
    let why = r#""ask" cannot be used with -json, which asks nothing"#;
    // At a terminal too.
    for interactive in [true, false] {
        for (args, option, hint) in [
            (
                &["-json", "web"][..],
                "on-error",
                "With -json, use -on-error=fail to stop after any error, or -yes to go on without questions",
            ),
            (
                &["-json", "-batch-wait=ask", "-on-error=fail", "web"],
                "batch-wait",
                "With -json, give -batch-wait a duration and add -on-error=fail or -yes",
            ),
        ] {
            let (message, hints) = refused_at(args, interactive);
            assert_eq!(message, format!(r#"Invalid -{option} value "ask": {why}"#));
            assert_eq!(hints, [hint]);
        }
    }
    for args in [
        &["-json", "-yes", "web"][..],
        &["-json", "-on-error=fail", "web"],
        &["-json", "-dry-run", "web"],
    ] {
        let plan = plan(args);
        assert!(plan.json && plan.verbose, "{args:?}");
    }
    let plan = plan(&["-report=runs/web.json", "web"]);
    assert_eq!(plan.report.as_deref(), Some(Path::new("runs/web.json")));
    assert!(!plan.json && !plan.verbose);
}

#[test]
fn of_two_ages_the_older_one_holds() {
    let now: DateTime<Utc> = "2026-08-12T12:00:00Z".parse().unwrap();
    for (args, hours) in [
        (&["-older-than=2h"][..], Some(2)),
        (&["-older-than=0"], Some(0)),
        (&["-started-before=2026-08-12T09:00:00Z"], Some(3)),
        (
            &["-started-before=2026-08-12T09:00:00Z", "-older-than=2h"],
            Some(3),
        ),
        (
            &["-started-before=2026-08-12T11:00:00Z", "-older-than=2h"],
            Some(2),
        ),
        (&[], None),
    ] {
        let args: Vec<_> = args.iter().copied().chain(["web"]).collect();
        let mut plan = plan(&args);
        plan.count_back_from(now);
        let expected = hours.map(|hours| now - TimeDelta::hours(hours));
        assert_eq!(plan.started_before, expected, "{args:?}");
        // Once is enough: a later moment changes nothing.
        plan.count_back_from(now + TimeDelta::hours(1));
        assert_eq!(plan.started_before, expected, "{args:?}");
    }
    // Older than anything that has a time.
    let mut plan = plan(&["-older-than=2562047h", "web"]);
    plan.older_than = Some(Duration::MAX);
    plan.count_back_from(now);
    assert_eq!(plan.started_before, Some(DateTime::<Utc>::MIN_UTC));
}
