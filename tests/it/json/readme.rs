//! What the README says of `-json`: its examples are lines of a run, and its `jq` commands work.

use std::collections::BTreeSet;
use std::process::Command;

use nomad_sim::front::{Fault, Rule};
use serde_json::Value;

use super::{SCHEMA, lines, types};
use crate::memory::jobs::{running, web};
use crate::memory::scene::Ran;
use crate::options::scene;

const README: &str = include_str!("../../../README.md");

/// The README's words on machines.
pub(super) fn section() -> &'static str {
    let (_, rest) = README.split_once("\n### In pipelines\n").unwrap();
    rest.split("\n## ").next().unwrap()
}

async fn example() -> Ran {
    let cluster = running(&web(2)).await;
    let args = [
        "-json",
        "-yes",
        "-reschedule",
        "-all-tasks",
        "-batch-wait=30s",
    ];
    scene(&cluster, &args).run().await.ended_with(0)
}

#[tokio::test(start_paused = true)]
async fn its_examples_are_lines_of_a_run() {
    let ran = example().await;
    let run: BTreeSet<_> = ran.stdout.lines().collect();
    let shown: Vec<_> = section()
        .lines()
        .filter(|line| line.starts_with("{\"type\""))
        .collect();
    for line in &shown {
        assert!(
            run.contains(line),
            "not a line of the run:\n{line}\nthe run:\n{}",
            ran.stdout
        );
    }
    let parsed: Vec<Value> = shown
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: BTreeSet<_> = types(&parsed).into_iter().collect();
    assert_eq!(
        kinds,
        known().iter().map(String::as_str).collect(),
        "{}",
        ran.stdout
    );
}

/// The types of the schema.
fn known() -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let types = schema["oneOf"].as_array().unwrap().iter();
    types
        .map(|it| {
            it["$ref"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[test]
fn its_table_names_every_field() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for kind in known() {
        let row = section()
            .lines()
            .find(|line| line.starts_with(&format!("| `{kind}` |")))
            .unwrap_or_else(|| panic!("no row for {kind}"));
        let definition = &schema["$defs"][&kind];
        for field in definition["properties"].as_object().unwrap().keys() {
            let common = ["type", "time", "seq", "job", "namespace", "region"];
            assert!(
                common.contains(&field.as_str()) || row.contains(&format!("`{field}`")),
                "{field} is not in {row}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
#[expect(
    clippy::print_stderr,
    reason = "what is not tested must not look as if it were"
)]
async fn its_jq_commands_work() {
    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("SKIPPED: the README's jq commands are not tested, jq is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let cluster = running(&web(3)).await;
    let refused = Fault::Status(500, "Could not find task runner".to_owned());
    let ran = scene(&cluster, &["-json", "-yes", "-on-error=fail"])
        .fault(Rule::on("/restart", refused).nth(2))
        .run()
        .await
        .ended_with(1);
    let summary = ran.stdout.lines().last().unwrap();
    lines(&ran.stdout);
    std::fs::write(directory.path().join("events.ndjson"), &ran.stdout).unwrap();
    std::fs::write(directory.path().join("run.json"), summary).unwrap();
    let commands: Vec<_> = section()
        .lines()
        .filter(|line| line.starts_with("jq "))
        .collect();
    assert!(commands.len() > 3, "{commands:?}");
    for command in commands {
        let output = Command::new("bash")
            .args(["-c", command])
            .current_dir(directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {said}");
        let printed = String::from_utf8_lossy(&output.stdout);
        let printed = printed.trim();
        assert!(
            !printed.is_empty() && printed != "null",
            "{command}: {printed}"
        );
    }
}
