//! How the processes of a task behave: from the driver's configuration in the job specification,
//! from the extra key `simulate` in it, or set by a test.
//!
//! # In the job specification
//! `mock_driver` tasks understand Nomad's own keys: `run_for`, `exit_code`, `exit_signal`,
//! `exit_err_msg`, `start_block_for`, `start_error`, `start_error_recoverable`, `kill_after`.
//! Durations are Go durations as text. Every driver, `mock_driver` included, understands the extra
//! key `simulate` in `Config`: a list of rules; each has the same keys, and these that say when it applies:
//!
//! | key | applies to |
//! |---|---|
//! | `start` | only the nth start of the task in its allocation, the first is 1 |
//! | `start_from` | the nth start and every later one |
//! | `replacement` | `true`: only allocations that replace another; `false`: only those that do not |
//! | `index` | only the allocation with this number in its name |
//!
//! Later rules win, key by key. A task that fails after its first restart:
//! `"simulate": [{"start_from": 2, "run_for": "100ms", "exit_code": 3}]`; a replacement that never starts:
//! `"simulate": [{"replacement": true, "start_error": "image not found"}]`.
//! `ignore_signal: true` is a process that only the kill timeout ends.

use serde::Deserialize;
use serde_json::Value;

/// How one process behaves. Absent fields keep what a more general rule says.
/// Durations in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// The driver needs this long to start it.
    pub start_block_for: Option<i64>,
    /// The start fails with this text; `Some("")` starts after all.
    pub start_error: Option<String>,
    /// The failed start is tried again by the restart policy.
    pub start_error_recoverable: Option<bool>,
    /// It exits by itself after this long; `Some(0)` at once.
    pub run_for: Option<i64>,
    /// It runs until it is killed, whatever `run_for` says.
    pub forever: Option<bool>,
    /// Exit code of an exit by itself.
    pub exit_code: Option<i32>,
    /// Signal of an exit by itself.
    pub exit_signal: Option<i32>,
    /// Message of an exit by itself.
    pub exit_err_msg: Option<String>,
    /// It exits this long after the signal, if the kill timeout does not end it before.
    pub kill_after: Option<i64>,
    /// Exit code after the signal; 0 unless set.
    pub kill_code: Option<i32>,
    /// It does not react to the signal.
    pub ignore_signal: Option<bool>,
}

impl Behaviour {
    /// Runs until it is killed.
    pub fn runs() -> Self {
        Self {
            forever: Some(true),
            ..Self::default()
        }
    }

    /// Exits by itself after `nanos` with this code.
    pub fn exits_after(nanos: i64, code: i32) -> Self {
        Self {
            run_for: Some(nanos),
            forever: Some(false),
            exit_code: Some(code),
            ..Self::default()
        }
    }

    /// Cannot be started, for good.
    pub fn start_fails(error: &str) -> Self {
        Self {
            start_error: Some(error.to_owned()),
            ..Self::default()
        }
    }

    /// Cannot be started this time; the restart policy tries again.
    pub fn start_fails_recoverably(error: &str) -> Self {
        Self {
            start_error_recoverable: Some(true),
            ..Self::start_fails(error)
        }
    }

    /// Needs `nanos` to start.
    pub fn starts_after(nanos: i64) -> Self {
        Self {
            start_block_for: Some(nanos),
            ..Self::default()
        }
    }

    /// Exits `nanos` after the signal.
    pub fn dies_after(nanos: i64) -> Self {
        Self {
            kill_after: Some(nanos),
            ..Self::default()
        }
    }

    /// Is ended by the kill timeout only.
    pub fn ignores_signal() -> Self {
        Self {
            ignore_signal: Some(true),
            ..Self::default()
        }
    }

    /// What `over` says, and this where it says nothing.
    #[must_use]
    pub fn overridden_by(self, over: &Self) -> Self {
        let over = over.clone();
        Self {
            start_block_for: over.start_block_for.or(self.start_block_for),
            start_error: over.start_error.or(self.start_error),
            start_error_recoverable: over
                .start_error_recoverable
                .or(self.start_error_recoverable),
            // A rule that makes a process end by itself takes back an earlier `forever`.
            forever: over
                .forever
                .or(over.run_for.map(|_| false))
                .or(self.forever),
            run_for: over.run_for.or(self.run_for),
            exit_code: over.exit_code.or(self.exit_code),
            exit_signal: over.exit_signal.or(self.exit_signal),
            exit_err_msg: over.exit_err_msg.or(self.exit_err_msg),
            kill_after: over.kill_after.or(self.kill_after),
            kill_code: over.kill_code.or(self.kill_code),
            ignore_signal: over.ignore_signal.or(self.ignore_signal),
        }
    }
}

/// Which processes a rule is about; `None` is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub job: Option<String>,
    pub group: Option<String>,
    pub task: Option<String>,
    /// Allocation id.
    pub allocation: Option<String>,
    /// Number in the allocation's name.
    pub index: Option<u32>,
    /// The nth start of the task in its allocation; the first is 1.
    pub start: Option<u32>,
    /// This start and every later one.
    pub start_from: Option<u32>,
    /// Does the allocation replace another one?
    pub replacement: Option<bool>,
}

/// The process that a selector is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process<'a> {
    pub(crate) job: &'a str,
    pub(crate) group: &'a str,
    pub(crate) task: &'a str,
    pub(crate) allocation: &'a str,
    pub(crate) index: u32,
    pub(crate) start: u32,
    pub(crate) replacement: bool,
}

impl Selector {
    /// Every process of this job.
    pub fn job(job: &str) -> Self {
        Self {
            job: Some(job.to_owned()),
            ..Self::default()
        }
    }

    /// Only this task.
    #[must_use]
    pub fn task(mut self, task: &str) -> Self {
        self.task = Some(task.to_owned());
        self
    }

    /// Only this allocation.
    #[must_use]
    pub fn allocation(mut self, id: &str) -> Self {
        self.allocation = Some(id.to_owned());
        self
    }

    /// Only the nth start.
    #[must_use]
    pub fn start(mut self, start: u32) -> Self {
        self.start = Some(start);
        self
    }

    /// The nth start and later ones.
    #[must_use]
    pub fn start_from(mut self, start: u32) -> Self {
        self.start_from = Some(start);
        self
    }

    /// Only allocations that replace another one.
    #[must_use]
    pub fn replacements(mut self) -> Self {
        self.replacement = Some(true);
        self
    }

    pub(crate) fn matches(&self, process: &Process<'_>) -> bool {
        let text = |want: &Option<String>, is: &str| want.as_deref().is_none_or(|w| w == is);
        text(&self.job, process.job)
            && text(&self.group, process.group)
            && text(&self.task, process.task)
            && text(&self.allocation, process.allocation)
            && self.index.is_none_or(|index| index == process.index)
            && self.start.is_none_or(|start| start == process.start)
            && self.start_from.is_none_or(|start| start <= process.start)
            && self.replacement.is_none_or(|r| r == process.replacement)
    }
}

/// A behaviour for some processes.
#[derive(Clone, Debug)]
pub struct Rule {
    pub selector: Selector,
    pub behaviour: Behaviour,
}

/// A Go duration as text, or a number of nanoseconds.
#[derive(Deserialize)]
#[serde(untagged)]
enum Span {
    Nanos(i64),
    Text(String),
}

impl Span {
    fn nanos(&self) -> Option<i64> {
        match self {
            Self::Nanos(nanos) => Some(*nanos),
            Self::Text(text) => parse_duration(text),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Keys {
    start_block_for: Option<Span>,
    start_error: Option<String>,
    start_error_recoverable: Option<bool>,
    run_for: Option<Span>,
    forever: Option<bool>,
    exit_code: Option<i32>,
    exit_signal: Option<i32>,
    exit_err_msg: Option<String>,
    kill_after: Option<Span>,
    kill_code: Option<i32>,
    ignore_signal: Option<bool>,
    index: Option<u32>,
    start: Option<u32>,
    start_from: Option<u32>,
    replacement: Option<bool>,
}

fn read(value: &Value) -> Option<Rule> {
    let keys: Keys = serde_json::from_value(value.clone()).ok()?;
    let span = |span: Option<Span>| span.as_ref().and_then(Span::nanos);
    Some(Rule {
        selector: Selector {
            index: keys.index,
            start: keys.start,
            start_from: keys.start_from,
            replacement: keys.replacement,
            ..Selector::default()
        },
        behaviour: Behaviour {
            start_block_for: span(keys.start_block_for),
            start_error: keys.start_error,
            start_error_recoverable: keys.start_error_recoverable,
            run_for: span(keys.run_for),
            forever: keys.forever,
            exit_code: keys.exit_code,
            exit_signal: keys.exit_signal,
            exit_err_msg: keys.exit_err_msg,
            kill_after: span(keys.kill_after),
            kill_code: keys.kill_code,
            ignore_signal: keys.ignore_signal,
        },
    })
}

/// The rules that a task's driver and configuration make, general ones first.
pub(crate) fn rules_of(driver: &str, config: Option<&serde_json::Map<String, Value>>) -> Vec<Rule> {
    let mut rules = Vec::new();
    if driver == "mock_driver" {
        // Without `run_for` the mock driver's task ends at once.
        let mut behaviour = Behaviour::exits_after(0, 0);
        behaviour.kill_after = Some(0);
        rules.push(Rule {
            selector: Selector::default(),
            behaviour,
        });
        if let Some(config) = config {
            let mut own = config.clone();
            own.remove("simulate");
            rules.extend(read(&Value::Object(own)));
        }
    } else {
        rules.push(Rule {
            selector: Selector::default(),
            behaviour: Behaviour::runs(),
        });
    }
    let extra = config.and_then(|c| c.get("simulate"));
    match extra {
        Some(Value::Array(list)) => rules.extend(list.iter().filter_map(read)),
        Some(single @ Value::Object(_)) => rules.extend(read(single)),
        _ => {}
    }
    rules
}

/// A Go duration (`1h30m`, `100ms`, `1.5s`) in nanoseconds.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        if rest == "0" {
            return Some(total);
        }
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let scale: i64 = match unit {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        total += whole.parse::<i64>().ok()? * scale;
        let mut part = scale;
        for digit in fraction.chars() {
            part /= 10;
            total += i64::from(digit.to_digit(10)?) * part;
        }
        rest = tail;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, nanos) in [
            ("1h", Some(3_600_000_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("100ms", Some(100_000_000)),
            ("0", Some(0)),
            ("", None),
            ("5", None),
            ("5 parsecs", None),
        ] {
            assert_eq!(parse_duration(text), nanos, "{text:?}");
        }
    }

    fn effective(driver: &str, config: &Value, process: &Process<'_>) -> Behaviour {
        rules_of(driver, config.as_object())
            .iter()
            .filter(|rule| rule.selector.matches(process))
            .fold(Behaviour::default(), |b, rule| {
                b.overridden_by(&rule.behaviour)
            })
    }

    #[test]
    fn the_extra_key_overrides_the_driver_for_the_starts_it_names() {
        let config = json!({"run_for": "1h", "start_block_for": "3s",
            "simulate": [{"start_from": 2, "run_for": "100ms", "exit_code": 3}]});
        let mut process = Process {
            job: "j",
            group: "g",
            task: "t",
            allocation: "a",
            index: 0,
            start: 1,
            replacement: false,
        };
        let first = effective("mock_driver", &config, &process);
        assert_eq!(first.run_for, Some(3_600_000_000_000));
        assert_eq!(first.start_block_for, Some(3_000_000_000));
        process.start = 2;
        let second = effective("mock_driver", &config, &process);
        assert_eq!(
            (second.run_for, second.exit_code),
            (Some(100_000_000), Some(3))
        );
        assert_eq!(second.forever, Some(false));
    }

    #[test]
    fn other_drivers_run_until_they_are_killed() {
        let process = Process {
            job: "j",
            group: "g",
            task: "t",
            allocation: "a",
            index: 0,
            start: 1,
            replacement: true,
        };
        let config = json!({"command": "/bin/sleep"});
        assert_eq!(effective("raw_exec", &config, &process).forever, Some(true));
        let config = json!({"simulate": {"replacement": true, "run_for": "1s"}});
        assert_eq!(effective("docker", &config, &process).forever, Some(false));
    }
}
