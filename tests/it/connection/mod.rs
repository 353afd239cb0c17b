//! Everything between the command line and the first answer: addresses, flags and variables, tokens, proxies. Each failure is one
//! clear sentence, exit code 1, and nothing is touched.

mod answers;
mod tls;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::Method;
use nomad_sim::api::{Acl, Token};
use nomad_sim::front::{Fault, Rule};
use serde_json::json;

use crate::jobs::{cluster, in_namespace, service, serving, settle, simulated};
use crate::support::{Program, Served};

const TOKEN: &str = "8a1b2c3d-0000-4000-8000-123456789abc";

fn web() -> Served {
    serving([service("web", &[("web", 1)])])
}

/// It must end with this one line on stderr and nothing on stdout. No secret is shown, whatever happens.
#[track_caller]
fn fails(program: Program, message: &str) {
    let ran = program.env("NOMAD_TOKEN", TOKEN).run();
    let ran = ran.ended_with(1).printed_nothing();
    assert!(!ran.stderr.contains(TOKEN), "{}", ran.stderr);
    assert_eq!(ran.stderr, format!("{message}\n"));
}

fn program(args: &[&str]) -> Program {
    Program::new([&["-yes"], args, &["web"]].concat())
}

/// A port on which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[test]
fn nobody_listens() {
    let port = closed_port();
    fails(
        program(&[&format!("-address=http://127.0.0.1:{port}")]),
        &format!(
            "Error querying job \"web\": Get \"http://127.0.0.1:{port}/v1/job/web\": \
             cannot connect to 127.0.0.1:{port}: connection refused"
        ),
    );
    let directory = tempfile::tempdir().unwrap();
    let socket = format!("unix://{}/nomad.sock", directory.path().display());
    fails(
        program(&["-address", &socket]),
        &format!(
            "Error querying job \"web\": Get \"http://127.0.0.1/v1/job/web\": \
             cannot connect to {socket}: no such file or directory"
        ),
    );
}

/// The name belongs to a domain that never exists (RFC 6761).
#[test]
fn an_unknown_host() {
    let ran = program(&["-address=http://nomad.invalid:4646"]).run();
    let ran = ran.ended_with(1).printed_nothing();
    let start = "Error querying job \"web\": Get \"http://nomad.invalid:4646/v1/job/web\": \
                 cannot connect to nomad.invalid:4646: failed to lookup address information: ";
    assert!(ran.stderr.starts_with(start), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

/// D24, N15.
#[test]
fn addresses_that_are_none() {
    for (address, why) in [
        (
            "127.0.0.1:4646",
            "invalid address '127.0.0.1:4646': parse \"127.0.0.1:4646\": first path segment in URL cannot contain \
             colon; did you mean 'http://127.0.0.1:4646'?",
        ),
        (
            "localhost:4646",
            "invalid address 'localhost:4646': unsupported protocol scheme \"localhost\"; did you mean \
             'http://localhost:4646'?",
        ),
        (
            "ftp://nomad",
            "invalid address 'ftp://nomad': unsupported protocol scheme \"ftp\"; use http://, https:// or unix://",
        ),
        ("http://", "invalid address 'http://': it names no host"),
        ("unix://", "invalid address 'unix://': it names no socket"),
        (
            "ops:s3cret@nomad:4646",
            "invalid address '…@nomad:4646': it has no scheme; did you mean 'http://…@nomad:4646'?",
        ),
    ] {
        let message = format!("Error initializing client: {why}");
        fails(program(&["-address", address]), &message);
        fails(program(&[]).env("NOMAD_ADDR", address), &message);
    }
}

#[test]
fn a_unix_socket() {
    // N15
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("nomad.sock");
    let served = Served::on_socket(&socket, || cluster(1));
    served
        .cluster()
        .register(&service("web", &[("web", 2)]))
        .unwrap();
    settle(&served);
    // Neither a proxy nor TLS has anything to do with it.
    let program = program(&[]).env("NOMAD_ADDR", &served.address);
    program
        .env("HTTP_PROXY", "http://127.0.0.1:1")
        .run()
        .succeeded()
        .said("");
    assert_eq!(served.written().len(), 2);
}

/// Every call names the namespace and the region that were asked for, and carries the token.
#[test]
fn what_every_call_carries() {
    // N53, D4
    let acl = || {
        let token = Token::named("operator").policy("prod", "write");
        Some(Acl::new().with(TOKEN, token))
    };
    for reschedule in [false, true] {
        let served = serving([in_namespace(service("web", &[("web", 2)]), "prod")]);
        served.agent.set_acl(acl());
        let args = ["-yes", "-namespace=prod", "-region=global", "web"];
        let mut program = served.program(args);
        if reschedule {
            program = served.program([&args[..], &["-reschedule"]].concat());
        }
        // White space around a token in a file or variable is not part of it.
        program
            .env("NOMAD_TOKEN", &format!(" {TOKEN}\n"))
            .run()
            .succeeded();
        let requests = served.requests();
        assert!(requests.len() > 4);
        for request in requests {
            let carries = |it: &str| request.query.split('&').any(|pair| pair == it);
            assert!(carries("namespace=prod"), "{request:?}");
            assert!(carries("region=global"), "{request:?}");
            assert!(request.with_token, "{request:?}");
        }
    }
}

/// A flag wins over its variable, an empty one does not.
#[test]
fn flags_and_variables() {
    // D83
    let served = serving([in_namespace(service("web", &[("web", 1)]), "prod")]);
    let token = Token::named("operator").policy("prod", "write");
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    let nowhere = format!("http://127.0.0.1:{}", closed_port());
    let wrong = "00000000-0000-4000-8000-000000000000";
    let right = [
        (
            "NOMAD_ADDR",
            "-address",
            served.address.as_str(),
            nowhere.as_str(),
        ),
        ("NOMAD_NAMESPACE", "-namespace", "prod", "default"),
        ("NOMAD_REGION", "-region", "global", "mars"),
        ("NOMAD_TOKEN", "-token", TOKEN, wrong),
    ];
    let mut by_variables = program(&[]);
    let mut by_flags = program(&right.map(|(_, flag, value, _)| [flag, value]).concat());
    let mut empty_flags = program(&["-address=", "-namespace=", "-region=", "-token="]);
    for (variable, _, value, other) in right {
        by_variables = by_variables.env(variable, value);
        by_flags = by_flags.env(variable, other);
        empty_flags = empty_flags.env(variable, value);
    }
    by_variables.run().succeeded();
    by_flags.run().succeeded();
    empty_flags.run().succeeded();
}

/// A proxy in the environment is not for this machine (a proxy could not reach it).
#[test]
fn no_proxy_for_this_machine() {
    let served = web();
    let proxy = format!("http://127.0.0.1:{}", closed_port());
    let program = served.program(["-yes", "web"]);
    program
        .env("HTTP_PROXY", &proxy)
        .env("http_proxy", &proxy)
        .run()
        .succeeded()
        .said("");
    let port = served.address.rsplit(':').next().unwrap();
    let program = Program::new(["-yes", &format!("-address=http://localhost:{port}"), "web"]);
    program.env("HTTP_PROXY", &proxy).run().succeeded().said("");
}

/// For everybody else it is, and its credentials are not shown.
#[test]
fn a_proxy_that_nobody_serves() {
    // N15
    let port = closed_port();
    let proxy = format!("http://ops:s3cret@127.0.0.1:{port}");
    fails(
        program(&["-address=http://192.0.2.1:4646"]).env("HTTP_PROXY", &proxy),
        "Error querying job \"web\": Get \"http://192.0.2.1:4646/v1/job/web\": \
         cannot connect to 192.0.2.1:4646 through the proxy: connection refused",
    );
}

/// N15: user info in the address works and is never shown, nor is that of the environment.
#[test]
fn credentials_stay_out_of_messages() {
    let served = web();
    let place = served.address.trim_start_matches("http://");
    let with_password = format!("http://ops:s3cret@{place}");
    served
        .agent
        .faults()
        .add(Rule::on("/versions", Fault::Status(403, "no".to_owned())));
    for program in [
        program(&["-address", &with_password]),
        program(&[]).env("NOMAD_ADDR", &with_password),
        served
            .program(["-yes", "web"])
            .env("NOMAD_HTTP_AUTH", "ops:s3cret"),
    ] {
        fails(
            program,
            "Error retrieving versions of job \"web\": Unexpected response code: 403 (no)",
        );
    }
    let nowhere = format!("http://ops:s3cret@127.0.0.1:{}", closed_port());
    let ran = program(&["-address", &nowhere]).run().ended_with(1);
    assert!(ran.stderr.contains("connection refused"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
}

/// A token that no header can carry is refused before anything is sent, and is not shown.
#[test]
fn a_token_with_a_line_end_inside() {
    let served = web();
    let ran = served
        .program(["-yes", "web"])
        .env("NOMAD_TOKEN", "s3cret\nmore")
        .run()
        .ended_with(1)
        .printed_nothing();
    ran.said(
        "Error initializing client: the token holds characters that an HTTP header cannot carry\n",
    );
    assert_eq!(served.requests(), []);
}

/// How many connections to this port are open at their client's end, by the kernel's own table.
///
/// The table is read piece by piece while connections come and go, so a single look may count some that were never open together. Those
/// that two looks find were, between the two.
#[cfg(target_os = "linux")]
fn open_connections(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let remote = format!(":{port:04X}");
    let look = || {
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let local_ends = table.lines().filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next()?;
            let is_open = fields.next()?.ends_with(&remote) && fields.next()? == ESTABLISHED;
            is_open.then(|| local.to_owned())
        });
        local_ends.collect::<std::collections::BTreeSet<_>>()
    };
    let before = look();
    look().intersection(&before).count()
}

/// N5, N69: a batch far beyond what an agent accepts from one address keeps to the budget, over real sockets.
#[cfg(target_os = "linux")]
#[test]
fn a_batch_larger_than_the_connections() {
    for (args, writes) in [(&[][..], "/restart"), (&["-reschedule"], "/stop")] {
        let job = service("web", &[("web", 120)]);
        let served = serving([simulated(job, &json!([{"kill_after": "200ms"}]))]);
        let port: u16 = served.address.rsplit(':').next().unwrap().parse().unwrap();
        let most = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&most);
        // Looks at each request and keeps none.
        let count = move |_: &Method, _: &str, _: &str| {
            counted.fetch_max(open_connections(port), Ordering::Relaxed);
            false
        };
        let looking = Rule::on("", Fault::Stall).when(count);
        served.agent.faults().add(looking);
        let args = [&["-yes", "-batch-size=100%"], args, &["web"]].concat();
        served.program(args).run().succeeded();
        let requests = served.requests();
        let written = requests.iter().filter(|it| it.path.ends_with(writes));
        assert_eq!(written.count(), 120);
        let most = most.load(Ordering::Relaxed);
        assert!((2..=50).contains(&most), "{most} connections at once");
    }
}
