//! Holds what came of a replay against the recording.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::recording::Names;
use crate::replay::Replay;
use crate::shape::{difference, task_events};
use crate::trace;

/// The results of checks by name: every key with its value, but for ids, ports and times, of which only the
/// kind is the same.
pub(crate) fn results(answer: &Value) -> Vec<String> {
    let Some(answer) = answer.as_object() else {
        return vec![answer.to_string()];
    };
    let result = |(id, result): (&String, &Value)| {
        let mut result = result.clone();
        assert_eq!(result["ID"], id.as_str());
        assert_eq!(id.len(), 64);
        result["ID"] = "id".into();
        let seconds = result["Timestamp"].as_u64().expect("a time");
        assert!((1_500_000_000..3_000_000_000).contains(&seconds));
        result["Timestamp"] = 0.into();
        let told = result["Output"].as_str().unwrap();
        let parts = told.split("127.0.0.1:").map(|part| {
            let port = part.bytes().take_while(u8::is_ascii_digit).count();
            &part[port..]
        });
        result["Output"] = parts.collect::<Vec<_>>().join("127.0.0.1:").into();
        result.to_string()
    };
    let mut results: Vec<String> = answer.iter().map(result).collect();
    results.sort();
    results
}

impl Replay {
    /// Status and text of every answer are the recorded ones, JSON answers have the same keys, and
    /// restart calls took as long, give or take `tolerance` seconds.
    pub(crate) fn check_answers(&self, tolerance: f64) {
        for (request, answer) in &self.answers {
            let what = format!("{} {} ({})", request.method, request.path, request.note);
            assert_eq!(answer.status, request.status, "{what}: {}", answer.body);
            if let (Some(recorded), Some(simulated)) =
                (request.answer.as_str(), answer.body.as_str())
            {
                let recorded = self.recorded.in_text(&recorded.to_lowercase());
                let simulated = self.simulated.in_text(&simulated.to_lowercase());
                assert_eq!(simulated, recorded, "{what}");
            } else if !request.path.ends_with("/checks") {
                let mut body = answer.body.clone();
                let mut recorded = request.answer.clone();
                if let (Some(recorded), Some(simulated)) =
                    (recorded.as_object_mut(), body.as_object_mut())
                {
                    // The recorder left the job out of some allocations.
                    if !recorded.get("Job").is_some_and(Value::is_object) {
                        recorded.remove("Job");
                        simulated.remove("Job");
                    }
                }
                // Whether a node has told by then that it is healthy is chance; event lines are
                // compared with it.
                for body in [&mut recorded, &mut body] {
                    let list = match body {
                        Value::Array(list) => list.as_mut_slice(),
                        single => std::slice::from_mut(single),
                    };
                    for object in list.iter_mut().filter_map(Value::as_object_mut) {
                        object.remove("DeploymentStatus");
                    }
                }
                let differs = difference(&recorded, &body);
                assert!(differs.is_empty(), "{what}: {differs:#?}");
            }
            if request.path.ends_with("/restart") {
                let off = (answer.took - request.took).abs();
                assert!(
                    off <= tolerance,
                    "{what}: answered after {} s, recorded {} s",
                    answer.took,
                    request.took
                );
            }
        }
    }

    /// The checks of each allocation gave the recorded results one after the other. When a check is run within its
    /// interval is chance, so that the moments are not compared.
    pub(crate) fn check_results(&self) {
        let mut recorded: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
        for request in self.recording.requests.iter().filter(|r| r.status == 200) {
            if let Some(rest) = request.path.strip_prefix("/v1/client/allocation/")
                && let Some(id) = rest.strip_suffix("/checks")
            {
                let seen = recorded.entry(self.recorded.name(id)).or_default();
                seen.push(results(&request.answer));
                seen.dedup();
            }
        }
        for (name, recorded) in recorded {
            let simulated = &self.results[self.simulated.id(name).unwrap()];
            let mut rest = simulated.iter();
            for results in &recorded {
                let found = rest.any(|simulated| simulated == results);
                assert!(found, "{name}: no {results:?} in turn in {simulated:#?}");
            }
            let known = |results: &&Vec<String>| !recorded.contains(results);
            let others: Vec<_> = simulated.iter().filter(known).collect();
            let first = ["\"pending\"", "refused", "null", "\"success\""];
            assert!(
                others
                    .iter()
                    .all(|other| first.iter().any(|word| other[0].contains(word))),
                "{name}: {others:#?} are not recorded"
            );
        }
    }

    pub(crate) fn recorded_transactions(&self) -> Vec<String> {
        trace::servers(&self.recording.lines, &self.recorded)
    }

    pub(crate) fn simulated_transactions(&self) -> Vec<String> {
        trace::servers(&self.lines, &self.simulated)
    }

    /// The servers wrote the same transactions in the same order.
    pub(crate) fn check_servers(&self) {
        let recorded = self.recorded_transactions();
        let simulated = self.simulated_transactions();
        for (number, (recorded, simulated)) in recorded.iter().zip(&simulated).enumerate() {
            assert_eq!(simulated, recorded, "transaction {number}");
        }
        assert_eq!(simulated.len(), recorded.len(), "{simulated:#?}");
    }

    /// Each allocation went through the same states and its tasks through the same events.
    pub(crate) fn check_nodes(&self) {
        let recorded = trace::nodes(&self.recording.lines, &self.recorded);
        let simulated = trace::nodes(&self.lines, &self.simulated);
        for (name, recorded) in &recorded {
            let simulated = simulated
                .get(name)
                .unwrap_or_else(|| panic!("no allocation {name}"));
            assert!(
                simulated.agrees(recorded),
                "allocation {name}: {simulated:#?}, recorded {recorded:#?}"
            );
        }
        assert_eq!(simulated.len(), recorded.len());
    }

    /// Objects of the event lines have the recorded keys, with null and with omissions: in the
    /// servers' transactions line by line, and the last report of each allocation.
    pub(crate) fn check_shapes(&self) {
        let objects = |lines: &[Value], names: &Names| {
            let mut out: Vec<(String, Value)> = Vec::new();
            let mut last: Vec<(String, Value)> = Vec::new();
            for line in lines {
                let mut here = Vec::new();
                for event in line["Events"].as_array().unwrap() {
                    let topic = event["Topic"].as_str().unwrap();
                    let kind = event["Type"].as_str().unwrap();
                    let key = format!("{topic} {}", names.name(event["Key"].as_str().unwrap()));
                    let mut event = event.clone();
                    if let Some(alloc) = event["Payload"]["Allocation"].as_object_mut() {
                        alloc.remove("FollowupEvalID");
                    }
                    if let Some(alloc) = event["Payload"]["Allocation"].as_object_mut()
                        && kind != "AllocationUpdated"
                    {
                        // What the node has told by then is a matter of milliseconds.
                        for key in ["TaskStates", "NetworkStatus", "DeploymentStatus"] {
                            alloc.remove(key);
                        }
                        alloc.remove("ClientDescription");
                    }
                    if kind == "AllocationUpdated" {
                        if topic == "Allocation" {
                            last.retain(|(other, _)| *other != key);
                            last.push((key, event));
                        }
                    } else {
                        here.push((key, event));
                    }
                }
                here.sort_by(|(a, _), (b, _)| a.cmp(b));
                out.extend(here);
            }
            out.extend(last);
            // Object by object, each through all its changes.
            out.sort_by(|(a, _), (b, _)| a.cmp(b));
            out
        };
        let recorded = objects(&self.recording.lines, &self.recorded);
        let simulated = objects(&self.lines, &self.simulated);
        assert_eq!(simulated.len(), recorded.len());
        for ((name, recorded), (_, simulated)) in recorded.iter().zip(&simulated) {
            let differs = difference(recorded, simulated);
            assert!(
                differs.is_empty(),
                "{name} {}: {differs:#?}",
                recorded["Type"]
            );
        }
        let recorded = task_events(&self.recording.lines);
        let simulated = task_events(&self.lines);
        for (kind, recorded) in &recorded {
            assert_eq!(simulated.get(kind), Some(recorded), "task event {kind}");
        }
    }

    /// All of the above.
    pub(crate) fn check(&self, tolerance: f64) {
        self.check_answers(tolerance);
        self.check_results();
        self.check_servers();
        self.check_nodes();
        self.check_shapes();
    }
}
