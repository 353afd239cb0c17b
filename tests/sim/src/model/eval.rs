//! Evaluations and what the scheduler says about placements.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::is_zero;
use super::time::{Time, as_nanos};

/// Score of one node in a placement.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreMeta {
    #[serde(rename = "NodeID")]
    pub node_id: String,
    #[serde(rename = "NormScore")]
    pub norm_score: f64,
    #[serde(rename = "Scores")]
    pub scores: BTreeMap<&'static str, f64>,
}

/// Why a placement went where it went, or failed; all keys are always present.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AllocMetric {
    /// Nanoseconds.
    pub allocation_time: i64,
    pub class_exhausted: Option<BTreeMap<String, u32>>,
    pub class_filtered: Option<BTreeMap<String, u32>>,
    /// Further allocations of the group that failed for the same reason.
    pub coalesced_failures: u32,
    pub constraint_filtered: Option<BTreeMap<String, u32>>,
    pub dimension_exhausted: Option<BTreeMap<String, u32>>,
    pub node_pool: String,
    /// By datacenter.
    /// By datacenter; `None` where they were not counted, as for a system job that a node does not take.
    pub nodes_available: Option<BTreeMap<String, u32>>,
    pub nodes_evaluated: u32,
    pub nodes_exhausted: u32,
    pub nodes_filtered: u32,
    pub nodes_in_pool: u32,
    pub quota_exhausted: Option<Vec<String>>,
    pub resources_exhausted: Option<BTreeMap<String, serde_json::Value>>,
    pub score_meta_data: Option<Vec<ScoreMeta>>,
    pub scores: Option<BTreeMap<String, f64>>,
}

/// What the reconciler wanted to do with one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DesiredUpdates {
    pub canary: u32,
    pub destructive_update: u32,
    pub disconnect: u32,
    pub ignore: u32,
    pub in_place_update: u32,
    pub migrate: u32,
    pub place: u32,
    pub preemptions: u32,
    pub reconnect: u32,
    pub reschedule_later: u32,
    pub reschedule_now: u32,
    pub stop: u32,
}

/// Summary of a plan, kept on the evaluation that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PlanAnnotations {
    #[serde(rename = "DesiredTGUpdates")]
    pub desired_tg_updates: BTreeMap<String, DesiredUpdates>,
    #[serde(rename = "PreemptedAllocs")]
    pub preempted_allocs: Option<Vec<String>>,
}

/// An evaluation; fields with a zero value are left out.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Evaluation {
    #[serde(skip_serializing_if = "is_zero")]
    pub blocked_eval: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub class_eligibility: BTreeMap<String, bool>,
    pub create_index: u64,
    #[serde(serialize_with = "as_nanos")]
    pub create_time: Time,
    #[serde(rename = "DeploymentID", skip_serializing_if = "is_zero")]
    pub deployment_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub escaped_computed_class: bool,
    #[serde(rename = "FailedTGAllocs", skip_serializing_if = "BTreeMap::is_empty")]
    pub failed_tg_allocs: BTreeMap<String, Arc<AllocMetric>>,
    #[serde(rename = "ID")]
    pub id: String,
    #[serde(rename = "JobID")]
    pub job_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub job_modify_index: u64,
    pub modify_index: u64,
    #[serde(serialize_with = "as_nanos")]
    pub modify_time: Time,
    pub namespace: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub next_eval: String,
    #[serde(rename = "NodeID", skip_serializing_if = "is_zero")]
    pub node_id: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub node_modify_index: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan_annotations: Option<Arc<PlanAnnotations>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub previous_eval: String,
    pub priority: i64,
    /// Allocations of each group that could not be placed.
    #[serde(skip_serializing_if = "is_zero")]
    pub queued_allocations: BTreeMap<String, u32>,
    #[serde(skip_serializing_if = "is_zero")]
    pub snapshot_index: u64,
    pub status: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    pub status_description: String,
    pub triggered_by: &'static str,
    pub r#type: String,
    /// For how long it is put off, in nanoseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub wait: i64,
    /// When a delayed evaluation becomes due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_until: Option<Time>,
}

impl Evaluation {
    /// The element of another evaluation's `RelatedEvals`.
    pub fn stub(&self) -> EvaluationStub<'_> {
        EvaluationStub {
            blocked_eval: &self.blocked_eval,
            create_index: self.create_index,
            create_time: self.create_time,
            deployment_id: &self.deployment_id,
            id: &self.id,
            job_id: &self.job_id,
            modify_index: self.modify_index,
            modify_time: self.modify_time,
            namespace: &self.namespace,
            next_eval: &self.next_eval,
            node_id: &self.node_id,
            previous_eval: &self.previous_eval,
            priority: self.priority,
            status: self.status,
            status_description: &self.status_description,
            triggered_by: self.triggered_by,
            r#type: &self.r#type,
            wait_until: self.wait_until,
        }
    }
}

/// An evaluation as `GET /v1/evaluation/:id?related=true` lists it; all keys are always present.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EvaluationStub<'a> {
    blocked_eval: &'a str,
    create_index: u64,
    #[serde(serialize_with = "as_nanos")]
    create_time: Time,
    #[serde(rename = "DeploymentID")]
    deployment_id: &'a str,
    #[serde(rename = "ID")]
    id: &'a str,
    #[serde(rename = "JobID")]
    job_id: &'a str,
    modify_index: u64,
    #[serde(serialize_with = "as_nanos")]
    modify_time: Time,
    namespace: &'a str,
    next_eval: &'a str,
    #[serde(rename = "NodeID")]
    node_id: &'a str,
    previous_eval: &'a str,
    priority: i64,
    status: &'static str,
    status_description: &'a str,
    triggered_by: &'static str,
    r#type: &'a str,
    wait_until: Option<Time>,
}
