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
    lines.push(text.as_bytes());
    all(&mut lines)
}

#[test]
fn what_lines_say() {
    for (text, expected) in [
        ("{}\n", vec![Line::Heartbeat]),
        ("\n \r\n{}\r\n", vec![Line::Heartbeat]),
        ("{}", vec![]),
        (
            "{\"Index\":7,\"Events\":null}\n",
            vec![Line::Events {
                index: 7,
                events: vec![],
            }],
        ),
        (
            "{\"Index\":7}\n{}\n",
            vec![
                Line::Events {
                    index: 7,
                    events: vec![],
                },
                Line::Heartbeat,
            ],
        ),
        ("{\"Index\":7,\"Eve\n", vec![Line::Unreadable]),
        ("{\"Error\":\"what\"}\n", vec![Line::Unreadable]),
        (
            "subscription closed by server, client should resubscribe\n",
            vec![Line::Reason(
                "subscription closed by server, client should resubscribe".to_owned(),
            )],
        ),
    ] {
        assert_eq!(read(text), expected, "{text:?}");
    }
}

#[test]
fn the_reason_for_the_end_has_no_line_end() {
    // VERSIONS row 34
    let mut lines = Lines::default();
    lines.push(b"{}\nACL token exp");
    assert_eq!(all(&mut lines), [Line::Heartbeat]);
    lines.push(b"ired");
    assert_eq!(all(&mut lines), []);
    assert_eq!(
        lines.rest(),
        Some(Line::Reason("ACL token expired".to_owned()))
    );
    assert_eq!(lines.rest(), None);
}

#[test]
fn recorded_lines_are_understood() {
    let lines = read(RECORDED);
    assert_eq!(lines.len(), RECORDED.lines().count());
    let events: Vec<_> = lines
        .into_iter()
        .flat_map(|line| match line {
            Line::Events { index, events } => {
                assert_ne!(index, 0);
                events
            }
            other => panic!("{other:?}"),
        })
        .collect();
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
    let Some(Line::Events { events, .. }) = read(&format!("{line}\n")).pop() else {
        panic!();
    };
    let allocation = events[0].payload.allocation.clone().unwrap();
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
            lines.push(chunk);
            seen.extend(all(&mut lines));
            rest = after;
        }
        lines.push(rest);
        seen.extend(all(&mut lines));
        seen.extend(lines.rest());
        prop_assert_eq!(seen, whole);
    }

    #[test]
    fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..400), splits in 1..50_usize) {
        let mut lines = Lines::default();
        for chunk in bytes.chunks(splits) {
            lines.push(chunk);
            all(&mut lines);
            prop_assert!(lines.buffer.len() <= bytes.len());
        }
        lines.rest();
    }
}
