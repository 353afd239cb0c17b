//! `-json` and `-report`: every line of every run holds to the schema, and the last one tells how the run ended.

mod endings;
mod lines;
mod readme;
mod real;

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../schema/ndjson.schema.json");

/// The lines of a run. Each of them is valid, and they are in order.
#[track_caller]
pub(crate) fn lines(stdout: &str) -> Vec<Value> {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).unwrap();
        jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .unwrap()
    });
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for (number, line) in (1..).zip(&lines) {
        let faults: Vec<_> = validator
            .iter_errors(line)
            .map(|it| it.to_string())
            .collect();
        assert!(faults.is_empty(), "{faults:#?} in {line:#}");
        assert_eq!(line["seq"], number, "{line}");
    }
    let types = types(&lines);
    assert_eq!(types.first().copied(), Some("version"), "{stdout}");
    let summaries = types.iter().filter(|it| **it == "summary").count();
    assert_eq!(summaries, 1, "{stdout}");
    assert_eq!(types.last().copied(), Some("summary"), "{stdout}");
    lines
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
