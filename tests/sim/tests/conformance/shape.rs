//! JSON shapes: which keys an object has, and what kind of value each holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Objects whose keys are names and not fields.
const MAPS: [&str; 14] = [
    "TaskStates",
    "TaskResources",
    "Tasks",
    "TaskLifecycles",
    "NodesAvailable",
    "FailedTGAllocs",
    "DesiredTGUpdates",
    "QueuedAllocations",
    "TaskGroups",
    "Summary",
    "Scores",
    "ClassEligibility",
    "ConstraintFiltered",
    "Config",
];

/// Every path with the kind of its value: `Metrics.Scores=null`, `TaskStates.*.Events[].Time=number`.
pub(crate) fn shape(value: &Value) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    walk(value, "", &mut out);
    out
}

fn walk(value: &Value, path: &str, out: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(list) => {
            for element in list {
                walk(element, &format!("{path}[]"), out);
            }
            "array"
        }
        Value::Object(map) => {
            let last = path.rsplit('.').next().unwrap_or_default();
            for (key, value) in map {
                // What a driver is configured with, and the simulator's own key in it, is no field.
                // Task events are compared by their type, since a task has few of them at a time.
                if last == "Config" || (key == "Events" && map.contains_key("StartedAt")) {
                    continue;
                }
                let key = if MAPS.contains(&last) { "*" } else { key };
                let inner = if path.is_empty() {
                    key.to_owned()
                } else {
                    format!("{path}.{key}")
                };
                walk(value, &inner, out);
            }
            "object"
        }
    };
    out.insert(format!("{path}={kind}"));
}

/// Paths that only one of the two has, apart from what the recording says it left out.
pub(crate) fn difference(recorded: &Value, simulated: &Value) -> Vec<String> {
    let (mut recorded, mut simulated) = (recorded.clone(), simulated.clone());
    leave_out(&mut recorded, &mut simulated);
    let (recorded, simulated) = (shape(&recorded), shape(&simulated));
    let missing = recorded
        .difference(&simulated)
        .map(|p| format!("missing {p}"));
    let extra = simulated
        .difference(&recorded)
        .map(|p| format!("extra {p}"));
    missing.chain(extra).collect()
}

/// Takes the keys out of the simulation's object that the recording's object lacks by its own word.
fn leave_out(recorded: &mut Value, simulated: &mut Value) {
    let (Some(recorded), Some(simulated)) = (recorded.as_object_mut(), simulated.as_object_mut())
    else {
        return;
    };
    let gone = recorded.remove("left_out");
    for key in gone.iter().flat_map(|keys| keys.as_array().unwrap()) {
        simulated.remove(key.as_str().unwrap());
    }
    for (key, recorded) in recorded {
        if let Some(simulated) = simulated.get_mut(key) {
            leave_out(recorded, simulated);
        }
    }
}

/// The shape of each type of task event, of those that are there in full.
pub(crate) fn task_events(lines: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut out: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        for event in line["Events"].as_array().unwrap() {
            let states = event["Payload"]["Allocation"]["TaskStates"].as_object();
            for state in states.into_iter().flat_map(|states| states.values()) {
                for event in state["Events"].as_array().into_iter().flatten() {
                    if event.get("VaultError").is_some() {
                        let kind = event["Type"].as_str().unwrap().to_owned();
                        out.entry(kind).or_default().extend(shape(event));
                    }
                }
            }
        }
    }
    out
}
