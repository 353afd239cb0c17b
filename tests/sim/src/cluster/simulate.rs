//! Reads behaviour out of a task's driver configuration and its extra key `simulate`; the keys are
//! described at [`super::Behaviour`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::behaviour::{Behaviour, Rule, Selector};

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
    listens_after: Option<Span>,
    check_code: Option<u16>,
    check_output: Option<String>,
    ill_after: Option<Span>,
    ill_for: Option<Span>,
    stdout: Option<String>,
    stderr: Option<String>,
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
            listens_after: span(keys.listens_after),
            check_code: keys.check_code,
            check_output: keys.check_output,
            ill_after: span(keys.ill_after),
            ill_for: span(keys.ill_for),
            stdout: keys.stdout,
            stderr: keys.stderr,
        },
    })
}

/// The rules that a task's driver, its configuration and its `Meta` make, general ones first.
pub(crate) fn rules_of(
    driver: &str,
    config: Option<&serde_json::Map<String, Value>>,
    meta: Option<&BTreeMap<String, String>>,
) -> Vec<Rule> {
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
    let extra = config.and_then(|config| config.get("simulate")).cloned();
    let text = meta.and_then(|meta| meta.get("simulate"));
    let of_meta = text.and_then(|text| serde_json::from_str(text).ok());
    for extra in extra.into_iter().chain(of_meta) {
        match extra {
            Value::Array(list) => rules.extend(list.iter().filter_map(read)),
            single => rules.extend(read(&single)),
        }
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
    use crate::cluster::behaviour::Process;
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
        rules_of(driver, config.as_object(), None)
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
    fn the_meta_block_says_the_same_as_text() {
        let process = Process {
            job: "j",
            group: "g",
            task: "t",
            allocation: "a",
            index: 0,
            start: 2,
            replacement: false,
        };
        let text = r#"[{"start_from": 2, "run_for": "100ms", "exit_code": 3}]"#;
        for (text, lasts) in [(text, Some(100_000_000)), ("no JSON", None)] {
            let meta = BTreeMap::from([("simulate".to_owned(), text.to_owned())]);
            let rules = rules_of("raw_exec", None, Some(&meta));
            let found = rules.iter().filter(|rule| rule.selector.matches(&process));
            let behaviour = found.fold(Behaviour::default(), |behaviour, rule| {
                behaviour.overridden_by(&rule.behaviour)
            });
            assert_eq!(behaviour.run_for, lasts, "{text}");
        }
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
