//! What became of an allocation that was done: "running again" is true when it is seen, and may not stay true.

use super::in_place::failed;
use super::reason::Event;
use super::{Baseline, Cause};
use crate::nomad::json::{AllocId, Allocation, ClientStatus, DesiredStatus, RunState, TaskState};
use crate::view::JobView;

/// The cause, if an allocation that was judged done has failed since. `by` is its replacement, if it was rescheduled. What somebody
/// stopped or restarted since is their affair.
pub(crate) fn relapse(base: &Baseline, by: Option<&AllocId>, view: &JobView) -> Option<Cause> {
    let allocation = view.allocations.get(by.unwrap_or(&base.allocation))?;
    if allocation.desired_status != DesiredStatus::Run {
        return None;
    }
    if allocation.client_status == ClientStatus::Failed {
        return Some(Cause::Relapsed {
            cause: Box::new(failed(allocation)),
        });
    }
    let down = match base.tasks() {
        Some(tasks) => tasks
            .keys()
            .find_map(|name| Some((name, has_failed(allocation.task_states.get(name)?)?))),
        None => of_any(allocation),
    };
    down.map(|(task, event)| Cause::Relapsed {
        cause: Box::new(Cause::TaskFailed {
            allocation: allocation.id.clone(),
            task: task.clone(),
            failure: Some(event),
            last: None,
        }),
    })
}

fn of_any(allocation: &Allocation) -> Option<(&std::sync::Arc<str>, Event)> {
    allocation
        .task_states
        .iter()
        .find_map(|(name, state)| Some((name, has_failed(state)?)))
}

/// The failure that has ended a task's last process, if it is down.
fn has_failed(state: &TaskState) -> Option<Event> {
    let failure = state.events.last_failure.as_ref()?;
    let started = state.started_at?.timestamp_nanos_opt()?;
    (state.state != RunState::Running && failure.time > started).then(|| Event::from(failure))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use tokio::time::Instant;

    use super::*;
    use crate::event::Target;
    use crate::nomad::json::TaskEvent;
    use crate::rules::versions::Versions;
    use crate::view::Change;

    /// An allocation whose task started at second 10, in this state, with a failure at this second.
    fn view(client: ClientStatus, run: RunState, failure: i64, index: u64) -> JobView {
        let mut state = TaskState {
            state: run,
            started_at: DateTime::from_timestamp(10, 0),
            ..TaskState::default()
        };
        state.events.last_failure = Some(TaskEvent {
            kind: "Terminated".into(),
            time: failure * 1_000_000_000,
            display_message: "Exit Code: 78".into(),
            ..TaskEvent::default()
        });
        let allocation = Allocation {
            id: "a".into(),
            client_status: client,
            modify_index: index,
            task_states: [(Arc::from("app"), state)].into(),
            ..Allocation::default()
        };
        let mut view = JobView::default();
        let now = Instant::now();
        view.apply(Change::Allocation(Box::new(allocation)), now, now);
        view
    }

    #[test]
    fn what_fails_after_it_ran_is_told() {
        let before = view(ClientStatus::Running, RunState::Running, 5, 1);
        let versions = Versions::default();
        let base = Baseline::take(&before, &versions, "a", &Target::RunningTasks).unwrap();
        let told = |client, run, failure| relapse(&base, None, &view(client, run, failure, 2));

        assert_eq!(told(ClientStatus::Running, RunState::Running, 5), None);
        assert_eq!(told(ClientStatus::Running, RunState::Running, 11), None);
        assert_eq!(told(ClientStatus::Pending, RunState::Pending, 5), None);
        let cause = told(ClientStatus::Pending, RunState::Pending, 11).unwrap();
        assert_eq!(
            cause.to_string(),
            "it ran again and has failed since: task \"app\" failed: Terminated: Exit Code: 78; see \"nomad alloc status a\""
        );
        assert!(!cause.is_unrecoverable());
        assert!(told(ClientStatus::Failed, RunState::Dead, 11).is_some());
    }
}
