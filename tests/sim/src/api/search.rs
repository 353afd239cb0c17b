//! `/v1/search`: ids of every kind by prefix, as shells ask for completions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::acl::Style;
use super::call::Call;
use super::reply::{Outcome, Reply};
use super::{Api, only_put, writes};
use crate::cluster::State;

/// At most so many matches of a kind are told.
const LIMIT: usize = 20;

const CONTEXTS: [&str; 6] = [
    "allocs",
    "deployment",
    "evals",
    "jobs",
    "namespaces",
    "nodes",
];

impl Api {
    pub(super) fn search(&self, call: &Call) -> Outcome {
        only_put(call)?;
        let body = writes::body(call, 400)?;
        let who = self.enter(call, Style::Ordinary)?;
        let prefix = body["Prefix"].as_str().unwrap_or_default();
        let context = body["Context"].as_str().unwrap_or_default();
        let namespace = call.namespace();
        let inside = |ns: &str| namespace == "*" || namespace == ns;
        let names = self.namespace_names();
        let find = |state: &State, kind: &str| -> Vec<String> {
            let readable = |ns: &str| inside(ns) && who.can(ns, "read-job");
            match kind {
                "allocs" => state
                    .allocations()
                    .filter(|alloc| readable(&alloc.namespace))
                    .map(|alloc| alloc.id.clone())
                    .collect(),
                "deployment" => state
                    .deployments()
                    .filter(|deployment| readable(&deployment.namespace))
                    .map(|deployment| deployment.id.clone())
                    .collect(),
                "evals" => state
                    .evaluations()
                    .filter(|eval| readable(&eval.namespace))
                    .map(|eval| eval.id.clone())
                    .collect(),
                "jobs" => state
                    .jobs()
                    .filter(|(job, _)| readable(&job.namespace))
                    .map(|(job, _)| job.id.clone())
                    .collect(),
                "nodes" if who.need_node_read().is_ok() => {
                    state.nodes().map(|node| node.id.clone()).collect()
                }
                "namespaces" => names.clone(),
                _ => Vec::new(),
            }
        };
        let (index, found) = self.cluster.read(|state| {
            let wanted = CONTEXTS
                .iter()
                .filter(|kind| context.is_empty() || context == "all" || context == **kind);
            let found: BTreeMap<&str, Vec<String>> = wanted
                .map(|kind| {
                    let mut ids = find(state, kind);
                    ids.retain(|id| id.starts_with(prefix));
                    ids.sort();
                    (*kind, ids)
                })
                .collect();
            (state.latest_index(), found)
        });
        let truncations: BTreeMap<&str, bool> = found
            .iter()
            .map(|(kind, ids)| (*kind, ids.len() > LIMIT))
            .collect();
        let matches: BTreeMap<&str, Value> = found
            .into_iter()
            .map(|(kind, mut ids)| {
                ids.truncate(LIMIT);
                (kind, ids.into())
            })
            .collect();
        let answer = json!({"Index": index, "KnownLeader": true, "LastContact": 0,
            "Matches": matches, "NextToken": "", "Truncations": truncations});
        Ok(Reply::plain(&answer).at(index))
    }
}
