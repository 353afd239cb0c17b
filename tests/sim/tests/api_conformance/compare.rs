//! Two JSON values side by side: the same keys, kinds and values, but for ids, times, indexes and what
//! describes a machine. Ids that stand at the same place mean the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Marks an object of a recording of which only some keys are kept.
const CUT: &str = "…";

/// Keys whose values depend on the machine, on chance or on the moment. Their kind is compared.
const VOLATILE: [&str; 30] = [
    "Address",
    "AllocationTime",
    "Available",
    "CPUTicksConsumed",
    "ComputedClass",
    "Device",
    "Free",
    "IdentitySigningKeyID",
    "DispatchedJobID",
    "DisplayMessage",
    "HTTPAddr",
    "Hash",
    "Idle",
    "InodesUsedPercent",
    "Name",
    "NodeName",
    "NormScore",
    "Port",
    "ServerName",
    "Size",
    "System",
    "Total",
    "TotalPercent",
    "TotalTicks",
    "Used",
    "UsedPercent",
    "Uptime",
    "User",
    "binpack",
    "UpdateTime",
];

/// Keys of objects that describe a machine, a driver's configuration or an agent.
const LEFT_OUT: [&str; 10] = [
    "Attributes",
    "Config",
    "Drivers",
    "Links",
    "Meta",
    "NodeResources",
    "ReservedResources",
    "CgroupParent",
    "AllocDirStats",
    "Tags",
];

/// What the simulated cluster does not have: differences between the versions of a job.
const NOT_SIMULATED: [&str; 1] = ["Diffs"];

/// Keys of an allocation that its node reports, up to a second late.
const REPORTED: [&str; 5] = [
    "ClientDescription",
    "ClientStatus",
    "DeploymentStatus",
    "NetworkStatus",
    "TaskStates",
];

/// What is known to mean the same on both sides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Restarts or stops are under way: what nodes report of allocations depends on the moment.
    pub(crate) under_way: bool,
    /// By the recording's id.
    ids: BTreeMap<String, String>,
    /// By the recording's index.
    indexes: BTreeMap<u64, u64>,
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn is_time(text: &str) -> bool {
    text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
}

/// An address of the agent itself.
fn is_address(text: &str) -> bool {
    text.strip_prefix("127.0.0.1:")
        .is_some_and(|port| port.parse::<u16>().is_ok())
}

/// The id of a dispatched job up to what is chance in it.
fn without_chance(text: &str) -> &str {
    match text.split_once("/dispatch-") {
        Some((parent, _)) => parent,
        None => text,
    }
}

impl Known {
    /// Replaces the recording's ids, and prefixes of them, by the simulation's.
    pub(crate) fn translate(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (recorded, simulated) in &self.ids {
            text = text.replace(recorded, simulated);
            text = text.replace(&recorded[..8], &simulated[..8]);
        }
        text
    }

    /// The simulation's index for one of the recording's.
    pub(crate) fn index(&self, recorded: u64) -> u64 {
        self.indexes.get(&recorded).copied().unwrap_or(recorded)
    }

    pub(crate) fn learn_index(&mut self, recorded: u64, simulated: u64) {
        self.indexes.insert(recorded, simulated);
    }

    fn learn_id(&mut self, recorded: &str, simulated: &str) -> Result<(), String> {
        match self.ids.get(recorded) {
            Some(known) if known != simulated => {
                Err(format!("id {recorded} was {known} before, now {simulated}"))
            }
            Some(_) => Ok(()),
            None => {
                self.ids.insert(recorded.to_owned(), simulated.to_owned());
                Ok(())
            }
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A comparison under way.
pub(crate) struct Comparison<'a> {
    known: &'a mut Known,
    problems: Vec<String>,
}

/// What differs between a recorded and a simulated body.
pub(crate) fn differences(known: &mut Known, recorded: &Value, simulated: &Value) -> Vec<String> {
    let mut comparison = Comparison {
        known,
        problems: Vec::new(),
    };
    comparison.values("", "", recorded, simulated);
    comparison.problems
}

impl Comparison<'_> {
    fn problem(&mut self, path: &str, what: impl std::fmt::Display) {
        self.problems.push(format!("{path}: {what}"));
    }

    fn values(&mut self, path: &str, key: &str, recorded: &Value, simulated: &Value) {
        match (recorded, simulated) {
            (Value::Object(recorded), Value::Object(simulated)) => {
                self.objects(path, key, recorded, simulated);
            }
            (Value::Array(recorded), Value::Array(simulated)) => {
                self.arrays(path, key, recorded, simulated);
            }
            (Value::String(recorded), Value::String(simulated)) => {
                self.texts(path, key, recorded, simulated);
            }
            (Value::Number(a), Value::Number(b)) => {
                let counted = key.ends_with("Index")
                    || key.ends_with("Time")
                    || key.ends_with("Timestamp")
                    || key.ends_with("At")
                    || VOLATILE.contains(&key);
                if !counted && a.as_f64() != b.as_f64() {
                    self.problem(path, format!("recorded {a}, simulated {b}"));
                }
            }
            (Value::Bool(a), Value::Bool(b)) if a != b => {
                self.problem(path, format!("recorded {a}, simulated {b}"));
            }
            _ if kind(recorded) != kind(simulated) => {
                self.problem(path, format!("recorded {recorded}, simulated {simulated}"));
            }
            _ => {}
        }
    }

    fn texts(&mut self, path: &str, key: &str, recorded: &str, simulated: &str) {
        if is_uuid(recorded) && is_uuid(simulated) {
            // Identifiers of the agent itself are compared by their form.
            if !["SigningKeyID", "IdentitySigningKeyID", "id"].contains(&key)
                && let Err(problem) = self.known.learn_id(recorded, simulated)
            {
                self.problem(path, problem);
            }
            return;
        }
        let same = without_chance(recorded) == without_chance(simulated)
            || (is_address(recorded) && is_address(simulated))
            || VOLATILE.contains(&key)
            || (is_time(recorded) && is_time(simulated));
        if !same {
            self.problem(
                path,
                format!("recorded {recorded:?}, simulated {simulated:?}"),
            );
        }
    }

    fn objects(
        &mut self,
        path: &str,
        key: &str,
        recorded: &Map<String, Value>,
        simulated: &Map<String, Value>,
    ) {
        if LEFT_OUT.contains(&key) {
            return;
        }
        let moving = self.known.under_way && recorded.contains_key("ClientStatus");
        let skipped =
            |name: &str| NOT_SIMULATED.contains(&name) || (moving && REPORTED.contains(&name));
        for (name, value) in recorded.iter().filter(|(name, _)| !skipped(name)) {
            match simulated.get(name) {
                Some(other) => self.values(&format!("{path}.{name}"), name, value, other),
                None if name == CUT => {}
                None => self.problem(path, format!("misses {name}")),
            }
        }
        if recorded.contains_key(CUT) {
            return;
        }
        for name in simulated
            .keys()
            .filter(|name| !recorded.contains_key(*name) && !skipped(name))
        {
            self.problem(path, format!("has {name}, which is not recorded"));
        }
    }

    /// Lists ordered by id are brought into an order that both sides share.
    fn arrays(&mut self, path: &str, key: &str, recorded: &[Value], simulated: &[Value]) {
        if LEFT_OUT.contains(&key) || ["CPU", "DiskStats"].contains(&key) {
            return;
        }
        if recorded.len() != simulated.len() {
            let counts = format!("recorded {} of them", recorded.len());
            self.problem(path, format!("{counts}, simulated {}", simulated.len()));
            return;
        }
        let (recorded, simulated) = (in_order(recorded), in_order(simulated));
        for (number, (a, b)) in recorded.iter().zip(&simulated).enumerate() {
            self.values(&format!("{path}[{number}]"), key, a, b);
        }
    }
}

fn in_order(list: &[Value]) -> Vec<&Value> {
    let mut list: Vec<&Value> = list.iter().collect();
    if list.iter().all(|element| element["Group"].is_string()) {
        list.sort_by_key(|element| element["JobVersion"].as_u64());
    } else if list
        .iter()
        .all(|element| element["TaskGroup"].is_string() || element["JobID"].is_string())
    {
        list.sort_by_key(|element| {
            let index = element["CreateIndex"].as_u64().unwrap_or(0);
            (
                index,
                element["Name"].as_str().unwrap_or_default().to_owned(),
            )
        });
    }
    list
}
