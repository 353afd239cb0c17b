//! Everything between the command line and the first answer: addresses, TLS, tokens, proxies, agents that answer nonsense. Each
//! failure is one clear sentence, exit code 1, and nothing is touched.

use std::net::TcpListener;

use nomad_sim::api::{Acl, Token};
use nomad_sim::front::{Fault, Rule};

use crate::jobs::{cluster, in_namespace, service, serving, settle};
use crate::support::{Program, Ran, Served, file};
use crate::tls::{Authority, Front};

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

/// Behaviour 2.1.2, 2.1.3, D24, N15.
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
            "invalid address '…@nomad:4646': unsupported protocol scheme \"ops\"; did you mean 'http://…@nomad:4646'?",
        ),
    ] {
        let message = format!("Error initializing client: {why}");
        fails(program(&["-address", address]), &message);
        fails(program(&[]).env("NOMAD_ADDR", address), &message);
    }
}

/// Behaviour 2.1.2, N14: files that are not there or not what they should be, before anything is sent.
#[test]
fn files_for_tls() {
    let served = web();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("the right one");
    let client = authority.issue("client");
    let certificate = file(&directory, "client.pem", &client.certificate);
    let key = file(&directory, "client-key.pem", &client.key);
    let text = file(&directory, "notes.txt", "not a certificate\n");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = file(&directory, "broken.pem", broken);
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    let missing = directory.path().join("missing.pem");
    let missing = missing.to_str().unwrap();
    for (args, why) in [
        (
            vec![format!("-ca-cert={missing}")],
            format!("Error loading CA File: open {missing}: no such file or directory"),
        ),
        (
            vec![format!("-ca-cert={text}")],
            format!("Error loading CA File: {text} holds no PEM certificate"),
        ),
        (
            vec![format!("-ca-path={missing}")],
            format!("Error loading CA directory: open {missing}: no such file or directory"),
        ),
        (
            vec![format!("-ca-path={empty}")],
            format!("Error loading CA directory: there is no PEM certificate in {empty}"),
        ),
        (
            vec![format!("-client-cert={certificate}")],
            "Both client cert and client key must be provided".to_owned(),
        ),
        (
            vec![format!("-client-key={key}")],
            "Both client cert and client key must be provided".to_owned(),
        ),
        (
            vec![
                format!("-client-cert={certificate}"),
                format!("-client-key={missing}"),
            ],
            format!("Error loading client certificate: open {missing}: no such file or directory"),
        ),
        (
            vec![
                format!("-client-cert={certificate}"),
                format!("-client-key={text}"),
            ],
            format!("Error loading client certificate: {text} holds no PEM private key"),
        ),
        (
            vec![format!("-client-cert={text}"), format!("-client-key={key}")],
            format!("Error loading client certificate: {text} holds no PEM certificate"),
        ),
        (
            vec![
                "-address=https://127.0.0.1:1".to_owned(),
                format!("-ca-cert={broken}"),
            ],
            "TLS cannot be set up: unusable CA certificate: BadEncoding".to_owned(),
        ),
    ] {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let program = program(&args).env("NOMAD_ADDR", &served.address);
        fails(program, &format!("Error initializing client: {why}"));
    }
    assert_eq!(served.requests(), []);
}

/// A served job `web` behind TLS, and files for its clients.
struct Tls {
    served: Served,
    front: Front,
    directory: tempfile::TempDir,
    authority: Authority,
}

impl Tls {
    /// The server's certificate is for `name`; with `mutual` it asks for the client's.
    fn of(name: &str, mutual: bool) -> Self {
        let authority = Authority::new("the right one");
        let served = web();
        let identity = authority.issue(name);
        let front = Front::start(&served.address, &identity, mutual.then_some(&authority));
        Self {
            served,
            front,
            directory: tempfile::tempdir().unwrap(),
            authority,
        }
    }

    fn ca(&self) -> String {
        file(&self.directory, "ca.pem", &self.authority.certificate)
    }

    fn other_ca(&self) -> String {
        let other = Authority::new("another one");
        file(&self.directory, "other-ca.pem", &other.certificate)
    }

    fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.front.port)
    }

    fn run(&self, args: &[&str]) -> Ran {
        program(args).env("NOMAD_ADDR", &self.address()).run()
    }

    /// It must not come to a request.
    #[track_caller]
    fn refuses(&self, args: &[&str], why: &str) {
        let ran = self.run(args).ended_with(1).printed_nothing();
        let address = self.address();
        let place = address.trim_start_matches("https://");
        let expected = format!(
            "Error querying job \"web\": Get \"{address}/v1/job/web\": cannot connect to {place}: {why}\n"
        );
        assert_eq!(ran.stderr, expected);
        assert_eq!(self.served.requests(), []);
    }
}

#[test]
fn tls_with_the_right_authority() {
    let tls = Tls::of("127.0.0.1", false);
    let ca = tls.ca();
    let directory = tls.directory.path().to_str().unwrap();
    tls.run(&["-ca-cert", &ca]).succeeded();
    tls.run(&["-ca-path", directory]).succeeded();
    tls.run(&["-tls-skip-verify"]).succeeded();
    // 1.3.5: the file wins over the directory, and is not looked for in it.
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    tls.run(&["-ca-cert", &ca, "-ca-path", empty]).succeeded();
    let of_environment = |name, value: &str| {
        let program = program(&[]).env("NOMAD_ADDR", &tls.address());
        program.env(name, value).run().succeeded();
    };
    of_environment("NOMAD_CACERT", &ca);
    of_environment("NOMAD_CAPATH", directory);
    of_environment("NOMAD_SKIP_VERIFY", "true");
}

/// N14
#[test]
fn tls_with_the_wrong_authority() {
    let tls = Tls::of("127.0.0.1", false);
    let unknown = "invalid peer certificate: UnknownIssuer; is the right CA given?";
    tls.refuses(&["-ca-cert", &tls.other_ca()], unknown);
    // 1.3.10: the flag can only switch it on, and the last of the two spellings wins.
    tls.refuses(
        &[
            "-ca-cert",
            &tls.other_ca(),
            "-insecure",
            "-tls-skip-verify=false",
        ],
        unknown,
    );
}

#[test]
fn tls_with_another_name() {
    let tls = Tls::of("server.global.nomad", false);
    let ca = tls.ca();
    let ran = tls.run(&["-ca-cert", &ca]).ended_with(1).printed_nothing();
    assert!(
        ran.stderr
            .contains("certificate not valid for name \"127.0.0.1\""),
        "{}",
        ran.stderr
    );
    assert_eq!(tls.served.requests(), []);
    let name = "-tls-server-name=server.global.nomad";
    tls.run(&["-ca-cert", &ca, name]).succeeded();
    let program = program(&["-ca-cert", &ca]).env("NOMAD_ADDR", &tls.address());
    program
        .env("NOMAD_TLS_SERVER_NAME", "server.global.nomad")
        .run()
        .succeeded();
}

/// N14
#[test]
fn an_expired_certificate() {
    let authority = Authority::new("the right one");
    let served = web();
    let front = Front::start(&served.address, &authority.issue_expired("127.0.0.1"), None);
    let tls = Tls {
        served,
        front,
        directory: tempfile::tempdir().unwrap(),
        authority,
    };
    let ran = tls
        .run(&["-ca-cert", &tls.ca()])
        .ended_with(1)
        .printed_nothing();
    assert!(ran.stderr.contains("certificate expired"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(tls.served.requests(), []);
}

#[test]
fn tls_that_asks_for_the_clients_certificate() {
    let tls = Tls::of("127.0.0.1", true);
    let ca = tls.ca();
    let of = |name: &str, authority: &Authority| {
        let identity = authority.issue("client");
        let certificate = file(
            &tls.directory,
            &format!("{name}.pem"),
            &identity.certificate,
        );
        let key = file(&tls.directory, &format!("{name}-key.pem"), &identity.key);
        [
            format!("-client-cert={certificate}"),
            format!("-client-key={key}"),
        ]
    };
    let [certificate, key] = of("mine", &tls.authority);
    tls.run(&["-ca-cert", &ca, &certificate, &key]).succeeded();

    let before = tls.served.requests().len();
    let [certificate, key] = of("foreign", &Authority::new("another one"));
    for args in [
        &["-ca-cert", &ca][..],
        &["-ca-cert", &ca, &certificate, &key],
    ] {
        let ran = tls.run(args).ended_with(1).printed_nothing();
        // The alert and the request cross: where the connection ends before the request is out, it is tried once more.
        let (retry, error) = match ran.stderr.lines().collect::<Vec<_>>()[..] {
            [error] => ("Warning: ", error),
            [retry, error] => (retry, error),
            _ => panic!("{}", ran.stderr),
        };
        assert!(retry.contains("Warning: "), "{retry}");
        assert!(error.contains("refused the TLS connection"), "{error}");
    }
    assert_eq!(tls.served.requests().len(), before);
}

/// The two common mix-ups. A Nomad agent with TLS has an answer for the second one.
#[test]
fn tls_and_plain_text_mixed_up() {
    let served = web();
    let address = served.address.replace("http://", "https://");
    let ran = program(&["-tls-skip-verify", "-address", &address]).run();
    let ran = ran.ended_with(1).printed_nothing();
    assert!(
        ran.stderr.ends_with("; is it an http:// address?\n"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    let answer = "Client sent an HTTP request to an HTTPS server.";
    served
        .agent
        .faults()
        .add(Rule::on("", Fault::Status(400, answer.to_owned())));
    fails(
        program(&[]).env("NOMAD_ADDR", &served.address),
        &format!("Error querying job \"web\": Unexpected response code: 400 ({answer})"),
    );
}

#[test]
fn a_unix_socket() {
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

/// What something that is no agent, or one in trouble, answers to the first read.
#[test]
fn answers_that_are_no_use() {
    for (fault, error) in [
        // N12; tried twice more, as it may pass.
        (
            Fault::Html(200, "<html><title>Welcome</title></html>".to_owned()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it is an HTML page, \"Welcome\", not JSON; \
             is there a Nomad agent at this address?",
        ),
        (
            Fault::Garbage("".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it is empty",
        ),
        (
            Fault::Garbage("{\"ID\":\"web\",\"Type\":\"serv".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it ends in the middle of the JSON",
        ),
        (
            Fault::Garbage("null".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: it is null",
        ),
        (
            Fault::Garbage("{}".into()),
            "the answer to Get \"ADDRESS/v1/job/web\" cannot be used: the job in it has no ID or no type",
        ),
    ] {
        let served = web();
        let what = format!("{fault:?}");
        served.agent.faults().add(Rule::on("/v1/job/web", fault));
        let ran = served
            .program(["-yes", "web"])
            .run()
            .ended_with(1)
            .printed_nothing();
        let error = error.replace("ADDRESS", &served.address);
        let [warning, end] = &ran.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{what}: {}", ran.stderr);
        };
        let said = format!("Warning: Nomad does not answer as it should, trying again: {error}");
        assert!(warning.ends_with(&said), "{what}: {warning}");
        assert_eq!(
            *end,
            format!("Error querying job \"web\": {error}"),
            "{what}"
        );
        assert_eq!(served.requests().len(), 3, "{what}");
    }
}

/// N1: what is final at once, each at the step where it happens. Nothing is restarted.
#[test]
fn refusals_at_each_step() {
    for (path, step) in [
        ("/v1/job/web", "Error querying job \"web\""),
        (
            "/v1/job/web/versions",
            "Error retrieving versions of job \"web\"",
        ),
        (
            "/v1/job/web/allocations",
            "Error retrieving allocations for job \"web\"",
        ),
    ] {
        for (fault, error) in [
            (
                Fault::Status(403, "Permission denied\n".to_owned()),
                "Unexpected response code: 403 (Permission denied)",
            ),
            (
                Fault::Status(400, String::new()),
                "Unexpected response code: 400",
            ),
            (
                Fault::Html(302, "<html><title>Sign in</title></html>".to_owned()),
                "Unexpected response code: 302 (an HTML page, \"Sign in\")",
            ),
        ] {
            let served = web();
            let exactly = move |_: &http::Method, it: &str, _: &str| it == path;
            served
                .agent
                .faults()
                .add(Rule::on(path, fault).when(exactly));
            fails(served.program(["-yes", "web"]), &format!("{step}: {error}"));
            assert_eq!(served.written(), Vec::<String>::new());
        }
    }
}

/// An answer that the agent could not finish is asked for again, with a word about it.
#[test]
fn a_hiccup_before_the_first_write() {
    for (path, fault, why) in [
        (
            "/v1/job/web",
            Fault::Status(500, "No cluster leader".to_owned()),
            "500 (No cluster leader)",
        ),
        ("/v1/job/web", Fault::Status(429, String::new()), "429"),
        ("/v1/job/web", Fault::ResetBefore, "the connection broke"),
        ("/allocations", Fault::Cut(20), "the connection broke"),
        (
            "/versions",
            Fault::Html(502, "<html><title>Bad gateway</title></html>".to_owned()),
            "502",
        ),
    ] {
        let served = web();
        served.agent.faults().add(Rule::on(path, fault).nth(1));
        let ran = served.program(["-yes", "web"]).run().succeeded();
        let [warning] = &ran.stderr.lines().collect::<Vec<_>>()[..] else {
            panic!("{}", ran.stderr);
        };
        assert!(warning.contains(": Warning: Nomad does not answer as it should, trying again: "));
        assert!(warning.contains(why), "{warning}");
    }
}

/// C8, N14
#[test]
fn an_unknown_region() {
    let served = web();
    fails(
        served.program(["-yes", "-region=mars", "web"]),
        "Error querying job \"web\": Unexpected response code: 500 (No path to region)",
    );
    assert_eq!(served.requests().len(), 1);
}

/// Every call names the namespace and the region that were asked for, and carries the token.
#[test]
fn what_every_call_carries() {
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

/// Behaviour 1.3: a flag wins over its variable, an empty one does not.
#[test]
fn flags_and_variables() {
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
    let port = closed_port();
    let proxy = format!("http://ops:s3cret@127.0.0.1:{port}");
    fails(
        program(&["-address=http://192.0.2.1:4646"]).env("HTTP_PROXY", &proxy),
        "Error querying job \"web\": Get \"http://192.0.2.1:4646/v1/job/web\": \
         cannot connect to 192.0.2.1:4646 through the proxy: connection refused",
    );
}

/// Behaviour 1.3.14, N15: user info in the address works and is never shown, nor is that of the environment.
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
