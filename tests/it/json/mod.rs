//! `-json` and `-report`: every line of every run holds to the schema, and the last one tells how the run ended.

mod classes;
mod endings;
mod lines;
mod readme;
mod real;
mod window;

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../schema/ndjson.schema.json");

/// The lines of a run. Each of them is valid, and they are in order.
#[track_caller]
pub(crate) fn lines(stdout: &str) -> Vec<Value> {
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let faults = faults(&lines);
    assert!(faults.is_empty(), "{faults:#?}");
    let types = types(&lines);
    let summaries = types.iter().filter(|it| **it == "summary").count();
    assert_eq!(summaries, 1, "{stdout}");
    assert_eq!(types.last().copied(), Some("summary"), "{stdout}");
    lines
}

/// What is wrong with lines that a run has printed so far: all of them are valid, and in order, and the first one is `version`.
pub(crate) fn faults(lines: &[Value]) -> Vec<String> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    });
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let invalid = validator.iter_errors(line);
        faults.extend(invalid.map(|it| format!("{it} in {line:#}")));
        if line["seq"] != number {
            faults.push(format!("not number {number}: {line}"));
        }
    }
    if lines.first().is_some_and(|line| line["type"] != "version") {
        faults.push(format!("the first line is {}", lines[0]));
    }
    faults
}

pub(crate) fn types(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|it| it["type"].as_str()).collect()
}

/// The only line of this type.
#[track_caller]
fn the<'a>(lines: &'a [Value], kind: &str) -> &'a Value {
    let found = all(lines, kind);
    let [line] = &found[..] else {
        panic!("{} lines of type {kind}: {found:#?}", found.len());
    };
    line
}

fn all<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|it| it["type"] == kind).collect()
}
