//! `/v1/allocations` and `/v1/allocation/:id`.

use std::sync::Arc;

use super::acl::Style;
use super::call::Call;
use super::page::{Token, has_prefix, id_prefix, rendered};
use super::query::Rendered;
use super::reply::{Outcome, Reply, json as bytes};
use super::{Api, only_get, only_put};
use crate::cluster::{Table, Watch};
use crate::model::{Allocation, ApiError};

/// Does Nomad's index take this for a whole id? Any text of 36 characters will do.
pub(crate) fn full_id(id: &str, what: &str) -> Result<(), ApiError> {
    if id.len() == 36 {
        return Ok(());
    }
    Err(ApiError::internal(format!(
        "{what} lookup failed: index error: UUID must be 36 characters"
    )))
}

impl Api {
    pub(super) async fn allocations(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let options = call.options()?;
        let resources = call.bool("resources")?.unwrap_or(false);
        let task_states = call.bool("task_states")?.unwrap_or(true);
        let who = self.enter_with(call, "read-job")?;
        let digits = id_prefix(&options.prefix, "alloc")?;
        let visible = |alloc: &Allocation| {
            options.covers(&alloc.namespace)
                && has_prefix(&alloc.id, &digits)
                && who.can(&alloc.namespace, "read-job")
        };
        self.query(
            &options,
            &[Watch::Table(Table::Allocations)],
            |state| {
                let all = state.allocations().filter(|alloc| visible(alloc));
                let mut list: Vec<Arc<Allocation>> = all.cloned().collect();
                if digits.is_empty() {
                    list.sort_by_key(|alloc| (alloc.create_index, alloc.id.clone()));
                } else {
                    list.sort_by(|a, b| a.id.cmp(&b.id));
                }
                (state.index(Table::Allocations), list)
            },
            |list| {
                rendered(
                    list,
                    &options,
                    |alloc| &**alloc,
                    |alloc| Token::Created(alloc.create_index, alloc.id.clone()),
                    |page| {
                        let stubs: Vec<_> = page
                            .iter()
                            .map(|alloc| {
                                let stub = alloc.stub().with_resources(resources);
                                stub.with_task_states(task_states)
                            })
                            .collect();
                        bytes(&stubs)
                    },
                )
            },
        )
        .await
    }

    pub(super) async fn allocation(&self, call: &Call, rest: &str) -> Outcome {
        let (id, action) = rest.split_once('/').unwrap_or((rest, ""));
        match action {
            "" if !rest.contains('/') => {
                only_get(call)?;
                self.one_allocation(call, id).await
            }
            "stop" => self.stop(call, id),
            "checks" => self.checks(call, id),
            "services" => {
                only_get(call)?;
                self.allocation_services(call, id).await
            }
            _ => Err(ApiError::not_found("resource not found")),
        }
    }

    async fn one_allocation(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        let who = self.enter(call, Style::Ordinary)?;
        full_id(id, "alloc")?;
        let namespace = self
            .cluster
            .read(|state| state.allocation(id).map(|alloc| alloc.namespace.clone()));
        if namespace.is_some_and(|namespace| !who.can(&namespace, "read-job")) {
            return Err(ApiError::internal(format!("Unknown allocation {id:?}")));
        }
        self.query(
            &options,
            &[Watch::Allocation(id.to_owned())],
            |state| match state.allocation(id) {
                Some(alloc) => (alloc.modify_index, Some(alloc.clone())),
                None => (state.index(Table::Allocations), None),
            },
            |alloc: Option<Arc<Allocation>>| {
                Ok(match alloc {
                    Some(alloc) => Rendered::json(&alloc.with_job()),
                    None => Rendered::Missing("alloc not found"),
                })
            },
        )
        .await
    }

    fn stop(&self, call: &Call, id: &str) -> Outcome {
        only_put(call)?;
        let no_shutdown_delay = call.bool("no_shutdown_delay")?.unwrap_or(false);
        // Older versions do not know the parameter.
        let reschedule =
            self.cluster.version().has_evaluate_job() && call.bool("reschedule")?.unwrap_or(false);
        let who = self.enter(call, Style::Ordinary)?;
        let namespace = self
            .cluster
            .read(|state| state.allocation(id).map(|alloc| alloc.namespace.clone()));
        if let Some(namespace) = namespace {
            who.need(&namespace, "alloc-lifecycle")?;
        }
        let stopped = if reschedule {
            self.cluster.stop_to_reschedule(id, no_shutdown_delay)?
        } else {
            self.cluster.stop_allocation(id, no_shutdown_delay)?
        };
        Ok(Reply::written(
            stopped.index,
            &serde_json::json!({"EvalID": stopped.eval_id, "Index": stopped.index}),
        ))
    }

    /// Native service registrations are not simulated: an allocation has none.
    async fn allocation_services(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        let who = self.enter(call, Style::Ordinary)?;
        full_id(id, "alloc")?;
        let namespace = self
            .cluster
            .read(|state| state.allocation(id).map(|alloc| alloc.namespace.clone()));
        if let Some(namespace) = &namespace {
            who.need(namespace, "read-job")?;
        }
        self.query(
            &options,
            &[],
            |_| (u64::from(namespace.is_some()), ()),
            |()| {
                Ok(match namespace {
                    Some(_) => Rendered::json(&[(); 0]),
                    None => Rendered::Missing("alloc not found"),
                })
            },
        )
        .await
    }
}
