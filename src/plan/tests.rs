//! Validation: every check of `nomad job restart` that is kept, with its text, and what is checked beyond them.

use super::*;
use crate::cli::quote::quote;
use crate::cli::{self, Request};
use crate::env::Env;

mod beyond;
mod values;

const HINT: &str = "For additional help try 'nomad-restart -help'";

fn request(args: &[&str], interactive: bool) -> Request {
    let args = ["nomad-restart"].iter().chain(args);
    let args: Vec<_> = args.map(std::ffi::OsString::from).collect();
    cli::parse(&args, &Env::default(), interactive)
}

/// The plan and the warnings on a terminal.
#[track_caller]
fn planned(args: &[&str]) -> (RestartPlan, Vec<String>) {
    match request(args, true) {
        Request::Run(invocation) => (invocation.plan, invocation.warnings),
        Request::Usage { message, .. } => panic!("{args:?}: {message}"),
        _ => panic!("{args:?}"),
    }
}

#[track_caller]
fn plan(args: &[&str]) -> RestartPlan {
    planned(args).0
}

#[track_caller]
fn refused_at(args: &[&str], interactive: bool) -> (String, Vec<String>) {
    match request(args, interactive) {
        Request::Usage { message, mut hints } => {
            assert_eq!(hints.pop().as_deref(), Some(HINT));
            (message, hints)
        }
        _ => panic!("{args:?} is accepted"),
    }
}

/// The message on a terminal; there is no hint but the general one.
#[track_caller]
fn refused(args: &[&str]) -> String {
    let (message, hints) = refused_at(args, true);
    assert_eq!(hints, [""; 0], "{args:?}");
    message
}

#[test]
fn defaults() {
    assert_eq!(
        plan(&["example"]),
        RestartPlan {
            job: "example".into(),
            exact: false,
            action: Action::InPlace(Tasks::Running),
            groups: vec![],
            batch: BatchSize::Count(1),
            mode: BatchMode::Lockstep,
            pause: Pause::Fixed(Duration::ZERO),
            on_error: OnError::Ask,
            max_failures: None,
            on_deployment: OnDeployment::Fail,
            yes: false,
            timeout: Timeout::FromJob,
            wait: WaitFor::Running,
            started_before: None,
            older_than: None,
            dry_run: false,
            verbose: false,
            progress: Progress::Auto,
            json: false,
            report: None,
            detailed_exitcode: false,
            max_connections: 50,
        }
    );
}

#[test]
fn everything_at_once() {
    let args = "-group=web -group api -reschedule -no-shutdown-delay -batch-size=50% -batch-mode=window -batch-wait=1m -on-error=fail -yes \
                -timeout=10m -started-before=2026-08-12T17:36:31-05:00 -older-than=7d -exact \
                -on-deployment=wait -dry-run -detailed-exitcode -verbose -progress=plain -report=run.json -max-connections=4 example";
    assert_eq!(
        plan(&args.split_whitespace().collect::<Vec<_>>()),
        RestartPlan {
            job: "example".into(),
            exact: true,
            action: Action::Reschedule {
                no_shutdown_delay: true
            },
            groups: vec!["web".into(), "api".into()],
            batch: BatchSize::Percent(50),
            mode: BatchMode::Window,
            pause: Pause::Fixed(Duration::from_secs(60)),
            on_error: OnError::Fail,
            max_failures: None,
            on_deployment: OnDeployment::Wait,
            yes: true,
            timeout: Timeout::After(Duration::from_secs(600)),
            wait: WaitFor::Running,
            started_before: Some("2026-08-12T22:36:31Z".parse().unwrap()),
            older_than: Some(Duration::from_secs(7 * 86_400)),
            dry_run: true,
            verbose: true,
            progress: Progress::Plain,
            json: false,
            report: Some("run.json".into()),
            detailed_exitcode: true,
            max_connections: 4,
        }
    );
}

// T1, T2, N51; 1.5.2
#[test]
fn one_job() {
    let text = "This command takes one argument: <job>";
    assert_eq!(refused(&[]), text);
    assert_eq!(refused(&["a", "b", "c"]), text);
    assert_eq!(refused(&["-yes", "--", "a", "-yes"]), text);
    assert_eq!(refused(&["-", "web"]), text);
    // D15: a value that a switch does not take.
    assert_eq!(
        refused_at(&["-yes", "false", "web"], true),
        (
            text.into(),
            vec!["A switch takes a value only after an equals sign, as in -yes=false".into()]
        )
    );
    assert!(!plan(&["-yes=false", "web"]).yes);
    assert!(plan(&["web", "-yes"]).yes);
}

// N46, N47 (D2), N48; 1.5.3
#[test]
fn the_job_id() {
    for id in [
        "team/web",
        "日本_語",
        "a b",
        "x%2Fy",
        "a+b",
        "web?x#y",
        "..",
        "x/versions",
        "-",
    ] {
        assert_eq!(plan(&[id]).job, id);
    }
    assert_eq!(plan(&["--", "-no-color"]).job, "-no-color");
    assert_eq!(plan(&[" \u{a0}web\t\n"]).job, "web");
    for blank in ["", " ", "\u{3000}\n"] {
        assert_eq!(refused(&[blank]), "The job ID must not be empty");
    }
}

// T4, T5, T20, T21; 1.5.11 and 1.5.12
#[test]
fn task_conflicts() {
    assert_eq!(
        plan(&["-all-tasks", "web"]).action,
        Action::InPlace(Tasks::All)
    );
    assert_eq!(
        refused(&["-all-tasks", "-task=x", "web"]),
        "The -all-tasks option cannot be used with -task"
    );
    assert_eq!(
        plan(&["-reschedule", "web"]).action,
        Action::Reschedule {
            no_shutdown_delay: false
        }
    );
    assert_eq!(
        refused(&["-reschedule", "-task", "x", "web"]),
        "The -reschedule option cannot be used with -task"
    );
    assert_eq!(
        plan(&["-all-tasks=false", "-task=x", "web"]).action,
        Action::InPlace(Tasks::Named(vec!["x".into()]))
    );
}

// T3, N42, N43, N44 (D7)
#[test]
fn groups_and_tasks() {
    let two = plan(&["-task=a", "-group=c", "-task=b", "-group=d", "web"]);
    assert_eq!(
        two.action,
        Action::InPlace(Tasks::Named(vec!["a".into(), "b".into()]))
    );
    assert_eq!(two.groups, ["c", "d"]);
    assert_eq!(two.batch, BatchSize::Count(1));

    assert_eq!(
        plan(&["-group", "b", "-group=a", "-group=b", "web"]).groups,
        ["b", "a"]
    );
    assert_eq!(plan(&["-group", "a,b", "web"]).groups, ["a,b"]);
    assert_eq!(
        refused(&["-group=", "web"]),
        r#"Invalid -group value "": name must not be empty"#
    );
    assert_eq!(
        refused(&["-task=a", "-task=", "web"]),
        r#"Invalid -task value "": name must not be empty"#
    );
}

// T19, T22, D8, D9
#[test]
fn options_without_effect_are_said() {
    let (plan, warnings) = planned(&["-no-shutdown-delay", "web"]);
    assert_eq!(plan.action, Action::InPlace(Tasks::Running));
    assert_eq!(
        warnings,
        [
            "-no-shutdown-delay has no effect without -reschedule: Nomad always keeps to shutdown_delay when it restarts tasks in place"
        ]
    );
    let (plan, warnings) = planned(&["-all-tasks", "-reschedule", "-no-shutdown-delay", "web"]);
    assert_eq!(
        plan.action,
        Action::Reschedule {
            no_shutdown_delay: true
        }
    );
    assert_eq!(
        warnings,
        ["-all-tasks has no effect with -reschedule: a replacement starts all its tasks"]
    );
    let (_, warnings) = planned(&["-min-healthy-time=5s", "web"]);
    assert_eq!(
        warnings,
        ["-min-healthy-time has no effect without -wait=healthy"]
    );
    let (plan, warnings) = planned(&["-verbose", "web"]);
    assert!(plan.verbose && warnings.is_empty());
}

// 1.2.8
#[test]
fn the_last_one_wins() {
    let last = plan(&[
        "-yes",
        "-batch-size=x",
        "-yes=false",
        "-batch-size=3",
        "-exact=false",
        "-exact",
        "web",
    ]);
    assert_eq!(
        (last.yes, last.batch, last.exact),
        (false, BatchSize::Count(3), true)
    );
}

// The order of 1.5: of all that is wrong, the first check speaks.
#[test]
fn checks_come_in_order() {
    let mut args = vec![
        "-nope",
        "-progress=x",
        "-started-before=x",
        "-timeout=x",
        "-task=",
        "-group=",
        "-reschedule",
        "-all-tasks",
        "-on-error=x",
        "-batch-wait=x",
        "-batch-size=x",
        " ",
        "",
    ];
    for (message, cured) in [
        ("flag provided but not defined: -nope", "-nope"),
        ("This command takes one argument: <job>", ""),
        ("The job ID must not be empty", " "),
        (r#"Invalid -batch-size value "x""#, "-batch-size=x"),
        (r#"Invalid -batch-wait value "x""#, "-batch-wait=x"),
        (r#"Invalid -on-error value "x""#, "-on-error=x"),
        ("The -all-tasks option cannot", "-all-tasks"),
        ("The -reschedule option cannot", "-reschedule"),
        (r#"Invalid -group value """#, "-group="),
        (r#"Invalid -task value """#, "-task="),
        (r#"Invalid -timeout value "x""#, "-timeout=x"),
        (r#"Invalid -started-before value "x""#, "-started-before=x"),
        (r#"Invalid -progress value "x""#, "-progress=x"),
    ] {
        let said = refused(&args);
        assert!(said.starts_with(message), "{said} instead of {message}");
        args.retain(|arg| *arg != cured);
        if cured == " " {
            args.push("web");
        }
    }
    plan(&args);
}
