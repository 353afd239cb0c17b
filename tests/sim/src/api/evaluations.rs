//! `/v1/evaluations` and `/v1/evaluation/:id`.

use std::sync::Arc;

use super::Api;
use super::acl::Style;
use super::allocations::full_id;
use super::call::Call;
use super::only_get;
use super::page::{Token, has_prefix, id_prefix, rendered};
use super::query::Rendered;
use super::reply::{Outcome, json as bytes};
use crate::cluster::{Table, Watch};
use crate::model::{Allocation, ApiError, Evaluation};
use serde_json::{Value, json};

impl Api {
    pub(super) async fn evaluations(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let options = call.options()?;
        let job = call.param("job").unwrap_or_default();
        let status = call.param("status").unwrap_or_default();
        let who = self.enter_with(call, "read-job")?;
        let filtered = !options.filter.is_empty();
        if filtered && (!job.is_empty() || !status.is_empty()) {
            return Err(ApiError::new(
                400,
                "Filter expression cannot be used with other filter parameters",
            ));
        }
        let digits = id_prefix(&options.prefix, "eval")?;
        let visible = |eval: &Evaluation| {
            options.covers(&eval.namespace)
                && (job.is_empty() || eval.job_id == job)
                && (status.is_empty() || eval.status == status)
                && has_prefix(&eval.id, &digits)
                && who.can(&eval.namespace, "read-job")
        };
        self.query(
            &options,
            &[Watch::Table(Table::Evaluations)],
            |state| {
                let all = state.evaluations().filter(|eval| visible(eval));
                let mut list: Vec<Arc<Evaluation>> = all.cloned().collect();
                if digits.is_empty() {
                    list.sort_by_key(|eval| (eval.create_index, eval.id.clone()));
                } else {
                    list.sort_by(|a, b| a.id.cmp(&b.id));
                }
                (state.index(Table::Evaluations), list)
            },
            |list| {
                rendered(
                    list,
                    &options,
                    |eval| &**eval,
                    |eval| Token::Created(eval.create_index, eval.id.clone()),
                    |page| bytes(&page.iter().map(|eval| &**eval).collect::<Vec<_>>()),
                )
            },
        )
        .await
    }

    pub(super) async fn evaluation(&self, call: &Call, rest: &str) -> Outcome {
        only_get(call)?;
        if let Some(id) = rest.strip_suffix("/allocations") {
            return self.evaluation_allocations(call, id).await;
        }
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        let related = call.flag("related");
        full_id(rest, "failed to lookup eval: eval")?;
        let found = self
            .cluster
            .read(|state| state.evaluation(rest).map(|eval| eval.namespace.clone()));
        if let Some(namespace) = found {
            self.enter(call, Style::Ordinary)?
                .need(&namespace, "read-job")?;
        }
        self.query(
            &options,
            &[Watch::Evaluation(rest.to_owned())],
            |state| match state.evaluation(rest) {
                Some(eval) => {
                    let all = state.job_evaluations(&eval.namespace, &eval.job_id);
                    let others: Vec<Arc<Evaluation>> = all
                        .filter(|other| related && linked(eval, other))
                        .cloned()
                        .collect();
                    (eval.modify_index, Some((eval.clone(), others)))
                }
                None => (state.index(Table::Evaluations), None),
            },
            |found: Option<(Arc<Evaluation>, Vec<Arc<Evaluation>>)>| {
                let Some((eval, others)) = found else {
                    return Ok(Rendered::Missing("eval not found"));
                };
                let mut value = serde_json::to_value(&*eval).unwrap_or(Value::Null);
                if !others.is_empty() {
                    value["RelatedEvals"] = others.iter().map(|other| stub(other)).collect();
                }
                Ok(Rendered::json(&value))
            },
        )
        .await
    }

    async fn evaluation_allocations(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        full_id(id, "eval")?;
        self.query(
            &options,
            &[Watch::Table(Table::Allocations)],
            |state| {
                let all = state.allocations().filter(|alloc| alloc.eval_id == id);
                (state.index(Table::Allocations), all.cloned().collect())
            },
            |list: Vec<Arc<Allocation>>| {
                let stubs: Vec<_> = list.iter().map(|alloc| alloc.stub()).collect();
                Ok(Rendered::json(&stubs))
            },
        )
        .await
    }
}

/// Do two evaluations name each other?
fn linked(eval: &Evaluation, other: &Evaluation) -> bool {
    let names = |a: &Evaluation, b: &Evaluation| {
        [&a.next_eval, &a.previous_eval, &a.blocked_eval].contains(&&b.id)
    };
    eval.id != other.id && (names(eval, other) || names(other, eval))
}

/// Element of `RelatedEvals`.
fn stub(eval: &Evaluation) -> Value {
    json!({"BlockedEval": eval.blocked_eval, "CreateIndex": eval.create_index,
        "CreateTime": eval.create_time.nanos(), "DeploymentID": eval.deployment_id,
        "ID": eval.id, "JobID": eval.job_id, "ModifyIndex": eval.modify_index,
        "ModifyTime": eval.modify_time.nanos(), "Namespace": eval.namespace,
        "NextEval": eval.next_eval, "NodeID": eval.node_id, "PreviousEval": eval.previous_eval,
        "Priority": eval.priority, "Status": eval.status,
        "StatusDescription": eval.status_description, "TriggeredBy": eval.triggered_by,
        "Type": eval.r#type, "WaitUntil": eval.wait_until})
}
