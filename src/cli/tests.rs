//! The command line as a whole: colours, connection options, texts of requests, and that no argv panics.

use chrono::DateTime;
use proptest::prelude::*;

use super::*;

fn parsed(args: &[&str], env: &[(&str, &str)]) -> Request {
    let args = ["nomad-restart"].iter().chain(args);
    let args: Vec<_> = args.map(OsString::from).collect();
    parse(&args, &Env::from_pairs(env.iter().copied()), true)
}

fn run(args: &[&str], env: &[(&str, &str)]) -> Invocation {
    match parsed(args, env) {
        Request::Run(invocation) => *invocation,
        Request::Usage { message, .. } => panic!("{args:?}: {message}"),
        _ => panic!("{args:?}"),
    }
}

// D25: message and hint, not the help.
#[test]
fn a_flag_error_has_the_hint() {
    let Request::Usage { message, hints } = parsed(&["-nope", "web"], &[]) else {
        panic!("accepted");
    };
    assert_eq!(message, "flag provided but not defined: -nope");
    assert_eq!(hints, ["For additional help try 'nomad-restart -help'"]);
}

#[test]
fn help_and_version_have_their_texts() {
    for (arg, code) in [("-h", 0), ("-help=x", 1)] {
        let Request::Help { text, exit } = parsed(&[arg], &[]) else {
            panic!("no help");
        };
        assert_eq!(exit, code);
        assert!(text.starts_with("Usage: nomad-restart [options] <job>\n"));
    }
    let Request::Text(text) = parsed(&["-version"], &[]) else {
        panic!("no version");
    };
    assert_eq!(text, concat!("nomad-restart v", env!("CARGO_PKG_VERSION")));
}

#[test]
fn no_argument_at_all() {
    for args in [&[] as &[OsString], &["nomad-restart".into()]] {
        let Request::Usage { message, .. } = parse(args, &Env::default(), true) else {
            panic!("accepted");
        };
        assert_eq!(message, "This command takes one argument: <job>");
    }
}

// 1.3.1–1.3.11
#[test]
fn connection_options_arrive_as_typed() {
    let args = [
        "-address=unix:///a",
        "-region",
        "eu",
        "--namespace=*",
        "-token",
        "-secret",
        "-ca-cert=1",
        "-ca-path=2",
        "-client-cert=3",
        "-client-key=4",
        "-tls-server-name=5",
        "-insecure",
        "web",
    ];
    // Variables are for the client's configuration to read.
    let c = run(&args, &[("NOMAD_REGION", "us"), ("NOMAD_SKIP_VERIFY", "0")]).connection;
    let texts = [
        c.address,
        c.region,
        c.namespace,
        c.token,
        c.ca_cert,
        c.ca_path,
        c.client_cert,
        c.client_key,
        c.tls_server_name,
    ];
    let expected = ["unix:///a", "eu", "*", "-secret", "1", "2", "3", "4", "5"];
    assert_eq!(texts, expected.map(|text| Some(text.to_owned())));
    assert!(c.tls_skip_verify);

    let c = run(
        &["-insecure", "-tls-skip-verify=false", "-region=", "web"],
        &[],
    )
    .connection;
    assert!(!c.tls_skip_verify);
    assert_eq!((c.region.as_deref(), c.token), (Some(""), None));
}

// 1.3.12, 1.3.13, 6.6 without D17
#[test]
fn colour_switches() {
    const NO: (&str, &str) = ("NOMAD_CLI_NO_COLOR", "0");
    const FORCE: (&str, &str) = ("NOMAD_CLI_FORCE_COLOR", "x");
    for (args, env, no_color, force_color) in [
        (&["web"] as &[_], &[] as &[_], false, false),
        (&["-no-color", "web"], &[], true, false),
        (&["--force-color", "web"], &[], false, true),
        (&["web"], &[NO], true, false),
        (&["web"], &[FORCE, NO], true, true),
        (&["web"], &[("NOMAD_CLI_NO_COLOR", "")], false, false),
        // A value counts, and a flag before a variable.
        (&["-no-color=true", "web"], &[], true, false),
        (&["-no-color=false", "web"], &[NO], false, false),
        (&["-no-color", "-no-color=false", "web"], &[], false, false),
        // Neither as a value nor behind `--`.
        (&["-group", "-no-color", "web"], &[], false, false),
        (&["--", "-no-color"], &[], false, false),
    ] {
        assert_eq!(
            run(args, env).color,
            ColorChoice {
                no_color,
                force_color
            },
            "{args:?} {env:?}"
        );
    }
}

/// Arguments that look like what people type, and some that do not.
fn argument() -> impl Strategy<Value = String> {
    let flags: Vec<String> = Options::command()
        .get_arguments()
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .chain(["insecure", "h", "help", "v", "version", "nope", ""].map(str::to_owned))
        .collect();
    let value = prop_oneof![
        Just(String::new()),
        "[0-9]{1,3}%?",
        "(ask|fail|true|false|auto|0|10s|-5s|2026-08-12T17:36:31Z)",
        "-{0,3}[a-z=]{0,4}",
        r"\PC{0,6}",
    ];
    prop_oneof![
        3 => ("-{1,3}", prop::sample::select(flags.clone())).prop_map(|(dashes, name)| dashes + &name),
        3 => ("-{1,2}", prop::sample::select(flags), value.clone()).prop_map(|(dashes, name, value)| format!("{dashes}{name}={value}")),
        2 => value,
        1 => Just("web".to_owned()),
        1 => Just("--".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // What the normaliser lets pass, clap reads; so its own wording is never seen.
    #[test]
    fn clap_reads_whatever_passes_the_grammar(args in prop::collection::vec(argument(), 0..8), interactive: bool) {
        let args: Vec<OsString> = ["nomad-restart".into()].into_iter().chain(args.into_iter().map(OsString::from)).collect();
        match parse(&args, &Env::default(), interactive) {
            Request::Usage { message, .. } => {
                prop_assert!(!message.starts_with("Invalid command line"), "{}", message);
                prop_assert!(!message.contains('\n'));
            }
            Request::Run(run) => {
                let command = run.typed.resume(run.plan.pause, DateTime::UNIX_EPOCH, None);
                prop_assert!(command.starts_with("nomad-restart "));
            }
            Request::Help { .. } | Request::Text(_) => {}
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_argv_panics(args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), 0..6)) {
        use std::os::unix::ffi::OsStringExt;

        let args: Vec<_> = args.into_iter().map(OsString::from_vec).collect();
        parse(&args, &Env::default(), false);
    }
}
