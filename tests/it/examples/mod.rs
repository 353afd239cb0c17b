//! The files under `tests/examples`: read, and what they say done with the real binary.

mod hcl;

use std::path::Path;

use crate::jobs::{cluster, service, serving, settle};
use crate::memory::evidence::failing;
use crate::memory::health::checked;
use crate::memory::jobs::{running, web};
use crate::memory::scene::{Ran, Scene};
use crate::support::Served;
use crate::system::system;
use nomad_sim::api::{Acl, Token};
use serde_json::{Value, json};

use hcl::Body;

const SECRET: &str = "8a1b2c3d-0000-4000-8000-123456789abc";

fn example(path: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let text = std::fs::read_to_string(examples.join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Each namespace and capability that a policy names.
fn capabilities(policy: &str) -> Vec<(String, String)> {
    let body = Body::read(&example(&format!("acl/{policy}.policy.hcl")));
    let mut capabilities = vec![];
    for namespace in body.blocks("namespace") {
        let [name] = &namespace.labels[..] else {
            panic!("{namespace:?}");
        };
        for capability in namespace.body.get("capabilities").texts() {
            capabilities.push((name.clone(), capability.to_owned()));
        }
    }
    assert!(!capabilities.is_empty(), "{policy}");
    capabilities
}

fn token<'a>(capabilities: impl IntoIterator<Item = &'a (String, String)>) -> Token {
    let capabilities = capabilities.into_iter();
    capabilities.fold(Token::named("example"), |token, (namespace, capability)| {
        token.allow(namespace, capability)
    })
}

/// What a command does to a cluster that hears this token only.
async fn with_token(job: &Value, line: &str, token: Token) -> Ran {
    let cluster = running(job).await;
    let line = format!("nomad-restart -token={SECRET} {line}");
    let scene = Scene::of(&cluster).command(&line).meanwhile(|stage| {
        stage.agent.set_acl(Some(Acl::new().with(SECRET, token)));
        async {}
    });
    scene.run().await
}

// 7.1: a policy is enough for what it is meant for, and nothing in it is left over.
#[tokio::test(start_paused = true)]
async fn policies_are_minimal() {
    for (policy, line, job) in [
        ("dry-run", "-dry-run web", web(2)),
        ("restart", "-yes web", web(2)),
        ("restart", "-yes -reschedule web", web(2)),
        (
            "restart",
            "-yes -wait=healthy web",
            checked(2, "nomad", &json!([])),
        ),
        ("restart", "-yes -on-deployment=wait web", web(2)),
        ("restart-by-prefix", "-yes we", web(2)),
        (
            "reschedule-system",
            "-yes -reschedule web",
            system(&["web"]),
        ),
    ] {
        let all = capabilities(policy);
        for missing in &all {
            let others = all.iter().filter(|it| *it != missing);
            let ran = with_token(&job, line, token(others)).await.ended_with(1);
            assert!(
                ran.writes().is_empty() || missing.1 == "alloc-lifecycle",
                "{policy} without {missing:?}"
            );
        }
        with_token(&job, line, token(&all)).await.ended_with(0);
    }
}

// The capability that only explains errors is used for that.
#[tokio::test(start_paused = true)]
async fn the_policy_with_logs_shows_what_a_task_wrote() {
    for (policy, shown) in [("restart-with-logs", true), ("restart", false)] {
        let ran = with_token(&failing(1), "-yes web", token(&capabilities(policy))).await;
        let ran = ran.ended_with(1);
        assert_eq!(
            ran.stderr.contains("Last lines that task \"app\" wrote"),
            shown,
            "{policy}: {}",
            ran.stderr
        );
    }
}

#[test]
fn the_weekly_job_runs_over_the_task_api() {
    let job = Body::read(&example("nomad/weekly-refresh.nomad.hcl"));
    let job = &job.block("job").body;
    assert_eq!(job.get("type").text(), "batch");
    let crons = job.block("periodic").body.get("crons").texts();
    assert!(crons.iter().all(|cron| cron.split(' ').count() == 5));
    let task = &job.block("group").body.block("task").body;
    let config = &task.block("config").body;
    assert_eq!(config.get("command").text(), "/usr/bin/nomad-restart");
    let args = config.get("args").texts();
    assert!(args.contains(&"-yes") && args.contains(&"-older-than=168h"));
    assert_eq!(
        *task.block("identity").body.get("env"),
        hcl::Value::Word("true".into())
    );

    // As Nomad does it: the socket lies in the secrets directory, and no request without a token is heard.
    let secrets = tempfile::tempdir().unwrap();
    let socket = secrets.path().join("api.sock");
    let served = Served::on_socket(&socket, || cluster(1));
    served
        .cluster()
        .register(&service("web", &[("web", 2)]))
        .unwrap();
    settle(&served);
    let token = token(&capabilities("restart"));
    served.agent.set_acl(Some(Acl::new().with(SECRET, token)));
    let address = task.block("env").body.get("NOMAD_ADDR").text();
    let address = address.replace("${NOMAD_SECRETS_DIR}", secrets.path().to_str().unwrap());
    let run = |older_than: &str| {
        let args = args.iter().map(|arg| arg.replace("168h", older_than));
        let program = crate::support::Program::new(args);
        program
            .env("NOMAD_ADDR", &address)
            .env("NOMAD_TOKEN", SECRET)
            .run()
    };
    let young = run("168h").ended_with(0);
    assert!(
        young.stdout.starts_with("No allocations to restart\n"),
        "{}",
        young.stdout
    );
    assert_eq!(served.written().len(), 0);
    // The same line where a week has passed.
    run("0s").succeeded();
    assert_eq!(served.written().len(), 2);
}

#[test]
fn the_workflow_restarts_what_it_deployed() {
    let workflow = example("github/restart.yml");
    let mut lines = workflow
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- run: "));
    assert_eq!(lines.next(), Some("nomad job run -detach web.nomad.hcl"));
    let line = lines.next().unwrap();
    let args: Vec<_> = line.split(' ').skip(1).collect();
    assert!(
        args.contains(&"-yes")
            && args.contains(&"-on-error=fail")
            && args.contains(&"-on-deployment=wait")
            && args.contains(&"-json")
    );
    let served = serving([service("web", &[("web", 4)])]);
    let ran = served.program(&args).run().ended_with(0);
    assert_eq!(
        crate::json::lines(&ran.stdout).last().unwrap()["outcome"],
        "done"
    );
    assert_eq!(served.written().len(), 4);
}

// Every example in the README is a command line that the program takes.
#[test]
fn the_recipes_parse() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let recipes = readme.split("\n## Recipes\n").nth(1).unwrap();
    let recipes = recipes.split("\n## ").next().unwrap();
    let lines: Vec<_> = recipes
        .lines()
        .filter(|line| line.starts_with("nomad-restart "))
        .collect();
    assert!(lines.len() >= 5, "{recipes}");
    for line in lines {
        let line = line.replace("$rotated", "2026-01-01T00:00:00Z");
        let args = line
            .split(' ')
            .skip(1)
            .filter(|arg| *arg != "-batch-wait=ask");
        // Nobody answers there: that is the error, once the line is understood.
        let ran = crate::support::Program::new(args)
            .env("NOMAD_ADDR", "http://127.0.0.1:1")
            .run()
            .ended_with(1);
        let understood = ran.stderr.contains("refused")
            || ran.stderr.contains("when terminal is not interactive");
        assert!(understood, "{line}: {}", ran.stderr);
    }
}
