//! The real binary: nothing but lines on a real stdout, at every kind of end.

use nomad_sim::front::{Fault, Rule};
use serde_json::{Value, json};

use super::{lines, the, types};
use crate::jobs::{service, serving, settle, simulated};
use crate::support::Program;

fn two() -> Value {
    service("web", &[("app", 2)])
}

#[test]
fn a_run_and_its_report() {
    let served = serving([two()]);
    settle(&served);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let report = format!("-report={}", path.display());
    let ran = served.program(["-json", "-yes", &report, "web"]).run();
    let ran = ran.ended_with(0).said("");
    let lines = lines(&ran.stdout);
    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "done");
    let written = std::fs::read_to_string(path).unwrap();
    assert_eq!(ran.stdout.lines().last(), Some(written.trim_end()));
    // The order of the fields is stable; these come first in every line.
    for line in ran.stdout.lines() {
        let keys: Vec<_> = ["type", "time", "seq", "job", "namespace", "region"]
            .iter()
            .map(|key| line.find(&format!("\"{key}\":")).unwrap())
            .collect();
        assert!(keys.is_sorted() && keys[0] == 1, "{line}");
    }
}

#[test]
fn a_usage_error_is_text() {
    for args in [
        &["-json"][..],
        &["-json", "web"],
        &["-json", "-report=", "-yes", "web"],
    ] {
        let ran = Program::new(args).run().ended_with(1).printed_nothing();
        assert!(
            ran.stderr
                .ends_with("For additional help try 'nomad-restart -help'\n"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn it_cannot_start() {
    let served = serving([two()]);
    for (args, address) in [
        (
            &["-json", "-yes", "no-such-job"][..],
            served.address.as_str(),
        ),
        (&["-json", "-yes", "web"], "not an address"),
        (
            &["-json", "-yes", "-report=/nowhere/at/all", "web"],
            served.address.as_str(),
        ),
    ] {
        let ran = served.program(args).env("NOMAD_ADDR", address).run();
        let ran = ran.ended_with(1);
        let lines = lines(&ran.stdout);
        assert_eq!(types(&lines), ["version", "diagnostic", "summary"]);
        let summary = the(&lines, "summary");
        assert_eq!(summary["outcome"], "cannot_start");
        assert_eq!(
            Some(ran.stderr.trim_end()),
            summary["errors"][0]["message"].as_str()
        );
    }
    assert!(served.written().is_empty());
}

#[test]
fn a_signal_in_the_middle() {
    let slow = simulated(two(), &json!([{"start_from": 2, "start_block_for": "60s"}]));
    let served = serving([slow]);
    settle(&served);
    let mut running = served.program(["-json", "-yes", "web"]).spawn();
    running.until("alloc_start");
    running.signal("TERM");
    let ran = running.wait().ended_with(143);
    let lines = lines(&ran.stdout);
    let summary = the(&lines, "summary");
    assert_eq!(summary["outcome"], "interrupted");
    assert_eq!(summary["signal"], 15);
    assert_eq!(summary["counts"]["in_flight"], 1);
    assert_eq!(summary["counts"]["untouched"], 1);
    assert!(ran.stderr.contains(summary["resume"].as_str().unwrap()));
}

#[test]
fn a_second_signal_leaves_no_summary() {
    let served = serving([two()]);
    settle(&served);
    served
        .agent
        .faults()
        .add(Rule::on("/restart", Fault::Stall));
    let mut running = served.program(["-json", "-yes", "web"]).spawn();
    running.until("alloc_start");
    running.signal("TERM");
    running.signal("INT");
    let ran = running.wait();
    assert!(
        ran.code() == Some(130) || ran.code() == Some(143),
        "{:?}",
        ran.code()
    );
    assert!(!ran.stdout.contains("\"summary\""), "{}", ran.stdout);
    for line in ran.stdout.lines() {
        let _: Value = serde_json::from_str(line).unwrap();
    }
}

#[test]
fn a_closed_stdout_is_told_in_the_report_only() {
    let served = serving([two()]);
    settle(&served);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let ran = Program::shell("\"$PROGRAM\" -json -yes -report=\"$REPORT\" web | head -n 1")
        .env("NOMAD_ADDR", &served.address)
        .env("REPORT", path.to_str().unwrap())
        .run()
        .ended_with(141);
    assert_eq!(ran.stdout.lines().count(), 1);
    let report: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["exit_code"], 141);
    assert_eq!(report["outcome"], "interrupted");
}

#[test]
fn output_that_cannot_be_written_is_no_success() {
    let served = serving([two()]);
    settle(&served);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    let ran = Program::shell("exec \"$PROGRAM\" -json -yes -report=\"$REPORT\" web > /dev/full")
        .env("NOMAD_ADDR", &served.address)
        .env("REPORT", path.to_str().unwrap())
        .run()
        .ended_with(1);
    assert!(ran.stderr.contains("Error writing to standard output"));
    let report: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["exit_code"], 1);
    assert_eq!(report["outcome"], "done");
}

#[test]
fn nothing_is_asked_at_a_terminal() {
    let served = serving([two()]);
    settle(&served);
    let program = served.program(["-json", "-on-error=fail", "we"]);
    let mut session = program.at_a_terminal();
    let shown = session.exp_eof().unwrap();
    assert!(shown.contains("\"cannot_start\""), "{shown}");
    assert!(served.written().is_empty());
}
