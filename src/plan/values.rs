//! Reads the value of each option, or says in Nomad's words why it is none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Asking, BatchMode, BatchSize, MaxFailures, OnDeployment, OnError, Pause, Progress, Timeout,
    UsageError, WaitFor,
};
use crate::cli::duration;
use crate::cli::quote::quote;
use crate::nomad::limiter::LEAST_CONNECTIONS;

pub(super) fn job(positionals: &[String]) -> Result<String, UsageError> {
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

pub(super) fn batch_size(value: &str) -> Result<BatchSize, UsageError> {
    let why = "batch size must be an integer or a percentage";
    match amount("batch-size", value, why)? {
        (0, _) => Err(UsageError::value(
            "batch-size",
            value,
            "number value must be greater than zero",
        )),
        (percentage, true) => Ok(BatchSize::Percent(percentage)),
        (count, false) => Ok(BatchSize::Count(count)),
    }
}

/// A number, and whether it is a percentage; `why` is what is said of anything else.
fn amount(flag: &str, value: &str, why: &str) -> Result<(u64, bool), UsageError> {
    let (digits, percent) = match value.strip_suffix('%') {
        Some(digits) => (digits, true),
        None => (value, false),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UsageError::value(flag, value, why));
    }
    // Nomad's limit, so that its text is right.
    match digits.parse::<i64>().map(i64::unsigned_abs) {
        Err(_) => {
            let why = format!(
                "strconv.Atoi: parsing {}: value out of range",
                quote(digits)
            );
            Err(UsageError::value(flag, value, why))
        }
        Ok(number) => Ok((number, percent)),
    }
}

pub(super) fn pause(value: &str, asking: Asking) -> Result<Pause, UsageError> {
    if !value.eq_ignore_ascii_case("ask") {
        return duration::parse_answer(value)
            .map(Pause::Fixed)
            .map_err(|error| UsageError::value("batch-wait", value, error));
    }
    match refusal("batch-wait", asking) {
        None => Ok(Pause::Ask),
        Some((error, without)) => Err(error.hint(&format!(
            "{without}, give -batch-wait a duration and add -on-error=fail or -yes"
        ))),
    }
}

pub(super) fn on_error(value: &str, asking: Asking) -> Result<OnError, UsageError> {
    match value.to_ascii_lowercase().as_str() {
        "ask" => match refusal("on-error", asking) {
            None => Ok(OnError::Ask),
            Some((error, without)) => Err(error.hint(&format!(
                "{without}, use -on-error=fail to stop after any error, or -yes to go on without questions"
            ))),
        },
        "fail" => Ok(OnError::Fail),
        _ => Err(UsageError::value(
            "on-error",
            value,
            r#"valid options are "ask" and "fail""#,
        )),
    }
}

/// Why `ask` is refused, if it is, and how the way out begins.
fn refusal(flag: &str, asking: Asking) -> Option<(UsageError, &'static str)> {
    let (why, without) = match asking {
        Asking::Possible => return None,
        Asking::NoTerminal => (
            r#""ask" cannot be used when terminal is not interactive"#,
            "Without a terminal",
        ),
        Asking::NotWithJson => (
            r#""ask" cannot be used with -json, which asks nothing"#,
            "With -json",
        ),
    };
    Some((UsageError::value(flag, "ask", why), without))
}

/// Whether the file can be written is for whoever opens it to say.
pub(super) fn report(value: Option<&str>) -> Result<Option<PathBuf>, UsageError> {
    let Some(value) = value else { return Ok(None) };
    let path = Path::new(value);
    if value == "-" {
        return Err(UsageError::value(
            "report",
            value,
            "must be the path of a file; -json prints the summary on standard output",
        ));
    }
    // `..` and `/` have no name, and `directory/` is none of a file.
    if path.file_name().is_none() || value.ends_with(std::path::is_separator) {
        return Err(UsageError::value(
            "report",
            value,
            "must be the path of a file",
        ));
    }
    Ok(Some(path.to_owned()))
}

/// Without duplicates, in the order given.
pub(super) fn names(flag: &str, values: &[String]) -> Result<Vec<String>, UsageError> {
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

pub(super) fn timeout(value: Option<&str>) -> Result<Timeout, UsageError> {
    let Some(value) = value else {
        return Ok(Timeout::FromJob);
    };
    match duration::parse_answer(value) {
        Ok(Duration::ZERO) => Ok(Timeout::Never),
        Ok(timeout) => Ok(Timeout::After(timeout)),
        Err(error) => Err(UsageError::value("timeout", value, error)),
    }
}

pub(super) fn wait(value: &str, steady: Option<&str>) -> Result<WaitFor, UsageError> {
    let parse = |value: &str| {
        duration::parse_answer(value)
            .map_err(|error| UsageError::value("min-healthy-time", value, error))
    };
    let steady = steady.map(parse).transpose()?;
    match value.to_ascii_lowercase().as_str() {
        "running" => Ok(WaitFor::Running),
        "healthy" => Ok(WaitFor::Healthy { steady }),
        _ => Err(UsageError::value(
            "wait",
            value,
            r#"valid options are "running" and "healthy""#,
        )),
    }
}

pub(super) fn started_before(value: Option<&str>) -> Result<Option<DateTime<Utc>>, UsageError> {
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

pub(super) fn progress(value: &str) -> Result<Progress, UsageError> {
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

pub(super) fn batch_mode(value: &str, pause: Pause) -> Result<BatchMode, UsageError> {
    match value.to_ascii_lowercase().as_str() {
        "lockstep" => Ok(BatchMode::Lockstep),
        "window" if pause == Pause::Ask => Err(UsageError::new(
            "The -batch-mode=window option cannot be used with -batch-wait=ask",
        )
        .hint(
            "A window has no moment between two batches to ask at: give -batch-wait a duration, or leave -batch-mode=window out",
        )),
        "window" => Ok(BatchMode::Window),
        _ => Err(UsageError::value(
            "batch-mode",
            value,
            r#"valid options are "lockstep" and "window""#,
        )),
    }
}

pub(super) fn older_than(value: Option<&str>) -> Result<Option<Duration>, UsageError> {
    let parsed = value.map(|value| {
        duration::parse_answer(value).map_err(|error| UsageError::value("older-than", value, error))
    });
    parsed.transpose()
}

pub(super) fn max_failures(
    value: Option<&str>,
    on_error: OnError,
) -> Result<Option<MaxFailures>, UsageError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let why = "maximum of failures must be an integer or a percentage";
    let max = match amount("max-failures", value, why)? {
        (percentage, true) => MaxFailures::Percent(percentage),
        (count, false) => MaxFailures::Count(count),
    };
    if on_error == OnError::Fail {
        return Err(
            UsageError::new("The -max-failures option cannot be used with -on-error=fail").hint(
                "-on-error=fail stops after any error: leave it out to go on up to a number of failures",
            ),
        );
    }
    Ok(Some(max))
}

pub(super) fn on_deployment(value: &str) -> Result<OnDeployment, UsageError> {
    match value.to_ascii_lowercase().as_str() {
        "fail" => Ok(OnDeployment::Fail),
        "wait" => Ok(OnDeployment::Wait),
        _ => Err(UsageError::value(
            "on-deployment",
            value,
            r#"valid options are "fail" and "wait""#,
        )),
    }
}

pub(super) fn max_connections(value: &str) -> Result<usize, UsageError> {
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
