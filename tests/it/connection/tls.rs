//! TLS end to end: authorities, names, the client's certificate, and files that are not what they should be.

use nomad_sim::front::{Fault, Rule};

use super::{fails, program, web};
use crate::support::{Ran, Served, file};
use crate::tls::{Authority, Front};

/// N14: files that are not there or not what they should be, before anything is sent.
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
        // The alert and the request cross: where the connection ends before the request is out, it is tried once more, and the alert may
        // not be read then either.
        let (retry, error) = match ran.stderr.lines().collect::<Vec<_>>()[..] {
            [error] => ("Warning: ", error),
            [retry, error] => (retry, error),
            _ => panic!("{}", ran.stderr),
        };
        assert!(retry.contains("Warning: "), "{retry}");
        let names_the_cause = error.contains("refused the TLS connection")
            || error.ends_with("or when it does not accept the client's certificate");
        assert!(names_the_cause, "{error}");
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
