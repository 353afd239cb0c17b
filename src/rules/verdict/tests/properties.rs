//! What holds for any news.

use proptest::prelude::*;

use super::{Case, LIMIT};
use crate::event::Target;
use crate::nomad::json::{Allocation, TaskState};
use crate::rules::samples::{AllocationSample, TaskSample, allocation, task, unstarted};
use crate::rules::verdict::{CallState, Cause, Verdict};
use crate::rules::versions::Versions;

/// One thing that happens to a task.
#[derive(Clone, Copy, Debug)]
enum Step {
    Signal,
    Exit(i64),
    Restarting(u8),
    Started,
    Failed,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Signal),
        (0i64..3).prop_map(Step::Exit),
        (0u8..90).prop_map(Step::Restarting),
        Just(Step::Started),
        Just(Step::Failed),
    ];
    prop::collection::vec(step, 0..12)
}

/// The states that a task passes through; the times of its events go up.
fn states(steps: &[Step]) -> Vec<TaskState> {
    let mut state = task("running", 1.0);
    let mut all = vec![state.clone()];
    for (at, step) in (10u32..).zip(steps) {
        let at = f64::from(at);
        state = match *step {
            Step::Signal => state.event("Restart Signaled", at, ""),
            Step::Exit(code) => TaskState {
                state: task("dead", 0.0).state,
                ..state.exit(at, code)
            },
            Step::Restarting(delay) => {
                let restarts = state.restarts + 1;
                TaskState {
                    state: unstarted().state,
                    ..state.restarting(at, f64::from(delay), restarts)
                }
            }
            Step::Started => TaskState {
                state: task("running", 0.0).state,
                started_at: task("running", at).started_at,
                failed: false,
                ..state.event("Started", at, "")
            },
            Step::Failed => state.event("Not Restarting", at, "").failed(),
        };
        all.push(state.clone());
    }
    all
}

fn client() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        5 => Just("running"),
        1 => Just("pending"),
        1 => Just("failed"),
        1 => Just("complete"),
        1 => Just("lost"),
        1 => Just("unknown"),
    ]
}

fn call() -> impl Strategy<Value = u8> {
    0u8..4
}

fn call_state(case: &Case, number: u8) -> CallState {
    match number {
        0 => CallState::NotSent,
        1 => CallState::Open,
        2 => CallState::Accepted(case.begin),
        _ => CallState::Unknown(case.begin),
    }
}

fn at(index: u64, state: &TaskState, client: &str) -> Allocation {
    allocation("a", 10, index)
        .with("app", state.clone())
        .client(client)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn never_done_without_a_newer_start(
        steps in steps(),
        client in client(),
        number in call(),
        seconds in 0u64..100,
        all_tasks: bool,
    ) {
        let target = if all_tasks { Target::AllTasks } else { Target::RunningTasks };
        let states = states(&steps);
        let mut case = Case::new(&target, Versions::default(), vec![at(10, &states[0], "running")]);
        for (index, state) in (11..).zip(&states) {
            case.news(seconds, vec![at(index, state, client)]);
            let call = call_state(&case, number);
            if let Verdict::Done { by } = case.judge(call, seconds) {
                prop_assert_eq!(by, None);
                prop_assert_ne!(call, CallState::NotSent);
                prop_assert!(state.started_at > states[0].started_at);
                prop_assert!(!state.failed);
                prop_assert_eq!(state.state.as_str(), "running");
            }
        }
    }

    #[test]
    fn a_verdict_stays_under_more_of_the_same_news(
        steps in steps(),
        client in client(),
        number in call(),
        seconds in 0u64..100,
        more in 0u64..100,
        stopped in prop::option::of(prop_oneof![Just(""), Just("b")]),
        reschedule: bool,
    ) {
        let target = if reschedule { Target::Reschedule } else { Target::RunningTasks };
        let states = states(&steps);
        let last = states.last().cloned().unwrap_or_default();
        let mut news = at(11, &last, client);
        if let Some(next) = stopped {
            news = news.stopped("alloc is being migrated", next);
        }
        let replacement = allocation("b", 11, 12).with("app", last).client(client);
        let mut case = Case::new(&target, Versions::default(), vec![at(10, &states[0], "running")]);
        let call = call_state(&case, number);
        let all = || vec![news.clone(), replacement.clone()];
        case.list(seconds, all());
        let before = case.judge(call, seconds);
        case.list(seconds + more, all());
        let after = case.judge(call, seconds + more);
        match before {
            Verdict::Pending(_) => {}
            Verdict::Done { .. } => prop_assert_eq!(before, after),
            // A proof that takes time may come too late; the first verdict counts.
            Verdict::Failed(Cause::Timeout { .. }) => {
                prop_assert!(!matches!(after, Verdict::Pending(_)), "{:?}", after);
            }
            Verdict::Failed(_) => prop_assert!(matches!(after, Verdict::Failed(_)), "{:?}", after),
        }
    }

    #[test]
    fn every_wait_ends_with_its_limit(
        steps in steps(),
        client in client(),
        number in call(),
        reschedule: bool,
    ) {
        // D42
        let target = if reschedule { Target::Reschedule } else { Target::RunningTasks };
        let states = states(&steps);
        let mut case = Case::new(&target, Versions::default(), vec![at(10, &states[0], "running")]);
        case.news(1, vec![at(11, states.last().unwrap_or(&states[0]), client)]);
        let call = call_state(&case, number);
        // At the limit a read may be asked for, for a while.
        if let Verdict::Pending(reason) = case.judge(call, LIMIT.as_secs()) {
            prop_assert!(reason.confirm.is_some());
        }
        prop_assert!(!matches!(case.judge(call, 2 * LIMIT.as_secs()), Verdict::Pending(_)));
        // And until then there is always a moment at which to look again.
        prop_assert!(case.next_check(call, 0).is_some());
    }
}
