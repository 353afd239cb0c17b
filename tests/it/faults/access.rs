//! Rights: what each action needs, what is said where one is missing, and that nothing is written then.

use nomad_sim::api::{Acl, Token};
use nomad_sim::cluster::{Cluster, Config};
use serde_json::json;

use super::{IN_PLACE, RESCHEDULE, SUCCESS, seconds};
use crate::memory::jobs::{running, settled, web, with};
use crate::memory::scene::{Ran, Scene};
use crate::support::normalise;

const SECRET: &str = "b1a2c3d4-0000-1111-2222-333344445555";
const DENIED: &str = "Unexpected response code: 403 (Permission denied)";

/// What is said after it.
const READ: &str = "; it takes a token with the capability \"read-job\" in namespace \"default\"";
const LIFECYCLE: &str =
    "; it takes a token with the capability \"alloc-lifecycle\" in namespace \"default\"";

/// A token with these capabilities in the namespace `default`.
fn token(capabilities: &[&str]) -> Token {
    let none = Token::named("deployer");
    capabilities
        .iter()
        .fold(none, |token, capability| token.allow("default", capability))
}

/// A run with access control on, with a token of these capabilities, or without one.
async fn ran(cluster: &Cluster, args: &[&str], token: Option<Token>) -> Ran {
    let acl = Acl::new();
    let mut scene = Scene::of(cluster).args(["-yes"]);
    let acl = match token {
        Some(token) => {
            scene = scene.args(["-token", SECRET]);
            acl.with(SECRET, token)
        }
        None => acl,
    };
    for arg in args {
        scene = scene.args([*arg]);
    }
    scene
        .meanwhile(|stage| async move { stage.agent.set_acl(Some(acl)) })
        .run()
        .await
}

/// The whole of stderr, ids and times taken out.
#[track_caller]
fn denied_write(ran: Ran, args: &[&str], what: &str, verb: &str) {
    let entry = format!("Error restarting allocation \"<id 1>\": {what}{DENIED}{LIFECYCLE}");
    let ran = ran.ended_with(1).warned(&[
        &format!("    <TS>: {entry}"),
        "",
        "1 error occurred while restarting job:",
        &format!("* {entry}"),
        "",
        &format!("0 of 3 allocations {verb}, 1 failed, 2 not touched."),
        "    failed: 27f1e5e5",
        "    not touched: 2e19c353, efb5c7f9",
    ]);
    let stopped = "==> <TS>: Stopping job restart due to unrecoverable error\n==> <TS>: Job restart finished with errors";
    assert!(
        normalise(&ran.stdout).ends_with(stopped),
        "{args:?} {}",
        ran.stdout
    );
    nothing_happened(&ran);
    assert_eq!(ran.count(|entry| entry.method == "PUT"), 1, "{args:?}");
}

/// The cluster has taken no write, and every task runs as it ran before.
#[track_caller]
fn nothing_happened(ran: &Ran) {
    assert!(
        ran.writes().iter().all(|write| !write.accepted),
        "{:?}",
        ran.writes()
    );
    for id in ran.truth.allocations.keys() {
        assert_eq!(ran.starts(id, "app"), 0);
    }
}

const ACTIONS: [(&[&str], &str, &str); 4] = [
    (&[IN_PLACE], "", "restarted"),
    (&["-all-tasks"], "", "restarted"),
    (
        &["-task=app"],
        "Failed to restart task \"app\": ",
        "restarted",
    ),
    (&[RESCHEDULE], "Failed to stop allocation: ", "rescheduled"),
];

#[tokio::test(start_paused = true)]
async fn each_action_needs_read_job_and_alloc_lifecycle() {
    for (action, what, verb) in ACTIONS {
        let cluster = running(&web(3)).await;
        let args: Vec<&str> = action.iter().copied().chain(["web"]).collect();
        // T56, T57: nothing but the right to read finds the job.
        let blind = [
            None,
            Some(token(&[])),
            Some(token(&["alloc-lifecycle"])),
            Some(token(&["alloc-lifecycle", "list-jobs", "submit-job"])),
            // Rights in another namespace are none here.
            Some(Token::named("other").policy("prod", "write")),
            Some(Token::management("old").expired()),
        ];
        for token in blind {
            let ran = ran(&cluster, &args, token).await.ended_with(1).printed(&[]);
            let ran = ran.warned(&[&format!("Error querying job \"web\": {DENIED}{READ}")]);
            assert!(ran.writes().is_empty());
            assert_eq!(ran.requests.len(), 1, "{args:?}");
        }
        // T58: one call finds out, and is the last one.
        for capabilities in [&["read-job"][..], &["read-job", "list-jobs", "submit-job"]] {
            let ran = ran(&cluster, &args, Some(token(capabilities))).await;
            denied_write(ran, &args, what, verb);
        }
        // T59
        let ran = ran(
            &cluster,
            &args,
            Some(token(&["read-job", "alloc-lifecycle"])),
        )
        .await;
        let ran = ran.ended_with(0).warned(&[]);
        assert!(ran.stdout.ends_with(SUCCESS));
        assert_eq!(ran.touched().len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_prefix_needs_list_jobs() {
    let cluster = running(&web(1)).await;
    let rights = ["read-job", "alloc-lifecycle"];
    // T60: without the right to list, the argument can only be an id.
    let prefix = ran(&cluster, &["we"], Some(token(&rights))).await;
    let prefix = prefix
        .ended_with(1)
        .printed(&[])
        .warned(&["Error querying job \"we\": Unexpected response code: 404 (job not found)"]);
    assert!(prefix.writes().is_empty());
    // T61
    let may_list = token(&rights).allow("default", "list-jobs");
    let found = ran(&cluster, &["we"], Some(may_list)).await.ended_with(0).warned(&[
        "    <TS>: Warning: Job \"we\" not found; going on with \"web\", the only job with this prefix.",
    ]);
    assert_eq!(found.touched().len(), 1);
    // In all namespaces there is nothing but the list.
    let args = ["-namespace=*", "web"];
    let everywhere = ran(&cluster, &args, Some(token(&rights))).await;
    everywhere.ended_with(1).printed(&[]).warned(&[&format!(
        "Error querying job prefix \"web\": {DENIED}; it takes a token with the capability \"list-jobs\""
    )]);
    // With -exact a prefix is none, with and without that right.
    for (token, text) in [
        (
            Token::management("boss"),
            "No job with ID \"we\" found, and with -exact a prefix does not do; the only job with this prefix is \"web\"",
        ),
        (
            token(&rights),
            "No job with ID \"we\" found in namespace \"default\"",
        ),
    ] {
        let exact = ran(&cluster, &["-exact", "we"], Some(token)).await;
        let exact = exact.ended_with(1).printed(&[]).warned(&[text]);
        assert!(exact.writes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_none_is_told_as_a_missing_right() {
    let cluster = running(&web(1)).await;
    for secret in ["no-uuid", "99999999-2222-3333-4444-555555555555"] {
        let ran = Scene::of(&cluster)
            .args(["-yes", "-token", secret, "web"])
            .meanwhile(|stage| async move { stage.agent.set_acl(Some(Acl::new())) })
            .run()
            .await
            .ended_with(1)
            .printed(&[])
            .warned(&[&format!("Error querying job \"web\": {DENIED}{READ}")]);
        assert!(ran.writes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_batch_is_denied_as_a_whole() {
    // All of it may be on its way when the first refusal comes; none of it is done, and each is told.
    for (mode, verb) in [(IN_PLACE, "restarted"), (RESCHEDULE, "rescheduled")] {
        let cluster = running(&web(4)).await;
        let args = [mode, "-batch-size=2", "web"];
        let ran = ran(&cluster, &args, Some(token(&["read-job"]))).await;
        let ran = ran
            .ended_with(1)
            .explained("2 errors occurred while restarting job:")
            .explained(&format!(
                "0 of 4 allocations {verb}, 2 failed, 2 not touched."
            ));
        nothing_happened(&ran);
    }
}

/// A system job on three nodes.
async fn system() -> Cluster {
    let cluster = Cluster::new(Config::seeded(5).with_nodes(3));
    cluster
        .register(&with(&web(1), json!({"Type": "system"})))
        .unwrap();
    settled(&cluster, "web").await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn a_system_job_is_rescheduled_only_with_the_right_to_evaluate() {
    // N37: found out before the first stop.
    let rights = ["read-job", "alloc-lifecycle"];
    for size in ["1", "100%"] {
        let cluster = system().await;
        let size = format!("-batch-size={size}");
        let args = [RESCHEDULE, &size, "web"];
        let entry = format!(
            "Nothing was stopped: the replacements of system job \"web\" need the capability evaluate-job (Nomad 1.11.2 and later) or submit-job: {DENIED}"
        );
        let denied = ran(&cluster, &args, Some(token(&rights)))
            .await
            .ended_with(1);
        let denied = denied.explained(&format!("* {entry}\n"));
        nothing_happened(&denied);
        let stops = denied.count(|entry| entry.path.ends_with("/stop"));
        assert_eq!(stops, 0);
        for right in ["evaluate-job", "submit-job"] {
            let allowed = token(&rights).allow("default", right);
            let ran = ran(&cluster, &args, Some(allowed)).await.ended_with(0);
            assert!(ran.stdout.ends_with(SUCCESS), "{}", ran.stdout);
            assert_eq!(ran.touched().len(), 3);
        }
    }
    // In place nothing is evaluated.
    let cluster = system().await;
    let ran = ran(&cluster, &[IN_PLACE, "web"], Some(token(&rights))).await;
    let ran = ran.ended_with(0);
    assert_eq!(ran.count(|entry| entry.path.ends_with("/evaluate")), 0);
}

/// A job `web` in `prod`, and one of the same name in `default`, which is nobody's business.
async fn two_namespaces() -> Cluster {
    let cluster = running(&web(3)).await;
    let job = with(&web(3), json!({"Namespace": "prod"}));
    cluster.register(&job).unwrap();
    tokio::time::sleep(seconds(600)).await;
    cluster
}

#[tokio::test(start_paused = true)]
async fn every_request_names_the_namespace_that_was_asked_for() {
    // D4, N53: with and without the right to list; the agent refuses any other namespace.
    let rights = Token::named("deployer")
        .allow("prod", "read-job")
        .allow("prod", "alloc-lifecycle");
    let may_list = rights.clone().allow("prod", "list-jobs");
    for mode in [IN_PLACE, RESCHEDULE] {
        for (job, token, finds) in [
            ("web", &rights, true),
            ("web", &may_list, true),
            ("we", &may_list, true),
            ("we", &rights, false),
        ] {
            let cluster = two_namespaces().await;
            let token = token.clone();
            let ran = Scene::of(&cluster)
                .args([
                    "-yes",
                    "-batch-size=2",
                    "-namespace=prod",
                    mode,
                    "-token",
                    SECRET,
                    job,
                ])
                .meanwhile(|stage| async move {
                    stage.agent.create_namespace("prod", "");
                    stage.agent.require_namespace(Some("prod"));
                    stage.agent.set_acl(Some(Acl::new().with(SECRET, token)));
                })
                .run()
                .await
                .ended_with(u8::from(!finds));
            let refused = ran.count(|entry| entry.status == Some(400));
            assert_eq!(refused, 0, "{:#?}", ran.requests);
            let touched = ran.touched();
            assert_eq!(touched.len(), if finds { 3 } else { 0 });
            for id in touched {
                let namespace =
                    cluster.read(|state| state.allocation(id).unwrap().namespace.clone());
                assert_eq!(namespace, "prod");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_found_in_any_namespace_is_asked_for_in_its_own() {
    let cluster = two_namespaces().await;
    cluster.deregister("default", "web", true).unwrap();
    let ran = Scene::of(&cluster)
        .args(["-yes", "-namespace=*", "web"])
        .meanwhile(|stage| async move { stage.agent.create_namespace("prod", "") })
        .run()
        .await
        .ended_with(0);
    assert_eq!(ran.touched().len(), 3);
    for entry in &ran.requests {
        let listing = entry.path == "/v1/jobs";
        let named = if listing {
            "namespace=%2A"
        } else {
            "namespace=prod"
        };
        assert!(entry.query.split('&').any(|it| it == named), "{entry:?}");
    }
}
