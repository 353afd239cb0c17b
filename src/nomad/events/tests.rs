//! Events out of bytes that are cut anywhere: lines as they were recorded, and lines that are not what they should be.

use proptest::prelude::*;

use super::*;
use crate::nomad::json::{ClientStatus, DesiredStatus};

/// Lines as a Nomad 2.0.5 agent sent them.
const RECORDED: &str = include_str!("../../../tests/fixtures/events.jsonl");

fn all(lines: &mut Lines) -> Vec<Line> {
    std::iter::from_fn(|| lines.next_line()).collect()
}

fn read(text: &str) -> Vec<Line> {
    let mut lines = Lines::default();
    lines.push(Bytes::copy_from_slice(text.as_bytes()));
    all(&mut lines)
}

fn event(index: u64) -> Line {
    Line::Event(Box::new(StreamEvent {
        index,
        ..StreamEvent::default()
    }))
}

#[test]
fn what_lines_say() {
    let reason = "subscription closed by server, client should resubscribe";
    for (text, expected) in [
        ("{}\n", vec![Line::Heartbeat]),
        ("\n \r\n{}\r\n", vec![Line::Heartbeat]),
        ("{}", vec![]),
        ("{\"Index\":7,\"Events\":null}\n", vec![]),
        ("{\"Index\":7}\n{}\n", vec![Line::Heartbeat]),
        (
            "{\"Index\":7,\"Events\":[{\"Index\":7}, {\"Index\":7,\"Payload\":{}}]}\n",
            vec![event(7), event(7)],
        ),
        ("{\"Events\":[{\"Index\":7}],\"Index\":7}\n", vec![event(7)]),
        (
            "{\"Index\":7,\"Eve\n{}\n",
            vec![Line::Unreadable, Line::Heartbeat],
        ),
        // Cut off in the middle of an event; then another line.
        (
            "{\"Index\":7,\"Events\":[{\"Index\":7,\"Pay\n{}\n",
            vec![Line::Unreadable, Line::Heartbeat],
        ),
        (
            "{\"Index\":7,\"Events\":[{\"Index\":\"no\"}]}\n",
            vec![Line::Unreadable],
        ),
        ("{\"Error\":\"what {[\"}\n", vec![Line::Unreadable]),
        (
            "subscription closed by server, client should resubscribe\n",
            vec![Line::Reason(reason.to_owned())],
        ),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn the_reason_for_the_end_has_no_line_end() {
    // VERSIONS row 34
    let mut lines = Lines::default();
    lines.push(Bytes::from_static(b"{}\nACL token exp"));
    assert_eq!(all(&mut lines), [Line::Heartbeat]);
    lines.push(Bytes::from_static(b"ired"));
    assert_eq!(all(&mut lines), []);
    assert_eq!(
        lines.rest(),
        Some(Line::Reason("ACL token expired".to_owned()))
    );
    assert_eq!(lines.rest(), None);
}

#[test]
fn recorded_lines_are_understood() {
    let events: Vec<_> = read(RECORDED)
        .into_iter()
        .map(|line| match line {
            Line::Event(event) => *event,
            other => panic!("{other:?}"),
        })
        .collect();
    let written = RECORDED.matches("\"Payload\":{").count();
    assert_eq!(events.len(), written);
    assert!(events.iter().all(|event| event.index != 0));
    let payloads = || events.iter().map(|event| &event.payload);
    assert!(events.iter().all(|event| event.namespace == "default"));
    // b01: registered, placed, started, restarted, purged.
    let states: Vec<_> = payloads()
        .filter_map(|payload| payload.allocation.as_ref())
        .map(|it| (it.desired_status.as_str(), it.client_status.as_str()))
        .collect();
    assert!(states.contains(&("run", "pending")) && states.contains(&("run", "running")));
    assert!(payloads().any(|it| {
        it.evaluation
            .as_ref()
            .is_some_and(|it| it.status == "complete")
    }));
    assert!(payloads().any(|it| {
        it.deployment
            .as_ref()
            .is_some_and(|it| it.status == "running")
    }));
    assert!(payloads().any(|it| it.job.as_ref().is_some_and(|it| it.kind == "service")));
    assert!(payloads().any(|it| it.deleted && it.job.is_some()));
    let restarted = payloads()
        .filter_map(|payload| payload.allocation.as_ref())
        .filter_map(|allocation| allocation.task_states.get("app"))
        .any(|task| task.events.restart_signaled.is_some());
    assert!(restarted);
}

#[test]
fn what_an_event_leaves_out_is_the_zero_value() {
    let line = r#"{"Index":9,"Events":[{"Payload":{"Allocation":{"ID":"a","JobID":"web"}}}]}"#;
    let Some(Line::Event(event)) = read(&format!("{line}\n")).pop() else {
        panic!();
    };
    let allocation = event.payload.allocation.unwrap();
    assert_eq!(allocation.desired_status, DesiredStatus::Run);
    assert_eq!(allocation.client_status, ClientStatus::Pending);
}

proptest! {
    #[test]
    fn chunks_end_anywhere(cuts in prop::collection::vec(0..4000_usize, 0..30)) {
        let recorded: Vec<_> = RECORDED.split_inclusive('\n').take(6).collect();
        let text = format!("{{}}\n{}closed", recorded.concat());
        let mut whole = read(&text);
        whole.push(Line::Reason("closed".to_owned()));
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            lines.push(Bytes::copy_from_slice(chunk));
            seen.extend(all(&mut lines));
            rest = after;
        }
        lines.push(Bytes::copy_from_slice(rest));
        seen.extend(all(&mut lines));
        seen.extend(lines.rest());
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..400), splits in 1..50_usize) {
        let mut lines = Lines::default();
        for chunk in bytes.chunks(splits) {
            lines.push(Bytes::copy_from_slice(chunk));
            all(&mut lines);
            prop_assert!(lines.partial.len() + lines.frame.text.len() <= bytes.len());
        }
        lines.rest();
    }
}
