//! Hand-made objects for tests. Times are seconds on the node's clock.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::nomad::json::{
    Allocation, ClientStatus, DesiredStatus, Evaluation, Job, Lifecycle, RunState, Task, TaskEvent,
    TaskGroup, TaskState, UpdateBlock,
};
use crate::plan::{
    Action, BatchMode, BatchSize, OnDeployment, OnError, Pause, Progress, RestartPlan, Tasks,
    Timeout, WaitFor,
};
use crate::rules::versions::Versions;
use crate::view::{Change, JobView};

pub(crate) fn nanos(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "small numbers written in tests"
    )]
    let nanos = (seconds * 1e9) as i64;
    1_795_507_200_000_000_000 + nanos
}

pub(crate) fn time(seconds: f64) -> DateTime<Utc> {
    DateTime::from_timestamp_nanos(nanos(seconds))
}

/// A task that has started once (`Received`, `Started`), in this state.
pub(crate) fn task(state: &str, started: f64) -> TaskState {
    TaskState {
        state: RunState::from(state.to_owned()),
        started_at: Some(time(started)),
        ..TaskState::default()
    }
    .event("Received", started - 1.0, "Task received by client")
    .event("Started", started, "Task started by client")
}

/// A task that has not started yet.
pub(crate) fn unstarted() -> TaskState {
    TaskState::default().event("Received", 0.0, "Task received by client")
}

pub(crate) trait TaskSample: Sized {
    fn event(self, kind: &str, at: f64, message: &str) -> Self;
    fn exit(self, at: f64, code: i64) -> Self;
    fn restarting(self, at: f64, delay: f64, restarts: u64) -> Self;
    fn restarted(self, at: f64, restarts: u64) -> Self;
    fn failed(self) -> Self;
}

impl TaskSample for TaskState {
    fn event(mut self, kind: &str, at: f64, message: &str) -> Self {
        self.events.push(TaskEvent {
            kind: Arc::from(kind),
            time: nanos(at),
            display_message: Arc::from(message),
            ..TaskEvent::default()
        });
        self
    }

    fn exit(mut self, at: f64, code: i64) -> Self {
        self.events.push(TaskEvent {
            kind: Arc::from("Terminated"),
            time: nanos(at),
            display_message: Arc::from(format!("Exit Code: {code}")),
            exit_code: code,
            ..TaskEvent::default()
        });
        self
    }

    fn restarting(mut self, at: f64, delay: f64, restarts: u64) -> Self {
        self.events.push(TaskEvent {
            kind: Arc::from("Restarting"),
            time: nanos(at),
            display_message: Arc::from(format!("Task restarting in {delay}s")),
            start_delay: nanos(delay) - nanos(0.0),
            ..TaskEvent::default()
        });
        self.restarts = restarts;
        self.last_restart = Some(time(at));
        self
    }

    /// The whole way of a restart: signaled and ended at `at`, running 0.1 s later.
    fn restarted(self, at: f64, restarts: u64) -> Self {
        let mut state = self
            .event(
                "Restart Signaled",
                at,
                "User requested running tasks to restart",
            )
            .exit(at, 130)
            .restarting(at, 0.0, restarts)
            .event("Started", at + 0.1, "Task started by client");
        state.state = RunState::Running;
        state.started_at = Some(time(at + 0.1));
        state
    }

    fn failed(mut self) -> Self {
        self.state = RunState::Dead;
        self.failed = true;
        self
    }
}

/// A running allocation of group `web`, service job `web`, version 0, without tasks.
pub(crate) fn allocation(id: &str, create_index: u64, modify_index: u64) -> Allocation {
    Allocation {
        id: Arc::from(id),
        name: Arc::from("web.web[0]"),
        job_id: Arc::from("web"),
        job_type: Arc::from("service"),
        task_group: Arc::from("web"),
        client_status: ClientStatus::Running,
        create_index,
        modify_index,
        ..Allocation::default()
    }
}

pub(crate) trait AllocationSample: Sized {
    fn with(self, task: &str, state: TaskState) -> Self;
    fn client(self, status: &str) -> Self;
    fn stopped(self, description: &str, next: &str) -> Self;
    fn named(self, name: &str) -> Self;
    fn in_group(self, group: &str) -> Self;
    fn of_type(self, kind: &str) -> Self;
}

impl AllocationSample for Allocation {
    fn with(mut self, task: &str, state: TaskState) -> Self {
        self.task_states.insert(Arc::from(task), state);
        self
    }

    fn client(mut self, status: &str) -> Self {
        self.client_status = ClientStatus::from(status.to_owned());
        self
    }

    fn stopped(mut self, description: &str, next: &str) -> Self {
        self.desired_status = DesiredStatus::Stop;
        self.desired_description = Arc::from(description);
        self.next_allocation = Arc::from(next);
        self
    }

    fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    fn in_group(mut self, group: &str) -> Self {
        self.task_group = Arc::from(group);
        self
    }

    fn of_type(mut self, kind: &str) -> Self {
        self.job_type = Arc::from(kind);
        self
    }
}

/// A task of a job: name, and hook (`prestart`, `sidecar` for a prestart sidecar, …) or nothing for a main task.
pub(crate) fn job_task(name: &str, hook: &str) -> Task {
    Task {
        name: name.to_owned(),
        kill_timeout: 5_000_000_000,
        lifecycle: (!hook.is_empty()).then(|| Lifecycle {
            hook: if hook == "sidecar" { "prestart" } else { hook }.to_owned(),
            sidecar: hook == "sidecar",
        }),
        ..Task::default()
    }
}

/// A service job `web` with these groups and tasks (name, hook).
pub(crate) fn job(version: u64, groups: &[(&str, &[(&str, &str)])]) -> Job {
    Job {
        id: "web".to_owned(),
        kind: "service".to_owned(),
        version,
        create_index: 1,
        modify_index: 2 + version,
        task_groups: groups
            .iter()
            .map(|(name, tasks)| TaskGroup {
                name: (*name).to_owned(),
                count: 1,
                update: Some(UpdateBlock {
                    progress_deadline: 600_000_000_000,
                    ..UpdateBlock::default()
                }),
                tasks: tasks
                    .iter()
                    .map(|(name, hook)| job_task(name, hook))
                    .collect(),
                ..TaskGroup::default()
            })
            .collect(),
        ..Job::default()
    }
}

/// These versions of one job; the last one is the current one.
pub(crate) fn versions(jobs: Vec<Job>) -> Versions {
    match jobs.last() {
        Some(current) => Versions::new(Arc::new(current.clone()), jobs),
        None => Versions::default(),
    }
}

/// A blocked evaluation that could not place these groups.
pub(crate) fn blocked(id: &str, create_index: u64, groups: &[&str]) -> Evaluation {
    Evaluation {
        id: id.to_owned(),
        status: "blocked".to_owned(),
        failed_tg_allocs: groups
            .iter()
            .map(|group| {
                (
                    (*group).to_owned(),
                    crate::nomad::json::AllocMetric::default(),
                )
            })
            .collect::<BTreeMap<_, _>>(),
        create_index,
        modify_index: create_index,
        ..Evaluation::default()
    }
}

/// A view that has just read this list, of the highest index in it.
pub(crate) fn view(allocations: Vec<Allocation>) -> JobView {
    let mut view = JobView::default();
    list(&mut view, allocations, Instant::now());
    view
}

/// The view reads this list, of the highest index in it and in the view.
pub(crate) fn list(view: &mut JobView, allocations: Vec<Allocation>, now: Instant) {
    let index = allocations
        .iter()
        .map(|allocation| allocation.modify_index)
        .max()
        .unwrap_or(1)
        .max(view.index());
    let allocations = allocations.into_iter().map(Arc::new).collect();
    view.apply(Change::Snapshot { index, allocations }, now, now);
}

/// The view reads these allocations one by one.
pub(crate) fn news(view: &mut JobView, allocations: Vec<Allocation>, now: Instant) {
    for allocation in allocations {
        view.apply(Change::Allocation(Box::new(allocation)), now, now);
    }
}

/// A plan with the defaults of the command line.
pub(crate) fn plan(action: Action) -> RestartPlan {
    RestartPlan {
        job: "web".to_owned(),
        exact: false,
        action,
        groups: Vec::new(),
        batch: BatchSize::Count(1),
        mode: BatchMode::Lockstep,
        pause: Pause::Fixed(std::time::Duration::ZERO),
        on_error: OnError::Ask,
        max_failures: None,
        on_deployment: OnDeployment::Fail,
        yes: false,
        timeout: Timeout::FromJob,
        wait: WaitFor::Running,
        started_before: None,
        older_than: None,
        dry_run: false,
        verbose: false,
        progress: Progress::Auto,
        json: false,
        report: None,
        detailed_exitcode: false,
        max_connections: 50,
    }
}

pub(crate) fn in_place() -> Action {
    Action::InPlace(Tasks::Running)
}

pub(crate) fn named(tasks: &[&str]) -> Action {
    Action::InPlace(Tasks::Named(
        tasks.iter().map(|task| (*task).to_owned()).collect(),
    ))
}

pub(crate) fn reschedule() -> Action {
    Action::Reschedule {
        no_shutdown_delay: false,
    }
}
