//! The sentences of causes that no view shows, and what is unrecoverable.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::Target;
use crate::nomad::json::AllocMetric;
use crate::rules::verdict::Cause;

fn refused(target: Target, text: &str, permission: bool) -> Cause {
    Cause::Refused {
        target,
        text: text.to_owned(),
        permission,
    }
}

#[test]
fn refused_calls_keep_nomads_words() {
    // T56–T58
    let text = "Unexpected response code: 500 (boom)";
    let table = [
        (Target::RunningTasks, text.to_owned()),
        (Target::AllTasks, text.to_owned()),
        (
            Target::Task("main".to_owned()),
            format!("Failed to restart task \"main\": {text}"),
        ),
        (
            Target::Reschedule,
            format!("Failed to stop allocation: {text}"),
        ),
    ];
    for (target, sentence) in table {
        let cause = refused(target, text, false);
        assert_eq!(cause.to_string(), sentence);
        assert!(!cause.is_unrecoverable());
    }
    assert!(refused(Target::RunningTasks, "Permission denied", true).is_unrecoverable());
    // D58: by the answer's class, not by its words.
    assert!(!refused(Target::RunningTasks, "Permission denied", false).is_unrecoverable());
}

#[test]
fn a_named_task_that_does_not_run_is_an_error_without_a_call() {
    // T28
    let cause = Cause::TaskNotRunning {
        task: "prestart".to_owned(),
    };
    assert_eq!(
        cause.to_string(),
        r#"Failed to restart task "prestart": Task not running"#
    );
    assert!(!cause.is_unrecoverable());
}

#[test]
fn placement_causes_come_in_a_stable_order() {
    // D48, N41, D72
    let counts = |entries: &[(&str, u64)]| {
        entries
            .iter()
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect::<BTreeMap<_, _>>()
    };
    let cause = Cause::Placement {
        evaluation: "e1234567-89ab".to_owned(),
        group: Arc::from("web"),
        metric: Box::new(AllocMetric {
            nodes_evaluated: 0,
            nodes_available: counts(&[("dc2", 0), ("dc1", 0), ("dc3", 4)]),
            class_filtered: counts(&[("small", 2), ("big", 1)]),
            constraint_filtered: counts(&[("missing drivers", 3), ("${attr.arch} = arm", 1)]),
            nodes_exhausted: 2,
            class_exhausted: counts(&[("big", 1)]),
            dimension_exhausted: counts(&[("memory", 2), ("cpu", 1)]),
            quota_exhausted: vec!["memory".to_owned(), "cpu".to_owned()],
        }),
    };
    assert_eq!(
        cause.to_string(),
        r#"Evaluation "e1234567" has placement failures for group "web":
    * No nodes were eligible for evaluation
    * No nodes are available in datacenter "dc1"
    * No nodes are available in datacenter "dc2"
    * Class "big": 1 nodes excluded by filter
    * Class "small": 2 nodes excluded by filter
    * Constraint "${attr.arch} = arm": 1 nodes excluded by filter
    * Constraint "missing drivers": 3 nodes excluded by filter
    * Resources exhausted on 2 nodes
    * Class "big" exhausted on 1 nodes
    * Dimension "cpu" exhausted on 1 nodes
    * Dimension "memory" exhausted on 2 nodes
    * Quota limit hit "cpu"
    * Quota limit hit "memory""#
    );
}

#[test]
fn evaluated_nodes_are_not_said_to_be_missing() {
    let cause = Cause::Placement {
        evaluation: "e1".to_owned(),
        group: Arc::from("web"),
        metric: Box::new(AllocMetric {
            nodes_evaluated: 2,
            nodes_available: BTreeMap::from([("dc1".to_owned(), 2)]),
            ..AllocMetric::default()
        }),
    };
    assert_eq!(
        cause.to_string(),
        r#"Evaluation "e1" has placement failures for group "web":"#
    );
}

#[test]
fn what_is_likely_to_happen_again_or_left_something_missing_is_unrecoverable() {
    // D58. Permission, placement failure, timeout, outcome unknown, lost replacement.
    let id = || Arc::<str>::from("a1234567-89ab");
    let task = || Arc::<str>::from("app");
    let none = || Arc::<str>::from("");
    let lost = || Cause::NotReplaced {
        allocation: id(),
        description: none(),
    };
    let table = [
        (Cause::JobEnded { purged: false }, true),
        (lost(), true),
        (
            Cause::ReplacementFailed {
                allocation: id(),
                cause: Box::new(lost()),
            },
            true,
        ),
        (
            Cause::NotNeeded {
                allocation: id(),
                description: none(),
            },
            true,
        ),
        (
            Cause::NotRestarted {
                tasks: vec![task(), Arc::from("side")],
            },
            false,
        ),
        (
            Cause::Ended {
                task: task(),
                last: None,
            },
            false,
        ),
        (Cause::Gone, false),
        (
            Cause::NodeLost {
                description: none(),
            },
            false,
        ),
    ];
    for (cause, unrecoverable) in table {
        assert_eq!(cause.is_unrecoverable(), unrecoverable, "{cause}");
        // A sentence: no empty parts, and short ids.
        let text = cause.to_string();
        assert!(!text.contains(": ;") && !text.contains("()"), "{text}");
        assert!(!text.contains("89ab"), "{text}");
        assert_eq!(
            text.contains("a1234567"),
            cause.sentence(true).contains("a1234567-89ab")
        );
    }
}
