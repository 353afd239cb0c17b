//! Lines of events that runs over a simulated cluster seldom bring about.

use serde_json::Value;

use super::*;
use crate::event::{Ending, EventKind, Planned, Preview, Summary, Target, Trouble};

fn recorder() -> Recorder {
    let subject = Subject {
        job: "web".to_owned(),
        namespace: "default".to_owned(),
        region: None,
    };
    Recorder::new(subject, &at(0)).0
}

/// So many seconds after the start, in a zone of its own.
fn at(seconds: i64) -> DateTime<FixedOffset> {
    let start = DateTime::parse_from_rfc3339("2026-08-12T17:36:31.0426-05:00").unwrap();
    start + chrono::TimeDelta::seconds(seconds)
}

fn take(recorder: &mut Recorder, seconds: i64, kind: EventKind) -> Vec<Value> {
    let event = Event {
        at: at(seconds),
        kind,
    };
    let lines = recorder.take(&event);
    lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn failed(text: &str) -> RunError {
    RunError {
        allocation: Some("a0000001".into()),
        text: text.to_owned(),
        unrecoverable: true,
        trouble: Trouble::Placement,
    }
}

fn planned(recorder: &mut Recorder) {
    let allocation = Planned {
        batch: 1,
        allocation: "a0000001".into(),
        group: "web".to_owned(),
        node: "node-1".to_owned(),
        version: 3,
        since: None,
        healthy: None,
        not_running: Vec::new(),
    };
    let preview = Preview {
        dry_run: false,
        reschedules: false,
        batches: 1,
        window: None,
        allocations: vec![allocation],
        left_out: Vec::new(),
    };
    take(recorder, 0, EventKind::Planned(Box::new(preview)));
}

fn done() -> EventKind {
    EventKind::AllocationDone {
        allocation: "a0000001".into(),
    }
}

#[test]
fn the_first_line_and_the_order_of_fields() {
    let subject = Subject {
        job: "web".to_owned(),
        namespace: "ops".to_owned(),
        region: Some("eu".to_owned()),
    };
    let (mut recorder, first) = Recorder::new(subject, &at(0));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        first,
        format!(
            r#"{{"type":"version","time":"2026-08-12T22:36:31.042Z","seq":1,"job":"web","namespace":"ops","region":"eu","nomad_restart":"{version}","schema":"1.0"}}"#
        )
    );
    let found = EventKind::JobFound {
        job: "web-1".to_owned(),
        namespace: "prod".to_owned(),
        region: String::new(),
    };
    assert!(take(&mut recorder, 1, found).is_empty());
    let lines = take(&mut recorder, 1, EventKind::Notice("x".to_owned()));
    assert_eq!(lines[0]["seq"], 2);
    assert_eq!(lines[0]["job"], "web-1");
    assert_eq!(lines[0]["namespace"], "prod");
    // What was asked for, where the job does not say.
    assert_eq!(lines[0]["region"], "eu");
}

#[test]
fn an_allocation_can_fail_after_it_was_done_but_only_once() {
    let mut recorder = recorder();
    planned(&mut recorder);
    take(
        &mut recorder,
        1,
        EventKind::AllocationStarted {
            allocation: "a0000001".into(),
            group: "web".to_owned(),
            what: Target::RunningTasks,
        },
    );
    let [line] = &take(&mut recorder, 3, done())[..] else {
        panic!("no line");
    };
    assert_eq!(line["outcome"], "done");
    assert_eq!(line["duration_ms"], 2_000);
    let mut fails = |seconds, text| {
        let error = failed(text);
        take(
            &mut recorder,
            seconds,
            EventKind::AllocationFailed { error },
        )
        .remove(0)
    };
    let first = fails(4, "first");
    assert_eq!(first["type"], "alloc_done");
    assert_eq!(first["outcome"], "failed");
    assert_eq!(first["duration_ms"], 3_000);
    assert_eq!(
        first["error"],
        serde_json::json!({"class": "placement", "message": "first", "recoverable": false})
    );
    let second = fails(5, "second");
    assert_eq!(second["type"], "diagnostic");
    assert_eq!(second["allocation"], "a0000001");
    assert_eq!(second["message"], "second");
    let skipped = EventKind::AllocationSkipped {
        allocation: "a0000001".into(),
        reason: "it is gone".to_owned(),
    };
    let third = take(&mut recorder, 6, skipped).remove(0);
    assert_eq!(third["type"], "diagnostic");
    assert_eq!(third["allocation"], "a0000001");
}

#[test]
fn foreign_text_is_not_obeyed() {
    // D70
    let mut recorder = recorder();
    let text = "no \u{1b}[31mway\u{7} \u{202e}back\nnext ";
    let lines = take(&mut recorder, 1, EventKind::Warning(text.to_owned()));
    assert_eq!(lines[0]["message"], "no way back\nnext");
    let error = failed(text);
    let lines = take(&mut recorder, 1, EventKind::AllocationFailed { error });
    assert_eq!(lines[0]["error"]["message"], "no way back\nnext");
}

#[test]
fn every_ending_has_its_word() {
    let finish = |how, errors: &[RunError], summary| {
        EventKind::Finished(Finish {
            how,
            cause: None,
            errors: errors.to_vec(),
            summary,
            resume: Some("nomad-restart web".to_owned()),
        })
    };
    let all_done = || Summary {
        eligible: 1,
        done: vec!["a0000001".into()],
        ..Summary::default()
    };
    let untouched = || Summary {
        eligible: 1,
        untouched: vec!["a0000001".into()],
        ..Summary::default()
    };
    let resume = "nomad-restart web";
    for (event, outcome, resume) in [
        (finish(Ending::Completed, &[], all_done()), "done", None),
        (
            finish(Ending::Completed, &[failed("x")], untouched()),
            "done_with_errors",
            Some(resume),
        ),
        (
            finish(Ending::Stopped, &[], untouched()),
            "stopped",
            Some(resume),
        ),
        (
            finish(Ending::Declined, &[], untouched()),
            "declined",
            Some(resume),
        ),
        (
            finish(Ending::Interrupted { signal: 1 }, &[], untouched()),
            "interrupted",
            Some(resume),
        ),
        (
            EventKind::CannotStart {
                text: "x".to_owned(),
                trouble: Some(Trouble::Connection),
            },
            "cannot_start",
            None,
        ),
        (
            EventKind::CannotStart {
                text: "x".to_owned(),
                trouble: None,
            },
            "declined",
            None,
        ),
    ] {
        let mut recorder = recorder();
        planned(&mut recorder);
        take(&mut recorder, 1, event);
        let summary: Value = serde_json::from_str(&recorder.close(9, &at(2))).unwrap();
        assert_eq!(summary["outcome"], outcome);
        assert_eq!(summary["exit_code"], 9);
        assert_eq!(summary["resume"].as_str(), resume, "{outcome}");
        assert_eq!(summary["duration_ms"], 2_000);
        assert_eq!(summary["counts"]["eligible"], 1, "{outcome}");
    }
}

#[test]
fn a_clock_that_is_set_back_makes_no_negative_time() {
    let mut recorder = recorder();
    let summary: Value = serde_json::from_str(&recorder.close(0, &at(-60))).unwrap();
    assert_eq!(summary["duration_ms"], 0);
    assert_eq!(summary["outcome"], "nothing_to_do");
}
