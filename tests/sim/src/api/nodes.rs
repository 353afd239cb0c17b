//! `/v1/nodes` and `/v1/node/:id`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::acl::Style;
use super::allocations::full_id;
use super::call::Call;
use super::page::{Token, has_prefix, id_prefix, rendered};
use super::query::Rendered;
use super::reply::{Outcome, Reply, json as bytes};
use super::{Api, only_get, only_put, writes};
use crate::cluster::{State, Table, Watch};
use crate::model::{Allocation, ApiError, Node};

impl Api {
    pub(super) async fn nodes(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let options = call.options()?;
        let resources = call.bool("resources")?.unwrap_or(false);
        let os = call.bool("os")?.unwrap_or(false);
        let who = self.enter(call, Style::Ordinary)?;
        who.need_node_read()?;
        let digits = id_prefix(&options.prefix, "node")?;
        self.query(
            &options,
            &[Watch::Table(Table::Nodes)],
            |state| {
                let all = state.nodes().filter(|node| has_prefix(&node.id, &digits));
                (state.index(Table::Nodes), all.cloned().collect())
            },
            |list: Vec<Arc<Node>>| {
                rendered(
                    list,
                    &options,
                    |node| &**node,
                    |node| Token::Name(node.id.clone()),
                    |page| {
                        let stubs: Vec<Value> =
                            page.iter().map(|node| stub(node, resources, os)).collect();
                        bytes(&stubs)
                    },
                )
            },
        )
        .await
    }

    pub(super) async fn node(&self, call: &Call, rest: &str) -> Outcome {
        match rest.split_once('/') {
            None => {
                only_get(call)?;
                self.one_node(call, rest).await
            }
            Some((id, "allocations")) => {
                only_get(call)?;
                self.node_allocations(call, id).await
            }
            Some((id, "eligibility")) => {
                only_put(call)?;
                self.eligibility(call, id)
            }
            Some(_) => Ok(Reply::nowhere()),
        }
    }

    async fn one_node(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        let who = self.enter(call, Style::Ordinary)?;
        who.need_node_read()?;
        full_id(id, "node")?;
        self.query(
            &options,
            &[Watch::Node(id.to_owned())],
            |state| match state.node(id) {
                Some(node) => (node.modify_index, Some(node.clone())),
                None => (state.index(Table::Nodes), None),
            },
            |node: Option<Arc<Node>>| {
                Ok(match node {
                    Some(node) => Rendered::json(&*node),
                    None => Rendered::Missing("node not found"),
                })
            },
        )
        .await
    }

    /// Whole allocations with their jobs.
    async fn node_allocations(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        let who = self.enter(call, Style::Ordinary)?;
        who.need_node_read()?;
        full_id(id, "node")?;
        self.query(
            &options,
            &[Watch::Table(Table::Allocations)],
            |state| {
                let all = state.allocations().filter(|alloc| alloc.node_id == id);
                let list: Vec<Arc<Allocation>> = all
                    .filter(|alloc| who.can(&alloc.namespace, "read-job"))
                    .cloned()
                    .collect();
                (state.index(Table::Allocations), list)
            },
            |list| {
                let whole: Vec<_> = list.iter().map(|alloc| alloc.with_job()).collect();
                Ok(Rendered::json(&whole))
            },
        )
        .await
    }

    fn eligibility(&self, call: &Call, id: &str) -> Outcome {
        let body = writes::body(call, 400)?;
        let eligible = match (body["Eligibility"].as_str(), body["MarkEligible"].as_bool()) {
            (Some("eligible"), _) | (_, Some(true)) => true,
            (Some("ineligible"), _) => false,
            (Some(other), _) => {
                return Err(ApiError::internal(format!(
                    "invalid scheduling eligibility {other:?}"
                )));
            }
            (None, _) => {
                return Err(ApiError::new(400, "missing scheduling eligibility"));
            }
        };
        self.enter(call, Style::Ordinary)?.need_management()?;
        full_id(id, "node")?;
        let before = self.cluster.read(State::latest_index);
        if !self.cluster.set_eligible(id, eligible) {
            return Err(ApiError::not_found("node not found"));
        }
        let index = self.cluster.read(|state| {
            let node = state.node(id).map(|node| node.modify_index);
            node.filter(|index| *index > before).unwrap_or(before)
        });
        let evaluated = if eligible { index + 1 } else { 0 };
        Ok(Reply::written(
            index,
            &json!({"EvalCreateIndex": evaluated, "EvalIDs": null, "Index": index,
                    "NodeModifyIndex": 0}),
        ))
    }
}

/// Element of the list, with what `resources=true` and `os=true` add.
fn stub(node: &Node, resources: bool, os: bool) -> Value {
    let mut stub = serde_json::to_value(node.stub()).unwrap_or(Value::Null);
    if resources || os {
        let whole = serde_json::to_value(node).unwrap_or(Value::Null);
        if resources {
            stub["NodeResources"] = whole["NodeResources"].clone();
            stub["ReservedResources"] = whole["ReservedResources"].clone();
        }
        if os {
            stub["Attributes"] = json!({"os.name": whole["Attributes"]["os.name"]});
        }
    }
    stub
}
