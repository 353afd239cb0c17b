//! Go's flag grammar, rule by rule.

use clap::CommandFactory;

use super::*;
use crate::cli::options::Options;

fn os(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

/// What clap would get behind the program's name, or the error.
fn read(args: &[&str]) -> Result<Vec<String>, FlagError> {
    read_os(&os(args))
}

fn read_os(args: &[OsString]) -> Result<Vec<String>, FlagError> {
    let flags = Flags::of(&Options::command());
    flags.read(args).map(|words| {
        for_clap(&words)
            .into_iter()
            .skip(1)
            .map(|arg| arg.into_string().unwrap())
            .collect()
    })
}

#[track_caller]
fn usage_error(args: &[&str], message: &str) {
    assert_eq!(
        read(args),
        Err(FlagError::Usage(message.to_owned())),
        "{args:?}"
    );
}

#[test]
fn forms_of_a_flag() {
    for (args, expected) in [
        // 1.2.1 and 1.2.2
        (
            &["-yes", "web"] as &[_],
            &["--yes=true", "--", "web"] as &[_],
        ),
        (&["--yes", "web"], &["--yes=true", "--", "web"]),
        (
            &["-group=a", "--group=b"],
            &["--group=a", "--group=b", "--"],
        ),
        (
            &["-group", "a", "--group", "b"],
            &["--group=a", "--group=b", "--"],
        ),
        (
            &["-batch-size", "-yes", "web"],
            &["--batch-size=-yes", "--", "web"],
        ),
        (&["-group", "--", "web"], &["--group=--", "--", "web"]),
        // 1.2.3
        (&["-group=", "web"], &["--group=", "--", "web"]),
        (&["-group", "", "web"], &["--group=", "--", "web"]),
        (&["-group==5"], &["--group==5", "--"]),
        (&["-group=a=b"], &["--group=a=b", "--"]),
        // 1.2.4
        (
            &["-yes=1", "-exact=t"],
            &["--yes=true", "--exact=true", "--"],
        ),
        (
            &["-yes=T", "-exact=TRUE", "-verbose=True"],
            &["--yes=true", "--exact=true", "--verbose=true", "--"],
        ),
        (
            &["-yes=0", "-exact=f", "-verbose=F"],
            &["--yes=false", "--exact=false", "--verbose=false", "--"],
        ),
        (
            &["-yes=FALSE", "-exact=false", "-verbose=False"],
            &["--yes=false", "--exact=false", "--verbose=false", "--"],
        ),
        (
            &["-yes", "false", "web"],
            &["--yes=true", "--", "false", "web"],
        ),
        // 1.2.5 and, beyond it, options after the job (N51)
        (&["-", "web"], &["--", "-", "web"]),
        (&["--", "-yes", "web"], &["--", "-yes", "web"]),
        (&["web", "-yes"], &["--yes=true", "--", "web"]),
        (
            &["web", "-group", "a", "--", "-yes", "--"],
            &["--group=a", "--", "web", "-yes", "--"],
        ),
        // 1.2.6
        (&["", "-yes"], &["--yes=true", "--", ""]),
        // 1.3.11: an alias of the same switch
        (
            &["-insecure", "-tls-skip-verify=false"],
            &["--tls-skip-verify=true", "--tls-skip-verify=false", "--"],
        ),
    ] {
        assert_eq!(
            read(args).as_deref(),
            Ok(expected
                .iter()
                .map(|arg| String::from(*arg))
                .collect::<Vec<_>>()
                .as_slice()),
            "{args:?}"
        );
    }
}

// 1.2.9, N51
#[test]
fn error_texts() {
    for arg in ["-nope", "--nope", "-nope=3", "--nope=3"] {
        usage_error(&[arg, "web"], "flag provided but not defined: -nope");
    }
    usage_error(&["web", "-nope"], "flag provided but not defined: -nope");
    // 1.2.7
    usage_error(&["-y"], "flag provided but not defined: -y");
    usage_error(&["-Yes"], "flag provided but not defined: -Yes");
    usage_error(
        &["-batch-siz=2"],
        "flag provided but not defined: -batch-siz",
    );
    // The version has these forms only.
    usage_error(&["--v"], "flag provided but not defined: -v");
    usage_error(&["-version=1"], "flag provided but not defined: -version");
    // Options that a later release has.
    usage_error(
        &["-dry-runs", "web"],
        "flag provided but not defined: -dry-runs",
    );

    usage_error(&["-batch-size"], "flag needs an argument: -batch-size");
    usage_error(&["web", "--group"], "flag needs an argument: -group");

    usage_error(
        &["-yes=nope"],
        r#"invalid boolean value "nope" for -yes: parse error"#,
    );
    usage_error(
        &["--yes="],
        r#"invalid boolean value "" for -yes: parse error"#,
    );
    usage_error(
        &["-yes=tRUE"],
        r#"invalid boolean value "tRUE" for -yes: parse error"#,
    );
    usage_error(
        &["-insecure=a\"b"],
        r#"invalid boolean value "a\"b" for -insecure: parse error"#,
    );

    for arg in ["---x", "-=x", "--=x", "-=", "---", "---yes"] {
        usage_error(&[arg], &format!("bad flag syntax: {arg}"));
    }
    // The first error ends the reading.
    usage_error(
        &["-yes=x", "-nope", "---x"],
        r#"invalid boolean value "x" for -yes: parse error"#,
    );
}

#[test]
fn a_token_is_not_shown() {
    usage_error(&["---token=s3cr3t"], "bad flag syntax: ---token=<redacted>");
    usage_error(&["--tokem=s3cr3t"], "flag provided but not defined: -tokem");
}

// 1.7.1 as D16 has it: only in the place of a flag; 1.7.2.
#[test]
fn help_and_version() {
    let help = |exit| Err(FlagError::Help { exit });
    for args in [
        &["-h"] as &[_],
        &["-help"],
        &["--help", "web"],
        &["web", "-h"],
        &["-batch-size", "2", "-h", "web"],
        // Whatever else is wrong.
        &["-nope", "-help"],
        &["---x", "-yes=x", "-help"],
    ] {
        assert_eq!(read(args), help(0), "{args:?}");
    }
    for args in [
        &["--h"] as &[_],
        &["-h=1"],
        &["-help=x"],
        &["--help=1", "web"],
        &["--help="],
    ] {
        assert_eq!(read(args), help(1), "{args:?}");
    }
    for arg in ["-v", "-version", "--version"] {
        assert_eq!(read(&[arg]), Err(FlagError::Version));
        assert_eq!(read(&["-yes", arg, "-h"]), Err(FlagError::Version));
    }
    // A value or a positional is none.
    assert_eq!(
        read(&["-group", "-h", "web"]),
        Ok(vec!["--group=-h".into(), "--".into(), "web".into()])
    );
    assert_eq!(
        read(&["-group", "-version"]),
        Ok(vec!["--group=-version".into(), "--".into()])
    );
    assert_eq!(read(&["--", "-h"]), Ok(vec!["--".into(), "-h".into()]));
    assert_eq!(read(&["-group", "--", "-h"]), help(0));
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf8() {
    use std::os::unix::ffi::OsStringExt;

    let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    for (args, message) in [
        (
            vec![os(b"web\xff")],
            r#"job ID is not valid UTF-8: "web\xff""#,
        ),
        (
            vec![os(b"--"), os(b"-web\xff")],
            r#"job ID is not valid UTF-8: "-web\xff""#,
        ),
        (
            vec![os(b"-group=\xffa")],
            "invalid value for flag -group: not valid UTF-8",
        ),
        (
            vec![os(b"-token"), os(b"s3cr3t\xff")],
            "invalid value for flag -token: not valid UTF-8",
        ),
        (
            vec![os(b"-\xffx=y")],
            r#"flag name is not valid UTF-8: "-\xffx""#,
        ),
    ] {
        assert_eq!(read_os(&args), Err(FlagError::Usage(message.to_owned())));
    }
    assert_eq!(
        read_os(&[os(b"a\xff"), os(b"-h")]),
        Err(FlagError::Help { exit: 0 })
    );
}
