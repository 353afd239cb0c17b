//! `/v1/deployments` and `/v1/deployment/…`.

use std::sync::Arc;

use super::acl::Style;
use super::allocations::full_id;
use super::call::Call;
use super::page::{Token, has_prefix, id_prefix, rendered};
use super::query::Rendered;
use super::reply::{Outcome, json as bytes};
use super::{Api, only_get};
use crate::cluster::{Table, Watch};
use crate::model::{Allocation, Deployment};

impl Api {
    pub(super) async fn deployments(&self, call: &Call) -> Outcome {
        only_get(call)?;
        let options = call.options()?;
        let who = self.enter_with(call, "read-job")?;
        let digits = id_prefix(&options.prefix, "deployment")?;
        let visible = |deployment: &Deployment| {
            options.covers(&deployment.namespace)
                && has_prefix(&deployment.id, &digits)
                && who.can(&deployment.namespace, "read-job")
        };
        self.query(
            &options,
            &[Watch::Table(Table::Deployments)],
            |state| {
                let all = state.deployments().filter(|d| visible(d));
                let mut list: Vec<Arc<Deployment>> = all.cloned().collect();
                if digits.is_empty() {
                    list.sort_by_key(|d| (d.create_index, d.id.clone()));
                } else {
                    list.sort_by(|a, b| a.id.cmp(&b.id));
                }
                (state.index(Table::Deployments), list)
            },
            |list| {
                rendered(
                    list,
                    &options,
                    |deployment| &**deployment,
                    |deployment| Token::Created(deployment.create_index, deployment.id.clone()),
                    |page| bytes(&page.iter().map(|d| &**d).collect::<Vec<_>>()),
                )
            },
        )
        .await
    }

    pub(super) async fn deployment(&self, call: &Call, rest: &str) -> Outcome {
        only_get(call)?;
        if let Some(id) = rest.strip_prefix("allocations/") {
            return self.deployment_allocations(call, id).await;
        }
        let options = call.options()?;
        let who = self.enter(call, Style::Ordinary)?;
        full_id(rest, "deployment")?;
        let namespace = self
            .cluster
            .read(|state| state.deployment(rest).map(|d| d.namespace.clone()));
        let namespace = namespace.as_deref().unwrap_or(call.namespace());
        who.need(namespace, "read-job")?;
        self.query(
            &options,
            &[Watch::Deployment(rest.to_owned())],
            |state| match state.deployment(rest) {
                Some(deployment) => (deployment.modify_index, Some(deployment.clone())),
                None => (state.index(Table::Deployments), None),
            },
            |deployment: Option<Arc<Deployment>>| {
                Ok(match deployment {
                    Some(deployment) => Rendered::json(&*deployment),
                    None => Rendered::Missing("deployment not found"),
                })
            },
        )
        .await
    }

    async fn deployment_allocations(&self, call: &Call, id: &str) -> Outcome {
        let options = call.options()?;
        self.enter_with(call, "read-job")?;
        full_id(id, "deployment")?;
        self.query(
            &options,
            &[Watch::Table(Table::Allocations)],
            |state| {
                let all = state.allocations().filter(|a| a.deployment_id == id);
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
