//! Task states and task events, as the node reports them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::time::{Time, go_duration};

/// How many events of a task are kept: the newest ten.
const KEPT_EVENTS: usize = 10;

/// State of one task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskStateKind {
    /// Not started yet, or between two starts.
    #[default]
    Pending,
    /// The driver has started it and it has not exited.
    Running,
    /// Ended for good: it will not be started again by Nomad itself.
    Dead,
}

/// One task of an allocation as the API shows it; all keys are always present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TaskState {
    /// The newest ten, oldest first.
    pub events: Vec<Arc<TaskEvent>>,
    pub failed: bool,
    /// Set at the first death, never cleared.
    pub finished_at: Option<Time>,
    pub last_restart: Option<Time>,
    pub paused: &'static str,
    pub restarts: u64,
    /// Set each time the task enters `running`.
    pub started_at: Option<Time>,
    pub state: TaskStateKind,
}

impl TaskState {
    /// Appends an event and forgets the oldest beyond ten. A `Restarting` event counts as a restart.
    pub fn push(&mut self, time: Time, kind: EventKind) {
        if matches!(kind, EventKind::Restarting { .. }) {
            self.restarts += 1;
            self.last_restart = Some(time);
        }
        if self.events.len() == KEPT_EVENTS {
            self.events.remove(0);
        }
        self.events.push(Arc::new(TaskEvent { time, kind }));
    }
}

/// One line of a task's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskEvent {
    /// The node's clock.
    pub time: Time,
    pub kind: EventKind,
}

/// What happened to a task, with what the event carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    Received,
    TaskSetup,
    Started,
    Terminated {
        exit_code: i32,
        signal: i32,
        message: String,
    },
    RestartSignaled {
        reason: &'static str,
    },
    /// `delay` in nanoseconds.
    Restarting {
        reason: &'static str,
        delay: i64,
    },
    NotRestarting {
        reason: String,
    },
    DriverFailure {
        error: String,
    },
    /// `timeout` in nanoseconds.
    Killing {
        timeout: i64,
        /// The task counts as failed for it.
        fails: bool,
    },
    Killed,
    SiblingFailed {
        sibling: String,
    },
    LeaderDead,
    MainTasksDead,
    /// `delay` in nanoseconds.
    WaitingForShutdownDelay {
        delay: i64,
    },
    /// `delay` in nanoseconds.
    SkippingShutdownDelay {
        delay: i64,
    },
    Reconnected,
    /// The allocation missed its healthy deadline inside a deployment.
    AllocUnhealthy {
        message: String,
    },
}

impl EventKind {
    /// The event's `Type`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Received => "Received",
            Self::TaskSetup => "Task Setup",
            Self::Started => "Started",
            Self::Terminated { .. } => "Terminated",
            Self::RestartSignaled { .. } => "Restart Signaled",
            Self::Restarting { .. } => "Restarting",
            Self::NotRestarting { .. } => "Not Restarting",
            Self::DriverFailure { .. } => "Driver Failure",
            Self::Killing { .. } => "Killing",
            Self::Killed => "Killed",
            Self::SiblingFailed { .. } => "Sibling Task Failed",
            Self::LeaderDead => "Leader Task Dead",
            Self::MainTasksDead => "Main Tasks Dead",
            Self::WaitingForShutdownDelay { .. } => "Waiting for shutdown delay",
            Self::SkippingShutdownDelay { .. } => "Skipping shutdown delay",
            Self::Reconnected => "Reconnected",
            Self::AllocUnhealthy { .. } => "Alloc Unhealthy",
        }
    }
}

/// The event with all its keys; most are deprecated and stay zero.
#[derive(Serialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Wire<'a> {
    details: BTreeMap<&'static str, String>,
    disk_limit: i64,
    display_message: String,
    download_error: &'a str,
    driver_error: &'a str,
    driver_message: &'a str,
    exit_code: i32,
    failed_sibling: &'a str,
    fails_task: bool,
    generic_source: &'a str,
    kill_error: &'a str,
    kill_reason: &'a str,
    kill_timeout: i64,
    message: &'a str,
    restart_reason: &'a str,
    setup_error: &'a str,
    signal: i32,
    start_delay: i64,
    task_signal: &'a str,
    task_signal_reason: &'a str,
    time: i64,
    r#type: &'a str,
    validation_error: &'a str,
    vault_error: &'a str,
}

impl TaskEvent {
    fn wire(&self) -> Wire<'_> {
        let mut wire = Wire {
            time: self.time.nanos(),
            r#type: self.kind.name(),
            ..Wire::default()
        };
        match &self.kind {
            EventKind::Received => wire.display_message = "Task received by client".into(),
            EventKind::TaskSetup => {
                wire.message = "Building Task Directory";
                wire.display_message = wire.message.into();
                wire.details.insert("message", wire.message.into());
            }
            EventKind::Started => wire.display_message = "Task started by client".into(),
            EventKind::Terminated {
                exit_code,
                signal,
                message,
            } => {
                wire.exit_code = *exit_code;
                wire.signal = *signal;
                wire.message = message;
                wire.details.insert("exit_code", exit_code.to_string());
                wire.details.insert("signal", signal.to_string());
                wire.details.insert("oom_killed", "false".into());
                let mut text = format!("Exit Code: {exit_code}");
                if *signal != 0 {
                    text = format!("{text}, Signal: {signal}");
                }
                if !message.is_empty() {
                    text = format!("{text}, Exit Message: {message:?}");
                    wire.details.insert("exit_message", message.clone());
                }
                wire.display_message = text;
            }
            EventKind::RestartSignaled { reason } => {
                wire.restart_reason = reason;
                wire.display_message = (*reason).into();
                wire.details.insert("restart_reason", (*reason).into());
            }
            EventKind::Restarting { reason, delay } => {
                wire.restart_reason = reason;
                wire.start_delay = *delay;
                wire.display_message = format!("Task restarting in {}", go_duration(*delay));
                wire.details.insert("restart_reason", (*reason).into());
                wire.details.insert("start_delay", delay.to_string());
            }
            EventKind::NotRestarting { reason } => {
                wire.fails_task = true;
                wire.restart_reason = reason;
                wire.display_message.clone_from(reason);
                wire.details.insert("restart_reason", reason.clone());
                wire.details.insert("fails_task", "true".into());
            }
            EventKind::DriverFailure { error } => {
                wire.driver_error = error;
                wire.display_message.clone_from(error);
                wire.details.insert("driver_error", error.clone());
            }
            EventKind::Killing { timeout, fails } => {
                let timeout_text = go_duration(*timeout);
                if *fails {
                    wire.fails_task = true;
                    wire.details.insert("fails_task", "true".into());
                }
                wire.kill_timeout = *timeout;
                wire.display_message =
                    format!("Sent interrupt. Waiting {timeout_text} before force killing");
                wire.details.insert("kill_timeout", timeout_text);
            }
            EventKind::Killed => wire.display_message = "Task successfully killed".into(),
            EventKind::SiblingFailed { sibling } => {
                wire.failed_sibling = sibling;
                wire.display_message = format!("Task's sibling \"{sibling}\" failed");
                wire.details.insert("failed_sibling", sibling.clone());
            }
            EventKind::LeaderDead => wire.display_message = "Leader Task in Group dead".into(),
            EventKind::MainTasksDead => {
                wire.display_message = "Main tasks in the group died".into();
            }
            EventKind::WaitingForShutdownDelay { delay } => {
                wire.display_message = format!(
                    "Waiting for shutdown_delay of {} before killing the task.",
                    go_duration(*delay)
                );
            }
            EventKind::SkippingShutdownDelay { delay } => {
                wire.display_message = format!(
                    "Skipping shutdown_delay of {} before killing the task.",
                    go_duration(*delay)
                );
            }
            EventKind::Reconnected => wire.display_message = "Client reconnected".into(),
            EventKind::AllocUnhealthy { message } => {
                wire.message = message;
                wire.display_message.clone_from(message);
                wire.details.insert("message", message.clone());
            }
        }
        wire
    }

    /// The text that Nomad shows for this event.
    pub fn display_message(&self) -> String {
        self.wire().display_message
    }
}

impl Serialize for TaskEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.wire().serialize(serializer)
    }
}
