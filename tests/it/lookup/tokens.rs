//! What a token must be allowed to do.

use nomad_sim::api::{Acl, Token};

use super::{fails, job, namespaces, restarted};
use crate::jobs::{service, serving};
use crate::support::Served;

const TOKEN: &str = "8a1b2c3d-0000-4000-8000-123456789abc";

fn guarded(capabilities: &[&str]) -> Served {
    let served = serving([job("web")]);
    let token = capabilities
        .iter()
        .fold(Token::named("operator"), |token, capability| {
            token.allow("default", capability)
        });
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    served
}

/// T56 to T61.
#[test]
fn what_a_token_needs() {
    let denied = "Unexpected response code: 403 (Permission denied); it takes a token with the capability \"read-job\" in namespace \"default\"";
    // T56
    let served = guarded(&["read-job", "alloc-lifecycle"]);
    fails(
        &served,
        &["-yes", "web"],
        &format!("Error querying job \"web\": {denied}"),
    );
    for (capabilities, job, end) in [
        // T57
        (
            &["alloc-lifecycle"][..],
            "web",
            Err(format!("Error querying job \"web\": {denied}\n")),
        ),
        // T59
        (&["read-job", "alloc-lifecycle"], "web", Ok(())),
        // T60: without list-jobs a prefix can only be an id.
        (
            &["read-job", "alloc-lifecycle"],
            "we",
            Err(
                "Error querying job \"we\": Unexpected response code: 404 (job not found)\n"
                    .to_owned(),
            ),
        ),
        // T61
        (&["read-job", "alloc-lifecycle", "list-jobs"], "we", Ok(())),
    ] {
        let served = guarded(capabilities);
        let program = served.program(["-yes", job]).env("NOMAD_TOKEN", TOKEN);
        match end {
            Ok(()) => _ = program.run().succeeded(),
            Err(text) => _ = program.run().ended_with(1).printed_nothing().said(&text),
        }
    }
}

/// T58: what cannot be done is told once, and the next allocation is not tried.
#[test]
fn a_token_that_may_only_read() {
    let served = serving([service("web", &[("web", 3)])]);
    let token = Token::named("reader").policy("default", "read");
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    for args in [
        &["-yes", "web"][..],
        &["-on-error=fail", "-reschedule", "web"],
    ] {
        let before = served.written().len();
        let program = served.program(args).env("NOMAD_TOKEN", TOKEN);
        let ran = program.run().ended_with(1);
        assert!(
            ran.stdout.contains(": Job restart finished with errors\n"),
            "{}",
            ran.stdout
        );
        assert!(
            ran.stderr.contains(
                "403 (Permission denied); it takes a token with the capability \"alloc-lifecycle\" in namespace \"default\""
            ),
            "{}",
            ran.stderr
        );
        assert_eq!(served.written().len(), before + 1);
    }
}

/// N53, D4: without list-jobs the namespace that was asked for still counts, and the job of the same name in `default` is safe.
#[test]
fn the_namespace_is_never_dropped() {
    let served = namespaces();
    let token = ["read-job", "alloc-lifecycle"]
        .iter()
        .fold(Token::named("operator"), |token, it| {
            token.allow("prod", it).allow("default", it)
        });
    served.agent.set_acl(Some(Acl::new().with(TOKEN, token)));
    let program = served.program(["-yes", "-namespace=prod", "web"]);
    program.env("NOMAD_TOKEN", TOKEN).run().succeeded();
    assert_eq!(restarted(&served), ["prod/web"]);
    for request in served.requests() {
        assert!(request.query.contains("namespace=prod"), "{request:?}");
    }
}
