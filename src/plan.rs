//! What was asked for, typed and validated: the border between the command line and everything that acts.
//!
//! [`validate`] holds every usage error behind the flag grammar, in Nomad's order and words; what Nomad does not
//! check comes last.

mod usage;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::options::Options;

pub(crate) use usage::UsageError;

/// One run of the program, as asked for. Nothing in it can be invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestartPlan {
    /// The job argument, trimmed and not empty.
    pub(crate) job: String,
    /// The argument is a job id, never a prefix.
    pub(crate) exact: bool,
    pub(crate) action: Action,
    /// Only these groups; empty = all. No duplicates, in the order given.
    pub(crate) groups: Vec<String>,
    pub(crate) batch: BatchSize,
    pub(crate) mode: BatchMode,
    /// With [`BatchMode::Window`] never [`Pause::Ask`].
    pub(crate) pause: Pause,
    pub(crate) on_error: OnError,
    /// How many allocations may fail before the run stops; `None` = it asks, or stops for other reasons only.
    pub(crate) max_failures: Option<MaxFailures>,
    pub(crate) on_deployment: OnDeployment,
    /// Answer yes to the questions that `-yes` covers, and go on after recoverable errors.
    pub(crate) yes: bool,
    pub(crate) timeout: Timeout,
    pub(crate) wait: WaitFor,
    /// Only allocations in which a targeted task started before this (with `-reschedule`: that were created before).
    pub(crate) started_before: Option<DateTime<Utc>>,
    /// The same, counted back from the start of the run; see [`RestartPlan::count_back_from`].
    pub(crate) older_than: Option<Duration>,
    /// Show what would be done, and do nothing.
    pub(crate) dry_run: bool,
    /// Whole ids and every detail; always with `json`.
    pub(crate) verbose: bool,
    pub(crate) progress: Progress,
    /// Everything that happens goes to stdout as JSON, and nothing is asked.
    pub(crate) json: bool,
    /// Where the summary is written to as well; not empty, and it ends in a file's name.
    pub(crate) report: Option<PathBuf>,
    pub(crate) detailed_exitcode: bool,
    /// Connections to the agent at any moment; at least [`crate::nomad::limiter::LEAST_CONNECTIONS`].
    pub(crate) max_connections: usize,
}

impl RestartPlan {
    /// Turns an age into the moment that it means now; of two limits the earlier one holds.
    pub(crate) fn count_back_from(&mut self, now: DateTime<Utc>) {
        let Some(age) = self.older_than.take() else {
            return;
        };
        // Further back than times go: nothing is that old.
        let limit = TimeDelta::from_std(age)
            .ok()
            .and_then(|age| now.checked_sub_signed(age))
            .unwrap_or(DateTime::<Utc>::MIN_UTC);
        self.started_before = Some(self.started_before.map_or(limit, |given| given.min(limit)));
    }
}

/// What is done to each allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    InPlace(Tasks),
    Reschedule { no_shutdown_delay: bool },
}

/// Which tasks an in-place restart targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tasks {
    /// Those that run.
    Running,
    /// All, in lifecycle order.
    All,
    /// These; not empty, no duplicates, in the order given.
    Named(Vec<String>),
}

/// How many allocations are handled at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchSize {
    /// At least 1.
    Count(u64),
    /// Of the eligible allocations, rounded up; at least 1, above 100 means all.
    Percent(u64),
}

/// What the next allocation waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BatchMode {
    /// For all of the batch before.
    Lockstep,
    /// For one that makes room: no more than a batch are away at any moment.
    Window,
}

/// What happens between batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    Ask,
    /// Zero = none.
    Fixed(Duration),
}

/// What happens after a batch with errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnError {
    Ask,
    Fail,
}

/// How many failed allocations a run puts up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxFailures {
    Count(u64),
    /// Of the eligible allocations, rounded down; above 100 means any number.
    Percent(u64),
}

/// What an active deployment that is not this run's doing means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnDeployment {
    Fail,
    /// Wait for its end, however long that takes.
    Wait,
}

/// The longest wait for one allocation, from its write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// From the delays and deadlines of the allocation's own job version.
    FromJob,
    Never,
    After(Duration),
}

/// What ends the wait for an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// Its tasks run, or those of its replacement.
    Running,
    /// They do, and it is healthy. `steady` is how long that must hold where the program itself looks at it; `None` = as long as the
    /// allocation's group says.
    Healthy { steady: Option<Duration> },
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Auto,
    Plain,
    None,
}

/// A plan, and the options given that have no effect in it, one sentence each.
#[derive(Clone, Debug)]
pub(crate) struct Validated {
    pub(crate) plan: RestartPlan,
    pub(crate) warnings: Vec<String>,
}

/// Whether questions can be asked, which `ask` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// Also where it is allowed because nothing will be asked.
    Possible,
    NoTerminal,
    NotWithJson,
}

/// Checks the options in Nomad's order. `interactive` says that both stdin and stdout are terminals.
pub(crate) fn validate(options: &Options, interactive: bool) -> Result<Validated, UsageError> {
    let Options {
        what,
        pace,
        output,
        connection,
        ..
    } = options;
    // A dry run asks nothing.
    let asking = match (pace.yes || what.dry_run, output.json) {
        (true, _) => Asking::Possible,
        (false, true) => Asking::NotWithJson,
        (false, false) if interactive => Asking::Possible,
        (false, false) => Asking::NoTerminal,
    };

    let job = values::job(&options.job)?;
    let batch = values::batch_size(&pace.batch_size)?;
    let pause = values::pause(&pace.batch_wait, asking)?;
    let on_error = values::on_error(&pace.on_error, asking)?;
    for (flag, given) in [
        ("all-tasks", what.all_tasks),
        ("reschedule", what.reschedule),
    ] {
        if given && !what.task.is_empty() {
            return Err(UsageError::new(format!(
                "The -{flag} option cannot be used with -task"
            )));
        }
    }

    let groups = values::names("group", &what.group)?;
    let tasks = values::names("task", &what.task)?;
    let timeout = values::timeout(pace.timeout.as_deref())?;
    let wait = values::wait(&pace.wait, pace.min_healthy_time.as_deref())?;
    let started_before = values::started_before(what.started_before.as_deref())?;
    let older_than = values::older_than(what.older_than.as_deref())?;
    let progress = values::progress(&output.progress)?;
    let report = values::report(output.report.as_deref())?;
    let mode = values::batch_mode(&pace.batch_mode, pause)?;
    let max_failures = values::max_failures(pace.max_failures.as_deref(), on_error)?;
    let on_deployment = values::on_deployment(&pace.on_deployment)?;
    let max_connections = values::max_connections(&connection.max_connections)?;

    let mut warnings = Vec::new();
    if wait == WaitFor::Running && pace.min_healthy_time.is_some() {
        warnings.push("-min-healthy-time has no effect without -wait=healthy".to_owned());
    }
    let action = if what.reschedule {
        if what.all_tasks {
            warnings.push(
                "-all-tasks has no effect with -reschedule: a replacement starts all its tasks"
                    .to_owned(),
            );
        }
        Action::Reschedule {
            no_shutdown_delay: what.no_shutdown_delay,
        }
    } else {
        if what.no_shutdown_delay {
            warnings.push(
                "-no-shutdown-delay has no effect without -reschedule: Nomad always keeps to shutdown_delay when it restarts \
                 tasks in place"
                    .to_owned(),
            );
        }
        Action::InPlace(match tasks {
            _ if what.all_tasks => Tasks::All,
            tasks if tasks.is_empty() => Tasks::Running,
            tasks => Tasks::Named(tasks),
        })
    };

    let plan = RestartPlan {
        job,
        exact: what.exact,
        action,
        groups,
        batch,
        mode,
        pause,
        on_error,
        max_failures,
        on_deployment,
        yes: pace.yes,
        timeout,
        wait,
        started_before,
        older_than,
        dry_run: what.dry_run,
        verbose: output.verbose || output.json,
        progress,
        json: output.json,
        report,
        detailed_exitcode: output.detailed_exitcode,
        max_connections,
    };
    Ok(Validated { plan, warnings })
}

#[cfg(test)]
mod tests;
