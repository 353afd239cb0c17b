//! Each event as the lines it becomes. Lines on stderr are marked with `!`, others with what they look like.

use std::time::Duration;

use super::*;
use crate::event::Trouble;
use crate::nomad::json::AllocId;

const QUIET: Manner = Manner {
    verbose: false,
    yes: false,
    tolerant: false,
    progress: Progress::Auto,
};
const VERBOSE: Manner = Manner {
    verbose: true,
    ..QUIET
};

fn id(first: char) -> AllocId {
    format!("{first}0000000-1111-2222-3333-444444444444").into()
}

fn error(text: &str) -> RunError {
    RunError {
        allocation: Some(id('a')),
        text: text.to_owned(),
        unrecoverable: false,
        trouble: Trouble::Failure,
    }
}

fn at(stamp: &str, kind: EventKind) -> Event {
    Event {
        at: DateTime::parse_from_rfc3339(stamp).unwrap(),
        kind,
    }
}

/// All lines of the events, each with `1`/`2` for its stream and the first letter of its style in front.
fn rendered(events: impl IntoIterator<Item = EventKind>, manner: Manner) -> String {
    events
        .into_iter()
        .flat_map(|kind| lines(&at("2023-02-28T17:36:31-05:00", kind), manner))
        .map(|line| {
            let stream = match line.to {
                Stream::Stdout => '1',
                Stream::Stderr => '2',
            };
            let style = format!("{:?}", line.style);
            format!("{stream}{}|{}", &style[..1], line.text)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

fn starts() -> Vec<EventKind> {
    [
        Target::RunningTasks,
        Target::AllTasks,
        Target::Task("ma\"in".to_owned()),
        Target::Reschedule,
    ]
    .into_iter()
    .map(|what| EventKind::AllocationStarted {
        allocation: id('a'),
        group: "web".to_owned(),
        what,
    })
    .collect()
}

fn details() -> Vec<EventKind> {
    vec![
        EventKind::LeftOut {
            allocation: id('a'),
            reason: "it doesn't have any of requested groups".to_owned(),
        },
        EventKind::TaskMissing {
            allocation: id('a'),
            task: "sidecar".to_owned(),
        },
        EventKind::StatusChanged {
            allocation: id('a'),
            status: "pending".to_owned(),
        },
    ]
}

fn waiting() -> Vec<EventKind> {
    [
        WaitedFor::Restarted,
        WaitedFor::Healthy,
        WaitedFor::Replaced,
        WaitedFor::ReplacedHealthy,
    ]
    .into_iter()
    .map(|action| EventKind::StillWaiting {
        allocation: id('a'),
        action,
        state: "\"b0000000\" is \"pending\": Downloading image".to_owned(),
    })
    .collect()
}

#[test]
fn headers() {
    // D72
    let header = |allocations| EventKind::Selected { allocations };
    let batch = |number, allocations| EventKind::BatchStarted {
        number,
        of: number,
        allocations,
        size: 2,
    };
    let window = |allocations, at_once| EventKind::SelectedForWindow {
        allocations,
        at_once,
    };
    let text = rendered(
        [
            header(1),
            header(2_000),
            batch(1, 2),
            batch(112, 1),
            window(1, 1),
            window(24, 3),
        ],
        QUIET,
    );
    insta::assert_snapshot!(text, @"
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 1 allocation
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 2000 allocations
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 1st batch of 2 allocations
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 112th batch of 1 allocations
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 1 allocation, at most 1 at once
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 24 allocations, at most 3 at once
    ");
}

#[test]
fn what_each_write_is_for() {
    insta::assert_snapshot!(rendered(starts(), QUIET), @r#"
    1P|    2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000000" for group "web"
    1P|    2023-02-28T17:36:31-05:00: Restarting all tasks in allocation "a0000000" for group "web"
    1P|    2023-02-28T17:36:31-05:00: Restarting task "ma\"in" in allocation "a0000000" for group "web"
    1P|    2023-02-28T17:36:31-05:00: Rescheduling allocation "a0000000" for group "web"
    "#);
}

#[test]
fn whole_ids_and_details_with_verbose() {
    // T22
    assert_eq!(rendered(details(), QUIET), "");
    insta::assert_snapshot!(rendered(details().into_iter().chain(starts()), VERBOSE), @r#"
    1D|    2023-02-28T17:36:31-05:00: Skipping allocation "a0000000-1111-2222-3333-444444444444" because it doesn't have any of requested groups
    1D|    2023-02-28T17:36:31-05:00: Skipping task "sidecar" in allocation "a0000000-1111-2222-3333-444444444444" because the allocation doesn't have it
    1D|    2023-02-28T17:36:31-05:00: Allocation "a0000000-1111-2222-3333-444444444444" is "pending"
    1P|    2023-02-28T17:36:31-05:00: Restarting running tasks in allocation "a0000000-1111-2222-3333-444444444444" for group "web"
    1P|    2023-02-28T17:36:31-05:00: Restarting all tasks in allocation "a0000000-1111-2222-3333-444444444444" for group "web"
    1P|    2023-02-28T17:36:31-05:00: Restarting task "ma\"in" in allocation "a0000000-1111-2222-3333-444444444444" for group "web"
    1P|    2023-02-28T17:36:31-05:00: Rescheduling allocation "a0000000-1111-2222-3333-444444444444" for group "web"
    "#);
}

#[test]
fn no_progress_means_main_lines_only() {
    let manner = Manner {
        progress: Progress::None,
        ..VERBOSE
    };
    assert_eq!(
        rendered(
            details().into_iter().chain(starts()).chain(waiting()),
            manner
        ),
        ""
    );
    let text = rendered(
        [
            EventKind::Selected { allocations: 3 },
            EventKind::Warning("seen".to_owned()),
        ],
        manner,
    );
    insta::assert_snapshot!(text, @"
    1B|==> 2023-02-28T17:36:31-05:00: Restarting 3 allocations
    2W|    2023-02-28T17:36:31-05:00: Warning: seen
    ");
}

#[test]
fn signs_of_life_name_state_and_reason() {
    // N67, D49, D50
    insta::assert_snapshot!(rendered(waiting(), QUIET), @r#"
    1P|    2023-02-28T17:36:31-05:00: Still waiting for allocation "a0000000" to be running again: "b0000000" is "pending": Downloading image
    1P|    2023-02-28T17:36:31-05:00: Still waiting for allocation "a0000000" to be healthy: "b0000000" is "pending": Downloading image
    1P|    2023-02-28T17:36:31-05:00: Still waiting for allocation "a0000000" to be replaced: "b0000000" is "pending": Downloading image
    1P|    2023-02-28T17:36:31-05:00: Still waiting for allocation "a0000000" to be replaced by one that is healthy: "b0000000" is "pending": Downloading image
    "#);
}

#[test]
fn what_is_waited_for_in_a_replacement_is_what_was_asked_for() {
    let lines = |healthy, status: &str| {
        rendered(
            [
                EventKind::Replaced {
                    replaced: "a0000000".into(),
                    by: "b0000000".into(),
                    healthy,
                },
                EventKind::ReplacementRunning {
                    allocation: "b0000000".into(),
                    status: status.to_owned(),
                    healthy,
                },
            ],
            QUIET,
        )
    };
    insta::assert_snapshot!(lines(false, "complete"), @r#"
    1P|    2023-02-28T17:36:31-05:00: Allocation "a0000000" replaced by "b0000000", waiting for "b0000000" to start running
    1P|    2023-02-28T17:36:31-05:00: Allocation "b0000000" is "complete"
    "#);
    insta::assert_snapshot!(lines(true, "running"), @r#"
    1P|    2023-02-28T17:36:31-05:00: Allocation "a0000000" replaced by "b0000000", waiting for "b0000000" to be healthy
    1P|    2023-02-28T17:36:31-05:00: Allocation "b0000000" is "running" and healthy
    "#);
}

#[test]
fn pauses_and_stops() {
    let second = Duration::from_secs(1);
    let text = rendered(
        [
            EventKind::Pausing { pause: 90 * second },
            EventKind::PausingEach { pause: 90 * second },
            EventKind::NewPause {
                pause: Duration::ZERO,
            },
            EventKind::Stopping {
                unrecoverable: false,
                exceeded: None,
            },
            EventKind::Stopping {
                unrecoverable: true,
                exceeded: None,
            },
            EventKind::Notice("Waiting for deployment \"d1234567\"".to_owned()),
        ],
        QUIET,
    );
    insta::assert_snapshot!(text, @r#"
    1B|==> 2023-02-28T17:36:31-05:00: Waiting 1m30s before restarting the next batch
    1B|==> 2023-02-28T17:36:31-05:00: Waiting 1m30s after each allocation before restarting another one
    1B|==> 2023-02-28T17:36:31-05:00: Proceeding restarts with new wait time of 0s
    1B|==> 2023-02-28T17:36:31-05:00: Stopping job restart due to error
    1B|==> 2023-02-28T17:36:31-05:00: Stopping job restart due to unrecoverable error
    1B|==> 2023-02-28T17:36:31-05:00: Waiting for deployment "d1234567"
    "#);
}

#[test]
fn nothing_to_do_and_nothing_begun() {
    let nothing = |left_out: &str| EventKind::NothingToDo {
        left_out: left_out.to_owned(),
    };
    let text = rendered(
        [
            nothing(""),
            nothing("Left out: 2 complete, 1 failed"),
            EventKind::CannotStart {
                text: "Error querying job \"web\": \u{1b}[2Jno\nway\n".to_owned(),
                trouble: None,
            },
        ],
        QUIET,
    );
    insta::assert_snapshot!(text, @r#"
    1P|No allocations to restart
    1P|No allocations to restart
    1P|Left out: 2 complete, 1 failed
    2E|Error querying job "web": no
    way
    "#);
}

#[test]
fn errors_are_shown_when_they_happen_only_if_the_run_goes_on_by_itself() {
    // D54
    let failed = || EventKind::AllocationFailed {
        error: error("Failed to restart task \"main\": Task not running\nmore"),
    };
    assert_eq!(rendered([failed()], QUIET), "");
    let manner = Manner { yes: true, ..QUIET };
    insta::assert_snapshot!(rendered([failed()], manner), @r#"
    2E|    2023-02-28T17:36:31-05:00: Error restarting allocation "a0000000": Failed to restart task "main": Task not running
                                   more
    "#);
}

#[test]
fn skipped_in_its_turn() {
    let text = rendered(
        [EventKind::AllocationSkipped {
            allocation: id('a'),
            reason: "it has already been replaced by \"b0000000\"".to_owned(),
        }],
        QUIET,
    );
    insta::assert_snapshot!(text, @r#"2W|    2023-02-28T17:36:31-05:00: Skipping allocation "a0000000" because it has already been replaced by "b0000000""#);
}

#[test]
fn errors_of_a_batch() {
    // 5.7.3
    let of_run = RunError {
        allocation: None,
        ..error("Deployment \"d1234567\" is \"running\"")
    };
    let placement = error(
        "Evaluation \"e1234567\" has placement failures for group \"web\":\n    \
         * No nodes were eligible for evaluation\n",
    );
    let text = rendered(
        [EventKind::BatchErrors {
            errors: vec![error("boom"), placement, of_run],
        }],
        QUIET,
    );
    insta::assert_snapshot!(text, @r#"
    2A|==> 2023-02-28T17:36:31-05:00: 3 errors occurred while restarting job:
                                   * Error restarting allocation "a0000000": boom
                                   * Error restarting allocation "a0000000": Evaluation "e1234567" has placement failures for group "web":
                                       * No nodes were eligible for evaluation
                                   * Deployment "d1234567" is "running"
    "#);
}

#[test]
fn further_lines_stand_under_the_first() {
    // D71
    for stamp in ["2023-02-28T17:36:31-05:00", "2023-02-28T22:36:31Z"] {
        let event = at(
            stamp,
            EventKind::BatchErrors {
                errors: vec![error("boom")],
            },
        );
        let lines = lines(&event, QUIET);
        let (first, second) = lines[0].text.split_once('\n').unwrap();
        assert_eq!(first.find("1 error"), second.find('*'), "{first}\n{second}");
    }
}

#[test]
fn foreign_text_keeps_its_layout_and_nothing_else() {
    // N65
    let text = "line [red]one[reset]\u{1b}[31m\r\n\ttwo\u{7}\u{0}";
    let lines = lines(
        &at("2023-02-28T22:36:31Z", EventKind::Warning(text.to_owned())),
        QUIET,
    );
    assert_eq!(
        lines[0].text,
        "    2023-02-28T22:36:31Z: Warning: line [red]one[reset]\n                          \ttwo"
    );
}

#[test]
fn failures_that_are_tolerated_are_shown_when_they_happen() {
    let failed = |unrecoverable| EventKind::AllocationFailed {
        error: RunError {
            unrecoverable,
            ..error("no")
        },
    };
    let manner = Manner {
        tolerant: true,
        ..QUIET
    };
    insta::assert_snapshot!(rendered([failed(false), failed(true)], manner), @r#"
    2E|    2023-02-28T17:36:31-05:00: Error restarting allocation "a0000000": no
    "#);
}

#[test]
fn stops_and_waits_that_options_bring_about() {
    let awaited = |still| {
        let deployment = Awaited {
            id: "d1234567-89ab".to_owned(),
            job: "web".to_owned(),
            status: "running".to_owned(),
            description: "Deployment is running but requires manual promotion".to_owned(),
        };
        EventKind::DeploymentAwaited { deployment, still }
    };
    let stopping = |failed, unrecoverable| EventKind::Stopping {
        unrecoverable,
        exceeded: Some(Exceeded { failed, allowed: 0 }),
    };
    let events = [
        awaited(false),
        awaited(true),
        stopping(1, false),
        stopping(2, true),
    ];
    insta::assert_snapshot!(rendered(events, QUIET), @r#"
    1B|==> 2023-02-28T17:36:31-05:00: Waiting for deployment "d1234567" of job "web" to end: it is "running" (Deployment is running but requires manual promotion)
    1P|    2023-02-28T17:36:31-05:00: Still waiting for deployment "d1234567" of job "web" to end: it is "running" (Deployment is running but requires manual promotion)
    1B|==> 2023-02-28T17:36:31-05:00: Stopping job restart due to error: 1 allocation failed and -max-failures allows 0
    1B|==> 2023-02-28T17:36:31-05:00: Stopping job restart due to unrecoverable error: 2 allocations failed and -max-failures allows 0
    "#);
}
