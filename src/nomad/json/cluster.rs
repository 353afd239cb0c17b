//! Deployments, evaluations, and the answer to a stop.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::null_as_default;

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Deployment {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub(crate) job_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) job_version: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status_description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_index: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Evaluation {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub(crate) job_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) status_description: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) triggered_by: String,
    #[serde(rename = "FailedTGAllocs", deserialize_with = "null_as_default")]
    pub(crate) failed_tg_allocs: BTreeMap<String, AllocMetric>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) create_index: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) modify_index: u64,
}

/// Why the scheduler could not place the allocations of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct AllocMetric {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) nodes_evaluated: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) nodes_available: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) class_filtered: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) constraint_filtered: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) nodes_exhausted: u64,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) class_exhausted: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) dimension_exhausted: BTreeMap<String, u64>,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) quota_exhausted: Vec<String>,
}

/// The answer to a stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct StopAnswer {
    #[serde(rename = "EvalID", deserialize_with = "null_as_default")]
    pub(crate) eval_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) index: u64,
}

/// An entry of `GET /v1/nodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct NodeStub {
    #[serde(rename = "ID", deserialize_with = "null_as_default")]
    pub(crate) id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) drain: bool,
    /// `eligible` or `ineligible`.
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) scheduling_eligibility: String,
}

impl NodeStub {
    /// Whether the scheduler places anything there.
    pub(crate) fn takes_allocations(&self) -> bool {
        !self.drain && self.scheduling_eligibility != "ineligible"
    }
}
