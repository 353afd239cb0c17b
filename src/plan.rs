//! What was asked for, typed and validated: the border between the command line and everything that acts.
//!
//! [`validate`] holds every usage error behind the flag grammar, in Nomad's order and words (behaviour 1.5); what Nomad does not
//! check comes last.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::cli::duration;
use crate::cli::options::Options;
use crate::cli::quote::quote;
use crate::nomad::limiter::LEAST_CONNECTIONS;

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
    pub(crate) pause: Pause,
    pub(crate) on_error: OnError,
    /// Answer yes to the questions that `-yes` covers, and go on after recoverable errors.
    pub(crate) yes: bool,
    pub(crate) timeout: Timeout,
    /// Only allocations in which a targeted task started before this (with `-reschedule`: that were created before).
    pub(crate) started_before: Option<DateTime<Utc>>,
    pub(crate) verbose: bool,
    pub(crate) progress: Progress,
    /// Connections to the agent at any moment; at least [`LEAST_CONNECTIONS`].
    pub(crate) max_connections: usize,
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

/// The longest wait for one allocation, from its write on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// From the delays and deadlines of the allocation's own job version.
    FromJob,
    Never,
    After(Duration),
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

/// What is wrong with the command line, and what helps, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
}

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// `Invalid -batch-size value "x": why`.
    fn value(flag: &str, value: &str, why: impl std::fmt::Display) -> Self {
        Self::new(format!("Invalid -{flag} value {}: {why}", quote(value)))
    }

    fn hint(mut self, hint: &str) -> Self {
        self.hints.push(hint.to_owned());
        self
    }
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
    let can_ask = interactive || pace.yes;

    let job = job(&options.job)?;
    let batch = batch_size(&pace.batch_size)?;
    let pause = pause(&pace.batch_wait, can_ask)?;
    let on_error = on_error(&pace.on_error, can_ask)?;
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

    let groups = names("group", &what.group)?;
    let tasks = names("task", &what.task)?;
    let timeout = timeout(pace.timeout.as_deref())?;
    let started_before = started_before(what.started_before.as_deref())?;
    let progress = progress(&output.progress)?;
    let max_connections = max_connections(&connection.max_connections)?;

    let mut warnings = Vec::new();
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
        pause,
        on_error,
        yes: pace.yes,
        timeout,
        started_before,
        verbose: output.verbose,
        progress,
        max_connections,
    };
    Ok(Validated { plan, warnings })
}

fn job(positionals: &[String]) -> Result<String, UsageError> {
    let [job] = positionals else {
        let error = UsageError::new("This command takes one argument: <job>");
        return Err(
            if positionals
                .iter()
                .any(|word| word == "true" || word == "false")
            {
                error.hint("A switch takes a value only after an equals sign, as in -yes=false")
            } else {
                error
            },
        );
    };
    match job.trim() {
        "" => Err(UsageError::new("The job ID must not be empty")),
        job => Ok(job.to_owned()),
    }
}

fn batch_size(value: &str) -> Result<BatchSize, UsageError> {
    let wrong = |why: &str| Err(UsageError::value("batch-size", value, why));
    let (digits, percent) = match value.strip_suffix('%') {
        Some(digits) => (digits, true),
        None => (value, false),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("batch size must be an integer or a percentage");
    }
    // Nomad's limit, so that its text is right.
    match digits.parse::<i64>().map(i64::unsigned_abs) {
        Err(_) => wrong(&format!(
            "strconv.Atoi: parsing {}: value out of range",
            quote(digits)
        )),
        Ok(0) => wrong("number value must be greater than zero"),
        Ok(percentage) if percent => Ok(BatchSize::Percent(percentage)),
        Ok(count) => Ok(BatchSize::Count(count)),
    }
}

fn pause(value: &str, can_ask: bool) -> Result<Pause, UsageError> {
    if !value.eq_ignore_ascii_case("ask") {
        return duration::parse_answer(value)
            .map(Pause::Fixed)
            .map_err(|error| UsageError::value("batch-wait", value, error));
    }
    if can_ask {
        Ok(Pause::Ask)
    } else {
        Err(not_interactive("batch-wait")
            .hint("Without a terminal, give -batch-wait a duration and add -on-error=fail or -yes"))
    }
}

fn on_error(value: &str, can_ask: bool) -> Result<OnError, UsageError> {
    match value.to_ascii_lowercase().as_str() {
        "ask" if can_ask => Ok(OnError::Ask),
        "ask" => Err(not_interactive("on-error").hint(
            "Without a terminal, use -on-error=fail to stop after any error, or -yes to go on without questions",
        )),
        "fail" => Ok(OnError::Fail),
        _ => Err(UsageError::value(
            "on-error",
            value,
            r#"valid options are "ask" and "fail""#,
        )),
    }
}

fn not_interactive(flag: &str) -> UsageError {
    let why = r#""ask" cannot be used when terminal is not interactive"#;
    UsageError::value(flag, "ask", why)
}

/// Without duplicates, in the order given.
fn names(flag: &str, values: &[String]) -> Result<Vec<String>, UsageError> {
    let mut names: Vec<String> = Vec::with_capacity(values.len());
    for value in values {
        if value.is_empty() {
            return Err(UsageError::value(flag, value, "name must not be empty"));
        }
        if !names.contains(value) {
            names.push(value.clone());
        }
    }
    Ok(names)
}

fn timeout(value: Option<&str>) -> Result<Timeout, UsageError> {
    let Some(value) = value else {
        return Ok(Timeout::FromJob);
    };
    match duration::parse_answer(value) {
        Ok(Duration::ZERO) => Ok(Timeout::Never),
        Ok(timeout) => Ok(Timeout::After(timeout)),
        Err(error) => Err(UsageError::value("timeout", value, error)),
    }
}

fn started_before(value: Option<&str>) -> Result<Option<DateTime<Utc>>, UsageError> {
    let Some(value) = value else {
        return Ok(None);
    };
    match DateTime::parse_from_rfc3339(value) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(_) => Err(UsageError::value(
            "started-before",
            value,
            "must be a time with its zone (RFC 3339), such as 2026-08-12T17:36:31Z or 2026-08-12T17:36:31-05:00",
        )),
    }
}

fn progress(value: &str) -> Result<Progress, UsageError> {
    match value.to_ascii_lowercase().as_str() {
        "auto" => Ok(Progress::Auto),
        "plain" => Ok(Progress::Plain),
        "none" => Ok(Progress::None),
        _ => Err(UsageError::value(
            "progress",
            value,
            r#"valid options are "auto", "plain" and "none""#,
        )),
    }
}

fn max_connections(value: &str) -> Result<usize, UsageError> {
    let wrong = |why: &str| Err(UsageError::value("max-connections", value, why));
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return wrong("must be a whole number");
    }
    match value.parse::<u16>() {
        Ok(number) if usize::from(number) >= LEAST_CONNECTIONS => Ok(number.into()),
        Ok(_) => wrong(&format!("must be at least {LEAST_CONNECTIONS}")),
        Err(_) => wrong(&format!("must be at most {}", u16::MAX)),
    }
}

#[cfg(test)]
mod tests;
