//! Bad command lines, help and version: the exact text, on the right stream, with the right exit code, and nothing sent to Nomad.

mod help;
mod values;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::jobs::serving;
use crate::support::Served;

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

/// N51.
#[test]
fn flags_that_go_would_refuse() {
    // D25
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

/// T1, T2.
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

/// N42, N51: lines that are fine, also with options behind the job.
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
